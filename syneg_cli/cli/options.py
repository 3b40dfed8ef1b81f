"""Options made from the settings, and the decorator that turns a function into a command.

A command names the settings it shows; type, default, help and panel come from where each is
declared. Every other setting can be given with `--set KEY=VALUE`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo
from rich.markup import escape

from syneg_cli.cli.completion import Complete, offer, offer_settings, values_of
from syneg_cli.cli.live import watch
from syneg_cli.cli.output import Output, table
from syneg_cli.cli.questions import agrees
from syneg_cli.core import about_field, keys_beside, leave, world
from syneg_cli.data import Dataset
from syneg_cli.stages import Session, field_of, flag_of, resolve, setting_keys

COMMON = "Common"
KINDS = "A BEIR name (scifact), a folder in BEIR layout, irds:NAME, hub:OWNER/NAME or mteb:TASK."
DATASET: Any = typer.Argument(metavar="DATASET", help=KINDS, autocompletion=offer("<dataset>"))
OF_PROJECT: Any = typer.Argument(
    metavar="DATASET", help=f"{KINDS} Without one, that of syneg.toml.", autocompletion=offer("<dataset>")
)


@dataclass(frozen=True)
class Flag:
    """A setting as an option of a command, under its own name or others."""

    key: str
    names: tuple[str, ...] = ()
    help: str = ""
    """What it is for this command, where that is not what the setting says of itself."""

    @property
    def parameter(self) -> str:
        return self.key.replace(".", "__")

    @property
    def shown_name(self) -> str:
        return (self.names or (flag_of(self.key),))[0].partition("/")[0]


def section(name: str, *, leave_out: Collection[str] = (), **renamed: str) -> tuple[Flag, ...]:
    """All settings of a section.

    Args:
        leave_out: those that are left to `--set`.
        renamed: setting -> the names of its flag ("--negatives -k").
    """
    keys = [key for key in setting_keys() if key.rpartition(".")[0] == name]
    chosen = [(key, key.rpartition(".")[2]) for key in keys]
    return tuple(
        Flag(key, tuple(renamed.get(leaf, "").split())) for key, leaf in chosen if leaf not in leave_out
    )


def flags(*keys: str) -> tuple[Flag, ...]:
    """Single settings, by their dotted keys."""
    return tuple(map(Flag, keys))


SYNTHETIC = Flag(
    "generate.name", ("--synthetic",), "Which synthetic negatives are read: the NAME of `generate --name`."
)
WRITTEN = Flag("queries.weight", ("--synthetic-queries",))
DISJOINT = Flag("dataset.disjoint")
MIXED = Flag("mix.name", ("--mixed",), "Which mix is read: the NAME of `mix --name`.")
MINERS = Flag("mine.miners", ("--miner",), "Whose mined negatives are read.")
ASKING = flags(*(f"generate.{key}" for key in ("llm", "base_url", "concurrency", "max_cost", "max_calls")))
"""The language model, and what its calls may cost."""

EMBEDDING = flags(
    "embed.base_url",
    "embed.dimensions",
    *(f"generate.{key}" for key in ("concurrency", "max_cost", "max_calls")),
)
"""Where the backbone is behind an API: its server, and what its calls may cost."""

PIPELINE = (
    *ASKING,
    WRITTEN,
    DISJOINT,
    *flags("train.backbone", "mix.strategy", "mix.ratio", "mix.mirror"),
    Flag("mix.negatives", ("--negatives", "-k")),
)
"""The settings that `run` and `status` show."""


@dataclass(frozen=True)
class Call:
    """One call of a command: the settings, where to print, and whether to do things again."""

    session: Session
    output: Output
    force: bool = False

    def dataset(self) -> Dataset:
        return self.session.dataset()


def command(
    *shown: Flag, dataset: bool = True, force: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function whose first parameter is a `Call`.

    Args:
        shown: the settings that are options of their own.
        dataset: whether it takes a data set.
        force: whether it can be told to do things again.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        given = list(signature(function, eval_str=True).parameters.values())[1:]
        own = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in given]
        common = _common(dataset=dataset, force=force)

        @wraps(function)
        def run(context: typer.Context, **given: Any) -> None:
            path = context.command_path if dataset else f"{context.command_path} --dataset"
            call = _open({name: given.pop(name) for name in common}, shown, given, path)
            function(call, **given)
            leave()

        first = {"dataset": common["dataset"]} if dataset else {}
        rest = {name: parameter for name, parameter in common.items() if name not in first}
        context = Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context)
        parameters = [context, *first.values(), *own, *map(_parameter, shown), *rest.values()]
        run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {}
        return run

    return decorate


def _open(common: Mapping[str, Any], shown: Collection[Flag], given: dict[str, Any], called: str) -> Call:
    """Resolve the settings; with --show-config print them and end the command.

    Args:
        called: the command, up to where it names a data set.
    """
    values = {flag.key: given.pop(flag.parameter) for flag in shown}
    values |= {"work_dir": common["work_dir"]}
    if "dataset" in common:
        values |= {"dataset.name": common["dataset"], "dataset.data_dir": common["data_dir"]}
    names = {flag.key: flag.shown_name for flag in shown}
    resolved = resolve(values, sets=common["sets"] or (), names=names, file=common["project"])
    leads = world().leads
    output = Output(as_json=common["as_json"], quiet=common["quiet"] or not leads, mute=not leads)
    if common["show_config"]:
        rows = resolved.rows()
        data = {key: {"value": value, "from": origin} for key, value, origin in rows}
        cells = [(key, _shown(value), origin) for key, value, origin in rows]
        output.result(data, table(None, ["setting", "value", "from"], cells, right=lambda column: False))
        raise typer.Exit
    keys_beside(resolved.folder)
    session = Session(
        resolved,
        output,
        lambda *what: watch(output, *what),
        called,
        lambda question: agrees(output, question),
    )
    return Call(session, output, common.get("force", False))


def _shown(value: Any) -> str:
    """The value of a setting for people; switches as the project file has them."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{name}={number}" for name, number in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else str(value)


def _parameter(flag: Flag) -> Parameter:
    """The option of a setting; None where it is not given."""
    field = field_of(flag.key)
    about, kind = about_field(field), _kind(field)
    default = about.otherwise or _default(field)
    name = flag_of(flag.key)
    names = flag.names or ((f"{name}/--no-{name[2:]}",) if kind is bool else (name,))
    repeated = " May be repeated." if get_origin(kind) is list else ""
    option = typer.Option(
        *names,
        help=_with_default(f"{flag.help or about.help}{repeated}", default),
        metavar=about.metavar or _choices(field) or None,
        rich_help_panel=about.panel or None,
        show_default=False,
        autocompletion=_completion(flag.key),
    )
    return Parameter(flag.parameter, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option])


def _completion(key: str) -> Complete | None:
    """Of a setting's values; None where they may be anything, so that shells complete files."""
    values = values_of(key)
    return offer(*values) if values else None


def _with_default(help: str, default: str) -> str:
    return f"{escape(help)} [dim]{escape(f'[default: {default}]')}[/]" if default else escape(help)


def _kind(field: FieldInfo) -> Any:
    """The type that the command line reads; the settings check the rest."""
    parts = [part for part in _parts(field.annotation) if part is not type(None)]
    first = parts[0]
    if get_origin(first) is tuple:
        inner = _parts(get_args(first)[0])[0]
        return list[inner] if inner in (int, float) else list[str]  # type: ignore[valid-type]
    return first if len(parts) == 1 and first in (bool, int, float, str) else str


def _parts(annotation: Any) -> list[Any]:
    """The members of a union, without what is annotated to them."""
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [part for member in get_args(annotation) for part in _parts(member)]
    return [annotation]


def _choices(field: FieldInfo) -> str:
    """`auto|fp32|bf16`, for a setting that is one of a few words."""
    parts = _parts(field.annotation)
    return "|".join(get_args(parts[0])) if len(parts) == 1 and get_origin(parts[0]) is Literal else ""


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value == () or value == "":
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _common(*, dataset: bool, force: bool) -> dict[str, Parameter]:
    """The options that commands share, by parameter."""
    made = {"project": _option(Path, "--project", "The project file.", "syneg.toml, if there", "FILE")}
    if dataset:
        made["dataset"] = _made(str, OF_PROJECT)
        made["data_dir"] = _setting_option("dataset.data_dir")
    made["work_dir"] = _setting_option("work_dir")
    sets = "Any setting, as in `--set train.warmup=0.2`; may be repeated."
    made["sets"] = _option(list[str], "--set", sets, metavar="KEY=VALUE", complete=offer_settings)
    if force:
        made["force"] = _switch(
            "--force", "Do it again, from the same stored answers, even if it is up to date."
        )
    made["as_json"] = _switch("--json", "Print one JSON object on stdout.")
    made["quiet"] = _switch("--quiet -q", "The result and warnings alone.")
    made["show_config"] = _switch("--show-config", "Print every setting and where it comes from, then stop.")
    return {name: parameter.replace(name=name) for name, parameter in made.items()}


def _made(kind: Any, info: Any, default: Any = None) -> Parameter:
    return Parameter("x", Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def _option(
    kind: Any,
    name: str,
    help: str,
    default: str = "",
    metavar: str | None = None,
    complete: Complete | None = None,
) -> Parameter:
    option = typer.Option(
        name,
        help=_with_default(help, default),
        metavar=metavar,
        show_default=False,
        rich_help_panel=COMMON,
        autocompletion=complete,
    )
    return _made(kind, option)


def _setting_option(key: str) -> Parameter:
    field = field_of(key)
    about = about_field(field)
    return _option(str, flag_of(key), about.help, _default(field), about.metavar)


def _switch(names: str, help: str) -> Parameter:
    return _made(bool, typer.Option(*names.split(), help=help, rich_help_panel=COMMON), False)
