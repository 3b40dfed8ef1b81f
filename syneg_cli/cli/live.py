"""What a run of LLM calls looks like while it runs: a live view in a terminal, else a line now and then.

What takes long is said once, in a line that stays.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.cli.output import PLAIN_INTERVAL, Output, short
from syneg_cli.core import Pace, duration, forecast, known_masked, money, visible
from syneg_cli.llm import Stats, Tick

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult


SAMPLE_WIDTH = 240


@contextmanager
def watch(
    output: Output, description: str, cap: float | None = None, unit: str = "pairs"
) -> Iterator[Tick | None]:
    """A function to call with the `Stats` a few times a second; None where nobody looks."""
    started, pace = time.monotonic(), Pace()

    def foretell(stats: Stats) -> None:
        left = pace.step(*stats.work, stats.answered, stats.in_flight)
        if left is not None:
            output.note(forecast(description, left, stats.total - stats.done, unit))

    if output.quiet:
        yield None
    elif output.notes.is_terminal:
        from rich.live import Live

        with Live(console=output.notes, refresh_per_second=4, transient=True) as live:

            def shown(stats: Stats) -> None:
                foretell(stats)
                live.update(view(stats, description, time.monotonic() - started, cap, unit))

            yield shown
    else:
        last = started

        def tick(stats: Stats) -> None:
            nonlocal last
            foretell(stats)
            if time.monotonic() - last >= PLAIN_INTERVAL:
                last = time.monotonic()
                output.note(f"{description}: {', '.join(facts(stats, last - started, cap, unit))}")

        yield tick


def facts(stats: Stats, seconds: float, cap: float | None = None, unit: str = "pairs") -> list[str]:
    """`120/809 pairs (15%)`, `ETA 2m 05s`, `8 in flight`, ...: what there is to say, in order."""
    share = f" ({stats.done / stats.total:.0%})" if stats.total else ""
    said = [f"{stats.done}/{stats.total} {unit}{share}", *spending(stats, cap)]
    asked = stats.done - stats.from_cache
    if asked > 0 and stats.done < stats.total:
        said.append(f"ETA {duration(seconds * (stats.total - stats.done) / asked)}")
    if (pause := stats.waits_until - time.monotonic()) > 0:
        said.append(f"waiting for {stats.waits_for}" + (f", {duration(pause)}" if pause >= 1 else ""))
    said.append(f"{stats.in_flight} in flight")
    if stats.from_cache:
        saved = f", saving {money(stats.saved_usd)}" if stats.saved_usd else ""
        said.append(f"{stats.from_cache} from the cache{saved}")
    if stats.prompt_tokens or stats.completion_tokens:
        said.append(f"{stats.prompt_tokens:,} tokens in, {stats.completion_tokens:,} out")
    for count, what in (
        (stats.retries, "retries"),
        (stats.failed, "failed"),
        (stats.misses, "not recorded"),
        (stats.no_candidate, "without a mined candidate"),
    ):
        if count:
            said.append(f"{count} {what}")
    return said


def spending(stats: Stats, cap: float | None) -> list[str]:
    if stats.unpriced:
        return ["unpriced"] if stats.answered else []
    if not stats.cost_usd:
        return []
    said = [f"{money(stats.cost_usd)} spent", f"{money(stats.projected_usd)} projected"]
    return [*said, f"cap {money(cap)}"] if cap else said


@dataclass(frozen=True)
class Facts:
    """Facts beside one another, in as many lines as they need; each stays whole."""

    said: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.cells import cell_len
        from rich.text import Text

        lines = [""]
        for fact in self.said:
            joined = f"{lines[-1]}  {fact}" if lines[-1] else fact
            if lines[-1] and cell_len(joined) > options.max_width:
                lines.append(fact)
            else:
                lines[-1] = joined
        yield Text("\n".join(lines))


def view(
    stats: Stats, description: str, seconds: float, cap: float | None = None, unit: str = "pairs"
) -> RenderableType:
    """The live view: a bar, the facts, why drafts were dropped, and one draft beside what it is about."""
    from rich.align import Align
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    first, *rest = facts(stats, seconds, cap, unit)
    shown: list[RenderableType] = [
        Text.assemble((description, "bold"), f"  {first}  {duration(seconds)}"),
        Align.left(ProgressBar(total=max(1, stats.total), completed=stats.done, width=60)),  # ends its line
        Facts(rest),
    ]
    if stats.problems:
        reasons = ", ".join(f"{count} {reason}" for reason, count in stats.problems.most_common(5))
        shown.append(Text(visible(known_masked(f"problems: {reasons}")), style="yellow"))
    for label, text in stats.sample:
        shown.append(Text.assemble((f"{label:<9}", "cyan"), visible(short(text, SAMPLE_WIDTH))))
    return Group(*shown)
