"""What the stages work with, from plain values: a study and a pilot are theirs, as in the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from syneg_cli.core import NoProgress, Progress, UsageError, Workspace, did_you_mean
from syneg_cli.data import Dataset
from syneg_cli.stages import Session, resolve, setting_keys

CALLED = {"miners": "miner"}
"""Settings whose argument has another name."""


def session_of(
    dataset: Dataset,
    section: str,
    own: Mapping[str, Any],
    sets: Mapping[str, Any] | None,
    *,
    work_dir: str | Path,
    progress: Progress | None,
    places: Callable[[Path, str], Workspace] = Workspace,
) -> Session:
    """A session for a data set in memory; no project file and no variable of syneg's is read.

    Args:
        section: whose settings are keyword arguments.
        own: dotted key -> value of all keyword arguments; None: not given.
        sets: dotted key -> value of settings of other sections.
        places: as the session has it.

    Raises:
        UsageError: there is no such setting, or a value is wrong.
    """
    sets = {} if sets is None else sets
    _check(sets, section, own)
    plain = {key: str(v) if isinstance(v, PathLike) else v for key, v in {**sets, **own}.items()}
    names = {**{key: key for key in sets}, **{key: key.partition(".")[2] for key in own}}
    flags = {**plain, "dataset.name": dataset.name, "work_dir": str(Path(work_dir).absolute())}
    resolved = resolve(flags, names=names, environ={}, alone=True)
    return Session(resolved, progress or NoProgress(), places=places, loaded=dataset)


def _check(sets: object, own_section: str, own: Mapping[str, Any]) -> None:
    """Raises UsageError for what is no table of settings, or of settings that have another place."""
    if not isinstance(sets, Mapping):
        raise UsageError(f"sets: {sets!r} is no table.", hint='It is {"train.epochs": 1, ...}.')
    known = setting_keys()
    for key in sets:
        section, _, name = str(key).partition(".")
        if key == "work_dir":
            raise UsageError("sets: work_dir is an argument.", hint="Give work_dir=...")
        if key not in known:
            raise UsageError(
                f"sets: there is no setting {key!r}.{did_you_mean(str(key), known)}",
                hint='Keys are as in docs/settings.md, with their section: {"train.epochs": 1}.',
            )
        if section == "dataset":
            raise UsageError(
                f"sets: {key} is of the data set, which is loaded.", hint=f"load_dataset(NAME, {name}=...)"
            )
        if section == own_section or key in own:
            raise UsageError(f"sets: {key} is an argument.", hint=f"Give {CALLED.get(name, name)}=...")
