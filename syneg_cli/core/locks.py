"""One process at a time: a lock on disk that its holder's end frees, however it ends."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from syneg_cli.core.errors import SynegError
from syneg_cli.core.holders import described, of_earlier, still_runs, this_process
from syneg_cli.core.paths import check_no_link
from syneg_cli.core.progress import Progress

NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)


class Unlockable(SynegError):
    """There can be no lock: nothing can be written where it would be. So nobody makes anything there."""

    exit_code = 2


@contextmanager
def locked(path: Path, what: str, progress: Progress) -> Iterator[None]:
    """Hold the lock file `path`; where another process holds it, say which one and wait.

    The system frees the lock of a process that ends; the file stays, and says nothing then.

    Args:
        what: what is locked, for the note.

    Raises:
        Unlockable: nothing can be written there.
        UsageError: the lock file is a link; what it leads to would be emptied.
        SynegError: the disk knows no locks.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        check_no_link(path, "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress.note(f"{what}: {holder_of(path)} is making it; waiting until that is done")
            lock.acquire()
    except OSError as error:
        if error.errno in NO_RIGHT:
            raise Unlockable(
                f"{path.parent} cannot be written ({os.strerror(error.errno)}).",
                hint="Give yourself the right to write there, or name another folder with --work-dir.",
            ) from None
        if error.filename is not None:
            raise
        raise SynegError(
            f"{path.parent}: its disk has no file locks ({error.strerror}); they keep two processes apart.",
            hint="Put the work directory on another disk (--work-dir).",
        ) from error
    try:
        with suppress(OSError):  # who holds it is only told
            path.write_text(f"{this_process()}\n", encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            path.write_text("", encoding="utf-8")
        lock.release()


def holder_of(path: Path) -> str:
    """Who holds a lock, as `described` says it; "another process" if it has not said, or is gone."""
    try:
        said = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        said = ""
    holder = said if ":" in said else of_earlier(said)
    return "another process" if still_runs(holder) is False else described(holder)
