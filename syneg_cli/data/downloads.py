"""Where downloaded data sets are kept: once for all projects of a user, and whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from syneg_cli.core import DatasetError, Progress, check_no_link, proxy_of
from syneg_cli.data.layout import CORPUS_FILE, LAYOUT_HINT, inner_datasets, is_dataset_folder


def download_folder() -> Path:
    """Where downloaded data sets are kept, a folder for each."""
    from platformdirs import user_cache_path

    return user_cache_path("syneg") / "datasets"


def kept_folder(name: str) -> Path | None:
    """The folder of what was downloaded before, or None; whether it is a data set, `checked` says."""
    place = download_folder() / name
    return place if place.is_dir() else None


def need_package(name: str, install: str) -> Any:
    """A package that has data sets of its own.

    Args:
        install: the command that installs it.

    Raises:
        DatasetError: it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != name:
            raise
        raise DatasetError(f"The package {name} is not installed.", hint=f"Run `{install}`.") from None


def keep(name: str, fetch: Callable[[Path], Path], progress: Progress) -> Path:
    """The folder of what is downloaded, if it is not there yet.

    It appears under its name only when it is complete, and several processes that ask for
    one data set at the same time download it once.

    Args:
        fetch: is given an empty folder to work in, and returns the data set's folder within it.
    """
    home = download_folder()
    staging = home / f".{name}.partial"
    with _locked(home / f".{name}.lock", name, progress):
        if place := kept_folder(name):  # another process was faster
            return place
        shutil.rmtree(staging, ignore_errors=True)  # what a killed process left
        staging.mkdir()
        try:
            fetch(staging).rename(home / name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return home / name


def on_the_way(error: Exception, url: str) -> tuple[str, str]:
    """(what a message adds about the way to a server, what to do) where a download with requests failed."""
    from requests import ConnectionError, Timeout

    proxy = proxy_of(url) if isinstance(error, (ConnectionError, Timeout)) else None
    return (f" through the proxy {proxy}", proxy.remedy) if proxy else ("", "Check the network.")


def checked(place: Path) -> Path:
    """The folder, if it is a data set.

    Raises:
        DatasetError: it is not; data sets inside it, or beside it, are named.
    """
    if is_dataset_folder(place):
        return place
    home = place if place.is_dir() else place.parent
    inside = [f"{home}/{name}" for name in inner_datasets(home)]
    it = "It" if home == place else home.name
    hint = f"{it} holds several data sets. Give one of them: {', '.join(inside)}." if inside else LAYOUT_HINT
    raise DatasetError(
        f"{place} has no {CORPUS_FILE}." if home == place else f"{place} is not there.", hint=hint
    )


@contextmanager
def _locked(path: Path, name: str, progress: Progress) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        check_no_link(path, "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress.note(f"Waiting: another process is downloading {name}")
            lock.acquire()
    except OSError as error:
        raise DatasetError(
            f"{path.parent} cannot be written: {error}",
            hint="Downloaded data sets are kept there; set XDG_CACHE_HOME to keep them elsewhere.",
        ) from error
    try:
        yield
    finally:
        lock.release()
