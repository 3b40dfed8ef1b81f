"""Negatives and verdicts as the page reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core.artifacts import Manifest, Workspace, write_manifest
from syneg_cli.core.files import file_hash
from syneg_cli.evaluation import wilson
from syneg_cli.report.negatives import Judged, read_negatives
from tests.report.conftest import write_rows


def written(query_id: str, index: int = 1, **more: Any) -> dict[str, Any]:
    return {"query_id": query_id, "positive_id": "d1", "index": index, "title": "T", "text": "text"} | more


def mined(query_id: str, doc_id: str = "d2", **more: Any) -> dict[str, Any]:
    return {"query_id": query_id, "doc_id": doc_id, "miner": "bm25", "rank": 1, "score": 2.5} | more


def add(path: Path, stage: str, rows: list[dict[str, Any]], **inputs: str) -> Path:
    write_rows(path, rows)
    write_manifest(path, Manifest(stage, inputs, {}))
    return path


def judge(work: Workspace, path: Path, rows: list[dict[str, Any]]) -> Path:
    return add(work.verified(path), "verify", rows, negatives=file_hash(path))


def verdict(row: dict[str, Any], *against: str, **scores: float) -> dict[str, Any]:
    doc_id = row.get("positive_id") or row["doc_id"]
    status = {"status": "dropped", "reason": "relevant"} if against else {"status": "ok", "reason": ""}
    found = {"query_id": row["query_id"], "doc_id": doc_id, "index": row.get("index")}
    return found | {"relevant_by": list(against), "scores": scores, "evidence": {"judge": "quoted"}} | status


def test_rates_are_by_source_and_check(work: Workspace) -> None:
    rows = [written("q1"), written("q1", 2), written("q2")]
    path = add(work.synthetic("default"), "generate", rows)
    verdicts = [verdict(rows[0], "judge", judge=1, margin=-0.2), verdict(rows[1], judge=0), verdict(rows[2])]
    judge(work, path, verdicts)
    other = add(work.mined("bm25"), "mine", [mined("q1")])
    judge(work, other, [verdict(mined("q1"), "margin", margin=0.1)])
    found = read_negatives(work, 5)
    of_one = wilson(0.5, 1), wilson(0.0, 1), wilson(1.0, 1)  # one query each time, whatever its negatives
    assert list(found.judged) == [
        Judged("synthetic", "judge", 1, 2, of_one[0]),
        Judged("synthetic", "margin", 0, 1, of_one[1]),
        Judged("bm25", "margin", 1, 1, of_one[2]),
    ]
    first = found.by_query["q1"][0]
    assert (first.status, first.reason) == ("dropped", "relevant")
    assert ("judge", "relevant (1), it quotes: quoted") in first.facts
    assert ("margin", "not relevant (-0.2)") in first.facts


def test_an_interval_counts_queries_where_the_negatives_of_one_are_alike(work: Workspace) -> None:
    """Of four queries with five negatives each, all of one are relevant: 4 trials, not 20."""
    rows = [written(f"q{query}", index) for query in range(4) for index in range(1, 6)]
    path = add(work.synthetic("default"), "generate", rows)
    said = [verdict(row, *(["judge"] if row["query_id"] == "q0" else []), judge=1) for row in rows]
    judge(work, path, said)
    (found,) = read_negatives(work, 5).judged
    assert (found.relevant, found.judged) == (5, 20)
    effective = 0.25 * 0.75 / (4 / 3 * (3.75**2 + 3 * 1.25**2) / 20**2)
    assert effective == pytest.approx(3.0)
    assert found.interval == pytest.approx(wilson(0.25, effective))


def test_verdicts_on_an_earlier_file_do_not_count(work: Workspace) -> None:
    path = add(work.synthetic("default"), "generate", [written("q1")])
    judge(work, path, [verdict(written("q1"), "judge", judge=1)])
    add(path, "generate", [written("q1", text="another")])
    found = read_negatives(work, 5)
    assert found.judged == []
    assert found.by_query["q1"][0].status == "ok"
    assert any("about an earlier file" in note for note in found.notes)


def test_queries_with_all_sources_come_first_and_more_keep_the_earlier_ones(work: Workspace) -> None:
    add(work.synthetic("default"), "generate", [written(f"q{i}") for i in range(30)])
    add(work.mined("bm25"), "mine", [mined(f"q{i}") for i in range(20, 40)])
    few, many = (list(read_negatives(work, count).by_query) for count in (5, 25))
    assert set(few) <= {f"q{i}" for i in range(20, 30)}
    assert many[:5] == few
    assert len(many) == 25


def test_what_cannot_be_read_is_a_note_and_odd_fields_are_left_out(work: Workspace) -> None:
    path = add(work.synthetic("default"), "generate", [written("q1")])
    path.write_text('{"query_id": \n', encoding="utf-8")
    odd: dict[str, Any] = {
        "rank": "one",
        "score": 10**400,
        "title": 7,
        "attributes": [1],
        "scores": {"judge": "x"},
    }
    add(work.mined("bm25"), "mine", [mined("q1", **odd)])
    found = read_negatives(work, 5)
    assert found.sources == ["bm25"]
    assert any(f"{path}, line 1" in note for note in found.notes)
    (one,) = found.by_query["q1"]
    assert (one.rank, one.title, one.facts) == (None, "", (("judge", "not relevant"),))


def test_mirrored_queries_are_no_negatives(work: Workspace) -> None:
    add(work.synthetic("default"), "generate", [written("q1")])
    add(work.synthetic("default.mirror"), "mirror-queries", [{"id": "x", "query": "y"}])
    assert read_negatives(work, 5).sources == ["synthetic"]
    assert json.loads(work.synthetic("default").read_text())["query_id"] == "q1"
