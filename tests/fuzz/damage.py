"""Files that are nearly right: rows of odd values, written in some way and then damaged."""

from __future__ import annotations

import gzip
import json
from typing import Any

from hypothesis import strategies as st

IDS = st.sampled_from(
    ["q1", "q2", "d1", "d2", "d3", "0", "1", " d1 ", "a b", "", "\u00e9", "\ufeffq1", "d\u2028"]
)
WORDS = st.one_of(
    st.sampled_from(
        ["a text", "another  TEXT", "", " ", "\ud83d", "\udc00x", "\x00", "x\ty", "\u3000", "e\u0301"]
    ),
    st.text(max_size=12),
)
ODD: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), IDS, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(IDS | WORDS, inner, max_size=3)),
    max_leaves=5,
)
NUMBERS = st.sampled_from(
    ["0", "1", "2", "-1", "1.0", "0.5", "nan", "inf", "1e400", "\u0661", "", "x", "9" * 40]
)
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\x85", "\x0b", ""])
SEPARATORS = st.sampled_from(["\t", " ", "  ", "\t ", ",", "\u00a0"])
PACKS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1", "gzip"])


@st.composite
def files(draw: st.DrawFn, lines: st.SearchStrategy[str]) -> bytes:
    """Some lines as a file: in one of several encodings, and often whole."""
    text = "".join(line + draw(ENDS) for line in draw(st.lists(lines, max_size=6)))
    pack = draw(PACKS)
    data = text.encode("utf-8" if pack == "gzip" else pack, "replace")
    data = gzip.compress(data, mtime=0) if pack == "gzip" else data
    return damaged(draw, data)


def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    kind = draw(st.sampled_from(["whole", "whole", "whole", "cut", "struck", "added"]))
    at = draw(st.integers(0, max(len(data) - 1, 0)))
    if kind == "cut":
        return data[:at]
    if kind == "struck":
        return data[:at] + draw(st.binary(max_size=2)) + data[at + 1 :]
    return data + draw(st.binary(max_size=3)) if kind == "added" else data


def json_line(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[str]:
    """A row as JSON, with each field right, odd, or missing; now and then no row at all."""
    optional = {name: kind | ODD for name, kind in fields.items()}
    rows = st.fixed_dictionaries({}, optional=optional) | st.fixed_dictionaries(fields)
    return st.one_of(rows, rows, rows, ODD).map(json.dumps) | st.text(max_size=8)


def cells(*kinds: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A line of columns, with the right ones or others."""
    row = st.tuples(*kinds).map(list) | st.lists(st.one_of(*kinds), max_size=7)
    return st.builds(lambda separator, found: separator.join(found), SEPARATORS, row)


HUGE = ["9" * 5000, "1e400", "-0", "NaN", "[" * 500 + "]" * 500, '{"a":' * 600 + "1" + "}" * 600, '"\\ud83d"']
"""JSON that is rarely thought of: numbers that are too long or too large, and deep nesting."""


@st.composite
def edited(draw: st.DrawFn, text: str) -> bytes:
    """A file of JSON, or of JSON lines, with a value replaced, taken out, or added; then as `damaged`."""
    lines = text.split("\n") if text.count("\n{") else [text]
    number = draw(st.integers(0, max(len(lines) - 1, 0)))
    try:
        value = json.loads(lines[number])
    except ValueError:
        value = {}
    raw = draw(st.sampled_from(HUGE))
    lines[number] = json.dumps(_changed(draw, value)).replace('"__raw__"', raw)
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    return damaged(draw, data) if draw(st.booleans()) else data


def _changed(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value in which one thing is other than it was, at any depth."""
    inner = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    if not inner or draw(st.integers(0, 3)) == 0:
        kind = draw(st.sampled_from(["odd", "odd", "raw", "more"]))
        if kind == "more" and isinstance(value, dict):
            return value | {draw(WORDS): draw(ODD)}
        return "__raw__" if kind == "raw" else draw(ODD)
    key = draw(st.sampled_from(inner))
    if draw(st.integers(0, 4)) == 0:
        return _without(value, key)
    return _with(value, key, _changed(draw, value[key]))


def _without(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if name != key}
    return value[:key] + value[key + 1 :]


def _with(value: Any, key: Any, item: Any) -> Any:
    if isinstance(value, dict):
        return value | {key: item}
    return [*value[:key], item, *value[key + 1 :]]
