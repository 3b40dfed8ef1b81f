"""Archives from elsewhere: looked through as a whole before a byte of them is written."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from syneg_cli.core import DatasetError

GROWTH = 100
SMALL = 2**30
"""An archive may become `GROWTH` times its own size (texts: 3 to 10 times), a small one `SMALL` bytes."""

MOST_FILES = 100_000
HINT = "Nothing of it was written. Fetch the data set from where you trust it, and pass --data-dir FOLDER."


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip file into a folder, and nowhere else.

    Raises:
        DatasetError: something in it would be written outside the folder, or is a link, or would fill the
            disk; nothing was written.
        BadZipFile: it is no zip file, or damaged.
    """
    with ZipFile(archive) as opened:
        members = opened.infolist()
        for member in members:
            if why := _refused(member):
                raise DatasetError(f"{archive.name} {why}: {member.filename!r}.", hint=HINT)
        _check_size(archive, members, folder)
        for member in members:
            try:
                opened.extract(member, folder)
            except (NotImplementedError, RuntimeError) as error:  # a compression or cipher that is not known
                raise BadZipFile(str(error)) from None


def _refused(member: ZipInfo) -> str | None:
    """What is wrong with a member; None where nothing is."""
    name, mode = member.orig_filename, member.external_attr >> 16
    if "\0" in name or PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive:
        return "has an absolute or broken name"
    if "\\" in name or ".." in PurePosixPath(name).parts:
        return "has a name that leads out of its folder"
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "has a link or a device"
    return None


def _check_size(archive: Path, members: list[ZipInfo], folder: Path) -> None:
    """By the sizes that the archive states: reading a member ends at the size that is stated for it."""
    if len(members) > MOST_FILES:
        raise DatasetError(f"{archive.name} has {len(members):,} files, more than {MOST_FILES:,}.", hint=HINT)
    size = sum(member.file_size for member in members)
    most = max(SMALL, GROWTH * archive.stat().st_size)
    if size > most:
        raise DatasetError(
            f"{archive.name} would become {size / 1e9:,.1f} GB, more than {most / 1e9:,.1f} GB "
            f"({GROWTH} times its own size).",
            hint=HINT,
        )
    free = shutil.disk_usage(folder).free
    if size > free:
        raise DatasetError(
            f"{archive.name} needs {size / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free at {folder}.",
            hint="Free some, or set XDG_CACHE_HOME to keep downloads elsewhere.",
        )
