"""Studies in Python: arms times seeds, by the same plan, stages and tables as `syneg study`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    Progress,
    SyntheticNegative,
    SyntheticQuery,
    UsageError,
    Workspace,
    content_hash,
    write_negatives,
    write_synthetic_queries,
)
from syneg_cli.data import Dataset
from syneg_cli.generation import GenerateSettings
from syneg_cli.library.arguments import (
    WORK_DIR,
    listed,
    need_dataset,
    need_local,
    need_records,
    need_text,
    settings_from,
)
from syneg_cli.library.sessions import session_of
from syneg_cli.library.spoken import step
from syneg_cli.stages import need_own, run_study
from syneg_cli.studies import Study, StudySettings

Negatives = Iterable[SyntheticNegative] | Mapping[str, Iterable[SyntheticNegative]]


@dataclass(frozen=True)
class GivenPlaces(Workspace):
    """Where a study finds what it was handed: folders are called by their content, so nothing is replaced."""

    negatives: str = ""
    """The hash of the negatives that were handed over; "": those of the work directory are read."""
    written: str = ""
    """The same of LLM-written queries."""

    def _given(self, called: str) -> Path:
        return self.root / self.dataset / "given" / called

    def synthetic(self, name: str) -> Path:
        return self._given(self.negatives) / f"{name}.jsonl" if self.negatives else super().synthetic(name)

    def queries(self, name: str) -> Path:
        return self._given(self.written) / f"{name}.jsonl" if self.written else super().queries(name)


@step
def study(
    dataset: Dataset,
    negatives: Negatives | None = None,
    *,
    queries: Iterable[SyntheticQuery] | None = None,
    backbone: str | PathLike[str] = "minilm",
    plan_only: bool = False,
    force: bool = False,
    sets: Mapping[str, Any] | None = None,
    work_dir: str | Path = WORK_DIR,
    progress: Progress | None = None,
    **settings: Any,
) -> Study:
    """Train and measure arms with several seeds, each against its control, by a plan that is frozen first.

    The same call goes on where an earlier one was stopped; it and `syneg study` with the same data and
    settings are one study. The record has `.plan`, `.rows` (a run each), `.lines` (an arm each, with its
    comparisons), `.tables`, `.answer`, `.remarks` and `.outcomes`; printed it is tables.md.

    Args:
        negatives: LLM-written ones, as `generate` gives them; or several sets by name, of which the arms read
            "default", and `prompt-NAME` reads NAME. Without any, those of the work directory are read.
        queries: LLM-written ones, for the arm llm-queries; without any, those of the work directory.
        plan_only: freeze the plan, and run nothing.
        force: begin anew; what was there is put aside.
        sets: settings of the other sections, for all arms: {"train.epochs": 1, "mix.ratio": 0.7}.
        settings: those of [study]: name, arms, seeds, primary, budget, ...

    Raises:
        UsageError: a setting is wrong; or a study of this name has another plan.
        MissingArtifact: the primary arm lacks something.
    """
    need_dataset(dataset)
    _need_plain(dataset)
    need_local(backbone)
    need_text("backbone", str(backbone) if isinstance(backbone, PathLike) else backbone)
    settings = {key: [*value] if isinstance(value, Iterator) else value for key, value in settings.items()}
    settings_from(StudySettings, settings)
    given, asked = _sets_of(dataset, negatives, sets), _written(queries)
    session = session_of(
        dataset,
        "study",
        {**{f"study.{key}": value for key, value in settings.items()}, "train.backbone": backbone},
        sets,
        work_dir=work_dir,
        progress=progress,
        places=partial(GivenPlaces, negatives=_hash(given), written=_hash(asked)),
    )
    need_own(session, dataset)
    work = session.workspace(dataset)
    for name, every in given.items():  # also where they are: somebody may have edited the file
        write_negatives(work.synthetic(name), every)
    if asked:
        write_synthetic_queries(work.queries(session.project.queries.name), asked)
    return run_study(session, plan_only=plan_only, force=force)


def _need_plain(dataset: Dataset) -> None:
    """Raises UsageError where LLM-written queries are among those of people: no arm could do without them."""
    if dataset.synthetic and dataset.judgements.get("train", {}).keys() - dataset.synthetic:
        raise UsageError(
            f"{dataset.name} has LLM-written queries in train, so every arm would be trained with them.",
            hint="Give the data set as it was loaded, and the queries apart: study(data, queries=...).",
        )


def _sets_of(
    dataset: Dataset, negatives: Negatives | None, sets: Mapping[str, Any] | None
) -> dict[str, list[Any]]:
    """Name -> LLM-written negatives; {} where none are handed over.

    Raises:
        UsageError: a set is empty; or something is no such negative, or was verified.
    """
    if negatives is None:
        return {}
    named = sets.get("generate.name") if isinstance(sets, Mapping) else None
    own = str(named or GenerateSettings().name)
    by_name = negatives if isinstance(negatives, Mapping) else {own: negatives}
    found = {str(name): listed(every) for name, every in by_name.items()}
    for name, every in found.items():
        settings_from(GenerateSettings, {"name": name})
        need_records(dataset, every)
        if not every:
            raise UsageError(f"negatives: {name} has none.", hint="Leave it out, or give what generate gave.")
        if any(not isinstance(one, SyntheticNegative) for one in every):
            raise UsageError(
                "negatives: some are mined, and a study mines by itself.",
                hint="Give those that an LLM wrote; settings of [mine] are in sets.",
            )
        if any(one.scores or one.relevant_by for one in every):
            raise UsageError(
                "negatives: some were verified, and arms of a study read them as they were written.",
                hint="Give them as generate gave them. The arm hybrid-judged reads what the command line's "
                "verify found.",
            )
    return found


def _written(queries: Iterable[SyntheticQuery] | None) -> list[SyntheticQuery]:
    """Raises UsageError where something is no LLM-written query, or there is none."""
    if queries is None:
        return []
    every: list[Any] = list(queries) if isinstance(queries, Iterable) else [queries]
    known: set[str] = set()
    for query in every or [None]:
        if not isinstance(query, SyntheticQuery):
            raise UsageError(f"queries: {query!r} is no LLM-written query.", hint="write_queries gives them.")
        if query.id in known:
            raise UsageError(f"queries: {query.id} is there twice.", hint="Give each query once.")
        known.add(query.id)
    return every


def _hash(given: Any) -> str:
    """What is handed over, by its content; "" for nothing."""
    return content_hash([given])[:16] if given else ""
