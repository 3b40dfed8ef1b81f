"""What `syneg prompts list` shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from syneg_cli.cli.render.fitting import Column, Fitted


def prompts(rows: Sequence[Mapping[str, Any]], broken: Collection[str]) -> Any:
    """A row for each prompt. What is wrong with the broken ones takes lines of its own."""
    cells = [
        (
            row["name"],
            "broken" if row["asks for"] in broken else row["asks for"],
            ", ".join(row["variables"]),
            _from_here(Path(row["file"])),
        )
        for row in rows
    ]
    columns = (
        Column("name"),
        Column("asks for"),
        Column("variables", least=20, spare=1),
        Column("file", least=20, at_start=True),
    )
    return Fitted(columns, cells)


def _from_here(file: Path) -> str:
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
