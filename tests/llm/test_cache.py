"""The generation cache: keys, claims, caps, migrations, files."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core.errors import BudgetExceeded, SynegError, UsageError
from syneg_cli.llm import cache_exchange as cache_files
from syneg_cli.llm.base import Request, Subject
from syneg_cli.llm.cache import CHUNK, Cache
from syneg_cli.llm.cache_schema import MIGRATIONS
from syneg_cli.llm.ledger import LEASE, Busy, CapInFlight, Caps
from syneg_cli.llm.stored import Stored, generation_key
from tests.conftest import Cli
from tests.fakes import FakeLLM, make_generator
from tests.generation.test_negatives import generate

IDENTITY = {"provider": "openai", "model": "m", "endpoint": "http://here/v1"}
REQUEST = Request(Subject("q", "d", "syneg"), (("user", "hello"),), {"type": "object"}, 0.5, 100, 7)


def stored(key: str = "k", response: str = "r", **more: object) -> Stored:
    base = Stored(key, "ok", "openai", "m", "e", "syneg", "q1", "d1", response, cost_usd=0.01, n=2, words=10)
    return replace(base, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("identity", "request_"),
    [
        ({"provider": "ollama"}, {}),
        ({"model": "other"}, {}),
        ({"endpoint": "http://there/v1"}, {}),
        ({}, {"messages": (("user", "hello!"),)}),
        ({}, {"messages": (("assistant", "hello"),)}),
        ({}, {"messages": (("user", "hello"), ("user", ""))}),
        ({}, {"schema": {"type": "array"}}),
        ({}, {"schema": None}),
        ({}, {"temperature": 0.6}),
        ({}, {"temperature": None}),
        ({}, {"seed": 8}),
    ],
)
def test_everything_that_changes_the_answer_changes_the_key(
    identity: dict[str, str], request_: dict[str, object]
) -> None:
    changed = generation_key(IDENTITY | identity, replace(REQUEST, **request_))  # type: ignore[arg-type]
    assert changed != generation_key(IDENTITY, REQUEST)


def test_what_does_not_change_the_answer_does_not_change_the_key() -> None:
    other = replace(REQUEST, subject=Subject("x", "y", "z"), max_tokens=9999, schema={"type": "object"})
    assert generation_key(IDENTITY, other) == generation_key(dict(reversed(IDENTITY.items())), REQUEST)


def test_the_key_is_the_same_tomorrow() -> None:
    assert generation_key(IDENTITY, REQUEST).startswith("d54a68fc"), "changing it would forget what was paid"


def test_an_answer_is_on_disk_when_record_returns(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    with Cache(path) as cache:
        assert cache.claim("k", job="j") is None
        cache.record(stored(), job="j")
        with sqlite3.connect(path) as other:
            assert other.execute("SELECT key, response FROM answers").fetchall() == [("k", "r")]
        assert cache.claim("k", job="j") == cache.answers(["k"])["k"]


def test_a_good_answer_wins_over_later_bad_ones_and_nothing_is_replaced(tmp_path: Path) -> None:
    with Cache(tmp_path / "g.db") as cache:
        for status, response in (("unparsable", "1"), ("ok", "2"), ("truncated", "3")):
            cache.record(stored(response=response, status=status), job="j")
        assert cache.answers(["k"])["k"].response == "2"
        assert [row.response for row in cache.rows()] == ["1", "2", "3"]


def test_one_asks_and_the_other_waits(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    with Cache(path) as mine, Cache(path) as other:
        other.ledger.owner = "elsewhere:1:1"
        assert mine.claim("k", job="j") is None
        with pytest.raises(Busy):
            other.claim("k", job="j")
        mine.record(stored(), job="j")
        found = other.claim("k", job="j")
        assert found is not None
        assert found.response == "r"


def test_the_claim_of_a_killed_process_is_taken_over_and_counted_as_spent(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    code = (
        "import os, sys; from pathlib import Path; from syneg_cli.llm.cache import Cache\n"
        f"Cache(Path({str(path)!r})).claim('k', job='j', reserve=0.25); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    with Cache(path) as cache:
        assert cache.claim("k", job="j") is None
        totals = cache.totals("j")
        assert (totals.lost_usd, totals.calls) == (0.25, 1)


def test_a_claim_from_another_machine_is_taken_over_when_nobody_renews_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By our own steady clock: whatever the other machine's says, and however ours jumps."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with Cache(tmp_path / "g.db") as cache, Cache(tmp_path / "g.db") as other:
        other.ledger.owner = "elsewhere/b/1:1:1.1"
        other.claim("k", job="j", reserve=0.5)
        for renewed in (True, True, False):
            if renewed:
                with other.file.write():
                    other.file.change("UPDATE claims SET until = until + 1e6")
            now[0] += LEASE - 1
            with pytest.raises(Busy, match="process 1 on elsewhere is asking"):
                cache.claim("k", job="j")
        now[0] += 2
        assert cache.claim("k", job="j") is None
        assert cache.totals("j").lost_usd == 0.5


def test_what_is_in_flight_counts_against_the_cap(tmp_path: Path) -> None:
    caps = Caps(cost=1.0)
    with Cache(tmp_path / "g.db") as cache:
        cache.claim("a", job="j", reserve=0.6, caps=caps)
        with pytest.raises(CapInFlight):
            cache.claim("b", job="j", reserve=0.6, caps=caps)
        assert cache.claim("c", job="other", reserve=0.6, caps=caps) is None
        cache.record(stored("a", cost_usd=0.1), job="j")
        assert cache.claim("b", job="j", reserve=0.6, caps=caps) is None
        cache.release("b", lost=True)
        with pytest.raises(
            BudgetExceeded, match=r"\$0.7000 is spent \(\$0.6000 of it for lost answers, at most\)"
        ):
            cache.claim("d", job="j", reserve=0.6, caps=caps)
        totals = cache.totals("j")
        assert totals.calls == 2
        assert [totals.spent_usd, totals.lost_usd] == pytest.approx([0.1, 0.6])


def test_a_cap_on_calls_counts_those_in_flight(tmp_path: Path) -> None:
    with Cache(tmp_path / "g.db") as cache:
        cache.claim("a", job="j", caps=Caps(calls=2))
        cache.claim("b", job="j", caps=Caps(calls=2))
        with pytest.raises(BudgetExceeded, match="--max-calls 2 is reached"):
            cache.claim("c", job="j", caps=Caps(calls=2))


def test_a_database_of_every_earlier_schema_opens_and_keeps_its_answers(tmp_path: Path) -> None:
    from sqlite_utils import Database

    names = [migration.name for migration in MIGRATIONS._migrations]
    assert len(names) > 1
    for stop in names[1:]:
        path = tmp_path / f"{stop}.db"
        old = Database(path)
        MIGRATIONS.apply(old, stop_before=stop)
        row = {"key": "k", "status": "ok", "response": "paid", "provider": "p", "model": "m", "endpoint": "e"}
        old.table("answers").insert(
            {**row, "prompt": "syneg", "query_id": "q", "doc_id": "d", "attributes": "{}"}
        )
        old.close()
        with Cache(path) as cache:
            assert [r.response for r in cache.rows()] == ["paid"]
            assert cache.claim("new", job="j") is None
            cache.record(stored("new", number=2), job="j")


def test_what_is_no_cache_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "g.db").write_text("this is a text file, and a long enough one at that" * 100)
    with pytest.raises(SynegError, match="no generation cache"):
        Cache(tmp_path / "g.db")


def test_files_in_and_out(tmp_path: Path) -> None:
    with Cache(tmp_path / "a.db") as a, Cache(tmp_path / "b.db") as b:
        a.add(
            [
                stored("k1"),
                stored("k2", attributes='{"domain": "x"}', number=1),
                stored("bad", status="truncated"),
            ]
        )
        assert cache_files.export(a, tmp_path / "e.jsonl") == 2
        assert cache_files.import_file(b, tmp_path / "e.jsonl") == (2, 2)
        assert cache_files.import_file(b, tmp_path / "e.jsonl") == (0, 2)
        assert list(b.rows()) == list(a.rows("status = 'ok'"))
    with Cache(tmp_path / "c.db") as c:
        assert cache_files.merge(c, tmp_path / "a.db") == (3, 3)
        assert cache_files.merge(c, tmp_path / "b.db") == (0, 2)
        assert cache_files.find(c, "k1").key == "k1"
        with pytest.raises(UsageError, match="2 answers have keys"):
            cache_files.find(c, "k")


def test_an_export_replays(tiny: Path, tmp_path: Path, cli: Cli) -> None:
    llm = FakeLLM()
    records, _, _ = generate(make_generator(tiny, llm), llm, tmp_path / "g.db")
    assert cli("cache", "export", tmp_path / "e.jsonl", "--cache", tmp_path / "g.db").code == 0
    result = cli("generate", tiny, "--llm", f"replay:{tmp_path / 'e.jsonl'}", "--json")
    assert result.code == 0, result.err
    lines = [json.loads(line) for line in Path(str(result.json["path"])).read_text().splitlines()]
    texts = {(row["query_id"], row["text"], row["attributes"]["domain"]) for row in lines}
    assert texts == {
        (r.query_id, r.text, r.attributes["domain"]) for r in records if r.query_id in {t[0] for t in texts}
    }
    assert result.json["misses"] == 0


def test_the_commands(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    assert cli("cache", "stats", "--cache", path).code == 2
    with Cache(path) as cache:
        cache.add(
            [stored("k1", messages='[["user", "asked"]]'), stored("k2", status="unparsable", cost_usd=None)]
        )
    rows: Any = cli("cache", "stats", "--cache", path, "--json").json["rows"]
    row = rows[0]
    assert (row["answers"], row["bad"], row["cost_usd"]) == (2, 1, None)
    assert "unpriced" in cli("cache", "stats", "--cache", path).out
    assert "k1" in cli("cache", "list", "--cache", path).out
    assert "asked" in cli("cache", "show", "k1", "--cache", path).out
    assert "1 answer would be removed" in cli("cache", "prune", "--status", "unparsable", "--cache", path).out
    assert cli("cache", "prune", "--cache", path).code == 2
    assert "1 answer removed" in cli("cache", "prune", "--status", "unparsable", "--yes", "--cache", path).out
    assert cli("cache", "merge", tmp_path / "none.db", "--cache", path).code == 2
    foreign = tmp_path / "foreign.jsonl"
    foreign.write_text('{"query_id": "q", "doc_id": "d", "response": "r"}\n')
    result = cli("cache", "import", foreign, "--cache", path)
    assert result.code == 2
    assert "foreign.jsonl, line 1" in result.err


def test_keys_of_many_statements_are_all_found(tmp_path: Path) -> None:
    """At both ends of each statement's part, with the cost and text of each key's own answer."""
    keys = [f"k{number}" for number in range(2 * CHUNK + 1)]
    held = [0, CHUNK - 1, CHUNK, 2 * CHUNK - 1, 2 * CHUNK]
    with Cache(tmp_path / "g.db") as cache:
        cache.record(*(stored(keys[n], str(n), cost_usd=n / 4) for n in held), job="j")
        assert {key: one.response for key, one in cache.answers(keys).items()} == {
            keys[n]: str(n) for n in held
        }
        assert cache.answered(keys, 0) == {keys[n]: n / 4 for n in held}


def test_what_needs_no_asking(tmp_path: Path) -> None:
    """Of a key with several such answers, the last one's cost counts; of one without a price it is not known."""
    with Cache(tmp_path / "g.db") as cache:
        cache.record(
            stored("good", "1", cost_usd=0.5),
            stored("good", "2", cost_usd=0.25),
            stored("unpriced", cost_usd=None),
            stored("refused", status="refused", cost_usd=0.125),
            stored("cut at 100", status="truncated", max_tokens=100, cost_usd=0.75),
            stored("unparsable", status="unparsable"),
            job="j",
        )
        keys = ["good", "unpriced", "refused", "cut at 100", "unparsable", "none"]
        good = {"good": 0.25, "unpriced": None}
        assert cache.answered(keys, 101) == {**good, "refused": 0.125}
        assert cache.answered(keys, 100) == {**good, "refused": 0.125, "cut at 100": 0.75}
        assert cache.answered(keys, 100, again=True) == good
        assert cache.answered(["refused"], 0) == {"refused": 0.125}


def test_without_messages_an_answer_is_otherwise_the_same(tmp_path: Path) -> None:
    with Cache(tmp_path / "g.db") as cache:
        whole = stored(
            messages='[["user", "hello"]]', attributes='{"domain": "x"}', max_tokens=9, seconds=0.5
        )
        cache.record(whole, job="j")
        assert cache.answers(["k"]) == {"k": whole}
        assert cache.answers(["k"], messages=False) == {"k": replace(whole, messages="[]")}
        assert whole.asked == [("user", "hello")]
        assert whole.drawn == {"domain": "x"}


def test_rows_are_added_once_and_taken_out_by_what_they_are(tmp_path: Path) -> None:
    with Cache(tmp_path / "g.db") as cache:
        assert cache.add([stored("a", "1"), stored("a", "2"), stored("b", "1"), stored("a", "1")]) == 3
        assert cache.add([stored("a", "2"), stored("b", "2")]) == 1
        assert [(row.key, row.response) for row in cache.rows("key = ?", ["b"])] == [("b", "1"), ("b", "2")]
        assert cache.remove("key = ?", ["a"]) == 2
        assert cache.remove("key = ?", ["a"]) == 0
        assert [row.key for row in cache.rows()] == ["b", "b"]
        assert cache.totals("j").calls == 0, "what came from elsewhere was no call of ours"
