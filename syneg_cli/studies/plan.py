"""The plan of a study: what is compared with what, written down before anything runs.

What decides a result is in the plan, and its hash is in every row of results. What was measured to
forecast time is kept beside it, and is no part of the hash: another machine does not make another study.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from syneg_cli.core import MissingArtifact, content_hash, json_fault, parsed, whole_text, write_text
from syneg_cli.evaluation import Search
from syneg_cli.studies.arms import Makes
from syneg_cli.studies.budget import Rates, Spent

PLAN = "plan.json"
MOST_SHOWN = 3


@dataclass(frozen=True)
class ArmPlan:
    """An arm as it will be run; `settings` are all that decide its result."""

    name: str
    about: str
    tables: tuple[str, ...]
    control: str | None
    makes: Makes
    of: str
    shuffled: bool
    judged: bool
    sets: Mapping[str, Any]
    """Dotted key -> value: what it has otherwise than the project."""
    settings: Mapping[str, Any]
    spent: Spent
    unequal: tuple[str, ...] = ()
    """Where it is not given what its control is."""

    @property
    def after(self) -> tuple[str, ...]:
        """The arms that it is compared with, or made from."""
        return tuple(filter(None, (self.control, self.of)))

    @property
    def models(self) -> str:
        """The arm that makes the models which it is measured with: itself, or that whose it searches with."""
        return self.of if self.of and self.makes == "trained" else self.name


@dataclass(frozen=True)
class StudyPlan:
    """Everything that decides what a study finds."""

    name: str
    dataset: str
    backbone: str
    split: str
    metric: str
    inputs: Mapping[str, str]
    """Role -> content hash."""
    seeds: tuple[int, ...]
    grid: tuple[Mapping[str, Any], ...]
    """The settings that are tried on dev for every arm; empty: none are."""
    no_grid: str
    """Why nothing is tried on dev; "" where something is."""
    primary: str
    control: str
    """Of the primary arm."""
    alpha: float
    margin: float
    """A difference within it counts as none."""
    looks: tuple[tuple[int, float], ...]
    """Of a sequential study: (seeds done, largest p that decides) at each look."""
    unseen: tuple[str, ...]
    """The test queries none of whose documents was a positive in training."""
    queries: int
    arms: tuple[ArmPlan, ...]
    """In the order in which they run."""
    left_out: tuple[tuple[str, str], ...] = ()
    """(arm, what it lacks and what to do)."""
    dropped: tuple[str, ...] = ()
    """Arms that the budget has no time for."""
    budget: str | None = None
    written: int = 0
    """How many of the queries an LLM wrote."""

    @property
    def hash(self) -> str:
        return content_hash(_plain(self))[:16]

    @property
    def search(self) -> Search:
        """What all trained arms search with, beside their own vectors."""
        settings = [arm.settings.get("eval", {}) for arm in self.arms if arm.makes == "trained"]
        sources = {one.get("expansion_from", "written") for one in settings}

        def least(key: str) -> float:
            return min((float(one.get(key, 0.0)) for one in settings), default=0.0)

        alike = least("expansion") if len(sources) == 1 else 0.0
        return Search(alike, least("lexical"), sources.pop() if alike else "written")

    def arm(self, name: str) -> ArmPlan:
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def family(self) -> tuple[str, ...]:
        """The arms whose comparisons are corrected together: all that have a control."""
        return tuple(arm.name for arm in self.arms if arm.control)


@dataclass(frozen=True)
class Beside:
    """What was measured when the plan was frozen, and what follows from it for time and money."""

    rates: Rates
    seconds: Mapping[str, float]
    """Arm -> the forecast of all its runs."""
    deviation: float
    """Of the differences between two systems, over queries."""
    deviation_from: str
    detectable: Mapping[str, float]
    """Part of the queries -> the smallest difference that is seen with 80 % power at 5 %."""
    paid_usd: float | None = None
    """What the LLM data cost that the arms use; None: no price is known. Nothing more is asked for."""
    unpriced: bool = False
    pilots: Mapping[str, str] = field(default_factory=dict)
    """Set of synthetic negatives -> what `generate --pilot` said of it: "likely to help", ..."""
    command: str = ""
    """What froze it, where that was a command: the same one goes on."""


@dataclass(frozen=True)
class Frozen:
    """A plan as it is stored."""

    plan: StudyPlan
    beside: Beside

    def write(self, folder: Path) -> None:
        stored = {"hash": self.plan.hash, "plan": asdict(self.plan), "measured": asdict(self.beside)}
        write_text(folder / PLAN, json.dumps(stored, ensure_ascii=False, indent=1) + "\n")


def read_plan(folder: Path) -> Frozen | None:
    """The plan of a study; None where none was frozen.

    Raises:
        MissingArtifact: the file holds something else.
    """
    path = folder / PLAN
    if not path.is_file():
        return None
    hint = "`syneg study --force` makes a new plan, and keeps what is there beside it."
    try:
        stored = parsed(whole_text(path, MissingArtifact, hint=hint))[0]
        plan, beside = dict(stored["plan"]), dict(stored["measured"])
        plan["arms"] = tuple(_arm(arm) for arm in plan["arms"])
        for name in ("seeds", "unseen", "dropped", "grid"):
            plan[name] = tuple(plan[name])
        for name in ("looks", "left_out"):
            plan[name] = tuple(tuple(one) for one in plan[name])
        beside["rates"] = Rates(**beside["rates"])
        frozen, told = Frozen(StudyPlan(**plan), Beside(**beside)), stored["hash"]
    except (ValueError, RecursionError) as fault:
        raise MissingArtifact(f"{path} is no plan of a study: {json_fault(fault)}.", hint=hint) from None
    except (TypeError, LookupError, AttributeError):
        raise MissingArtifact(
            f"{path} is no plan of a study: other fields than study writes.", hint=hint
        ) from None
    if frozen.plan.hash != told:
        raise MissingArtifact(f"{path} was changed since it was frozen: its hash is another.", hint=hint)
    return frozen


def _arm(stored: Mapping[str, Any]) -> ArmPlan:
    lists = {name: tuple(stored[name]) for name in ("tables", "unequal")}
    return ArmPlan(**{**stored, **lists, "spent": Spent(**stored["spent"])})


def _plain(plan: StudyPlan) -> Any:
    """As JSON has it; plans without LLM-written queries are as before these were counted."""
    plain = json.loads(json.dumps(asdict(plan), ensure_ascii=False))
    return plain if plan.written else {key: value for key, value in plain.items() if key != "written"}


def differences(
    frozen: StudyPlan, now: StudyPlan, defaults: Mapping[str, Mapping[str, Any]] | None = None
) -> list[str]:
    """What is not as it was frozen, in words.

    Args:
        defaults: section -> its settings: what a plan of an earlier syneg does not have was so.
    """
    before, after, known = _by_name(_plain(frozen)), _by_name(_plain(now)), defaults or {}
    dotted = {f"{section}.{key}": value for section, one in known.items() for key, value in one.items()}
    for name, arm in before["arms"].items():
        for section, values in arm["settings"].items():
            arm["settings"][section] = {**known.get(section, {}), **values}
        sets = after["arms"].get(name, arm)["sets"]  # an arm may say of a new setting that it is off
        arm["sets"] |= {key: dotted[key] for key in sets.keys() & dotted.keys() - arm["sets"].keys()}
    return list(_changes(before, after, ""))


def _by_name(plan: dict[str, Any]) -> dict[str, Any]:
    return plan | {
        "arms": {arm["name"]: arm for arm in plan["arms"]},
        "left_out": dict(plan["left_out"]),
        "dropped": dict.fromkeys(plan["dropped"], "for lack of time"),
    }


def _changes(before: Any, after: Any, where: str) -> Iterator[str]:
    if before == after:
        return
    if not isinstance(before, dict) or not isinstance(after, dict):
        yield f"{where}: {_short(before)} -> {_short(after)}"
        return
    for key in (*before, *(key for key in after if key not in before)):
        place = f"{where} {key}".strip()
        if key not in before:
            yield f"{place} is new"
        elif key not in after:
            yield f"{place} is gone"
        else:
            yield from _changes(before[key], after[key], place)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def told(changes: list[str]) -> str:
    """The first differences, and how many more there are."""
    more = f"; and {len(changes) - MOST_SHOWN} more" if len(changes) > MOST_SHOWN else ""
    return "; ".join(changes[:MOST_SHOWN]) + more
