"""Command lines on damaged files: whatever these hold, a command ends well, in words."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path

from syneg_cli.cli.app import main
from tests.fuzz.test_files import UNEXPECTED


@dataclass
class Project:
    """A folder in which commands run; `restore` takes back what they and the damage did."""

    folder: Path
    files: dict[Path, bytes] = field(default_factory=dict, repr=False)

    def keep(self) -> None:
        self.files = {path: path.read_bytes() for path in self._there()}

    def restore(self) -> None:
        for path in self._there():
            if path not in self.files:
                path.unlink()
        for path, data in self.files.items():
            if not path.is_file() or path.read_bytes() != data:
                path.write_bytes(data)

    def _there(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def __call__(self, *argv: object, named: str = "") -> tuple[int, str]:
        """(exit code, what was said on stderr) of a command line.

        Args:
            named: what the message of bad input has to name.
        """
        out, err = io.StringIO(), io.StringIO()
        with inside(self.folder), redirect_stdout(out), redirect_stderr(err):
            code = main([str(part) for part in argv])
        said = err.getvalue()
        assert code in (0, 1, 2), said
        assert not UNEXPECTED.search(said), said
        assert "Traceback" not in said, said
        assert bool(code) == ("error: " in said), said
        assert code != 2 or named in said, said
        assert not list(self.folder.rglob("*.tmp")), "half-written"
        assert not databases_held(self.folder)
        (out.getvalue() + said).encode()
        return code, said


def databases_held(folder: Path) -> list[str]:
    """Databases below a folder that this process has open, where the system tells it: the next use waits for them."""
    found = []
    for file in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):  # closed meanwhile
            found.append(str(file.readlink()))
    return [name for name in found if name.startswith(str(folder)) and ".db" in name]


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
