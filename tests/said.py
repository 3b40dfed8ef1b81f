"""A progress that keeps what it is told."""

from __future__ import annotations

from syneg_cli.core import NoProgress


class Said(NoProgress):
    """What was said, in order."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def warn(self, message: str) -> None:
        self.warnings.append(message)
