"""`syneg import hub:NAME` from a hub on this machine, and from clones of its repositories."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import DOCS, QRELS, QUERIES, Cli
from tests.data.imports.conftest import corpus
from tests.data.imports.test_judgements import judged
from tests.encoding.conftest import point_to
from tests.servers import HubServer

DOCUMENTS = [{"_id": key, "title": title, "text": text} for key, (title, text) in DOCS.items()]
ASKED = [{"_id": key, "text": text} for key, text in QUERIES.items()]
GRADES = {
    split: [{"query-id": q, "corpus-id": d, "score": grade} for q, d, grade in rows]
    for split, rows in QRELS.items()
}


def parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def named_id(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"id" if key == "_id" else key: value for key, value in row.items()} for row in rows]


def tsv(rows: list[dict[str, Any]]) -> bytes:
    cells = [("query-id", "corpus-id", "score"), *(tuple(row.values()) for row in rows)]
    return "".join("\t".join(map(str, row)) + "\n" for row in cells).encode()


def card(**configs: Any) -> bytes:
    entries = [
        {"config_name": name.replace("_", "-"), "data_files": files} for name, files in configs.items()
    ]
    return f"---\nlicense: cc\nconfigs: {json.dumps(entries)}\n---\n# A data set\n".encode()


BEIR = {
    "README.md": b"# BEIR",
    "corpus/corpus-00000-of-00002.parquet": parquet(DOCUMENTS[:4]),
    "corpus/corpus-00001-of-00002.parquet": parquet(DOCUMENTS[4:]),
    "queries/queries-00000-of-00001.parquet": parquet(ASKED),
}
BEIR_QRELS = {"train.tsv": tsv(GRADES["train"]), "test.tsv": tsv(GRADES["test"])}
MTEB = {
    "README.md": card(
        default=[{"split": split, "path": f"qrels/{split}.jsonl"} for split in QRELS],
        corpus=[{"split": "corpus", "path": "corpus.jsonl"}],
        queries=[{"split": "queries", "path": "queries.jsonl"}],
    ),
    "corpus.jsonl": lines(DOCUMENTS),
    "queries.jsonl": lines(ASKED),
    **{f"qrels/{split}.jsonl": lines(rows) for split, rows in GRADES.items()},
}
NEWER = {
    "README.md": card(
        corpus=[{"split": "test", "path": "corpus/test-*"}],
        qrels=[{"split": "train", "path": "qrels/train-*"}, {"split": "test", "path": ["qrels/test-*"]}],
        queries="queries/test-*",
    ),
    "corpus/test-00000-of-00001.parquet": parquet(named_id(DOCUMENTS)),
    "queries/test-00000-of-00001.parquet": parquet(named_id(ASKED)),
    **{f"qrels/{split}-00000-of-00001.parquet": parquet(rows) for split, rows in GRADES.items()},
}
WITHOUT_CARD = {name: content for name, content in MTEB.items() if name != "README.md"}
LANGUAGES = {
    "README.md": card(
        de_corpus="de/corpus.jsonl",
        de_queries="de/queries.jsonl",
        de_qrels=[{"split": split, "path": f"de/qrels/{split}.jsonl"} for split in QRELS],
        fr_corpus="fr/corpus.jsonl",
        fr_queries="fr/queries.jsonl",
        fr_qrels=[{"split": "test", "path": "fr/qrels/test.jsonl"}],
    ),
    **{f"{code}/{name}": content for code in ("de", "fr") for name, content in WITHOUT_CARD.items()},
}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    for name in ("HF_HUB_CACHE", "HF_TOKEN_PATH", "HF_STORED_TOKENS_PATH", "AGENT_HARNESSES_PATH"):
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", str(tmp_path / "hf" / name))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with HubServer() as server:
        point_to(server, monkeypatch)
        for repo, files in {
            "BeIR/scifact": BEIR,
            "BeIR/scifact-qrels": BEIR_QRELS,
            "mteb/scifact": MTEB,
            "mteb/newer": NEWER,
            "me/plain": WITHOUT_CARD,
            "me/languages": LANGUAGES,
            "me/images": {"README.md": b"x", "data/train-00000-of-00001.parquet": parquet([{"x": 1}])},
        }.items():
            server.add(f"datasets/{repo}", files)
        yield server


@pytest.mark.parametrize(
    "name", ["BeIR/scifact", "mteb/scifact", "mteb/newer", "me/plain", "me/languages/de"]
)
def test_data_sets_of_the_hub(cli: Cli, hub: HubServer, name: str) -> None:
    result = cli("import", f"hub:{name}", "--output", "out")
    assert result.code == 0, result.err
    assert {key: (row["title"], row["text"]) for key, row in corpus("out").items()} == DOCS
    for split, rows in QRELS.items():
        assert judged("out", split) == [(q, d, str(grade)) for q, d, grade in rows]
    asked = len(hub.requests)
    again = cli("import", f"hub:{name}", "--output", "out", "--json").json
    assert again["skipped"] is True
    assert not [one for one in hub.requests[asked:] if one.startswith("GET") and "/resolve/" in one]


def test_what_was_downloaded_is_used_without_a_network(cli: Cli, hub: HubServer) -> None:
    assert cli("import", "hub:BeIR/scifact").code == 0
    hub.stop()
    result = cli("import", "hub:BeIR/scifact", "--force")
    assert result.code == 0, result.err
    assert "BeIR/scifact is taken as it was downloaded before" in result.err
    assert set(corpus("scifact-data")) == set(DOCS)
    other = cli("import", "hub:mteb/scifact")
    assert (other.code, "mteb/scifact could not be downloaded from the hub" in other.err) == (2, True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("BeIR/nothing", "The hub has no data set BeIR/nothing, or it is private."),
        ("scifact", "hub:scifact names no data set."),
        ("me/images", "me/images has no corpus."),
        ("me/languages", "give hub:me/languages/PART with de, fr"),
        ("me/languages/it", "me/languages has no corpus called it."),
    ],
)
def test_what_is_none(cli: Cli, hub: HubServer, name: str, said: str) -> None:
    result = cli("import", f"hub:{name}")
    assert result.code == 2
    assert said in " ".join(result.err.split())


@pytest.mark.parametrize("files", [MTEB, NEWER, WITHOUT_CARD])
def test_a_clone(cli: Cli, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = Path("clone", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for way in ("hub:clone", "./clone"):
        result = cli("import", way, "--output", "out", "--force")
        assert result.code == 0, result.err
        assert set(corpus("out")) == set(DOCS)
        assert judged("out", "train") == [(q, d, str(grade)) for q, d, grade in QRELS["train"]]


def test_a_repository_without_judgements_says_so(cli: Cli, hub: HubServer) -> None:
    del hub.repos["datasets/BeIR/scifact-qrels"]
    result = cli("import", "hub:BeIR/scifact")
    assert result.code == 0, result.err
    assert "BeIR/scifact has no judgements, and there is no BeIR/scifact-qrels" in result.err
    assert not Path("scifact-data/qrels").exists()


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where data sets that are named are kept: nothing is there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg" / "syneg" / "datasets"


@pytest.mark.parametrize("name", ["BeIR/scifact", "mteb/newer", "me/languages/de"])
def test_every_command_takes_a_data_set_of_the_hub(cli: Cli, hub: HubServer, kept: Path, name: str) -> None:
    first = cli("mine", f"hub:{name}", "--miner", "random", "--json")
    assert first.code == 0, first.err
    (folder,) = (one for one in kept.iterdir() if one.is_dir())
    assert folder.name == "hub--" + name.replace("/", "--")
    assert {key: (row["title"], row["text"]) for key, row in corpus(str(folder)).items()} == DOCS
    for split, rows in QRELS.items():
        assert judged(str(folder), split) == [(q, d, str(grade)) for q, d, grade in rows]
    hub.stop()
    again = cli("mine", f"hub:{name}", "--miner", "random", "--json")
    assert again.code == 0, again.err
    assert [one["skipped"] for one in again.json["miners"]] == [True]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "said", "do"),
    [
        ("scifact", "hub:scifact names no data set", "hub:OWNER/NAME"),
        ("me/nothing", "The hub has no data set me/nothing", "HF_TOKEN"),
        ("me/images", "me/images has no corpus", "has a corpus, queries and qrels"),
        ("me/unjudged", "hub:me/unjudged has no judgements", "syneg import hub:me/unjudged"),
        ("me/clone", "me/clone is a folder here", "syneg import hub:me/clone"),
    ],
)
def test_what_is_no_data_set_of_the_hub_is_one_clear_line(
    cli: Cli, hub: HubServer, kept: Path, name: str, said: str, do: str
) -> None:
    unjudged = {file: content for file, content in WITHOUT_CARD.items() if "qrels" not in file}
    hub.add("datasets/me/unjudged", unjudged)
    Path("me/clone").mkdir(parents=True)
    result = cli("mine", f"hub:{name}", "--miner", "random")
    assert result.code == 2
    assert said in result.err
    assert do in result.err
    assert not [one for one in kept.glob("*") if one.is_dir()]
