from __future__ import annotations

import json
from pathlib import Path

from syneg_cli.data import demo
from syneg_cli.data.opening import load_dataset


def test_the_benchmark_is_a_data_set(tmp_path: Path) -> None:
    demo.write_dataset(tmp_path / demo.DATASET)
    data = load_dataset(str(tmp_path / demo.DATASET), cache=tmp_path / "cache", dev_fraction=0)
    assert data.name == demo.DATASET
    assert len(data.corpus) == 600
    assert sorted(data.judgements) == ["test", "train"]
    assert len(data.qrels("train")) + len(data.qrels("test")) == len(data.queries) == 320


def test_the_recordings_are_of_its_train_pairs(tmp_path: Path) -> None:
    demo.write_dataset(tmp_path / demo.DATASET)
    demo.write_recordings(tmp_path)
    data = load_dataset(str(tmp_path / demo.DATASET), cache=tmp_path / "cache", dev_fraction=0)
    pairs = {(pair.query_id, pair.doc_id) for pair in data.pairs("train")}
    for line in (tmp_path / "negatives.jsonl").read_text(encoding="utf-8").splitlines():
        recorded = json.loads(line)
        assert (recorded["query_id"], recorded["doc_id"]) in pairs
    mirrored = (tmp_path / "mirror.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["query_id"] for line in mirrored} <= {query for query, _ in pairs}
