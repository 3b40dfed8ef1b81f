"""A result on its way to its place: made in a folder beside it, and moved there with its manifest first.

Whenever a process is killed, what is at the place is the old result or the new one, whole, and its
manifest says which of the two: it holds the hash of the new one, and of the one that it replaces.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from syneg_cli.core.artifacts import (
    Manifest,
    changed_since,
    files_inside,
    is_damaged,
    manifest_path,
    manifest_text,
    read_manifest,
)
from syneg_cli.core.errors import SynegError, UsageError
from syneg_cli.core.files import sync, sync_tree, write_text

OF_SYSTEMS = (".DS_Store", "Thumbs.db", "desktop.ini")
"""What file managers leave in folders that are looked at."""

WRITER = ("PytorchStreamWriter failed", "inline_container.cc")
"""How PyTorch says that a checkpoint could not be written, whatever the reason."""


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Where to make what is to be at `path`: the same name in a hidden folder beside it, removed at the end.

    Raises:
        SynegError: the disk does not take what is made.
    """
    folder = _hidden_folder(path)
    try:
        yield folder / path.name
    except (OSError, RuntimeError, ValueError) as error:
        raise _of_the_disk(error, path) from error
    except Exception as error:
        if type(error).__name__ == "SafetensorError":
            raise _of_the_disk(error, path) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # where nothing was made, not even an empty folder stays
            path.parent.rmdir()


def _hidden_folder(path: Path) -> Path:
    for _ in range(9):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # another process found the parent empty, and removed it
            return Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    raise SynegError(f"{path.parent} does not stay.", hint="Does something else remove it?")


def settle(made: Path, path: Path, manifest: Manifest) -> None:
    """Move what was made at `made` (as `staged` gave it) to `path`, with the files that are beside it.

    Raises:
        UsageError: what is not ours came to be there meanwhile.
    """
    check_place(path)
    if made.is_dir():
        write_text(manifest_path(made), manifest_text(path, made, manifest, files_inside(made)))
        sync_tree(made)
        _take_place(made, path)
        return
    others = sorted(file for file in made.parent.iterdir() if file != made)
    for file in others:
        _check_beside(path, path.with_name(file.name))
    about = made.parent / manifest_path(path).name
    write_text(about, manifest_text(path, made, manifest, others))
    for file in (about, *others, made):
        sync(file)
    for file in (about, *others, made):
        file.replace(path.with_name(file.name))
        sync(path.parent)


def check_place(path: Path, flag: str = "", stage: str = "") -> None:
    """Raises UsageError where a result may not be put: what is not ours, a result of another stage, or a
    folder that holds what is not ours.

    Args:
        flag: how a user names another place.
        stage: whose result it will be, as its manifest says.
    """
    check_owner(path, flag)
    manifest = read_manifest(path)
    if stage and manifest and manifest.stage != stage:
        by = manifest_path(path).name
        told = f"{path} is a result of {manifest.stage}, which {stage} does not replace ({by} says so)."
        raise UsageError(told, hint=_elsewhere(flag))
    if strangers := _strangers(path):
        more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
        raise UsageError(
            f"{path} holds {strangers[0].relative_to(path)}{more}, which syneg did not put there, and "
            "would be replaced as a whole.",
            hint=_elsewhere(flag),
        )


def _elsewhere(flag: str) -> str:
    return "Move it away" + (f", or choose another name ({flag} NAME)." if flag else ".")


def check_owner(path: Path, flag: str = "") -> None:
    """Raises UsageError for a link, and for what has no manifest and so is not ours."""
    hint = _elsewhere(flag)
    if path.is_symlink():
        raise UsageError(f"{path} is a link to {path.readlink()}, and no result of syneg.", hint=hint)
    if path.exists() and not manifest_path(path).is_file():
        raise UsageError(
            f"{path} has no manifest, so it may be yours: it is not replaced "
            f"({manifest_path(path).name} is not there).",
            hint=hint,
        )


def check_unedited(path: Path, why: str, edited: Path | None = None) -> None:
    """Raises UsageError where a result would be replaced that somebody edited; one that is damaged may be.

    Args:
        why: the reason to make it again.
        edited: a file of it that is known to be edited, whatever became of the others.
    """
    manifest = read_manifest(path)
    if edited is None and path.exists() and manifest and changed_since(path, manifest):
        edited = None if is_damaged(path, manifest) else path
    if edited is not None:
        raise UsageError(
            f"{edited} was edited since it was made, and would be made again ({why}).",
            hint="Move it away to keep what you edited, or replace it with --force.",
        )


def _strangers(path: Path) -> list[Path]:
    """The files in a folder of ours that are not of its making; none are known where no hashes were kept."""
    manifest = read_manifest(path) if path.is_dir() else None
    if manifest is None or not manifest.files:
        return []
    ours = {path / name for name in manifest.files}
    inside = (file for file in path.rglob("*") if file.is_symlink() or not file.is_dir())
    known = {path / "README.md", manifest_path(path), *ours}
    return sorted(file for file in inside if file not in known and file.name not in OF_SYSTEMS)


def _check_beside(path: Path, other: Path) -> None:
    """Raises UsageError where a file that belongs to a result would replace one that does not."""
    manifest = read_manifest(path)
    ours = other.name in manifest.files or not manifest.files if manifest else manifest_path(path).is_file()
    if os.path.lexists(other) and not ours:
        raise UsageError(
            f"{other} is none of {manifest_path(path).name}, so it may be yours: it is not replaced.",
            hint="Move it away, then run the same command.",
        )


def check_free(path: Path, *, force: bool = False) -> None:
    """Raises UsageError where a file is there already that a user names to be written, without `force`."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder.", hint="Name a file.")
    if not force and (path.exists() or path.is_symlink()):
        raise UsageError(f"{path} is there already.", hint="Name another file, or replace it with --force.")


def tidy(path: Path) -> None:
    """Remove what killed processes left of a result; for the holder of its lock.

    A folder that one had moved aside, and put nothing in its place, is there again.
    """
    if not path.parent.is_dir():
        return
    if _aside(path).is_dir() and not path.exists():
        _aside(path).rename(path)
    left = re.compile(rf"\.{re.escape(path.name)}\.\w{{8}}\.tmp")
    for child in [*path.parent.iterdir()]:
        if child == _aside(path) or (left.fullmatch(child.name) and child.is_dir()):
            shutil.rmtree(child, ignore_errors=True)


def _of_the_disk(error: Exception, path: Path) -> Exception:
    """What is raised for an error of writing: with the place and the remedy where the disk is full."""
    said = str(error)
    number = error.errno if isinstance(error, OSError) else None
    known = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
    told = (
        number in known
        or any(f"os error {one}" in said for one in known)
        or any(one in said for one in WRITER)
    )
    if not told:
        return error
    why = os.strerror(number) if number else "the disk takes no more"
    return SynegError(
        f"{path} cannot be written: {why}.",
        hint="Make room on the disk, then run the same command: what was finished is kept.",
    )


def _take_place(fresh: Path, path: Path) -> None:
    """A folder takes the place of another, which is then at `fresh`, or gone."""
    if not path.exists():
        fresh.rename(path)
    elif not _exchanged(fresh, path):
        path.rename(_aside(path))
        fresh.rename(path)
    sync(path.parent)
    shutil.rmtree(_aside(path), ignore_errors=True)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def _exchanged(one: Path, other: Path) -> bool:
    """Whether two names were exchanged in one step; not every system and disk can."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of linux/fs.h
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return bool(rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0)
