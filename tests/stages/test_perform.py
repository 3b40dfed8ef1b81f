"""`perform` alone decides whether a stage runs, says why, and puts the result in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import SynegError, read_manifest, write_text
from syneg_cli.stages.project import resolve
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Made, Plan, Stage, perform
from tests.fakes import open_tiny
from tests.said import Said


class Toy(Stage):
    """Writes its setting, and counts how often."""

    name = "toy"
    fetched = False
    error: SynegError | None = None
    found: dict[str, Any]

    def __init__(self, session: Session, dataset: Any, setting: int = 1) -> None:
        super().__init__(session, dataset)
        self.setting, self.runs, self.found = setting, 0, {}

    def plan(self) -> Plan:
        path = self.workspace.mixed("toy")
        return Plan(self.name, path, {"model": "hash" if self.fetched else "name"}, {"setting": self.setting})

    def prepare(self) -> None:
        self.fetched = True

    def run(self, plan: Plan, to: Path) -> Made:
        self.runs += 1
        assert read_manifest(plan.path) is None or self.runs > 1
        write_text(to, f"{self.setting}\n")
        return Made({"runs": self.runs}, record=self.setting, found=self.found, error=self.error)


@pytest.fixture
def toy(tiny: Path, tmp_path: Path) -> Toy:
    resolved = resolve({"work_dir": str(tmp_path / "work")}, environ={})
    return Toy(Session(resolved, Said()), open_tiny(tiny))


def said(toy: Toy) -> list[str]:
    assert isinstance(toy.session.progress, Said)
    return toy.session.progress.notes


def test_a_stage_runs_once_and_then_whenever_its_plan_changes(toy: Toy) -> None:
    first = perform(toy)
    assert (first.reason, first.skipped, first.counts, first.record) == (
        "not there yet",
        False,
        {"runs": 1},
        1,
    )
    again = perform(toy)
    assert (again.reason, again.skipped, again.record) == ("up to date", True, None)
    assert again.counts == {"runs": 1}, "as the manifest has them"
    toy.setting = 2
    assert perform(toy).reason == "setting changed: 1 -> 2"
    assert perform(toy, force=True).reason == "--force"
    assert toy.runs == 3
    assert said(toy)[0] == "toy: running (not there yet)"
    assert "toy: up to date, nothing to do" in said(toy)[2]


def test_what_has_to_be_fetched_is_in_the_manifest_as_it_is(toy: Toy) -> None:
    perform(toy)
    manifest = read_manifest(toy.plan().path)
    assert manifest is not None
    assert manifest.inputs == {"model": "hash"}, "not the name it had before"
    assert perform(toy).skipped


def test_a_part_is_kept_and_is_not_up_to_date(toy: Toy) -> None:
    toy.found, toy.error = {"setting": 0}, SynegError("cut short")
    with pytest.raises(SynegError, match="cut short"):
        perform(toy)
    assert toy.plan().path.read_text() == "1\n"
    toy.error, toy.found = None, {}
    assert perform(toy).reason == "setting changed: 0 -> 1"


def test_a_run_that_fails_leaves_nothing(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(plan: Plan, to: Path) -> Made:
        write_text(to, "half")
        raise SynegError("broken")

    monkeypatch.setattr(toy, "run", broken)
    with pytest.raises(SynegError, match="broken"):
        perform(toy)
    monkeypatch.undo()
    assert not toy.plan().path.parent.exists()
    assert perform(toy).reason == "not there yet"
