"""Encoders behind an API, as their users call them: mined with, judged by, measured."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import BackboneError
from syneg_cli.encoding import find_model, load_model, weights_hash
from tests.conftest import DOCS, QRELS, QUERIES, Cli, write_dataset
from tests.embedding_apis.asking import PRICED, at, cosine, entries, only_error, run_file
from tests.servers import EmbedServer, Reply, nobody


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


def test_texts_longer_than_asked_are_cut_and_counted(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    result = cli("eval", tiny, *at(server), "--set", "embed.max_length=5")
    assert result.code == 0, result.err
    assert "6 texts longer than 5 tokens" in result.err
    assert all(len(text) <= 20 for text in server.embedded)


def test_other_programs_that_want_weights_say_so() -> None:
    for load in (find_model, load_model, weights_hash):
        with pytest.raises(BackboneError, match="openai:m: a model behind an API has no weights here"):
            load("openai:m")


def test_doctor_asks_the_server_of_the_backbone(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    Path("syneg.toml").write_text(
        f'[mine]\nbackbone = "openai:m"\n[embed]\nbase_url = "{server.openai_url}"\n'
    )
    assert "openai:m: its server answers" in cli("doctor").out
    with nobody() as url:
        Path("syneg.toml").write_text(f'[mine]\nbackbone = "ollama:m"\n[embed]\nbase_url = "{url}"\n')
        assert "does not answer" in cli("doctor").out


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
    assert "`syneg keys set OPENAI_API_KEY`" in only_error(result)


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
