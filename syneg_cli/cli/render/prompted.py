"""What `syneg prompts list` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from syneg_cli.cli.render.fitting import Column, Fitted
from syneg_cli.core import near


def prompts(rows: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    """A row for each prompt. What is wrong with the broken ones takes lines of its own."""
    cells = [
        (row["name"], row["asks_for"] or "broken", ", ".join(row["variables"]), near(Path(row["file"])))
        for row in rows
    ]
    columns = (
        Column("name"),
        Column("asks for"),
        Column("variables", least=20, spare=1),
        Column("file", least=20, at_start=True),
    )
    return Fitted(columns, cells), *(row["error"] for row in rows if row["error"])
