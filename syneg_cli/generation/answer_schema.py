"""The shape of the answer that a prompt asks for, read from the example in the prompt itself.

A prompt file ends with one JSON object that shows the model what to write. Its keys and
nesting become the JSON schema of structured output, so an own prompt that asks for one
field more needs no second place to say so. `"a | b"` as a value allows only a or b.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def answer_example(source: str) -> dict[str, Any] | None:
    """The last JSON object in a template's source; None if it shows none."""
    decoder = json.JSONDecoder()
    found: dict[str, Any] | None = None
    position = source.find("{")
    while position >= 0:
        try:
            value, end = decoder.raw_decode(source, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            if isinstance(value, dict) and value:
                found = value
        position = source.find("{", end)
    return found


def answer_schema(example: Mapping[str, Any], *, n: int | None = None) -> dict[str, Any]:
    """The JSON schema of answers like `example`: every key required, no other allowed.

    Args:
        n: how many objects the list "negatives" has to hold, or "queries" may hold; None leaves it open.
    """
    schema = _schema(example)
    if n is not None and "negatives" in schema["properties"]:
        schema["properties"]["negatives"] |= {"minItems": n, "maxItems": n}
    if n is not None and "queries" in schema["properties"]:
        schema["properties"]["queries"] |= {"maxItems": n}
    return schema


def _schema(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {
            "type": "object",
            "properties": {key: _schema(inner) for key, inner in value.items()},
            "required": list(value),
            "additionalProperties": False,
        }
    if isinstance(value, list):
        return {"type": "array", "items": _schema(value[0] if value else "")}
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, (int, float)):
        return {"type": "number" if isinstance(value, float) else "integer"}
    choices = [choice.strip() for choice in str(value).split("|")]
    return {"type": "string", "enum": choices} if len(choices) > 1 else {"type": "string"}
