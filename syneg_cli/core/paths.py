"""Paths as a user gives them: told what is wrong with one before anything is opened."""

from __future__ import annotations

import stat
from pathlib import Path

from syneg_cli.core.errors import SynegError, UsageError

RIGHTS = "Check the path and its rights."


def user_path(text: str) -> Path:
    """A path, with `~` as the home folder.

    Raises:
        UsageError: it can be no path: nobody has that home, it has a NUL within, or is no UTF-8.
    """
    _need_utf8(text, UsageError)
    try:
        if "\0" in text:
            raise RuntimeError("a path has no NUL character")
        return Path(text).expanduser()
    except RuntimeError as wrong:
        raise UsageError(f"{text!r} is no path: {str(wrong).lower().rstrip('.')}.", hint=RIGHTS) from None


def _need_utf8(text: str, error: type[SynegError]) -> None:
    """Raises `error` for a name that no manifest can hold: its bytes are of another encoding."""
    try:
        text.encode()
    except UnicodeEncodeError:
        hint = "Rename it: results name in UTF-8 what they were made from."
        raise error(f"{text!a} is not named in UTF-8.", hint=hint) from None


def check_no_link(path: Path, what: str) -> None:
    """Raises UsageError where a file or folder of ours is a link: what it leads to may be the user's.

    A folder that holds results may be one, so that they are on another disk.

    Args:
        what: what it would be, without "of syneg".
    """
    if path.is_symlink():
        told = f"{path} is a link to {path.readlink()}, and no {what} of syneg."
        raise UsageError(told, hint="Remove the link, then run the same command.")


def is_file(path: Path) -> bool:
    """Whether a file is there; not, without an error, where none can have such a name."""
    try:
        return path.is_file()
    except OSError:
        return False


def need_file(path: Path, error: type[SynegError], *, hint: str | None = None) -> None:
    """Raises `error` where `path` is no file that can be opened, and says what it is instead.

    Nothing is opened: whoever opens a pipe that nobody writes to waits for ever.
    """
    _need_utf8(str(path), error)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        lost = f" is a link to {path.readlink()}, which" if path.is_symlink() else ""
        raise error(f"{path}{lost} is not there.", hint=hint or RIGHTS) from None
    except (OSError, ValueError) as wrong:  # ValueError: a NUL within
        said = wrong.strerror if isinstance(wrong, OSError) else wrong
        raise error(f"{path} cannot be read: {said}.", hint=hint or RIGHTS) from None
    if stat.S_ISDIR(mode):
        raise error(f"{path} is a folder, not a file.", hint=hint or "Name the file that is meant.")
    if not stat.S_ISREG(mode):
        raise error(f"{path} is a pipe or a device, not a file.", hint="Save it to a file, and name that.")
