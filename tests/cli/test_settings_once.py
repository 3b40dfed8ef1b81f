"""A setting is declared once: one line, and it is in the project file, the environment, the flags,
`--set`, `--show-config` and both documents."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from syneg_cli.core import Manifest, UsageError, stale_reason, write_manifest
from syneg_cli.library.arguments import settings_from
from syneg_cli.mining import MineSettings
from syneg_cli.stages.project import environment_names, field_of, resolve, setting_keys
from syneg_cli.stages.settings import Project
from tests.conftest import Cli

PACKAGE = Path(__file__).parents[2] / "syneg_cli"
LINE = '    novelty: Positive = setting(7, "How new it is.", panel=LOSS)\n'


@pytest.fixture(scope="module")
def wider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of syneg with one setting more, by one line."""
    folder = tmp_path_factory.mktemp("wider")
    shutil.copytree(PACKAGE, folder / "syneg_cli", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PACKAGE.parent / "prompts", folder / "prompts")
    file = folder / "syneg_cli" / "training" / "settings.py"
    text = file.read_text(encoding="utf-8")
    assert text.count("    epochs: Positive") == 1
    file.write_text(text.replace("    epochs: Positive", LINE + "    epochs: Positive"), encoding="utf-8")
    return folder


def output(wider: Path, *argv: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "syneg_cli", *argv],
        capture_output=True,
        text=True,
        check=True,
        cwd=wider,
        env={**os.environ, "PYTHONPATH": str(wider), "COLUMNS": "200", **environment},
    )
    return done.stdout


def shown(wider: Path, *argv: str, **environment: str) -> dict[str, object]:
    found = json.loads(output(wider, "train", *argv, "--show-config", "--json", **environment))
    value: dict[str, object] = found["train.novelty"]
    return value


@pytest.mark.slow
def test_one_line_is_seen_in_every_place(wider: Path) -> None:
    assert shown(wider) == {"value": 7, "from": "default"}
    assert shown(wider, SYNEG_TRAIN_NOVELTY="4") == {"value": 4, "from": "$SYNEG_TRAIN_NOVELTY"}
    assert shown(wider, "--novelty", "5") == {"value": 5, "from": "flag"}
    assert shown(wider, "--set", "train.novelty=6") == {"value": 6, "from": "--set"}
    (wider / "syneg.toml").write_text("[train]\nnovelty = 3\n", encoding="utf-8")
    assert shown(wider) == {"value": 3, "from": "syneg.toml"}
    (wider / "syneg.toml").unlink()
    help_ = output(wider, "train", "--help")
    assert "--novelty" in help_
    assert "How new it is. [default: 7]" in help_
    assert "# novelty = 7                     # how new it is\n" in output(wider, "init", "--example")
    code = "from syneg_cli.stages.documents import settings_page; print(settings_page())"
    page = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=wider,
        env=os.environ | {"PYTHONPATH": str(wider)},
    ).stdout
    assert "| `train.novelty` | `7` | `SYNEG_TRAIN_NOVELTY` | How new it is. |" in page


def test_what_was_made_before_a_setting_existed_was_made_with_its_default(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("{}\n", encoding="utf-8")
    write_manifest(path, Manifest("train", {}, {"epochs": 2}))
    assert stale_reason(path, {}, {"epochs": 2, "novelty": 7}, {"novelty": 7}) is None
    assert stale_reason(path, {}, {"epochs": 2, "novelty": 8}, {"novelty": 7}) == "novelty changed: 7 -> 8"
    assert stale_reason(path, {}, {"epochs": 2, "novelty": 7}) == "novelty changed: none -> 7"


@pytest.mark.parametrize("key", setting_keys())
def test_every_setting_has_help_and_can_be_set_everywhere(key: str) -> None:
    field = field_of(key)
    assert field.description
    assert field.description.endswith(".")
    assert len(environment_names()) == len(set(environment_names().values()))
    if isinstance(field.default, (bool, int, float, str)):
        text = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        by_set = resolve(sets=[f"{key}={text}"], environ={}).project
        by_environment = resolve(environ={environment_names()[key]: text}).project
        assert by_set == by_environment == Project()


def test_set_takes_every_kind_of_value() -> None:
    sets = ["mine.miners=bm25, dense", "train.temperature=", "mix.weights=bm25=0.5,dense=1", "train.dev=true"]
    project = resolve(sets=sets, environ={}).project
    assert project.mine.miners == ("bm25", "dense")
    assert project.train.temperature is None
    assert project.mix.weights == {"bm25": 0.5, "dense": 1.0}
    assert project.train.dev is True


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("train", "--set", "train.wramup=1"), "Did you mean 'train.warmup'"),
        (("train", "--set", "train.warmup"), "expected KEY=VALUE"),
        (("train", "--set", "train.warmup=2"), "--set train.warmup: input should be less than 1"),
        (
            ("train", "--precision", "bf15"),
            "--precision: input should be 'auto', 'fp32' or 'bf16', not 'bf15'",
        ),
        (("verify", "--check", "juge"), "Did you mean 'judge'?"),
        (("mix", "-k", "-1"), "--negatives: input should be greater than or equal to 0"),
        (("mix", "--from", "x", "--ratio", "nan"), "--ratio: input should be"),
    ],
)
def test_mistakes_name_the_flag_as_it_was_given(cli: Cli, argv: tuple[str, ...], says: str) -> None:
    result = cli(*argv)
    assert result.code == 2
    assert says in result.err
    assert not Path(".syneg").exists()


def test_a_flag_wins_over_set(cli: Cli) -> None:
    result = cli("train", "--set", "train.epochs=3", "--epochs", 4, "--show-config", "--json")
    assert result.json["train.epochs"] == {"value": 4, "from": "flag"}


@pytest.mark.parametrize(
    ("command", "given", "share"),
    [
        ("mine", ["--percentage", "95"], "0.95"),
        ("mine", ["--percentage", "95%"], "0.95"),
        ("mine", ["--near-copies", "90"], "0.9"),
        ("mix", ["--max-risk", "50"], "0.5"),
        ("mix", ["--need-synthetic", "12.5"], "0.125"),
        ("train", ["--warmup", "10"], "0.1"),
        ("train", ["--merge", "70"], "0.7"),
        ("eval", ["--set", "dataset.dev_fraction=10"], "0.1"),
    ],
)
def test_a_percentage_is_told_the_share_that_it_is(
    cli: Cli, command: str, given: list[str], share: str
) -> None:
    result = cli(command, *given)
    assert result.code == 2
    assert f"this is a share of 1: give {share}, not " in result.err


def test_a_percentage_in_the_project_file_and_in_python(cli: Cli) -> None:
    Path("syneg.toml").write_text("[train]\ndropout = 10\n")
    assert (
        "syneg.toml, line 2: dropout in [train]: this is a share of 1: give 0.1, not 10." in cli("train").err
    )
    with pytest.raises(UsageError, match="percentage: This is a share of 1: give 0"):
        settings_from(MineSettings, {"percentage": 95})


@pytest.mark.parametrize(
    "given", [["--percentage", "1.5"], ["--dropout", "1"], ["--lr", "-1"], ["--seed", "x"]]
)
def test_other_wrong_numbers_are_told_nothing_of_shares(cli: Cli, given: list[str]) -> None:
    result = cli("mine" if given[0] == "--percentage" else "train", *given)
    assert result.code == 2
    assert "share" not in result.err
