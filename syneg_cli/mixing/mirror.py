"""Mirrored negatives: each synthetic negative is also the positive of a query of its own.

The query came with the negative in one answer (`extra["query"]`, prompt `mirror`), or was asked
for later and is stored in a file of `{"query_id", "negative", "query"}` lines, where `negative` is
the number of the negative and an optional `doc_id` names its positive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from syneg_cli.core import SYNTHETIC, NegativeRef, SyntheticNegative, TrainingInstance, UsageError, read_jsonl

FORMAT = 'Expected: {"query_id": "...", "negative": 1, "query": "..."} on every line.'


@dataclass(frozen=True)
class OwnQuery:
    """A line of a mirror file; `doc_id` is empty where the line names no positive."""

    query_id: str
    doc_id: str
    index: int
    text: str


def read_mirror(path: Path) -> list[OwnQuery]:
    """The queries of a mirror file.

    Raises:
        UsageError: a line lacks a field or holds a wrong one (the message names it).
        MissingArtifact: the file is not there, or a line is not a JSON object.
    """
    return [_own_query(row, f"{path}, row {number}") for number, row in enumerate(read_jsonl(path), start=1)]


def _own_query(row: dict[str, object], where: str) -> OwnQuery:
    if missing := [key for key in ("query_id", "negative", "query") if row.get(key) in (None, "")]:
        raise UsageError(f"{where}: {', '.join(missing)} missing.", hint=FORMAT)
    index, text = row["negative"], row["query"]
    if not isinstance(index, int) or not isinstance(text, str):
        raise UsageError(f"{where}: `negative` has to be a whole number and `query` a string.", hint=FORMAT)
    return OwnQuery(str(row["query_id"]), str(row.get("doc_id") or ""), index, text.strip())


def own_queries(synthetic: Iterable[SyntheticNegative], given: Iterable[OwnQuery] = ()) -> dict[str, str]:
    """SyntheticNegative.id -> the text of its own query; what is `given` wins over `extra`.

    A given line without a `doc_id` means the negative of that number; where a query has
    several positives with negatives of that number it would be ambiguous, and is an error.
    """
    negatives = list(synthetic)
    found = {n.id: str(n.extra["query"]).strip() for n in negatives if n.extra.get("query")}
    places: dict[tuple[str, int], list[SyntheticNegative]] = {}
    for negative in negatives:
        places.setdefault((negative.query_id, negative.index), []).append(negative)
    for line in given:
        meant = [n for n in places.get((line.query_id, line.index), ()) if line.doc_id in ("", n.positive_id)]
        if len(meant) > 1:
            raise UsageError(
                f"The mirrored query of negative {line.index} of query {line.query_id} fits "
                f"{len(meant)} negatives, one for each of its positives.",
                hint='Add "doc_id", the positive\'s id, to the lines of the mirror file.',
            )
        found |= {negative.id: line.text for negative in meant}
    return found


def query_id_of(negative_id: str) -> str:
    """The id of a mirrored query: no data set has it, and it says where the query came from."""
    return f"mirror:{negative_id}"


def mirrored(negative: NegativeRef, family: str) -> TrainingInstance:
    """The pair (own query, synthetic text); its negatives are the family's other documents."""
    return TrainingInstance(query_id_of(negative.id), negative.id, (), SYNTHETIC, family)
