"""Whatever is left of a cache of answers, commands use what can be read of it, or say what is wrong."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import write_dataset
from tests.fuzz.commands import Project
from tests.fuzz.test_files import many
from tests.fuzz.test_recorded import RECORDED

COMMANDS: list[tuple[str, ...]] = [
    ("cache", "stats"),
    ("cache", "list"),
    ("cache", "show", "0"),
    ("cache", "export", "out.jsonl"),
    ("cache", "prune", "--prompt", "syneg", "--yes"),
    ("generate", "--force"),
    ("status",),
]
COLUMNS = [
    "key",
    "status",
    "response",
    "messages",
    "options",
    "attributes",
    "n",
    "words",
    "number",
    "finish_reason",
    "cost_usd",
    "max_tokens",
    "created",
]
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.binary(max_size=6),
    st.sampled_from(["", "x", "{}", "[]", '{"a": 1}', '[["user"]]', "[" * 3000, "9" * 5000, "[1]"]),
)
SCHEMAS = (
    "DROP TABLE claims",
    "DROP TABLE answers",
    "DROP TABLE jobs",
    "DROP TABLE _sqlite_migrations",
    "ALTER TABLE answers DROP COLUMN messages",
    "ALTER TABLE answers RENAME COLUMN key TO name",
    "CREATE TABLE other (x)",
    "DELETE FROM _sqlite_migrations",
    "PRAGMA user_version = 7",
    "PRAGMA application_id = 7",
    "PRAGMA journal_mode = DELETE",
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("caches")
    write_dataset(folder / "tiny")
    (folder / "recorded.jsonl").write_text(RECORDED)
    (folder / "syneg.toml").write_text(
        '[dataset]\nname = "tiny"\ndev_fraction = 0\n[generate]\nllm = "replay:recorded.jsonl"\ncache = "it.db"\n'
    )
    made = Project(folder)
    assert made("generate")[0] == 0
    made.keep()
    return made


@st.composite
def hurt(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes of a database: cut, some of them flipped, or something else altogether."""
    kind = draw(st.sampled_from(["cut", "flipped", "flipped", "flipped", "other"]))
    if kind == "cut":
        return data[: draw(st.integers(0, len(data)))]
    if kind == "other":
        return draw(st.sampled_from([b"", b"SQLite format 3\0", b"{}\n", b"\0" * 5000])) + draw(
            st.binary(max_size=40)
        )
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 40))):
        # pages are 4 KiB; the first bytes of each say how it is to be read
        page = draw(st.integers(0, (len(data) - 1) // 4096)) * 4096
        changed[min(page + draw(st.integers(0, 200) | st.integers(0, 4095)), len(data) - 1)] = draw(
            st.integers(0, 255)
        )
    return bytes(changed)


@many
@given(st.sampled_from(COMMANDS), st.data())
def test_bytes(project: Project, command: tuple[str, ...], data: st.DataObject) -> None:
    path = project.folder / "it.db"
    path.write_bytes(data.draw(hurt(path.read_bytes())))
    try:
        project(*command)
    finally:
        project.restore()


@many
@given(st.sampled_from(COMMANDS), st.sampled_from(SCHEMAS) | st.tuples(st.sampled_from(COLUMNS), VALUES))
def test_rows_and_schemas(
    project: Project, command: tuple[str, ...], change: str | tuple[str, object]
) -> None:
    database = sqlite3.connect(project.folder / "it.db")
    try:
        if isinstance(change, str):
            database.execute(change)
        else:
            database.execute(f"UPDATE OR IGNORE answers SET {change[0]} = ?", [change[1]])
        database.commit()
    except sqlite3.Error:  # a change that SQLite itself does not take
        database.rollback()
    finally:
        database.close()
    try:
        project(*command)
    finally:
        project.restore()
