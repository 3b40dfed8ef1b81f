"""What a training report says: its tables, and for each figure what it shows and what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from syneg_cli.evaluation import corrected, plain_p
from syneg_cli.mixing import reached
from syneg_cli.report.costs import MISSING
from syneg_cli.report.curves import Curve
from syneg_cli.report.page import Table
from syneg_cli.report.recordings import SOURCES
from syneg_cli.report.records import Mix, Model
from syneg_cli.report.results import WEIGHT

ALWAYS_STATED = ("backbone", "epochs", "batch_size", "lr", "temperature", "precision", "seed")
"""Settings that are stated even where all models have the same."""


@dataclass(frozen=True)
class Explanation:
    """What is said below a figure; `measured` gives a sentence per model."""

    shows: str
    look_for: str
    measured: Callable[[Model], str]


def models_table(models: Sequence[Model], split: str) -> Table:
    """A row for each model; p values of several comparisons come with Holm's correction."""
    gains = corrected({model.name: model.gain for model in models if model.gain})
    columns = [
        "model",
        "strategy",
        "synthetic : retrieved",
        "negatives per pair",
        "steps",
        "loss, last epoch",
        "gradient variance",
        "dev",
        f"nDCG@10, {split}",
        "to the backbone",
        "p",
    ]
    rows = [[*_trained(model), *_scored(model)] for model in models]
    if len(gains) > 1:
        columns.append("p, corrected")
        for model, row in zip(models, rows, strict=True):
            row.append(plain_p(gains[model.name].p_corrected) if model.name in gains else MISSING)
    return Table(columns, rows)


def _trained(model: Model) -> list[str]:
    mix = model.mix
    return [
        model.name,
        mix.strategy if mix else MISSING,
        MISSING if mix is None or mix.ratio is None else reached(mix.negatives),
        _negatives(mix) if mix else MISSING,
        str(model.recording.steps),
        _four_decimals(model.losses[-1] if model.losses else None),
        _four_digits(model.recording.gradient_variance()),
        _dev(model),
    ]


def _negatives(mix: Mix) -> str:
    means = [f"{mean:.2f} {source}" for source, mean in mix.negatives.items()]
    return ", ".join([*means, *([f"{mix.mirrored} mirrored in all"] if mix.mirrored else [])]) or "none"


def _scored(model: Model) -> list[str]:
    score, gain = model.score, model.gain
    return [
        _four_decimals(score.value if score else None),
        f"{gain.difference:+.4f}" if gain else MISSING,
        plain_p(gain.p) if gain else MISSING,
    ]


def _dev(model: Model) -> str:
    if not model.dev:
        return MISSING
    best = max(model.dev)
    return f"{best:.4f} (epoch {model.dev.index(best) + 1})"


def _four_decimals(value: float | None) -> str:
    return MISSING if value is None else f"{value:.4f}"


def _four_digits(value: float | None) -> str:
    """Four significant digits, for what has no natural scale."""
    return MISSING if value is None else f"{value:.4g}"


def legend_of_table(models: Sequence[Model], split: str) -> Iterator[str]:
    """What the columns mean, as far as they hold something."""
    yield (
        "synthetic : retrieved: what the instances got on average, and the share of synthetic ones; "
        "negatives per pair: the mean of its mix."
    )
    if any(model.mix and model.mix.mirrored for model in models):
        yield (
            "mirrored: synthetic texts that train as the positives of queries of their own, and are in-batch "
            "negatives of their pair. No curve of negatives has them."
        )
    yield "loss: the mean over the steps of the last epoch. With other negatives it is another scale."
    yield "gradient variance: of the norm of the gradient over the steps."
    if any(model.dev for model in models):
        yield (
            "dev: nDCG@10 in a pool of documents, the best epoch's. It orders the epochs of one run and is "
            f"no measure for {split}."
        )
    gains = [model.score for model in models if model.score and model.score.gain]
    if gains:
        values = ", ".join(f"{value:.4f}" for value in sorted({s.backbone for s in gains if s.backbone}))
        yield (
            f"to the backbone: the difference in nDCG@10 to the same backbone without training ({values}). "
            "p: paired randomisation test over the queries. It says nothing of the variance between seeds."
        )
    if len(gains) > 1:
        yield f"p, corrected: Holm's correction for {len(gains)} comparisons."


def settings_lines(models: Sequence[Model]) -> list[str]:
    """Which settings the models share, and in which they differ: curves compare where these are equal."""
    keys = sorted({key for model in models for key in model.settings} - {"mix", WEIGHT})
    values = {key: [model.settings.get(key) for model in models] for key in keys}
    differ = [key for key in keys if any(value != values[key][0] for value in values[key])]
    same = [key for key in ALWAYS_STATED if key in keys and key not in differ]
    lines = ["The same for all: " + ", ".join(f"{key} {_setting(values[key][0])}" for key in same) + "."]
    for key in differ:
        pairs = zip(models, values[key], strict=True)
        lines.append(f"Differs: {key}: " + ", ".join(f"{m.name} {_setting(value)}" for m, value in pairs))
    lines = lines if len(models) > 1 else [line.replace("The same for all", "Settings") for line in lines]
    return [*lines, *_written_lines(models)]


def _written_lines(models: Sequence[Model]) -> Iterator[str]:
    """How many queries that an LLM wrote each model learned from, and what each of them counts."""
    if any(WEIGHT in model.settings for model in models):
        yield "LLM-written queries: " + "; ".join(map(_written, models)) + "."


def _written(model: Model) -> str:
    if WEIGHT not in model.settings:
        return f"{model.name} learned from none"
    mix, weight = model.mix, model.settings[WEIGHT]
    if mix is None or mix.written is None:
        return f"{model.name} learned from some, of weight {weight}"
    of = f" of {mix.pairs}" if mix.pairs is not None else ""
    return f"{model.name} learned from {mix.written}{of} pairs with one, of weight {weight}"


def _setting(value: Any) -> str:
    return "not set" if value is None else str(value)


def paper_lines(models: Sequence[Model]) -> list[str]:
    """The paper's claim of stability beside what was measured, where both strategies were trained."""
    found = {
        strategy: [
            f"{m.name} {_four_digits(m.recording.gradient_variance())}" for m in models if _is(m, strategy)
        ]
        for strategy in ("hybrid", "direct")
    }
    if not all(found.values()):
        return []
    here = " against ".join(f"{', '.join(values)} ({strategy})" for strategy, values in found.items())
    return [
        "The SyNeg paper (arXiv 2412.17250, section 5) reports a smaller variance for hybrid than for direct "
        f"mixing: 155.23 against 188.50. Here: {here}."
    ]


def _is(model: Model, strategy: str) -> bool:
    return model.mix is not None and model.mix.strategy == strategy


def _fall(curve: Curve) -> str:
    return f"{_four_decimals(curve.first_quarter())} to {_four_decimals(curve.last_quarter())}"


def _loss(model: Model) -> str:
    return f"{_fall(model.recording.loss)} (first and last quarter of {len(model.recording.loss)} steps)."


def _gradient(model: Model) -> str:
    norms = model.recording.gradient_norm
    if not len(norms):
        return "no gradient norm was recorded."
    mean = sum(norms.values) / len(norms)
    return (
        f"variance {_four_digits(model.recording.gradient_variance())}, mean {_four_digits(mean)}, largest "
        f"{_four_digits(max(norms.values))}, over {len(norms)} steps."
    )


def _similarity(model: Model) -> str:
    curves = {"positives": model.recording.positive_similarity} | {
        f"{source} negatives": model.recording.similarity[source] for source in SOURCES
    }
    return _falls(curves) + " (first and last quarter of the steps that had any)."


def _violated(model: Model) -> str:
    curves = {f"{source} negatives": model.recording.violated[source] for source in SOURCES}
    shares = [
        f"{name} {100 * (curve.first_quarter() or 0):.1f} % to {100 * (curve.last_quarter() or 0):.1f} %"
        for name, curve in curves.items()
        if len(curve)
    ]
    if not shares:
        return "no negatives of its own."
    return ", ".join(shares) + " (first and last quarter of the steps that had any)."


def _falls(curves: dict[str, Curve]) -> str:
    return ", ".join(f"{name} {_fall(curve)}" for name, curve in curves.items() if len(curve))


EXPLANATIONS = {
    "loss": Explanation(
        "The training loss of every step. Thick lines are means of neighbouring steps and stop half a window "
        "before each end, where no full window was measured.",
        "It should fall and level off. Only its shape compares between models with different negatives: "
        "easy negatives give a low loss without any learning.",
        _loss,
    ),
    "gradient": Explanation(
        "The length of the gradient of all weights at every step, before it is clipped. Its variance over "
        "the steps (under Numbers) is the SyNeg paper's measure of how steadily a mix trains.",
        "Look for spikes, and for how far the faint line strays from the thick one. A spike at the end of "
        "each epoch may be its last batch's, which is smaller where the pairs do not fill it. The variance "
        "also holds the fall from the first to the last step, and it depends on batch size, temperature and "
        "learning rate: compare models that share these.",
        _gradient,
    ),
    "similarity": Explanation(
        "The mean similarity of the queries of a step to their positives, and to the negatives drawn for "
        "them, by source. In-batch negatives are not in it.",
        "The gap between positives and negatives should widen. Negatives of a source that fall far below the "
        "other source's have become easy for the model, and teach it less.",
        _similarity,
    ),
    "violated": Explanation(
        "The share of a step's own negatives that score at least as high as their positive, by source.",
        "It should fall. A source that stays high holds either what the model cannot learn or what is "
        "relevant after all; syneg verify looks for the latter.",
        _violated,
    ),
}
