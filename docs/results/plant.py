"""Mined negatives with false ones among them: how much does a way to train lose by them?

    python docs/results/plant.py DATA/scifact planted-30.jsonl --share 0.3 --disjoint

Mines with the backbone, then puts passages of its positive in the place of a share of every pair's
negatives: two sentences in a row, as where a corpus was cut into passages and one of them was judged.
None is so near to the positive that `mine` would take it for a copy. Which negatives give way is drawn,
by a stream of its own for every pair. The file is for `file` of [mix], and holds the pairs of train
without the queries that are held out as dev.

With --percentage, a negative that the backbone scores above that share of its positive's score is left
out afterwards, which is what `percentage` of [mine] does with mined ones.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

import syneg_cli as syneg
from syneg_cli.data import near_copy
from syneg_cli.encoding import Encoder

COPY = 0.9
"""`near_copies` of [mine], as it is by default."""


def passages(text: str) -> list[str]:
    """The passages of two sentences in a row that a text has; none that is nearly all of it."""
    sentences = re.split(r"(?<=[.!?])\s+", text.strip())
    found = dict.fromkeys(" ".join(pair) for pair in pairwise(sentences))
    return [passage for passage in found if not near_copy(passage, text, COPY)]


def planted(negatives: Sequence[str], positive: str, share: float, rng: random.Random) -> list[str]:
    """The negatives, of which a share has given way to passages of the positive, where it has as many."""
    known = passages(positive)
    false = rng.sample(known, min(round(share * len(negatives)), len(known)))
    places = rng.sample(range(len(negatives)), len(false))
    made = dict(zip(places, false, strict=True))
    return [made.get(place, text) for place, text in enumerate(negatives)]


@dataclass(frozen=True)
class Row:
    """A line of the file."""

    query: str
    positive: str
    negatives: tuple[str, ...]


def filtered(rows: Sequence[Row], encoder: Encoder, share: float) -> list[Row]:
    """The rows without the negatives that score above a share of their positive's score (cosine)."""
    texts = list(dict.fromkeys(text for row in rows for text in (row.positive, *row.negatives)))
    documents = dict(zip(texts, _unit(encoder.encode_texts(texts)), strict=True))
    queries = _unit(encoder.encode_queries([row.query for row in rows]))
    made = []
    for row, query in zip(rows, queries, strict=True):
        limit = share * (query @ documents[row.positive])
        kept = tuple(text for text in row.negatives if query @ documents[text] <= limit)
        made.append(replace(row, negatives=kept))
    return made


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="a folder in BEIR layout")
    parser.add_argument("output", type=Path, help="the training file to write, as JSONL")
    parser.add_argument("--share", type=float, required=True, help="of the negatives that are false, 0 to 1")
    parser.add_argument("--percentage", type=float, help="leave out what scores above it, as 0.95")
    parser.add_argument("--backbone", default="minilm")
    parser.add_argument("--max-length", type=int, help="tokens of a text that the backbone reads")
    parser.add_argument("--disjoint", action="store_true", help="leave out pairs as `disjoint = true` does")
    parser.add_argument("--work-dir", default=".syneg")
    options = parser.parse_args()

    data = syneg.load_dataset(options.dataset, work_dir=options.work_dir, disjoint=options.disjoint)
    given = {} if options.max_length is None else {"max_length": options.max_length}
    mined = syneg.mine(data, "dense", backbone=options.backbone, work_dir=options.work_dir, **given)
    found: dict[str, list[str]] = {}
    for negative in mined:
        found.setdefault(negative.query_id, []).append(data.corpus[negative.doc_id].full_text)
    rows, false = [], 0
    for pair in data.pairs("train"):
        positive, negatives = data.corpus[pair.doc_id].full_text, found.get(pair.query_id, [])
        rng = random.Random(f"{pair.query_id} {pair.doc_id}")
        texts = planted(negatives, positive, options.share, rng)
        false += len(set(texts) - set(negatives))
        rows.append(Row(data.queries[pair.query_id].text, positive, tuple(texts)))
    every = sum(len(row.negatives) for row in rows)
    print(f"{len(rows)} pairs, {every} negatives, {false} of them false ({false / max(every, 1):.1%})")
    if options.percentage is not None:
        rows = filtered(rows, Encoder.load(options.backbone, **given), options.percentage)
        print(f"{sum(len(row.negatives) for row in rows)} negatives are left below {options.percentage:.0%}")
    with options.output.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    main()
