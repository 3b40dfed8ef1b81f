"""The tables of docs/json.md as JSON schemas: what the page says is what is checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "docs" / "json.md"
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|")
KINDS = {"text": "string", "integer": "integer", "number": "number", "boolean": "boolean", "object": "object"}
STAGE = "Every stage"


def sections() -> dict[str, list[tuple[str, str]]]:
    """Heading -> (field, type) of its table."""
    found: dict[str, list[tuple[str, str]]] = {}
    heading = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line[3:]
            found[heading] = []
        elif row := ROW.match(line):
            found[heading].append((row[1], row[2].strip()))
    return found


def schema(heading: str, *, stage: bool = False) -> dict[str, Any]:
    """A section's schema, strict: every field has to be there, and no other may be.

    Args:
        stage: whether it has the fields of every stage as well.
    """
    known = sections()
    made: dict[str, Any] = _object()
    for field, kind in [*(known[STAGE] if stage else []), *known[heading]]:
        _add(made, field.split("."), kind, known[STAGE])
    return made


def _object() -> dict[str, Any]:
    return {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def _add(into: dict[str, Any], path: list[str], kind: str, every: list[tuple[str, str]]) -> None:
    name, rest = path[0], path[1:]
    bare = name.removesuffix("[]")
    if bare == "*":
        inner = into["additionalProperties"] or _object()
        into["additionalProperties"] = inner
    else:
        inner = into["properties"].setdefault(bare, {})
        into["required"] += [] if bare in into["required"] else [bare]
    if name.endswith("[]"):
        inner.setdefault("type", "array")
        inner = inner.setdefault("items", {})
    if rest:
        if "properties" not in inner:
            nullable = isinstance(inner.get("type"), list)
            inner.pop("additionalProperties", None)
            inner |= _object() | ({"type": ["object", "null"]} if nullable else {})
        _add(inner, rest, kind, every)
    elif kind == "stage":
        inner |= _object()
        for field, of in every:
            _add(inner, field.split("."), of, every)
    else:
        inner.clear()
        inner.update(_kind(kind))


def _kind(kind: str) -> dict[str, Any]:
    if kind == "any":
        return {}
    kind, _, null = kind.partition(" or ")
    if kind.startswith("list of "):
        items: dict[str, Any] = {"type": KINDS[kind.removeprefix("list of ")]}
        return {"type": ["array", "null"] if null else "array", "items": items}
    return {"type": [KINDS[kind], "null"] if null else KINDS[kind]}
