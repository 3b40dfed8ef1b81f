"""What there is of a data set: each result by its manifest, what it made, who wrote it, what that cost.

The runs of a study have manifests, too, in its own folder: a study is one result, with the time of all.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    Manifest,
    MissingArtifact,
    Workspace,
    counted,
    manifest_path,
    names_beside,
    read_manifest,
)
from syneg_cli.evaluation import MAIN_METRIC
from syneg_cli.studies import read_study, read_times, studies_of

SHARD = re.compile(r"\.shard-\d+-of-\d+$")
MOST = sys.float_info.max
OF_PILOT = ".pilot"
"""What the name of a pilot's forecast ends with, after that of the negatives that it foretells."""

IMPORT, STUDY, WEIGHT = "import", "study", "weight of LLM-written queries"
OF_EMBEDDINGS = "embed."
"""What the settings begin with that only an encoder behind an API has."""


@dataclass(frozen=True)
class Bill:
    """What the calls of a job cost over all runs, in US dollars. Results may share a job: it counts once."""

    job: str
    usd: float
    known: bool = True
    """False where calls have no price, or nobody noted what they cost."""


@dataclass(frozen=True)
class Result:
    """One result in the work folder. `seconds` are those of the run that made it."""

    stage: str
    name: str
    path: Path
    made: str
    """In a few words; "" where its manifest does not say."""
    seconds: float
    llm: str | None = None
    prompt: str | None = None
    bills: tuple[Bill, ...] = ()
    vectors: bool = False
    """Whether an embedding API made vectors for it, of which an earlier version noted no cost."""
    counted_with: str = ""
    """The result that shares its calls, where their cost stands."""

    @property
    def usd(self) -> float:
        """What is known of its cost."""
        return math.fsum(bill.usd for bill in self.bills)

    @property
    def priced(self) -> bool:
        """Whether all its calls have a price."""
        return all(bill.known for bill in self.bills)


@dataclass(frozen=True)
class Results:
    """All results of a data set, in the order in which they are made; `notes` say which are left out."""

    rows: Sequence[Result] = ()
    notes: Sequence[str] = ()

    @property
    def seconds(self) -> float:
        return math.fsum(row.seconds for row in self.rows)

    @property
    def usd(self) -> float:
        return math.fsum(row.usd for row in self.rows)

    @property
    def priced(self) -> bool:
        return all(row.priced for row in self.rows)


def read_results(
    workspace: Workspace, folder: Path | None = None, *, only: Collection[Path] | None = None
) -> Results:
    """Every result of a data set that its manifest can be read of.

    Args:
        folder: of the data set, where it is known: it may have been imported.
        only: of these places, which are no studies; what they share with others counts for them.
    """
    found: list[Result] = []
    notes: list[str] = []
    for path, stages in _places(workspace, folder):
        if only is not None and path not in only:
            continue
        manifest = read_manifest(path)
        if manifest is None or manifest.stage not in stages:
            notes.append(f"{path.parent.name}/{path.name} is left out: {_why(path, manifest)}.")
        else:
            found.append(_result(path, manifest))
    for home in () if only is not None else studies_of(workspace.root / workspace.dataset):
        try:
            found.append(_study(home))
        except MissingArtifact as error:
            notes.append(f"studies/{home.name} is left out: {error}")
    return Results(_each_once(found), notes)


def _places(workspace: Workspace, folder: Path | None) -> Iterator[tuple[Path, Sequence[str]]]:
    """(result, the stages that write such a one), in the order in which they are made."""
    if folder is not None and manifest_path(folder).is_file():
        yield folder, (IMPORT,)

    def named(place: Callable[[str], Path]) -> list[Path]:
        return [place(name) for name in names_beside(place("x"))]

    kinds: list[tuple[list[Path], Sequence[str]]] = [
        (named(workspace.queries), ("queries",)),
        ([workspace.pilot(name) for name in workspace.pilots()], ("pilot",)),
        (named(workspace.synthetic), ("generate", "mirror-queries")),
        (named(workspace.mined), ("mine",)),
        (named(lambda name: workspace.verified(Path("x")).with_name(f"{name}.jsonl")), ("verify",)),
        (named(workspace.mixed), ("mix",)),
        (named(workspace.model), ("train",)),
    ]
    for paths, stages in kinds:
        for path in paths:
            yield path, stages
    for file in sorted(workspace.evaluation("x").parent.glob("[!.]*.json")):
        if not file.name.endswith(".manifest.json"):
            yield file, ("eval",)


def _why(path: Path, manifest: Manifest | None) -> str:
    if manifest is not None:
        return f"its manifest is of {manifest.stage or 'no stage'}"
    file = manifest_path(path)
    return f"{file.name} is damaged, or of an unfinished run" if file.exists() else f"it has no {file.name}"


def _result(path: Path, manifest: Manifest) -> Result:
    settings = manifest.settings
    name = path.name if manifest.stage in (IMPORT, "train") else path.stem
    if manifest.stage == "pilot":
        name = name.removesuffix(OF_PILOT)
    made = Result(manifest.stage, name, path, MADE[manifest.stage](manifest), manifest.seconds)
    if manifest.stage == "verify":
        checks = table_of(settings.get("checks"))
        made = _judged(made, manifest, table_of(checks.get("judge")) if "judge" in checks else None)
        settings = table_of(checks.get("margin"))
    elif "llm" in settings:
        bill = _bill(_job(path, settings), manifest)
        made = replace(made, llm=_text(settings["llm"]), prompt=_text(settings.get("prompt")), bills=(bill,))
        judges = _told_jobs(manifest, "judges") if manifest.stage == "pilot" else []
        made = replace(made, bills=(bill, *(_total(str(one["job"]), one) for one in judges)))
    told = _told_jobs(manifest, "vectors")
    bills = (*made.bills, *(_total(str(one["job"]), one) for one in told))
    unknown = not told and any(key.startswith(OF_EMBEDDINGS) for key in settings)
    return replace(made, bills=bills, vectors=unknown)


def _study(folder: Path) -> Result:
    """A study as one result: its runs pay for nothing, and what they made is no result of its own.

    Raises:
        MissingArtifact: a file of it is something else.
    """
    study = read_study(folder)
    return Result(STUDY, folder.name, folder, study.measured, math.fsum(read_times(folder).values()))


def _told_jobs(manifest: Manifest, key: str) -> list[Mapping[str, Any]]:
    """The totals of jobs that a manifest has; none of an earlier version."""
    told = manifest.counts.get(key)
    return [one for one in map(table_of, told if isinstance(told, list) else ()) if "job" in one]


def _job(path: Path, settings: Mapping[str, Any]) -> str:
    """What the stage counts calls for: one model's for one result, of which there may be parts."""
    # The calls of a pilot are among those of the whole job.
    name = path.name.removesuffix(f"{OF_PILOT}.json").removesuffix(".jsonl")
    name = SHARD.sub("", name)
    return repr([path.parent.name, name, settings["llm"], settings.get("endpoint")])


def _bill(job: str, manifest: Manifest) -> Bill:
    """What was paid over all runs; manifests without such totals know the last run's cost."""
    if "total" in manifest.counts:
        return _total(job, table_of(manifest.counts["total"]))
    return Bill(job, max(0.0, manifest.cost_usd or 0.0), manifest.cost_usd is not None)


def _total(job: str, total: Mapping[str, Any]) -> Bill:
    amounts = [_amount(total.get(key)) for key in ("spent_usd", "lost_usd", "unpriced_calls")]
    spent, lost, unpriced = amounts
    return Bill(job, (spent or 0.0) + (lost or 0.0), None not in amounts and not unpriced)


def _judged(made: Result, manifest: Manifest, judge: Mapping[str, Any] | None) -> Result:
    """With the judges of a file; `judge` is how it was asked, of which earlier versions noted no cost."""
    told = _told_jobs(manifest, "judges")
    if not told:
        unknown = () if judge is None else (Bill(str(made.path), 0.0, known=False),)
        return replace(made, llm=_text((judge or {}).get("llm")), bills=unknown)
    names = {
        key: dict.fromkeys(filter(None, (_text(one.get(key)) for one in told))) for key in ("llm", "prompt")
    }
    bills = tuple(_total(str(one["job"]), one) for one in told)
    return replace(
        made, llm=", ".join(names["llm"]) or None, prompt=", ".join(names["prompt"]) or None, bills=bills
    )


def _each_once(rows: Sequence[Result]) -> list[Result]:
    """The bill of a job that several results share at the one that was made last: totals only grow.

    Where they are equal, nothing more was paid for what came after a pilot.
    """

    def rank(bill: Bill, row: Result) -> tuple[float, bool, bool]:
        return bill.usd, not bill.known, row.stage != "pilot"

    last: dict[str, tuple[Bill, Result]] = {}
    for row in rows:
        for bill in row.bills:
            other = last.get(bill.job)
            if other is None or rank(bill, row) > rank(*other):
                last[bill.job] = bill, row
    found = []
    for row in rows:
        own = tuple(bill for bill in row.bills if last[bill.job][1] is row)
        elsewhere = [last[bill.job] for bill in row.bills if bill not in own]
        paid = [f"{there.stage} {there.name}" for bill, there in elsewhere if bill.usd or not bill.known]
        found.append(replace(row, bills=own, counted_with=", ".join(paid)))
    return found


def table_of(value: object) -> Mapping[str, Any]:
    """A table of a manifest; an empty one where it is something else."""
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _amount(value: object) -> float | None:
    """A number that is one: neither negative nor beyond what a float holds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= MOST else None


def _sum(value: object) -> int | None:
    """Of a table of counts; None where it is none."""
    counts = [_count(count) for count in value.values()] if isinstance(value, dict) else [None]
    return None if None in counts else sum(filter(None, counts))


def _told(manifest: Manifest, *parts: tuple[str, str]) -> str:
    """`3 passages, 2 queries` of (key, noun): the counts that a manifest has."""
    counts = [(_count(manifest.counts.get(key)), noun) for key, noun in parts]
    return ", ".join(counted(count, *noun.split("/")) for count, noun in counts if count is not None)


def _of_queries(manifest: Manifest) -> str:
    kept, dropped = _count(manifest.counts.get("queries")), _sum(manifest.counts.get("dropped"))
    if kept is None or dropped is None:
        return _told(manifest, ("queries", "query/queries"))
    return f"{kept} of {counted(kept + dropped, 'query', 'queries')} kept"


def _of_pilot(manifest: Manifest) -> str:
    told = _told(manifest, ("pairs", "pair"), ("negatives", "negative"))
    return ": ".join(filter(None, (told, _text(table_of(manifest.counts.get("forecast")).get("verdict")))))


def _of_verify(manifest: Manifest) -> str:
    false, checked = (_sum(manifest.counts.get(key)) for key in ("false_negatives", "checked"))
    if false is None or checked is None:
        return ""
    by = ", ".join(sorted(table_of(manifest.settings.get("checks"))))
    return f"{false} of {checked} called relevant" + (f" ({by})" if by else "")


def _of_mix(manifest: Manifest) -> str:
    mirrored = [("mirrored", "mirrored/mirrored")] if manifest.counts.get("mirrored") else []
    return _told(manifest, ("instances", "pair"), *mirrored)


def _of_train(manifest: Manifest) -> str:
    told = _told(manifest, ("steps", "step"), ("pairs", "pair"))
    if written := _count(table_of(manifest.counts.get("mix")).get("written_queries")):
        return f"{told}, {written} of LLM-written queries (weight {manifest.settings.get(WEIGHT)})"
    return told


def _of_eval(manifest: Manifest) -> str:
    value = _amount(manifest.counts.get(MAIN_METRIC))
    score = "" if value is None else f"nDCG@10 {value:.4f}"
    return ", ".join(filter(None, (score, _told(manifest, ("queries", "query/queries")))))


MADE: Mapping[str, Callable[[Manifest], str]] = {
    IMPORT: lambda manifest: _told(manifest, ("read", "document"), ("passages", "passage")),
    "queries": _of_queries,
    "pilot": _of_pilot,
    "generate": lambda manifest: _told(manifest, ("negatives", "negative")),
    "mirror-queries": lambda manifest: _told(manifest, ("queries", "query/queries")),
    "mine": lambda manifest: _told(manifest, ("negatives", "negative")),
    "verify": _of_verify,
    "mix": _of_mix,
    "train": _of_train,
    "eval": _of_eval,
}
"""Stage -> what it made, in a few words."""
