"""The checks of written queries, one by one and together, without and with models."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syneg_cli.core import NoProgress, SynegError, SyntheticQuery, UsageError
from syneg_cli.data import Dataset, load_dataset
from syneg_cli.encoding import Encoder, load_cross_encoder, pair_scores
from syneg_cli.generation import QuerySettings
from syneg_cli.mining import MineSettings, Setup
from syneg_cli.round_trip import CheckTools, check_queries
from syneg_cli.verification import Candidate, NoVerdict, Verdict
from tests.conftest import DOCS, write_dataset

D5 = "does sleeping after a lesson make recall of word lists better"
D6 = "is sleep apnea frequent among the elderly"
D4 = "headache and the amount of aspirin"


def query(doc_id: str, text: str, index: int = 1, **fields: Any) -> SyntheticQuery:
    return replace(SyntheticQuery(doc_id, index, text, "query", "x:y", "key"), **fields)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("data")
    write_dataset(folder / "tiny")
    return load_dataset(str(folder / "tiny"), cache=folder / "cache", dev_fraction=0)


def no_encoder() -> Encoder:
    raise AssertionError("BM25 alone needs no encoder")


def bm25(judge: Any = None, **given: Any) -> CheckTools:
    def setup(dataset: Dataset) -> Setup:
        return Setup.of(MineSettings(), dataset, no_encoder, NoProgress())

    return CheckTools(**{"setup": setup, "judge": judge, "retrievers": ("bm25",)} | given)


def check(
    data: Dataset, *queries: SyntheticQuery, tools: CheckTools | None = None, **given: Any
) -> list[SyntheticQuery]:
    return check_queries(queries, data, QuerySettings(**given), tools or bm25())


def reasons(found: Sequence[SyntheticQuery]) -> list[str]:
    assert all((one.status == "ok") == (not one.reason) for one in found)
    return [one.reason for one in found]


def test_a_query_is_kept_where_it_finds_its_document(data: Dataset) -> None:
    found = check(data, query("d5", D5), query("d6", D5.replace("better", "worse")), top=1)
    assert reasons(found) == ["", "its document is not found again"]
    assert found[0].scores == {"copied": 0.0, "rank": 1.0}
    assert found[1].scores["rank"] == 2.0, "d6 has `sleep` alone"
    assert reasons(check(data, query("d6", D5), top=2)) == [""]
    nothing = check(data, query("d5", "voltage of a transformer"))
    assert reasons(nothing) == ["its document is not found again"]
    assert "rank" not in nothing[0].scores


def test_two_retrievers_are_fused(data: Dataset, tiny_model: Path) -> None:
    """By reciprocal rank: d5 is second for BM25; its place is that of the sum of 1 / (60 + rank)."""

    def setup(dataset: Dataset) -> Setup:
        return Setup.of(MineSettings(), dataset, lambda: Encoder.load(str(tiny_model)), NoProgress())

    (found,) = check(data, query("d5", D5), tools=bm25(setup=setup, retrievers=("bm25", "dense")))
    assert set(found.scores) == {"copied", "rank", "bm25", "dense"}
    assert found.scores["bm25"] == 1.0
    assert 1 <= found.scores["rank"] <= found.scores["dense"] <= len(DOCS)


def test_a_document_of_the_same_text_is_the_own_one(tmp_path: Path) -> None:
    docs = {"a": DOCS["d5"], "b": DOCS["d5"], "c": DOCS["d6"]}
    write_dataset(tmp_path / "twins", docs=docs, queries={"q": "x"}, qrels={"test": [("q", "c", 1)]})
    data = load_dataset(str(tmp_path / "twins"), cache=tmp_path / "cache")
    assert reasons(check(data, query("b", D5), top=1)) == [""]


def test_copies_of_real_queries_of_any_split(data: Dataset) -> None:
    """q3 is of test, q1 of train: five and four words, one of them another one."""
    found = check(
        data,
        query("d5", "Sleep  helps MEMORY"),
        query("d1", "vitamin D improves bone density quickly"),  # 5 of 6 words
        query("d1", "vitamin D improves bones"),  # 3 of 6
        check="none",
    )
    assert reasons(found) == ["near copy of a real query"] * 2 + [""]
    assert reasons(check(data, query("d5", "sleep helps memory"), near_copies="off", check="none")) == [
        "near copy of a real query"
    ]


def test_of_twins_the_first_number_stays_whatever_comes_first(data: Dataset) -> None:
    one, two = query("d6", D6, 2), query("d5", D6 + " people", 1)
    for order in ([one, two], [two, one]):
        found = {q.id: q.reason for q in check(data, *order, check="none")}
        assert found == {one.id: "near copy of another written query", two.id: ""}


def test_a_twin_that_is_lost_takes_none_with_it(data: Dataset) -> None:
    lost, found = query("d1", D6, 1), query("d6", D6, 2)
    assert reasons(check(data, lost, found, top=1)) == ["its document is not found again", ""]


def test_what_is_dropped_stays_dropped_and_is_not_counted_among_twins(data: Dataset) -> None:
    gone = query("d6", D6, 1, status="dropped", reason="more than asked for")
    found = check(data, gone, query("d6", D6, 2))
    assert reasons(found) == ["more than asked for", ""]


@pytest.mark.parametrize(("share", "reason"), [(0.9, "copies its document"), (0.95, ""), ("off", "")])
def test_words_of_the_document(data: Dataset, share: Any, reason: str) -> None:
    """Nine of ten words stand in d4 as they are."""
    (found,) = check(
        data, query("d4", "whether aspirin dose was compared in two groups of men"), max_copied=share
    )
    assert found.scores["copied"] == 0.9
    assert found.reason == reason


def test_rewordings_make_no_round_trip(data: Dataset) -> None:
    same = query("d1", "Vitamin D improves bone density", 1, rewrites="q1")
    near = query("d1", "vitamin D improves bone density much", 2, rewrites="q1")
    far = query("d1", "stronger skeletons through cholecalciferol", 3, rewrites="q1")
    of_test = query("d1", "sleep helps memory", 4, rewrites="q1")
    again = query("d1", "Stronger skeletons through cholecalciferol", 5, rewrites="q1")
    found = check(data, same, near, far, of_test, again)
    assert reasons(found) == [
        "same as its query",
        "",
        "",
        "near copy of a real query",
        "near copy of another written query",
    ]
    assert [one.scores for one in found] == [{}] * 5


def test_a_judge(data: Dataset) -> None:
    asked: list[tuple[str, str]] = []

    def judge(dataset: Dataset) -> Any:
        def verdicts(candidates: Sequence[Candidate]) -> list[Verdict | NoVerdict]:
            asked.extend((dataset.queries[one.query_id].text, one.doc_id) for one in candidates)
            said: dict[str, Verdict | NoVerdict] = {"d5": Verdict(True, 1.0), "d6": NoVerdict("declined")}
            return [said.get(one.doc_id, Verdict(False, 0.0)) for one in candidates]

        return verdicts

    queries = (query("d5", D5), query("d6", D6), query("d4", D4))
    found = check(data, *queries, check="judge", tools=bm25(judge))
    assert reasons(found) == [
        "",
        "no usable verdict of the judge",
        "its document is not relevant, says the judge",
    ]
    assert [one.scores.get("judge") for one in found] == [1.0, None, 0.0]
    assert asked == [(D5, "d5"), (D6, "d6"), (D4, "d4")]
    asked.clear()
    more = check(data, query("d5", D6), check="judge", judge_pool=3, tools=bm25(judge))
    assert asked[0] == (D6, "d5")
    assert asked[1] == (D6, "d6"), "the first that it finds beside its own"
    assert (more[0].status, more[0].also_relevant) == ("ok", ())


def test_what_a_judge_finds_beside_is_relevant_too(data: Dataset) -> None:
    def judge(dataset: Dataset) -> Any:
        def verdicts(candidates: Sequence[Candidate]) -> list[Verdict | NoVerdict]:
            return [Verdict(one.doc_id in ("d5", "d6"), 1.0) for one in candidates]

        return verdicts

    (found,) = check(data, query("d5", D6), check="judge", judge_pool=2, tools=bm25(judge))
    assert found.also_relevant == ("d6",)


def test_a_cross_encoder_ranks_among_what_was_retrieved(data: Dataset, tiny_cross_encoder: Path) -> None:
    given = bm25(cross_encoder=str(tiny_cross_encoder))
    queries = [query("d5", D5), query("d6", D6), query("d4", D4)]
    every = check(data, *queries, check="cross-encoder", top=6, tools=given)
    assert reasons(every) == ["", "", ""]
    ranks = [one.scores["cross-encoder"] for one in every]
    first = check(data, *queries, check="cross-encoder", top=1, tools=given)
    assert [not one.reason for one in first] == [rank == 1 for rank in ranks]
    with pytest.raises(UsageError, match="--check cross-encoder needs a model"):
        check(data, *queries, check="cross-encoder")


def shifted(cross_encoder: Path, folder: Path, bias: float) -> str:
    """The cross-encoder with its logits far apart, and all of them moved."""
    from transformers import AutoModelForSequenceClassification

    shutil.copytree(cross_encoder, folder)
    model = AutoModelForSequenceClassification.from_pretrained(cross_encoder)
    model.classifier.weight.data.mul_(100)
    model.classifier.bias.data.fill_(bias)
    model.save_pretrained(folder)
    return str(folder)


def test_a_cross_encoder_ranks_by_what_a_sigmoid_would_round_away(
    data: Dataset, tiny_cross_encoder: Path, tmp_path: Path
) -> None:
    models = [shifted(tiny_cross_encoder, tmp_path / f"{bias}", bias) for bias in (0.0, 40.0)]
    queries = [query("d5", D5), query("d6", D6), query("d4", D4)]
    plain, high = (
        check(data, *queries, check="cross-encoder", top=6, tools=bm25(cross_encoder=model))
        for model in models
    )
    ranks = [one.scores["cross-encoder"] for one in plain]
    assert [one.scores["cross-encoder"] for one in high] == ranks
    assert max(ranks) > 1


def test_a_query_that_retrieves_nothing_is_compared_with_other_documents(
    data: Dataset, tiny_cross_encoder: Path, tmp_path: Path
) -> None:
    """Alone its own document would come first, whatever the query says."""
    queries = [query(doc_id, "\u7761\u7720 \u8a18\u61b6") for doc_id in DOCS]
    model = shifted(tiny_cross_encoder, tmp_path / "x", 0.0)
    scorer = load_cross_encoder(model)
    expected = []
    for one in queries:
        texts = [data.corpus[doc_id].full_text for doc_id in DOCS]
        scores = pair_scores(scorer, [(one.text, text) for text in texts])
        own = scores[list(DOCS).index(one.doc_id)]
        expected.append(1 + int((scores > own + 1e-4).sum()))
    tools = bm25(cross_encoder=model)
    found = check(data, *queries, check="cross-encoder", near_copies="off", tools=tools)
    assert sorted(expected) == [1, 2, 3, 4, 5, 6]
    assert [one.scores["cross-encoder"] for one in found] == expected


class Told(NoProgress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


@pytest.mark.parametrize(("top", "told"), [(20, True), (6, True), (5, False)])
def test_where_every_document_is_among_the_first_it_is_said(data: Dataset, top: int, told: bool) -> None:
    progress = Told()
    check(data, query("d5", D5), top=top, tools=bm25(progress=progress))
    said = [f"among the first {top}, and there are 6 documents in all" in line for line in progress.warnings]
    assert said == [True] * told


def test_scores_that_are_none_find_no_document(
    data: Dataset, tiny_cross_encoder: Path, tmp_path: Path
) -> None:
    model = shifted(tiny_cross_encoder, tmp_path / "x", float("nan"))
    with pytest.raises(SynegError, match="not finite"):
        check(data, query("d5", D5), check="cross-encoder", tools=bm25(cross_encoder=model))


TEXTS = st.sampled_from(
    [
        D4,
        D5,
        D6,
        D5 + " now",
        "sleep helps memory",
        "",
        "what does this study say",
        *(t for _, t in DOCS.values()),
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from([*DOCS]), TEXTS), max_size=8),
    st.randoms(use_true_random=False),
    st.sampled_from([1, 2, 20]),
)
def test_the_order_decides_nothing(
    data: Dataset, drawn: list[tuple[str, str]], shuffled: random.Random, top: int
) -> None:
    numbers: dict[str, int] = {}
    queries = []
    for doc_id, text in drawn:
        numbers[doc_id] = numbers.get(doc_id, 0) + 1
        queries.append(query(doc_id, text, numbers[doc_id]))
    found = check(data, *queries, top=top)
    assert [one.id for one in found] == [one.id for one in queries]
    assert len({one.id for one in found}) == len(found)
    mixed = shuffled.sample(queries, len(queries))
    assert {one.id: one for one in check(data, *mixed, top=top)} == {one.id: one for one in found}
