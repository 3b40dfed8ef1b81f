"""Recorded answers as they are."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from syneg_cli.llm.base import Request, Subject
from syneg_cli.llm.replay import Replay


def test_half_a_surrogate_pair_in_a_recording_can_be_written_again(tmp_path: Path) -> None:
    path = tmp_path / "recorded.jsonl"
    row = {"query_id": "q1", "doc_id": "d1", "prompt": "syneg", "response": "a \ud83d b \ud83d\ude00"}
    path.write_text(json.dumps(row))
    subject = Subject("q1", "d1", "syneg")
    answer = asyncio.run(Replay(path).complete(Request(subject, (("user", "x"),))))
    assert answer.text == "a \ufffd b \U0001f600"
    assert answer.text.encode()
