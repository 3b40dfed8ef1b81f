"""What vectors cost: caps over all runs, stops, kills, and nothing paid for twice."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DOCS, Cli
from tests.embedding_apis.asking import PRICED, at, entries, only_error, process, spent
from tests.patience import PATIENCE, wait_until
from tests.servers import Embedded, EmbedServer, Reply


def test_a_cap_holds_over_all_runs(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    """A dollar a token; a request is let through if it fits at its worst: a token a byte, and 16 a text."""
    one_by_one = ("--set", "embed.batch_size=1", "--concurrency", 1)
    capped = (*at(server), *PRICED, *one_by_one, "--max-cost", 130)
    stopped = cli("eval", tiny, *capped)
    assert stopped.code == 1
    assert "--max-cost $130" in only_error(stopped)
    assert "not paid for again" in stopped.err
    came = sum(server.embedded.values())
    assert 0 < came < len(DOCS)
    assert spent() == server.billed_tokens[0] <= 130
    again = cli("eval", tiny, *capped)
    assert again.code == 1
    assert sum(server.embedded.values()) == came, "the cap is that of all runs"
    assert cli("eval", tiny, *at(server), *PRICED, *one_by_one, "--max-cost", 1000).code == 0
    assert max(server.embedded.values()) == 1
    assert spent() == server.billed_tokens[0]


def test_a_cap_holds_whatever_is_asked_at_once(cli: Cli, tiny: Path) -> None:
    with EmbedServer(latency=0.02) as server:
        many = ("--set", "embed.batch_size=1", "--concurrency", 6, "--max-cost", 130)
        stopped = cli("eval", tiny, *at(server), *PRICED, *many)
        assert "--max-cost $130" in only_error(stopped)
        assert 1 <= sum(server.embedded.values()) < len(DOCS)
        assert spent() == server.billed_tokens[0]


def test_with_a_cap_one_request_may_reserve_a_tenth_of_it(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    """All six at once would not fit at their worst, and one after the other they do."""
    result = cli("eval", tiny, *at(server), *PRICED, "--max-cost", 250, "--concurrency", 1)
    assert result.code == 0, result.err
    assert len(server.requests) == len(DOCS) + 1


def test_what_is_there_needs_neither_server_nor_key(
    cli: Cli, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbedServer() as server:
        there = at(server)
        assert cli("mine", tiny, *there, *PRICED).code == 0
    monkeypatch.delenv("OPENAI_API_KEY")
    assert cli("mine", tiny, *there, "--force").code == 0
    gone = cli("cache", "prune-embeddings", "--model", "openai:m")
    assert "that is paid again when they are needed" in gone.out
    assert cli("cache", "prune-embeddings", "--model", "openai:m", "--yes").code == 0
    assert cli("mine", tiny, *there, "--force").code == 1


def test_a_server_that_counts_nothing_counts_as_the_most(cli: Cli, tiny: Path) -> None:
    with EmbedServer(change=lambda answer, body: answer | {"usage": None}) as server:
        one_by_one = ("--set", "embed.batch_size=1", "--concurrency", 1)
        result = cli("eval", tiny, *at(server), *PRICED, *one_by_one, "--max-cost", 130)
        assert "--max-cost $130" in only_error(result)
        assert "counts no tokens" in result.err
        (text,) = server.embedded
        assert spent() == len(text.encode()) + 16


def test_a_wrong_answer_counts_as_the_most(cli: Cli, tiny: Path) -> None:
    with EmbedServer(change=lambda answer, body: answer | {"data": []}) as server:
        assert "sent 0 vectors" in only_error(cli("eval", tiny, *at(server), *PRICED))
        assert spent() == sum(len(text.encode()) + 16 for text in server.embedded)


def test_what_is_in_flight_when_another_request_fails_is_kept(
    cli: Cli, tiny: Path, server: EmbedServer
) -> None:
    three = ("--set", "embed.batch_size=2", "--concurrency", 3)
    server.script += [Embedded(delay=0.3), Reply(status=403, error="no"), Embedded(delay=0.3)]
    assert "no" in only_error(cli("eval", tiny, *at(server), *PRICED, *three))
    assert sum(server.embedded.values()) == 4
    assert cli("eval", tiny, *at(server), *PRICED, *three).code == 0
    assert max(server.embedded.values()) == 1
    assert spent() == server.billed_tokens[0]


def test_a_cap_needs_a_price(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    result = cli("eval", tiny, *at(server), "--max-cost", 1)
    assert result.code == 2
    assert "nobody knows what openai:m costs" in only_error(result)
    assert not server.requests
    known = cli("eval", tiny, *at(server, model="openai:text-embedding-3-small"), "--max-cost", 1)
    assert known.code == 2, "the price is that of OpenAI's own server"
    calls = cli("eval", tiny, *at(server), "--max-calls", 1)
    assert calls.code == 1
    assert len(server.requests) == 1


def test_a_stop_loses_nothing(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    one_by_one = ("--set", "embed.batch_size=1", "--concurrency", 2)
    server.when(2, lambda: os.kill(os.getpid(), signal.SIGINT))
    stopped = cli("eval", tiny, *at(server), *PRICED, *one_by_one)
    assert stopped.code == 130
    assert "not paid for again" in stopped.err
    assert 2 <= sum(server.embedded.values()) < len(DOCS)
    assert cli("eval", tiny, *at(server), *PRICED, *one_by_one).code == 0
    assert max(server.embedded.values()) == 1
    assert spent() == server.billed_tokens[0]


@pytest.mark.slow
def test_a_kill_costs_what_was_in_flight_at_most(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    one_by_one = ("--set", "embed.batch_size=1", "--concurrency", 1)
    server.script += [Embedded(), Embedded(), Reply(hang=True)]
    killed = process(tiny, server, *one_by_one, "--max-cost", 1000)
    wait_until(lambda: len(server.requests) == 3, "the third request is there")
    killed.kill()
    killed.communicate(timeout=PATIENCE)
    before, lost = server.billed_tokens[0], len(server.requests[-1]["input"][0].encode()) + 16
    assert spent() == before + lost
    result = cli("eval", tiny, *at(server), *PRICED, *one_by_one, "--max-cost", 1000)
    assert result.code == 0, result.err
    assert max(server.embedded.values()) == 1
    assert spent() == server.billed_tokens[0] + lost


@pytest.mark.slow
def test_two_at_once_pay_once(tiny: Path, cli: Cli) -> None:
    """mine and eval both begin with the corpus: one asks, the other waits and finds it there."""
    slowly = ("--set", "embed.batch_size=1", "--concurrency", 1)
    with EmbedServer(latency=0.2) as server:
        both = [process(tiny, server, *slowly, command=command) for command in ("eval", "mine")]
        for one in both:
            _, err = one.communicate(timeout=PATIENCE)
            assert one.returncode == 0, err
        assert max(server.embedded.values()) == 1


def test_damaged_vectors_are_asked_for_again_and_no_others(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    cli("eval", tiny, *at(server))
    (entry,) = [one for one in entries(cli) if one["texts"] == "tiny"]
    file = Path(f".syneg/embeddings/{entry['key']}/vectors.npy")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    again = cli("eval", tiny, *at(server), "--force")
    assert again.code == 0, again.err
    assert "1 of 6 blocks of the vectors of tiny are damaged" in again.err
    assert Counter(server.embedded.values()) == {1: 6, 2: 1}


def test_what_vectors_cost_is_in_each_result_and_in_status(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    """A dollar a token, over all runs: what one command paid, another need not pay again."""
    mined: Any = cli("mine", tiny, *at(server), *PRICED, "--json").json["miners"]
    (bill,) = mined[0]["vectors"]
    after_mine = server.billed_tokens[0]
    assert (bill["model"], bill["spent_usd"], bill["prompt_tokens"]) == ("openai:m", after_mine, after_mine)
    measured: Any = cli("eval", tiny, *at(server), *PRICED, "--json").json
    (of_eval,) = measured["vectors"]
    assert of_eval["job"] == bill["job"]
    assert of_eval["spent_usd"] == server.billed_tokens[0] > after_mine
    verify = ("verify", tiny, "--check", "margin", "--backbone", "openai:m", *PRICED)
    checked: Any = cli(*verify, "--embed-base-url", server.openai_url, "--json")
    assert checked.code == 0, checked.err
    assert checked.json["files"][0]["vectors"] == [of_eval]
    Path("syneg.toml").write_text(
        '[mine]\nbackbone = "openai:m"\nminers = ["dense"]\n[mix]\nstrategy = "retrieved"\n'
        f'[embed]\nbase_url = "{server.openai_url}"\n'
    )
    stages: Any = cli("status", tiny, "--json").json["stages"]
    costs = {one["label"]: one["cost"] for one in stages}
    assert costs["verify dense"] == of_eval["spent_usd"]
    assert costs["mine dense"] is None, "it is counted with those of verify"
    assert "What mine dense cost stands with verify mined-dense" in " ".join(cli("status", tiny).out.split())
    assert not cli("mine", tiny, "--miner", "bm25", "--json").json["miners"][0]["vectors"]  # type: ignore[index]
