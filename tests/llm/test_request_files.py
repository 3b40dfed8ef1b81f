"""Files of requests and answers: what many of them keep in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from syneg_cli.core import write_jsonl
from syneg_cli.llm import OK, Engine, Item, Request, Subject, open_llm
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.prices import FREE
from syneg_cli.llm.request_files import keyed, read_answers, write_requests
from tests.answered import openai_line, requests_in

FEW, MANY = 1500, 6000
"""Both are several chunks."""

TEXT = "word " * 600
MOST = 300
"""Bytes that one more may keep: a tenth of its text."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    llm = open_llm("openai:m", base_url=None, timeout=1.0)
    with Cache(tmp_path / "cache.db") as cache:
        yield Engine(llm, cache, price=FREE, job="job")


def requests(count: int, engine: Engine) -> Iterator[list[Item]]:
    subject = Subject("q", "d", "syneg")
    return keyed((Request(subject, (("user", f"{n} of {count}: {TEXT}"),)) for n in range(count)), engine.llm)


def test_many_requests_and_answers_take_no_more_memory_than_few(tmp_path: Path, engine: Engine) -> None:
    """But for the keys of what is written: none is written twice."""
    peaks: dict[str, list[int]] = {"write": [], "read": []}
    for count in (FEW, MANY):
        file, answers = tmp_path / f"{count}.jsonl", tmp_path / f"{count}.out.jsonl"
        tracemalloc.start()
        assert write_requests(file, requests(count, engine), engine).requests == count
        peaks["write"].append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        write_jsonl(answers, (openai_line(one["custom_id"], TEXT) for one in requests_in(file)))
        tracemalloc.start()
        came = read_answers([answers], requests(count, engine), engine, lambda answer: OK)
        peaks["read"].append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (came.answers, came.left) == (count, 0)
    for what, (few, many) in peaks.items():
        assert (many - few) / (MANY - FEW) < MOST, f"{what}: {few} bytes for {FEW}, {many} for {MANY}"


def test_equal_requests_are_written_once(tmp_path: Path, engine: Engine) -> None:
    """Two pairs may have the same texts; a batch takes no custom_id twice."""
    file = tmp_path / "in.jsonl"
    twice = [chunk for _ in range(2) for chunk in requests(300, engine)]
    assert write_requests(file, iter(twice), engine).requests == 300
    assert len({one["custom_id"] for one in requests_in(file)}) == 300
