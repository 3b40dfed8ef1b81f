"""A card has what was done, and nothing that was asked for and had no part."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Cli


@pytest.fixture
def project(cli: Cli, tiny: Path, tiny_model: Path) -> Cli:
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0.34\n[mine]\nminers = ["bm25"]\n'
        f'[mix]\nstrategy = "retrieved"\n[train]\nbackbone = "{tiny_model}"\noutput = "m"\n',
        encoding="utf-8",
    )
    for command in ("mine", "mix"):
        assert cli(command).code == 0
    return cli


def settings_in_card(project: Cli, *options: object) -> dict[str, str]:
    """The table of what a training was done with."""
    trained = project("train", *options, "--json")
    assert trained.code == 0, trained.err
    card = (Path(str(trained.json["path"])) / "README.md").read_text(encoding="utf-8")
    rows = card.partition("| setting | value |")[2].partition("\n\n")[0].splitlines()[2:]
    return {name.strip(): value.strip() for name, value in (row.strip("|").split("|") for row in rows)}


def test_epochs_are_those_that_were_trained(project: Cli) -> None:
    stopped = settings_in_card(project, "--epochs", 5, "--dev", "--patience", 1, "--lr", "1e-12")
    assert stopped["epochs"] == "2 of 5"
    assert settings_in_card(project, "--epochs", 2)["epochs"] == "2"


def test_adore_has_no_negatives_of_the_batch(project: Cli) -> None:
    assert settings_in_card(project, "--epochs", 1)["in-batch negatives"] == "yes"
    adore = settings_in_card(project, "--epochs", 1, "--refresh", "adore")
    assert adore["dynamic negatives"] == "adore"
    assert "in-batch negatives" not in adore


@pytest.mark.parametrize(
    ("options", "mined"),
    [(["--epochs", 1], 0), (["--epochs", 2], 1), (["--epochs", 1, "--set", "train.refresh_steps=1"], 1)],
)
def test_ance_is_named_where_it_mined(project: Cli, options: list[object], mined: int) -> None:
    found = settings_in_card(project, *options, "--refresh", "ance", "--batch-size", 1)
    assert ("dynamic negatives" in found) == bool(mined)


def test_a_teacher_without_weight_teaches_nothing(project: Cli, tiny_cross_encoder: Path) -> None:
    teacher = ("--epochs", 1, "--cross-encoder", tiny_cross_encoder)
    assert settings_in_card(project, *teacher)["cross encoder"] == str(tiny_cross_encoder)
    assert "cross encoder" not in settings_in_card(project, *teacher, "--distil", 0)


def test_words_teach_where_they_are_asked_to(project: Cli) -> None:
    assert settings_in_card(project, "--epochs", 1, "--lexical", 10)["lexical"] == "10.0"
    card = Path(".syneg/tiny/models/m/README.md").read_text(encoding="utf-8")
    assert "1.0 x listwise distillation from the base model's similarities + 10 x BM25" in card
    assert "lexical" not in settings_in_card(project, "--epochs", 1, "--lexical", 10, "--distil", 0)
    both = project("train", "--epochs", 1, "--lexical", 10, "--refresh", "adore")
    assert both.code == 2
    assert "lexical has no part in it" in both.err


def test_words_of_another_language_teach_anew(project: Cli) -> None:
    train = ("train", "--epochs", 1, "--json")
    for taught in ((), ("--lexical", 10)):
        project(*train, *taught)
        assert project(*train, *taught).json["skipped"] is True
        other = project(*train, *taught, "--set", "dataset.language=german")
        assert other.json["skipped"] is not bool(taught)
