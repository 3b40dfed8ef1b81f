"""How long a study's runs took: each stage when it ran, however many arms and seeds read what it made."""

from __future__ import annotations

import math
from pathlib import Path

from syneg_cli.core import MissingArtifact, read_jsonl
from syneg_cli.studies.results import TIMES

NO_TABLE = "Delete it: no table is made from it."


def read_times(folder: Path) -> dict[str, float]:
    """Arm -> the seconds of all stages that ran for it; what was there already took none.

    With those of earlier plans of this name that were put aside: what they made is read still.

    Raises:
        MissingArtifact: a file holds something else.
    """
    found: dict[str, float] = {}
    for path in (folder / TIMES, *sorted(folder.glob(f"before-*/{TIMES}"))):
        for number, row in enumerate(read_jsonl(path, hint=NO_TABLE) if path.is_file() else (), start=1):
            arm, seconds = row.get("arm"), _time(row.get("seconds"))
            if not isinstance(arm, str) or seconds is None:
                raise MissingArtifact(f"{path}, row {number}: other fields than study writes.", hint=NO_TABLE)
            found[arm] = found.get(arm, 0.0) + seconds
    return found


def _time(value: object) -> float | None:
    """A duration; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < math.inf else None
