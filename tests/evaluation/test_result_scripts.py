"""The scripts of docs/results: the numbers of the pages that no study's table has."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from syneg_cli.core import SyntheticQuery, read_synthetic_queries, write_synthetic_queries
from syneg_cli.evaluation import compare_seeds

SCRIPTS = Path(__file__).parents[2] / "docs" / "results"


def run(monkeypatch: pytest.MonkeyPatch, script: str, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
    runpy.run_path(str(SCRIPTS / script), run_name="__main__")


def test_a_difference_is_over_queries_and_seeds(
    tmp_path: Path, several: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """q5 at rank 1 or 2, q6 found or not: reciprocal ranks by hand."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "a0": "q5 Q0 d1 1 2 x\nq5 Q0 d2 2 1 x\nq6 Q0 d3 1 1 x\n",
        "a1": "q5 Q0 d2 1 2 x\nq5 Q0 d1 2 1 x\nq6 Q0 d3 1 1 x\n",
        "b0": "q5 Q0 d2 1 2 x\nq5 Q0 d1 2 1 x\nq6 Q0 d4 1 1 x\n",
    }.items():
        Path(name).write_text(text, encoding="utf-8")
    run(monkeypatch, "compare.py", several, "mrr@10", "--runs", "a0", "a1", "--against", "b0", "--untrained")
    wanted = compare_seeds([[1.0, 1.0], [0.5, 1.0]], [[0.5, 0.0]], untrained=True)
    assert capsys.readouterr().out == (
        f"0.8750 to 0.2500: +0.6250 [{wanted.low:+.4f}, {wanted.high:+.4f}], p {wanted.p:.2g}\n"
    )
    turned = ("--runs", "b0", "--against", "a0", "a1", "--untrained-system")
    run(monkeypatch, "compare.py", several, "mrr@10", *turned)
    assert capsys.readouterr().out == (
        f"0.2500 to 0.8750: -0.6250 [{-wanted.high:+.4f}, {-wanted.low:+.4f}], p {wanted.p:.2g}\n"
    )
    parts = ("--split", "test", "train")
    Path("a2").write_text("q5 Q0 d1 1 2 x\nq6 Q0 d3 1 1 x\nq1 Q0 d2 1 1 x\n", encoding="utf-8")
    run(monkeypatch, "compare.py", several, "mrr@10", "--runs", "a2", "--against", "a0", *parts)
    assert capsys.readouterr().out.startswith("0.6667 to 0.6667: +0.0000"), "q1 of train is found by neither"


@pytest.fixture
def several(tmp_path: Path) -> Path:
    from tests.conftest import DOCS, write_dataset

    queries = {"q1": "vitamin c", "q5": "fever", "q6": "sleep"}
    judged = {"train": [("q1", "d1", 1)], "test": [("q5", "d1", 1), ("q6", "d3", 1)]}
    return write_dataset(tmp_path / "several", DOCS, queries, judged)


def test_stand_ins_for_written_queries(
    tmp_path: Path, several: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written = [SyntheticQuery(doc_id, 1, f"of {doc_id}", "query", "x", "") for doc_id in ("d1", "d2", "d3")]
    dropped = SyntheticQuery("d4", 1, "of d4", "query", "x", "", status="dropped", reason="too long")
    Path("queries").mkdir()
    write_synthetic_queries(Path("queries/claims.jsonl"), [*written, dropped])
    run(monkeypatch, "stand_ins.py", several, "queries", "--of", "claims")
    made = {
        name: [(q.doc_id, q.text) for q in read_synthetic_queries(Path(f"queries/{name}.jsonl"))]
        for name in ("titles", "sentences", "shuffled")
    }
    assert ("d1", "Vitamin D and bone") in made["titles"]
    assert ("d6", "Sleep apnea is common in older men and women.") in made["sentences"]
    assert len(made["titles"]) == len(made["sentences"]) == 6, "each is a single sentence"
    assert sorted(made["shuffled"]) != sorted((q.doc_id, q.text) for q in written)
    assert sorted(text for _, text in made["shuffled"]) == ["of d1", "of d2", "of d3"]
