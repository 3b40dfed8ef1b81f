"""What the page says first: the main model against its backbone, in one sentence and one picture."""

from __future__ import annotations

from collections.abc import Sequence

from syneg_cli.evaluation import Comparison, caveat, p_value, tells_little
from syneg_cli.report.charts import Axis, Row, rows_chart
from syneg_cli.report.facts import Facts
from syneg_cli.report.page import Block, Figure, Heading, Lead, Paragraph, Table
from syneg_cli.report.records import Model, Score


def answer(facts: Facts) -> list[Block]:
    model = facts.main
    title = Heading(f"syneg: what training gained on {facts.dataset}", level=1)
    if model is None or model.score is None or model.score.gain is None:
        return [title, Lead(_nothing(facts))]
    return [
        title,
        Lead(sentence(facts, model, model.score, model.score.gain)),
        _picture(facts, model, model.score, model.score.gain),
        Paragraph(" ".join(_caveats(facts, model, model.score))),
    ]


def _nothing(facts: Facts) -> str:
    """The first sentence where no model can be compared."""
    measured = [model for model in facts.models if model.score]
    if not measured:
        return (
            f"No model of {facts.dataset} was measured on {facts.split} yet, so nothing can be said of a "
            "gain."
        )
    best = max(measured, key=lambda model: model.score.value if model.score else 0.0)
    value = best.score.value if best.score else 0.0
    return (
        f"{best.name} has an nDCG@10 of {value:.3f} on {facts.split}; its backbone was not measured on the "
        "same data, so nothing can be said of a gain."
    )


def sentence(facts: Facts, model: Model, score: Score, gain: Comparison) -> str:
    """The answer, with its size, its interval and its p value."""
    backbone = backbone_of(model)
    queries = f"{score.queries} {facts.split} {'query' if score.queries == 1 else 'queries'}"
    size = f"nDCG@10 {score.value:.3f} instead of {score.backbone:.3f}, a difference of {told(gain)}"
    if gain.wins == gain.losses == 0:
        return (
            f"On {queries} of {facts.dataset}, {model.name} ranks exactly as well as its backbone {backbone}."
        )
    if gain.p_randomisation >= 0.05:
        return (
            f"On {queries} of {facts.dataset}, {model.name} cannot be told from its backbone {backbone}: "
            f"{size}, where so many queries show differences from about {gain.detectable:.3f}."
        )
    kind = "better" if gain.difference > 0 else "worse"
    return f"On {queries} of {facts.dataset}, {model.name} is {kind} than its backbone {backbone}: {size}."


def told(gain: Comparison) -> str:
    """`+0.096 (95 % interval +0.060 to +0.130, p < 0.0001)`."""
    return (
        f"{signed(gain.difference)} (95 % interval {signed(gain.low)} to {signed(gain.high)}, "
        f"p {p_value(gain.p_randomisation)})"
    )


def signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def backbone_of(model: Model) -> str:
    return str(model.settings.get("backbone") or "model")


def _picture(facts: Facts, model: Model, score: Score, gain: Comparison) -> Figure:
    row = Row(
        f"{model.name} against {backbone_of(model)}",
        gain.difference,
        f"{signed(gain.difference)} [{signed(gain.low)}, {signed(gain.high)}]",
        gain.low,
        gain.high,
        classes=side(gain),
    )
    band = gain.detectable if gain.detectable < 1 else None
    axis = Axis("difference in nDCG@10", 0.0, left="worse", right="better", band=band)
    title = "The difference, and how sure it is"
    grey = (
        f" Differences within the grey band are too small for {score.queries} queries to show."
        if band
        else ""
    )
    caption = (
        "The dot is the mean difference over the queries, the line its 95 % interval: where it crosses "
        f"zero, the difference may be noise.{grey}"
    )
    columns = ["", "nDCG@10"]
    rows = [[model.name, f"{score.value:.4f}"], [backbone_of(model), f"{score.backbone:.4f}"]]
    rows += [
        ["difference", f"{gain.difference:+.4f}"],
        ["95 % interval", f"{gain.low:+.4f} to {gain.high:+.4f}"],
        ["p, paired randomisation test", p_value(gain.p_randomisation).removeprefix("= ")],
        ["p, paired t-test", p_value(gain.p_t).removeprefix("= ")],
        ["queries better, the same, worse", f"{gain.wins}, {gain.ties}, {gain.losses}"],
        ["smallest difference that so many queries show", f"{gain.detectable:.4f}"],
    ]
    svg = rows_chart("answer", title, caption, [row], axis)
    return Figure("answer", title, svg, caption, Table(columns, rows), wide=True)


def side(gain: Comparison) -> str:
    """The class of a difference's colour: grey where it may be noise."""
    if gain.p_randomisation >= 0.05:
        return "muted"
    return "better" if gain.difference > 0 else "worse"


def _caveats(facts: Facts, model: Model, score: Score) -> Sequence[str]:
    found = [_seeds(facts, model)]
    if facts.chosen_by_score:
        found.append(
            f"{model.name} is the best of {len(facts.compared)} models by this very score, which flatters "
            "it: name another with --model."
        )
    if few := tells_little(score.queries, facts.split):
        found.append(f"{few}.")
    found.append(caveat(score.written, score.queries))
    return [line for line in found if line]


def _seeds(facts: Facts, model: Model) -> str:
    """What is to be said of the seed: of one training, or how far those of other seeds are apart."""
    gains = [one.gain.difference for one in facts.siblings(model) if one.gain]
    if len(gains) < 2:
        return (
            "This is one training run: another seed would give another score, and no number here says how "
            "far off."
        )
    low, high = min(gains), max(gains)
    return (
        f"With other seeds the same training gave from {signed(low)} to {signed(high)} ({len(gains)} runs); "
        "the interval above is of the queries alone."
    )
