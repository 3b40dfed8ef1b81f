"""syneg.toml -> Project. Each value comes from flag > environment > project file > default.

Environment variables are `SYNEG_<SECTION>_<KEY>` (`SYNEG_TRAIN_LR=1e-5`), and for the two
paths `SYNEG_DATA_DIR` and `SYNEG_WORK_DIR`. Lists are given with commas.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from syneg_cli.core.errors import ProjectFileError, UsageError, did_you_mean

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT_FILE = "syneg.toml"
TABLES = ("mix.weights",)
"""Keys whose value is a table with names of the user's own."""

Positive = Annotated[int, Field(ge=1)]
NonNegative = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AttributePools(Section):
    """Values that the prompt's attributes are drawn from; empty means the data set's own."""

    domain: tuple[str, ...] = ()
    difficulty: tuple[str, ...] = ()
    length: tuple[str, ...] = ()


class DatasetSection(Section):
    name: str | None = None
    data_dir: str | None = None
    dev_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    dev_seed: int = 0
    relevance: str | None = None
    attributes: AttributePools = AttributePools()


class GenerateSection(Section):
    llm: str | None = None
    base_url: str | None = None
    prompt: str = "syneg"
    name: str = "default"
    n: Positive = 2
    limit: Positive | None = None
    concurrency: Positive = 8
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_tokens: Positive = 4096
    seed: int = 0
    timeout: Annotated[float, Field(gt=0)] = 120.0
    max_cost: Annotated[float, Field(gt=0)] | None = None
    max_calls: Positive | None = None
    price: Annotated[tuple[float, ...], Field(max_length=2)] = ()
    structured: bool = True
    corrections: NonNegative = 1
    max_words: Positive = 400
    rpm: Positive | None = None
    tpm: Positive | None = None
    attempts: Positive = 8
    shard: Annotated[str, Field(pattern=r"^[1-9]\d*/[1-9]\d*$")] | None = None
    cache: str | None = None


class MineSection(Section):
    miners: tuple[str, ...] = ("dense",)
    depth: Positive = 30
    pool: Positive = 300
    skip: NonNegative = 0
    min_score: float | None = None
    max_score: float | None = None
    margin: Annotated[float, Field(ge=0)] | Literal["auto"] | None = None
    percentage: Annotated[float, Field(gt=0, le=1)] | Literal["off"] = "off"
    near_copies: Annotated[float, Field(gt=0, le=1)] | Literal["off"] = 0.9
    draw: Literal["top", "sample"] = "top"
    backbone: str | None = None
    max_length: Positive | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    backend: Literal["torch", "onnx", "openvino"] = "torch"
    batch_size: Positive = 32
    trust_remote_code: bool = False
    index: str = "Flat"
    index_options: str = ""
    simans_a: Annotated[float, Field(ge=0)] = 0.5
    simans_b: float = 0.0
    temperature: Annotated[float, Field(gt=0)] = 0.05
    seed: int = 0


class MixSection(Section):
    strategy: str = "hybrid"
    name: str | None = None
    ratio: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.7
    negatives: NonNegative = 3
    rounds: Positive | None = None
    weights: Mapping[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = None
    max_synthetic: NonNegative | None = None
    max_risk: Annotated[float, Field(ge=0, le=1)] | None = None
    mirror: str | None = None
    file: str | None = None
    seed: int = 0

    @field_validator("weights", mode="before")
    @classmethod
    def _weights_from_text(cls, value: Any) -> Any:
        """`bm25=0.5,dense=1`, as flags and environment variables give it."""
        if not isinstance(value, str):
            return value
        parts = [part.rpartition("=") for part in value.split(",") if part.strip()]
        if not all(name.strip() and equals for name, equals, _ in parts):
            raise ValueError("expected NAME=NUMBER,NAME=NUMBER")
        return {name.strip(): number.strip() for name, _, number in parts}


class TrainSection(Section):
    backbone: str = "minilm"
    output: str | None = None
    epochs: Positive = 2
    batch_size: Positive = 16
    lr: Annotated[float, Field(gt=0)] = 5e-5
    temperature: Annotated[float, Field(gt=0)] | None = None
    in_batch: bool = True
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    accumulation: Positive = 1
    chunk: Positive | None = None
    max_length: Positive | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    balance: Annotated[float, Field(ge=0)] = 0.0
    guide: str | None = None
    guide_margin: float = 0.0
    cross_encoder: str | None = None
    distil: Annotated[float, Field(ge=0)] = 1.0
    matryoshka: tuple[Positive, ...] = ()
    refresh: Literal["none", "ance", "adore"] = "none"
    refresh_steps: Positive | None = None
    refresh_depth: Positive = 200
    freeze: NonNegative = 0
    lora: NonNegative = 0
    merge: Annotated[float, Field(gt=0, le=1)] = 1.0
    share_negatives: bool = False
    dev: bool = False
    dev_pool: Positive = 50
    patience: NonNegative = 0
    save_steps: NonNegative = 100
    report_to: str = "none"
    seed: int = 0


class EvalSection(Section):
    split: str = "test"
    batch_size: Positive = 32
    precision: Literal["auto", "fp32", "bf16"] = "auto"


class Project(Section):
    work_dir: str = ".syneg"
    dataset: DatasetSection = DatasetSection()
    generate: GenerateSection = GenerateSection()
    mine: MineSection = MineSection()
    mix: MixSection = MixSection()
    train: TrainSection = TrainSection()
    eval: EvalSection = EvalSection()

    @field_validator("dataset", mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


@dataclass(frozen=True)
class Resolved:
    """A project and, for every dotted key, where its value came from."""

    project: Project
    origins: Mapping[str, str]
    folder: Path
    """Relative paths in the project file are relative to its folder."""

    def path(self, value: str) -> Path:
        """A path of the project file, relative to that file."""
        return (self.folder / Path(value).expanduser()).resolve()

    def rows(self) -> list[tuple[str, str, str]]:
        """(key, value, origin) of every setting, for `--show-config`."""
        return [
            (key, _show(value), self.origins.get(key, "default"))
            for key, value in _flatten(self.project.model_dump())
        ]


def resolve(
    flags: Mapping[str, Any] | None = None,
    *,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Resolved:
    """The project as flags, environment, project file and defaults make it.

    Args:
        flags: dotted key -> value; None values count as not given.
        file: the project file; by default `syneg.toml` in the current folder, if there.

    Raises:
        ProjectFileError: the file is missing, broken, or holds a wrong key or value.
        UsageError: a flag or environment variable has a wrong value.
    """
    environ = os.environ if environ is None else environ
    path = file or Path(PROJECT_FILE)
    if file is not None and not file.is_file():
        raise ProjectFileError(f"{file} is not there.", hint="Run `syneg init` to write a syneg.toml.")
    text = _read(path) if path.is_file() else ""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if text:
        document = _parse(path, text)
        _check_keys(document, Project, path, text)
        for key, value in _flatten(document, Project):
            values[key], origins[key] = value, str(path)
    for key, name in _environment_names().items():
        if environ.get(name):
            values[key], origins[key] = _from_text(key, environ[name]), f"${name}"
    for key, value in (flags or {}).items():
        if value is not None and value != []:
            values[key], origins[key] = value, "flag"
    try:
        project = Project.model_validate(_nest(values))
    except ValidationError as error:
        raise _explain(error, origins, path, text) from None
    return Resolved(project, origins, path.parent if text else Path())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectFileError(f"{path} cannot be read: {error}.") from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProjectFileError(f"{path} is not valid TOML: {error}.", hint="Mend that line.") from None


def _submodel(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    annotation = model.model_fields[key].annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _check_keys(
    document: Mapping[str, Any], model: type[BaseModel], path: Path, text: str, prefix: str = ""
) -> None:
    for key, value in document.items():
        dotted = f"{prefix}{key}"
        if key not in model.model_fields:
            where = f"in [{prefix.rstrip('.')}]" if prefix else "at the top level"
            suggestion = did_you_mean(key, list(model.model_fields))
            raise ProjectFileError(
                f"{path}, line {_line_of(text, dotted)}: unknown key {key!r} {where}.{suggestion}",
                hint=f"Known keys there: {', '.join(sorted(model.model_fields))}.",
            )
        submodel = _submodel(model, key)
        if submodel is not None and isinstance(value, dict):
            _check_keys(value, submodel, path, text, f"{dotted}.")


def _line_of(text: str, dotted: str) -> int:
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


def _flatten(
    document: Mapping[str, Any], model: type[BaseModel] | None = None, prefix: str = ""
) -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in document.items():
        if f"{prefix}{key}" in TABLES:
            flat.append((f"{prefix}{key}", value))
        elif isinstance(value, dict) and value:
            flat += _flatten(value, None, f"{prefix}{key}.")
        elif not isinstance(value, dict):
            flat.append((f"{prefix}{key}", value))
    return flat


def _nest(values: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    # A bare `dataset = "x"` and a [dataset] table may meet: the string becomes its name.
    for key, value in sorted(values.items()):
        *sections, leaf = key.split(".")
        table = nested
        for section in sections:
            inner = table.setdefault(section, {})
            if not isinstance(inner, dict):
                inner = table[section] = {"name": inner}
            table = inner
        table[leaf] = value
    return nested


def _keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name in model.model_fields:
        submodel = _submodel(model, name)
        keys += _keys(submodel, f"{prefix}{name}.") if submodel else [f"{prefix}{name}"]
    return keys


def _environment_names() -> dict[str, str]:
    names = {key: "SYNEG_" + key.replace(".", "_").upper() for key in _keys(Project)}
    return names | {"dataset.data_dir": "SYNEG_DATA_DIR"}


def _from_text(key: str, text: str) -> Any:
    model: type[BaseModel] = Project
    *sections, leaf = key.split(".")
    for section in sections:
        model = _submodel(model, section) or model
    is_list = get_origin(model.model_fields[leaf].annotation) is tuple
    return [part.strip() for part in text.split(",") if part.strip()] if is_list else text


def _explain(
    error: ValidationError, origins: Mapping[str, str], path: Path, text: str
) -> ProjectFileError | UsageError:
    first = error.errors()[0]
    parts = [str(part) for part in first["loc"]]
    key = next((k for k in (".".join(parts[:i]) for i in range(len(parts), 0, -1)) if k in origins), "")
    key = key or ".".join(parts)
    origin = origins.get(key, "")
    problem = f"{first['msg'][0].lower()}{first['msg'][1:]}, not {first['input']!r}"
    if origin == "flag":
        return UsageError(f"--{key.rpartition('.')[2].replace('_', '-')}: {problem}.")
    if origin.startswith("$"):
        return UsageError(f"{origin}: {problem}.", hint=f"It sets {key}; unset it or correct it.")
    section, _, leaf = key.rpartition(".")
    where = f"{leaf} in [{section}]" if section else leaf
    return ProjectFileError(f"{path}, line {_line_of(text, key)}: {where}: {problem}.")


def _show(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{name}={number}" for name, number in value.items())
    return "-" if value is None else str(value)
