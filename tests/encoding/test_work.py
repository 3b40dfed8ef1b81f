"""How much of the work is done is told in what takes time: tokens, not texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sentence_transformers import SentenceTransformer

from syneg_cli.core import Advance, Line, NoProgress
from syneg_cli.encoding import Encoder, Kept, Tower, load_cross_encoder, pair_scores, unpadded
from syneg_cli.encoding.encoder import BLOCK_ROWS
from syneg_cli.encoding.loading import load_model


class Weighed(NoProgress):
    """Keeps what each step was told: items done, work done, all of the work."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, float, float]] = []

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "") -> Iterator[Advance]:
        def show(line: Line) -> None:
            assert line._work is not None
            self.steps.append((line.done, *line._work))

        yield Line(description, total, unit, self.note, show)

    def first_differs_from_last(self) -> float:
        """How far the first estimate of all the work is from what it was, as a share."""
        return abs(self.steps[0][2] / self.steps[-1][1] - 1)

    def is_sound(self) -> bool:
        """Whether work grows step by step, and ends where it was said to."""
        done = [work for _, work, _ in self.steps]
        return done == sorted(done) and done[-1] == pytest.approx(self.steps[-1][2])


def texts_of(lengths: Sequence[int]) -> list[str]:
    return ["sleep " * length for length in lengths]


def test_the_longest_texts_of_a_block_come_first(tiny_model: Path) -> None:
    told, encoder = Weighed(), Encoder.load(str(tiny_model), precision="fp32", batch_size=1)
    encoder.encode_texts(texts_of([1 + number % 40 for number in range(200)]), told)
    assert told.is_sound()
    assert told.first_differs_from_last() == 0, "one block is known as a whole"
    items, work, of = told.steps[len(told.steps) // 4]
    assert work / of > 1.5 * items / 200


@pytest.mark.parametrize("longest_first", [True, False])
def test_a_corpus_in_order_of_length(tiny_model: Path, longest_first: bool) -> None:
    """The first block is like no other: what is not tokenised yet is judged by texts from everywhere."""
    lengths = sorted((1 + number % 40 for number in range(3 * BLOCK_ROWS)), reverse=longest_first)
    told, encoder = Weighed(), Encoder.load(str(tiny_model), precision="fp32")
    encoder.encode_texts(texts_of(lengths), told)
    assert told.is_sound()
    assert told.first_differs_from_last() < 0.1


def test_models_that_split_texts_their_own_way() -> None:
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(WordLevel({"sleep": 0, "?": 1}, unk_token="?"))
    tokenizer.pre_tokenizer = Whitespace()
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=4)], device="cpu")
    told = Weighed()
    Encoder(model, precision="fp32").encode_texts(texts_of(range(1, 2000)), told)
    assert told.is_sound()
    assert told.first_differs_from_last() < 0.1


@pytest.mark.parametrize("words", ["sleep", "睡眠不足", "x" * 40])
def test_pairs_longer_than_a_model_reads_take_no_longer(tiny_cross_encoder: Path, words: str) -> None:
    """Whatever a token has of letters: what is cut off is no work."""
    model = load_cross_encoder(str(tiny_cross_encoder))
    limit = model.max_seq_length
    pairs = [("sleep", f"{words} " * (1 + number % 200)) for number in range(100)]
    told = Weighed()
    pair_scores(model, pairs, batch_size=10, progress=told)
    assert told.is_sound()
    assert [items for items, _, _ in told.steps] == [*range(10, 101, 10)]
    tokens = model.tokenizer([q for q, _ in pairs], [d for _, d in pairs], truncation=True, max_length=limit)
    read = sorted(map(len, tokens["input_ids"]), reverse=True)
    for items, work, of in told.steps:
        assert work / of == pytest.approx(sum(read[:items]) / sum(read), rel=0.3)


def test_frozen_layers_of_the_shortest_texts_come_first(tiny_model: Path, tmp_path: Path) -> None:
    model = load_model(str(tiny_model))
    told = Weighed()
    rows = unpadded(model.preprocess(texts_of([1 + number % 40 for number in range(200)])))
    kept = Kept(tmp_path, model, 1, "fp32")
    split = Tower(model, "fp32").split(1)
    assert not kept.add(split, iter(rows), room=10**9, name=None, progress=told)
    assert told.is_sound()
