"""Templates with an end: no prompt takes days, or gigabytes, whatever loops and texts it makes.

What a template does is counted while it is rendered: a turn of a loop with the text in it, a call, and
every text that is made. Filters, methods and operators that could make much of little are looked at before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2.runtime import Context
    from jinja2.sandbox import SandboxedEnvironment

LARGE = 10_000
"""The largest number that a template may multiply by, or give to a filter or a method."""

WORK = 5_000_000
"""Characters and steps: no prompt is as long."""

STEP, CALL = 5, 100
"""What a turn or a filter counts, and what a call does, in characters: about as long as they take."""

GROWING = ("replace", "join", "indent", "wordwrap")
"""Filters and methods that put one text into another, as often as that has places."""

TURNS, MADE = "turns of a loop", "a part of a text"
"""Filters of our own, under names that no template can use."""

WIDTH = re.compile(r"[0-9]{6}")
"""A width in a format that would make a text of it."""

_left: ContextVar[list[int] | None] = ContextVar("left", default=None)


class TooMuch(Exception):
    """A template does more than any prompt needs."""

    def __init__(self) -> None:
        super().__init__(
            f"it takes more than {WORK:,} characters and steps, as loops in loops and texts that double do"
        )


@contextmanager
def bounded() -> Iterator[None]:
    """Renders within have `WORK` together."""
    token = _left.set([WORK])
    try:
        yield
    finally:
        _left.reset(token)


def _spend(work: int) -> None:
    left = _left.get()
    if left is None:  # while a template is compiled
        return
    left[0] -= work
    if left[0] < 0:
        raise TooMuch


@lru_cache(maxsize=1)
def environment() -> SandboxedEnvironment:
    """Where prompts are compiled: in a sandbox, where an undefined variable is an error."""
    from jinja2 import StrictUndefined, nodes
    from jinja2.sandbox import SandboxedEnvironment

    class Bounded(SandboxedEnvironment):
        intercepted_binops = frozenset(("*", "**", "+", "%"))

        def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
            numbers = [value for value in (left, right) if isinstance(value, (int, float))]
            if operator in ("*", "**") and (len(numbers) < 2 or max(map(abs, numbers)) > LARGE):
                raise ValueError(f"{operator} is for numbers up to {LARGE}")
            if operator == "%" and isinstance(left, str):
                _check_format(left, (right,))
            return _made(super().call_binop(context, operator, left, right))

        def call(__self, __context: Context, __obj: Any, *given: Any, **named: Any) -> Any:  # noqa: N805
            """As the base class has it: the names are those that a template may give, too."""
            owner = getattr(__obj, "__self__", None)
            _spend(CALL)
            if isinstance(owner, (str, bytes, list, tuple, dict, int)):
                _check(__obj.__name__, (owner, *given, *named.values()))
            return _made(super().call(__context, __obj, *given, **named))

        def getattr(self, obj: Any, attribute: str) -> Any:
            if isinstance(obj, str) and attribute in ("format", "format_map"):
                _check_format(obj, ())
            return super().getattr(obj, attribute)

        def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
            tree = super()._parse(source, name, filename)
            for loop in tree.find_all(nodes.For):
                turn = STEP + sum(len(text.data) for text in loop.find_all(nodes.TemplateData))
                cost = nodes.Const(turn, lineno=loop.lineno)
                loop.iter = nodes.Filter(loop.iter, TURNS, [cost], [], None, None, lineno=loop.lineno)
            for joined in tree.find_all(nodes.Concat):
                joined.nodes = [
                    nodes.Filter(part, MADE, [], [], None, None, lineno=part.lineno) for part in joined.nodes
                ]
            return tree

    made = Bounded(undefined=StrictUndefined, autoescape=False, finalize=_made)
    made.filters = {name: _careful(name, one) for name, one in made.filters.items()} | {
        TURNS: _turns,
        MADE: _made,
    }
    del made.globals["lipsum"]
    return made


def _turns(values: Iterable[Any], turn: int) -> Iterator[Any]:
    """What a loop goes through, a turn at a time."""
    for value in values:
        _spend(turn)
        yield value


def _careful(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def careful(*given: Any, **named: Any) -> Any:
        _spend(STEP)
        _check(name, (*given, *named.values()))
        return _made(function(*given, **named))

    return careful


def _check(name: str, given: tuple[Any, ...]) -> None:
    """Raises ValueError where a filter or method would make much of what it is given."""
    if name not in ("default", "d") and _has_large(given[1:]):
        raise ValueError(f"{name} is for numbers up to {LARGE}")
    if name == "format":
        _check_format(given[0], given[1:])
    sizes = sorted(len(value) for value in given if isinstance(value, (str, list, tuple)))
    if name in GROWING and len(sizes) > 1 and sizes[-1] * sizes[-2] > 10 * WORK:
        raise TooMuch


def _check_format(text: Any, given: tuple[Any, ...]) -> None:
    wide = isinstance(text, str) and ("%" in text or "{" in text) and WIDTH.search(text)
    if wide or _has_large(given):
        raise ValueError(f"a format is for widths and numbers up to {LARGE}")


def _has_large(values: Iterable[Any]) -> bool:
    return any(isinstance(value, (int, float)) and abs(value) > LARGE for value in values)


def _made(value: Any) -> Any:
    """What was made, counted: texts by their characters, lists with all that is in them."""
    if isinstance(value, str):
        _spend(len(value))
    elif isinstance(value, (list, tuple, dict)):
        _spend(len(value))
        for one in value.values() if isinstance(value, dict) else value:
            _made(one)
    return value
