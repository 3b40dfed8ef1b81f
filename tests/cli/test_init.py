"""`syneg init`: what it checks, asks and writes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.mixing import STRATEGIES
from syneg_cli.stages.project import resolve
from tests.conftest import QRELS, Cli, write_dataset

ONLY_TEST = {"test": [("q1", "d1", 1), ("q2", "d3", 1), ("q3", "d5", 1), ("q4", "d2", 1)]}
RELEVANCE = 'A page is "relevant" if C:\\path \x7f answers \u00e9'


def test_a_project_without_a_data_set_names_none(cli: Cli) -> None:
    """So that `run` asks for one, and downloads none that nobody wanted."""
    result = cli("init", "--dir", "my projects/a")
    assert "Next: `cd 'my projects/a'`, set name and llm in syneg.toml" in result.err
    file = Path("my projects/a/syneg.toml")
    assert resolve(file=file, environ={}).project.dataset.name is None
    assert '# name = "my-corpus" ' in file.read_text()
    run = cli("run", "--project", file)
    assert run.code == 2
    assert "No data set named" in run.err
    assert "Next: set llm in syneg.toml" in cli("init", "scifact").err


def test_the_template_names_every_strategy(cli: Cli) -> None:
    cli("init", "scifact")
    text = Path("syneg.toml").read_text()
    assert f'strategy = "hybrid"           # {", ".join(STRATEGIES)}\n' in text
    assert {"graded", "mirror"} <= STRATEGIES.keys()


def test_the_data_set_is_counted(cli: Cli, tmp_path: Path) -> None:
    queries = {f"q{i}": f"text {i}" for i in range(13)}
    qrels = {
        "train": [(f"q{i}", "d1", 1) for i in range(8)],
        "test": [(f"q{i}", "d2", 1) for i in range(8, 13)],
    }
    write_dataset(tmp_path / "cwd" / "my-corpus", queries=queries, qrels=qrels)
    result = cli("init", "./my-corpus")
    assert result.code == 0, result.err
    assert "my-corpus: 6 documents, 8 train queries (1 held out as dev), 5 test" in result.out
    assert "held out" not in result.err
    assert 'name = "./my-corpus"' in Path("syneg.toml").read_text()
    assert "# relevance = " in Path("syneg.toml").read_text()


def test_json_is_one_object(cli: Cli, tiny: Path) -> None:
    result = cli("init", tiny, "--json")
    written = result.json["written"]
    assert isinstance(written, list)
    assert written[0] == "syneg.toml"
    assert all(Path(path).is_file() for path in written)
    assert result.json["dataset"] == {
        "name": "tiny",
        "folder": str(tiny),
        "documents": 6,
        "queries": {"test": 1, "train": 3},
        "carved": [],
    }
    again = cli("init", tiny, "--json")
    assert again.code == 2
    assert "is there already" in str(again.json["error"])


@pytest.mark.parametrize("damage", ["no corpus", "bad line", "bad judgement", "name"])
def test_a_wrong_data_set_is_said_before_anything_is_written(cli: Cli, tiny: Path, damage: str) -> None:
    name = str(tiny)
    if damage == "no corpus":
        (tiny / "corpus.jsonl").unlink()
    elif damage == "bad line":
        (tiny / "corpus.jsonl").write_text('{"_id": "d1"}\n')
    elif damage == "bad judgement":
        (tiny / "qrels" / "test.tsv").write_text("q9\td1\t1\n")
    else:
        name = "nothing-of-that-name"
    result = cli("init", name, "--dir", "new/project")
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert list(Path().iterdir()) == []


def test_what_was_in_the_work_directory_survives_a_wrong_data_set(cli: Cli, tiny: Path) -> None:
    Path(".syneg").mkdir()
    Path(".syneg/generations.db").write_text("paid for")
    (tiny / "qrels" / "test.tsv").write_text("q9\td1\t1\n")
    assert cli("init", tiny).code == 2
    assert Path(".syneg/generations.db").read_text() == "paid for"


def test_a_name_that_is_not_here_yet_is_not_downloaded(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    for name in ("scifact", "irds:beir/fiqa"):
        result = cli("init", name, "--dir", name.replace(":", "-"))
        assert result.code == 0, result.err
        assert f"{name}: will be downloaded" in result.out
    assert not (tmp_path / "xdg").exists()
    assert "relevance" not in Path("irds-beir/fiqa/syneg.toml").read_text(), "there is a preset"


@pytest.mark.parametrize("quoted", [RELEVANCE, "line one\n  line two", "\U0001f600 ]]] #"])
def test_relevance_is_written_as_toml(cli: Cli, tiny: Path, quoted: str) -> None:
    assert cli("init", tiny, "--relevance", quoted).code == 0
    assert resolve(file=Path("syneg.toml"), environ={}).project.dataset.relevance == " ".join(quoted.split())


def test_the_name_is_written_as_the_project_sees_it(cli: Cli, tmp_path: Path) -> None:
    write_dataset(tmp_path / "cwd" / "my-corpus")
    assert cli("init", "my-corpus", "--dir", "sub/project").code == 0
    assert 'name = "../../my-corpus"' in Path("sub/project/syneg.toml").read_text()
    assert cli("status", "--project", "sub/project/syneg.toml").code == 0


def test_test_can_be_made_of_train_and_train_of_test(cli: Cli, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "only-test", qrels=ONLY_TEST)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    offered = cli("init", folder, "--dir", "a")
    assert "There is no train split; `test_fraction = 0.5` in [dataset]" in offered.err
    assert "# test_fraction = 0.5 " in Path("a/syneg.toml").read_text()
    unsplit = cli("mine", "--project", "a/syneg.toml", "--miner", "random")
    assert unsplit.code == 2
    assert "`test_fraction = 0.5`" in unsplit.err
    result = cli("init", folder, "--dir", "b", "--test-fraction", 0.25)
    assert "4 documents" not in result.out
    assert "only-test: 6 documents, 3 train queries, 1 test" in result.out
    assert "\ntest_fraction = 0.25 " in Path("b/syneg.toml").read_text()
    assert cli("mine", "--project", "b/syneg.toml", "--miner", "random", "--quiet").code == 0
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert cli("init", folder, "--dir", "c", "--test-fraction", 1.5).code == 2
    assert not Path("c").exists()


def test_a_fraction_that_changes_nothing_is_said(cli: Cli, tiny: Path) -> None:
    result = cli("init", tiny, "--test-fraction", 0.5)
    assert "--test-fraction changes nothing" in result.err
    assert "test_fraction" not in Path("syneg.toml").read_text()


def at_a_terminal(folder: Path, typed: str, *argv: str) -> str:
    """What a terminal shows of `syneg init`, with what is typed there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "syneg_cli", "init", *argv],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "dumb", "COLUMNS": "200"},
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    process.wait()
    return shown.decode()


@pytest.mark.slow
def test_somebody_at_a_terminal_is_asked(tmp_path: Path) -> None:
    write_dataset(tmp_path / "mine", qrels=ONLY_TEST)
    shown = at_a_terminal(tmp_path, 'two\n\nIt answers "it".\n', "mine")
    assert "There is no train split." in shown
    assert "two is no share" in shown
    assert "mine: 6 documents, 2 train queries, 2 test" in shown
    section = resolve(file=tmp_path / "syneg.toml", environ={}).project.dataset
    assert (section.test_fraction, section.relevance) == (0.5, 'It answers "it".')


@pytest.mark.slow
def test_nobody_is_asked_what_is_known(tmp_path: Path) -> None:
    write_dataset(tmp_path / "scifact")
    write_dataset(tmp_path / "mine", qrels=QRELS)
    assert "What counts" not in at_a_terminal(tmp_path, "", "scifact", "--dir", "a")
    assert "What counts" not in at_a_terminal(tmp_path, "", "mine", "--dir", "b", "--relevance", "so")
    assert "What counts" not in at_a_terminal(tmp_path, "", "mine", "--dir", "c", "--quiet")
    shown = at_a_terminal(tmp_path, "\n", "mine", "--dir", "d")
    assert "What counts as relevant" in shown
    assert "with Enter it is shown a general definition" in shown
    assert "# relevance = " in (tmp_path / "d" / "syneg.toml").read_text()


@pytest.mark.parametrize(("fraction", "lacks"), [("1e-9", "test"), ("0.999999", "train")])
def test_a_fraction_that_leaves_a_split_empty_is_named(
    cli: Cli, tmp_path: Path, fraction: str, lacks: str
) -> None:
    folder = write_dataset(tmp_path / "x", qrels={"train": QRELS["train"]})
    result = cli("init", folder, "--test-fraction", fraction)
    assert result.code == 2
    said = f"test_fraction {float(fraction):g} of 3 train queries leaves none for {lacks}"
    assert said in " ".join(result.err.split())
    assert not Path("syneg.toml").exists()


def documents(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "a.md").write_text("# Sleep\n\nSleep after learning improves memory of word lists.\n")
    return folder


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("nothing", "docs holds no documents"),
        ("an empty file", "No document is left: a.md is left out (empty)"),
        ("no text", "No document is left: a.bin is left out (.bin is no format that is read)"),
        ("a link to itself", "No document is left: again is left out (a link: it is not followed)"),
    ],
)
def test_documents_that_are_none_are_said_before_anything_is_written(cli: Cli, kind: str, told: str) -> None:
    folder = Path("docs")
    folder.mkdir()
    if kind == "an empty file":
        (folder / "a.md").touch()
    elif kind == "no text":
        (folder / "a.bin").write_bytes(bytes(range(256)))
    elif kind == "a link to itself":
        (folder / "again").symlink_to("../docs")
    result = cli("init", folder, "--llm", "ollama:m")
    assert result.code == 2
    assert told in " ".join(result.err.split())
    assert ".md" in result.err.splitlines()[-1]
    assert [path.name for path in Path().iterdir()] == ["docs"]


@pytest.mark.parametrize("options", [("docs", "--dir", "docs"), ("docs", "--dir", "docs/new"), (".",)])
def test_a_project_does_not_lie_among_the_documents_that_it_imports(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    documents(Path("docs"))
    if options == (".",):
        monkeypatch.chdir("docs")
    result = cli("init", *options, "--llm", "ollama:m")
    assert result.code == 2
    assert "its prompts would be imported as documents" in " ".join(result.err.split())
    assert not list(Path().rglob("syneg.toml"))


@pytest.mark.parametrize(
    ("llm", "told"),
    [
        ("llama3", "'llama3' names no provider"),
        ("olama:m", "Did you mean 'ollama'?"),
        ("ollama:", "--llm ollama:: no model is named"),
    ],
)
def test_a_model_that_there_cannot_be_is_said_before_anything_is_written(
    cli: Cli, llm: str, told: str
) -> None:
    documents(Path("docs"))
    result = cli("init", "docs", "--llm", llm)
    assert result.code == 2
    assert told in " ".join(result.err.split())
    assert [path.name for path in Path().iterdir()] == ["docs"]


@pytest.mark.parametrize("name", ["", "hub:"])
def test_an_empty_name_is_none(cli: Cli, name: str) -> None:
    documents(Path("docs"))
    result = cli("init", name)
    assert result.code == 2
    assert "empty" in result.err or "hub: names no data set" in result.err
    assert [path.name for path in Path().iterdir()] == ["docs"]
    assert cli("import", name, "--output", "made").code == 2
    assert not Path("made").exists()


def test_prompts_are_told_in_one_line(cli: Cli) -> None:
    documents(Path("docs"))
    told = cli("init", "docs", "--llm", "ollama:m").out.splitlines()
    assert [line for line in told if line.startswith("wrote")] == [
        "wrote syneg.toml",
        f"wrote {len(list(Path('prompts').iterdir()))} prompts into prompts",
    ]


@pytest.mark.slow
def test_what_names_no_model_is_asked_again_and_a_project_that_is_there_asks_nothing(tmp_path: Path) -> None:
    documents(tmp_path / "docs")
    shown = at_a_terminal(tmp_path, "llama3\nopenai:m\nmany\n5\n\n", "docs")
    assert "llama3 names no model" in shown
    assert "many is no sum" in shown
    calls = resolve(file=tmp_path / "syneg.toml", environ={}).project.generate
    assert (calls.llm, calls.max_cost) == ("openai:m", 5.0)
    again = at_a_terminal(tmp_path, "", "docs")
    assert "Which language model" not in again
    assert "syneg.toml is there already" in again


def test_a_folder_that_is_in_the_way_is_said_with_what_init_can_do(cli: Cli) -> None:
    documents(Path("docs"))
    documents(Path("docs-data"))
    result = cli("init", "docs", "--llm", "ollama:m")
    assert result.code == 2
    assert "docs-data has no manifest, so it may be yours" in " ".join(result.err.split())
    assert "--output" not in result.err
    assert not Path("syneg.toml").exists()


@pytest.mark.parametrize(
    "words", ["queries --estimate", "generate", "mine --miner bm25", "eval", "prompts render --query-id q1"]
)
def test_before_the_import_every_command_says_how_to_make_the_data_set(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    documents(Path("my docs"))
    assert cli("init", "my docs", "--llm", "ollama:m", "--dir", "project").code == 0
    monkeypatch.chdir("project")
    result = cli(*words.split())
    assert (result.code, "BEIR" in result.err) == (2, False)
    source = Path("../my docs").resolve()
    assert f"my docs-data is not made yet: its documents are to be imported from {source}." in result.err
    assert f"`syneg import '{source}' --output 'my docs-data'` makes it alone" in " ".join(result.err.split())
    assert cli("import", source, "--output", "my docs-data").code == 0
    stages: Any = cli("status", "--json").json["stages"]
    assert (stages[0]["state"], stages[0]["created"][:2]) == ("up to date", "20")
    assert stages[0]["seconds"] >= 0
    assert "is not made yet" not in cli(*words.split()).err
    assert "import: up to date" in cli("run", "--max-calls", 1).err
