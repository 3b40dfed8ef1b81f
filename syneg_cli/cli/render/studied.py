"""What `syneg study` shows: the plan before it, and the tables after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from syneg_cli.cli.render.fitting import Column, Fitted
from syneg_cli.cli.render.pictures import Intervals
from syneg_cli.core import counted, duration, money, near
from syneg_cli.evaluation import METRICS, as_data
from syneg_cli.studies import (
    FORMATS,
    SAID,
    ArmPlan,
    Frozen,
    Line,
    Study,
    StudyPlan,
    StudyTable,
    answer,
    answers,
    cells,
    heading,
    limits,
    remarks,
    shown_tables,
)

BYTES = 1e9
ALL = "tables.md"
"""The file that has every column of the tables."""


def planned(frozen: Frozen) -> tuple[dict[str, Any], list[Any]]:
    """The plan as one object, and as a table with what it rests on."""
    plan, beside = frozen.plan, frozen.beside
    rows = [
        [
            arm.name,
            arm.about,
            arm.control or "–",
            *_spent(arm),
            duration(beside.seconds[arm.name]),
        ]
        for arm in plan.arms
    ]
    columns = [
        Column("arm"),
        Column("what", least=16, spare=1),
        Column("control"),
        Column("steps", spare=3),
        Column("texts/step", spare=4),
        Column("negatives", spare=2),
        Column("time"),
    ]
    data = {
        "hash": plan.hash,
        "plan": asdict(plan),
        "seconds": sum(beside.seconds.values()),
        "seconds_by_arm": dict(beside.seconds),
        "detectable": dict(beside.detectable),
        "paid_usd": None if beside.unpriced else beside.paid_usd,
    }
    return data, [
        f"Study {plan.name}, plan {plan.hash}: {heading(plan)}",
        Fitted(columns, rows, right=lambda name: name in ("steps", "texts/step", "negatives", "time")),
        *_basis(frozen),
    ]


def _spent(arm: ArmPlan) -> list[str]:
    if arm.makes != "trained":
        return ["–"] * 3
    return [str(arm.spent.steps), f"{arm.spent.texts:.4g}", f"{arm.spent.negatives:.3g}"]


def _basis(frozen: Frozen) -> list[str]:
    """What the plan rests on, a sentence each."""
    plan, beside = frozen.plan, frozen.beside
    label = METRICS[plan.metric].label
    parts = ", ".join(f"{SAID[part]} {value:.3f}" for part, value in beside.detectable.items())
    models = sum(len(plan.seeds) for arm in plan.arms if arm.makes == "trained" and arm.models == arm.name)
    paid = "of unknown price" if beside.unpriced else f"that cost {money(beside.paid_usd)}"
    used = f" LLM data {paid} are used." if beside.unpriced or beside.paid_usd else ""
    told = [
        f"Primary comparison: {plan.primary} against {plan.control}.",
        f"Detectable difference in {label}, of the queries alone, uncorrected: {parts} "
        f"(per-query SD {beside.deviation:.3f}, {beside.deviation_from}). What seeds vary comes on top, "
        "most of all with two or three of them.",
        f"Forecast: {duration(sum(beside.seconds.values()))} on this machine, mining not counted; "
        f"{models * beside.rates.model_bytes / BYTES:.1f} GB of models. "
        f"No LLM is asked.{used}",
    ]
    if plan.grid:
        tried = counted(len(plan.grid), "setting")
        told.append(f"Chosen on dev, for every arm alike: the best of {tried}.")
    return [*told, *limits(plan)]


def studied(study: Study) -> tuple[dict[str, Any], list[Any]]:
    """The results as one object, and as tables."""
    plan, lines = study.plan, study.lines
    shown: list[Any] = [f"Study {plan.name}, plan {plan.hash}: {heading(plan)}"]
    for each in shown_tables(plan, lines):
        for part in each.parts:
            queries = each.lines[0].parts[part].queries
            shown += [f"{each.title}: {SAID[part]} ({queries})", _table(each, part)]
    shown += [_picture(plan, lines, part) for part in ("all", "unseen")]
    files = [study.folder / name for name in FORMATS]
    shown += [
        *answers(plan, lines),
        *map(str, study.outcomes),
        *remarks(plan, lines),
        "\n".join(near(file) for file in files),
    ]
    data = {
        "hash": plan.hash,
        "plan": asdict(plan),
        "folder": str(study.folder),
        "files": [str(file) for file in files],
        "answer": answer(plan, lines),
        "remarks": remarks(plan, lines),
        "pilots": [asdict(one) for one in study.outcomes],
        "arms": [_as_data(line) for line in lines],
    }
    return data, shown


def _table(each: StudyTable, part: str) -> Fitted:
    """One table on one part of the queries; narrow, it keeps what is compared with what, and the verdict."""
    rows = [list(cells(line, line.parts[part])) for line in each.lines]
    columns = [
        Column("arm"),
        Column("seeds", spare=6),
        Column("mean", spare=1),
        Column("SD", spare=5),
        Column("against"),
        Column("difference"),
        Column("95 % interval", spare=2),
        Column("p", spare=4),
        Column("p (Holm)", spare=3),
        Column("verdict"),
    ]
    return Fitted(columns, rows, right=lambda name: name not in ("arm", "against", "verdict"), all_in=ALL)


def _picture(plan: StudyPlan, lines: Sequence[Line], part: str) -> Intervals:
    """Every arm against its control on one part of the queries; the arms of a sweep are its curve."""
    rows = [
        (line.arm.name, found.low, found.difference, found.high)
        for line in lines
        if part in line.parts and (found := line.parts[part].against)
    ]
    label = METRICS[plan.metric].label
    return Intervals(f"{label} less the control's, with its 95 % interval: {SAID[part]}", rows)


def _as_data(line: Line) -> dict[str, Any]:
    return {
        "arm": line.arm.name,
        "control": line.arm.control,
        "seeds": line.seeds,
        "stopped": line.stopped,
        "parts": {
            name: {
                "queries": part.queries,
                "mean": part.mean,
                "sd": part.sd,
                "comparison": {**as_data(part.against), "verdict": part.verdict} if part.against else None,
            }
            for name, part in line.parts.items()
        },
    }
