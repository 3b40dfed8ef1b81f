"""Train, dev and test dealt out anew, so that no two of them share a positive document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping

from syneg_cli.core import DatasetError, Qrels, Query, joined, stream
from syneg_cli.data.units import normalised

Splits = Mapping[str, Qrels]


def resplit(
    splits: Splits,
    queries: Mapping[str, Query],
    identical: Callable[[str], frozenset[str]],
    seed: int,
) -> tuple[dict[str, Qrels], str]:
    """(splits of the same sizes, a note): queries that share a positive stay together, whole.

    Such a group (a connected component of the graph of queries and positives; documents with the
    same text are one, and queries with the same text, too) goes to a split drawn in proportion to
    the room that is left, the largest groups first: so every query has about the same chance to be
    test. Where a group has room nowhere, it goes where most is left. A split that ends up larger
    than it was is so by less than the largest group. The ids and the seed alone decide.

    Args:
        identical: document -> all documents with its text, itself included.

    Raises:
        DatasetError: a split is left without a query.
    """
    judged: dict[str, dict[str, int]] = {}
    for qrels in splits.values():
        for query_id, grades in qrels.items():  # a query in two splits is judged by both
            judged.setdefault(query_id, {}).update(grades)
    groups = _groups(judged, queries, identical)
    dealt = _dealt(groups, {name: len(qrels) for name, qrels in splits.items()}, seed)
    made: dict[str, Qrels] = {
        name: {q: grades for q, grades in judged.items() if dealt[q] == name} for name in splits
    }
    told = ", ".join(f"{len(qrels)} {name} (before: {len(splits[name])})" for name, qrels in made.items())
    if empty := [name for name, qrels in made.items() if not qrels]:
        raise DatasetError(
            f"Split by documents, {' and '.join(empty)} would have no query: the largest group of queries "
            f"that share documents has {len(groups[0])} of {len(judged)}.",
            hint='Leave out resplit = "documents" of [dataset]; `disjoint = true` keeps the splits, and '
            "trains without the documents of dev and test.",
        )
    return made, f"split by documents (seed {seed}): {told}; the largest group has {len(groups[0])} queries"


def _groups(
    judged: Qrels, queries: Mapping[str, Query], identical: Callable[[str], frozenset[str]]
) -> list[list[str]]:
    """The queries that hang together, largest group first, then by id."""
    parent: dict[Hashable, Hashable] = {}

    def root(node: Hashable) -> Hashable:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    for query_id, grades in judged.items():
        right = (doc_id for doc_id, grade in grades.items() if grade > 0)
        own: Iterable[Hashable] = (
            ("text", normalised(queries[query_id].text)),
            *(("document", min(identical(doc_id))) for doc_id in right),
        )
        for node in own:
            parent[root(node)] = root(("query", query_id))
    members: defaultdict[Hashable, list[str]] = defaultdict(list)
    for query_id in sorted(judged):
        members[root(("query", query_id))].append(query_id)
    return sorted(members.values(), key=lambda group: (-len(group), group))


def _dealt(groups: list[list[str]], sizes: Mapping[str, int], seed: int) -> dict[str, str]:
    """Query -> split."""
    # A query that was in two splits is in one now: what is missing is missing in proportion.
    count, total = sum(map(len, groups)), sum(sizes.values())
    room = {name: size - round((total - count) * size / total) for name, size in sizes.items()}
    dealt: dict[str, str] = {}
    for group in groups:
        fits = {name: left for name, left in room.items() if left >= len(group)}
        if fits:
            draw = stream(joined(seed, "resplit", group[0]))
            chosen = draw.choices([*fits], weights=[*fits.values()])[0]
        else:
            chosen = max(room, key=lambda name: room[name])
        room[chosen] -= len(group)
        dealt |= dict.fromkeys(group, chosen)
    return dealt
