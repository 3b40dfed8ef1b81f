"""A study that is measured on queries that an LLM wrote says so wherever its numbers go."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from syneg_cli.core import SyntheticQuery, write_synthetic_queries
from syneg_cli.studies import read_plan
from tests.conftest import DOCS, Cli
from tests.studies.conftest import HOME

CAVEAT = "An LLM wrote all 3 queries: a score on such queries is no evidence"
STUDY = (
    *("study", "--arms", "dense", "--primary", "dense", "--seeds", "1"),
    *("--set", "eval.split=dev", "--set", "dataset.dev_fraction=0.5"),
)


@pytest.fixture
def alone(cli: Cli, here: Path) -> Cli:
    """The project with documents alone, and a query for each that an LLM wrote."""
    shutil.rmtree(here / "tiny/qrels")
    written = [SyntheticQuery(d, 1, f"{text} please", "queries", "m", d) for d, (_, text) in DOCS.items()]
    write_synthetic_queries(Path(".syneg/tiny/queries/default.jsonl"), written)
    return cli


def test_the_caveat_goes_with_the_tables_in_every_format(alone: Cli) -> None:
    planned = alone(*STUDY, "--plan")
    assert planned.code == 0, planned.err
    assert CAVEAT in " ".join(planned.out.split())
    shown = alone(*STUDY)
    assert shown.code == 0, shown.err
    assert CAVEAT in " ".join(shown.out.split())
    assert CAVEAT in (HOME / "tables.md").read_text(encoding="utf-8")
    latex = (HOME / "tables.tex").read_text(encoding="utf-8")
    assert f"% {CAVEAT}" in latex
    captions = [line for line in latex.splitlines() if line.startswith("\\caption")]
    assert captions
    assert all(CAVEAT in line for line in captions)
    for row in csv.DictReader((HOME / "tables.csv").open(encoding="utf-8")):
        assert row["written_queries"] == "3"
    page = alone("report")
    assert page.code == 0, page.err
    assert CAVEAT in " ".join(page.out.split())


def test_queries_of_people_leave_the_plan_as_it_was(ready: Cli) -> None:
    """The count is part of the plan only where there is something to count: no study is made anew for it."""
    assert ready("study", "--plan").code == 0
    file = HOME / "plan.json"
    stored = json.loads(file.read_text(encoding="utf-8"))
    assert stored["plan"].pop("written") == 0
    file.write_text(json.dumps(stored), encoding="utf-8")
    frozen = read_plan(HOME)
    assert frozen is not None
    assert frozen.plan.written == 0
    assert ready("study", "--plan").code == 0


def test_unequal_controls_are_told_in_the_files_that_are_cited(ready: Cli) -> None:
    assert ready("study", "--arms", "synthetic", "--primary", "synthetic", "--seeds", "1").code == 0
    said = "synthetic is not given what dense is"
    assert said in (HOME / "tables.md").read_text(encoding="utf-8")
    assert f"% {said}" in (HOME / "tables.tex").read_text(encoding="utf-8")
    table = list(csv.DictReader((HOME / "tables.csv").open(encoding="utf-8")))
    assert {row["arm"] for row in table if row["unequal"]} == {"synthetic"}
