"""The files of a folder, in the order of their names: no hidden ones, no links, nothing twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from syneg_cli.core import manifest_path
from syneg_cli.data.imports.tally import Tally

OF_TOOLS = ("node_modules", "__pycache__")


def files_below(folder: Path, tally: Tally, prefix: str = "") -> Iterator[tuple[Path, str]]:
    """(path, name below the folder with slashes) of every file, folder by folder.

    Hidden files and folders, those of tools, and results of syneg are counted and passed over. Links, and
    what cannot be opened or named, is left out by name.
    """
    open_ = [_entries(folder, tally, prefix)]  # no recursion: folders may be nested deeper than Python calls
    while open_:
        if (found := next(open_[-1], None)) is None:
            open_.pop()
            continue
        entry, name = found
        if entry.name.startswith(".") or entry.name in OF_TOOLS:
            tally.passed_over += 1
        elif not _is_utf8(entry.name):
            tally.leave_out(ascii(name), "its name is not UTF-8")
        elif entry.is_symlink():
            tally.leave_out(name, "a link: it is not followed")
        elif not entry.is_dir(follow_symlinks=False):
            yield Path(entry.path), name
        elif manifest_path(Path(entry.path)).is_file():
            tally.passed_over += 1
        else:
            open_.append(_entries(Path(entry.path), tally, f"{name}/"))


def _entries(folder: Path, tally: Tally, prefix: str) -> Iterator[tuple[os.DirEntry[str], str]]:
    """(entry, name below the first folder) of a folder, by their names; of none that cannot be opened."""
    try:
        with os.scandir(folder) as opened:
            entries = sorted(opened, key=lambda entry: entry.name)
    except OSError as error:
        tally.leave_out(prefix or str(folder), f"cannot be opened: {error.strerror}")
        return
    for entry in entries:
        yield entry, f"{prefix}{entry.name}"


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
