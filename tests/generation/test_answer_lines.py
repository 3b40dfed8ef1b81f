"""`generate --batch-read`: what files of answers may hold, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.llm.cache import Cache
from tests.answered import (
    answer,
    expired_line,
    openai_line,
    refused_line,
    requests_in,
    vllm_refused_line,
    write_lines,
)
from tests.conftest import Cli
from tests.generation.conftest import totals
from tests.servers import Body, ChatServer, Reply, good_reply, prompt_of

IN, OUT = Path("in.jsonl"), Path("out.jsonl")
CACHE = Path(".syneg/generations.db")


def test_lines_that_bring_no_answer_are_named_and_counted(cli: Cli, bare: tuple[object, ...]) -> None:
    assert cli(*bare, "--batch-write", IN).code == 0
    good, *others = answer(IN, OUT)
    keys = [one["custom_id"] for one in others]
    empty = openai_line("x" * 64, "")
    empty["custom_id"] = keys[1]
    del empty["response"]["body"]["choices"]
    write_lines(
        OUT,
        "{half a line",
        "[1, 2]",
        b"\xff\xfe",
        "",
        good,
        good,
        expired_line(keys[0]),
        refused_line(keys[0]),
        vllm_refused_line(keys[0]),
        openai_line("0" * 64, "of another job"),
        empty,
    )
    read = cli(*bare, "--batch-read", OUT)
    assert read.code == 0, read.err
    came: dict[str, Any] = read.json["batch"]  # type: ignore[assignment]
    assert {key: came[key] for key in ("read", "again", "failed", "unknown", "bad", "left")} == {
        "read": 1,
        "again": 1,
        "failed": 3,
        "unknown": 1,
        "bad": 4,
        "left": 2,
    }
    for told in (
        "out.jsonl, line 1: no JSON object of a batch",
        "out.jsonl, line 2: no JSON object of a batch",
        "out.jsonl, line 3: no JSON object of a batch",
        "out.jsonl, line 7: This request could not be executed before the batch expired.",
        "out.jsonl, line 8: the prompt is too long",
        "out.jsonl, line 9: maximum context length is 512 tokens",
        "out.jsonl, line 10: nothing that is asked here has this custom_id",
    ):
        assert told in came["named"], told
        assert told in read.err
    assert any(one.startswith("out.jsonl, line 11: the batch sent something") for one in came["named"])
    assert "2 requests have no answer: `--batch-write` writes them again" in read.err
    assert totals()["calls"] == 1, "a line that is there twice is paid for once"


def test_what_is_read_twice_counts_once(cli: Cli, bare: tuple[object, ...]) -> None:
    assert cli(*bare, "--batch-write", IN).code == 0
    answer(IN, OUT)
    assert cli(*bare, "--batch-read", OUT).code == 0
    before = totals()
    again = cli(*bare, "--batch-read", OUT, "--force")
    assert (again.json["batch"]["read"], again.json["batch"]["again"]) == (0, 3)  # type: ignore[index]
    assert totals() == before


def test_a_file_that_was_cut_off_loses_its_last_line_alone(cli: Cli, bare: tuple[object, ...]) -> None:
    assert cli(*bare, "--batch-write", IN).code == 0
    answer(IN, OUT)
    OUT.write_bytes(OUT.read_bytes()[:-40])
    part = cli(*bare, "--batch-read", OUT)
    came: dict[str, Any] = part.json["batch"]  # type: ignore[assignment]
    assert (came["read"], came["bad"], came["left"]) == (2, 1, 1)
    assert came["named"] == [
        "out.jsonl, line 3: no JSON object of a batch: the file ends in the middle of it"
    ]
    assert part.json["negatives"] == 4
    answer(IN, OUT)
    OUT.write_bytes(OUT.read_bytes()[:-1])
    whole = cli(*bare, "--batch-read", OUT)
    assert whole.json["negatives"] == 6, "without its line feed a last line is whole"


def test_a_text_with_other_line_ends_comes_back_whole(cli: Cli, bare: tuple[object, ...]) -> None:
    def odd(body: Body, number: int) -> Reply:
        return Reply(text=str(good_reply(body, number).text).replace("word1 ", "word1\u2028\x85 "))

    assert cli(*bare, "--batch-write", IN).code == 0
    answer(IN, OUT, respond=odd)
    OUT.write_bytes(OUT.read_bytes().replace(b"\n", b"\r\n"))
    assert cli(*bare, "--batch-read", OUT).json["answered"] == 3
    with Cache(CACHE) as cache:
        assert all("word1\u2028\x85 " in row.response for row in cache.rows())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no line of what a batch brought"),
        (b'{"custom_id": "x", "method": "POST"}\n', "line 1: a request, and no answer to one"),
        (b"PK\x03\x04\x00\x00\n\n", "line 1: no JSON object of a batch"),
        (None, "out.jsonl is not there"),
    ],
)
def test_files_that_hold_no_answers_are_refused(
    cli: Cli, bare: tuple[object, ...], content: bytes | None, told: str
) -> None:
    if content is not None:
        OUT.write_bytes(content)
    refused = cli(*bare, "--batch-read", OUT)
    assert refused.code == 2
    assert told in refused.err
    assert "Give the files that OpenAI's Batch API or `vllm run-batch` wrote" in refused.err


def test_answers_of_another_model_or_address_are_refused_as_a_whole(
    cli: Cli, bare: tuple[object, ...]
) -> None:
    assert cli(*bare, "--batch-write", IN).code == 0
    answer(IN, OUT)
    refused = cli(*bare, "--base-url", "http://127.0.0.1:9/v1", "--batch-read", OUT)
    assert refused.code == 2
    assert "none of 3 answers is to what is asked here of m at http://127.0.0.1:9/v1" in refused.err
    assert "--base-url" in refused.err
    assert not Path(".syneg/tiny/synthetic/default.jsonl").exists()


def test_when_nothing_came_nothing_is_made(cli: Cli, bare: tuple[object, ...]) -> None:
    """A file of errors alone is no failure of the command, and no reason to replace a result."""
    assert cli(*bare, "--batch-write", IN).code == 0
    write_lines(OUT, *(expired_line(one["custom_id"]) for one in requests_in(IN)))
    read = cli(*bare, "--batch-read", OUT)
    assert (read.code, read.json["read"], read.json["failed"], read.json["left"]) == (0, 0, 3, 3), read.err
    assert not Path(".syneg/tiny/synthetic/default.jsonl").exists()


def test_errors_of_other_requests_are_none_of_ours(cli: Cli, bare: tuple[object, ...]) -> None:
    """A file of another job is refused as a whole, whether its requests were answered or failed."""
    write_lines(OUT, openai_line("0" * 64, "of another job"), expired_line("1" * 64))
    refused = cli(*bare, "--batch-read", OUT)
    assert refused.code == 2
    assert "none of 2 answers is to what is asked here" in refused.err
    assert cli(*bare, "--batch-write", IN).code == 0
    mine = answer(IN, OUT)
    write_lines(OUT, *mine, expired_line("1" * 64))
    came: dict[str, Any] = cli(*bare, "--batch-read", OUT).json["batch"]  # type: ignore[assignment]
    assert (came["read"], came["failed"], came["unknown"]) == (3, 0, 1)


def test_where_all_is_answered_and_nothing_is_usable_that_is_a_failure(
    cli: Cli, bare: tuple[object, ...]
) -> None:
    """As it is of a live run: there is no result, and no later file brings one."""
    never = (*bare, "--set", "generate.corrections=0")
    assert cli(*never, "--batch-write", IN).code == 0
    answer(IN, OUT, respond=lambda body, number: Reply(text="no JSON"))
    read = cli(*never, "--batch-read", OUT)
    assert read.code == 1
    assert "0 of 3 pairs got a usable negative: 3 answers unparsable" in read.err
    assert "--retry-bad asks for them again" in read.err
    assert not Path(".syneg/tiny/synthetic/default.jsonl").exists()


def test_what_the_checks_drop_is_not_asked_for_again_and_nobody_says_so(cli: Cli, tiny: Path) -> None:
    """The answers have the form that was asked for: another prompt helps, and `--retry-bad` does not."""

    def respond(body: Body, number: int) -> Reply:
        query = prompt_of(body).split("<user_query>")[1].split("</user_query>")[0].strip()
        one = {"plan": "p", "title": "t", "document": f"{query} " + "word " * 30, "reflection": "r"}
        return Reply(text=json.dumps({"requirements": ["a"], "negatives": [one, one]}))

    with ChatServer(respond) as server:
        asked = ("generate", tiny, "--llm", "openai:m", "--base-url", server.openai_url)
        for given in ((), ("--retry-bad",)):
            told = cli(*asked, *given)
            assert told.code == 1
            assert "negatives dropped: contains the query" in told.err
            assert "so --retry-bad leaves them: change the prompt (syneg)" in " ".join(told.err.split())
        assert len(server.requests) == 3
