"""A result whose manifest is gone, as docs/reliability.md has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Cli

MADE = Path(".syneg/tiny")


@pytest.mark.parametrize(
    ("lost", "made_by", "read_by", "code", "says"),
    [
        ("mined/bm25.manifest.json", "mine", "mix", 0, "up to date"),
        ("mixed/retrieved.manifest.json", "mix", "train", 2, "nobody knows what it was mixed from. Move it"),
        ("models/m/syneg.manifest.json", "train", "eval", 0, "eval m: up to date"),
        ("models/m/syneg.manifest.json", "train", "report", 2, "m is left out: it has no manifest ("),
        ("eval/m-test.manifest.json", "eval", "report", 0, "is left out: it has no m-test.manifest.json"),
    ],
)
def test_nothing_replaces_it_and_what_reads_it_says_so(
    mixed: Cli, lost: str, made_by: str, read_by: str, code: int, says: str
) -> None:
    assert mixed("run").code == 0
    (MADE / lost).unlink()
    for force in ((), ("--force",)):
        again = mixed(made_by, *force)
        assert again.code == 2
        assert "has no manifest, so it may be yours: it is not replaced" in again.err
    result = mixed(read_by)
    assert result.code == code, result.err
    assert says in " ".join(result.err.split())
