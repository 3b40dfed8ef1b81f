"""From measures to a verdict: few rules, each with its threshold and where that comes from.

A rule speaks for help or harm only if the whole 95 % interval is on that side of its threshold.
One that speaks for harm decides; help takes all of them. Everything else is "cannot tell".

The forecast is about replacing: a mix of synthetic and mined negatives against as many mined ones
alone. What a model gains in the end no measure of its negatives alone can say.
"""

from __future__ import annotations

from collections.abc import Sequence

from syneg_cli.evaluation import wilson
from syneg_cli.forecast.records import NOTHING, Evidence, Interval, Says, Verdict

FALSE = 0.10
"""Share of false negatives. That they hurt is measured (RLHN, arXiv 2505.16967; NV-Retriever,
2407.15831); from which share on is our choice."""

TOLD, HIDDEN = 0.9, 0.7
"""AUC: "outstanding" from 0.9 on, and none to speak of below 0.7 (Hosmer, Lemeshow and Sturdivant,
Applied Logistic Regression, 2013). That a model learns the source that it can tell, instead of
relevance, is CausalNeg's finding (arXiv 2606.01304); docs/results/scifact.md points the same way."""

EASIER = 1 - HIDDEN
"""How often a synthetic negative is the harder one. Easy negatives teach nothing (ANCE, arXiv
2007.00808), and each takes the place of a mined one."""

COPIED = 0.10
"""Share of negatives that repeat another one: our choice."""


def forecast_verdict(evidence: Sequence[Evidence]) -> Verdict:
    """Harm where one rule says so, help where all do; else nobody can tell."""
    says = [one.says for one in evidence]
    if "harm" in says:
        return "likely to harm"
    return "likely to help" if says and all(one == "help" for one in says) else "cannot tell"


def usable(pairs_with: int, pairs: int, need: float) -> Evidence:
    """A mix refuses where fewer than `need` of the pairs have a synthetic negative ([mix] need_synthetic)."""
    found = Interval(pairs_with / pairs, *wilson(pairs_with / pairs, pairs)) if pairs else NOTHING
    says = _above(found, need)
    text = f"{pairs_with} of {pairs} pairs got a usable negative{_range(found)}; a mix needs {need:.0%}"
    return Evidence("usable", says, found, text)


def false_negatives(synthetic: Interval, mined: Interval, judged: int = 0) -> Evidence:
    """Negatives that are relevant after all teach the opposite of what they should.

    Args:
        judged: how many synthetic ones the judge had an opinion on.
    """
    if not synthetic.measured:
        text = "nobody judged whether the negatives are relevant after all (--judge asks the model)"
        return Evidence("false negatives", "open", synthetic, text)
    others = f"; of the mined ones {mined.value:.0%}{_range(mined)}" if mined.measured else ""
    text = f"of {judged} judged {synthetic.value:.0%} are relevant after all{_range(synthetic)}{others}"
    return Evidence("false negatives", _below(synthetic, FALSE), synthetic, text)


def hardness(harder: Interval) -> Evidence:
    """A negative that is easier than those it replaces teaches less."""
    if not harder.measured:
        return Evidence("hardness", "open", harder, "there are no mined negatives to compare with")
    text = f"closer to their query than a mined one in {harder.value:.0%} of comparisons{_range(harder)}"
    return Evidence("hardness", _above(harder, EASIER), harder, text)


def similarity(told: Interval) -> Evidence:
    """What similarity alone tells apart, a model can learn to tell instead of relevance."""
    return Evidence("source by similarity", _told(told), told, _auc_text("similarities to the query", told))


def style(told: Interval, most: tuple[str, float] | None = None) -> Evidence:
    """As `similarity`, for how the texts are written. A probe worse than chance has found nothing.

    Args:
        most: what tells best, and its AUC alone.
    """
    says: Says = "open"
    if told.measured:
        says = "harm" if told.low > TOLD else "help" if told.high < HIDDEN else "open"
    text = _auc_text("length and style", told)
    if told.measured and most is not None and says != "help":
        name, value = most
        more = "more" if value > 0.5 else "less"
        text += f"; most by {name}, of which synthetic ones have {more} (AUC {value:.2f})"
    return Evidence("source by style", says, told, text)


def repeated(copies: Interval) -> Evidence:
    """The same text again is no further negative."""
    text = "there are no negatives to compare"
    if copies.measured:
        text = f"{copies.value:.0%} repeat another one nearly word for word{_range(copies)}"
    return Evidence("copies", _below(copies, COPIED), copies, text)


def _auc_text(what: str, told: Interval) -> str:
    if not told.measured:
        return f"there is nothing to see by whether {what} tell synthetic from mined"
    return f"{what} alone tell synthetic from mined with an AUC of {told.value:.2f}{_range(told, '.2f')}"


def _above(found: Interval, threshold: float) -> Says:
    """Help above a threshold, harm below."""
    if not found.measured:
        return "open"
    return "help" if found.low > threshold else "harm" if found.high < threshold else "open"


def _below(found: Interval, threshold: float) -> Says:
    """Help below a threshold, harm above."""
    if not found.measured:
        return "open"
    return "help" if found.high < threshold else "harm" if found.low > threshold else "open"


def _told(found: Interval) -> Says:
    """Harm where the AUC is far from 0.5 on one side; help where it is near."""
    if not found.measured:
        return "open"
    if found.low > TOLD or found.high < 1 - TOLD:
        return "harm"
    return "help" if found.low > 1 - HIDDEN and found.high < HIDDEN else "open"


def _range(found: Interval, how: str = ".0%") -> str:
    """` [3%, 12%]`; "" where nothing was measured."""
    return f" [{found.low:{how}}, {found.high:{how}}]" if found.measured else ""
