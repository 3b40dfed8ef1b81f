"""The negatives of a data set as a page shows them: those of some queries, and how many are false."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    SYNTHETIC,
    MissingArtifact,
    Titled,
    Workspace,
    digest,
    hash_once,
    is_file,
    listed,
    names_beside,
    read_jsonl,
    read_manifest,
)
from syneg_cli.evaluation import share_of_groups
from syneg_cli.report.results import table_of

MOST_ROWS = 200_000
"""Of a file; what is behind them is not looked at."""


@dataclass(frozen=True)
class Negative(Titled):
    """One negative, as far as its file says; a document of the corpus has an id instead of a text."""

    query_id: str
    source: str
    positive_id: str = ""
    doc_id: str = ""
    index: int | None = None
    title: str = ""
    text: str = ""
    rank: int | None = None
    facts: Sequence[tuple[str, str]] = ()
    """(name, value) of what is known: plan, reflection, attributes, score."""
    status: str = "ok"
    reason: str = ""


@dataclass(frozen=True)
class Judged:
    """How many negatives of a source a check of `verify` judged, and how many it calls relevant."""

    source: str
    check: str
    relevant: int
    judged: int
    interval: tuple[float, float]
    """95 % of the share, over queries: the negatives of one resemble one another."""


@dataclass(frozen=True)
class Negatives:
    """Query id -> its negatives, of every source; the queries with the most sources first."""

    by_query: Mapping[str, Sequence[Negative]] = field(default_factory=dict)
    sources: Sequence[str] = ()
    judged: Sequence[Judged] = ()
    notes: Sequence[str] = ()


def read_negatives(workspace: Workspace, queries: int) -> Negatives:
    """Negatives of `queries` queries, drawn by their ids, and the verdicts on all.

    A file that cannot be read is a note.
    """
    sources: list[str] = []
    judged: list[Judged] = []
    notes: list[str] = []
    found: dict[str, list[Negative]] = {}
    for source, path in _files(workspace):
        try:
            verdicts, told = _verdicts(workspace.verified(path), path)
            judged += _rates(source, verdicts)
            rows, more = _rows(path)
        except MissingArtifact as error:
            notes.append(f"{source} negatives: {error.message}")
            continue
        sources.append(source)
        notes += [f"{source} negatives: {note}" for note in (told, more) if note]
        known = {_place(row): row for row in verdicts}
        for row in rows:
            one = _negative(row, source, known.get(_place(row), {}))
            found.setdefault(one.query_id, []).append(one)
    order = sorted(found, key=lambda name: (-len({one.source for one in found[name]}), _draw(name)))
    return Negatives({name: found[name] for name in order[:queries]}, sources, judged, notes)


def _draw(name: str) -> bytes:
    """Where a query stands in the draw: by its id alone, so that more queries keep the earlier ones."""
    return digest(listed("report", name))


def _files(workspace: Workspace) -> Iterator[tuple[str, Path]]:
    """(source, file) of all negatives that are there, the LLM's first."""
    written = names_beside(workspace.synthetic("x"))
    for name in written:
        source = SYNTHETIC if name == "default" or len(written) == 1 else f"{SYNTHETIC} ({name})"
        if _is(workspace.synthetic(name), "generate"):
            yield source, workspace.synthetic(name)
    for name in names_beside(workspace.mined("x")):
        if _is(workspace.mined(name), "mine"):
            yield name, workspace.mined(name)


def _is(path: Path, stage: str) -> bool:
    manifest = read_manifest(path)
    return manifest is not None and manifest.stage == stage


def _rows(path: Path) -> tuple[list[dict[str, Any]], str]:
    """The first rows of a file, and what is said where it has more."""
    rows = list(islice(read_jsonl(path), MOST_ROWS + 1))
    more = (
        f"only the first {MOST_ROWS:,} lines of {path.name} are looked at." if len(rows) > MOST_ROWS else ""
    )
    return rows[:MOST_ROWS], more


def _verdicts(path: Path, negatives: Path) -> tuple[list[dict[str, Any]], str]:
    """What `verify` found out about a file of negatives; nothing where the file is another one by now."""
    manifest = read_manifest(path) if is_file(path) else None
    if manifest is None:
        return [], ""
    if manifest.inputs.get("negatives") != hash_once(negatives):
        return [], f"{path.name} is about an earlier file; `syneg verify` judges this one."
    return _rows(path)


def _rates(source: str, verdicts: Sequence[Mapping[str, Any]]) -> list[Judged]:
    said: dict[str, dict[str, list[bool]]] = {}
    for row in verdicts:
        scores, against = row.get("scores"), row.get("relevant_by")
        for check in scores if isinstance(scores, dict) else ():
            relevant = check in (against if isinstance(against, list) else ())
            said.setdefault(check, {}).setdefault(str(row.get("query_id")), []).append(relevant)
    return [_rate(source, check, by_query.values()) for check, by_query in sorted(said.items())]


def _rate(source: str, check: str, groups: Collection[Sequence[bool]]) -> Judged:
    _, low, high = share_of_groups(groups)
    return Judged(source, check, sum(map(sum, groups)), sum(map(len, groups)), (low, high))


def _place(row: Mapping[str, Any]) -> tuple[str, str, int | None]:
    """(query, document or positive, number): what a negative and its verdict have in common."""
    index = row.get("index") if type(row.get("index")) is int else None
    doc_id = row.get("positive_id") if "positive_id" in row else row.get("doc_id")
    return str(row.get("query_id")), str(doc_id), index


def _negative(row: Mapping[str, Any], source: str, verdict: Mapping[str, Any]) -> Negative:
    query_id, doc_id, index = _place(row)
    written = "positive_id" in row
    status = verdict.get("status") or row.get("status") or "ok"
    return Negative(
        query_id,
        source,
        positive_id=doc_id if written else "",
        doc_id="" if written else doc_id,
        index=index,
        title=_text(row.get("title")),
        text=_text(row.get("text")),
        rank=row["rank"] if type(row.get("rank")) is int else None,
        facts=tuple(_facts(row, verdict)),
        status=_text(status),
        reason=_text(verdict.get("reason") or row.get("reason")),
    )


def _facts(row: Mapping[str, Any], verdict: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a file and `verify` say of a negative, beyond its text."""
    for name in ("llm", "prompt", "plan", "reflection"):
        if text := _text(row.get(name)):
            yield name, text
    for name in ("attributes", "extra"):
        table = row.get(name)
        for key, value in table.items() if isinstance(table, dict) else ():
            yield str(key), str(value)
    if type(row.get("rank")) is int:
        yield "rank", str(row["rank"])
    if (score := _number(row.get("score"))) is not None:
        yield "score", f"{score:.4f}"
    scores = {**table_of(row.get("scores")), **table_of(verdict.get("scores"))}
    quoted, against = (
        table_of(verdict.get("evidence")),
        verdict.get("relevant_by") or row.get("relevant_by") or (),
    )
    for check, value in scores.items():
        told = "relevant" if check in against else "not relevant"
        amount = _number(value)
        quote = f", it quotes: {quoted[check]}" if _text(quoted.get(check)) else ""
        yield str(check), f"{told}{'' if amount is None else f' ({amount:.4g})'}{quote}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 2**1000 and math.isfinite(value) else None
