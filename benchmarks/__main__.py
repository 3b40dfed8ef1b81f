"""All benchmarks, one after the other: `make bench`, or `python -m benchmarks [NAME ...]`.

    python -m benchmarks                          on the demo's articles, half an hour and more
    python -m benchmarks mine train               these alone
    python -m benchmarks --data DATA/scifact      on a data set of yours, in BEIR layout
    python -m benchmarks --avx2                   as on a processor without bf16 units
    python -m benchmarks --write                  puts what was measured into docs/benchmarks.md

Each prints what it measured beside the peer that it names, in one run: seconds of two runs, or of
two machines, say nothing of each other. What is written has the processor, the date and the command.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from syneg_cli.data import demo

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
DATA, ITS_OWN = "DATA", "the demo's articles"
BENCHMARKS: Mapping[str, Sequence[str]] = {
    "rates": ("rates", DATA),
    "mine": ("mine", DATA),
    "train": ("train", DATA),
    "freeze": ("freeze", DATA, "--epochs", "1"),
    "int8": ("int8", DATA),
    "eval": ("eval", DATA),
    "generate": ("generate", "calls", "replay"),
    "scale": ("scale", "--index", "Flat"),
    "memory": ("memory",),
}
"""Name -> module and arguments."""

COMPUTING = ("rates", "mine", "train", "freeze", "int8", "eval")
"""Those that products of matrices decide: the others are alike on every processor, but for its pace."""

PLAIN = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
"""What makes PyTorch compute as on a processor without AVX-512 and bf16 units."""


def processor() -> str:
    """This machine's, with what it can do and how many cores there are."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").is_file() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    flags = set((re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, re.MULTILINE) or [""])[0].split())
    able = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{cores()}, {model[1] if model else 'unknown processor'} ({', '.join(able)})"


def cores() -> str:
    """How many there are, and how many of them a benchmark may use (`taskset`)."""
    there = os.cpu_count() or 1
    free = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else there
    return f"{there} cores" if free == there else f"{free} of {there} cores"


def block(name: str, *, plain: bool) -> str:
    """What begins the measured part of the page."""
    return f"<!-- measured: {name}{', as AVX2' if plain else ''} -->"


def replaced(page: str, name: str, measured: str, *, plain: bool) -> str:
    """The page with what was measured, in the place of what was measured before.

    Raises:
        ValueError: the page has no place for it.
    """
    start, end = block(name, plain=plain), "<!-- end -->"
    if start not in page:
        raise ValueError(f"{PAGE.name} has no line {start}")
    before, after = page.split(start, 1)
    return f"{before}{start}\n{measured}\n{end}{after.split(end, 1)[1]}"


def told(name: str, output: str, data: str, *, plain: bool) -> str:
    """What was measured, with when, where, on what and how."""
    module, *arguments = BENCHMARKS[name]
    shown = shlex.join(["python", "-m", f"benchmarks.{module}", *arguments])
    variables = "".join(f"{key}={value} " for key, value in PLAIN.items()) if plain else ""
    on = f", DATA: {data}" if DATA in arguments else ""
    head = f"{date.today().isoformat()}, {processor()}{on}: `{variables}{shown}`"
    return f"{head}\n\n```text\n{output.strip()}\n```"


def run(name: str, folder: Path, *, plain: bool) -> str:
    """What it printed."""
    module, *arguments = BENCHMARKS[name]
    given = [str(folder) if one == DATA else one for one in arguments]
    command = [sys.executable, "-m", f"benchmarks.{module}", *given]
    environment = {**os.environ, **(PLAIN if plain else {})}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return done.stdout


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--data", type=Path, help="a folder in BEIR layout; else the demo's articles")
    parser.add_argument("--avx2", action="store_true", help="as on a processor without bf16 units")
    parser.add_argument("--write", action="store_true", help=f"put it into docs/{PAGE.name}")
    options = parser.parse_args(given)
    if unknown := set(options.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.data.resolve() if options.data else Path(scratch) / demo.DATASET
        if not options.data:
            demo.write_dataset(folder)
        for name in options.names or (COMPUTING if options.avx2 else BENCHMARKS):
            output = run(name, folder, plain=options.avx2)
            measured = told(name, output, options.data.name if options.data else ITS_OWN, plain=options.avx2)
            print(f"{name}: {measured}\n", flush=True)
            if options.write:
                page = replaced(PAGE.read_text(encoding="utf-8"), name, measured, plain=options.avx2)
                PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
