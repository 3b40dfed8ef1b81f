"""What the page says first: the main model against its backbone, in one sentence and one picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from syneg_cli.core import counted
from syneg_cli.evaluation import (
    METRICS,
    Compared,
    Comparison,
    caveat,
    compare_seeds,
    decided,
    detectable,
    p_value,
    plain_p,
    tells_little,
)
from syneg_cli.report.charts import Axis, Row, rows_chart
from syneg_cli.report.facts import Facts, primary_of
from syneg_cli.report.page import Block, Figure, Heading, Lead, Paragraph, Table
from syneg_cli.report.records import Model, Score
from syneg_cli.studies import HEADINGS, PARTS, SAID, Part, Study, answers, cells

ON = {"all": "all queries", "seen": "documents seen in training", "unseen": "documents never seen"}
"""Part of the queries -> what it is called in a picture."""


def answer(facts: Facts) -> list[Block]:
    title = Heading(f"syneg: what was gained on {facts.dataset}", level=1)
    if facts.leading is None:
        return [title, *_of_model(facts, Lead)]
    return [title, *_of_study(facts.leading), *_of_model(facts, Paragraph)]


def _of_study(study: Study) -> Iterator[Block]:
    """The study's own sentence, and the same as a picture."""
    line = primary_of(study)
    assert line is not None
    on_parts = answers(study.plan, [line])[2:]
    yield Lead(_sentence_of(study))
    if on_parts:
        yield Paragraph(" ".join(on_parts))
    parts = {part: line.parts[part] for part in PARTS if part in line.parts and line.parts[part].against}
    rows = [difference_row(f"{ON[part]} ({on.queries})", on) for part, on in parts.items()]
    title = f"{line.arm.name} against {line.arm.control}"
    caption = (
        "The dot is the mean difference, the line its 95 % interval, over queries and seeds: where it "
        "crosses zero, the difference may be noise."
    )
    label = METRICS[study.plan.metric].label
    axis = Axis(f"difference in {label}", 0.0, left="worse", right="better")
    svg = rows_chart("study-answer", title, caption, rows, axis)
    table = Table(["queries", *HEADINGS], [[SAID[part], *cells(line, on)] for part, on in parts.items()])
    yield Figure("study-answer", title, svg, caption, table, wide=True)


def _sentence_of(study: Study) -> str:
    """What a study found on all queries, in its own words."""
    line = primary_of(study)
    assert line is not None
    what, on_all, *_ = answers(study.plan, [line])
    seeds = f", {counted(line.seeds, 'seed')}" if line.seeds else ""
    said = f"{study.plan.dataset}, study {study.plan.name}{seeds}: {what} {on_all}"
    return _with_caveat(said, study.plan.written, study.plan.queries)


def _with_caveat(said: str, written: int, queries: int) -> str:
    """A first sentence goes where it goes alone, so what it does not say goes with it."""
    return f"{said} {caveat(written, queries)}".rstrip()


def difference_row(label: str, part: Part, told: str = "") -> Row:
    """An arm against its control as a row of a picture; it has the colour of the study's own verdict."""
    gain = part.against
    assert gain is not None
    kind = str(part.verdict) if part.verdict in ("better", "worse") else "muted"
    return Row(label, gain.difference, told or brackets(gain), ends(gain), classes=kind)


def _of_model(facts: Facts, first: type[Lead] | type[Paragraph]) -> Iterator[Block]:
    """The main model against its backbone; `first` is how its sentence stands there."""
    model = facts.main
    if model is None or model.score is None:
        if facts.models or facts.leading is None:
            yield first(_nothing(facts))
        return
    gain = facts.gains[model.name]
    yield first(sentence(facts, model, model.score, gain))
    yield _picture(model, model.score, gain)
    yield Paragraph(" ".join(_caveats(facts, model, model.score)))


def first_sentence(facts: Facts) -> str:
    """The answer in one sentence, or why there is none: what the page begins with."""
    if facts.leading is not None:
        return _sentence_of(facts.leading)
    model = facts.main
    if model is None or model.score is None:
        return _nothing(facts)
    return sentence(facts, model, model.score, facts.gains[model.name])


def _nothing(facts: Facts) -> str:
    """The first sentence where no model can be compared."""
    measured = [model for model in facts.models if model.score]
    if not measured:
        apart = "" if facts.leading is None else " but those of studies"
        unmeasured = f"No model of {facts.dataset}{apart} was measured on {facts.split} yet"
        return f"{unmeasured}, so nothing can be said of {'its' if apart else 'a'} gain."
    best = max(measured, key=lambda model: model.score.value if model.score else 0.0)
    value = best.score.value if best.score else 0.0
    said = (
        f"{best.name} has an nDCG@10 of {value:.3f} on {facts.split}; its backbone was not measured on the "
        "same data, so nothing can be said of a gain."
    )
    return _with_caveat(said, best.score.written, best.score.queries) if best.score else said


def sentence(facts: Facts, model: Model, score: Score, gain: Comparison) -> str:
    """The answer, with its size, its interval and its p value."""
    return _with_caveat(_sentence(facts, model, score, gain), score.written, score.queries)


def _sentence(facts: Facts, model: Model, score: Score, gain: Comparison) -> str:
    where = (
        f"On {counted(score.queries, f'{facts.split} query', f'{facts.split} queries')} of {facts.dataset}"
    )
    size = f"nDCG@10 {score.value:.3f} instead of {score.backbone:.3f}, a difference of {told(gain)}"
    backbone, word = f"its backbone {backbone_of(model)}", decided(gain)
    if gain.wins == gain.losses == 0:
        return f"{where}, {model.name} ranks exactly as well as {backbone}."
    if word == "undecided":
        small = f", and so many queries show differences from about {detectable(gain):.3f}"
        small = small if math.isfinite(gain.detectable) else ""
        return f"{where}, {model.name} cannot be told from {backbone}: {size}{small}."
    if word == "equivalent":
        return f"{where}, {model.name} is as good as {backbone}, to within ±{gain.margin:g}: {size}."
    return f"{where}, {model.name} is {word} than {backbone}: {size}."


def told(gain: Compared) -> str:
    """`+0.096 (95 % interval +0.060 to +0.130, p < 0.0001)`."""
    holm = "" if gain.p_holm is None else f", corrected for {len(gain.family)} models {p_value(gain.p_holm)}"
    known = ends(gain)
    interval = f"95 % interval {signed(known[0])} to {signed(known[1])}" if known else "no interval is known"
    return f"{signed(gain.difference)} ({interval}, p {p_value(gain.p)}{holm})"


def ends(gain: Compared) -> tuple[float, float] | None:
    """The 95 % interval; None where there are too few queries to tell one."""
    return (gain.low, gain.high) if math.isfinite(gain.high - gain.low) else None


def between(gain: Compared) -> str:
    """The interval as a cell of a table."""
    return f"{gain.low:+.4f} to {gain.high:+.4f}" if ends(gain) else "unknown"


def brackets(gain: Compared) -> str:
    """`+0.096 [+0.060, +0.130]`."""
    known = ends(gain)
    return signed(gain.difference) + (f" [{signed(known[0])}, {signed(known[1])}]" if known else "")


def signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def backbone_of(model: Model) -> str:
    return str(model.settings.get("backbone") or "model")


def _picture(model: Model, score: Score, gain: Comparison) -> Figure:
    row = Row(
        f"{model.name} against {backbone_of(model)}",
        gain.difference,
        brackets(gain),
        ends(gain),
        classes=side(gain),
    )
    shown = detectable(gain)
    band = shown if shown < 1 else None
    axis = Axis("difference in nDCG@10", 0.0, left="worse", right="better", band=band)
    title = "The difference, and how sure it is"
    grey = f" {score.queries} queries miss a difference within the grey band more than one time in five."
    grey = grey if band else ""
    caption = (
        "The dot is the mean difference over the queries, the line its 95 % interval: where it crosses "
        f"zero, the difference may be noise.{grey}"
    )
    columns = ["", "nDCG@10"]
    rows = [[model.name, f"{score.value:.4f}"], [backbone_of(model), f"{score.backbone:.4f}"]]
    rows += [
        ["difference", f"{gain.difference:+.4f}"],
        ["95 % interval", between(gain)],
        ["p, paired randomisation test", plain_p(gain.p_randomisation)],
        ["p, paired t-test", plain_p(gain.p_t)],
        *_with_holm("p", gain.p_holm),
        [f"p, equivalence within ±{gain.margin:g}", plain_p(gain.p_equivalence)],
        *_with_holm("p, equivalence", gain.p_equivalence_holm),
        ["queries better, the same, worse", f"{gain.wins}, {gain.ties}, {gain.losses}"],
        ["smallest difference that so many queries show", _size(shown)],
    ]
    svg = rows_chart("answer", title, caption, [row], axis)
    return Figure("answer", title, svg, caption, Table(columns, rows), wide=True)


def _with_holm(name: str, p: float | None) -> list[list[str]]:
    """The p that decides, where the comparison is one of several."""
    return [] if p is None else [[f"{name}, with Holm's correction", plain_p(p)]]


def _size(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "unknown"


def side(gain: Compared) -> str:
    """The class of a difference's colour: grey where it is neither better nor worse."""
    word = decided(gain)
    return word if word in ("better", "worse") else "muted"


def _caveats(facts: Facts, model: Model, score: Score) -> Sequence[str]:
    found = [_seeds(facts, model)]
    if facts.chosen_by_score:
        found.append(
            f"{model.name} is the best of {len(facts.compared)} models by this very score, which flatters "
            "it: name another with --model."
        )
    if few := tells_little(score.queries, facts.split):
        found.append(f"{few}.")
    return [line for line in found if line]


def _seeds(facts: Facts, model: Model) -> str:
    """What is to be said of the seed: of one training, or of all that differ in it alone."""
    scores = [one.score for one in facts.siblings(model) if one.gain and one.score]
    first = scores[0].backbone_per_query
    scores = [one for one in scores if one.backbone_per_query == first]
    if len(scores) < 2:
        return (
            "This is one training run: another seed would give another score, and no number here says how "
            "far off."
        )
    names = list(first)
    runs = [[score.per_query[name] for name in names] for score in scores]
    both = compare_seeds(runs, [[first[name] for name in names]], untrained=True)
    return (
        f"Over the {len(scores)} seeds of this training that were measured, the difference is {told(both)}, "
        "an interval for other seeds, too; the one above is of the queries alone."
    )
