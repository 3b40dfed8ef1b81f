"""Which arms a study can have here: built-in ones, the user's own, and those that lack something."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    MissingArtifact,
    SynegError,
    SyntheticNegative,
    UsageError,
    did_you_mean,
    names_beside,
    read_synthetic,
)
from syneg_cli.data import Dataset
from syneg_cli.evaluation import NO_SHARE, Search, judged_pairs
from syneg_cli.mixing import check_strategy, own_queries, read_mirror
from syneg_cli.stages.expanding import need_share
from syneg_cli.stages.project import Resolved, changed
from syneg_cli.stages.session import Session
from syneg_cli.studies import (
    BASE,
    TABLES,
    Arm,
    Makes,
    Need,
    OwnArm,
    built_in,
    can_be_shuffled,
    chosen,
    with_soups,
)

OWN_RANK = 5
FREE = ("mine.", "mix.", "train.")
"""What an arm may set: what is trained, and on which negatives; not what it is measured on."""

GROUPS = ("all", *TABLES)

ALSO_FREE = ("queries.weight", "generate.name", "eval.expansion", "eval.expansion_from", "eval.lexical")
TAKEN = ("mix.name", "train.output", "train.kind", "train.seed", "mix.seed", "mine.trust_remote_code")
"""What the study sets itself, or has one of for all arms."""


@dataclass(frozen=True)
class Arms:
    """The arms of a study, in their order, and why others are not among them."""

    runs: tuple[Arm, ...]
    left_out: tuple[tuple[str, str], ...]
    added: tuple[str, ...]
    """Controls and sources that nobody named, and that others are compared with."""


def arms_of(session: Session, dataset: Dataset) -> Arms:
    """The arms that the settings name, with their controls.

    Raises:
        UsageError: a name or a setting of an arm is wrong.
        MissingArtifact: the primary arm, or its control, lacks something.
    """
    section = session.project.study
    project = session.project
    known = built_in(project.mix.negatives, _sets(session, dataset), project.train.cross_encoder)
    own = _own(session, known)
    known |= own
    if section.primary in known and known[section.primary].control is None:
        raise UsageError(
            f"The primary arm {section.primary} is compared with nothing.",
            hint="Name an arm that has a control with --primary.",
        )
    known = with_soups(known, section.primary)
    for name in own:
        if known[name] is not own[name]:
            raise _taken(name, "arm")
    wanted, added = chosen(section.arms, known, section.primary)
    left_out: dict[str, str] = {}
    for arm in wanted:
        why = next((why for need in arm.needs if (why := _lacking(session, dataset, need, arm))), "")
        if without := [other for other in arm.after if other in left_out]:
            why = why or f"without {without[0]} there is nothing to compare it with"
        if why:
            left_out[arm.name] = why
    if section.primary in left_out:
        raise MissingArtifact(
            f"The primary arm {section.primary} cannot run: {left_out[section.primary]}.",
            hint="Do that first, or name another arm with --primary"
            f"{_for_instance(section.arms, known, left_out)}.",
        )
    runs = tuple(arm for arm in wanted if arm.name not in left_out)
    return Arms(runs, tuple(left_out.items()), tuple(name for name in added if name not in left_out))


def _for_instance(names: Iterable[str], known: Mapping[str, Arm], left_out: Mapping[str, str]) -> str:
    """What `--primary` could name, of the arms that are asked for by name; "" where none can be it."""
    fit = (name for name in names if name in known and name not in left_out and known[name].control)
    return "".join(f", as in --primary {name}" for name in [*fit][:1])


def sets_of(arm: Arm, dataset: Dataset) -> dict[str, Any]:
    """Everything that an arm has otherwise than the project: LLM-written queries have an arm of their own."""
    written = {"queries.weight": 0.0} if dataset.judgements.get("train") else {}
    return dict(arm.settings) if arm.makes == "backbone" else {**BASE, **written, **arm.settings}


def _sets(session: Session, dataset: Dataset) -> list[str]:
    """Further files of synthetic negatives, beside the one that all arms read."""
    own = session.project.generate.name
    names = names_beside(session.workspace(dataset).synthetic("x"))
    return [name for name in names if name != own and ".mirror" not in name and ".shard-" not in name]


def _own(session: Session, known: Mapping[str, Arm]) -> dict[str, Arm]:
    """The arms of [study.define].

    Raises:
        UsageError: one has a built-in arm's name, or sets what no arm may.
    """
    made = {}
    for name, own in (session.project.study.define or {}).items():
        where = f"[study.define.{name}]"
        if name in known or name in GROUPS:
            raise _taken(name, "arm" if name in known else "group of arms")
        search = _checked(session, where, own).project.eval.search
        if "eval.expansion_from" in own.set and not search.expansion:
            raise UsageError(
                f"{where}: eval.{NO_SHARE}",
                hint='Set it, too: "eval.expansion" = 0.5.',
            )
        about, needs = own.description or "an arm of yours", _needs(own, search)
        alike = bool(own.set) and not _training(own)  # but for the search
        of = "dense" if alike and own.trained else ""
        makes: Makes = "trained" if own.trained else "backbone"
        made[name] = Arm(name, about, ("own",), OWN_RANK, own.control, own.set, needs, makes, of)
    if not any("eval.expansion" in arm.settings for arm in made.values()):
        need_share(session)  # the arms that are built in say themselves which
    return made


def _training(own: OwnArm) -> list[str]:
    """The settings of it that are not of the search."""
    return [key for key in own.set if not key.startswith("eval.")]


def _taken(name: str, what: str) -> UsageError:
    return UsageError(f"[study.define.{name}]: {name} is a built-in {what}.", hint="Give yours another name.")


def _needs(own: OwnArm, search: Search) -> tuple[Need, ...]:
    """What an arm of the user's own reads, and searches with."""
    strategy = check_strategy(str(own.set.get("mix.strategy", BASE["mix.strategy"])))
    wanted: list[Need] = ["synthetic"] if strategy.reads(1)[0] else []
    if strategy.mirrors:
        wanted.append("own queries")
    if own.set.get("queries.weight"):
        wanted.append("written queries")
    if own.set.get("train.lexical") or own.set.get("train.cross_encoder"):
        wanted.append("teaching")
    if search.reads_written:
        wanted.append("queries in the index")
    if search.knows_judged:
        wanted.append("judged queries")
    return tuple(wanted)


def _checked(session: Session, where: str, own: OwnArm) -> Resolved:
    """The project as the arm has it; raises UsageError where it sets what no arm may."""
    if not own.trained and (key := next(iter(_training(own)), None)):
        raise UsageError(
            f"{where}: trained = false is the backbone as it is, and {key} is of training.",
            hint="Leave one of them out.",
        )
    for key in own.set:
        if key in TAKEN or not (key.startswith(FREE) or key in ALSO_FREE):
            raise UsageError(
                f"{where}: an arm cannot set {key}.{did_you_mean(key, [*ALSO_FREE])}",
                hint="It sets what is mined, mixed, trained and in the index; what it is measured on, seeds "
                "and names are the study's.",
            )
    return changed(session.resolved, own.set, where)


def _lacking(session: Session, dataset: Dataset, need: str, arm: Arm) -> str:
    """What is missing, and what to do; "" where it is there."""
    name = str(arm.settings.get("generate.name", session.project.generate.name))
    path, work = session.workspace(dataset).synthetic(name), session.workspace(dataset)
    if need == "synthetic" and not path.is_file():
        return f"there are no synthetic negatives {name!r}: run `syneg generate`"
    if need == "other queries" and not can_be_shuffled(_usable(dataset, path)):
        return (
            "one query has more than half of the pairs with synthetic negatives, and is to get those of "
            "others: run `syneg generate` for more queries"
        )
    if need == "own queries" and not _has_own_queries(session, dataset, name):
        return (
            "the synthetic negatives have no queries of their own: generate with `--prompt mirror`, or "
            "name a file of them, mirror in [mix]"
        )
    if need == "written queries":
        if not dataset.judgements.get("train"):
            return "all training queries are an LLM's here, in every arm"
        if not os.path.lexists(work.queries(session.project.queries.name)):
            return "there are no LLM-written queries: run `syneg queries`"
    if need == "queries in the index" and not work.queries(session.project.queries.name).is_file():
        source = arm.settings.get("eval.expansion_from", session.project.eval.expansion_from)
        return f"there are no LLM-written queries: run `syneg queries{' --judged' * (source == 'written')}`"
    if need == "judged queries":
        pairs, asked = judged_pairs(dataset, split := session.project.eval.split)
        but = f" that is not asked in {split}, too" if asked else ""
        if not pairs:
            return f"people judged no training query{but}, so there is none for the index"
    if need == "verdicts" and not work.verified(path).is_file():
        return "nothing was verified: run `syneg verify`"
    if need == "teaching" and not arm.settings.get("train.distil", session.project.train.distil):
        return "distil = 0 in [train]: no teacher would count"
    if need == "cross-encoder" and not session.project.train.cross_encoder:
        return "no cross-encoder teaches: name one, cross_encoder in [train]"
    return ""


def _usable(dataset: Dataset, path: Path) -> list[SyntheticNegative]:
    """The synthetic negatives that a mix may draw from."""
    return [one for one in read_synthetic(path, known=dataset.known) if one.status == "ok"]


def _has_own_queries(session: Session, dataset: Dataset, name: str) -> bool:
    path, mirror = session.workspace(dataset).synthetic(name), session.project.mix.mirror
    if not path.is_file():
        return False
    try:
        given = read_mirror(session.given(mirror)) if mirror else []
        return bool(own_queries(read_synthetic(path, known=dataset.known), given))
    except SynegError:
        return False
