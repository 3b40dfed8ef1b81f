"""The studies of a work directory, as they are stored: for reports, and for who reads them from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from syneg_cli.core import MissingArtifact, counted
from syneg_cli.studies.comparing import Line, lines, planned_runs
from syneg_cli.studies.pilots import Outcome, outcomes
from syneg_cli.studies.plan import PLAN, Frozen, StudyPlan, read_plan
from syneg_cli.studies.results import RESULTS, Row, read_rows
from syneg_cli.studies.tables import StudyTable, answer, markdown, remarks, tables_of

FOLDER = "studies"


@dataclass(frozen=True, repr=False)
class Study:
    """A study and what it has found so far."""

    folder: Path
    frozen: Frozen
    rows: tuple[Row, ...]

    @property
    def plan(self) -> StudyPlan:
        return self.frozen.plan

    @property
    def written_at(self) -> float:
        """When its last run was written down, in seconds since 1970; 0 where none is."""
        file = self.folder / RESULTS
        return file.stat().st_mtime if file.is_file() else 0.0

    def __repr__(self) -> str:
        return f"<Study {self.plan.name}, plan {self.plan.hash}: {counted(len(self.rows), 'run')} measured>"

    def __str__(self) -> str:
        """The tables, as tables.md has them."""
        return markdown(self.plan, self.lines)

    @property
    def measured(self) -> str:
        """`5 of 7 runs measured`."""
        return f"{len(self.rows)} of {counted(planned_runs(self.plan), 'run')} measured"

    @cached_property
    def lines(self) -> list[Line]:
        """Every arm with results against its control."""
        return lines(self.plan, self.rows)

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """The forecasts of `generate --pilot` that there were, and whether they came true."""
        return outcomes(self.plan, self.frozen.beside, self.rows)

    @property
    def tables(self) -> list[StudyTable]:
        """One for each group of arms, with the controls of its arms."""
        return tables_of(self.plan, self.lines)

    @property
    def answer(self) -> str:
        """The primary comparison in words."""
        return answer(self.plan, self.lines)

    @property
    def remarks(self) -> list[str]:
        """What one has to know to read the tables."""
        return remarks(self.plan, self.lines)


def read_study(folder: Path) -> Study:
    """A study by its folder, WORK_DIR/DATASET/studies/NAME.

    Raises:
        MissingArtifact: there is none, or a file of it is something else.
    """
    frozen = read_plan(folder)
    if frozen is None:
        raise MissingArtifact(
            f"There is no study in {folder} ({PLAN} is missing).", hint="Run `syneg study` first."
        )
    return Study(folder, frozen, tuple(read_rows(folder, frozen.plan)))


def studies_of(work: Path) -> Sequence[Path]:
    """The folders of all studies of a data set, by name.

    Args:
        work: WORK_DIR/DATASET.
    """
    return sorted(file.parent for file in (work / FOLDER).glob(f"*/{PLAN}"))
