"""The files of LLM-written queries that documents are expanded with: missing, broken, edited, rewritten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import Manifest, SyntheticQuery, settle, staged
from syneg_cli.stages import encoders
from tests.conftest import QUERIES, Cli
from tests.evaluation.test_expansion import IN_INDEX, SHARE, WRITTEN, write_queries


def settle_by_hand(path: Path, inputs: dict[str, str]) -> None:
    """The queries with a manifest, as `queries` leaves them."""
    with staged(path) as to:
        path.rename(to)
        settle(to, path, Manifest("queries", inputs, {}))


def test_a_file_that_cannot_be_read_is_no_other_name_for_itself(
    cli: Cli, tiny: Path, tiny_model: Path
) -> None:
    path = write_queries()
    path.unlink()
    for link in (False, True):
        path.symlink_to("nowhere") if link else path.mkdir()
        refused = cli("eval", tiny, "--backbone", tiny_model, *IN_INDEX)
        assert refused.code == 2
        assert "default.jsonl" in refused.err
        assert "There are" not in refused.err
        path.unlink() if link else path.rmdir()


def test_where_every_query_is_asked_that_is_what_is_said(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    write_queries([SyntheticQuery("d6", 1, QUERIES["q3"], "query", "x", "")])
    refused = cli("eval", tiny, "--backbone", tiny_model, *IN_INDEX)
    assert refused.code == 2
    assert "of a document of tiny and not asked in test." in refused.err
    assert "`syneg queries` writes them" in refused.err


def test_queries_that_are_not_as_they_were_written(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    path = write_queries()
    settle_by_hand(path, {"corpus": "an earlier one"})
    shown = cli("eval", tiny, "--backbone", tiny_model, *IN_INDEX)
    assert "was written for other documents than" in shown.err
    assert "was changed since" not in shown.err
    path.write_text(path.read_text(encoding="utf-8").replace("brittle", "weak"), encoding="utf-8")
    shown = cli("eval", tiny, "--backbone", tiny_model, *IN_INDEX)
    assert "was changed since queries wrote it; it is used as it is" in shown.err


def test_what_is_written_while_it_is_measured_has_no_part(
    cli: Cli, tiny: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = encoders.open_encoder

    def meanwhile(*args: Any, **options: Any) -> Any:
        write_queries(WRITTEN[:1])
        return opened(*args, **options)

    write_queries()
    monkeypatch.setattr(encoders, "open_encoder", meanwhile)
    asked = ("eval", tiny, "--backbone", tiny_model, *IN_INDEX, "--json")
    assert cli(*asked).json["expanded"] == pytest.approx(2 / 6), "as its manifest says"
    assert cli(*asked).json["expanded"] == pytest.approx(1 / 6)


def test_run_says_before_it_trains_that_there_are_none(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0.0\n[mix]\nstrategy = "retrieved"\n'
        f'[train]\nbackbone = "{tiny_model}"\nepochs = 1\n[eval]\nexpansion = {SHARE}\n',
        encoding="utf-8",
    )
    refused = cli("run")
    assert refused.code == 2
    assert "no LLM-written queries 'default' for tiny" in refused.err
    assert not Path(".syneg/tiny/mined").exists()
