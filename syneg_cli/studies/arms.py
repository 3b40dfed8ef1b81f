"""The arms that a study can have: what each sets, and what it is compared with.

An arm is a line of `built_in`. Everything that it does not set is as the project has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from syneg_cli.core import UsageError, did_you_mean
from syneg_cli.evaluation import HALF

Makes = Literal["trained", "backbone", "soup"]
Need = Literal[
    "synthetic",
    "other queries",
    "own queries",
    "written queries",
    "queries in the index",
    "judged queries",
    "verdicts",
    "teaching",
    "cross-encoder",
]

TABLES = {
    "sources": "Sources of negatives",
    "mixing": "How both kinds are mixed",
    "prompts": "Prompts",
    "queries": "Queries, in training or in the index",
    "levers": "Other levers",
    "soups": "Averaged weights",
    "sweep-R": "Synthetic : retrieved (R)",
    "sweep-tau": "Temperature",
    "own": "Arms of your own",
}
"""Group of arms -> the title of its table."""

TELLING = ("zero-shot", "dense", "hybrid", "synthetic", "bm25", "placebo")
RATIOS = (0.2, 0.5, 1.0, 1.5, 2.7)
"""The paper's figure of R goes from 0.2 to 2.7."""
TEMPERATURES = (0.02, 0.05, 0.1)
LEXICAL = 10.0
"""The weight of BM25's scores in `distil-bm25`: at τ = 0.05, half of a similarity of 1."""
EXPANSION: Mapping[str, Any] = {"eval.expansion": HALF, "eval.expansion_from": "written"}
"""Which queries count in the index of the arms that are `expanded`, and how much, whatever [eval] says."""
CAUSALNEG = 0.05
"""The weight of `balance` in CausalNeg."""

BASE: Mapping[str, Any] = {
    "mine.miners": ("dense",),
    "mix.strategy": "retrieved",
    "mix.file": None,
    "mix.weights": None,
    "mix.max_synthetic": None,
    "train.refresh": "none",
    "train.cross_encoder": None,
    "train.lexical": 0.0,
    "train.balance": 0.0,
}
"""What every trained arm begins with: mined negatives alone, and no lever that is an arm of its own."""


@dataclass(frozen=True)
class Arm:
    """One way to train (or not to), and what it is compared with."""

    name: str
    about: str
    tables: tuple[str, ...]
    rank: int
    """How telling it is, the lowest first."""
    control: str | None = "dense"
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Dotted key -> value, beside `BASE`."""
    needs: tuple[Need, ...] = ()
    """What has to be there, without which it is left out."""
    makes: Makes = "trained"
    of: str = ""
    """Of a soup: the arm whose seeds are averaged; of another one: that whose models it searches with."""
    shuffled: bool = False
    """Whether every pair has the synthetic negatives of another query's pair."""
    judged: bool = False
    """Whether what `verify` found out counts; for the other arms it does not."""

    @property
    def after(self) -> tuple[str, ...]:
        """The arms that it cannot be without."""
        return tuple(filter(None, (self.control, self.of)))


LLM: tuple[Need, ...] = ("synthetic",)
HYBRID: Mapping[str, Any] = {"mix.strategy": "hybrid"}


def built_in(negatives: int, sets: Iterable[str] = (), teacher: str | None = None) -> dict[str, Arm]:
    """Every arm there is but the soups, by name.

    Args:
        negatives: those of a training instance, as the project has them.
        sets: the names of further files of synthetic negatives, each by another prompt.
        teacher: the cross-encoder that the project names.
    """
    arms = (*_sources(), *_mixing(negatives), *_levers(teacher), *_indexed(), *_prompts(sets), *_sweeps())
    return {arm.name: arm for arm in arms}


def _trained(
    name: str, about: str, table: str, rank: int, settings: Mapping[str, Any], needs: tuple[Need, ...] = ()
) -> Arm:
    """An arm of one table that is compared with dense."""
    return Arm(name, about, (table,), rank, "dense", settings, needs)


def _sources() -> list[Arm]:
    """Negatives of one source, and the two that all others are compared with."""
    dense, hybrid = ("sources", "mixing", "prompts", "queries"), ("sources", "mixing")
    return [
        Arm("zero-shot", "the backbone as it is", ("sources",), 0, None, makes="backbone"),
        Arm("dense", "mined by the backbone itself", dense, 1, "zero-shot"),
        Arm("hybrid", "synthetic and mined in every instance", hybrid, 2, settings=HYBRID, needs=LLM),
        _trained("synthetic", "LLM-written alone", "sources", 3, {"mix.strategy": "synthetic"}, LLM),
        _trained("bm25", "mined by BM25", "sources", 6, {"mine.miners": ("bm25",)}),
        _trained("simans", "drawn near the positive's score", "sources", 10, {"mine.miners": ("simans",)}),
        _trained("ance", "mined again while training", "sources", 11, {"train.refresh": "ance"}),
        _trained("random", "drawn at random", "sources", 12, {"mine.miners": ("random",)}),
        _trained("adore", "the query side alone", "sources", 13, {"train.refresh": "adore"}),
    ]


def _mixing(k: int) -> list[Arm]:
    """How synthetic and mined negatives meet, k of them."""
    more, mixing = {"mix.negatives": k + 1}, ("mixing",)
    other = "hybrid, with the synthetic negatives of other queries"
    top = f"{k} mined kept, 1 synthetic on top, with balance"
    both = {**HYBRID, "mix.ratio": 1 / k} if k else {"mix.strategy": "synthetic"}  # 1 to k; to none at all
    added = {**both, **more, "train.balance": CAUSALNEG}
    mirror, own = {"mix.strategy": "mirror"}, (*LLM, "own queries")
    others: tuple[Need, ...] = (*LLM, "other queries")
    return [
        Arm("placebo", other, mixing, 4, "hybrid", HYBRID, others, shuffled=True),
        Arm("dense-more", f"dense, {k + 1} negatives", mixing, 5, settings=more),
        Arm("added", top, mixing, 5, "dense-more", added, LLM),
        Arm("direct", "one kind an instance", mixing, 7, "hybrid", {"mix.strategy": "direct"}, LLM),
        Arm("mirror", "synthetic texts with queries of their own", mixing, 8, "dense", mirror, own),
    ]


def _levers(teacher: str | None) -> list[Arm]:
    """What else the project has: written queries, verdicts, a cross-encoder."""
    beside, judged = "LLM-written queries beside the real ones", "hybrid, as verify leaves the pools"
    taught, levers = "dense, taught by the cross-encoder of [train]", ("levers",)
    by_words = "dense, taught by the backbone's similarities and BM25's scores"
    of_llm, by_teacher = {"queries.weight": 1.0}, {"train.cross_encoder": teacher}
    return [
        _trained("llm-queries", beside, "queries", 5, of_llm, ("written queries",)),
        Arm("hybrid-judged", judged, levers, 9, "hybrid", HYBRID, (*LLM, "verdicts"), judged=True),
        _trained("distil", taught, "levers", 9, by_teacher, ("teaching", "cross-encoder")),
        _trained("distil-bm25", by_words, "levers", 9, {"train.lexical": LEXICAL}, ("teaching",)),
    ]


def _indexed() -> list[Arm]:
    """Queries in the index: LLM-written ones, judged ones, and both. None of these arms trains a model."""
    written: tuple[Need, ...] = ("queries in the index",)
    judged: tuple[Need, ...] = ("judged queries",)
    by_llm, by_people = "LLM-written queries in its index", "judged training queries in its index"
    rest = "LLM-written ones for the other documents, too"
    of_people = {**EXPANSION, "eval.expansion_from": "judged"}
    of_both = {**EXPANSION, "eval.expansion_from": "both"}

    def untrained(
        name: str, about: str, control: str, settings: Mapping[str, Any], needs: tuple[Need, ...]
    ) -> Arm:
        return Arm(name, about, ("sources", "queries"), 4, control, settings, needs, makes="backbone")

    def of_dense(
        name: str, about: str, control: str, settings: Mapping[str, Any], needs: tuple[Need, ...]
    ) -> Arm:
        return Arm(name, about, ("queries",), 4, control, settings, needs, of="dense")

    both = (*judged, *written)
    return [
        untrained("zero-shot-expanded", f"the backbone, {by_llm}", "zero-shot", EXPANSION, written),
        of_dense("expanded", f"dense, {by_llm}", "dense", EXPANSION, written),
        untrained("zero-shot-judged", f"the backbone, {by_people}", "dense", of_people, judged),
        untrained("zero-shot-both", f"zero-shot-judged, {rest}", "zero-shot-judged", of_both, both),
        of_dense("dense-judged", f"dense, {by_people}", "dense", of_people, judged),
        of_dense("dense-both", f"dense-judged, {rest}", "dense-judged", of_both, both),
    ]


def _prompts(sets: Iterable[str]) -> list[Arm]:
    return [
        Arm(
            f"prompt-{name}",
            f"hybrid, with the synthetic negatives {name!r}",
            ("prompts",),
            14,
            "hybrid",
            {"mix.strategy": "hybrid", "generate.name": name},
            ("synthetic",),
        )
        for name in sets
    ]


def _sweeps() -> list[Arm]:
    found = [
        Arm(
            f"R-{ratio:g}",
            f"hybrid at R = {ratio:g}",
            ("sweep-R",),
            20,
            "dense",
            {"mix.strategy": "hybrid", "mix.ratio": ratio},
            ("synthetic",),
        )
        for ratio in RATIOS
    ]
    for tau in TEMPERATURES:
        at, name = {"train.temperature": tau}, f"tau-{tau:g}"
        control = f"dense-{name}"
        found.append(Arm(control, f"dense at τ = {tau:g}", ("sweep-tau",), 21, "dense", at))
        settings = {"mix.strategy": "hybrid", **at}
        about = f"hybrid at τ = {tau:g}"
        found.append(
            Arm(f"hybrid-{name}", about, ("sweep-tau",), 21, control, settings, needs=("synthetic",))
        )
    return found


def with_soups(arms: Mapping[str, Arm], primary: str) -> dict[str, Arm]:
    """The arms with the soup of the primary arm's seeds, and of its control's, as an average alone helps."""
    return {**arms, **{arm.name: arm for arm in _soups(primary, arms)}}


def _soups(primary: str, arms: Mapping[str, Arm]) -> list[Arm]:
    control = arms[primary].control if primary in arms else None
    known = {name for name, arm in arms.items() if arm.makes == "trained"}
    if control is None or not {primary, control} <= known:
        return []
    of_control = Arm(
        f"soup-{control}",
        f"the seeds of {control}, averaged",
        ("soups",),
        6,
        control,
        makes="soup",
        of=control,
    )
    about = f"the seeds of {primary}, averaged"
    return [
        of_control,
        Arm(f"soup-{primary}", about, ("soups",), 6, of_control.name, makes="soup", of=primary),
    ]


def chosen(names: Sequence[str], arms: Mapping[str, Arm], primary: str) -> tuple[list[Arm], list[str]]:
    """(the arms of these names and groups with what they need, the most telling first; what was added).

    The primary arm and zero-shot are always among them.

    Raises:
        UsageError: a name is none of an arm or a group.
    """
    wanted: dict[str, None] = {}
    for name in (primary, *names):
        group = arms if name == "all" else [arm.name for arm in arms.values() if name in arm.tables]
        if name not in arms and not group and name not in TABLES:
            known = [*arms, *TABLES, "all"]
            raise UsageError(
                f"There is no arm {name!r}.{did_you_mean(name, known)}",
                hint=f"Arms: {', '.join(arms)}. Groups: all, {', '.join(TABLES)}.",
            )
        wanted |= dict.fromkeys([name] if name in arms else group)
    asked = set(wanted)
    pending = list(wanted)
    while pending:
        for other in arms[pending.pop()].after:
            if other not in arms:
                raise UsageError(
                    f"The control {other!r} is no arm.{did_you_mean(other, list(arms))}",
                    hint=f"Arms: {', '.join(arms)}.",
                )
            if other not in wanted:
                wanted[other] = None
                pending.append(other)
    return in_order([arms[name] for name in wanted], primary), sorted(set(wanted) - asked)


def in_order(arms: Iterable[Arm], primary: str) -> list[Arm]:
    """The most telling first, the primary arm before all others; each after what it cannot be without."""
    here = {arm.name: arm for arm in arms}
    found: dict[str, Arm] = {}

    def add(arm: Arm, above: tuple[str, ...] = ()) -> None:
        if arm.name in above:
            raise UsageError(
                f"The controls go in a circle: {' -> '.join((*above, arm.name))}.",
                hint="Give one of them another control.",
            )
        for other in arm.after:
            if other in here and other not in found:
                add(here[other], (*above, arm.name))
        found[arm.name] = arm

    for arm in sorted(here.values(), key=lambda arm: (arm.name != primary, arm.rank)):
        if arm.name not in found:
            add(arm)
    return list(found.values())
