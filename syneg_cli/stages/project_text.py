"""The text of a project file: read as TOML, its keys checked, and the line of each of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from syneg_cli.core import ProjectFileError, brief, did_you_mean, json_fault

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLES = ("mix.weights", "study.define")
"""Keys whose value is a table with names of the user's own."""


def check_large(value: Any, where: str) -> None:
    if _has_large(value):
        said = f"{where}: a whole number of TOML has 64 bits, not {brief(value)}."
        raise ProjectFileError(said, hint="Fix that line.")


def _has_large(value: Any) -> bool:
    """Whether a number is beyond TOML's: Python reads more, in hexadecimal without a bound."""
    if isinstance(value, (list, dict)):
        return any(map(_has_large, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int) and not -(2**63) <= value < 2**63


def parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProjectFileError(f"{path} is not valid TOML: {error}.", hint="Fix that line.") from None
    except (ValueError, RecursionError) as error:
        odd = r"[\[{]" if isinstance(error, RecursionError) else r"\d"
        lines = [len(re.findall(odd, line)) for line in text.split("\n")]
        where = f"{path}, line {lines.index(max(lines)) + 1}"
        raise ProjectFileError(f"{where}: {json_fault(error)}.", hint="Fix that line.") from None


def submodel(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    annotation = model.model_fields[key].annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def check_keys(
    document: Mapping[str, Any], model: type[BaseModel], path: Path, text: str, prefix: str = ""
) -> None:
    for key, value in document.items():
        dotted = f"{prefix}{key}"
        if key not in model.model_fields:
            where = f"in [{prefix.rstrip('.')}]" if prefix else "at the top level"
            suggestion = did_you_mean(key, list(model.model_fields))
            raise ProjectFileError(
                f"{path}, line {line_of(text, dotted)}: unknown key {key!r} {where}.{suggestion}",
                hint=f"Known keys there: {', '.join(sorted(model.model_fields))}.",
            )
        section = submodel(model, key)
        if section is None or (dotted == "dataset" and isinstance(value, str)):
            continue
        if not isinstance(value, dict):
            raise ProjectFileError(
                f"{path}, line {line_of(text, dotted)}: {dotted} is a table, not {brief(value)}.",
                hint=f"Write [{dotted}], and its keys on lines of their own below.",
            )
        check_keys(value, section, path, text, f"{dotted}.")


def line_of(text: str, dotted: str) -> int:
    """The line (from 1) that sets a dotted key or opens its table; 1 if it cannot be told."""
    section, _, leaf = dotted.rpartition(".")
    current, best = "", 1
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            current = header.group(1).replace('"', "").replace(" ", "")
            if current == dotted:
                return number
            if current == section:
                best = number
        else:
            assigned = re.match(r"\s*([\w.\"-]+)\s*=", line)
            name = assigned.group(1).replace('"', "") if assigned else None
            if name and ".".join(filter(None, (current, name))) == dotted:
                return number
            if name == leaf and current == section:
                return number
    return best


def flatten(document: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in document.items():
        if f"{prefix}{key}" in TABLES:
            flat.append((f"{prefix}{key}", value))
        elif isinstance(value, dict) and value:
            flat += flatten(value, f"{prefix}{key}.")
        elif not isinstance(value, dict):
            flat.append((f"{prefix}{key}", value))
    return flat


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in values.items():
        *sections, leaf = key.split(".")
        table = nested
        for section in sections:
            table = table.setdefault(section, {})
        table[leaf] = value
    return nested
