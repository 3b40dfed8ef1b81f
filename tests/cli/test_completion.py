"""What a shell is told when a person presses TAB, asked the way bash, zsh and fish ask."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from syneg_cli.cli import shells
from syneg_cli.cli.completion import FOUND, values_of
from syneg_cli.stages.project import setting_keys
from tests.cli.test_app import COMMANDS, HEAVY
from tests.conftest import QRELS, Cli, write_dataset

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tab(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Press TAB at the end of a line, in a folder with a data set, results and files."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "nothing kept"))
    write_dataset(Path("my-corpus"), qrels={"train": QRELS["train"], "odd": QRELS["test"]})
    for name in (
        "synthetic/default",
        "queries/own",
        "queries/own.rewrites",
        "mined/dense",
        "mixed/hybrid",
        "mixed/odd",
    ):
        file = Path(f".syneg/my-corpus/{name}.jsonl")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        file.with_suffix(".manifest.json").touch()
    for model in ("my-corpus/models/minilm-hybrid", "my-corpus/models/.unfinished", "other/models/e5"):
        Path(".syneg", model).mkdir(parents=True)
    Path("prompts").mkdir()
    Path("prompts/own.txt").write_text('{{ query }} {{ positive }} {"negatives": [{"document": "x"}]}')
    Path("answers.jsonl").touch()
    Path("old runs").mkdir()

    def press(line: object) -> object:
        words = str(line).split(" ")
        monkeypatch.setenv("_SYNEG_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", "\n".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        return cli()

    return press  # type: ignore[return-value]


OFFERED = {
    "syneg ": {*COMMANDS},
    "syneg ca": {"cache"},
    "syneg cache p": {"prune", "prune-embeddings"},
    "syneg train --batch": {"--batch-size"},
    "syneg cache prune --y": {"--yes"},
    "syneg mix my-corpus --strategy ": {"hybrid", "direct", "synthetic", "retrieved", "graded", "mirror"},
    "syneg mix --strategy=dir": {"direct"},
    "syneg export --format ": {"flagembedding", "sentence-transformers", "tevatron", "parquet"},
    "syneg train --backbone e5-": {"e5-small", "e5-base", "e5-large"},
    "syneg eval my-corpus --model ": {"minilm-hybrid"},
    "syneg report --model ": {"minilm-hybrid", "e5"},
    "syneg report my-corpus --model minilm-hybrid --model m": {"minilm-hybrid"},
    "syneg mine --miner b": {"bm25"},
    "syneg eval --model m --split t": {"train", "test"},
    "syneg mine --miner simans : b": {"bm25"},
    "syneg mine --miner simans : r": set(),
    "syneg verify --check ": {"judge", "margin", "cross-encoder"},
    "syneg verify my-corpus --source ": {"synthetic", "dense"},
    "syneg verify --judge-prompt ": {"judge", "judge-graded"},
    "syneg generate --prompt own": {"own"},
    "syneg generate --prompt judge": set(),
    "syneg queries --prompt ": {"query"},
    "syneg queries --rewrite-prompt r": {"rewrite-query"},
    "syneg queries --documents s": {"spread"},
    "syneg queries my-corpus --name ": {"own"},
    "syneg prompts show j": {"judge", "judge-graded"},
    "syneg train my-corpus --mixed ": {"hybrid", "odd"},
    "syneg eval my-corpus --split ": {"train", "dev", "odd"},
    "syneg eval --split ": {"train", "dev", "test"},
    "syneg eval my-": {"my-corpus"},
    "syneg eval ./my-": {"./my-corpus"},
    "syneg init scif": {"scifact"},
    "syneg train --precision ": {"auto", "fp32", "bf16"},
    "syneg mine --margin ": {"auto"},
    "syneg generate --batch ": {"submit", "collect"},
    "syneg generate --llm o": {"openai:", "ollama:"},
    "syneg generate --llm replay : an": {"answers.jsonl"},
    "syneg generate --llm replay :": {"answers.jsonl", "my-corpus/", "prompts/"},
    "syneg train --set train.warm": {"train.warmup=", "train.warmup=..."},
    "syneg train --set train.precision = f": {"fp32"},
    "syneg train --set train.in_batch =": {"true", "false"},
    "syneg train --set train.nothing =": set(),
    "syneg frobnicate --lr ": {*COMMANDS},
    "syneg train --epochs two --precision b": {"bf16"},
}


@pytest.mark.parametrize("line", OFFERED)
def test_bash_is_offered(line: str, tab: Cli) -> None:
    """A colon or an equals sign of its own is how bash hands over one inside a word."""
    result = tab(line)
    assert set(result.out.split()) == OFFERED[line]
    assert (result.code, result.err) == (0, "")


def test_a_broken_project_file_takes_only_what_it_says(tab: Cli) -> None:
    Path("syneg.toml").write_text("[train\nlr = ")
    for line, offered in {
        "syneg eval --model ": "",
        "syneg eval my-corpus --split ": "",
        "syneg train --precision f": "fp32",
        "syneg tr": "train",
    }.items():
        result = tab(line)
        assert (result.out.strip(), result.err) == (offered, ""), line


def test_the_project_says_where_results_are(tab: Cli) -> None:
    Path("syneg.toml").write_text('dataset = "my-corpus"\nwork_dir = "elsewhere"')
    assert tab("syneg eval --model ").out.strip() == ""
    Path(".syneg").rename("elsewhere")
    assert tab("syneg eval --model ").out.strip() == "minilm-hybrid"
    assert tab("syneg train --work-dir nowhere --mixed ").out.strip() == ""


@pytest.mark.parametrize("key", setting_keys())
def test_every_value_of_a_setting_can_be_found(key: str) -> None:
    for value in values_of(key):
        _, bracket, name = value.partition("<")
        assert not bracket or name.rstrip(">") in FOUND, f"{key} offers {value}"


def test_whatever_goes_wrong_is_not_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        print("a traceback")
        raise RuntimeError("wires crossed")

    monkeypatch.setenv("_SYNEG_COMPLETE", "complete_zsh")
    assert shells.answer(broken) == 1
    assert capsys.readouterr() == ("", "")


ASKED = {
    "bash": (
        {"_SYNEG_COMPLETE": "complete_bash", "COMP_WORDS": "syneg\nmix\n--strategy\ngr", "COMP_CWORD": "3"},
        "graded\n",
    ),
    "zsh": (
        {"_SYNEG_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "syneg mix --strategy gr"},
        "_arguments '*: :((\"graded\"))'\n",
    ),
    "fish": (
        {
            "_SYNEG_COMPLETE": "complete_fish",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            "_TYPER_COMPLETE_ARGS": "syneg mix --strategy gr",
        },
        "graded\n",
    ),
}


@pytest.mark.parametrize("shell", ASKED)
def test_a_shell_asks_a_process_that_imports_nothing_heavy(shell: str, tmp_path: Path) -> None:
    asked, offered = ASKED[shell]
    code = "import sys; from syneg_cli.cli.app import main; main(); print('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | asked | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert done.stdout == offered
    assert not set(done.stderr.split()) & set(HEAVY)


def test_the_script_for_a_shell_calls_us_back(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `--show-completion` prints and `--install-completion` writes asks as `shells` expects it."""
    monkeypatch.setenv("_SYNEG_COMPLETE", "source_bash")
    shown = cli()
    assert shown.code == 0
    assert f"{shells.VARIABLE}=complete_bash" in shown.out
    monkeypatch.delenv("_SYNEG_COMPLETE")
    assert "--install-completion" in cli("--help").out
