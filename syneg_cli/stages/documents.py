"""syneg.toml.example and docs/settings.md, made from the settings.

`make docs` writes both; a test checks that they are up to date.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Any

from pydantic.fields import FieldInfo

from syneg_cli.core import About, Section, about_field, write_text
from syneg_cli.stages.project import environment_names, field_of, setting_keys
from syneg_cli.stages.settings import Project

COMMENT, WIDTH = 34, 74
"""Where comments begin, and how wide they are."""

HEAD = """\
# Every setting of a syneg project. A line that begins with "# key =" shows the default, or an
# example where there is none; remove the "#" to set it. `syneg init` writes a short version.
# Flags win over environment variables (SYNEG_TRAIN_LR=1e-5), those over this file.
"""

PAGE = """\
# Settings

Every setting can be given in four ways; the first that is there counts:

1. as a flag of the command: `--batch-size 32`, or for any setting and any command
   `--set train.batch_size=32`;
2. as an environment variable: `SYNEG_TRAIN_BATCH_SIZE=32`;
3. in `syneg.toml`: `batch_size = 32` under `[train]`;
4. else the default holds.

`syneg COMMAND --show-config` prints every setting with its value and where it came from.
This page is made from the declarations of the settings.
"""


def example_text() -> str:
    """Every setting as a line of syneg.toml, with its default or an example."""
    parts = [HEAD]
    for section, keys in _sections():
        if section:
            parts.append(f"[{section}]".ljust(34) + f"# {_about_section(section)}")
        parts += [_example_line(key) for key in keys]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _example_line(key: str) -> str:
    about, field = about_field(field_of(key)), field_of(key)
    leaf = key.rpartition(".")[2]
    value = about.example if field.default in (None, ()) else toml(field.default)
    line = f"# {leaf} = {value}"
    if key == "dataset.name":
        line = line.removeprefix("# ")  # a project file without a data set is none
    otherwise = f"; else {about.otherwise}" if about.otherwise else ""
    first, *more = wrap(f"{_sentence(about.help)}{otherwise}", WIDTH) if len(line) < COMMENT else ("",)
    if not first:
        return f"{line}\n#{' ' * (COMMENT - 1)}# {_sentence(about.help)}{otherwise}"
    return "\n".join(
        [f"{line.ljust(COMMENT)}# {first}", *(f"#{' ' * (COMMENT - 1)}# {part}" for part in more)]
    )


def settings_page() -> str:
    """Every setting as a row of a table, in Markdown."""
    environment = environment_names()
    parts = [PAGE]
    for section, keys in _sections():
        title = f"[{section}]" if section else "At the top"
        parts.append(f"## {title}\n")
        if section:
            parts.append(f"{_about_section(section)}.\n")
        parts += ["| key | default | environment | |", "|---|---|---|---|"]
        for key in keys:
            about, field = about_field(field_of(key)), field_of(key)
            cells = (f"`{key}`", _default(field, about), f"`{environment[key]}`", about.help)
            parts.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        parts.append("")
    return "\n".join(parts)


def _default(field: FieldInfo, about: About) -> str:
    if about.otherwise:
        return about.otherwise
    return "–" if field.default in (None, (), "") else f"`{toml(field.default)}`"


def _sections() -> Iterator[tuple[str, list[str]]]:
    """(section, its keys), in the order of the project file."""
    grouped: dict[str, list[str]] = {}
    for key in setting_keys():
        grouped.setdefault(key.rpartition(".")[0], []).append(key)
    return iter(grouped.items())


def _about_section(section: str) -> str:
    """The first line of a section's docstring, without its full stop."""
    model: type[Section] = Project
    for name in section.split("."):
        model = type(model.model_fields[name].default)
    return (model.__doc__ or "").strip().splitlines()[0].removesuffix(".")


def _sentence(text: str) -> str:
    return text[0].lower() + text[1:].removesuffix(".") if text[1:2].islower() else text.removesuffix(".")


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def write(root: Path = Path()) -> None:
    """Both files anew, in a checkout."""
    write_text(root / "syneg.toml.example", example_text())
    write_text(root / "docs" / "settings.md", settings_page())
