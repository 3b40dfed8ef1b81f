"""What people read of the library is in Python's words: keyword arguments for flags, calls for commands."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

from syneg_cli.core import Advance, Progress, SynegError, UsageError

F = TypeVar("F", bound=Callable[..., Any])
FUNCTIONS = ("generate", "mine", "verify", "mix", "train", "study")
"""The commands that are functions of the same name."""

WORDS = (
    (re.compile(r"`syneg study --force`"), "`study(..., force=True)`"),
    (
        re.compile(r"(no synthetic negatives '[^']*'): run `syneg generate`"),
        r"\1: give study what generate gave",
    ),
    (re.compile(r"(no LLM-written queries): run `syneg queries`"), r"\1: give study(queries=...) some"),
    (re.compile(r"`syneg generate --pilot[^`]*`"), "`pilot(...)`"),
    (re.compile(rf"`syneg ({'|'.join(FUNCTIONS)})\b[^`]*`"), r"`\1(...)`"),
    (re.compile(r"`syneg queries\b[^`]*`"), "`write_queries(...)`"),
    (re.compile(r"--synthetic-queries (\d[\d.]*\d|\d)"), r"with_queries(..., weight=\1)"),
    (re.compile(r"`([a-z_]+) = ([^`]+)` in \[\w+\]"), r"`\1=\2`"),
    (re.compile(r" in \[[a-z]+\]"), ""),
    (re.compile(r"`--([a-z-]+) ([^`]+)`"), lambda found: f'`{_keyword(found[1])}="{found[2]}"`'),
    (re.compile(r"(?<![\w-])--([a-z][a-z-]*[a-z]) (\d[\d.]*\d|\d)"), lambda f: f"{_keyword(f[1])}={f[2]}"),
    (re.compile(r"(?<![\w-])--([a-z][a-z-]*[a-z])"), lambda found: _keyword(found[1])),
)
"""Patterns of what the command line says -> what Python says."""


def in_python(text: str) -> str:
    """A message of the command line in Python's words: `--max-cost` is max_cost."""
    for pattern, words in WORDS:
        text = pattern.sub(cast(Any, words), text)
    return text


def _keyword(flag: str) -> str:
    return flag.replace("-", "_")


class Spoken:
    """A `Progress` that is told everything in Python's words."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "") -> Iterator[Advance]:
        with self.progress.task(description, total, unit) as advance:
            yield advance

    def note(self, message: str) -> None:
        self.progress.note(in_python(message))

    def warn(self, message: str) -> None:
        self.progress.warn(in_python(message))


def step(function: F) -> F:
    """A function of the library: what all of them take is checked, and what they say is Python's."""

    @wraps(function)
    def spoken(*args: Any, **given: Any) -> Any:
        try:
            for name in ("work_dir", "data_dir"):
                if given.get(name) is not None or (name in given and name == "work_dir"):
                    need_path(name, given[name])
            if given.get("progress") is not None:
                need_progress(given["progress"])
                given["progress"] = Spoken(given["progress"])
            return function(*args, **given)
        except SynegError as error:
            error.message = in_python(error.message)
            error.hint = in_python(error.hint) if error.hint else error.hint
            error.args = (error.message,)
            raise

    return cast(F, spoken)


def need_path(name: str, value: object) -> None:
    """Raises UsageError where something is no path, or an empty one."""
    if not isinstance(value, (str, os.PathLike)) or not str(value):
        raise UsageError(f"{name}: {value!r} is no path.", hint="Give a folder, as text or as a Path.")


def need_progress(value: object) -> None:
    """Raises UsageError where something cannot be told how far things are."""
    if not all(callable(getattr(value, name, None)) for name in ("task", "note", "warn")):
        raise UsageError(f"progress: {value!r} has no task, note and warn.", hint="Give syneg.Printed().")
