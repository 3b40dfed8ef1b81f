"""Where the studies of a data set stand, and how long they took."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from syneg_cli.core import MissingArtifact
from syneg_cli.data import Dataset
from syneg_cli.stages.pipeline import State
from syneg_cli.stages.session import Session
from syneg_cli.studies import open_runs, planned_runs, read_study, read_times, studies_of

DONE, TO_DO, DAMAGED = "done", "to do", "stale"


def study_states(session: Session, dataset: Dataset) -> Iterator[State]:
    """A state for each study, by its own plan, whatever the project is by now."""
    for folder in studies_of(session.work_dir / dataset.name):
        yield _state(folder, str(folder.relative_to(session.work_dir)))


def _state(folder: Path, path: str) -> State:
    label = f"study {folder.name}"
    try:
        study, times = read_study(folder), read_times(folder)
    except MissingArtifact as error:
        return State("study", label, DAMAGED, str(error), path=path)
    left, detail = any(open_runs(study.plan, study.rows)), study.measured
    if not left and len(study.rows) < planned_runs(study.plan):
        detail += ", the others decided before"
    seconds = sum(times.values()) if times else None
    return State("study", label, TO_DO if left else DONE, detail, seconds=seconds, path=path)
