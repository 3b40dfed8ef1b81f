"""Training files of other tools -> pairs and negatives, by reference where the data set has the text.

Read are FlagEmbedding's JSONL (query, pos, neg), Tevatron's (query, positive_passages,
negative_passages), sentence-transformers' triplets, n-tuples and labelled lists (anchor,
positive, and negative, negative_1 ... n or negatives) as JSONL or Parquet, and the Parquet of `syneg export`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syneg_cli.core import TEXT, MinedNegative, Pair, Told, UsageError, field_names, need_file
from syneg_cli.data import Dataset, normalised, says_nothing, table_rows

IMPORTED = "imported"
"""The miner of a negative that a file brought and the corpus has."""

EXPECTED = (
    "Expected one of: query, pos, neg (FlagEmbedding); anchor, positive, and negative, negative_1 ... n "
    "or negatives (sentence-transformers); query, positive_passages, negative_passages (Tevatron); or a "
    "Parquet file that `syneg export` wrote."
)


@dataclass(frozen=True)
class Row:
    """One row of a training file, whatever its format."""

    query: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...]
    scores: tuple[float, ...] = ()
    """Of the negatives, where the file has them; higher is harder."""


@dataclass(frozen=True)
class Imported:
    """A file's pairs and negatives. Ids that begin with `text:` name texts the data set does not have."""

    pairs: tuple[Pair, ...]
    negatives: tuple[MinedNegative, ...]
    documents: Mapping[str, str] = field(default_factory=dict)
    queries: Mapping[str, str] = field(default_factory=dict)
    held_out: int = 0
    """Rows left out, because the data set keeps their queries for dev or test."""
    set_aside: int = 0
    """Rows left out, because `train_queries` leaves their queries out of train."""
    kept_out: int = 0
    """Pairs left out, because `disjoint` keeps their documents out of training."""
    contradicted: int = 0
    """Negatives left out, because they are positives of the same query, the query itself, or empty."""


def read_rows(path: Path, told: Told | None = None) -> Iterator[Row]:
    """The rows of a training file.

    Args:
        told: told what had to be mended.

    Raises:
        UsageError: it is not there, of no known format, or a row is wrong (the message says which).
    """
    need_file(path, UsageError, hint="Give the path of a training file to --from.")
    found = False
    for where, _, raw in table_rows(path, UsageError, hint=EXPECTED, told=told):
        found = True
        yield _row(raw, where)
    if not found:
        raise UsageError(f"{path} has no rows.", hint=EXPECTED)


def _row(raw: Mapping[str, Any], where: str) -> Row:
    for needed, parse in PARSERS.items():
        if set(needed) <= set(raw):
            row = parse(raw)
            break
    else:
        raise UsageError(f"{where}: unknown fields {field_names(raw)}.", hint=EXPECTED)
    texts = (row.query, *row.positives, *row.negatives)
    blank = not all(isinstance(text, str) and text.strip() for text in texts)
    if blank or not row.positives or any(map(says_nothing, (row.query, *row.positives))):
        raise UsageError(
            f"{where}: the query, a positive and every negative have to be texts.", hint=EXPECTED
        )
    return row


def _listed(value: Any) -> tuple[Any, ...]:
    """The texts of a column: a list, a list as JSON within a text, or one text."""
    if value is None:
        return ()
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(ValueError, RecursionError):
            inner = json.loads(value)
            value = inner if isinstance(inner, list) and all(isinstance(x, str) for x in inner) else value
    return tuple(value) if isinstance(value, list) else (value,)


def _flagembedding(raw: Mapping[str, Any]) -> Row:
    negatives, scores = _listed(raw.get("neg")), _listed(raw.get("neg_scores"))
    usable = len(scores) == len(negatives) and all(
        isinstance(score, (int, float)) and abs(score) < math.inf for score in scores
    )
    return Row(raw["query"], _listed(raw["pos"]), negatives, scores if usable else ())


def _tevatron(raw: Mapping[str, Any]) -> Row:
    def texts(key: str) -> tuple[Any, ...]:
        passages = [p if isinstance(p, dict) else {} for p in _listed(raw.get(key))]
        return tuple(f"{p.get('title') or ''} {p.get('text') or ''}".strip() for p in passages)

    return Row(raw["query"], texts("positive_passages"), texts("negative_passages"))


def _labelled(raw: Mapping[str, Any]) -> Row:
    """Labelled lists: a query with documents of which each label above 0 marks a positive."""
    docs, labels = _listed(raw["docs"]), _listed(raw["labels"])
    marked = list(zip(docs, labels, strict=True)) if len(docs) == len(labels) else []
    right = [isinstance(label, (int, float)) and label > 0 for _, label in marked]
    return Row(
        raw["query"],
        tuple(text for (text, _), positive in zip(marked, right, strict=True) if positive),
        tuple(text for (text, _), positive in zip(marked, right, strict=True) if not positive),
    )


def _columns(query: str) -> Callable[[Mapping[str, Any]], Row]:
    """Negatives in `negative`, in `negative_1` to n, or in `negatives`; each may be a list."""

    def parse(raw: Mapping[str, Any]) -> Row:
        keys = [key for key in raw if key in ("negative", "negatives") or str(key).startswith("negative_")]
        texts = [text for key in keys if key not in IDS for text in _listed(raw[key])]
        return Row(raw[query], _listed(raw["positive"]), tuple(text for text in texts if text is not None))

    return parse


IDS = ("negative_id", "negative_ids")
"""Columns that a file may have beside its negatives: names, no texts."""

PARSERS: dict[tuple[str, ...], Callable[[Mapping[str, Any]], Row]] = {
    ("query", "pos"): _flagembedding,
    ("query", "positive_passages"): _tevatron,
    ("query", "docs", "labels"): _labelled,
    ("anchor", "positive"): _columns("anchor"),
    ("query", "positive"): _columns("query"),
}
"""The fields that give a format away -> its parser; the first that fits."""


def read_imported(path: Path, dataset: Dataset, told: Told | None = None) -> Imported:
    """The pairs and negatives of a training file; `told` is told what had to be mended."""
    return resolve(read_rows(path, told), dataset)


def resolve(rows: Iterable[Row], dataset: Dataset) -> Imported:
    """Texts to ids: the data set's own where it has the text (case and white space aside).

    Files of other tools may hold documents without their titles. Where several have such a text it
    stays a text, and stands for all of them where positives are left out.

    Rows whose query the data set judges in other splits only are left out: training on them
    would spoil what dev and test measure. So are those whose query `train_queries` leaves out, and
    pairs whose document `disjoint` keeps out of training.
    """
    kept, documents, queries = list(rows), _Names(), _Names()
    known_queries = _by_text(dataset)
    wanted = {normalised(text) for row in kept for text in (*row.positives, *row.negatives)}
    known_documents, meant = _find(wanted, dataset)
    positives: dict[str, set[str]] = {}
    pairs: dict[Pair, None] = {}
    negatives: dict[tuple[str, str], MinedNegative] = {}
    useless: set[tuple[str, str]] = set()
    stands_for: dict[str, frozenset[str]] = {}
    left: Counter[str] = Counter()
    for row in kept:
        query_id = queries.id(row.query, known_queries)
        if why := _left_out(query_id, dataset):
            left[why] += 1
            continue
        for text in row.positives:
            doc_id = documents.id(text, known_documents)
            stands = meant.get(normalised(text), frozenset()) | {doc_id}
            positives.setdefault(query_id, set()).update(stands)
            if dataset.kept_out.isdisjoint(stands):
                pairs[Pair(query_id, doc_id)] = None
            else:
                left["kept_out"] += 1
        for rank, text in enumerate(row.negatives, start=1):
            doc_id = documents.id(text, known_documents)
            stands_for[doc_id] = meant.get(normalised(text), frozenset()) | {doc_id}
            if says_nothing(text) or normalised(text) == normalised(row.query):
                useless.add((query_id, doc_id))
            miner = TEXT if doc_id in documents.own else IMPORTED
            score = row.scores[rank - 1] if row.scores else 0.0
            negatives.setdefault((query_id, doc_id), MinedNegative(query_id, doc_id, miner, rank, score))
    out = {query_id: own | dataset.excluded(query_id, own) for query_id, own in positives.items()}
    right = {
        key: negative
        for key, negative in negatives.items()
        if key not in useless and stands_for[negative.doc_id].isdisjoint(out[negative.query_id])
    }
    used = {pair.doc_id for pair in pairs} | {negative.doc_id for negative in right.values()}
    own = {doc_id: text for doc_id, text in documents.own.items() if doc_id in used}
    contradicted = len(negatives) - len(right)
    apart = (left["held_out"], left["set_aside"], left["kept_out"], contradicted)
    return Imported(tuple(pairs), tuple(right.values()), own, queries.own, *apart)


class _Names:
    """Ids for texts: a known one, or `text:` and a hash, which is then an own one."""

    def __init__(self) -> None:
        self.own: dict[str, str] = {}

    def id(self, text: str, known: Mapping[str, str]) -> str:
        folded = normalised(text)
        if folded in known:
            return known[folded]
        own = f"text:{hashlib.sha256(folded.encode()).hexdigest()[:16]}"
        self.own.setdefault(own, text.strip())
        return own


def _find(wanted: set[str], dataset: Dataset) -> tuple[dict[str, str], dict[str, frozenset[str]]]:
    """(folded text -> the document it is, folded text -> all documents with it, titles aside).

    It is the first document that has the whole text, or the only one that has it under a title.
    """
    corpus = dataset.corpus
    meant = corpus.with_text(wanted)
    known: dict[str, str] = {}
    for folded, ids in meant.items():
        ordered = sorted(ids, key=corpus.row)
        whole = next((one for one in ordered if normalised(corpus[one].full_text) == folded), None)
        if whole or ids <= corpus.identical(ordered[0]):
            known[folded] = whole or ordered[0]
    return known, meant


def _by_text(dataset: Dataset) -> dict[str, str]:
    """Folded text -> its query: of several train's counts, then one that is left out."""
    train = dataset.judgements.get("train", {})

    def last(query_id: str) -> tuple[bool, bool]:
        return query_id in train, bool(_left_out(query_id, dataset))

    ordered = sorted(dataset.queries.values(), key=lambda query: last(query.id))
    return {normalised(query.text): query.id for query in ordered}


def _left_out(query_id: str, dataset: Dataset) -> str:
    """The field of `Imported` that counts the rows of a query; "" where they are used."""
    judged = {split for split, qrels in dataset.judgements.items() if query_id in qrels}
    if judged:
        return "" if "train" in judged else "held_out"
    return "set_aside" if query_id in dataset.set_aside else ""
