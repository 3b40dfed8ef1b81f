"""What an earlier version left behind is opened and used: nothing is made, or paid for, again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from syneg_cli.core import read_mined, read_synthetic
from tests.conftest import Cli
from tests.servers import ChatServer

EARLIER = Path(__file__).parents[1] / "fixtures" / "version-0.1.0"
SERVER = "http://127.0.0.1:8123/v1"
"""Where the recorded answers came from; nobody answers there."""


@pytest.fixture
def earlier(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The project in the current folder, as it was left."""
    shutil.copytree(EARLIER, Path(), dirs_exist_ok=True)
    Path("work").rename(".syneg")
    for file in Path(".syneg/tiny").rglob("*.json"):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("@ROOT@", str(Path().resolve())), encoding="utf-8")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    return cli


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_stage_is_up_to_date(earlier: Cli) -> None:
    result = earlier("status", "--json")
    assert result.code == 0, result.err
    stages = result.json["stages"]
    assert isinstance(stages, list)
    assert [(stage["stage"], stage["state"]) for stage in stages] == [
        *((name, "up to date") for name in ("generate", "mine", "mine")),
        ("verify", "not run"),
        *((name, "up to date") for name in ("mix", "train", "eval")),
    ]
    before = files(Path(".syneg/tiny"))
    assert earlier("run").code == 0
    assert files(Path(".syneg/tiny")) == before, "nothing was made again"


@pytest.mark.parametrize("options", [(), ("--prompt", "mirror", "--name", "mirrored")])
def test_no_paid_answer_is_asked_for_again(earlier: Cli, options: tuple[str, ...]) -> None:
    name = "mirrored" if options else "default"
    written = Path(f".syneg/tiny/synthetic/{name}.jsonl")
    before = read_synthetic(written)
    result = earlier("generate", *options, "--force", "--json")
    assert result.code == 0, result.err
    assert (result.json["from_cache"], result.json["calls"]) == (3, 0)
    assert [n.text for n in read_synthetic(written)] == [n.text for n in before]
    if not options:
        assert written.read_bytes() == (EARLIER / "work/tiny/synthetic/default.jsonl").read_bytes()


def test_general_domains_of_one_s_own_corpus_are_neutral(earlier: Cli) -> None:
    """Up to 0.1.0 it got the expertise of librarians; what was begun with that goes on, or is changed."""

    def asked_at(*options: object) -> set[str]:
        made = earlier("generate", *options, "--force", "--json")
        return {n.attributes["domain"] for n in read_synthetic(Path(str(made.json["path"])))}

    assert asked_at() & {"library science", "information retrieval", "technical writing"}
    own = ("--set", "dataset.attributes.domain=baking")
    assert "attribute pools changed" in earlier("status", *own, "--json").out
    with ChatServer() as server:
        found = asked_at("--name", "new", "--base-url", server.openai_url)
    assert found <= {"the subject of the query", "the field that the document comes from"}


def test_the_same_inputs_make_the_same_files(earlier: Cli) -> None:
    before = files(Path(".syneg/tiny"))
    for command in (("mine",), ("mix",), ("mix", "--strategy", "retrieved")):
        assert earlier(*command, "--force").code == 0
    after = files(Path(".syneg/tiny"))
    for name in ("mined/bm25.jsonl", "mixed/hybrid.jsonl", "mixed/retrieved.jsonl"):
        assert after[name] == before[name]
    # Another processor may round a cosine's sixth digit the other way.
    old, new = (
        read_mined(place / "mined/dense.jsonl") for place in (EARLIER / "work/tiny", Path(".syneg/tiny"))
    )
    assert [(n.query_id, n.doc_id, n.rank) for n in new] == [(n.query_id, n.doc_id, n.rank) for n in old]
    assert [n.score for n in new] == pytest.approx([n.score for n in old], abs=1e-5)


def test_verdicts_that_an_earlier_version_wrote_into_its_input_still_count(earlier: Cli) -> None:
    marked = read_synthetic(Path(".syneg/tiny/synthetic/mirrored.jsonl"))
    assert {n.relevant_by for n in marked} == {("margin",)}
    mixed = ("mix", "--strategy", "synthetic", "--name", "s", "--set", "generate.name=mirrored")
    assert earlier(*mixed).code == 0
    careful = earlier(*mixed, "--max-risk", "0")
    assert careful.code == 2, "every one of them is relevant by the only check"
    assert "No training pair has a negative" in careful.err


def test_training_again_gives_the_same_weights(earlier: Cli) -> None:
    from safetensors.torch import load_file

    assert earlier("train", "--force").code == 0
    path = Path("models/backbone-hybrid/model.safetensors")
    old, new = (load_file(place / path) for place in (EARLIER / "work/tiny", Path(".syneg/tiny")))
    assert old.keys() == new.keys()
    assert max(float((old[name] - new[name]).abs().max()) for name in old) < 1e-5
