"""Options that another command has, or that are called otherwise here."""

from __future__ import annotations

import pytest

from tests.conftest import Cli


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("train", "--name", "x"), "No such option: --name. --output names what syneg train makes."),
        (("import", "--name", "x"), "--output names what syneg import makes."),
        (("mix", "--output", "x"), "--name names what syneg mix makes."),
        (("train", "--strategy", "hybrid"), "It is an option of syneg mix, syneg run, syneg status."),
        (("mine", "--format", "x"), "It is an option of syneg eval, syneg export."),
        (("cache", "list", "--yes"), "syneg cache prune"),
    ],
)
def test_an_option_of_another_command(cli: Cli, argv: tuple[str, ...], says: str) -> None:
    result = cli(*argv)
    assert result.code == 2
    told = " ".join(result.err.replace("│", " ").split())
    assert says in told
    assert "Possible options" not in told
    assert says in str(cli(*argv, "--json").json["error"])


def test_an_option_of_none_is_answered_with_those_that_are_like_it(cli: Cli) -> None:
    told = " ".join(cli("train", "--epoch", "3").err.split())
    assert "--epochs" in told
    assert "It is an option of" not in told


@pytest.mark.parametrize(
    ("given", "name"),
    [("/tmp/x", "x"), ("a/b/", "b"), ("..", "my-own"), ("..\\y", "y"), (".z", "z"), (" ", "my-own")],
)
@pytest.mark.parametrize("flag", [("train", "--output"), ("mix", "--name"), ("generate", "--name")])
def test_a_path_as_a_name_is_told_the_name(cli: Cli, flag: tuple[str, str], given: str, name: str) -> None:
    result = cli(*flag, given)
    assert result.code == 2
    told = " ".join(result.err.split())
    assert f"{flag[1]}: expected a name as {name!r} (results are put into the work directory" in told
