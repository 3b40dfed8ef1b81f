"""Pairs to negatives with a queued model: attributes, corrections, partly good answers, resuming."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from syneg_cli.core.errors import BudgetExceeded, LLMError, LLMSetupError
from syneg_cli.core.records import Pair, SyntheticNegative
from syneg_cli.generation.filling import fill
from syneg_cli.generation.negatives import read_negatives
from syneg_cli.generation.requests import Asking, Generator, asked_words, draw_attributes, select_pairs
from syneg_cli.llm.base import Answer, Refused, TimedOut, Unanswerable, Unreachable
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.limits import Limits
from syneg_cli.llm.statistics import Stats
from tests.fakes import FakeLLM, good, make_engine, make_generator

ONE_BY_ONE = Limits(concurrency=1, backoff=0.001)


def generate(
    generator: Generator,
    llm: FakeLLM,
    path: Path,
    *,
    limits: Limits = ONE_BY_ONE,
    again: bool = False,
) -> tuple[list[SyntheticNegative], Stats, Counter[str]]:
    pairs = generator.dataset.pairs("train")
    keys: list[str | None] = [None] * len(pairs)
    counts: Counter[str] = Counter()
    with Cache(path) as cache:
        engine = make_engine(llm, cache, limits=limits, again=again)
        fill(generator, pairs, engine, keys)
        return list(read_negatives(generator, pairs, keys, cache, counts=counts)), engine.stats, counts


@pytest.fixture
def llm() -> FakeLLM:
    return FakeLLM()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "generations.db"


def test_every_pair_gets_its_negatives_in_order(tiny: Path, llm: FakeLLM, db: Path) -> None:
    records, stats, counts = generate(make_generator(tiny, llm), llm, db, limits=Limits(concurrency=8))
    assert [r.id for r in records] == ["q1/d1/1", "q1/d1/2", "q2/d3/1", "q2/d3/2", "q4/d2/1", "q4/d2/2"]
    assert counts == {"ok": 6}
    assert (stats.calls, stats.prompt_tokens, stats.completion_tokens) == (3, 300, 150)
    first = records[0]
    assert (first.prompt, first.llm, first.status) == ("syneg", "fake:fake-1", "ok")
    assert first.plan
    assert first.reflection
    assert set(first.attributes) == {"domain", "difficulty", "length"}
    assert first.attributes["difficulty"] in llm.asked[0].messages[0][1]


def test_a_second_run_asks_nothing(tiny: Path, llm: FakeLLM, db: Path) -> None:
    first, _, _ = generate(make_generator(tiny, llm), llm, db)
    again, stats, _ = generate(make_generator(tiny, llm), llm, db)
    assert again == first
    assert (len(llm.asked), stats.calls, stats.from_cache) == (3, 0, 3)
    assert stats.saved_usd == pytest.approx(3 * 150e-6)


def test_attributes_depend_on_seed_and_pair_only() -> None:
    pools = {"domain": [str(i) for i in range(50)], "length": ["a"]}
    pair = Pair("q1", "d1")
    drawn = draw_attributes(pools, ("domain", "length"), 0, pair)
    assert drawn == draw_attributes(pools, ("domain", "length"), 0, pair)
    assert drawn["domain"] == draw_attributes(pools, ("domain",), 0, pair)["domain"]
    others = {
        draw_attributes(pools, ("domain",), seed, Pair(q, "d"))["domain"] for seed in (0, 1) for q in "abcdef"
    }
    assert len(others) > 6


@pytest.mark.parametrize(("words", "asked"), [(3, 10), (14, 10), (16, 20), (204, 200), (5000, 400)])
def test_the_length_asked_for(words: int, asked: int) -> None:
    assert asked_words("w " * words, 400) == asked


def test_shards_share_the_work_and_lose_nothing() -> None:
    pairs = [Pair(f"q{i}", f"d{i}") for i in range(200)]
    parts = [select_pairs(pairs, shard=f"{i}/3") for i in (1, 2, 3)]
    assert sorted(p.query_id for part in parts for p in part) == sorted(p.query_id for p in pairs)
    assert all(40 < len(part) < 95 for part in parts)
    assert select_pairs(list(reversed(pairs)), shard="1/3") == list(reversed(parts[0]))
    assert select_pairs(pairs, limit=5) == pairs[:5]


def test_an_unusable_answer_is_shown_to_the_model_and_corrected(tiny: Path, llm: FakeLLM, db: Path) -> None:
    llm.enqueue("I would rather not.", good("fixed"))
    records, stats, _ = generate(make_generator(tiny, llm), llm, db)
    assert records[0].title == "Study fixed 1"
    assert [role for role, _ in llm.asked[1].messages] == ["user", "assistant", "user"]
    assert llm.asked[1].messages[1][1] == "I would rather not."
    assert "no JSON object" in llm.asked[1].messages[2][1]
    assert stats.problems["unparsable"] == 1
    asked = len(llm.asked)
    assert generate(make_generator(tiny, llm), llm, db)[0] == records
    assert len(llm.asked) == asked, "the correction comes from the cache as well"


def test_an_answer_that_stays_bad_is_kept_and_asked_again_only_on_request(
    tiny: Path, llm: FakeLLM, db: Path
) -> None:
    llm.enqueue("no", "still no")
    records, _, _ = generate(make_generator(tiny, llm), llm, db)
    assert {r.query_id for r in records} == {"q2", "q4"}
    asked = len(llm.asked)
    assert generate(make_generator(tiny, llm), llm, db)[0] == records
    assert len(llm.asked) == asked
    records, _, _ = generate(make_generator(tiny, llm), llm, db, again=True)
    assert len(llm.asked) == asked + 1
    assert {r.query_id for r in records} == {"q1", "q2", "q4"}


def test_a_truncated_answer_is_asked_again_when_the_bound_is_raised(
    tiny: Path, llm: FakeLLM, db: Path
) -> None:
    llm.enqueue(Answer('{"negatives": [{"docu', 100, 50, "length"))
    small, large = Asking(max_tokens=50), Asking(max_tokens=500)
    assert generate(make_generator(tiny, llm, small), llm, db)[2] == {"ok": 4, "cut off": 1}
    asked = len(llm.asked)
    assert generate(make_generator(tiny, llm, small), llm, db)[2] == {"ok": 4, "cut off": 1}
    assert len(llm.asked) == asked
    assert generate(make_generator(tiny, llm, large), llm, db)[2] == {"ok": 6}
    assert len(llm.asked) == asked + 1, "the good answers of the smaller bound are kept"


def test_good_parts_of_a_partly_good_answer_are_kept(tiny: Path, llm: FakeLLM, db: Path) -> None:
    answer = json.loads(good())
    answer["negatives"][0] = {"title": "no document"}
    llm.enqueue(json.dumps(answer))
    records, _, counts = generate(make_generator(tiny, llm), llm, db)
    assert [(r.status, r.reason) for r in records[:2]] == [("dropped", "malformed"), ("ok", "")]
    assert counts == {"ok": 5, "malformed": 1}


def test_what_can_pass_is_retried(tiny: Path, llm: FakeLLM, db: Path) -> None:
    llm.enqueue(LLMError("500"), TimedOut("slow"), good())
    records, stats, _ = generate(make_generator(tiny, llm), llm, db)
    assert len(records) == 6
    assert stats.retries == 2


def test_a_refused_request_fails_alone(tiny: Path, llm: FakeLLM, db: Path) -> None:
    llm.enqueue(Refused("too long"))
    records, stats, _ = generate(make_generator(tiny, llm), llm, db)
    assert len(records) == 4
    assert (stats.failed, stats.retries) == (1, 0)


def test_what_cannot_pass_stops_at_once(tiny: Path, llm: FakeLLM, db: Path) -> None:
    llm.enqueue(LLMSetupError("wrong key"))
    with pytest.raises(LLMSetupError, match="wrong key"):
        generate(make_generator(tiny, llm), llm, db)
    assert len(llm.asked) == 1


def test_a_server_that_never_was_there_stops_at_once_and_one_that_went_is_retried(
    tiny: Path, llm: FakeLLM, db: Path
) -> None:
    llm.enqueue(Unreachable("nobody"))
    with pytest.raises(LLMSetupError, match="nobody"):
        generate(make_generator(tiny, llm), llm, db)
    llm.enqueue(good(), Unreachable("nobody"), good("b"))
    assert len(generate(make_generator(tiny, llm), llm, db)[0]) == 6


def test_a_run_of_failures_stops_the_run(tiny: Path, llm: FakeLLM, db: Path) -> None:
    llm.enqueue(*[LLMError("500: broken")] * 20)
    limits = Limits(concurrency=1, attempts=2, backoff=0.001, failures_in_a_row=2)
    with pytest.raises(LLMSetupError, match="2 requests in a row failed, the last with: 500: broken"):
        generate(make_generator(tiny, llm), llm, db, limits=limits)
    assert len(llm.asked) == 4


def test_texts_that_a_server_does_not_take_do_not_stop_the_run(tiny: Path, llm: FakeLLM, db: Path) -> None:
    llm.enqueue(Unanswerable("too long"), Unanswerable("filtered"))
    limits = Limits(concurrency=1, backoff=0.001, failures_in_a_row=1)
    records, stats, _ = generate(make_generator(tiny, llm), llm, db, limits=limits)
    assert {r.query_id for r in records} == {"q4"}
    assert (stats.failed, stats.retries) == (2, 0)


@pytest.mark.parametrize("finish", ["content_filter", "refusal", "SAFETY"])
def test_an_answer_that_was_withheld_is_kept_as_refused_and_not_paid_for_again(
    tiny: Path, llm: FakeLLM, db: Path, finish: str
) -> None:
    llm.enqueue(Answer("I cannot help with that.", 100, 5, finish))
    records, stats, _ = generate(make_generator(tiny, llm), llm, db)
    assert {r.query_id for r in records} == {"q2", "q4"}
    assert len(llm.asked) == 3, "no correction is asked for"
    assert stats.problems["refused"] == 1
    with Cache(db) as cache:
        assert [row.status for row in cache.rows("query_id = 'q1'")] == ["refused"]
    assert generate(make_generator(tiny, llm), llm, db)[0] == records
    assert len(llm.asked) == 3
    again, _, _ = generate(make_generator(tiny, llm), llm, db, again=True)
    assert {r.query_id for r in again} == {"q1", "q2", "q4"}


def test_a_usable_answer_is_used_whatever_its_end(tiny: Path, llm: FakeLLM, db: Path) -> None:
    llm.enqueue(Answer(good(), 100, 50, "content_filter"))
    assert generate(make_generator(tiny, llm), llm, db)[2] == {"ok": 6}


def test_max_calls_is_never_passed_over_all_runs(tiny: Path, llm: FakeLLM, db: Path) -> None:
    limits = Limits(concurrency=4, max_calls=2)
    for _ in range(2):
        with pytest.raises(BudgetExceeded, match="--max-calls 2"):
            generate(make_generator(tiny, llm), llm, db, limits=limits)
        assert len(llm.asked) == 2
    records, _, _ = generate(make_generator(tiny, llm), llm, db)
    assert (len(records), len(llm.asked)) == (6, 3)


def test_text_of_the_corpus_is_data(tiny: Path, llm: FakeLLM) -> None:
    generator = make_generator(tiny, llm)
    hostile = "{{ 7 * 7 }} {% for x in y %} {{ cycler.__init__.__globals__ }}"
    text = generator.prompt.render(
        query=hostile, positive=hostile, relevance="r", domain="d", difficulty="d", length="l", words=10, n=2
    )
    assert text.count(hostile) == 2
