"""Claims and money: who may call, what counts against a cap, and what is lost when a caller is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from syneg_cli.core.errors import BudgetExceeded
from syneg_cli.core.holders import machine, this_process
from syneg_cli.llm.cache import CHUNK, Cache
from syneg_cli.llm.ledger import BATCH_LEASE, LEASE, Busy, CapInFlight, Caps, Claim, InBatch, Totals
from tests.llm.test_cache import stored

NO_CAP = Caps()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "g.db"


def claims(cache: Cache) -> set[tuple[str, str, str, float]]:
    return set(cache.file.select("SELECT key, owner, job, reserved FROM claims"))


def test_a_jobs_totals_are_the_sums_of_its_own_answers(path: Path) -> None:
    with Cache(path) as cache:
        assert cache.totals("j") == Totals(0, 0, 0, 0.0, 0.0, 0)
        first = stored("a", prompt_tokens=100, completion_tokens=20, cost_usd=0.25)
        unpriced = stored("b", prompt_tokens=10, completion_tokens=3, cost_usd=None)
        cache.record(first, unpriced, job="j")
        cache.record(stored("c", prompt_tokens=1, completion_tokens=2, cost_usd=0.5), job="j")
        cache.record(stored("d", prompt_tokens=7, completion_tokens=7, cost_usd=7.0), job="other")
        assert cache.totals("j") == Totals(3, 111, 25, 0.75, 0.0, 1)
        assert cache.totals("other") == Totals(1, 7, 7, 7.0, 0.0, 0)


def test_an_answer_ends_its_own_claim_alone(path: Path) -> None:
    with Cache(path) as cache:
        cache.claim("a", job="j", reserve=0.25)
        cache.claim("b", job="j", reserve=0.5)
        cache.record(stored("a"), job="j")
        assert claims(cache) == {("b", cache.ledger.owner, "j", 0.5)}
        assert (cache.ledger.holder("a"), cache.ledger.holder("b")) == (None, cache.ledger.owner)
        assert cache.ledger.held(["a", "b", "c"]) == {"b"}


def test_a_cap_may_be_reached_and_not_passed(path: Path) -> None:
    with Cache(path) as cache:
        cache.record(stored("spent", cost_usd=0.25), job="j")
        cache.claim("lost", job="j", reserve=0.125)
        cache.release("lost", lost=True)
        caps = Caps(cost=1.0)
        with pytest.raises(BudgetExceeded) as caught:
            cache.claim("k", job="j", reserve=0.75, caps=caps)
        assert not isinstance(caught.value, CapInFlight)
        assert caught.value.message == (
            "--max-cost $1: $0.3750 is spent ($0.1250 of it for lost answers, at most), "
            "the next call can cost $0.7500."
        )
        assert cache.claim("k", job="j", reserve=0.625, caps=caps) is None
        with pytest.raises(CapInFlight) as waits:
            cache.claim("more", job="j", reserve=0.125, caps=caps)
        assert (
            waits.value.message == "--max-cost: $0.3750 is spent, the rest is reserved for calls in flight."
        )
        assert cache.claim("free", job="j", caps=caps) is None
        assert cache.claim("more", job="other", reserve=1.0, caps=caps) is None


def test_calls_are_counted_whatever_became_of_them(path: Path) -> None:
    """One answered, one given back, one in flight: a fourth is the last that a cap of four lets pass."""
    with Cache(path) as cache:
        cache.record(stored("answered"), job="j")
        cache.claim("back", job="j", reserve=0.5)
        cache.release("back")
        cache.claim("in flight", job="j")
        assert cache.totals("j").lost_usd == 0
        for calls in (2, 3):
            with pytest.raises(BudgetExceeded, match=rf"^--max-calls {calls} is reached\. Raise the cap"):
                cache.claim("k", job="j", caps=Caps(calls=calls))
        assert cache.claim("k", job="j", caps=Caps(calls=4)) is None


def test_what_is_given_back_is_ones_own(path: Path) -> None:
    with Cache(path) as mine, Cache(path) as other:
        mine.claim("a", job="j", reserve=0.5)
        mine.claim("b", job="k", reserve=0.25)
        other.claim("c", job="j", reserve=2.0)
        other.release("a", lost=True)
        assert len(claims(mine)) == 3, "another's claim is not given back"
        assert mine.release_all(mine.ledger.owner, lost=True) == 2
        assert claims(mine) == {("c", other.ledger.owner, "j", 2.0)}
        assert (mine.totals("j"), mine.totals("k")) == (
            Totals(calls=1, lost_usd=0.5),
            Totals(calls=1, lost_usd=0.25),
        )
        assert mine.release_all(mine.ledger.owner, lost=True) == 0
        assert mine.release_all(other.ledger.owner, lost=False) == 1
        assert mine.totals("j") == Totals(calls=2, lost_usd=0.5)


def test_a_renewal_is_of_ones_own_claims(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    with Cache(path) as mine, Cache(path) as other:
        mine.claim("a", job="j")
        other.claim("b", job="j")
        now[0] = 1030.0
        mine.renew()
        until = dict(mine.file.select("SELECT key, until FROM claims"))
        assert until == {"a": 1030 + LEASE, "b": 1000 + LEASE}


def test_caches_of_one_process_are_not_gone_while_they_are_open(path: Path) -> None:
    with Cache(path) as mine, Cache(path) as other:
        assert mine.ledger.owner != other.ledger.owner
        mine.claim("k", job="j")
        with pytest.raises(Busy) as caught:
            other.claim("k", job="j")
        assert caught.value.owner == mine.ledger.owner


def test_a_machine_may_have_dots_in_its_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that another process has by now: who claimed the call is gone, and it is not waited for."""
    monkeypatch.setattr("socket.gethostname", lambda: "box.lan")
    machine.cache_clear()
    try:
        where, number, start = this_process().rsplit(":", 2)
        with Cache(path) as cache:
            cache.ledger.owner = f"{where}:{number}:{int(start) + 1}.7"
            cache.claim("k", job="j", reserve=0.5)
        with Cache(path) as cache:
            assert cache.claim("k", job="j") is None
            assert cache.totals("j").lost_usd == 0.5
    finally:
        machine.cache_clear()


def test_a_batch_is_waited_for_thirty_days_and_then_counts_as_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    with Cache(path) as cache:
        wanted = [Claim("a", 0.5), Claim("b", 0.25)]
        assert cache.claim_for_batch(wanted, owner="batch:x", job="j", caps=NO_CAP) == wanted
        assert claims(cache) == {("a", "batch:x", "j", 0.5), ("b", "batch:x", "j", 0.25)}
    now[0] += BATCH_LEASE
    with Cache(path) as cache:
        with pytest.raises(InBatch, match="--batch collect"):
            cache.claim("a", job="j")
        assert cache.totals("j") == Totals()
    now[0] += 1
    with Cache(path) as cache:
        assert cache.claim("a", job="j") is None
        assert cache.totals("j") == Totals(calls=2, lost_usd=0.75)


def test_a_batch_takes_what_has_neither_an_answer_nor_a_caller(path: Path) -> None:
    with Cache(path) as cache:
        cache.claim("asked", job="j")
        cut = stored("cut", status="truncated", max_tokens=100)
        cache.record(stored("answered"), cut, stored("refused", status="refused"), job="j")
        known = [Claim("answered"), Claim("asked"), Claim("refused"), Claim("cut", 0.5, max_tokens=100)]
        open_ = [Claim("new", 0.5, max_tokens=100), Claim("cut", 0.25, max_tokens=101)]
        assert cache.claim_for_batch([*known, *open_], owner="batch:x", job="j", caps=NO_CAP) == open_
        assert claims(cache) == {
            ("asked", cache.ledger.owner, "j", 0.0),
            ("new", "batch:x", "j", 0.5),
            ("cut", "batch:x", "j", 0.25),
        }
        assert cache.claim_for_batch(known, owner="batch:y", job="j", caps=Caps(cost=0, calls=0)) == []


@pytest.mark.parametrize(
    ("caps", "says"),
    [
        (Caps(cost=0.75), None),
        (Caps(calls=3), None),
        (Caps(cost=0.7), "--max-cost $0.7: $0.2500 is spent, the batch of 2 can cost $0.5000."),
        (Caps(calls=2), "--max-calls 2: 1 are sent, and the batch holds 2."),
    ],
)
def test_a_batch_is_claimed_whole_or_not_at_all(path: Path, caps: Caps, says: str | None) -> None:
    with Cache(path) as cache:
        cache.record(stored("spent", cost_usd=0.25), job="j")
        wanted = [Claim("a", 0.25), Claim("b", 0.25)]
        if says is None:
            assert cache.claim_for_batch(wanted, owner="batch:x", job="j", caps=caps) == wanted
            return
        with pytest.raises(BudgetExceeded) as caught:
            cache.claim_for_batch(wanted, owner="batch:x", job="j", caps=caps)
        assert caught.value.message == says
        assert not claims(cache)


def test_only_calls_that_end_soon_are_waited_for(path: Path) -> None:
    """A batch takes a day, and one that is to be handed in is not tried again: both say no at once."""
    caps = Caps(cost=1.0)
    with Cache(path) as cache:
        cache.claim_for_batch([Claim("a", 0.75)], owner="batch:x", job="j", caps=caps)
        cache.claim("elsewhere", job="other", reserve=0.5)
        with pytest.raises(BudgetExceeded) as full:
            cache.claim("k", job="j", reserve=0.5, caps=caps)
        assert not isinstance(full.value, CapInFlight)
        assert full.value.message == (
            "--max-cost $1: $0.0000 is spent, $0.7500 is reserved for calls in flight, "
            "the next call can cost $0.5000."
        )
        cache.claim("live", job="j", reserve=0.25, caps=caps)
        with pytest.raises(CapInFlight):
            cache.claim("k", job="j", reserve=0.5, caps=caps)
        with pytest.raises(BudgetExceeded) as batch:
            cache.claim_for_batch([Claim("k", 0.5)], owner="batch:y", job="j", caps=caps)
        assert not isinstance(batch.value, CapInFlight)


def test_a_batch_of_more_requests_than_one_statement_takes(path: Path) -> None:
    """Answers, claims and reserves count on both sides of the border."""
    wanted = [Claim(f"k{number}", 0.25) for number in range(2 * CHUNK + 1)]
    last = wanted[-1].key
    with Cache(path) as cache:
        cache.record(stored("k0"), stored(last), job="other")
        cache.claim("k1", job="other")
        cache.claim(f"k{CHUNK}", job="other")
        left = [one for one in wanted if one.key not in ("k0", "k1", f"k{CHUNK}", last)]
        cost = 0.25 * len(left)
        with pytest.raises(BudgetExceeded):
            cache.claim_for_batch(wanted, owner="batch:x", job="j", caps=Caps(cost=cost - 0.01))
        found = cache.claim_for_batch(wanted, owner="batch:x", job="j", caps=Caps(cost=cost))
        assert found == left


@pytest.mark.parametrize(
    ("status", "bound", "again", "asks"),
    [
        ("ok", 999, False, False),
        ("ok", 999, True, False),
        ("truncated", 100, False, False),
        ("truncated", 101, False, True),
        ("truncated", 100, True, True),
        ("refused", 999, False, False),
        ("refused", 100, True, True),
    ],
)
def test_what_is_stored_is_asked_again_for_a_reason_alone(
    path: Path, status: str, bound: int, again: bool, asks: bool
) -> None:
    with Cache(path) as cache:
        kept = stored(status=status, max_tokens=100)
        cache.record(kept, job="j")
        assert cache.claim("k", job="j") == kept, "nothing is asked again that nobody asked for"
        found = cache.claim("k", job="j", reserve=0.5, max_tokens=bound, again=again)
        assert found == (None if asks else kept)
        assert claims(cache) == ({("k", cache.ledger.owner, "j", 0.5)} if asks else set())


def test_what_cannot_be_made_again_is_on_the_disk_itself(path: Path) -> None:
    """SQLite's words: at 2, FULL, a transaction is over when the disk has it; at 1 a power cut may undo it."""
    with Cache(path) as cache:
        kept: list[object] = []
        for change in (
            lambda: cache.claim("a", job="j"),
            lambda: cache.record(stored("a"), job="j"),
            lambda: cache.record(stored("b"), job="j", durable=False),
            lambda: cache.claim_for_batch([Claim("c")], owner="batch:x", job="j", caps=NO_CAP),
            lambda: cache.release("c"),
            lambda: cache.release_all("batch:x", lost=True),
            cache.renew,
            lambda: cache.add([stored("d")]),
            lambda: cache.release("d"),
            lambda: cache.remove("key = 'd'"),
        ):
            change()
            kept += cache.file.select("PRAGMA synchronous")[0]
        assert kept == [1, 2, 1, 2, 1, 2, 1, 2, 1, 2]
