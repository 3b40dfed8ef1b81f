"""What `syneg verify` shows: false negatives by source, and examples with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from syneg_cli.cli.output import short, table
from syneg_cli.cli.render.fitting import Column, Fitted
from syneg_cli.core import counted
from syneg_cli.data import Dataset
from syneg_cli.stages import Performed
from syneg_cli.verification import Checked

EXAMPLES = 3
LONGEST = 240
LAST = 98


def verified(done: Sequence[Performed], dataset: Dataset) -> tuple[dict[str, Any], list[Any]]:
    """All files together, as data and as tables."""
    checked, false = _sum(done, "checked"), _sum(done, "false_negatives")
    unquoted, left_out = _sum(done, "quote_not_found"), _sum(done, "left_out")
    no_opinion = {name: count for name, count in _sum(done, "no_opinion").items() if count}
    whys = {name: _whys(done, name) for name in no_opinion}
    flagged = [one for each in done for one in each.record or () if one.found_now]
    by_check = _by_check(done)
    margins = [each.counts["margin"] for each in done if each.counts.get("margin") is not None]
    examples = [_example(dataset, one, margins[0] if margins else None) for one in flagged[:EXAMPLES]]
    names = sorted(checked | left_out)
    columns = [checked, *by_check.values(), false]
    rows = [
        (s, *(count[s] for count in columns), _share(false[s], checked[s]), unquoted[s], left_out[s])
        for s in names
    ]
    shown: list[Any] = [Fitted(_columns(list(by_check)), rows), *_effects(done)]
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
    if no_opinion:
        shown += _unjudged(no_opinion, whys)
    if unanswered := sum(each.counts.get("unanswered", 0) for each in done):
        calls = counted(unanswered, "call of the judge", "calls of the judge")
        shown.append(f"{calls} failed: the same command asks again.")
    shown += [
        f"\nquery: {one['query']}\n{one['source']}: {one['document']}\nbecause: {one['because']}"
        for one in examples
    ]
    data = {
        "checked": dict(checked),
        "false_negatives": {source: false[source] for source in checked},
        "quote_not_found": {source: unquoted[source] for source in checked},
        "left_out": {source: count for source, count in left_out.items() if count},
        "no_opinion": no_opinion,
        "why_no_opinion": whys,
        "unanswered": sum(each.counts.get("unanswered", 0) for each in done),
        "examples": examples,
        "files": [each.as_json() for each in done],
    }
    return data, shown


def _columns(by_check: Sequence[str]) -> list[Column]:
    """What a narrow terminal leaves out first is in the sentences below the table."""
    head = [Column("source"), Column("checked")]
    head += [Column(f"by {name}", spare=place) for place, name in enumerate(by_check, start=1)]
    head += [Column("called relevant"), Column("share")]
    return [*head, Column("quote not found", spare=LAST + 1), Column("left out", spare=LAST)]


def _effects(done: Sequence[Performed]) -> list[str]:
    """What becomes of those that were found, in a sentence."""
    after = {"drop": "left out of mixes", "relabel": "made positives", "mark": "only marked"}
    found: Counter[str] = Counter()
    for each in done:
        found[str(each.counts.get("effect", "drop"))] += sum(each.counts.get("false_negatives", {}).values())
    return [f"{count} are {after[effect]} (--effect {effect})" for effect, count in found.items() if count]


def _sum(done: Sequence[Performed], key: str) -> Counter[str]:
    return sum((Counter(each.counts.get(key, {})) for each in done), Counter())


def _share(part: int, of: int) -> str:
    return f"{part / max(of, 1):.1%}"


def _by_check(done: Sequence[Performed]) -> dict[str, Counter[str]]:
    """Check -> source -> how many it calls relevant; nothing where all verdicts are of one check."""
    names = sorted({name for each in done for name in each.counts.get("relevant_by", {})})
    found = {
        name: sum((Counter(each.counts.get("relevant_by", {}).get(name, {})) for each in done), Counter())
        for name in names
    }
    return found if len(found) > 1 else {}


def _whys(done: Sequence[Performed], check: str) -> dict[str, int]:
    """Why a check gave no verdict -> how often; of results of earlier versions that is not known."""
    found: Counter[str] = Counter()
    for each in done:
        found.update(each.counts.get("why_no_opinion", {}).get(check, {}))
    return dict(found.most_common())


def _unjudged(no_opinion: Mapping[str, int], whys: Mapping[str, Mapping[str, int]]) -> list[Any]:
    """A row for each reason, and what it means; results of earlier versions have no reasons."""
    rows = [
        (name, why, count)
        for name, total in no_opinion.items()
        for why, count in (whys[name] or {"-": total}).items()
    ]
    total = sum(no_opinion.values())
    return [
        table(None, ["check", "why no usable verdict", "negatives"], rows),
        f"{total} without a usable verdict: they stay negatives unless another check says otherwise.",
    ]


def _example(dataset: Dataset, one: Checked, margin: float | None) -> dict[str, str]:
    candidate, found = one.candidate, one.found
    because = [
        evidence(name, found.scores[name], found.evidence.get(name, ""), margin)
        for name in sorted(found.relevant_by, key=lambda name: name not in one.checks)
    ]
    return {
        "query": dataset.queries[candidate.query_id].text,
        "source": candidate.source,
        "document": short(" ".join(candidate.text.split()), LONGEST),
        "because": "; ".join(because),
    }


def evidence(check: str, score: float, quoted: str, margin: float | None) -> str:
    """Why a check calls a negative relevant, in words.

    Args:
        score: a judge's 1, or how much higher than its positive's the negative's similarity is.
        margin: how far below it the margin check lets no negative come.
    """
    if check == "judge":
        return f'judge: "{short(" ".join(quoted.split()), LONGEST)}"'
    place = f"{abs(score):.3f} {'above' if score >= 0 else 'below'} the positive's"
    if check != "margin":
        return f"{check}: its score is {place}"
    need = "" if margin is None else f"; to stay a negative it has to be at least {margin:g} below"
    return f"margin: its similarity to the query is {place}{need}"
