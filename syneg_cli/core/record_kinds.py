"""What the fields of a record may hold, checked where a file is read: an annotation alone checks nothing."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, TypeVar, cast, get_args

from syneg_cli.core.records import (
    REWRITE,
    SYNTHETIC,
    MinedNegative,
    NegativeRef,
    Status,
    SyntheticNegative,
    SyntheticQuery,
    TrainingInstance,
    Verification,
)
from syneg_cli.core.text import brief

R = TypeVar("R", SyntheticNegative, SyntheticQuery, MinedNegative, Verification)


WRITTEN_IDS = (f"{SYNTHETIC}/", f"{REWRITE}/")
"""How the ids of LLM-written queries begin."""


class UnknownWrittenQuery(ValueError):
    """A record names an LLM-written query that does not count now."""


@dataclass(frozen=True)
class Known:
    """The ids that results of a data set may name: its own, and those of `texts` that the corpus lacks."""

    name: str
    queries: Container[object]
    documents: Container[object]
    texts: Container[object] = ()
    own_queries: Container[object] = ()

    def need(self, record: Any) -> None:
        """Raises ValueError where a record names a query or a document that there is not.

        It is UnknownWrittenQuery where the query's id is that of an LLM-written one.
        """
        query_id = record.rewrites if isinstance(record, SyntheticQuery) else record.query_id
        written = isinstance(record, SyntheticQuery) and not query_id
        if not written and query_id not in self.queries and query_id not in self.own_queries:
            unknown = UnknownWrittenQuery if query_id.startswith(WRITTEN_IDS) else ValueError
            raise unknown(f"{self.name} has no query {query_id!r}")
        for ref in _named(record):
            if ref.id not in (self.documents if ref.in_corpus else self.texts):
                raise ValueError(f"{self.name} has no document {ref.id!r}")


def _named(record: Any) -> list[NegativeRef]:
    """The documents that a record names."""
    if isinstance(record, TrainingInstance):
        return [record.positive, *(ref for drawn in record.rounds for ref in drawn)]
    document = record.positive_id if isinstance(record, SyntheticNegative) else record.doc_id
    return [NegativeRef("", document)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) != float("inf")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "str": (lambda value: isinstance(value, str), "a string"),
    "int": (_is_whole, "a whole number"),
    "int | None": (lambda value: value is None or _is_whole(value), "a whole number, or null"),
    "float": (_is_number, "a number"),
    "Status": (lambda value: value in get_args(Status), f"one of {', '.join(get_args(Status))}"),
    "tuple[str, ...]": (
        lambda value: isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value),
        "a list of strings",
    ),
    "Mapping[str, float]": (
        lambda value: isinstance(value, dict) and all(map(_is_number, value.values())),
        "an object of numbers",
    ),
    "Mapping[str, str]": (lambda value: isinstance(value, dict), "an object"),
    "Mapping[str, Any]": (lambda value: isinstance(value, dict), "an object"),
}
"""Annotation of a field -> whether a value of JSON fits, and what has to be there."""


def record_of(kind: type[R], row: Mapping[str, Any]) -> R:
    """A row of a file as a record.

    Raises:
        ValueError: it has an unknown field, lacks one, or one holds something else.
    """
    annotations, needed = _fields(cast(Hashable, kind))
    if unknown := [name for name in row if name not in annotations]:
        raise ValueError(f"unknown field {brief(unknown[0])}")
    if missing := [name for name in needed if name not in row]:
        raise ValueError(f"no {', '.join(missing)}")
    values = dict(row)
    for name, value in row.items():
        fits, expected = KINDS[annotations[name]]
        if not fits(value):
            raise ValueError(f"{name} has to be {expected}; it is {brief(value)}")
        if annotations[name].startswith("tuple"):
            values[name] = tuple(value)
    return kind(**values)


@cache
def _fields(kind: Hashable) -> tuple[dict[str, str], tuple[str, ...]]:
    """(annotation of each field, the fields without a default)."""
    listed = fields(cast(Any, kind))
    needed = (f.name for f in listed if f.default is MISSING and f.default_factory is MISSING)
    return {f.name: str(f.type) for f in listed}, tuple(needed)


def instance_of(row: Mapping[str, Any]) -> TrainingInstance:
    """A row of a mix.

    Raises:
        ValueError: it lacks a field, or one holds something else.
    """
    if missing := [name for name in ("query_id", "positive_id", "rounds") if name not in row]:
        raise ValueError(f"no {', '.join(missing)}")
    texts = [row["query_id"], row["positive_id"], row.get("positive_source", ""), row.get("family", "")]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("ids, positive_source and family have to be strings")
    rounds = row["rounds"]
    if not isinstance(rounds, list) or not all(isinstance(drawn, list) for drawn in rounds):
        raise ValueError("rounds has to be a list of lists")
    for pair in (pair for drawn in rounds for pair in drawn):
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise ValueError(f"a negative has to be [source, id]; it is {brief(pair)}")
    optional = {name: row[name] for name in ("positive_source", "family") if name in row}
    drawn = tuple(tuple(NegativeRef(source, id) for source, id in one) for one in rounds)
    return TrainingInstance(row["query_id"], row["positive_id"], drawn, **optional)
