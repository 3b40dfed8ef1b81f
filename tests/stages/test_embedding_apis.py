"""Encoders behind an API, as their users call them: mined with, judged by, measured; and paid for once."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.llm.cache import Cache
from tests.conftest import DOCS, QRELS, QUERIES, Cli, CliResult, write_dataset
from tests.patience import PATIENCE, wait_until
from tests.servers import Body, Embedded, EmbedServer, Reply
from tests.servers.embed import vector, words

KEY = "sk-of-a-test-0123456789"
PRICED = ("--set", "embed.price=1000000")
"""A dollar a token: what is spent can be counted by hand."""


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def server() -> Iterator[EmbedServer]:
    with EmbedServer() as running:
        yield running


def at(server: EmbedServer, *more: object, model: str = "openai:m") -> tuple[object, ...]:
    url = server.openai_url if model.startswith("openai:") else server.url
    return ("--backbone", model, "--base-url", url, *more)


def run_file(name: str = "openai--m-test") -> dict[str, list[tuple[str, float]]]:
    """Query id -> (document, score), best first."""
    found: dict[str, list[tuple[str, float]]] = {}
    for line in Path(f".syneg/tiny/eval/{name}.trec").read_text().splitlines():
        query_id, _, doc_id, _, score, _ = line.split()
        found.setdefault(query_id, []).append((doc_id, float(score)))
    return found


def entries(cli: Cli) -> list[dict[str, Any]]:
    found: Any = cli("cache", "embeddings", "--json").json["entries"]
    return list(found)


def only_error(result: CliResult) -> str:
    """The one error, which is the last thing said."""
    assert result.err.count("error: ") == 1, result.err
    assert "Traceback" not in result.err
    return result.err.partition("error: ")[2]


def cosine(one: str, other: str) -> float:
    a, b = Counter(words(one)), Counter(words(other))
    lengths = math.sqrt(sum(n * n for n in a.values()) * sum(n * n for n in b.values()))
    return sum(a[word] * b[word] for word in a) / lengths


def test_the_measured_ranking_is_that_of_the_vectors(cli: Cli, tmp_path: Path, server: EmbedServer) -> None:
    grades = {"d2": 1, "d6": 2, "d4": 1}
    rows = [("q5", doc_id, grade) for doc_id, grade in grades.items()]
    query = "vitamin supplements mood aspirin dose trial men memory apnea"
    qrels = {"train": QRELS["train"][:1], "test": rows}
    data = write_dataset(tmp_path / "tiny", queries={**QUERIES, "q5": query}, qrels=qrels)
    result = cli("eval", data, *at(server), *PRICED, "--json")
    assert result.code == 0, result.err
    scores = {doc_id: cosine(query, " ".join(DOCS[doc_id])) for doc_id in DOCS}
    assert len(set(scores.values())) == len(DOCS), "no two are as near"
    order = sorted(DOCS, key=lambda doc_id: -scores[doc_id])
    assert [doc_id for doc_id, _ in run_file()["q5"]] == order
    assert dict(run_file()["q5"]) == pytest.approx(scores, abs=1e-6)
    gain = sum(grades.get(doc_id, 0) / math.log2(rank + 2) for rank, doc_id in enumerate(order))
    ideal = sum(grade / math.log2(rank + 2) for rank, grade in enumerate(sorted(grades.values())[::-1]))
    measured: Any = result.json
    assert (measured["name"], measured["model"]) == ("openai--m", "openai:m")
    assert measured["metrics"]["ndcg@10"] == pytest.approx(gain / ideal)


def test_each_text_is_paid_for_once_by_all_commands(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    """verify embeds positives and negatives, which are documents that mine has embedded."""
    mined = cli("mine", tiny, *at(server), *PRICED)
    assert mined.code == 0, mined.err
    assert "embed tiny: 6 texts with openai:m, about" in mined.err
    assert cli("eval", tiny, *at(server), *PRICED).code == 0
    verify = ("verify", tiny, "--check", "margin", "--backbone", "openai:m")
    checked = cli(*verify, "--embed-base-url", server.openai_url, *PRICED, "--json")
    assert checked.code == 0, checked.err
    assert sum(server.embedded.values()) == len(server.embedded) == len(DOCS) + len(QUERIES)
    before = len(server.requests)
    assert "up to date" in cli("mine", tiny, *at(server)).err
    assert cli("mine", tiny, *at(server), "--force").code == 0
    assert len(server.requests) == before
    found = entries(cli)
    assert sum(one["cost_usd"] or 0 for one in found) == sum(one["tokens_paid"] or 0 for one in found)
    assert sum(one["tokens_paid"] or 0 for one in found) == server.billed_tokens[0]
    assert "cost" in cli("cache", "embeddings").out
    manifest = json.loads(Path(".syneg/tiny/mined/dense.manifest.json").read_text())
    assert manifest["settings"]["backbone"] == "openai:m"
    assert manifest["settings"]["embed.base_url"] == server.openai_url


def test_a_document_more_is_the_only_one_asked_for(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    cli("eval", tiny, *at(server))
    with (tiny / "corpus.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"_id": "d7", "title": "New", "text": "another one"}\n')
        file.write('{"_id": "d8", "title": "", "text": ""}\n')
        file.write('{"_id": "d9", "title": "New", "text": "another one"}\n')
    again = cli("eval", tiny, *at(server))
    assert again.code == 0, again.err
    assert server.requests[-1]["input"] == ["New another one"]
    assert "1 empty text not sent" in again.err
    assert dict(run_file()["q3"])["d8"] == 0


def test_other_settings_are_other_vectors(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    cli("eval", tiny, *at(server))
    short = cli("eval", tiny, *at(server, "--dimensions", 64))
    assert short.code == 0, short.err
    assert "embed.dimensions" in short.err
    assert server.requests[-1]["dimensions"] == 64
    assert {one["dimension"] for one in entries(cli)} == {64, 4096}
    prompts = ("--set", "embed.query_prompt=ask: ", "--set", "embed.passage_prompt=say: ")
    assert cli("eval", tiny, *at(server), *prompts).code == 0
    assert {text[:5] for body in server.requests[-2:] for text in body["input"]} == {"ask: ", "say: "}
    before = len(server.requests)
    assert cli("eval", tiny, *at(server, "--dimensions", 64)).code == 0
    assert len(server.requests) == before
    with EmbedServer() as other:
        assert cli("eval", tiny, *at(other)).code == 0
        assert sum(other.embedded.values()) == len(DOCS) + 1


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


def test_texts_longer_than_asked_are_cut_and_counted(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    result = cli("eval", tiny, *at(server), "--set", "embed.max_length=5")
    assert result.code == 0, result.err
    assert "6 texts longer than 5 tokens" in result.err
    assert all(len(text) <= 20 for text in server.embedded)


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


def spent(job_of_any: str = ".syneg/generations.db") -> float:
    with Cache(Path(job_of_any)) as cache:
        ((total,),) = cache.file.select("SELECT COALESCE(SUM(spent_usd + lost_usd), 0) FROM jobs")
        ((reserved,),) = cache.file.select("SELECT COALESCE(SUM(reserved), 0) FROM claims")
    return float(total + reserved)


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


def test_a_server_that_counts_nothing_counts_as_the_most(cli: Cli, tiny: Path) -> None:
    with EmbedServer(change=lambda answer, body: answer | {"usage": None}) as server:
        one_by_one = ("--set", "embed.batch_size=1", "--concurrency", 1)
        result = cli("eval", tiny, *at(server), *PRICED, *one_by_one, "--max-cost", 130)
        assert "--max-cost $130" in only_error(result)
        assert "counts no tokens" in result.err
        (text,) = server.embedded
        assert spent() == len(text.encode()) + 16


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


def process(tiny: Path, server: EmbedServer, *more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "syneg_cli", "eval", tiny, *at(server), *PRICED, *more]
    return subprocess.Popen(
        list(map(str, command)),
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


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
    with EmbedServer(latency=0.05) as server:
        both = [process(tiny, server, "--work-dir", ".w", "--set", "embed.batch_size=1") for _ in range(2)]
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


def test_ollama(cli: Cli, tiny: Path) -> None:
    with EmbedServer(longest=13) as server:
        result = cli("eval", tiny, *at(server, model="ollama:llama3"))
        assert result.code == 0, result.err
        assert "free" in result.err
        assert all(body["truncate"] is False for body in server.requests)
        assert "longer than the server takes" in result.err
        missing = cli("mine", tiny, *at(server, model="ollama:nope"))
        assert missing.code == 1
        assert "ollama pull nope" in only_error(missing)
        server.script.append(Reply(raw={"embeddings": [[1.0, 2.0]]}))
        few = cli("mine", tiny, *at(server, "--dimensions", 2, model="ollama:llama3"))
        assert "sent 1 vectors for 6 texts" in only_error(few)


@pytest.mark.parametrize("name", ["openai:x", "ollama:nomic-embed-text"])
def test_an_api_is_not_trained(cli: Cli, tiny: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in ("train", "run"):
        result = cli(command, tiny, "--backbone", name)
        assert result.code == 2
        assert "--backbone: a model behind an API has no weights to train" in only_error(result)
    assert "no weights to train" in cli("train", tiny, "--set", f"train.guide={name}").err
    Path("syneg.toml").write_text(f'[train]\nbackbone = "{name}"\n')
    filed = cli("train", tiny)
    assert filed.code == 2
    assert "syneg.toml, line 2: backbone in [train]" in only_error(filed)
    assert not Path(".syneg").exists()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("eval", "--backbone", "openai:"), "no model is named"),
        (("mine", "--backbone", "openai:m", "--base-url", "models.example"), "http://"),
        (("mine", "--backbone", "openai:m", "--max-length", "3"), "--max-length is for models that run here"),
        (("mine", "--backbone", "openai:m", "--precision", "bf16"), "--precision is for models that run"),
        (("eval", "--backbone", "openai:m", "--precision", "bf16"), "--precision is for models that run"),
        (("eval", "--backbone", "openai:m", "--dimensions", "0"), "--dimensions"),
        (("eval", "--backbone", "openai:m", "--set", "embed.batch_size=4000"), "embed.batch_size"),
    ],
)
def test_wrong_use_is_one_message(cli: Cli, tiny: Path, command: tuple[str, ...], says: str) -> None:
    result = cli(command[0], tiny, *command[1:])
    assert result.code == 2
    assert says in only_error(result)


def test_the_judges_server_is_not_the_encoders(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    cli("mine", tiny, "--miner", "bm25")
    sources = ("verify", tiny, "--check", "margin", "--source", "bm25", "--backbone", "openai:m")
    result = cli(*sources, "--base-url", server.openai_url)
    assert result.code == 2
    assert "--embed-base-url" in only_error(result)
    assert cli(*sources, "--embed-base-url", server.openai_url).code == 0


def test_a_strangers_server_is_agreed_to_first(cli: Cli, tiny: Path) -> None:
    Path("syneg.toml").write_text('[embed]\nbase_url = "https://user:secret77@models.stranger.example/v1"\n')
    result = cli("eval", tiny, "--backbone", "openai:m")
    assert result.code == 2
    assert "nobody agreed to that yet" in only_error(result)
    shown = cli("eval", tiny, "--show-config")
    assert "models.stranger.example/v1" in shown.out
    assert "secret77" not in shown.out + result.err


def test_no_key_is_one_line(cli: Cli, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    result = cli("eval", tiny, "--backbone", "openai:text-embedding-3-small")
    assert result.code == 1
    assert "Set OPENAI_API_KEY" in only_error(result)


@pytest.mark.slow
def test_no_torch_is_loaded(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    code = (
        "import sys; from syneg_cli.cli.app import main; code = main(sys.argv[1:]); "
        "sys.exit(code or ('torch' in sys.modules) * 7)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "eval", str(tiny), *map(str, at(server))],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
