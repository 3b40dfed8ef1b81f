"""docs/results/similarities.py: what is near a query by a run, and what is right."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "results" / "similarities.py"
RUN = "q3 Q0 d5 1 0.5 x\nq3 Q0 d1 2 0.25 x\n"
OTHER_SEED = "q3 Q0 d6 1 0.75 x\nq3 Q0 d5 2 0.5 x\nq9 Q0 d5 1 0.9 x\n"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_the_mean_is_over_all_runs_and_queries_that_have_both(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.trec").write_text(RUN, encoding="utf-8")
    Path("b.trec").write_text(OTHER_SEED, encoding="utf-8")
    run(monkeypatch, tiny, "a.trec", "b.trec")
    assert capsys.readouterr().out == "2 queries: relevant 0.500, strongest other 0.500, +0.000\n"
    run(monkeypatch, tiny, "a.trec")
    assert capsys.readouterr().out == "1 queries: relevant 0.500, strongest other 0.250, +0.250\n"


def test_a_run_without_anything_relevant_is_refused(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.trec").write_text("q3 Q0 d1 1 0.5 x\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="No run has something relevant"):
        run(monkeypatch, tiny, "a.trec")
