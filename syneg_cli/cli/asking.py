"""What the commands share that ask a language model about many things: asking again, estimates, batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from syneg_cli.cli.options import Call
from syneg_cli.cli.render.batched import came, fetched, handed_in, written
from syneg_cli.core import UsageError
from syneg_cli.stages import (
    UNSENT,
    UNWRITTEN,
    Asks,
    Generated,
    MirrorQueries,
    Performed,
    Requests,
    Stage,
    fetch,
    flag_of,
    hand_in,
    perform,
)

RetryBad = Annotated[
    bool, typer.Option("--retry-bad", help="Ask again for answers that broke off or cannot be read.")
]
Batch = Annotated[
    Literal["submit", "collect"] | None,
    typer.Option(help="OpenAI's Batch API: hand in now, fetch later, at half the price."),
]
BatchWrite = Annotated[
    Path | None,
    typer.Option(
        "--batch-write",
        metavar="FILE",
        help="Send nothing: write what has no answer as JSONL for OpenAI's Batch API or `vllm run-batch`.",
    ),
]
BatchRead = Annotated[
    list[Path] | None,
    typer.Option("--batch-read", metavar="FILE", help="Read what these wrote. May be repeated."),
]
Estimating = Annotated[bool, typer.Option("--estimate", help="Calls, tokens and cost; nothing is sent.")]


@dataclass(frozen=True)
class Files:
    """The files of requests and answers that a command was given."""

    write: Path | None
    read: list[Path] | None

    def __bool__(self) -> bool:
        return bool(self.write or self.read)


LIVE = ("concurrency", "rpm", "tpm")
"""Settings of calls that are sent one by one."""


def check_ways(
    call: Call,
    files: Files,
    others: Mapping[str, object],
    *,
    batch: Literal["submit", "collect"] | None = None,
    retry_bad: bool = False,
) -> None:
    """Raises UsageError for two ways of asking, and for options that have no part in the one that was given.

    Args:
        others: option -> its value, of what goes with no batch.
    """
    ways = {"--batch-write": files.write, "--batch-read": files.read, "--batch": batch}
    given = [name for name, value in ways.items() if value]
    if not given:
        return
    asks_nothing = files.read or batch == "collect"
    useless = {
        **others,
        "--retry-bad": retry_bad and asks_nothing,
        "--force": call.force and batch == "submit",
    }
    given += [name for name, value in useless.items() if value]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} exclude each other.", hint="Give one, then the other.")
    if key := next((key for key in LIVE if call.session.named(f"generate.{key}")), None):
        raise UsageError(
            f"{flag_of(f'generate.{key}')} is for calls that are sent one by one, and {given[0]} sends none.",
            hint="Leave it out.",
        )


def through_files(call: Call, files: Files, requests: Callable[[], Requests]) -> dict[str, Any] | None:
    """What was read, to go on with; None where requests were written or no answer came, which is shown."""
    if files.write:
        made = requests().write(files.write, force=call.force)
        call.output.result(*written(made, files.write))
        return None
    found = requests().read(files.read or [])
    data, told = came(found)
    if found.left and not (found.answers or found.again):
        call.output.result(data, told)
        return None
    call.output.note(told)
    return data


def ask(
    stage: Asks, call: Call, *, batch: Literal["submit", "collect"] | None = None, files: Files
) -> Performed | None:
    """Perform the stage, live or by what a batch brought; None where that cannot be yet, which is shown.

    Collecting and reading send nothing to the model: they are for those who want another price.
    """
    if batch == "submit":
        call.output.result(*handed_in(hand_in(stage)))
        return None
    if batch == "collect":
        found, nothing = fetch(stage)
        data, told = fetched(found, nothing.message if nothing else "")
        if nothing or data["waiting"] or (data["left"] and not found.states):
            call.output.result(data, told)
            return None
        call.output.note(told)
        stage.unsent = UNSENT
        return with_batch(after_answers(stage, call, found.answered), data)
    if files:
        return ask_by_files(stage, call, files)
    because = "--force" if call.force else "--retry-bad"
    return perform(stage, force=call.force or stage.again, because=because)


def ask_by_files(stage: Asks | MirrorQueries, call: Call, files: Files) -> Performed | None:
    """Perform the stage by what files brought; None where requests were written or no answer came."""
    read = through_files(call, files, stage.requests)
    if read is None:
        return None
    stage.unsent = UNWRITTEN
    return with_batch(after_answers(stage, call, read["read"]), read)


def after_answers(stage: Stage, call: Call, new: int) -> Performed:
    """Perform a stage that got so many new answers: those stored may be others now."""
    because = "--force" if call.force else "new answers"
    return perform(stage, force=call.force or new > 0, because=because)


def with_batch(done: Performed, data: dict[str, Any]) -> Performed:
    """With what was fetched or read among its counts, of those for people, too."""
    record = done.record
    if isinstance(record, Generated):
        record = replace(record, counts={**record.counts, "batch": data})
    return replace(done, counts={**done.counts, "batch": data}, record=record)
