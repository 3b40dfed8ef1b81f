"""Embedding servers with odd habits: what can be used is used, the rest is one line and is not kept."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.llm import most_inputs
from syneg_cli.llm.bodies import LARGEST_BODY
from tests.conftest import DOCS, QUERIES, Cli
from tests.embedding_apis.asking import KEY, PRICED, at, cosine, entries, only_error, run_file
from tests.servers import Body, Embedded, EmbedServer, Reply
from tests.servers.embed import vector, words


def backwards(answer: dict[str, Any], body: Body) -> Any:
    return answer | {"data": answer["data"][::-1]}


def without_places(answer: dict[str, Any], body: Body) -> Any:
    return answer | {"data": [{"embedding": one["embedding"]} for one in answer["data"]]}


@pytest.mark.parametrize("change", [backwards, without_places])
@pytest.mark.parametrize("takes_base64", [True, False])
def test_the_order_is_that_of_the_places(cli: Cli, tiny: Path, change: Any, takes_base64: bool) -> None:
    with EmbedServer(change=change, takes_base64=takes_base64) as server:
        result = cli("eval", tiny, *at(server))
    assert result.code == 0, result.err
    scores = {doc_id: cosine(QUERIES["q3"], " ".join(DOCS[doc_id])) for doc_id in DOCS}
    assert dict(run_file()["q3"]) == pytest.approx(scores, abs=1e-6)


def sends(field: str, make: Any) -> Any:
    return lambda answer, body: answer | {field: make(answer[field])}


def vectors(make: Any) -> Any:
    """Answers whose vectors are something else."""
    return sends("data", lambda data: [one | {"embedding": make(at)} for at, one in enumerate(data)])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (sends("data", lambda data: data[:-1]), "sent 5 vectors for 6 texts"),
        (sends("data", lambda data: []), "sent 0 vectors for 6 texts"),
        (sends("data", lambda data: [one | {"index": 0} for one in data]), "places (index)"),
        (sends("data", lambda data: [one | {"index": [0]} for one in data]), "places (index)"),
        (sends("data", lambda data: None), "no list of embeddings"),
        (lambda answer, body: [], "no list of embeddings"),
        (vectors(lambda at: [math.nan, 1.0]), "NaN"),
        (vectors(lambda at: [None, 1.0]), "NaN"),
        (vectors(lambda at: [0.0, 0.0]), "zeros"),
        (vectors(lambda at: [1.0] * (at + 1)), "dimensions in one answer"),
        (vectors(lambda at: []), "dimensions"),
        (vectors(lambda at: "not base64"), "no lists of numbers"),
        (vectors(lambda at: ["1", "2"]), "no lists of numbers"),
        (vectors(lambda at: [[1.0]]), "no lists of numbers"),
        (vectors(lambda at: {"a": 1}), "no lists of numbers"),
    ],
)
def test_what_is_no_vectors_is_one_line_and_nothing_is_kept(
    cli: Cli, tiny: Path, change: Any, says: str
) -> None:
    with EmbedServer(change=change) as server:
        result = cli("eval", tiny, *at(server))
        assert len(server.requests) == 1, "the next answer would be as wrong, and cost as much"
    assert result.code == 1
    assert says in only_error(result)
    assert entries(cli) == []


def test_dimensions_that_change_stop_it_and_what_came_before_is_kept(
    cli: Cli, tiny: Path, server: EmbedServer
) -> None:
    one_by_one = ("--set", "embed.batch_size=2", "--concurrency", 1)
    server.script += [Embedded(), Embedded(change=vectors(lambda at: [1.0, 2.0]))]
    stopped = cli("eval", tiny, *at(server), *one_by_one)
    assert stopped.code == 1
    assert "vectors of 2 dimensions, where those before have 4096" in only_error(stopped)
    assert cli("eval", tiny, *at(server), *one_by_one).code == 0
    assert [len(body["input"]) for body in server.requests] == [2, 2, 2, 2, 1]


def test_a_server_that_keeps_its_own_dimensions_is_told(cli: Cli, tiny: Path) -> None:
    with EmbedServer(change=vectors(lambda at: vector("a b", 4096))) as server:
        result = cli("eval", tiny, *at(server, "--dimensions", 64))
    assert "sent vectors of 4096 dimensions, not of 64 (--dimensions)" in only_error(result)


def test_few_texts_at_once_and_short_ones(cli: Cli, tiny: Path) -> None:
    """The server says both; what it finds too long is cut by halves, and the others are whole."""
    with EmbedServer(most=2, longest=13) as server:
        result = cli("eval", tiny, *at(server))
        assert result.code == 0, result.err
        assert server.billed_calls > 3
        sent = [" ".join(DOCS[doc_id]) for doc_id in DOCS]
        whole = [text for text in sent if len(words(text)) <= 13]
        assert 0 < len(whole) < len(sent)
        assert all(server.embedded[text] == 1 for text in whole)
        cut = [text for text in server.embedded if text not in sent and text not in QUERIES.values()]
        assert len(cut) == len(sent) - len(whole)
        assert all(any(text.startswith(part) for text in sent) for part in cut)
    assert f"{len(cut)} texts longer than the server takes" in result.err.replace("1 text l", "1 texts l")


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(status=400, error="bad dimensions"), "bad dimensions"),
        (Reply(status=401, error=f"Incorrect API key provided: {KEY}"), "refused the key (401)"),
        (Reply(status=403, error=f"{KEY} may not"), "*** may not"),
        (Reply(status=404, error="no such model"), "has no model 'm' (404): no such model"),
        (Reply(raw="<!DOCTYPE html><p>Welcome</p>", kind="text/html"), "sent a web page"),
        (Reply(raw={"error": {"message": "broken", "code": 400}}), "broken"),
        (Reply(raw="{"), "broken body"),
    ],
)
def test_refusals_are_one_line_without_the_key(
    cli: Cli, tiny: Path, server: EmbedServer, reply: Reply, says: str
) -> None:
    server.script += [reply] * 3
    result = cli("eval", tiny, *at(server), "--set", "generate.attempts=1")
    assert result.code == 1
    assert says in only_error(result)
    assert KEY not in result.err + result.out
    assert entries(cli) == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500, error="input (600 tokens) is too large to process. increase the batch size"),
        Reply(status=422, error="`inputs` must have less than 512 tokens. Given: 600"),
        Reply(status=413, error="too large"),
        Reply(status=400, error="the input length exceeds the context length"),
        Reply(status=400, error="Requested 425000 tokens, max 300000 tokens per request"),
        Reply(status=400, error="Invalid 'input': array too long. Expected an array of at most 2 items"),
    ],
)
def test_a_request_that_is_too_much_comes_in_halves(
    cli: Cli, tiny: Path, server: EmbedServer, reply: Reply
) -> None:
    server.script.append(reply)
    result = cli("eval", tiny, *at(server))
    assert result.code == 0, result.err
    assert [len(body["input"]) for body in server.requests] == [6, 3, 3, 1]


def test_a_filtered_text_is_named_and_the_others_are_kept(cli: Cli, tiny: Path) -> None:
    class Filters(EmbedServer):
        def _refusal(self, texts: Any) -> Reply | None:
            bad = any("apnea" in text for text in texts)
            return Reply(status=400, code="content_filter", error="flagged") if bad else None

    with Filters() as server:
        result = cli("eval", tiny, *at(server, "--concurrency", 1))
        assert "That is text 6 of tiny." in only_error(result)
        assert sum(server.embedded.values()) == 5


def test_an_overloaded_server_gets_its_pause(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    server.script += [Reply(status=429, headers={"retry-after": "0.01"}), Reply(status=503)]
    result = cli("eval", tiny, *at(server), *PRICED)
    assert result.code == 0, result.err
    assert sum(server.embedded.values()) == len(server.embedded)
    server.script.append(Reply(status=429, headers={"retry-after": "3600"}))
    ceiling = ("--set", "generate.max_wait=0.05", "--set", "generate.attempts=1")
    refused = cli("eval", tiny, *at(server, "--dimensions", 8), *ceiling)
    assert "429" in only_error(refused)


def test_a_request_is_no_larger_than_its_answer_may_be() -> None:
    assert most_inputs(2048, None) == 128
    assert most_inputs(2048, 3072) * 3072 * 24 <= LARGEST_BODY < (most_inputs(2048, 3072) + 1) * 3072 * 24
    assert most_inputs(2048, 64) == 2048
    assert most_inputs(1, 10**9) == 1
