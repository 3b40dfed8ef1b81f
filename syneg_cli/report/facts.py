"""Everything that a page is made of; every section takes what it needs of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from syneg_cli.data import Dataset
from syneg_cli.evaluation import Comparison, Part, corrected, corrected_parts
from syneg_cli.forecast import Forecast
from syneg_cli.report.negatives import Negatives
from syneg_cli.report.records import Model
from syneg_cli.report.results import Results
from syneg_cli.report.searches import Searched
from syneg_cli.report.separation import Separation
from syneg_cli.studies import Line, Study

APART_FROM = ("seed", "mix")
"""Settings in which two trainings of one plan may differ; what the mix is counts by itself."""


@dataclass(frozen=True)
class Facts:
    """What is known of a data set and its models. `notes` and `left_out` say what is not, and why."""

    dataset: str
    models: Sequence[Model]
    split: str = "test"
    left_out: Sequence[str] = ()
    results: Results = field(default_factory=Results)
    preferred: Sequence[str] = ()
    """Names of models, the likeliest first, that the page is to be about."""
    texts: Dataset | None = None
    """The data set, where it is at hand."""
    negatives: Negatives = field(default_factory=Negatives)
    separation: Separation | None = None
    notes: Sequence[str] = ()
    studies: Sequence[Study] = ()
    pilots: Mapping[str, Forecast] = field(default_factory=dict)
    """Set of synthetic negatives -> what `generate --pilot` foretold of it."""
    searches: Sequence[Searched] = ()
    """Systems that search with more than their model's own vectors."""
    named: bool = False
    """Whether somebody asked for the page of one model: no study is its first sentence then."""

    @cached_property
    def leading(self) -> Study | None:
        """The study of the first sentence: the one with most seeds, the newest of several, if no model was
        asked for.

        Several seeds say more than one training run can; one seed does not, where there is such a run.
        """
        if self.named:
            return None
        best = max(self.studies, key=lambda study: (_seeds_of(study), study.written_at), default=None)
        least = 2 if self.main else 1
        return best if best is not None and _seeds_of(best) >= least else None

    @cached_property
    def compared(self) -> list[Model]:
        """The models that were measured, and their backbone too."""
        return [model for model in self.models if model.gain]

    @cached_property
    def gains(self) -> Mapping[str, Comparison]:
        """Model -> what it gains over its backbone, corrected as one of the family of all on the page."""
        return corrected({model.name: model.gain for model in self.models if model.gain})

    @cached_property
    def search_gains(self) -> Mapping[str, Comparison]:
        """System -> what it gains over its model alone, corrected as one of the family of all on the page."""
        return corrected({one.name: one.gain for one in self.searches})

    @cached_property
    def search_parts(self) -> Mapping[str, Mapping[str, Part]]:
        """System -> the same by what training, or its index, knows; those that have such parts."""
        return corrected_parts({one.name: one.parts for one in self.searches if one.parts})

    @cached_property
    def parts(self) -> Mapping[str, Mapping[str, Part]]:
        """Model -> its scores by what training saw; those of all models on a part are one family."""
        return corrected_parts({model.name: model.score.parts for model in self.models if model.score})

    @cached_property
    def main(self) -> Model | None:
        """The model of the first sentence: the one preferred, else the one with the highest score."""
        by_name = {model.name: model for model in self.compared}
        for name in self.preferred:
            if name in by_name:
                return by_name[name]
        return max(self.compared, key=lambda model: model.score.value if model.score else 0.0, default=None)

    @cached_property
    def chosen_by_score(self) -> bool:
        """Whether the main model is the best of several by the very score that is reported."""
        named = {model.name for model in self.compared} & set(self.preferred)
        return not named and len(self.compared) > 1

    @cached_property
    def plans(self) -> Mapping[str, Sequence[Model]]:
        """Models by what they were made with, but for the seed."""
        found: dict[str, list[Model]] = {}
        for model in self.models:
            found.setdefault(plan_of(model), []).append(model)
        return found

    @cached_property
    def colours(self) -> Mapping[str, int]:
        """Model -> the place of its colour, which models of one plan share."""
        places = {plan: place for place, plan in enumerate(self.plans)}
        return {model.name: places[plan_of(model)] for model in self.models}

    def siblings(self, model: Model) -> Sequence[Model]:
        """The measured models of one plan, this one among them."""
        return [one for one in self.plans[plan_of(model)] if one.score]


def primary_of(study: Study) -> Line | None:
    """The arm of the primary comparison, where that is measured."""
    lines = {line.arm.name: line for line in study.lines}
    line = lines.get(study.plan.primary)
    return line if line and line.parts["all"].against else None


def _seeds_of(study: Study) -> int:
    """The seeds of the primary comparison: all where neither system is trained, so that none would change it;
    0 where it is not measured yet."""
    line = primary_of(study)
    if line is None or (gain := line.parts["all"].against) is None:
        return 0
    return line.seeds or gain.baseline_seeds or len(study.plan.seeds)


def plan_of(model: Model, *, apart_from: str = "") -> str:
    """What a model was made with but for its seed, as a text that equal plans share.

    Args:
        apart_from: what may differ, too: "pairs", "ratio" or "temperature".
    """
    mix = model.mix
    plan = {key: value for key, value in model.settings.items() if key not in (*APART_FROM, apart_from)}
    if mix is None:
        return json.dumps([plan, model.name], sort_keys=True, default=str)
    # Draws of different seeds differ a little in what an instance gets on average.
    mixed = {"strategy": mix.strategy, "negatives": round(sum(mix.negatives.values()), 1)}
    mixed |= {"ratio": mix.ratio, "pairs": mix.pairs}
    mixed = {key: value for key, value in mixed.items() if key != apart_from}
    if apart_from == "pairs":
        mixed.pop("negatives")
    sources = sorted(source for source, mean in mix.negatives.items() if mean)
    return json.dumps([plan, mixed, sources], sort_keys=True, default=str)


def sweeps(models: Sequence[Model], key: str) -> Iterator[list[tuple[float, Model]]]:
    """Models that differ in nothing but `key` (and their seed), each with its value, in its order.

    Args:
        key: "pairs", "ratio" or "temperature".
    """
    groups: dict[str, list[tuple[float, Model]]] = {}
    for model in models:
        value = model.settings.get(key) if key == "temperature" else getattr(model.mix, key, None)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and model.score:
            groups.setdefault(plan_of(model, apart_from=key), []).append((float(value), model))
    for group in groups.values():
        if len({value for value, _ in group}) > 1:
            yield sorted(group, key=lambda one: (one[0], one[1].name))
