"""Documents without a title and a text are nobody's negatives, whoever brings them."""

from __future__ import annotations

import json
from pathlib import Path

from syneg_cli.core import MinedNegative
from syneg_cli.data.opening import load_dataset
from syneg_cli.mixing import MixSettings, mix_negatives, read_imported
from syneg_cli.training.ance import Ance
from tests.conftest import DOCS, write_dataset

EMPTY = {"e1": ("", ""), "e2": (" ", "\n\u3000"), "e3": ("", "\u200b\u00ad"), "e4": ("...", "\u3164")}


def test_mined_by_an_earlier_version_or_imported(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "x", DOCS | EMPTY)
    data = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)
    mined = [MinedNegative("q1", doc_id, "dense", rank, 0.5) for rank, doc_id in enumerate((*EMPTY, "d4"), 1)]
    settings = MixSettings(strategy="retrieved", negatives=4)
    mixed = mix_negatives(data, [], mined, settings, rounds=2)
    drawn = {ref.id for one in mixed.instances for negatives in one.rounds for ref in negatives}
    assert drawn == {"d4"}
    row = {"query": "vitamin D improves bone density", "pos": [" ".join(DOCS["d1"])]}
    (tmp_path / "t.jsonl").write_text(
        json.dumps(row | {"neg": ["\u200b\u00ad", "...", "\u2060?", " ".join(DOCS["d4"])]}), "utf-8"
    )
    imported = read_imported(tmp_path / "t.jsonl", data)
    assert {negative.doc_id for negative in imported.negatives} == {"d4"}


def test_ance_passes_them_over(tmp_path: Path, tiny_model: Path) -> None:
    from syneg_cli.encoding.loading import load_model

    folder = write_dataset(tmp_path / "x", DOCS | EMPTY)
    data = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)
    pools = Ance(load_model(str(tiny_model)), data, depth=9)._mine(["q1", "q2"], {})
    assert {len(pool) for pool in pools.values()} == {len(DOCS) - 1}
    assert not {doc_id for pool in pools.values() for doc_id in pool} & set(EMPTY)
