"""Every miner on a corpus of four documents, by hand; BM25 against a naive one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from syneg_cli.core.errors import DatasetError, UsageError
from syneg_cli.core.progress import NoProgress
from syneg_cli.core.random_streams import generator, joined
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset
from syneg_cli.encoding.encoder import Encoder
from syneg_cli.mining import Selection, Setup, check_miner, mine_negatives, uses_encoder
from syneg_cli.mining.base import Ranking
from syneg_cli.mining.bm25 import words_of
from syneg_cli.mining.fusion import reciprocal_ranks
from syneg_cli.mining.registry import make_miner
from syneg_cli.mining.select import select
from syneg_cli.mining.simans import log_weight
from syneg_cli.mining.tally import Tally
from tests.conftest import write_dataset

DOCS = {
    "a": ("", "red apple"),
    "b": ("", "red apple pie"),
    "c": ("", "red wagon"),
    "d": ("", "RED  apple"),  # the same text as a
}
VECTORS = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [1.0, 0.0]], dtype=np.float32)
QUERY = np.array([[1.0, 0.0]], dtype=np.float32)


class FakeEncoder:
    """Vectors by hand: four documents and one query."""

    similarity = "cosine"

    def encode_corpus(self, corpus: object, progress: object = None) -> np.ndarray:
        return VECTORS

    def encode_queries(self, texts: list[str], progress: object = None) -> np.ndarray:
        return np.repeat(QUERY, len(texts), axis=0)


@pytest.fixture
def four(tmp_path: Path) -> Dataset:
    """Query `q` with the positive a; d has the same text, b and c may be negatives."""
    folder = write_dataset(tmp_path / "four", DOCS, {"q": "red apple"}, {"train": [("q", "a", 1)]})
    return load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)


@pytest.fixture
def setup(four: Dataset) -> Setup:
    return Setup(four, lambda: FakeEncoder())  # type: ignore[arg-type, return-value]


Mine = Callable[..., list[tuple[str, int, float]]]


@pytest.fixture
def mine(four: Dataset, setup: Setup) -> Mine:
    def run(miner: str, **options: object) -> list[tuple[str, int, float]]:
        selection = replace(Selection(depth=4), **options)  # type: ignore[arg-type]
        found = mine_negatives(four, [miner], setup=setup, selection=selection)[0].negatives
        assert all(negative.query_id == "q" and negative.miner == miner for negative in found)
        return [(negative.doc_id, negative.rank, negative.score) for negative in found]

    return run


def test_dense(mine: Mine) -> None:
    assert mine("dense") == [("b", 1, 0.8), ("c", 2, 0.0)]


def test_dense_filters(mine: Mine) -> None:
    assert mine("dense", percentage=0.95) == [("b", 1, 0.8), ("c", 2, 0.0)]
    assert mine("dense", percentage=0.7) == [("c", 2, 0.0)]
    assert mine("dense", margin=0.3) == [("c", 2, 0.0)]
    assert mine("dense", skip=1) == [("c", 2, 0.0)]
    assert mine("dense", pool=1, depth=1) == [("b", 1, 0.8)]
    assert mine("dense", max_score=0.5) == [("c", 2, 0.0)]
    assert mine("dense", min_score=0.5) == [("b", 1, 0.8)]


def test_dense_near_copies(mine: Mine) -> None:
    """b shares two of three words with the positive."""
    assert mine("dense", near_copies=2 / 3) == [("c", 2, 0.0)]
    assert mine("dense", near_copies=None) == [("b", 1, 0.8), ("c", 2, 0.0)]


def test_random_leaves_out_the_positive_and_its_twin(mine: Mine) -> None:
    assert sorted(doc_id for doc_id, _, _ in mine("random")) == ["b", "c"]


def test_random_depends_on_the_seed_alone(tmp_path: Path) -> None:
    docs = {f"d{i}": ("", f"text {i}") for i in range(50)}
    queries = {"q": "text", "p": "texts"}
    folder = write_dataset(tmp_path / "x", docs, queries, {"train": [("q", "d1", 1), ("p", "d2", 1)]})
    dataset = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)

    def drawn(seed: int, query_ids: list[str]) -> dict[str, list[str]]:
        setup = Setup(dataset, lambda: FakeEncoder(), seed=seed)  # type: ignore[arg-type, return-value]
        found = mine_negatives(
            dataset, ["random"], setup=setup, selection=Selection(depth=5), queries=query_ids
        )
        return {q: [n.doc_id for n in found[0].negatives if n.query_id == q] for q in query_ids}

    assert drawn(0, ["q", "p"])["p"] == drawn(0, ["p"])["p"]
    assert drawn(0, ["q"]) != drawn(1, ["q"])


def naive_bm25(query: list[str], docs: list[list[str]], k1: float = 0.9, b: float = 0.4) -> list[float]:
    """Lucene's BM25 as its formula reads."""
    average = sum(map(len, docs)) / len(docs)
    scores = []
    for doc in docs:
        counts, total = Counter(doc), 0.0
        for word in query:
            df = sum(word in other for other in docs)
            idf = math.log(1 + (len(docs) - df + 0.5) / (df + 0.5))
            total += idf * counts[word] / (counts[word] + k1 * (1 - b + b * len(doc) / average))
        scores.append(total)
    return scores


def test_bm25_is_the_formula(mine: Mine) -> None:
    docs = [text.lower().replace("apple", "appl").split() for _, text in DOCS.values()]
    expected = naive_bm25(["red", "appl"], docs)
    found = mine("bm25")
    assert [doc_id for doc_id, _, _ in found] == ["b", "c"]
    assert [score for _, _, score in found] == pytest.approx([expected[1], expected[2]], abs=1e-5)


def test_bm25_keeps_only_documents_that_share_a_word(tmp_path: Path) -> None:
    docs = {"a": ("", "red apple"), "b": ("", "green pear"), "c": ("", "red plum")}
    folder = write_dataset(
        tmp_path / "x", docs, {"q": "red", "r": "zzz"}, {"train": [("q", "a", 1), ("r", "b", 1)]}
    )
    dataset = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)
    setup = Setup(dataset, lambda: FakeEncoder())  # type: ignore[arg-type, return-value]
    mined = mine_negatives(dataset, ["bm25"], setup=setup, selection=Selection(depth=2))[0]
    assert [(n.query_id, n.doc_id) for n in mined.negatives] == [("q", "c")]
    assert mined.tally.short == ["q", "r"]


def test_bm25_finds_other_forms_of_a_word(tmp_path: Path) -> None:
    """Also one that no document has: `sleeping`, where documents have `sleep`."""
    docs = {"a": ("", "sleep and memory"), "b": ("", "deep sleep"), "c": ("", "a red plum")}
    folder = write_dataset(tmp_path / "x", docs, {"q": "sleeping"}, {"train": [("q", "a", 1)]})
    dataset = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)
    setup = Setup(dataset, lambda: FakeEncoder())  # type: ignore[arg-type, return-value]
    mined = mine_negatives(dataset, ["bm25"], setup=setup, selection=Selection(depth=2))[0]
    assert [n.doc_id for n in mined.negatives] == ["b"]


def test_run_file(mine: Mine, tmp_path: Path) -> None:
    run = tmp_path / "their.trec"
    run.write_text("q Q0 c 1 7.5 x\nq Q0 a 2 7.0 x\nq Q0 b 3 6.0 x\nother Q0 a 1 1 x\n", encoding="utf-8")
    assert mine(f"run:{run}") == [("c", 1, 7.5), ("b", 2, 6.0)]
    assert mine(f"run:{run}", percentage=0.95) == [("b", 2, 6.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q Q0 c 1\n", "line 1: 4 columns"),
        ("q Q0 c 1 high x\n", "line 1: the score 'high'"),
        ("q Q0 nope 1 2 x\n", "ranks no document that four has"),
        ("q Q0 c 1 2 x\nq Q0 c 2 1 x\n", "line 2: 'c' was ranked"),
        ("other Q0 a 1 1 x\n", "none of the train queries of four"),
    ],
)
def test_a_wrong_run_is_named_by_line(mine: Mine, tmp_path: Path, text: str, message: str) -> None:
    run = tmp_path / "bad.trec"
    run.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=message):
        mine(f"run:{run}")


def test_run_needs_a_file(mine: Mine) -> None:
    with pytest.raises(UsageError, match="needs a file"):
        mine("run")
    with pytest.raises(DatasetError, match=r"nowhere\.trec is not there"):
        mine("run:nowhere.trec")


def test_reciprocal_ranks() -> None:
    fused = reciprocal_ranks([[5, 7, -1], [7, 9, 5]])
    assert fused == pytest.approx({5: 1 / 61 + 1 / 63, 7: 1 / 62 + 1 / 61, 9: 1 / 62})


def test_fusion(mine: Mine, tmp_path: Path) -> None:
    run = tmp_path / "r.trec"
    run.write_text("q Q0 c 1 9 x\nq Q0 b 2 8 x\n", encoding="utf-8")
    found = mine(f"fusion:dense+run:{run}")  # dense ranks a, d, b, c
    assert [(doc_id, rank) for doc_id, rank, _ in found] == [("c", 1), ("b", 2)]
    assert [score for _, _, score in found] == pytest.approx([1 / 64 + 1 / 61, 1 / 63 + 1 / 62], abs=1e-6)


def test_simans_weights() -> None:
    scores, positive = np.array([[0.9, 0.5]]), np.array([0.8])
    assert log_weight(scores, positive, 0.5, 0.1).tolist()[0] == pytest.approx([-0.5 * 0.04, -0.5 * 0.04])
    assert log_weight(scores * 20, positive * 20, 0.5, 0).tolist()[0] == pytest.approx([-2.0, -18.0])


def test_simans_draws_near_the_positive(four: Dataset) -> None:
    """b (0.8) is nearer to the positive (1.0) than c (0.0): -8 against -200 at temperature 0.05."""
    for seed in range(20):
        setup = Setup(four, lambda: FakeEncoder(), seed=seed)  # type: ignore[arg-type, return-value]
        mined = mine_negatives(four, ["simans"], setup=setup, selection=Selection(depth=1))[0]
        assert [negative.doc_id for negative in mined.negatives] == ["b"]


def test_a_weighted_draw_follows_its_weights(four: Dataset) -> None:
    """Over many seeds b and c, with weights 3 : 1, are drawn first in that proportion."""
    ranking = Ranking(
        np.array([[1, 2]]), np.zeros((1, 2), np.float32), np.zeros(1, np.float32), np.zeros(1, np.float32),
        np.log(np.array([[3.0, 1.0]])),
    )  # fmt: skip
    first = Counter(
        next(
            select(four, "x", ["q"], ranking, Selection(depth=1), scored=True, seed=seed, tally=Tally())
        ).doc_id
        for seed in range(2000)
    )
    assert first["b"] / 2000 == pytest.approx(0.75, abs=0.03)


def test_a_generator_depends_on_every_part() -> None:
    made = [generator(joined(*parts)) for parts in ((0, "a"), (1, "a"), (0, "b"), (0, "a", "b"))]
    draws = {one.random() for one in made}
    assert len(draws) == 4
    assert generator("3 x").random() == generator("3 x").random()


def test_the_tally_counts_what_each_filter_left(four: Dataset, setup: Setup) -> None:
    selection = Selection(depth=2, percentage=0.7)
    mined = mine_negatives(four, ["dense"], setup=setup, selection=selection)[0]
    assert mined.tally.survivors == {
        "ranked": 4,
        "no positive": 2,
        "rank 1 to 300": 2,
        "at most 70% of the positive": 1,
    }
    assert mined.tally.short == ["q"]
    assert "1 of 1 query got fewer than 2: 'at most 70% of the positive'" in mined.tally.remarks(100, 2)[0]
    assert mined.tally.as_json()["negative_quantiles"]["50%"] == 0.0


def test_scores_are_not_compared_where_there_are_none(four: Dataset, setup: Setup) -> None:
    mined = mine_negatives(four, ["random"], setup=setup, selection=Selection(depth=2, percentage=0.95))[0]
    assert len(mined.negatives) == 2
    assert any("not applied" in note for note in mined.notes)


def test_several_miners_share_one_encoder(four: Dataset) -> None:
    made: list[int] = []

    def make() -> Encoder:
        made.append(1)
        return FakeEncoder()  # type: ignore[return-value]

    names = ["dense", "simans", "fusion"]
    mined = mine_negatives(four, names, setup=Setup(four, make), selection=Selection(depth=2))
    assert [one.miner for one in mined] == names
    assert made == [1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dens", "Did you mean 'dense'"),
        ("bm25:x", "takes nothing after a colon"),
        ("simans:dens", "Did you mean 'dense'"),
        ("fusion:bm25+nope", "Unknown miner 'nope'"),
    ],
)
def test_unknown_miners(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_miner(name)


def test_uses_encoder() -> None:
    names = ["dense", "simans", "fusion", "simans:fusion", "simans:bm25", "bm25", "random", "run:x"]
    assert [uses_encoder(name) for name in names] == [True] * 4 + [False] * 4


@pytest.mark.parametrize("seed", range(5))
def test_bm25_ranks_a_random_corpus_as_the_formula_does(tmp_path: Path, seed: int) -> None:
    draw = np.random.default_rng(seed)
    words = ["ant", "cat", "dog", "elk", "fox", "hen", "owl"]
    docs = {f"d{i}": ("", " ".join(draw.choice(words, int(draw.integers(1, 12))))) for i in range(60)}
    query = " ".join(draw.choice(words, 3, replace=False))
    folder = write_dataset(tmp_path / "x", docs, {"q": query}, {"train": [("q", "d0", 1)]})
    dataset = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)
    expected = naive_bm25(query.split(), [text.split() for _, text in docs.values()])
    setup = Setup(dataset, lambda: FakeEncoder())  # type: ignore[arg-type, return-value]
    ranking = make_miner("bm25", setup).rank(["q"], 60)
    order = [
        row for row in sorted(range(60), key=lambda row: (-round(expected[row], 5), row)) if expected[row]
    ]
    assert ranking.scores[0, : len(order)].tolist() == pytest.approx([expected[r] for r in order], abs=1e-4)
    assert (ranking.rows[0, len(order) :] == -1).all()
    assert ranking.positive[0] == pytest.approx(expected[0], abs=1e-5)
    bm25 = words_of(dataset, NoProgress())
    texts = [text for _, text in docs.values()]
    assert [bm25.score(query, text) for text in texts] == pytest.approx(expected, abs=1e-9)
    assert bm25.best(query) == pytest.approx(max(expected), abs=1e-5)


def test_bm25_of_a_text_that_is_in_no_corpus(tmp_path: Path) -> None:
    """Words that the corpus does not have make it longer, and nothing else; a word of the query counts twice."""
    docs = {"a": ("", "ant cat"), "b": ("", "cat dog elk"), "c": ("", "ant")}
    folder = write_dataset(tmp_path / "x", docs, {"q": "ant"}, {"train": [("q", "a", 1)]})
    words = words_of(load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0), NoProgress())
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    expected = idf * 2 / (2 + 0.9 * (1 - 0.4 + 0.4 * 4 / 2))
    assert words.score("ant", "ant zebra ant yak") == pytest.approx(expected)
    assert words.score("ant ant", "ant zebra ant yak") == pytest.approx(2 * expected)
    assert words.score("zebra", "ant zebra ant yak") == 0.0
    assert words.score("ant", "") == 0.0
