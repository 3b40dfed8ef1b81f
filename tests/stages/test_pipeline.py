"""`syneg run`, `status` and `demo`: the five stages in a row, with a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Cli, CliResult
from tests.servers import ChatServer

STAGES = ["generate", "mine", "mix", "train", "eval"]


@pytest.fixture
def project(tiny: Path, tiny_model: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n'
        '[generate]\nllm = "ollama:llama3"\n'
        '[mine]\nminers = ["bm25", "random"]\n'
        f'[train]\nbackbone = "{tiny_model}"\nepochs = 1\noutput = "m"\n',
        encoding="utf-8",
    )
    return cli


def listed(result: CliResult) -> list[dict[str, object]]:
    found = result.json["stages"]
    assert isinstance(found, list)
    return found


def stages(result: CliResult) -> dict[str, dict[str, object]]:
    return {str(stage["stage"]): stage for stage in listed(result)}


def test_run_does_what_is_not_up_to_date_and_says_why(project: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        first = project("run", "--json")
        assert first.code == 0, first.err
        assert list(stages(first)) == STAGES
        assert not any(stage["skipped"] for stage in stages(first).values())
        asked = len(server.requests)
        assert asked == 3

        again = project("run", "--json")
        assert all(stage["skipped"] for stage in stages(again).values())
        assert again.err.count("up to date, nothing to do") >= 5
        assert len(server.requests) == asked

        text = Path("syneg.toml").read_text()
        Path("syneg.toml").write_text(text.replace("epochs = 1", "epochs = 2"))
        changed = project("run", "--json")
        skipped = [(stage["stage"], stage["skipped"]) for stage in listed(changed)]
        earlier = [("generate", True), ("mine", True), ("mine", True), ("mix", True)]
        assert skipped == [*earlier, ("train", False), ("eval", False), ("eval", True)], (
            "the backbone is the same"
        )
        assert "epochs changed: 1 -> 2" in changed.err
        assert len(server.requests) == asked

        states = {name: stage["state"] for name, stage in stages(project("status", "--json")).items()}
        assert states == {**dict.fromkeys(STAGES, "up to date"), "verify": "not run"}
        assert "mine bm25" in project("status").out
        assert changed.err.splitlines()[-1] == (
            f"The model: {stages(changed)['train']['path']}. Next: `syneg report` makes a page of it."
        ).replace(f"{Path.cwd()}/", "")


@pytest.mark.slow
def test_force_does_every_stage_again_and_measures_again(
    project: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assert project("run").code == 0
        measured = Path(".syneg/tiny/eval/m-test.json")
        measured.write_text(measured.read_text().replace("ndcg", "edited"))
        forced = project("run", "--force", "--json")
        assert forced.code == 0, forced.err
        assert not any(stage["skipped"] for stage in listed(forced))
        assert {stage["reason"] for stage in listed(forced)} == {"--force"}
        assert [stage["stage"] for stage in listed(forced)][-2:] == ["eval", "eval"]
        assert "ndcg@10" in json.loads(measured.read_text())["metrics"]
        assert len(server.requests) == 3, "answers that were paid for are not asked for again"


def test_a_run_without_synthetic_negatives_needs_no_llm(project: Cli) -> None:
    result = project("run", "--strategy", "retrieved", "--json")
    assert result.code == 0, result.err
    assert list(stages(result)) == ["mine", "mix", "train", "eval"]


def test_a_run_without_an_llm_names_the_setting(project: Cli) -> None:
    text = Path("syneg.toml").read_text().replace('llm = "ollama:llama3"\n', "")
    Path("syneg.toml").write_text(text)
    result = project("run")
    assert result.code == 2
    assert "no LLM is named" in result.err
    assert "--llm" in result.err


def test_the_mix_is_the_same_byte_for_byte(project: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert project("mine").code == 0
    path = Path(".syneg/tiny/mixed/retrieved.jsonl")
    assert project("mix", "--strategy", "retrieved").code == 0
    first = path.read_bytes()
    assert project("mix", "--strategy", "retrieved", "--force").code == 0
    assert path.read_bytes() == first
    assert project("mix", "--strategy", "retrieved", "--seed", 1).code == 0
    assert path.read_bytes() != first


def test_a_changed_synthetic_file_is_not_trained_on_by_accident(
    project: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        for command in ("generate", "mine", "mix"):
            assert project(command).code == 0
    written = Path(".syneg/tiny/synthetic/default.jsonl")
    written.write_text(written.read_text().replace("x", "y"))
    result = project("train")
    assert result.code == 2
    assert "syneg mix" in result.err
    assert not Path(".syneg/tiny/models").exists()


@pytest.mark.parametrize("named", ["flag", "variable"])
def test_another_shell_goes_on_with_the_server_of_the_last_run(
    project: Cli, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """Nothing is stale, and nobody else is asked, where no server is named for the same model any more."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    asking = ("--llm", "openai:m")
    with ChatServer() as server:
        flag = ("--base-url", server.openai_url) if named == "flag" else ()
        with monkeypatch.context() as shell:
            shell.setenv("OPENAI_BASE_URL", server.openai_url if named == "variable" else "")
            assert project("run", *asking, *flag, "--limit", 2, "--max-calls", 9).code == 2, "no flag of run"
            assert project("run", *asking, *flag, "--max-calls", 9, "--concurrency", 1).code == 0
        monkeypatch.delenv("OPENAI_API_KEY")
        assert stages(project("status", *asking, "--json"))["generate"]["state"] == "up to date"
        assert stages(project("run", *asking, "--json"))["generate"]["skipped"]
        shown = project("generate", *asking, "--json")
        assert shown.json["skipped"], shown.err
        assert f"openai:m is asked at {server.openai_url}, as in the last run" in shown.err
        assert len(server.requests) == 3
        other = stages(project("status", *asking, "--base-url", "http://127.0.0.1:9/v1", "--json"))
        assert other["generate"]["detail"] == (
            f"endpoint changed: '{server.openai_url}' -> 'http://127.0.0.1:9/v1'"
        )
        another = stages(project("status", "--llm", "openai:x", "--json"))["generate"]
        assert another["detail"] == f"endpoint changed: '{server.openai_url}' -> none"


def test_status_is_short_in_a_table_and_whole_in_json(project: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    waiting = project("status").out
    for text in ("│ for generate, mine ", "│ for mix ", "│ for train "):
        assert text in waiting
    assert "/" not in waiting.replace(".syneg", "").replace("syneg verify", "")
    assert str(Path(".syneg/tiny/mixed").resolve()) in str(stages(project("status", "--json"))["train"])
    assert project("mine").code == 0
    stale = stages(project("status", "--set", "mine.depth=3", "--json"))["mine"]
    assert (stale["state"], stale["detail"]) == ("stale", "depth changed: 30 -> 3")
    assert stale["created"] != "-"
    assert stale["seconds"] is not None, "of what is there"


def test_status_says_how_far_an_interrupted_generate_came(
    project: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assert project("generate", "--max-calls", 2).code == 1
        for left in Path(".syneg/tiny/synthetic").iterdir():  # as Ctrl-C leaves it: nothing but the answers
            left.unlink()
        shown = project("status")
        told = stages(project("status", "--json"))["generate"]
    assert told["detail"] == "not there yet; 2 calls so far, 3 pairs"
    assert "│ 2 calls so far, 3 pairs " in shown.out


def test_a_setting_that_is_not_there_is_none_in_no_language(
    project: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assert project("generate", "--limit", "1").code == 0
        assert project("generate", "--json", "--no-structured").json["reason"] == "limit changed: 1 -> none"
        reason = project("generate", "--json", "--structured").json["reason"]
    assert reason == "structured changed: false -> true"


@pytest.mark.slow
def test_demo_ends_with_one_table_of_all_arms(
    cli: Cli, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNEG_TRAIN_BACKBONE", str(tiny_model))
    for section in ("MINE", "TRAIN", "EVAL"):
        monkeypatch.setenv(f"SYNEG_{section}_MAX_LENGTH", "48")  # of 64 that the model has
    monkeypatch.setenv("SYNEG_MINE_PERCENTAGE", "off")  # random weights: every cosine is near 1
    result = cli("demo", "here", "--json")
    assert result.code == 0, result.err
    arms = result.json["arms"]
    assert isinstance(arms, dict)
    assert list(arms) == ["zero-shot", "expanded", "mined", "SyNeg mix", "mix, expanded", "mirror"]
    written = json.loads(Path("here/.syneg/aldermere-support/queries/default.manifest.json").read_text())
    assert written["counts"]["asked"] == 600
    comparisons = result.json["comparisons"]
    assert isinstance(comparisons, dict)
    gain = comparisons["SyNeg mix - mined"]
    assert gain["difference"] == pytest.approx(arms["SyNeg mix"]["ndcg@10"] - arms["mined"]["ndcg@10"])
    assert gain["low"] <= gain["difference"] <= gain["high"]
    manifest = json.loads(Path("here/.syneg/aldermere-support/synthetic/default.manifest.json").read_text())
    assert manifest["counts"]["negatives"] == 400
    mirror = json.loads(Path("here/.syneg/aldermere-support/mixed/mirror.manifest.json").read_text())
    assert mirror["counts"]["mirrored"] == 400
    again = cli("demo", "here")
    assert again.code == 0
    assert "Training" not in again.err
    assert "SyNeg mix" in again.out


def test_demo_does_not_touch_a_folder_that_is_not_its_own(cli: Cli) -> None:
    Path("busy").mkdir()
    Path("busy/notes.txt").write_text("mine")
    result = cli("demo", "busy")
    assert result.code == 2
    assert [p.name for p in Path("busy").iterdir()] == ["notes.txt"]


def test_status_shows_written_queries_also_where_they_are_not_used(cli: Cli, tiny: Path) -> None:
    Path("r.jsonl").write_text('{"doc_id": "d5", "query": "does rest help to recall words"}\n')
    own = ("--set", "dataset.dev_fraction=0", "--set", "generate.llm=replay:r.jsonl")
    made = cli("queries", tiny, *own, "--check", "none")
    assert made.code == 0, made.err

    def row(*more: str) -> dict[str, object]:
        rows = cli("status", tiny, *own, "--set", "queries.check=none", *more, "--json").json["stages"]
        return next(one for one in rows if one["stage"] == "queries")  # type: ignore[attr-defined]

    assert (row()["state"], row()["detail"]) == (
        "up to date",
        "1 query; not in training (--synthetic-queries)",
    )
    assert row("--synthetic-queries", "1")["detail"] == "1 query"
    assert row("--synthetic-queries", "1", "--set", "queries.n=3")["state"] == "stale"
