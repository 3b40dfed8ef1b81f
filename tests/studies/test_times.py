"""How long a study took stands where costs are looked for, and counts once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import duration
from tests.conftest import Cli
from tests.studies.conftest import HOME, rows


def test_how_long_it_took_is_where_costs_are_and_counts_once(ready: Cli) -> None:
    study = ("study", "--arms", "hybrid,placebo", "--seeds", "2")
    assert ready(*study).code == 0
    took = rows(name="times.jsonl")
    assert [one["arm"] for one in took if one["stage"] == "mine"] == ["dense"], "other arms read what it made"
    whole = sum(one["seconds"] for one in took)

    def of_study(printed: Any, key: str) -> dict[str, Any]:
        (found,) = [one for one in printed[key] if one["stage"] == "study"]
        return dict(found)

    stood = of_study(ready("status", "--json").json, "stages")
    assert (stood["label"], stood["state"], stood["path"]) == (
        "study default",
        "done",
        "tiny/studies/default",
    )
    assert stood["detail"] == "7 of 7 runs measured"
    assert stood["seconds"] == pytest.approx(whole)
    printed = ready("report", "--json")
    assert printed.code == 0, printed.err
    reported = of_study(printed.json, "results")
    assert (reported["made"], reported["cost"]) == ("7 of 7 runs measured", 0)
    assert reported["seconds"] == pytest.approx(whole)
    every: Any = printed.json
    assert every["total"]["seconds"] == pytest.approx(sum(one["seconds"] for one in every["results"]))
    page = Path(every["report"]).read_text(encoding="utf-8")
    assert f"Its runs took {duration(whole)} so far: zero-shot" in page
    assert "study: the time of every stage that ran" in page

    assert ready(*study, "--force", "--set", "study.primary=placebo").code == 0
    again = of_study(ready("status", "--json").json, "stages")
    assert again["seconds"] == pytest.approx(whole), "nothing was made anew, and what is read was made before"
    assert ready("study", "--arms", "hybrid", "--name", "other", "--plan").code == 0
    stages: Any = ready("status", "--json").json["stages"]
    (planned,) = [one for one in stages if one["label"] == "study other"]
    assert (planned["state"], planned["detail"]) == ("to do", "0 of 5 runs measured")
    assert planned["seconds"] is None


def test_times_that_were_damaged_are_said_where_they_are_missed(ready: Cli) -> None:
    assert ready("study", "--arms", "dense", "--primary", "dense", "--seeds", "1").code == 0
    (HOME / "times.jsonl").write_text('{"arm": "dense", "seconds": -1}\n', encoding="utf-8")
    stood = ready("status")
    assert stood.code == 0, stood.err
    assert "times.jsonl, row 1: other fields" in " ".join(stood.out.split())
    shown = ready("report")
    assert shown.code == 0, shown.err
    assert "studies/default is left out" in shown.err
    assert "Delete it: no table is made from it." in " ".join(shown.err.split())


def test_where_the_only_study_is_damaged_the_report_says_so_and_what_to_do(ready: Cli) -> None:
    """And not that a model has to be trained: there is none, as a study's are its own."""
    assert ready("study", "--plan").code == 0
    (HOME / "plan.json").write_text("{", encoding="utf-8")
    shown = ready("report")
    assert shown.code == 2
    told = " ".join(shown.err.split())
    assert "The study default is left out" in told
    assert "`syneg study --force` makes a new plan" in told
    assert "syneg train" not in told
