"""Results, manifests and evaluations that hold something else than syneg wrote: exit code 2, one line, a remedy."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.stages.test_bad_input import DEEP, ROW, WORK, pipe, told


@pytest.fixture
def project(tiny: Path, cli: Cli) -> Cli:
    """Negatives of both kinds, a mix of them, and a run that was measured."""
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[generate]\nllm = "replay:r.jsonl"\n'
        '[mine]\nminers = ["bm25"]\ndepth = 2\n[mix]\nneed_synthetic = 0\n'
    )
    Path("r.jsonl").write_text(
        json.dumps(ROW | {"response": json.dumps({"negatives": [{"document": "word " * 30}] * 2})})
    )
    Path("run.trec").write_text("q3 Q0 d5 1 2.0 x\n")
    for command in (("generate",), ("mine",), ("mix",), ("eval", "--run", "run.trec")):
        result = cli(*command)
        assert result.code == 0, result.err
    return cli


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("synthetic/default", {"index": "1"}, "index has to be a whole number"),
        ("synthetic/default", {"text": None}, "text has to be a string"),
        ("synthetic/default", {"extra": []}, "extra has to be an object"),
        ("synthetic/default", {"scores": {"a": "b"}}, "scores has to be an object of numbers"),
        ("synthetic/default", {"status": "good"}, "status has to be one of ok, dropped, positive"),
        ("synthetic/default", {"query_id": "q9"}, "tiny has no query 'q9'"),
        ("synthetic/default", {"positive_id": "d9"}, "tiny has no document 'd9'"),
        ("mined/bm25", {"rank": 1.5}, "rank has to be a whole number"),
        ("mined/bm25", {"score": "high"}, "score has to be a number"),
        ("mined/bm25", {"score": True}, "score has to be a number"),
        ("mined/bm25", {"relevant_by": "judge"}, "relevant_by has to be a list of strings"),
        ("mined/bm25", {"doc_id": "d9"}, "tiny has no document 'd9'"),
        ("mined/bm25", {"novel": 1}, "unknown field 'novel'"),
    ],
)  # fmt: skip
def test_a_field_of_a_negative(project: Cli, file: str, change: dict[str, Any], says: str) -> None:
    path = WORK / f"{file}.jsonl"
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([first, json.dumps(json.loads(rest[0]) | change), *rest[1:]]) + "\n")
    told(project("mix", "--force"), f"{path.name}, line 2", says)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rounds": [["ab"]]}, "a negative has to be [source, id]; it is 'ab'"),
        ({"rounds": [[["bm25", 3]]]}, "a negative has to be [source, id]"),
        ({"rounds": "none"}, "rounds has to be a list of lists"),
        ({"family": None}, "have to be strings"),
        ({"rounds": [[["bm25", "d9"]]]}, "tiny has no document 'd9'"),
        ({"rounds": [[["synthetic", "q9/d9/1"]]]}, "tiny has no document 'q9/d9/1'"),
        ({"query_id": "q9"}, "tiny has no query 'q9'"),
        ({"positive_id": "d9"}, "tiny has no document 'd9'"),
    ],
)
def test_a_field_of_a_mix(project: Cli, change: dict[str, Any], says: str) -> None:
    path = WORK / "mixed/hybrid.jsonl"
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps(json.loads(first) | change), *rest]) + "\n")
    told(project("export", "--output", "x.jsonl"), "hybrid.jsonl, line 1", says)
    assert not Path("x.jsonl").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": {"synthetic": 3}},
        {"paths": {"synthetic": 3}},
        {"seconds": "long"},
        {"content": 5},
        {"counts": {}},
        {"counts": {"instances": "3", "negatives_per_instance": {}}},
        {"counts": {"instances": 3, "negatives_per_instance": {"bm25": "1"}}},
        DEEP,
        "[]",
    ],
)
def test_a_manifest_of_a_mix(project: Cli, change: dict[str, Any] | str) -> None:
    path = WORK / "mixed/hybrid.manifest.json"
    text = change if isinstance(change, str) else json.dumps(json.loads(path.read_text()) | change)
    path.write_text(text)
    told(project("export", "--output", "x.jsonl"), "No training instances 'hybrid'")
    assert project("status").code == 0
    assert project("mix", "--force").code == 0
    assert project("export", "--output", "x.jsonl").code == 0


def test_a_manifest_that_is_a_pipe(project: Cli) -> None:
    pipe(WORK / "mixed/hybrid.manifest.json")
    told(project("export", "--output", "x.jsonl"), "hybrid.jsonl has no manifest (hybrid.manifest.json)")


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"[]",
        b"\xff",
        DEEP.encode(),
        b'{"metrics": {"ndcg@10": "high"}}',
        b'{"metrics": {"ndcg@10": 2.0}}',
        b'{"per_query": {"ndcg@10": [1]}}',
        b'{"name": 3}',
        b'{"novel": 3}',
    ],
)
def test_an_evaluation(project: Cli, text: bytes) -> None:
    """One that was edited: a damaged one is measured again."""
    path = next((WORK / "eval").glob("run*test.json"))
    good = json.loads(path.read_text())
    manifest = path.with_suffix(".manifest.json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"content": ""}))
    edited = text.startswith(b'{"')
    path.write_bytes(json.dumps(good | json.loads(text)).encode() if edited else text)
    told(project("eval", "--run", "run.trec"), path.name)
    assert project("eval", "--run", "run.trec", "--force").code == 0


def test_a_damaged_copy_of_a_corpus_is_made_again(project: Cli) -> None:
    (arrow,) = Path(".syneg/corpora").glob("*.arrow")
    good = arrow.read_bytes()
    for data in (b"", good[:100], good[:-30], bytes(random.Random(0).randbytes(len(good)))):
        arrow.write_bytes(data)
        result = project("status")
        assert result.code == 0, result.err
        assert "is damaged; it is made again" in result.err
        assert arrow.read_bytes() == good


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("syneg.toml", ("status",)),
        ("corpus.jsonl", ("status",)),
        ("test.tsv", ("status",)),
        ("r.jsonl", ("generate", "--force")),
        ("run.trec", ("eval", "--run", "run.trec", "--force")),
        ("default.jsonl", ("mix", "--force")),
        ("own.txt", ("generate", "--prompt", "own.txt")),
    ],
)
def test_a_file_of_somebody_else(
    project: Cli, monkeypatch: pytest.MonkeyPatch, name: str, command: tuple[str, ...]
) -> None:
    Path("own.txt").write_text("x")
    really = io.open

    def closed(file: Any, *args: Any, **options: Any) -> Any:
        if isinstance(file, (str, Path)) and Path(file).name == name:
            raise PermissionError(13, "Permission denied", str(file))
        return really(file, *args, **options)

    monkeypatch.setattr(io, "open", closed)
    told(project(*command), name, "Permission denied")


def test_a_folder_where_nothing_can_be_written(project: Cli) -> None:
    told(project("mine", "--work-dir", "syneg.toml"), "syneg.toml")
    told(project("export", "--output", "syneg.toml/x.jsonl"), "syneg.toml")
    told(project("cache", "export", "syneg.toml/x.jsonl"), "syneg.toml")
