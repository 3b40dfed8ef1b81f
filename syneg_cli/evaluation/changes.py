"""The queries whose answers changed most from one system to another, with what is found for them now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syneg_cli.core import Run
from syneg_cli.data import Dataset, best_first
from syneg_cli.evaluation.evaluation import Evaluation

FIRST = 3
"""Documents at the top that are shown of a query."""

SNIPPET = 160
"""Letters of a document without a title."""


@dataclass(frozen=True)
class Relevant:
    """A judged document with its ranks in the baseline's run and in the system's, from 1; None: not found."""

    doc_id: str
    title: str
    grade: int
    before: int | None
    after: int | None


@dataclass(frozen=True)
class Found:
    """A document at the top of the system's run; `grade` is None where nobody judged it."""

    doc_id: str
    title: str
    grade: int | None


@dataclass(frozen=True)
class Change:
    """A query by a metric: the baseline's value, the system's, and what is behind the two."""

    query_id: str
    query: str
    before: float
    after: float
    relevant: tuple[Relevant, ...]
    """The best grades first, and of those what the baseline had highest."""
    found: tuple[Found, ...]

    @property
    def difference(self) -> float:
        return self.after - self.before


def changes(
    system: tuple[Evaluation, Run],
    baseline: tuple[Evaluation, Run],
    dataset: Dataset,
    metric: str,
    *,
    worst: int = 0,
    best: int = 0,
) -> tuple[list[Change], list[Change]]:
    """(the `worst` queries that lost most, the `best` that gained most), the largest change first.

    A query that neither lost nor gained is in none; equal ones come in the order of their ids.

    Args:
        system: what was measured of it, and its run; of `baseline` likewise.
    """
    after, before = system[0].per_query[metric], baseline[0].per_query[metric]
    gained = {query_id: after[query_id] - before[query_id] for query_id in sorted(after)}
    lost = [q for q in sorted(gained, key=lambda q: gained[q]) if gained[q] < 0][:worst]
    won = [q for q in sorted(gained, key=lambda q: -gained[q]) if gained[q] > 0][:best]

    def change(query_id: str) -> Change:
        grades = dataset.qrels(system[0].split)[query_id]
        ranks = [_ranks(run.get(query_id, {})) for _, run in (baseline, system)]
        relevant = [
            Relevant(doc_id, title(dataset, doc_id), grade, ranks[0].get(doc_id), ranks[1].get(doc_id))
            for doc_id, grade in grades.items()
            if grade > 0
        ]
        relevant.sort(key=lambda one: (-one.grade, one.before or 10**9, one.doc_id))
        top = [Found(d, title(dataset, d), grades.get(d)) for d in list(ranks[1])[:FIRST]]
        query = dataset.queries[query_id].text
        return Change(query_id, query, before[query_id], after[query_id], tuple(relevant), tuple(top))

    return [*map(change, lost)], [*map(change, won)]


def _ranks(results: Mapping[str, float]) -> dict[str, int]:
    return {doc_id: rank for rank, doc_id in enumerate(best_first(results), start=1)}


def title(dataset: Dataset, doc_id: str) -> str:
    """What a person knows a document by: its title, else how it begins; "" where the corpus lacks it."""
    if doc_id not in dataset.corpus:
        return ""
    document = dataset.corpus[doc_id]
    return " ".join((document.title or document.text[:SNIPPET]).split())
