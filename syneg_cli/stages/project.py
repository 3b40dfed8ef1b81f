"""syneg.toml -> Project. Each value comes from flag > environment > project file > default.

Environment variables are `SYNEG_<SECTION>_<KEY>` (`SYNEG_TRAIN_LR=1e-5`), and for the two
paths `SYNEG_DATA_DIR` and `SYNEG_WORK_DIR`. Lists are given with commas, or as in the file.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from syneg_cli.core import (
    ProjectFileError,
    UsageError,
    brief,
    did_you_mean,
    need_file,
    remember_address,
    user_path,
    whole_text,
)
from syneg_cli.stages.project_text import check_keys, check_large, flatten, line_of, nest, parse, submodel
from syneg_cli.stages.settings import Project

PROJECT_FILE = "syneg.toml"
ENDPOINTS = {"openai": "OPENAI_BASE_URL", "ollama": "OLLAMA_HOST"}
"""Provider -> the variable that names its server, where base_url does not."""

ADDRESSES = {"generate.base_url", "embed.base_url"}
"""Settings whose values may hold a password."""


@dataclass(frozen=True)
class Resolved:
    """A project and, for every dotted key, where its value came from."""

    project: Project
    origins: Mapping[str, str]
    folder: Path
    """Relative paths in the project file are relative to its folder."""
    endpoint: str | None = None
    """The server that a variable of the provider's own names (OPENAI_BASE_URL, OLLAMA_HOST)."""

    def path(self, value: str) -> Path:
        """A path of the project file, relative to that file."""
        return user_path(str((self.folder / user_path(value)).resolve()))

    def by_user(self, key: str) -> bool:
        """Whether a flag or a variable sets it, and not the project file, which may be a stranger's."""
        origin = self.origins.get(key, "")
        return origin in ("flag", "--set") or origin.startswith("$")

    def rows(self) -> list[tuple[str, Any, str]]:
        """(key, value, origin) of every setting, for `--show-config`; an address without what is secret."""
        values = dict(flatten(self.project.model_dump(mode="json")))
        address = values["generate.base_url"] or self.endpoint
        values |= {"generate.base_url": address and _public(address)}
        values |= {"embed.base_url": values["embed.base_url"] and _public(values["embed.base_url"])}
        return [(key, value, self.origins.get(key, "default")) for key, value in values.items()]


def resolve(
    flags: Mapping[str, Any] | None = None,
    *,
    sets: Iterable[str] = (),
    names: Mapping[str, str] | None = None,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    alone: bool = False,
) -> Resolved:
    """The project as flags, environment, project file and defaults make it.

    Args:
        flags: dotted key -> value; None values count as not given.
        sets: `KEY=VALUE` texts of `--set`; a flag of its own wins over one.
        names: dotted key -> the flag's name, where that is not the key's.
        file: the project file; by default `syneg.toml` in the current folder, if there.
        alone: read no project file.

    Raises:
        ProjectFileError: the file is missing, broken, or holds a wrong key or value.
        UsageError: a flag or environment variable has a wrong value.
    """
    environ = os.environ if environ is None else environ
    path = file or Path(PROJECT_FILE)
    if file is not None:
        need_file(file, ProjectFileError, hint="Run `syneg init` to write a syneg.toml.")
    there = not alone and os.path.lexists(path)
    text = whole_text(path, ProjectFileError) if there else ""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if text:
        document = parse(path, text)
        check_keys(document, Project, path, text)
        for key, value in flatten(document):
            key = "dataset.name" if key == "dataset" else key  # as in `dataset = "x"`
            check_large(value, f"{path}, line {line_of(text, key)}: {key}")
            values[key], origins[key] = value, str(path)
    typed = dict(values)
    _check_environment(environ)
    for key, name in environment_names().items():
        if environ.get(name):
            values[key], origins[key] = _from_text(key, environ[name]), f"${name}"
    for assignment in sets:
        key, value = _assigned(assignment)
        values[key], origins[key] = value, "--set"
    for key, value in _given(flags or {}, names or {}):
        values[key], origins[key] = value, "flag"
    for key in ADDRESSES & values.keys():
        remember_address(str(values[key]))
    try:
        project = Project.model_validate(nest(values))
        _check_types({key: value for key, value in typed.items() if origins[key] == str(path)})
    except ValidationError as error:
        raise _explain(error, origins, names or {}, path, text) from None
    variable = ENDPOINTS.get((project.generate.llm or "").partition(":")[0], "")
    endpoint = None if project.generate.base_url else environ.get(variable)
    if endpoint:
        origins["generate.base_url"] = f"${variable}"
    return Resolved(project, origins, path.parent if there else Path(), endpoint)


def changed(resolved: Resolved, values: Mapping[str, Any], where: str) -> Resolved:
    """The same project with some settings otherwise.

    Args:
        values: dotted key -> value.
        where: where these come from, for messages.

    Raises:
        UsageError: there is no such setting, or a value is wrong.
    """
    known = setting_keys()
    for key in values:
        if key not in known:
            raise UsageError(
                f"{where}: there is no setting {key!r}.{did_you_mean(key, known)}",
                hint="`--show-config` lists them all.",
            )
    given = dict(flatten(resolved.project.model_dump(exclude_unset=True)))
    try:
        project = Project.model_validate(nest({**given, **values}))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"][:2]))
        said = first["msg"].removeprefix("Value error, ")
        raise UsageError(
            f"{where}: {key}: {said[0].lower()}{said[1:]}, not {brief(first['input'])}.{_nearest(first)}"
        ) from None
    return replace(resolved, project=project, origins={**resolved.origins, **dict.fromkeys(values, where)})


def _check_types(values: Mapping[str, Any]) -> None:
    """The project file has types, and its values are taken at their word: `n = true` is no number.

    What flags and variables give is text, and read as what belongs there.

    Raises:
        ValidationError: a value is of another type.
    """
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    Project.model_validate(nest(lists), strict=True)


def _given(flags: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """The flags that were given.

    Raises:
        UsageError: one is empty, as an unset variable of the shell leaves it.
    """
    for key, value in flags.items():
        if isinstance(value, str) and not value and key != "dataset.name" and field_of(key).default != "":
            raise UsageError(
                f"{names.get(key, flag_of(key))}: the value is empty.",
                hint="Leave it out for the default, or give a value.",
            )
        if value is not None and not (isinstance(value, list) and not value):
            yield key, value


def _public(url: str) -> str:
    """An address, or what is given as one, without user name, password and query."""
    scheme, colon, rest = url.rpartition("://")
    host, slash, path = rest.partition("?")[0].partition("/")
    return f"{scheme}{colon}{host.rpartition('@')[2]}{slash}{path}"


def setting_keys(model: type[BaseModel] = Project, prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name in model.model_fields:
        section = submodel(model, name)
        keys += setting_keys(section, f"{prefix}{name}.") if section else [f"{prefix}{name}"]
    return keys


def environment_names() -> dict[str, str]:
    """Dotted key -> environment variable."""
    names = {key: "SYNEG_" + key.replace(".", "_").upper() for key in setting_keys()}
    return names | {"dataset.data_dir": "SYNEG_DATA_DIR"}


OWN_VARIABLES = ("SYNEG_DEBUG",)
"""Variables of ours that are no setting."""


def _check_environment(environ: Mapping[str, str]) -> None:
    """A misspelt variable would change nothing, and nobody would see it.

    Raises:
        UsageError: a variable begins as ours do, and is none.
    """
    known = [*environment_names().values(), *OWN_VARIABLES]
    for name in environ:
        if name.startswith("SYNEG_") and name not in known:
            raise UsageError(
                f"The environment variable {name} sets nothing.{did_you_mean(name, known)}",
                hint="`--show-config` lists the settings; unset the variable or correct it.",
            )


def _assigned(assignment: str) -> tuple[str, Any]:
    """The key and value of `train.warmup=0.2`."""
    key, equals, text = assignment.partition("=")
    key, known = key.strip(), setting_keys()
    if not equals:
        raise UsageError(
            f"--set {assignment}: expected KEY=VALUE.", hint="For example --set train.warmup=0.2."
        )
    if key not in known:
        raise UsageError(
            f"--set {assignment}: there is no setting {key!r}.{did_you_mean(key, known)}",
            hint="`--show-config` lists them all.",
        )
    return key, _from_text(key, text.lstrip())  # a blank at its end may be meant, as in "query: "


def _from_text(key: str, text: str) -> Any:
    """The value of a setting as text gives it: lists with commas, nothing for None."""
    field = field_of(key)
    if get_origin(field.annotation) is tuple:
        return _listed(text)
    return None if not text and type(None) in get_args(field.annotation) else text


def _listed(text: str) -> list[Any]:
    """`a, b`, or a list as the project file has it: `["a", "b"]`."""
    if text.startswith("[") and text.endswith("]"):
        with suppress(ProjectFileError):
            return list(parse(Path(PROJECT_FILE), f"list = {text}")["list"])
    return [part.strip() for part in text.split(",") if part.strip()]


def field_of(key: str) -> FieldInfo:
    """The field that declares a setting, by its dotted key."""
    model: type[BaseModel] = Project
    *sections, leaf = key.split(".")
    for section in sections:
        model = submodel(model, section) or model
    return model.model_fields[leaf]


LONG_VALUE = 80
"""Characters from which on a value is not said twice in one message."""


def _explain(
    error: ValidationError, origins: Mapping[str, str], names: Mapping[str, str], path: Path, text: str
) -> ProjectFileError | UsageError:
    first = error.errors()[0]
    parts = [str(part) for part in first["loc"]]
    key = next((k for k in (".".join(parts[:i]) for i in range(len(parts), 0, -1)) if k in origins), "")
    key = key or ".".join(parts)
    origin = origins.get(key, "")
    said = first["msg"].removeprefix("Value error, ")
    if first["type"] == "tuple_type":
        value = json.dumps(first["input"], ensure_ascii=False, default=str)
        said = f"give a list, [{value if len(value) < LONG_VALUE else '...'}]"
    problem = f"{said[0].lower()}{said[1:]}, not {brief(first['input'])}.{_nearest(first)}"
    if origin == "flag":
        return UsageError(f"{names.get(key, flag_of(key))}: {problem}")
    if origin == "--set":
        return UsageError(f"--set {key}: {problem}")
    if origin.startswith("$"):
        return UsageError(f"{origin}: {problem}", hint=f"It sets {key}; unset it or correct it.")
    section, _, leaf = key.rpartition(".")
    where = f"{leaf} in [{section}]" if section else leaf
    return ProjectFileError(
        f"{path}, line {line_of(text, key)}: {where}: {problem}",
        hint="Correct that line; `syneg init --example` shows every setting.",
    )


def _nearest(error: Mapping[str, Any]) -> str:
    """The choice that was probably meant."""
    choices = re.findall("'([^']*)'", error["msg"]) if error["type"] == "literal_error" else []
    return did_you_mean(str(error["input"]), choices)


def flag_of(key: str) -> str:
    """`train.batch_size` -> `--batch-size`."""
    return f"--{key.rpartition('.')[2].replace('_', '-')}"
