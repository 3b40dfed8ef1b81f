"""What the five stages have in common: a plan that can be checked, and a result that can be shown.

A stage is a command module with `plan(session, dataset) -> Plan` and
`run(session, dataset, plan) -> Result`. `perform` skips a stage whose output is up to date.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import RenderableType

    from syneg_cli.cli.commands.options import Session
    from syneg_cli.data.dataset import Dataset


@dataclass(frozen=True)
class Plan:
    """What a stage would write, and from what. Two equal plans write equal files."""

    stage: str
    path: Path
    inputs: Mapping[str, str]
    settings: Mapping[str, Any]

    def stale(self) -> str | None:
        """Why the stage has to run; None when its output is up to date."""
        from syneg_cli.core.artifacts import stale_reason

        return stale_reason(self.path, self.inputs, self.settings)


@dataclass(frozen=True)
class Result:
    """What a stage did: `data` for machines, `shown` for people."""

    stage: str
    path: Path
    reason: str
    """Why it ran, or "up to date"."""
    skipped: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)
    shown: tuple[RenderableType, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "path": str(self.path),
            "skipped": self.skipped,
            "reason": self.reason,
            **self.data,
        }


class Stage(Protocol):
    """The part of a command module that `perform`, `run` and `status` use."""

    def plan(self, session: Session, dataset: Dataset) -> Plan:
        """Raises MissingArtifact when an earlier stage has to run first."""
        ...

    def run(self, session: Session, dataset: Dataset, plan: Plan) -> Result: ...


def perform(stage: Stage, session: Session, dataset: Dataset, *, force: bool = False) -> Result:
    """Run a stage unless its output is up to date; says which of the two, and why."""
    from syneg_cli.cli.output import duration

    started = time.monotonic()
    plan = stage.plan(session, dataset)
    reason = "--force" if force else plan.stale()
    if reason is None:
        session.output.note(f"{plan.stage}: up to date, nothing to do ({plan.path})")
        return Result(plan.stage, plan.path, "up to date", skipped=True)
    session.output.note(f"{plan.stage}: running ({reason})")
    result = stage.run(session, dataset, plan)
    session.output.note(f"{plan.stage}: done in {duration(time.monotonic() - started)} -> {plan.path}")
    return result
