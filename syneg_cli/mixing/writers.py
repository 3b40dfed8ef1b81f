"""Training instances -> the training files of other tools, with texts in place of references.

A format is an entry of FORMATS. The negatives of a row are those of the instance's rounds, each
once, and, as other tools know no families, the other positives of its family.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    CORPUS,
    NegativeRef,
    Titled,
    TrainingInstance,
    UsageError,
    atomic_path,
    did_you_mean,
    user_path,
    write_jsonl,
)
from syneg_cli.data import Dataset
from syneg_cli.mixing.families import families
from syneg_cli.mixing.texts import Texts


@dataclass(frozen=True)
class Document(Titled):
    ref: NegativeRef
    title: str
    text: str


@dataclass(frozen=True)
class Row:
    """One pair with its negatives, as texts."""

    query_id: str
    query: str
    positive: Document
    negatives: tuple[Document, ...]


@dataclass(frozen=True)
class Exported:
    rows: int
    negatives: int
    left_out: int
    """Pairs without a negative, where the format's readers need one."""


def rows(
    instances: Sequence[TrainingInstance], dataset: Dataset, texts: Texts, *, rounds: int | None = None
) -> Iterator[Row]:
    """The rows of a mix, one for each instance, in its order.

    Args:
        rounds: how many of the rounds give negatives; None: all.
    """
    titled = _titled(instances, dataset, texts)
    for family in families(instances):
        for instance in family:
            others = [other.positive for other in family if other is not instance]
            drawn = [ref for negatives in instance.rounds[:rounds] for ref in negatives]
            distinct: dict[tuple[str, str], NegativeRef] = {}
            for ref in (*drawn, *others):
                distinct.setdefault(_identity(ref), ref)
            distinct.pop(_identity(instance.positive), None)
            yield Row(
                instance.query_id,
                texts.query(instance.query_id, dataset),
                _document(instance.positive, dataset, texts, titled),
                tuple(_document(ref, dataset, texts, titled) for ref in distinct.values()),
            )


def _identity(ref: NegativeRef) -> tuple[str, str]:
    return (CORPUS if ref.in_corpus else ref.source, ref.id)


def _titled(instances: Iterable[TrainingInstance], dataset: Dataset, texts: Texts) -> bool:
    """Whether titles have a field of their own: where texts of two origins meet, only if all have one.

    Else a title that only one origin has, or a separator behind it, would tell the two apart.
    """
    refs = {
        ref for one in instances for ref in (one.positive, *(ref for drawn in one.rounds for ref in drawn))
    }
    if all(ref.in_corpus for ref in refs):
        return True
    return all(texts.passage(ref, dataset).title for ref in refs)


def _document(ref: NegativeRef, dataset: Dataset, texts: Texts, titled: bool) -> Document:
    passage = texts.passage(ref, dataset)
    return Document(ref, passage.title, passage.text) if titled else Document(ref, "", passage.full_text)


def flagembedding(every: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """`query`, `pos`, `neg`: its trainer draws from `neg` at every step."""
    for row in every:
        yield {
            "query": row.query,
            "pos": [row.positive.full_text],
            "neg": [negative.full_text for negative in row.negatives],
        }


def tevatron(every: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Tevatron v1: passages with docid, title and text."""

    def passage(document: Document) -> dict[str, str]:
        return {"docid": document.ref.id, "title": document.title, "text": document.text}

    for row in every:
        yield {
            "query_id": row.query_id,
            "query": row.query,
            "positive_passages": [passage(row.positive)],
            "negative_passages": [passage(negative) for negative in row.negatives],
        }


def tuples(every: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """sentence-transformers: anchor, positive, negative_1 ... n, the same columns in every row.

    Its data sets are tables, so shorter rows are filled up with their own negatives, in turn.
    """
    kept = list(every)
    width = max((len(row.negatives) for row in kept), default=0)
    for row in kept:
        negatives = [negative.full_text for negative in row.negatives]
        numbered = {f"negative_{i + 1}": negatives[i % len(negatives)] for i in range(width)}
        yield {"anchor": row.query, "positive": row.positive.full_text, **numbered}


def triplets(every: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """sentence-transformers: anchor, positive, negative; a line for each negative."""
    for row in every:
        for negative in row.negatives:
            yield {
                "anchor": row.query,
                "positive": row.positive.full_text,
                "negative": negative.full_text,
            }


def lists(every: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Everything there is, with lists for what varies: for Parquet."""
    for row in every:
        yield {
            "query_id": row.query_id,
            "query": row.query,
            "positive_id": row.positive.ref.id,
            "positive": row.positive.full_text,
            "negative_ids": [negative.ref.id for negative in row.negatives],
            "negatives": [negative.full_text for negative in row.negatives],
            "sources": [negative.ref.source for negative in row.negatives],
        }


@dataclass(frozen=True)
class Format:
    """An entry of FORMATS: how rows look, and what its readers expect."""

    lines: Callable[[Iterable[Row]], Iterator[dict[str, Any]]]
    rounds: int | None = None
    """How many rounds give negatives unless told; None, all, for tools that draw themselves."""
    needs_negatives: bool = True
    parquet: bool = False


FORMATS: dict[str, Format] = {
    "flagembedding": Format(flagembedding),
    "sentence-transformers": Format(tuples, rounds=1),
    "tevatron": Format(tevatron),
    "parquet": Format(lists, needs_negatives=False, parquet=True),
}
TRIPLETS = Format(triplets)
"""The other form of sentence-transformers' files."""


def check_format(name: str) -> Format:
    """The format of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in FORMATS:
        raise UsageError(
            f"No export format {name!r}.{did_you_mean(name, list(FORMATS))}",
            hint=f"Formats: {', '.join(FORMATS)}.",
        )
    return FORMATS[name]


def output_file(output: str, name: str, form: str) -> Path:
    """The file that `output` means; in a folder (there already, or with a slash at its end) a new one.

    Raises:
        UsageError: its ending is that of another kind of file.
    """
    path, parquet = user_path(output), FORMATS[form].parquet
    if path.is_dir() or output.endswith(("/", os.sep)):
        return path / f"{name}-{form}.{'parquet' if parquet else 'jsonl'}"
    allowed = ("", ".parquet") if parquet else ("", ".jsonl", ".json")
    if path.suffix.lower() in ENDINGS and path.suffix.lower() not in allowed:
        kind = "Parquet" if parquet else "JSON lines"
        raise UsageError(
            f"The format {form} writes {kind}, and {path.name} ends in {path.suffix}.",
            hint=f"Call it {path.stem.removesuffix(allowed[1])}{allowed[1]}, or choose another --format.",
        )
    return path


ENDINGS = (".jsonl", ".json", ".parquet", ".csv", ".tsv", ".gz", ".zip", ".arrow", ".txt")
"""What says how a file is to be read; any other ending may be part of a name."""


def export(path: Path, form: Format, every: Iterable[Row]) -> Exported:
    """Write rows in a format; the file appears when it is complete, or not at all."""
    negatives = left_out = 0

    def kept() -> Iterator[Row]:
        nonlocal negatives, left_out
        for row in every:
            if row.negatives or not form.needs_negatives:
                negatives += len(row.negatives)
                yield row
            else:
                left_out += 1

    rest = kept()  # one after the other: all of their texts at once are many times the corpus
    first = next(rest, None)
    if first is None:
        raise UsageError(
            "No instance of this mix has a negative, and this format needs them.",
            hint="Run `syneg mix` with negatives (-k 1 or more), or export with --format parquet.",
        )
    lines = form.lines(chain((first,), rest))
    count = _write_parquet(path, lines) if form.parquet else write_jsonl(path, lines)
    return Exported(count, negatives, left_out)


def _write_parquet(path: Path, lines: Iterator[dict[str, Any]], block: int = 1_000) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = pa.list_(pa.string())
    kinds = {"negative_ids": texts, "negatives": texts, "sources": texts}
    names = ("query_id", "query", "positive_id", "positive", *kinds)
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in names])
    count = 0
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        while taken := list(islice(lines, block)):
            writer.write_table(pa.Table.from_pylist(taken, schema=schema))
            count += len(taken)
    return count
