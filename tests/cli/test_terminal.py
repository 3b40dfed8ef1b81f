"""What is left on a screen of 80 columns: results and notes, no bars."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.terminal import in_terminal

pytestmark = pytest.mark.slow

BAR = re.compile(r"\d:\d\d:\d\d")
"""Every bar says how long it has been there."""


def test_bars_are_gone_when_they_end(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    shown = in_terminal("eval", tiny, "--backbone", tiny_model, "--set", "dataset.dev_fraction=0")
    assert shown.code == 0, shown.text
    assert f"Loading {tiny_model.name}" in shown.written, "a word about what one waits for"
    assert "Encoding documents" in shown.written
    assert not [line for line in shown.lines if BAR.search(line)]
    assert "nDCG@10" in shown.text


def test_an_error_comes_after_the_bar_is_gone(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    at = ("--set", "dataset.dev_fraction=0")
    assert cli("mine", tiny, "--miner", "bm25", *at).code == 0
    assert cli("mix", tiny, "--strategy", "retrieved", "--miner", "bm25", *at).code == 0
    wild = ("--lr", "1e30", "--precision", "fp32", "--epochs", 8, "--batch-size", 1)
    shown = in_terminal("train", tiny, "--mixed", "retrieved", "--backbone", tiny_model, *wild, *at)
    assert shown.code == 1, shown.text
    assert "Preparing the training" in shown.written
    assert not [line for line in shown.lines if BAR.search(line)]
    assert any(line.startswith("error: Training diverged") for line in shown.lines[-4:])


def test_training_shows_its_loss(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    at = ("--set", "dataset.dev_fraction=0")
    assert cli("mine", tiny, "--miner", "bm25", *at).code == 0
    assert cli("mix", tiny, "--strategy", "retrieved", "--miner", "bm25", *at).code == 0
    options = ("--mixed", "retrieved", "--backbone", tiny_model, "--epochs", 2, "--batch-size", 1)
    shown = in_terminal("train", tiny, *options, *at)
    assert shown.code == 0, shown.text
    assert "Training, loss " in shown.written


def test_quiet_is_quiet(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    """Nothing but the result; of `run` the last table alone."""
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[mine]\nminers = ["bm25"]\n[mix]\nstrategy = "retrieved"\n'
        f'[train]\nbackbone = "{tiny_model}"\nepochs = 1\n'
    )
    shown = in_terminal("run", "--quiet")
    assert shown.code == 0, shown.text
    assert shown.lines[0] == "tiny, test (1 query)"
    assert "mine bm25" not in shown.text
    piped = cli("run", "-q", "--force")
    assert piped.err == ""


def test_lines_break_between_words_and_never_within_a_path(cli: Cli, tmp_path: Path) -> None:
    missing = tmp_path / ("a-long-name-of-a-folder-" * 5)
    shown = in_terminal("mine", missing)
    assert shown.code == 2
    assert str(missing) in "".join(shown.lines), "as one word, which the terminal alone breaks"
    ends = in_terminal("cache", "prune", columns=30).lines
    assert ends == (
        "error: prune: say which",
        "answers.",
        "For example `syneg cache prune",
        "--status unparsable`.",
    )
