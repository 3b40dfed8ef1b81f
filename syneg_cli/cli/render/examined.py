"""What `syneg doctor` shows: a line for each check, what to do below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from syneg_cli.core import Check, visible

COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


def examined(checks: Sequence[Check]) -> list[Any]:
    shown: list[Any] = []
    for check in checks:
        state = (f"{check.state:<8}", COLOURS[check.state])
        shown.append(Text.assemble(state, " ", (check.name, "bold"), visible(f": {check.said}")))
        if check.remedy:
            shown.append(Text(visible(f"         {check.remedy}")))
    count = {state: sum(check.state == state for check in checks) for state in COLOURS}
    problems, warnings = (
        "1 problem" if count["problem"] == 1 else f"{count['problem']} problems",
        "1 warning" if count["warning"] == 1 else f"{count['warning']} warnings",
    )
    return [*shown, f"{problems}, {warnings}"]
