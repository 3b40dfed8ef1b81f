"""`generate --batch-write` and `--batch-read`: requests as a file for whoever sends them, and what came of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from syneg_cli.llm.cache import Cache
from tests.answered import (
    Line,
    answer,
    openai_line,
    requests_in,
    vllm_line,
)
from tests.conftest import Cli
from tests.generation.conftest import totals
from tests.servers import ChatServer, Reply, good_reply
from tests.servers.batches import BatchServer

IN, OUT = Path("in.jsonl"), Path("out.jsonl")
CACHE = Path(".syneg/generations.db")


@pytest.mark.parametrize("line", [openai_line, vllm_line])
def test_requests_are_written_without_a_server_and_answers_are_read(
    cli: Cli, bare: tuple[object, ...], line: Callable[[str, str], Line]
) -> None:
    made = cli(*bare, "--batch-write", IN)
    assert made.code == 0, made.err
    size = IN.stat().st_size
    counts = {"path": "in.jsonl", "requests": 3, "bytes": size, "answered": 0, "elsewhere": 0, "over_cap": 0}
    assert made.json == counts
    for request in requests_in(IN):
        assert set(request) == {"custom_id", "method", "url", "body"}
        assert (request["method"], request["url"]) == ("POST", "/v1/chat/completions")
        assert request["body"]["model"] == "m"
    answer(IN, OUT, line=line)
    read = cli(*bare, "--batch-read", OUT)
    assert read.code == 0, read.err
    came = {"read": 3, "again": 0, "failed": 0, "unknown": 0, "bad": 0, "left": 0, "named": []}
    assert read.json["batch"] == came
    assert (read.json["negatives"], read.json["calls"], read.json["complete"]) == (6, 0, True)
    assert cli(*bare).json["reason"] == "up to date"


def test_what_is_written_is_what_a_live_run_sends(cli: Cli, bare: tuple[object, ...]) -> None:
    """The same bodies under the same keys: a file's answers serve a live run at that address."""
    with ChatServer() as server:
        here = (*bare, "--base-url", server.openai_url, "--set", "generate.structured=false")
        assert cli(*here, "--batch-write", IN).code == 0
        assert server.requests == []
        live = cli(*here, "--concurrency", 1)
        assert live.json.get("calls") == 3, (live.out, live.err)
        sent = [request["body"] for request in requests_in(IN)]
        assert sorted(map(json.dumps, server.requests)) == sorted(map(json.dumps, sent))
    with Cache(CACHE) as cache:
        assert {row.key for row in cache.rows()} == {one["custom_id"] for one in requests_in(IN)}


def test_a_live_run_asks_for_what_was_written_and_is_said_to(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    """A file may never be run: it holds nothing back. What comes of it later was paid for, and is kept."""
    told = cli(*base[:-1], "--batch-write", IN).out
    assert "3 requests -> in.jsonl" in told
    assert "Nothing is reserved: until then a live run asks for all of it, too." in told
    assert cli(*base, "--limit", 1).json["calls"] == 1
    answer(IN, OUT, respond=lambda body, number: good_reply(body, number + 10))
    read = cli(*base, "--batch-read", OUT)
    assert read.json["batch"]["read"] == 3, "also the one that was answered live"  # type: ignore[index]
    assert totals()["calls"] == 4
    assert len(server.requests) == 1


def test_what_a_batch_holds_is_not_written(cli: Cli, base: tuple[str, ...], server: BatchServer) -> None:
    assert cli(*base, "--batch", "submit", "--limit", 2).json["requests"] == 2
    made = cli(*base, "--batch-write", IN).json
    assert (made["requests"], made["elsewhere"]) == (1, 2)
    server.ready = True
    assert cli(*base, "--batch", "collect").code == 0
    made = cli(*base, "--batch-write", "more.jsonl").json
    assert (made["requests"], made["answered"], made["elsewhere"]) == (1, 2, 0)


def test_with_every_answer_there_is_nothing_to_write(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    assert cli(*base).code == 0
    made = cli(*base, "--batch-write", IN)
    assert (made.code, made.json["path"], made.json["requests"]) == (0, None, 0)
    assert not IN.exists()
    assert "Nothing to write" in cli(*base[:-1], "--batch-write", IN).out


def test_shards_write_files_of_their_own_and_are_read_together(cli: Cli, bare: tuple[object, ...]) -> None:
    every: list[str] = []
    for part in (1, 2):
        file = Path(f"in-{part}.jsonl")
        assert cli(*bare, "--shard", f"{part}/2", "--batch-write", file).code == 0
        every += [one["custom_id"] for one in requests_in(file)]
        answer(file, Path(f"out-{part}.jsonl"))
    assert len(every) == len({*every}) == 3
    first = cli(*bare, "--shard", "1/2", "--batch-read", "out-1.jsonl")
    assert first.code == 0, first.err
    assert Path(".syneg/tiny/synthetic/default.shard-1-of-2.jsonl").is_file()
    whole = cli(*bare, "--batch-read", "out-1.jsonl", "--batch-read", "out-2.jsonl")
    came: dict[str, int] = whole.json["batch"]  # type: ignore[assignment]
    assert came["read"] + came["again"] == 3
    assert (came["unknown"], whole.json["negatives"]) == (0, 6)


def test_another_clone_reads_what_this_one_wrote(
    cli: Cli, bare: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli(*bare, "--batch-write", IN).code == 0
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copytree(tmp_path / "tiny", clone / "tiny")
    shutil.copy("syneg.toml", clone)
    answer(IN, clone / OUT)
    monkeypatch.chdir(clone)
    read = cli(*bare[:1], "tiny", *bare[2:], "--batch-read", OUT)
    assert (read.code, read.json["negatives"]) == (0, 6), read.err


def test_what_was_read_was_paid_for_elsewhere(cli: Cli, bare: tuple[object, ...]) -> None:
    assert cli(*bare, "--batch-write", IN).code == 0
    answer(IN, OUT)
    shown = cli(*bare[:-1], "--batch-read", OUT)
    assert shown.code == 0, shown.err
    assert "nothing was paid" not in shown.out
    assert "saved by the cache" not in shown.out


def test_no_file_is_replaced_unasked(cli: Cli, bare: tuple[object, ...]) -> None:
    IN.write_text("mine\n")
    refused = cli(*bare, "--batch-write", IN)
    assert refused.code == 2
    assert "in.jsonl is there already" in refused.err
    assert IN.read_text() == "mine\n"
    assert cli(*bare, "--batch-write", IN, "--force").json["requests"] == 3
    assert len(requests_in(IN)) == 3


def test_a_file_is_whole_or_not_there(
    cli: Cli, bare: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from syneg_cli.llm import request_files

    lines = iter((b"one\n", None))

    def line(item: object, llm: object) -> bytes:
        made = next(lines)
        if made is None:
            raise OSError(28, "No space left on device")
        return made

    monkeypatch.setattr(request_files, "request_line", line)
    failed = cli(*bare, "--batch-write", IN)
    assert failed.code != 0
    assert "No space left" in failed.err
    assert [*Path().glob("*.jsonl")] == [*Path().glob(".*.tmp")] == []


def test_answers_cost_half_at_openai_and_the_price_elsewhere(cli: Cli, bare: tuple[object, ...]) -> None:
    """The Batch API is OpenAI's; an own price for an own server is what it is."""
    whole = 3 * (100 * 10e-6 + 50 * 20e-6)
    for more, cost in ((), whole / 2), (("--base-url", "http://127.0.0.1:9/v1"), whole):
        file = Path(f"{cost}.jsonl")
        assert cli(*bare, *more, "--batch-write", file, "--force").code == 0
        answer(file, OUT)
        read = cli(*bare, *more, "--batch-read", OUT)
        assert read.json["total"]["spent_usd"] == pytest.approx(cost), read.err  # type: ignore[index]


def test_an_unknown_price_is_said_to_be_none(cli: Cli, bare: tuple[object, ...]) -> None:
    Path("syneg.toml").write_text("[dataset]\ndev_fraction = 0\n")
    assert cli(*bare, "--batch-write", IN).code == 0
    answer(IN, OUT, line=vllm_line)
    assert cli(*bare, "--batch-read", OUT).json["total"]["unpriced_calls"] == 3  # type: ignore[index]
    capped = cli(*bare, "--max-cost", 1, "--batch-write", "x.jsonl")
    assert capped.code == 2
    assert "nobody knows what openai:m costs" in capped.err


def test_caps_bound_what_is_written(cli: Cli, bare: tuple[object, ...]) -> None:
    made = cli(*bare, "--max-calls", 2, "--batch-write", IN)
    assert made.code == 0, made.err
    assert (made.json["requests"], made.json["over_cap"]) == (2, 1)
    assert len(requests_in(IN)) == 2
    answer(IN, OUT)
    part = cli(*bare, "--max-calls", 2, "--batch-read", OUT)
    assert (part.code, part.json["negatives"], part.json["batch"]["left"]) == (0, 4, 1)  # type: ignore[index]
    over = cli(*bare, "--max-calls", 2, "--batch-write", "more.jsonl")
    assert over.code == 1
    assert "--max-calls 2 is reached. Nothing is written" in over.err
    assert not Path("more.jsonl").exists()
    costly = cli(*bare[:-1], "--max-cost", "0.07", "--temperature", 1, "--batch-write", "cost.jsonl")
    assert "request -> cost.jsonl" in costly.out, costly.err
    assert "2 requests left out. --max-cost $0.07" in costly.out


def test_corrections_are_the_next_file(cli: Cli, bare: tuple[object, ...]) -> None:
    assert cli(*bare, "--batch-write", IN).code == 0
    answer(
        IN, OUT, respond=lambda body, number: Reply(text="no JSON") if number else good_reply(body, number)
    )
    early = cli(*bare, "--batch-read", OUT)
    assert (early.code, early.json["batch"]["left"], early.json["negatives"]) == (0, 2, 2), early.err  # type: ignore[index]
    assert cli(*bare, "--batch-write", "in-2.jsonl").json["requests"] == 2
    second = requests_in(Path("in-2.jsonl"))
    assert all(len(one["body"]["messages"]) == 3 for one in second), "the model is shown its answer"
    answer(Path("in-2.jsonl"), Path("out-2.jsonl"))
    CACHE.unlink()  # both at once, where neither was read before
    done = cli(*bare, "--batch-read", "out-2.jsonl", "--batch-read", OUT)
    assert (done.json["batch"]["read"], done.json["batch"]["left"], done.json["negatives"]) == (5, 0, 6)  # type: ignore[index]


def test_bad_answers_are_asked_for_again(cli: Cli, bare: tuple[object, ...]) -> None:
    never = ("--set", "generate.corrections=0")
    assert cli(*bare, *never, "--batch-write", IN).code == 0
    answer(
        IN, OUT, respond=lambda body, number: Reply(text="no JSON") if number else good_reply(body, number)
    )
    assert cli(*bare, *never, "--batch-read", OUT).json["negatives"] == 2
    assert cli(*bare, *never, "--batch-write", "none.jsonl").json["requests"] == 0
    again = cli(*bare, *never, "--retry-bad", "--batch-write", "in-2.jsonl")
    assert again.json["requests"] == 2, again.err
    answer(Path("in-2.jsonl"), OUT)
    assert cli(*bare, *never, "--batch-read", OUT).json["negatives"] == 6


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--batch-write", "x", "--batch-read", "y"), "--batch-write and --batch-read exclude each other"),
        (("--batch-write", "x", "--batch", "submit"), "--batch-write and --batch exclude each other"),
        (("--batch-read", "x", "--estimate"), "--batch-read and --estimate exclude each other"),
        (("--batch-write", "x", "--pilot", "2"), "--batch-write and --pilot exclude each other"),
        (("--batch-read", "x", "--retry-bad"), "--batch-read and --retry-bad exclude each other"),
        (("--batch", "submit", "--estimate"), "--batch and --estimate exclude each other"),
        (("--batch", "collect", "--retry-bad"), "--batch and --retry-bad exclude each other"),
        (("--batch", "submit", "--force"), "--batch and --force exclude each other"),
        (("--batch", "submit", "--rpm", "60"), "--rpm is for calls that are sent one by one, and --batch"),
        (("--batch-write", "x", "--concurrency", "2"), "--concurrency is for calls that are sent one by one"),
        (("--batch-read", "x", "--set", "generate.tpm=9"), "--tpm is for calls that are sent one by one"),
        (("--batch-write", "x", "--llm", "ollama:m"), "Batches are of openai models, not of ollama ones"),
    ],
)
def test_options_that_have_no_meaning_together(
    cli: Cli, bare: tuple[object, ...], options: tuple[str, ...], told: str
) -> None:
    refused = cli(*bare, *options)
    assert refused.code == 2
    assert told in refused.err


def test_own_queries_of_negatives(cli: Cli, bare: tuple[object, ...]) -> None:
    assert cli(*bare, "--batch-write", IN).code == 0
    answer(IN, OUT)
    assert cli(*bare, "--batch-read", OUT).code == 0
    mirror = (*bare, "--prompt", "mirror-queries")
    assert cli(*mirror, "--batch-write", IN, "--force").json["requests"] == 6
    texts = ["what grows on the north side", *(f"why is point {n} left open there" for n in range(5))]
    answer(IN, OUT, respond=lambda body, number: Reply(text=json.dumps({"query": texts[number]})))
    read = cli(*mirror, "--batch-read", OUT)
    assert read.code == 0, read.err
    assert (read.json["queries"], read.json["calls"], read.json["from_cache"]) == (6, 0, 6)
    assert read.json["batch"]["read"] == 6  # type: ignore[index]
