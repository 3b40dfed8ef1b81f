"""`generate --batch`: nothing is bought twice, whatever happens between handing in and collecting."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core.holders import machine
from syneg_cli.llm.cache import Cache
from tests.conftest import Cli
from tests.servers import Body, Reply, good_reply
from tests.servers.batches import BatchServer


def test_batches_are_handed_in_once_and_fetched_at_half_the_price(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    refused = cli(*base, "--batch", "submit", "--max-cost", "0.01")
    assert refused.code == 1
    assert "the batch of 3 can cost" in refused.json["error"]  # type: ignore[operator]
    assert not server.files
    submitted = cli(*base, "--batch", "submit")
    assert submitted.json == {"batch": "batch-1", "requests": 3}, submitted.err
    assert cli(*base, "--batch", "submit").json["requests"] == 0
    assert cli(*base, "--batch", "collect").json["waiting"] == ["batch-1 (in_progress)"]
    server.ready = True
    done = cli(*base, "--batch", "collect")
    assert done.code == 0, done.err
    assert (done.json["answered"], done.json["calls"], done.json["negatives"]) == (3, 0, 6)
    assert server.requests == []
    with Cache(Path(".syneg/generations.db")) as cache:
        costs = [row.cost_usd for row in cache.rows()]
        assert not cache.file.select("SELECT * FROM claims")
    assert costs == [pytest.approx(0.5 * (100 * 10e-6 + 50 * 20e-6))] * 3


def test_a_live_run_leaves_to_a_batch_what_it_holds(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    assert cli(*base, "--batch", "submit", "--limit", 2).json["requests"] == 2
    live = cli(*base)
    assert len(server.requests) == 1, "the third pair alone"
    assert live.json["failed"] == [
        {"why": "in a batch", "pairs": 2, "said": "handed in with a batch: `--batch collect` fetches it"}
    ]
    assert (live.json["answered"], live.json["complete"]) == (1, False)
    server.ready = True
    assert cli(*base, "--batch", "collect").json["answered"] == 3
    assert len(server.requests) == 1


def test_what_a_batch_can_cost_counts_for_live_calls(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    assert cli(*base, "--batch", "submit", "--limit", 2).code == 0
    over = cli(*base, "--max-calls", 2)
    assert over.code == 1
    assert "--max-calls 2 is reached" in over.err
    assert server.requests == []
    assert "is reserved for calls in flight" in cli(*base, "--max-cost", 0.2).err
    assert cli(*base, "--batch", "submit", "--max-calls", 2).code == 1
    assert len(server.batches) == 1


def test_a_process_that_is_killed_after_handing_in_is_taken_up(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    command = [sys.executable, "-m", "syneg_cli", *base, "--batch", "submit"]
    code = (
        "import os, subprocess, sys\n"
        f"print(os.getpid(), flush=True); sys.stdin.readline()\nos.execv(sys.executable, {command!r})"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        server.kill = int(process.stdout.readline())
        process.communicate("go\n")
    assert process.returncode == -9
    server.kill = None
    assert list(server.batches) == ["batch-1"]
    assert cli(*base, "--batch", "submit").json == {"batch": None, "requests": 0}
    assert list(server.batches) == ["batch-1"], "it is known to be the server's"
    server.ready = True
    assert cli(*base, "--batch", "collect").json["answered"] == 3


def test_a_batch_that_never_reached_the_server_frees_its_requests(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    assert cli(*base, "--batch", "submit").code == 0
    with Cache(Path(".syneg/generations.db")) as cache, cache.file.write():
        cache.file.change(
            "UPDATE batches SET id = token, state = 'sending', made_by = ?", [f"{machine()}:{2**30}:1"]
        )
    server.batches.clear()
    assert cli(*base, "--batch", "submit").json == {"batch": "batch-1", "requests": 3}


def test_a_batch_that_another_machine_hands_in_right_now_is_left_to_it(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    """Nobody here can see whether that process runs; only after an hour it is taken to be gone."""
    assert cli(*base, "--batch", "submit").code == 0
    known = server.batches.copy()
    server.batches.clear()
    sending = "UPDATE batches SET id = token, state = 'sending', made_by = 'elsewhere/b/n:7:1', created = ?"
    with Cache(Path(".syneg/generations.db")) as cache, cache.file.write():
        cache.file.change(sending, [time.time() - 60])
    assert cli(*base, "--batch", "submit").json == {"batch": None, "requests": 0}
    assert not server.batches, "its requests are not handed in a second time"
    with Cache(Path(".syneg/generations.db")) as cache, cache.file.write():
        cache.file.change(sending, [time.time() - 7200])
    server.batches |= known
    server.ready = True
    assert cli(*base, "--batch", "collect").json["answered"] == 3, "the server had it"


def test_a_batch_is_found_among_many(
    cli: Cli, base: tuple[str, ...], server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers list a hundred at a time, and an account may have more."""
    assert cli(*base, "--batch", "submit").code == 0
    with Cache(Path(".syneg/generations.db")) as cache, cache.file.write():
        cache.file.change(
            "UPDATE batches SET id = token, state = 'sending', made_by = ?", [f"{machine()}:{2**30}:1"]
        )
    server.others = 250
    assert cli(*base, "--batch", "submit").json == {"batch": None, "requests": 0}
    assert list(server.batches) == ["batch-1"], "it was the server's all along"


@pytest.mark.parametrize("change", [("--set", "generate.n=3"), ("--temperature", 0.5), ("--limit", 1)])
def test_answers_that_were_paid_for_are_kept_whatever_is_asked_for_by_now(
    cli: Cli, base: tuple[str, ...], server: BatchServer, change: tuple[object, ...]
) -> None:
    assert cli(*base, "--batch", "submit").code == 0
    server.ready = True
    assert cli(*base, *change, "--batch", "collect").code == 0
    asked = len(server.requests)
    with Cache(Path(".syneg/generations.db")) as cache:
        kept = [row for row in cache.rows() if row.query_id in ("q1", "q2", "q4") and row.cost_usd]
    assert len(kept) >= 3
    back = cli(*base, "--force")
    assert back.json["answered"] == 3, back.err
    assert len(server.requests) == asked, "all of it is in the cache"


def test_collecting_goes_on_where_it_was_killed_and_counts_nothing_twice(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    """Also where two collect at once: what the other recorded is passed over in silence."""
    assert cli(*base, "--batch", "submit").code == 0
    with Cache(Path(".syneg/generations.db")) as cache:
        (batch,) = cache.file.dicts("SELECT * FROM batches")
        claims = cache.file.select("SELECT key, owner, until, job, reserved FROM claims")
    server.ready = True
    assert cli(*base, "--batch", "collect").json["answered"] == 3
    with Cache(Path(".syneg/generations.db")) as cache:
        (totals,) = cache.file.dicts("SELECT * FROM jobs")
        with cache.file.write():
            cache.file.change("UPDATE batches SET state = ?", [batch["state"]])
            for claim in claims[1:]:
                cache.file.change("DELETE FROM answers WHERE key = ?", claim[:1])
                cache.file.change("INSERT INTO claims VALUES (?, ?, ?, ?, ?)", claim)
            cache.file.change("UPDATE jobs SET calls = 1, spent_usd = spent_usd / 3")
    again = cli(*base, "--batch", "collect", "--force")
    assert "2 answers fetched, 0 failed" in again.err
    assert "passed over" not in again.err
    with Cache(Path(".syneg/generations.db")) as cache:
        (after,) = cache.file.dicts("SELECT * FROM jobs")
        assert len(list(cache.rows())) == 3
    assert (after["calls"], after["spent_usd"]) == (3, pytest.approx(totals["spent_usd"]))


def test_a_refused_batch_is_one_line_and_frees_its_requests(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    server.refuse = 403
    refused = cli(*base, "--batch", "submit")
    assert refused.code == 1
    assert "unexpected" not in refused.err
    server.refuse = 0
    assert cli(*base, "--batch", "submit").json["requests"] == 3


def test_bad_lines_are_passed_over_and_named(cli: Cli, base: tuple[str, ...], server: BatchServer) -> None:
    """And texts may hold what Python takes for ends of lines."""
    odd = {"response": {"status_code": 200, "body": {"choices": [{"message": {"content": "a\u2028b\x85c"}}]}}}
    server.more_lines = [
        b"{half a line",
        b"[1, 2]",
        json.dumps(odd, ensure_ascii=False).encode(),
        json.dumps({"custom_id": ["x"], **odd}, ensure_ascii=False).encode(),
        b"\xff\xfe",
    ]
    assert cli(*base, "--batch", "submit").code == 0
    server.ready = True
    found = cli(*base, "--batch", "collect")
    assert found.code == 0, found.err
    batch: dict[str, Any] = found.json["batch"]  # type: ignore[assignment]
    assert (batch["fetched"], batch["failed"], len(batch["bad"])) == (3, 5, 5)
    assert "line 2: no JSON object of a batch" in batch["bad"][0]
    assert found.json["answered"] == 3, "and collecting is over"


def test_a_batch_is_recorded_as_a_whole(cli: Cli, base: tuple[str, ...], server: BatchServer) -> None:
    """One transaction, not one for each of thousands of answers; where it fails, the batch is still to be fetched."""
    assert cli(*base, "--batch", "submit").code == 0
    server.ready = True
    with closing(sqlite3.connect(".syneg/generations.db", isolation_level=None)) as database:
        third = "BEFORE INSERT ON answers WHEN (SELECT COUNT(*) FROM answers) = 2"
        database.execute(f"CREATE TRIGGER fill {third} BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
        failed = cli(*base, "--batch", "collect")
        assert "cannot grow: the disk is full" in failed.err
        assert database.execute("SELECT COUNT(*) FROM answers").fetchone() == (0,)
        database.execute("DROP TRIGGER fill")
    collected = cli(*base, "--batch", "collect")
    assert collected.json.get("answered") == 3, collected.err


def test_a_text_with_other_line_ends_comes_back_whole(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    def odd(body: Body, number: int) -> Reply:
        return Reply(text=str(good_reply(body, number).text).replace("word1 ", "word1\u2028\x85 "))

    server.respond = odd
    assert cli(*base, "--batch", "submit").code == 0
    server.ready = True
    collected = cli(*base, "--batch", "collect")
    assert collected.json.get("answered") == 3, collected.err
    with Cache(Path(".syneg/generations.db")) as cache:
        assert all("word1\u2028\x85 " in row.response for row in cache.rows())


def test_batches_are_openais(cli: Cli, tiny: Path) -> None:
    assert cli("generate", tiny, "--llm", "ollama:x", "--batch", "submit").code == 2


def test_the_answers_of_a_whole_batch_are_as_long_as_they_are(
    cli: Cli, base: tuple[str, ...], server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is that of one answer; files of batches hold thousands of them."""
    assert cli(*base, "--batch", "submit").code == 0
    server.ready = True
    monkeypatch.setattr("syneg_cli.llm.bodies.LARGEST_BODY", 1000)
    assert len(b"".join(server._lines("batch-1"))) > 1000
    collected = cli(*base, "--batch", "collect")
    assert collected.json.get("answered") == 3, collected.err


def test_collecting_with_no_batch_open_says_so_and_asks_nothing(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    """Whoever wants half the price is not charged the whole one for want of a batch."""
    early = cli(*base, "--batch", "collect")
    assert early.code == 0, early.err
    assert (early.json["fetched"], early.json["left"]) == (0, 3)
    said = cli(*base[:-1], "--batch", "collect")
    assert (
        "No batch is open, so there is nothing to fetch. 3 requests have no answer: `--batch submit`"
        in said.out
    )
    assert server.requests == []
    assert cli(*base, "--batch", "submit").code == 0
    server.ready = True
    assert cli(*base, "--batch", "collect").json["answered"] == 3
    late = cli(*base, "--batch", "collect")
    assert late.code == 0, late.err
    assert "No batch is open, so there is nothing to fetch. Everything has its answer." in late.err
    assert late.json["reason"] == "up to date"


def test_nothing_is_handed_in_that_could_not_be_put_in_its_place(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    taken = Path(".syneg/tiny/synthetic/mine.jsonl")
    taken.parent.mkdir(parents=True)
    taken.write_text("{}\n")
    refused = cli(*base, "--name", "mine", "--batch", "submit")
    assert refused.code == 2
    assert "no result of syneg" in refused.err or "no manifest" in refused.err
    assert not server.batches
