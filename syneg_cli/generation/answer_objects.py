"""The JSON object in what a model wrote: behind thoughts, between prose, one of several, or broken."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from syneg_cli.core import printable

THOUGHTS_END = re.compile(
    r"</(?:think|thinking|thought|reasoning|seed:think)>|\[/THINK\]|◁/think▷|<\|channel\|>final<\|message\|>"
)
"""What closes thoughts; what opens them may stand in the model's own template, and so not in its answer."""

THOUGHTS_BEGIN = re.compile(r"\s*(?:<(?:think|thinking|thought|reasoning|seed:think)>|\[THINK\]|◁think▷)")
BEGINS = re.compile(r"[{\[]")
DECODER = json.JSONDecoder(strict=False)
"""Takes line ends within strings, which models write as they are."""

ITEMS = "negatives"
LISTS = (ITEMS, "queries", "rewrites")
"""What a list without an object around it may be meant as."""

LONGEST = 1_000_000
"""Characters of an answer that is looked at: a hundred times what is asked for, thoughts included."""

MOST_TRIED = 20_000
"""Places in a text where an object may begin; each that breaks costs time by where it is."""

MOST_BROKEN = 200
"""A text in which so many objects and lists break is no answer, and would take minutes to repair."""


def read_object(text: str, key: str = ITEMS) -> tuple[dict[str, Any] | None, bool]:
    """(the JSON object in an answer, whether it was whole); a broken one is repaired if possible.

    Of several objects it is the last one that holds `key`. A list of objects counts as "negatives",
    or as the list that is looked for, and so do objects with a document one after the other. Never
    raises, whatever a model wrote: an answer that was paid for is kept, and judged after. One that
    does not end (`LONGEST`) holds none.
    """
    if len(text) > LONGEST:
        return None, True
    value, whole = _read(text, key)
    return (_writable(value) if value is not None and "\\u" in text else value), whole


def _read(text: str, key: str) -> tuple[dict[str, Any] | None, bool]:
    try:
        return _as_object(json.loads(text), key), True
    except (ValueError, RecursionError):
        pass
    text = without_thoughts(text)
    found, broken = _values(text)
    if held := _last(found, key):
        return held, True
    repaired = None
    for start in broken:
        repaired = _as_object(_repaired(text[start:]), key)
        if repaired is not None and key in repaired:
            return repaired, False
    single = [value for value in found if isinstance(value, dict) and "document" in value]
    if key == ITEMS and single:
        return {ITEMS: single}, True
    objects = [known for value in found if (known := _as_object(value, key)) is not None]
    return (objects[-1], True) if objects else (repaired, False)


def without_thoughts(text: str) -> str:
    """What stands behind the last end of thoughts; nothing where thoughts never end."""
    end = 0
    for match in THOUGHTS_END.finditer(text):
        end = match.end()
    return "" if THOUGHTS_BEGIN.match(text, end) else text[end:]


def _values(text: str) -> tuple[list[Any], list[int]]:
    """(all objects and lists in a text, where to repair it from: what went well for longest, the first)."""
    found: list[Any] = []
    first, best, longest, place, broken = -1, -1, 0, 0, 0
    while broken < MOST_TRIED and (match := BEGINS.search(text, place)) is not None:
        start = match.start()
        try:
            value, place = DECODER.raw_decode(text, start)
        except json.JSONDecodeError as error:  # what is within it belongs to it: go on where it broke
            place = max(error.pos, start + 1)
        except ValueError:  # a number of thousands of digits
            place = start + 1
        except RecursionError:
            place = len(text)
        else:
            found.append(value)
            continue
        broken += 1
        first = start if first < 0 else first
        if place - start > longest:
            best, longest = start, place - start
    return found, list(dict.fromkeys((best, first))) if 0 < broken <= MOST_BROKEN else []


def _repaired(text: str) -> Any:
    from json_repair import repair_json

    try:
        return repair_json(text, return_objects=True, skip_json_loads=True)
    except Exception:  # whatever it raises on a text that is no JSON at all: RecursionError, IndexError, ...
        return None


def _last(values: Sequence[Any], key: str) -> dict[str, Any] | None:
    """The last object that holds `key`, one where it is not empty before one where it is."""
    held = [inner for value in values if (inner := _holder(value, key)) is not None]
    full = [value for value in held if value[key] not in (None, "", [], {})] or held
    return full[-1] if full else None


def _holder(value: Any, key: str) -> dict[str, Any] | None:
    """The object that holds `key`: the value itself, or one directly in it."""
    if isinstance(value, dict) and key in value:
        return value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((item for item in inner if isinstance(item, dict) and key in item), None)


def _as_object(value: Any, key: str) -> dict[str, Any] | None:
    """The object that holds `key`, else the value if it is one; a list of objects is what is looked for."""
    if (held := _holder(value, key)) is not None:
        return held
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return {key if key in LISTS else ITEMS: value}
    if key == "queries" and isinstance(value, list) and value and set(map(type, value)) == {str}:
        return {key: value}
    return value if isinstance(value, dict) else None


def _writable(value: dict[str, Any]) -> dict[str, Any]:
    """With U+FFFD for lone surrogates, which JSON can escape and no file can hold."""
    try:
        text = json.dumps(value, ensure_ascii=False)
        return value if (clean := printable(text)) == text else dict(json.loads(clean))
    except (ValueError, RecursionError):
        return value


def flat_text(value: Any, between: str = "\n") -> str | None:
    """What was meant as a text: a number as its digits, a list item by item; None where it is none."""
    if isinstance(value, list):
        parts = [text for item in value if not isinstance(item, list) and (text := flat_text(item))]
        return between.join(parts) if parts else None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None
