"""What shells complete: the values of options and arguments, as each is declared.

A setting may be one of the words of its type (`auto|fp32|bf16`) or of its `values`; `<model>` among
those stands for the names that `FOUND` finds. A word that ends in `:`, `=` or `/` goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer

from syneg_cli.core import Workspace, about_field, names_beside
from syneg_cli.data import BEIR_NAMES, SOURCES, inner_datasets, known_languages, splits_on_disk
from syneg_cli.encoding import BACKBONES, entries
from syneg_cli.generation import JUDGEMENT, NEGATIVES, QUERIES, QUERY, REWRITES, list_prompts, of_kind
from syneg_cli.mining import MINERS
from syneg_cli.stages import Session, field_of, report_workspace, resolve, setting_keys

Complete = Callable[[typer.Context, str], list[str]]
KEY = 8
"""Letters of a key that are offered."""


@dataclass(frozen=True)
class Place:
    """The command line so far: parameter -> what was given."""

    given: Mapping[str, Any]

    @cached_property
    def session(self) -> Session:
        """What the settings say up to here. Raises what `resolve` does."""
        given = self.given
        values = {
            "work_dir": given.get("work_dir"),
            "dataset.name": given.get("dataset") or given.get("dataset__name"),
            "dataset.data_dir": given.get("data_dir") or given.get("dataset__data_dir"),
        }
        return Session(resolve(values, sets=given.get("sets") or (), file=given.get("project")))

    @property
    def folder(self) -> Path:
        return self.session.resolved.folder

    @property
    def data_dir(self) -> Path | None:
        named = self.session.project.dataset.data_dir
        return self.session.resolved.path(named) if named else None

    def workspaces(self) -> list[Workspace]:
        """Of the data set that is named; of every one with results where none is."""
        if self.session.project.dataset.name:
            return [report_workspace(self.session)]
        root = self.session.work_dir
        return [Workspace(root, one.name) for one in sorted(root.iterdir()) if one.is_dir()]

    def names(self, path: Callable[[Workspace, str], Path]) -> list[str]:
        """The names of the results that are stored at such paths."""
        return [name for one in self.workspaces() for name in names_beside(path(one, "x"))]


def _datasets(place: Place, typed: str) -> list[str]:
    folder, slash, _ = typed.rpartition("/")
    inside = [f"{folder}{slash}{name}" for name in inner_datasets(Path(f"{folder}{slash}").expanduser())]
    if slash:
        return inside
    kept = inner_datasets(place.data_dir) if place.data_dir else [*BEIR_NAMES, *SOURCES]
    return [*inside, *kept]


def _splits(place: Place, typed: str) -> list[str]:
    name = place.session.project.dataset.name
    found = splits_on_disk(name, data_dir=place.data_dir, folder=place.folder) if name else []
    held_out = ["dev"] if "train" in found else []
    return [*found, *held_out] or ["train", "dev", "test"]


def _paths(place: Place, typed: str) -> list[str]:
    folder, slash, _ = typed.rpartition("/")
    inside = sorted(Path(f"{folder}{slash}").expanduser().iterdir())
    shown = [one for one in inside if not one.name.startswith(".")]
    return [f"{folder}{slash}{one.name}{'/' * one.is_dir()}" for one in shown]


def _vectors(place: Place, typed: str) -> list[str]:
    return [
        entry.key[: max(KEY, len(typed))]
        for entry in entries(Workspace(place.session.work_dir, "").embeddings)
    ]


FOUND: dict[str, Callable[[Place, str], Iterable[str]]] = {
    "backbone": lambda place, typed: BACKBONES,
    "dataset": _datasets,
    "judge": lambda place, typed: of_kind(list_prompts(place.folder), JUDGEMENT),
    "language": lambda place, typed: known_languages(),
    "mined": lambda place, typed: place.names(Workspace.mined),
    "miner": lambda place, typed: [name for name in MINERS if name != "run"],  # that needs a file
    "ranking": lambda place, typed: [name for name in MINERS if name not in ("run", "random", "simans")],
    "mix": lambda place, typed: place.names(Workspace.mixed),
    "model": lambda place, typed: place.names(Workspace.model),
    "path": _paths,
    "prompt": lambda place, typed: of_kind(list_prompts(place.folder), NEGATIVES, QUERY),
    "prompt file": lambda place, typed: list_prompts(place.folder),
    "query prompt": lambda place, typed: of_kind(list_prompts(place.folder), QUERIES),
    "rewrite prompt": lambda place, typed: of_kind(list_prompts(place.folder), REWRITES),
    "queries": lambda place, typed: [
        name for name in place.names(Workspace.queries) if not name.endswith(".rewrites")
    ],
    "split": _splits,
    "synthetic": lambda place, typed: place.names(Workspace.synthetic),
    "vectors": _vectors,
}
"""What a word in angle brackets stands for, as (place, what was typed of it) -> names."""


def offer(*values: str) -> Complete:
    """A completion of these values, for an option or an argument; it raises nothing."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        return _fitting(values, _place(ctx), incomplete)

    return complete


def offer_settings(ctx: typer.Context, incomplete: str) -> list[str]:
    """For `--set`: the keys, and the values of a key; it raises nothing."""
    key, equals, value = incomplete.partition("=")
    if not equals:
        return [f"{known}=" for known in setting_keys() if known.startswith(key)]
    if key not in setting_keys():
        return []
    return [f"{key}={word}" for word in _fitting(values_of(key), _place(ctx), value)]


def _place(ctx: typer.Context) -> Place:
    """An option that waits for its value keeps arguments from being read: they are what is left over."""
    left = {"dataset": ctx.args[0]} if ctx.args and "dataset" in ctx.params else {}
    return Place(ctx.params | left)


def values_of(key: str) -> tuple[str, ...]:
    """What a setting may be, as far as it can be said beforehand: words, and words in angle brackets."""
    field = field_of(key)
    words = ("true", "false") if field.annotation is bool else _words(field.annotation)
    return tuple(dict.fromkeys((*about_field(field).values, *words)))


def _words(kind: Any) -> tuple[str, ...]:
    """The words that a type allows, wherever they are in it."""
    if get_origin(kind) is Literal:
        return tuple(map(str, get_args(kind)))
    return tuple(word for inner in get_args(kind) for word in _words(inner))


def _fitting(values: Iterable[str], place: Place, typed: str) -> list[str]:
    words = [word for value in values for word in _expanded(value, place, typed) if word.startswith(typed)]
    return list(dict.fromkeys(words))


def _expanded(value: str, place: Place, typed: str) -> list[str]:
    """`run:<path>` as `run:`, and from there on with the files that there are."""
    prefix, bracket, name = value.partition("<")
    if not bracket or not typed.startswith(prefix):
        return [prefix]
    try:
        return [f"{prefix}{word}" for word in FOUND[name.rstrip(">")](place, typed.removeprefix(prefix))]
    except Exception:  # a broken syneg.toml, a folder that cannot be read: nothing to offer
        return []
