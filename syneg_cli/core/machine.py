"""What this machine is and has: for `syneg doctor`. Nothing here loads a heavy library."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from syneg_cli.core.installing import install
from syneg_cli.core.text import counted

State = Literal["ok", "warning", "problem"]
OK: State = "ok"
WARNING: State = "warning"
PROBLEM: State = "problem"
NEWEST = (3, 14)
"""The newest Python that syneg is known to run on."""

FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16")
"""Of a processor, as Linux calls them: what makes encoding and training on it faster."""

GIB = 2**30
TIGHT, LITTLE = 0.2 * GIB, 2 * GIB
"""Free bytes on a disk, or of memory, with which nothing works, and with which a larger model may not."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: `said` is what was found, `remedy` what to do where it is not ok."""

    name: str
    state: State
    said: str
    remedy: str | None = None


def machine_checks(disk: Path) -> Iterator[Check]:
    """Python, libraries, processor, memory, and the disk that a folder is on (or will be)."""
    yield _python()
    yield from _libraries()
    yield _processor()
    yield _room("memory", _free_memory(), "Close other programs, or take a smaller model or batch.")
    yield _room("disk", shutil.disk_usage(existing(disk)).free, "Free some, or name another --work-dir.")


def existing(path: Path) -> Path:
    """The nearest folder above a path that is there."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def extras() -> Iterator[tuple[str, list[str]]]:
    """(extra of `pip install 'syneg[...]'`, the packages that it lacks here)."""
    for extra in ("demo", "irds", "documents", "duckdb", "lora", "constrained", "onnx", "openvino"):
        wanted = [one for one in _requirements() if f"extra == '{extra}'" in one.replace('"', "'")]
        yield extra, [name for name, version in map(_installed, wanted) if version is None]


def _python() -> Check:
    said = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info[:2] > NEWEST:
        return Check("Python", WARNING, said, f"Newer than {NEWEST[0]}.{NEWEST[1]}: not tried yet.")
    return Check("Python", OK, said)


def _libraries() -> Iterator[Check]:
    """One line for all that fit, one for each that does not."""
    from packaging.requirements import Requirement

    fitting = []
    for text in _requirements():
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        name, version = _installed(text)
        if version is None:
            remedy = f"Run `{install(f'{name}{wanted.specifier}')}`."
            yield Check("libraries", PROBLEM, f"{name} is not installed", remedy)
        elif not wanted.specifier.contains(version, prereleases=True):
            remedy = f"Run `{install(f'{name}{wanted.specifier}')}`."
            yield Check("libraries", PROBLEM, f"{name} is {version}, not {wanted.specifier}", remedy)
        else:
            fitting.append(f"{name} {version}")
    if fitting:
        yield Check("libraries", OK, ", ".join(fitting))
    else:
        yield Check("libraries", WARNING, "syneg is not installed as a package", "Run `pip install .`.")


def _requirements() -> list[str]:
    from importlib import metadata

    try:
        return metadata.requires("syneg") or []
    except metadata.PackageNotFoundError:
        return []


def _installed(requirement: str) -> tuple[str, str | None]:
    """(package, its version here)."""
    from importlib import metadata

    from packaging.requirements import Requirement

    name = Requirement(requirement).name
    try:
        return name, metadata.version(name)
    except metadata.PackageNotFoundError:
        return name, None


def _processor() -> Check:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = os.environ.get("OMP_NUM_THREADS")
    said = f"{counted(cores, 'core')}, {f'OMP_NUM_THREADS={threads}' if threads else 'a thread for each'}"
    flags = _cpu_flags()
    known = [name for name in FEATURES if name in flags]
    said += f"; {', '.join(known) or 'no known vector instructions'}"
    if flags and not known:
        return Check("processor", WARNING, said, "Encoding will be slow; a GPU or another machine helps.")
    return Check("processor", OK, said)


def _cpu_flags() -> set[str]:
    """Empty where there is no /proc/cpuinfo."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    named = (line.partition(":")[2] for line in lines if line.lower().startswith(("flags", "features")))
    return set(next(named, "").split())


def _free_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return None


def _room(name: str, free: int | None, remedy: str) -> Check:
    if free is None:
        return Check(name, OK, "not known on this system")
    said = f"{free / GIB:,.1f} GiB free"
    if free < LITTLE:
        return Check(name, PROBLEM if free < TIGHT else WARNING, said, remedy)
    return Check(name, OK, said)
