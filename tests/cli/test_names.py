"""Results go by names: which one a flag means, and what is said of a name that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from syneg_cli.core.artifacts import read_manifest
from syneg_cli.core.files import write_jsonl
from syneg_cli.core.records import Pair
from tests.conftest import Cli
from tests.mixing.test_mix import written


@pytest.fixture
def named(cli: Cli, tiny: Path) -> Cli:
    """A project with synthetic negatives of two names, one miner's, and a mix and a model of a name each."""
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[mine]\nminers = ["bm25"]\n'
    )
    for index, name in enumerate(("default", "second")):
        pairs = [Pair("q1", "d1"), Pair("q2", "d3"), Pair("q4", "d2")]
        write_jsonl(Path(f".syneg/tiny/synthetic/{name}.jsonl"), [written(p, index) for p in pairs])
    assert cli("mine").code == 0
    assert cli("mix", "--name", "own").code == 0
    Path(".syneg/tiny/models/minilm-own").mkdir(parents=True)
    return cli


MISSING = [
    (
        ["mix", "--synthetic", "other"],
        ["Run `syneg generate --name other`.", "default, second (--synthetic NAME)"],
    ),
    (["mix", "--miner", "random"], ["Run `syneg mine --miner random`.", "There are: bm25 (--miner)."]),
    (
        ["train", "--mixed", "ownn"],
        ["Did you mean 'own'?\n", "There are: own (--mixed NAME)"],
    ),
    (
        ["export", "--mixed", "graded", "--output", "x"],
        ["Run `syneg mix --strategy graded`.", "own (--mixed NAME)"],
    ),
    (["mix", "--synthetic", "secnd"], ["Did you mean 'second'?\nThere are: default, second"]),
    (["mix", "--miner", "bm52"], ["Did you mean 'bm25'?\nThere are: bm25 (--miner)."]),
    (["mix", "--miner", "desne"], ["Did you mean 'dense'?\nRun `syneg mine --miner dense`. There are: bm25"]),
    (["train", "--mixed", "hybird"], ["Did you mean 'hybrid'?\nRun `syneg mix --strategy hybrid`."]),
    (["export", "--mixed", "onw"], ["Did you mean 'own'?\nThere are: own (--mixed NAME)."]),
    (["verify", "--source", "desne", "--check", "margin"], ["Did you mean 'dense'?\nThere are: synthetic"]),
    (["mix", "--from", "nofile"], ["error: --from: nofile is not there.\n"]),
    (["mix", "--strategy", "mirror", "--mirror", "nofile"], ["error: --mirror: nofile is not there.\n"]),
    (["verify", "--source", "dense"], ["source dense", "There are: synthetic, bm25 (--source)."]),
    (["eval", "--model", "minilm-onw"], ["Did you mean 'minilm-own'?", "Trained here: minilm-own."]),
    (["report", "--model", "minilm-onw"], ["Did you mean 'minilm-own'?", "It has: minilm-own."]),
]


@pytest.mark.parametrize(("argv", "said"), MISSING, ids=lambda one: " ".join(one[:2]))
def test_a_name_that_is_not_there_lists_those_that_are(argv: list[str], said: list[str], named: Cli) -> None:
    result = named(*argv)
    assert (result.code, result.out) == (2, "")
    for text in said:
        assert text in result.err


def test_a_split_that_is_not_there_is_all_that_is_said(named: Cli) -> None:
    result = named("eval", "--split", "tset")
    assert result.code == 2
    assert "backbone" not in result.err
    assert "no split 'tset'. Did you mean 'test'?" in result.err


def test_a_prompt_that_is_not_there_is_an_error_and_a_wrong_one_a_finding(named: Cli) -> None:
    missing = named("prompts", "check", "sineg")
    assert missing.code == 2
    assert missing.err.startswith("error: No prompt 'sineg'. Did you mean 'syneg'?\nThere are: ")
    Path("prompts").mkdir()
    Path("prompts/own.txt").write_text("{{ nothing }}")
    wrong = named("prompts", "check", "own", "syneg")
    assert (wrong.code, "syneg: fine" in wrong.out, wrong.err) == (2, True, "")


def test_a_prompt_is_rendered_by_its_flag_too(named: Cli) -> None:
    flag, argument = named("prompts", "render", "--prompt", "plain"), named("prompts", "render", "plain")
    assert flag.code == 0, flag.err
    assert flag.out == argument.out != named("prompts", "render").out


def test_which_synthetic_negatives_are_read_and_what_is_written(named: Cli) -> None:
    made = named("mix", "--strategy", "synthetic", "--synthetic", "second", "--name", "theirs", "--json")
    assert made.code == 0, made.err
    assert made.json["path"] == str(Path(".syneg/tiny/mixed/theirs.jsonl").resolve())
    assert synthetic_of("theirs").endswith("/second.jsonl")
    assert named("mix", "--strategy", "synthetic", "--name", "second").code == 0
    assert synthetic_of("second").endswith("/default.jsonl")


def synthetic_of(mix: str) -> str:
    manifest = read_manifest(Path(f".syneg/tiny/mixed/{mix}.jsonl"))
    assert manifest is not None
    return manifest.paths["synthetic"]


HELP = {
    "generate": ["--name NAME Name of the synthetic negatives that are written"],
    "mix": [
        "--name NAME Name of the mix that is written",
        "--synthetic NAME Which synthetic negatives are read",
    ],
    "verify": ["--synthetic,--name NAME Which synthetic negatives are read"],
    "train": ["--output NAME Name of the model that is written", "--mixed NAME Which mix is read"],
    "export": ["--mixed NAME Which mix is read"],
}


@pytest.mark.parametrize("command", HELP)
def test_help_says_what_is_read_and_what_is_written(
    command: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = " ".join(cli(command, "--help").out.replace("│", " ").split())
    for text in HELP[command]:
        assert text in shown
