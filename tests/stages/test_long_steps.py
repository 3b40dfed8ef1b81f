"""Before a long step a command says how long it takes; every look at the clock is a second here."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from syneg_cli.core import pace
from tests.conftest import Cli

TRAIN = ("train", "--epochs", 20, "--batch-size", 1, "--precision", "fp32")


@pytest.fixture
def project(cli: Cli, tiny: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0.34\n[mine]\nminers = ["bm25"]\n'
        f'[mix]\nstrategy = "retrieved"\n[train]\nbackbone = "{tiny_model}"\n',
        encoding="utf-8",
    )
    for command in ("mine", "mix"):
        assert cli(command).code == 0
    monkeypatch.setattr(pace, "now", map(float, count()).__next__)
    return cli


def said(err: str) -> list[str]:
    return [line for line in err.splitlines() if ": about " in line]


def test_a_training_says_how_long_it_takes(project: Cli) -> None:
    trained = project(*TRAIN, "--json")
    assert trained.code == 0, trained.err
    assert trained.json["steps"] == 40
    assert said(trained.err) == ["Training: about 40s for 38 more steps"]
    assert not said(project(*TRAIN, "--force", "--quiet").err)
    assert not said(project(*TRAIN[:2], 2, *TRAIN[3:], "--force").err), "it is short"


@pytest.mark.parametrize(
    ("option", "between"),
    [("--dev", "measuring on dev"), ("--refresh=ance", "mining again")],
)
def test_what_comes_between_the_steps_of_a_training_is_not_counted(
    project: Cli, option: str, between: str
) -> None:
    trained = project(*TRAIN, option)
    assert trained.code == 0, trained.err
    (line,) = said(trained.err)
    assert line.startswith("Training: about ")
    assert line.endswith(f" for 38 more steps, {between} not counted")
