"""What each stage shows when it is done, and where all of them stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from syneg_cli.cli.render.fitting import Column, Fitted
from syneg_cli.cli.render.generated import generated, mirrored
from syneg_cli.cli.render.mined import mined
from syneg_cli.cli.render.mixed import mixed
from syneg_cli.cli.render.trained import trained
from syneg_cli.core import duration, money, near
from syneg_cli.data import Dataset
from syneg_cli.stages import Performed, State

TABLES: dict[str, Callable[[Performed, Dataset], tuple[Any, ...]]] = {
    "generate": lambda done, dataset: generated(done.record, done.seconds),
    "mirror-queries": lambda done, dataset: mirrored(done.record),
    "mine": lambda done, dataset: mined(dataset, done.record),
    "mix": lambda done, dataset: mixed(done.record),
    "train": lambda done, dataset: trained(done.record),
}
"""Stage -> its tables; evaluations are shown together."""


def tables(done: Performed, dataset: Dataset) -> tuple[Any, ...]:
    """What a stage made; nothing where it was up to date."""
    make = TABLES.get(done.stage)
    return make(done, dataset) if make and not done.skipped else ()


def states(found: Sequence[State], dataset: str, work_dir: Path) -> tuple[Any, ...]:
    rows = [
        [
            one.label,
            one.state,
            one.brief or one.detail,
            one.created[5:] or "-",  # without the year, so that the table fits 80 columns
            "-" if one.seconds is None else duration(one.seconds),
            ("-" if one.price_known else "unknown") if one.cost is None else money(one.cost),
        ]
        for one in found
    ]
    columns = (
        Column("stage"),
        Column("state"),
        Column("detail", least=24),
        Column("made", spare=2),
        Column("took", spare=3),
        Column("cost", spare=1),
    )
    paid = [one.cost for one in found if one.cost]
    unknown = not all(one.price_known for one in found)
    least = "at least " if unknown else ""
    together = [f"{least}{money(sum(paid))} together"] if paid and len(paid) + unknown > 1 else []
    title = f"{dataset} in {near(work_dir)}"
    lost = [f"{money(one.lost)} of {one.label}" for one in found if one.lost and one.cost]
    never = "For answers that never came, counted at the most they can have cost"
    told = [*together, *([f"{never}: {', '.join(lost)}."] if lost else [])]
    told += [f"What {one.label} cost stands with {one.counted_with}." for one in found if one.counted_with]
    return title, Fitted(columns, rows, right=lambda column: False), *told
