"""What ir_datasets shows and asks while it works, as syneg's progress.

By itself it logs and draws bars on stderr, and asks for passwords. Here its bars are lines of
syneg's progress, its explanations become notes, and a question is an error: nobody may be
there to answer it.
"""

from __future__ import annotations

import builtins
import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

from syneg_cli.core import Advance, Progress

BYTES, MEGABYTE = "B", 1_000_000
CHATTER = (
    "[starting]",
    "[finished]",
    "[error]",
    "download error",
    "Download failed",
    "Opening ",
    "extracted ",
    "consider adding ",
)
"""How messages begin that say no more than the bars and the final error."""


class Asked(RuntimeError):
    """ir_datasets wants an answer from the keyboard."""


class IrdsProgress:
    """While it is open, ir_datasets reports to `progress`; `said` holds its explanations."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.said: list[str] = []
        self.busy = False
        self._package: Any = None
        self._undo = ExitStack()

    def __enter__(self) -> IrdsProgress:
        self._replace(builtins, "input", _refuse)
        return self

    def __exit__(self, *raised: Any) -> None:
        self._undo.close()

    def listen(self, package: Any) -> None:
        """Take over the package's log and bars."""
        self._package = package
        self._replace(package.lazy_libs, "tqdm", lambda: SimpleNamespace(tqdm=self._bar))
        logger = package.log.easy().logger()
        self._replace(logger, "handlers", [_Listener(self)])

    def count(self, name: str) -> int | None:
        """How many documents a data set is known to have."""
        count = self._package.util.count_hint(name)()
        return count if isinstance(count, int) else None

    def watch(self, items: Iterable[Any], description: str, total: int | None) -> Iterable[Any]:
        """The items, counted on a progress line."""
        return Bar(self, items, desc=description, total=total, unit="docs")

    def _bar(self, *arguments: Any, **options: Any) -> Bar:
        return Bar(self, *arguments, **options)

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        self._undo.callback(setattr, owner, name, getattr(owner, name))
        setattr(owner, name, value)


class Bar:
    """Does for ir_datasets what a bar of tqdm does, on a line of syneg's progress.

    The line is opened by the first step, and only where no other is open: reading documents
    begins with a download, which has a bar of its own.
    """

    def __init__(
        self,
        to: IrdsProgress,
        items: Iterable[Any] | None = None,
        desc: str | None = None,
        total: float | None = None,
        *,
        unit: str = "",
        **_: Any,
    ) -> None:
        self.n = 0
        self.bar_format = ""
        self._to, self._items = to, () if items is None else items
        self._shown = 0
        self._size = MEGABYTE if unit == BYTES else 1
        self._line = (
            desc or "ir_datasets",
            None if total is None else int(-(-total // self._size)),
            "MB" if unit == BYTES else unit,
        )
        self._advance: Advance | None = None
        self._open = ExitStack()

    def __iter__(self) -> Iterator[Any]:
        with self:
            for item in self._items:
                self.update()
                yield item

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._open.__exit__(*raised)

    def update(self, n: int = 1) -> None:
        """Count n more: documents, or bytes of a download."""
        self.n += n
        if self._advance is None and not self._to.busy:
            self._advance = self._open.enter_context(self._to.progress.task(*self._line))
            self._to.busy = True
            self._open.callback(setattr, self._to, "busy", False)
        if self._advance is not None:
            done = self.n // self._size
            self._advance(done - self._shown)
            self._shown = done


class _Listener(logging.Handler):
    """Passes on what explains something, once: licences, instructions, deprecated names."""

    def __init__(self, to: IrdsProgress) -> None:
        super().__init__()
        self._to = to

    def emit(self, record: logging.LogRecord) -> None:
        message = " ".join(record.getMessage().split())
        if not message.startswith(CHATTER) and message not in self._to.said:
            self._to.said.append(message)
            self._to.progress.note(message)


def _refuse(prompt: object = "", /) -> str:
    raise Asked(str(prompt).strip().rstrip(":"))
