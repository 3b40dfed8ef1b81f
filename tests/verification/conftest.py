"""What the tests of `verify` share: negatives on disk, and verdicts as judges write and `verify` stores them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from syneg_cli.core import Manifest, write_jsonl, write_manifest
from syneg_cli.core.record_files import read_verifications
from syneg_cli.core.records import MinedNegative, SyntheticNegative, Verification
from tests.conftest import Cli

WRITTEN = SyntheticNegative("q1", "d1", 1, "Title", "Bone mass rose with vitamin D.", "syneg", "fake:f", "k")
MINED = MinedNegative("q1", "d2", "bm25", 1, 3.5)


def verdict_json(relevant: object, evidence: object = "") -> str:
    return json.dumps({"reasoning": "r", "evidence": evidence, "relevant": relevant})


@pytest.fixture
def work(cli: Cli) -> Path:
    folder = Path(".syneg/tiny")
    written = [
        WRITTEN,
        replace(WRITTEN, index=2, text="Calcium."),
        replace(WRITTEN, index=3, status="dropped", reason="empty"),
    ]
    write_jsonl(folder / "synthetic/default.jsonl", written)
    write_manifest(folder / "synthetic/default.jsonl", Manifest("generate", {"a": "1"}, {"n": 2}))
    write_jsonl(folder / "mined/bm25.jsonl", [MINED, replace(MINED, doc_id="d5", rank=2)])
    return folder


def found(work: Path, name: str) -> list[Verification]:
    return read_verifications(work / "verified" / f"{name}.jsonl")
