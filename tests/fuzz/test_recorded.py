"""Whatever a file of recorded answers, or an export of a cache, holds, it is used or refused in one line."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.llm import Cache, cache_exchange
from syneg_cli.llm.base import Request, Subject
from syneg_cli.llm.replay import Replay
from tests.conftest import QRELS, write_dataset
from tests.fuzz.commands import Project
from tests.fuzz.damage import IDS, ODD, WORDS, edited, files, json_line
from tests.fuzz.test_files import ONE_IN_TEN, in_one_line, many
from tests.servers import negatives_text

ANSWER = negatives_text(2)
RECORDED = "\n".join(
    json.dumps(
        {
            "query_id": query_id,
            "doc_id": doc_id,
            "prompt": "syneg",
            "attributes": {"domain": "medicine", "difficulty": "hard", "length": "short"},
            "n": 2,
            "words": 40,
            "response": ANSWER,
            "finish_reason": "stop",
        }
    )
    for query_id, doc_id, _ in QRELS["train"]
)
LINES = st.one_of(
    json_line(
        {
            "query_id": IDS,
            "doc_id": IDS,
            "prompt": st.just("syneg"),
            "response": st.just(ANSWER) | WORDS,
            "attributes": st.dictionaries(
                st.sampled_from(["domain", "query", "n", "x"]), WORDS | ODD, max_size=2
            ),
            "words": st.integers(-5, 200),
            "index": st.integers(1, 2),
            "finish_reason": WORDS,
        }
    ),
    json_line({"query_id": IDS, "negative": st.integers(1, 3), "query": WORDS}),
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("recorded")
    write_dataset(folder / "tiny")
    (folder / "good.jsonl").write_text(RECORDED)
    made = Project(folder)
    assert made("generate", "tiny", "--llm", "replay:good.jsonl")[0] == 0
    assert made("cache", "export", "export.jsonl")[0] == 0
    (folder / ".syneg" / "generations.db").unlink()
    made.keep()
    return made


@many
@given(files(LINES) | edited(RECORDED))
def test_recorded_answers_are_read(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "recorded.jsonl"
        path.write_bytes(data)
        with in_one_line(path.parent):
            replay = Replay(path)
            for query_id, doc_id, prompt, index in list(replay._lines):
                subject = Subject(query_id, doc_id, prompt, index)
                recorded = replay.recorded(subject) or {}
                assert isinstance(recorded.get("attributes") or {}, dict)
                answer = asyncio.run(replay.complete(Request(subject, (("user", "x"),))))
                (answer.text + answer.finish).encode()


@many
@given(edited(RECORDED))
def test_recorded_answers_are_used(project: Project, data: bytes) -> None:
    (project.folder / "good.jsonl").write_bytes(data)
    try:
        project("generate", "tiny", "--llm", "replay:good.jsonl", named="good.jsonl")
    finally:
        project.restore()


@many
@given(st.data(), ONE_IN_TEN)
def test_exports_are_imported(project: Project, data: st.DataObject, command: bool) -> None:
    good = (project.folder / "export.jsonl").read_text(encoding="utf-8")
    (project.folder / "export.jsonl").write_bytes(data.draw(edited(good)))
    try:
        if command:
            code, _ = project("cache", "import", "export.jsonl", named="export.jsonl")
            if code == 0:
                assert project("cache", "list")[0] == 0
                assert project("cache", "export", "again.jsonl")[0] == 0
            return
        with in_one_line(project.folder), Cache(project.folder / "it.db") as cache:
            new, read = cache_exchange.import_file(cache, project.folder / "export.jsonl")
            assert new <= read
            assert len([(row.asked, row.drawn) for row in cache.rows()]) == new
            cache_exchange.stats(cache)
            cache_exchange.export(cache, project.folder / "again.jsonl")
    finally:
        project.restore()
