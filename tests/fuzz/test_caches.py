"""Whatever is left of a cache of answers, commands use what can be read of it, or say what is wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core import SynegError
from syneg_cli.llm import Cache, cache_exchange
from syneg_cli.llm.ledger import Caps, Claim
from syneg_cli.llm.stored import Stored
from tests.conftest import write_dataset
from tests.fuzz.commands import Project, databases_held, inside
from tests.fuzz.test_files import ONE_IN_TEN, UNEXPECTED, many
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


def _asked(cache: Cache) -> None:
    """As an engine does: what is answered is not asked, what is not is claimed and recorded."""
    keys = [key for (key,) in cache.file.select("SELECT key FROM answers") if isinstance(key, str)]
    cache.answered(keys, 100)
    for key in [*keys[:2], "new", "other"]:
        with suppress(SynegError):
            if cache.claim(key, job="j", reserve=0.1, caps=Caps(5.0, 50), max_tokens=100) is None:
                cache.record(Stored(key, "ok", "p", "m", "e", "syneg", "q1", "d1", "x"), job="j")
    cache.claim_for_batch([Claim("third", 0.1)], owner="batch:1", job="j", caps=Caps())
    cache.release_all("batch:1", lost=True)
    cache.renew()
    cache.totals("j")


USES: list[Callable[[Cache], object]] = [
    cache_exchange.stats,
    lambda cache: [(row.asked, row.drawn) for row in cache.rows()],
    lambda cache: cache_exchange.find(cache, "0"),
    lambda cache: cache_exchange.export(cache, Path("out.jsonl")),
    lambda cache: cache.remove(*cache_exchange.Filters(prompt="syneg").where(cache)),
    _asked,
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
CLAIMS = ["owner", "until", "job", "reserved"]
JOBS = ["job", "calls", "prompt_tokens", "spent_usd", "lost_usd"]
CELLS = st.sampled_from(
    [
        *(("answers", column) for column in COLUMNS),
        *(("claims", column) for column in CLAIMS),
        *(("jobs", column) for column in JOBS),
    ]
)
CLAIM = "INSERT OR IGNORE INTO claims VALUES ('third', 'batch:t', 9e9, 'j', 0.1)"

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


def used(project: Project, use: Callable[[Cache], object]) -> None:
    """As a command line uses it, without the time that one takes."""
    raised = None
    try:
        with inside(project.folder), Cache(project.folder / "it.db") as cache:
            use(cache)
    except SynegError as error:
        raised = error
    if raised is not None:
        assert raised.hint, raised.message
        assert not UNEXPECTED.search(raised.message)
        raised.message.encode()
    assert not list(project.folder.rglob("*.tmp")), "half-written"
    assert not databases_held(project.folder)


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
    changed, random = bytearray(data), draw(st.randoms(use_true_random=True))
    for _ in range(random.randint(1, 40)):
        # pages are 4 KiB; the first bytes of each say how it is to be read
        page, most = random.randrange(0, len(data), 4096), random.choice([200, 4095])
        changed[min(page + random.randint(0, most), len(data) - 1)] = random.randint(0, 255)
    return bytes(changed)


@many
@given(ONE_IN_TEN, st.sampled_from(COMMANDS), st.sampled_from(USES), st.data())
def test_bytes(
    project: Project,
    whole: bool,
    command: tuple[str, ...],
    use: Callable[[Cache], object],
    data: st.DataObject,
) -> None:
    path = project.folder / "it.db"
    path.write_bytes(data.draw(hurt(path.read_bytes())))
    try:
        project(*command) if whole else used(project, use)
    finally:
        project.restore()


@many
@given(
    ONE_IN_TEN,
    st.sampled_from(COMMANDS),
    st.sampled_from(USES),
    st.sampled_from(SCHEMAS) | st.tuples(CELLS, VALUES),
)
def test_rows_and_schemas(
    project: Project,
    whole: bool,
    command: tuple[str, ...],
    use: Callable[[Cache], object],
    change: str | tuple[tuple[str, str], object],
) -> None:
    database = sqlite3.connect(project.folder / "it.db")
    try:
        if isinstance(change, str):
            database.execute(change)
        else:
            (name, column), value = change
            database.execute(CLAIM)
            database.execute(f"UPDATE OR IGNORE {name} SET {column} = ?", [value])
        database.commit()
    except sqlite3.Error:  # a change that SQLite itself does not take
        database.rollback()
    finally:
        database.close()
    try:
        project(*command) if whole else used(project, use)
    finally:
        project.restore()
