"""What an import read, cut, merged and left out, and why: nothing of it in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from syneg_cli.data.decoding import Lines, decoded_lines


class LeftOut(NamedTuple):
    """A file, row or link that is not in the corpus, and why."""

    file: str
    why: str


class Decoded(NamedTuple):
    """A file that is not in UTF-8, and what it was read as; a guess, if no byte order mark says so."""

    file: str
    encoding: str


@dataclass
class Tally:
    """Counts of one import; `left_out` and `decoded` are in reading order."""

    source: str = ""
    read: int = 0
    """Documents."""
    cut: int = 0
    """Of these, the ones that became several passages."""
    passages: int = 0
    merged: int = 0
    """Passages that were the same as an earlier one."""
    titles_shortened: int = 0
    counted_by: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    """Of a table: id, title and text -> column."""
    guessed: list[str] = field(default_factory=list)
    """Which of these nobody named."""
    decoded: list[Decoded] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    passed_over: int = 0
    """Hidden files and folders, and those of tools, that were not looked into."""
    queries: int = 0
    judgements: dict[str, int] = field(default_factory=dict)
    """Split -> judgements that were written."""
    unmapped: dict[str, int] = field(default_factory=dict)
    """Split -> judgements of documents that were cut, and are not written."""
    spread: dict[str, int] = field(default_factory=dict)
    """Split -> judgements of documents that were cut, and are written for each of their passages."""

    def leave_out(self, file: str, why: str) -> None:
        self.left_out.append(LeftOut(file, why))

    def read_as(self, file: str, encoding: str) -> None:
        if Decoded(file, encoding) not in self.decoded:  # a file with a fault is read twice
            self.decoded.append(Decoded(file, encoding))

    def lines(self, encoding: str | None) -> Lines:
        """Reads lines of files that need not be in UTF-8, and is told what they are read as."""
        return lambda path: decoded_lines(path, encoding, self.read_as)

    def as_json(self) -> dict[str, Any]:
        named = {name: [one._asdict() for one in getattr(self, name)] for name in ("left_out", "decoded")}
        return asdict(self) | named

    @classmethod
    def of(cls, counts: Mapping[str, Any]) -> Tally:
        """From what `as_json` gave, as a manifest keeps it."""
        known = {name: counts[name] for name in cls.__dataclass_fields__ if name in counts}
        known["left_out"] = [LeftOut(**one) for one in known.get("left_out", ())]
        known["decoded"] = [Decoded(**one) for one in known.get("decoded", ())]
        return cls(**known)
