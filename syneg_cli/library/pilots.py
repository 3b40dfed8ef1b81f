"""`syneg generate --pilot` in Python: some negatives, and what they say of all before these are paid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from syneg_cli.core import Progress, UsageError
from syneg_cli.data import Dataset
from syneg_cli.forecast import ABOUT, CAVEAT, SPEAKS, Forecast, read_forecast
from syneg_cli.generation import NEGATIVES, GenerateSettings, load_prompt
from syneg_cli.library.arguments import WORK_DIR, need_dataset, need_local, need_text, settings_from
from syneg_cli.library.sessions import session_of
from syneg_cli.library.spoken import in_python, step
from syneg_cli.stages import Pilot, perform


@dataclass(frozen=True, repr=False)
class Piloted:
    """What a pilot found. `counts` are those that `syneg generate --pilot --json` prints."""

    forecast: Forecast
    counts: Mapping[str, Any]
    path: Path
    """Where the forecast is stored."""

    @property
    def verdict(self) -> str:
        """ "likely to help", "likely to harm" or "cannot tell"."""
        return self.forecast.verdict

    @property
    def cost_usd(self) -> float | None:
        """What the calls cost over all runs, the judge's too; None for an unpriced model."""
        # Earlier versions counted the judge's calls as a job of its own.
        totals = [self.counts["total"], *self.counts.get("judges", ()), *self.counts["vectors"]]
        if any(one["unpriced_calls"] for one in totals):
            return None
        return float(sum(one["spent_usd"] + one["lost_usd"] for one in totals))

    def __repr__(self) -> str:
        return f"<Piloted: {self.verdict}, {self.forecast.pairs} pairs, {self.counts['negatives']} negatives>"

    def __str__(self) -> str:
        """The verdict, and a line for each rule that it rests on."""
        pairs = f"{self.forecast.pairs} pairs, {self.counts['negatives']} negatives"
        rests = [f"{one.rule} ({SPEAKS[one.says]}): {one.text}" for one in self.forecast.evidence]
        first = f"Forecast from {pairs}: {ABOUT[self.forecast.verdict]}."
        return in_python("\n".join([first, *rests, *self.forecast.notes, CAVEAT]))


@step
def pilot(
    dataset: Dataset,
    llm: str,
    pairs: int = 50,
    *,
    judge: bool = False,
    miner: str | None = None,
    backbone: str | PathLike[str] | None = None,
    force: bool = False,
    sets: Mapping[str, Any] | None = None,
    work_dir: str | Path = WORK_DIR,
    progress: Progress | None = None,
    **settings: Any,
) -> Piloted:
    """Ask for the negatives of a few training pairs, and forecast without training whether all will help.

    `generate` with the same arguments finds the answers, and pays for the others alone.

    Args:
        llm: `PROVIDER:MODEL`, as for `--llm`.
        pairs: how many, drawn at random; of more there is only a longer list.
        judge: whether the model also says which negatives are relevant.
        miner, backbone: of the mined negatives that they are compared with; where neither is named, BM25's,
            and similarities are those of the default backbone.
        force: make the forecast again.
        sets: settings of the other sections: {"verify.margin": 0.1, "mine.depth": 50}.
        settings: those of [generate]: n, prompt, max_cost, ...

    Raises:
        BudgetExceeded: at a cap. What was answered is kept; the same call with a higher cap goes on.
        LLMError: nothing usable came.
        UsageError: a setting is wrong, or the prompt is none that a pilot can be made of.
    """
    need_dataset(dataset)
    need_local(backbone)
    if type(pairs) is not int or pairs < 1:
        raise UsageError(f"pairs: expected a whole number from 1 on, not {pairs!r}.")
    for name, value in (("miner", miner), ("backbone", backbone)):
        if value is not None:
            need_text(name, str(value) if isinstance(value, PathLike) else value)
    chosen = settings_from(GenerateSettings, settings, llm=llm)
    if load_prompt(chosen.prompt, Path.cwd(), kind=NEGATIVES).needs_candidates:
        raise UsageError(
            f"{chosen.prompt!r} rewrites mined negatives, and a pilot in Python has none to give it.",
            hint="Ask for a few with generate(..., candidates=mined, limit=50), and look at them.",
        )
    own = {f"generate.{key}": value for key, value in {**settings, "llm": llm}.items()}
    session = session_of(
        dataset,
        "generate",
        {**own, "mine.miners": miner and (miner,), "mine.backbone": backbone},
        sets,
        work_dir=work_dir,
        progress=progress,
    )
    done = perform(Pilot(session, dataset, pairs, judge=judge), force=force)
    return Piloted(read_forecast(done.path), done.counts, done.path)
