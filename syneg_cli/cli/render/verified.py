"""What `syneg verify` shows: false negatives by source, and examples with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from syneg_cli.cli.output import table
from syneg_cli.data import Dataset
from syneg_cli.stages import Performed
from syneg_cli.verification import Checked

EXAMPLES = 3


def verified(done: Sequence[Performed], dataset: Dataset) -> tuple[dict[str, Any], list[Any]]:
    """All files together, as data and as tables."""
    checked, false = _sum(done, "checked"), _sum(done, "false_negatives")
    unquoted, left_out = _sum(done, "quote_not_found"), _sum(done, "left_out")
    no_opinion = {name: count for name, count in _sum(done, "no_opinion").items() if count}
    flagged = [one for each in done for one in each.record or () if one.found.reason]
    examples = [_example(dataset, one) for one in flagged[:EXAMPLES]]
    names = sorted(checked | left_out)
    rows = [
        (s, checked[s], false[s], f"{false[s] / max(checked[s], 1):.1%}", unquoted[s], left_out[s])
        for s in names
    ]
    head = ["source", "checked", "relevant after all", "share", "quote not found", "left out"]
    shown: list[Any] = [table(None, head, rows), *_effects(done)]
    if unquoted.total():
        shown.append(
            f"{unquoted.total()} called relevant with a quotation that the document does not hold: "
            "they stay negatives."
        )
    if left_out.total():
        shown.append(
            f"{left_out.total()} left out, because [mix] draws no more for a query; "
            "[verify] per_query checks more."
        )
    shown += [f"{count} without a usable verdict of {name}" for name, count in no_opinion.items()]
    shown += ["\n".join(f"{key}: {value}" for key, value in example.items()) for example in examples]
    data = {
        "checked": dict(checked),
        "false_negatives": {source: false[source] for source in checked},
        "quote_not_found": {source: unquoted[source] for source in checked},
        "left_out": {source: count for source, count in left_out.items() if count},
        "no_opinion": no_opinion,
        "examples": examples,
        "files": [each.as_json() for each in done],
    }
    return data, shown


def _effects(done: Sequence[Performed]) -> list[str]:
    """What becomes of those that were found, in a sentence."""
    after = {"drop": "left out of mixes", "relabel": "made positives", "mark": "only marked"}
    found: Counter[str] = Counter()
    for each in done:
        found[str(each.counts.get("effect", "drop"))] += sum(each.counts.get("false_negatives", {}).values())
    return [f"{count} are {after[effect]} (--effect {effect})" for effect, count in found.items() if count]


def _sum(done: Sequence[Performed], key: str) -> Counter[str]:
    return sum((Counter(each.counts.get(key, {})) for each in done), Counter())


def _example(dataset: Dataset, one: Checked) -> dict[str, str]:
    candidate, found = one.candidate, one.found
    because = [
        f"{name} {found.scores[name]:+.3f} {found.evidence.get(name, '')}".strip()
        for name in found.relevant_by
    ]
    return {
        "query": dataset.queries[candidate.query_id].text,
        candidate.source: " ".join(candidate.text.split())[:240],
        "because": "; ".join(because),
    }
