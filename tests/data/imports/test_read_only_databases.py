"""A database of somebody else's on a disk that can only be read."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.rights import unwritable


@pytest.mark.parametrize("log", [True, False])
def test_rows_in_the_log_are_imported_too(cli: Cli, tmp_path: Path, log: bool) -> None:
    folder, path = tmp_path / "theirs", tmp_path / "theirs" / "a.db"
    folder.mkdir()
    opened = sqlite3.connect(tmp_path / "a.db")
    opened.execute("PRAGMA journal_mode = WAL")
    opened.execute("CREATE TABLE pages (id TEXT, text TEXT)")
    opened.execute("INSERT INTO pages VALUES ('a', 'Vitamin D raises bone density in older women.')")
    opened.commit()
    if not log:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for ending in ("", "-wal"):
        shutil.copy(f"{tmp_path / 'a.db'}{ending}", f"{path}{ending}")
    opened.close()
    with unwritable(folder):
        made = cli("import", path, "--query", "SELECT id, text FROM pages", "--output", "corpus")
        wrong = cli("import", path, "--query", "SELEKT", "--output", "other")
    assert made.code == 0, made.err
    assert "Vitamin D" in Path("corpus/corpus.jsonl").read_text()
    assert "syntax error" in wrong.err
