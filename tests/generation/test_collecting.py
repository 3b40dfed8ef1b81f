"""`--batch collect`: what came is made a result, what is left is counted, and nothing is asked live."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.servers import Body, Reply, good_reply
from tests.servers.batches import BatchServer


def test_collecting_asks_nothing_live_and_writes_what_came(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    """Whoever wants half the price is not charged the whole one for what was never handed in."""
    assert cli(*base, "--batch", "submit", "--limit", 2).json["requests"] == 2
    server.ready = True
    part = cli(*base, "--batch", "collect")
    assert part.code == 0, part.err
    assert server.requests == []
    assert (part.json["batch"]["left"], part.json["answered"], part.json["negatives"]) == (1, 2, 4)  # type: ignore[index]
    assert (part.json["complete"], part.json["written"]) == (False, True)
    assert (
        "1 request has no answer: `--batch submit` hands it in, without --batch it is asked at once."
        in part.err
    )
    assert cli(*base, "--batch", "submit").json["requests"] == 1
    whole = cli(*base, "--batch", "collect")
    assert (whole.json["negatives"], whole.json["complete"], server.requests) == (6, True, [])


def test_a_part_that_is_collected_takes_the_place_of_no_more(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    assert cli(*base).json["negatives"] == 6
    before, asked = Path(".syneg/tiny/synthetic/default.jsonl").read_bytes(), len(server.requests)
    other = (*base, "--temperature", 0.5)
    assert cli(*other, "--batch", "submit", "--limit", 2).json["requests"] == 2
    server.ready = True
    part = cli(*other, "--batch", "collect")
    assert (part.code, part.json["written"], part.json["batch"]["left"]) == (0, False, 1), part.err  # type: ignore[index]
    assert "holds more than this run made" in part.err
    assert Path(".syneg/tiny/synthetic/default.jsonl").read_bytes() == before
    assert len(server.requests) == asked


def test_corrections_are_handed_in_like_all_else(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    """What is wrong with an answer is shown to the model in the next batch, not live at once."""

    def first_bad(body: Body, number: int) -> Reply:
        return good_reply(body, number) if len(body["messages"]) > 1 else Reply(text="no JSON")

    server.respond, server.ready = first_bad, True
    assert cli(*base, "--batch", "submit").json["requests"] == 3
    early = cli(*base, "--batch", "collect")
    assert (early.code, early.json["written"]) == (0, False), early.err
    assert early.json["batch"]["left"] == 3  # type: ignore[index]
    assert "nothing usable came, and nothing is written" in early.err
    assert cli(*base, "--batch", "submit").json["requests"] == 3
    done = cli(*base, "--batch", "collect")
    assert (done.json["negatives"], done.json["complete"], server.requests) == (6, True, []), done.err


def test_bad_answers_are_handed_in_again(cli: Cli, base: tuple[str, ...], server: BatchServer) -> None:
    """As a live run asks for them again; what is good, or in a batch already, is not."""

    def one_good(body: Body, number: int) -> Reply:
        return Reply(text="no JSON") if number else good_reply(body, number)

    never = (*base, "--set", "generate.corrections=0")
    server.respond, server.ready = one_good, True
    assert cli(*never, "--batch", "submit").json["requests"] == 3
    assert cli(*never, "--batch", "collect").json["negatives"] == 2
    assert cli(*never, "--batch", "submit").json["requests"] == 0
    assert cli(*never, "--estimate").json["calls"] == 0
    assert cli(*never).json["calls"] == 0, "neither does a live run"
    assert cli(*never, "--estimate", "--retry-bad").json["calls"] == 2
    server.respond, server.ready = good_reply, False
    assert cli(*never, "--batch", "submit", "--retry-bad").json["requests"] == 2
    assert cli(*never, "--batch", "submit", "--retry-bad").json["requests"] == 0
    server.ready = True
    done = cli(*never, "--batch", "collect")
    assert (done.json["negatives"], done.json["calls"], server.requests) == (6, 0, []), done.err
    assert cli(*never, "--batch", "submit", "--retry-bad").json["requests"] == 0


def test_an_estimate_counts_what_a_run_would_ask(
    cli: Cli, base: tuple[str, ...], server: BatchServer
) -> None:
    """Unusable answers are corrected once, by a request of its own: until it is answered, and not again."""
    asked: list[int] = []

    def one_good(body: Body, number: int) -> Reply:
        asked.append(number)
        return Reply(text="no JSON") if len(asked) > 1 else good_reply(body, number)

    server.respond, twice = one_good, ("--set", "generate.corrections=2")
    done = cli(*base)
    assert done.code == 0, (done.out, done.err)
    assert done.json["calls"] == 5
    assert cli(*base, "--estimate").json["calls"] == 0
    assert cli(*base, "--force").json["calls"] == 0
    assert cli(*base, *twice, "--estimate").json["calls"] == 2
    assert cli(*base, *twice).json["calls"] == 2


def test_an_estimate_counts_what_is_asked_again(cli: Cli, base: tuple[str, ...], server: BatchServer) -> None:
    server.respond = lambda body, number: Reply(text="", finish="content_filter")
    cli(*base)
    assert cli(*base, "--estimate").json["calls"] == 0
    assert cli(*base, "--estimate", "--retry-bad").json["calls"] == 3


@pytest.mark.parametrize(
    "flag",
    [
        *[("--batch", "submit"), ("--batch", "collect"), ("--estimate",), ("--retry-bad",)],
        *[("--limit", 1), ("--shard", "1/2"), ("--n", 1), ("--corrections", 0)],
    ],
)
def test_queries_of_negatives_know_no_batch_no_estimate_and_no_part(
    cli: Cli, base: tuple[str, ...], server: BatchServer, flag: tuple[object, ...]
) -> None:
    """None is passed over in silence while all is asked at the full price."""
    assert cli(*base).code == 0
    asked = len(server.requests)
    refused = cli(*base, "--prompt", "mirror-queries", *flag)
    assert refused.code == 2
    assert f"{flag[0]} is not for mirror-queries" in refused.err
    assert len(server.requests) == asked
