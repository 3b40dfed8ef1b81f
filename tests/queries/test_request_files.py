"""`queries --batch-write` and `--batch-read`, for documents and for rewordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.answered import answer, requests_in, vllm_line
from tests.conftest import Cli
from tests.queries.written import GOOD, kept, rewording, writer

IN, OUT = Path("in.jsonl"), Path("out.jsonl")


@pytest.fixture
def bare(cli: Cli, tiny: Path) -> tuple[object, ...]:
    return "queries", tiny, "--llm", "openai:m", "--json"


def test_queries_for_documents(cli: Cli, bare: tuple[object, ...]) -> None:
    made = cli(*bare, "--batch-write", IN)
    assert (made.code, made.json["requests"]) == (0, 3), made.err
    answer(IN, OUT, respond=writer, line=vllm_line)
    read = cli(*bare, "--batch-read", OUT)
    assert (read.code, read.json["queries"], read.json["calls"]) == (0, 3, 0), read.err
    assert sorted(kept().values()) == sorted(GOOD.values())


def test_rewordings(cli: Cli, bare: tuple[object, ...]) -> None:
    made = cli(*bare, "--rewrite", "--batch-write", IN)
    assert (made.code, made.json["requests"]) == (0, 3), made.err
    answer(IN, OUT, respond=rewording)
    read = cli(*bare, "--rewrite", "--batch-read", OUT)
    assert (read.code, read.json["calls"], read.json["answered"]) == (0, 0, 3), read.err
    assert kept("default.rewrites")


def test_a_judge_of_queries_is_left_to_a_live_run(cli: Cli, bare: tuple[object, ...]) -> None:
    judged = (*bare, "--check", "judge")
    assert cli(*judged, "--batch-write", IN).json["requests"] == len(requests_in(IN)) == 3
    answer(IN, OUT, respond=writer)
    read = cli(*judged, "--batch-read", OUT)
    assert "the judge is asked without --batch and --batch-read" in read.err
    assert read.json["batch"]["read"] == 3  # type: ignore[index]
