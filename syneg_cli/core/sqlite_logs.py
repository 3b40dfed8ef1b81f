"""The log beside an SQLite file (`-wal`): what it holds belongs to the file.

SQLite reads it by an index (`-shm`) that it makes beside the file. Where it may not write
there, it does not open the file at all; told that nothing changes (`immutable`), it leaves the log out.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from syneg_cli.core.errors import SynegError
from syneg_cli.core.files import sync

TRIES = 5


def has_log(path: Path) -> bool:
    """Whether a log beside an SQLite file holds some of it."""
    log = _log_of(path)
    return log.is_file() and log.stat().st_size > 0


def sync_log(path: Path) -> None:
    """Until what was committed to an SQLite file that has a log is on the disk itself; from any thread.

    What SQLite moved from the log into the file is there already: it waits for both before it reuses a log.
    """
    sync(_log_of(path))


def copied(path: Path, why: str) -> TemporaryDirectory[str]:
    """A folder of ours with a copy of an SQLite file and of its log, under the same names.

    Args:
        why: the file itself cannot be opened.

    Raises:
        SynegError: it cannot be copied, or somebody writes to it all the time.
    """
    hint = f"Copy both to a disk that can be written, or make room in {gettempdir()} (TMPDIR names another)."
    wanting = f"{path} cannot be read without its log {_log_of(path).name}, nor that where it is ({why})"
    try:
        folder = TemporaryDirectory(prefix="syneg-")
        try:
            for _ in range(TRIES):
                before = _stamps(path)
                for file in (path, _log_of(path)):
                    shutil.copyfile(file, Path(folder.name) / file.name)
                if _stamps(path) == before:
                    return folder
        except BaseException:
            folder.cleanup()
            raise
    except OSError as error:
        raise SynegError(f"{wanting}; a copy fails: {error.strerror}.", hint=hint) from None
    folder.cleanup()
    raise SynegError(f"{wanting}; somebody is writing to it.", hint="Run the same command again after that.")


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _stamps(path: Path) -> list[tuple[int, int]]:
    stats = [file.stat() for file in (path, _log_of(path))]
    return [(stat.st_size, stat.st_mtime_ns) for stat in stats]
