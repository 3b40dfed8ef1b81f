"""Files that are damaged, edited or named into one another: said, and nothing good is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.servers import ChatServer, Reply

MADE = Path(".syneg/tiny")


@pytest.fixture
def project(tiny: Path, tiny_model: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Negatives of both kinds, and a mix of them."""
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[generate]\nllm = "ollama:llama3"\n'
        f'[mine]\nminers = ["bm25"]\ndepth = 2\n[train]\nbackbone = "{tiny_model}"\nepochs = 1\n'
    )
    with ChatServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        for command in ("generate", "mine", "mix"):
            assert cli(command).code == 0
    return cli


@pytest.mark.parametrize("text", ["", '{"query_id": "q1"', '{"query_id": "q1"}\n["q1"]\n'])
@pytest.mark.parametrize(("file", "command"), [("synthetic/default", "generate"), ("mined/bm25", "mine")])
def test_a_damaged_result_is_made_again(project: Cli, file: str, command: str, text: str) -> None:
    path = MADE / f"{file}.jsonl"
    good = path.read_bytes()
    path.write_text(text)
    assert "damaged" in project("status").out
    result = project(command)
    assert result.code == 0, result.err
    assert "running (damaged since it was made)" in result.err
    assert path.read_bytes() == good


def test_an_edited_result_is_used_as_it_is_and_it_is_said(project: Cli) -> None:
    path = MADE / "synthetic/default.jsonl"
    kept = path.read_text().split("\n", 1)[1]
    path.write_text(kept)
    result = project("generate")
    assert "was changed since it was made; it is used as it is" in result.err
    assert path.read_text() == kept


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("synthetic/default.jsonl", ("mix",)),
        ("mined/bm25.jsonl", ("mix",)),
        ("mixed/hybrid.jsonl", ("export", "--output", "x.jsonl")),
        ("mixed/hybrid.jsonl", ("train",)),
    ],
)
@pytest.mark.parametrize("line", ["{}", '{"query_id": 1}', "[]", "null"])
def test_a_line_that_is_no_record_is_named(
    project: Cli, file: str, command: tuple[str, ...], line: str
) -> None:
    (MADE / file).write_text(line + "\n")
    result = project(*command, "--json")
    assert result.code == 2
    assert f"{file}, line 1" in result.err
    assert "again" in result.err
    assert result.json["exit_code"] == 2
    assert str(result.json["error"]) in result.err


@pytest.mark.parametrize(
    "wrong", [{"inputs": None}, {"settings": []}, {"counts": "x"}, {"inputs": None, "x": 1}]
)
def test_a_manifest_of_other_types_counts_as_none(project: Cli, wrong: dict[str, object]) -> None:
    path = MADE / "mixed/hybrid.manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | wrong))
    result = project("mix")
    assert result.code == 0, result.err
    assert "its manifest cannot be read" in result.err


@pytest.mark.parametrize("name", ["../../../negatives", "a/b", "..", "", ".hidden"])
@pytest.mark.parametrize("key", ["generate.name", "mix.name", "train.output"])
def test_the_name_of_a_result_stays_in_its_folder(project: Cli, key: str, name: str) -> None:
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    result = project("status", "--set", f"{key}={name}")
    if name or key == "generate.name":
        assert result.code == 2, result.out
        assert "expected a name as " in result.err
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_runs_are_stored_apart_from_models_and_from_one_another(project: Cli, tiny_model: Path) -> None:
    assert project("eval", "--model", tiny_model).code == 0
    model = MADE / f"eval/{tiny_model.name}-test.json"
    before = model.read_bytes()
    for folder, document in (("a", "d1"), ("b", "d2")):
        Path(folder).mkdir()
        Path(folder, f"{tiny_model.name}.trec").write_text(f"q3 Q0 {document} 1 1.0 x\n")
        assert project("eval", "--run", Path(folder, f"{tiny_model.name}.trec")).code == 0
    assert model.read_bytes() == before
    assert len(list(MADE.glob("eval/run-*-test.json"))) == 2


def test_an_export_does_not_replace_what_it_is_made_from(project: Cli, tiny: Path) -> None:
    for place in (tiny / "corpus.jsonl", MADE / "mixed/hybrid.jsonl", tiny / "new.jsonl"):
        before = place.read_bytes() if place.is_file() else None
        result = project("export", "--output", place)
        assert result.code == 2
        assert "which syneg reads" in result.err
        assert (place.read_bytes() if place.is_file() else None) == before


def test_what_follows_a_stale_stage_is_stale(project: Cli) -> None:
    found = project("status", "--set", "generate.n=3", "--json").json["stages"]
    assert isinstance(found, list)
    states = {stage["stage"]: (stage["state"], stage["detail"]) for stage in found}
    assert states["generate"] == ("stale", "n changed: 2 -> 3")
    assert states["mine"][0] == "up to date"
    assert states["mix"] == ("stale", "follows generate")


def test_a_place_that_cannot_be_written_is_one_line(project: Cli) -> None:
    result = project("mine", "--work-dir", Path("syneg.toml"))
    assert result.code in (1, 2)
    assert "unexpected" not in result.err
    assert "syneg.toml" in result.err


def test_a_misspelt_variable_is_an_error(project: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNEG_TRAIN_EPOCS", "5")
    result = project("status")
    assert result.code == 2
    assert "SYNEG_TRAIN_EPOCS sets nothing. Did you mean 'SYNEG_TRAIN_EPOCHS'?" in result.err


@pytest.mark.parametrize(
    "option",
    [("train", "--lr", "inf"), ("mine", "--set", "mine.miners="), ("verify", "--set", "verify.checks=")],
)
def test_values_that_can_mean_nothing_are_refused(project: Cli, option: tuple[str, ...]) -> None:
    result = project(*option)
    assert result.code == 2, result.out
    assert "not" in result.err


def test_verify_keeps_what_was_decided(project: Cli, tiny_model: Path) -> None:
    verify = ("verify", "--source", "bm25", "--backbone", tiny_model)
    first = project(*verify, "--check", "margin", "--margin", 2, "--effect", "mark")
    assert "only marked (--effect mark)" in first.out
    with ChatServer(lambda body, number: Reply(text='{"relevant": false}')) as server:
        options = ("--check", "judge", "--llm", "openai:m", "--base-url", server.openai_url)
        second = project(*verify, *options, "--json")
    assert second.code == 0, second.err
    assert "judge added" in second.err
    assert second.json["files"][0]["effect"] == "mark"  # type: ignore[index]
