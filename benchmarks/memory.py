"""Peak memory of every stage over 1, 10 and 100 times the data: `python benchmarks/memory.py [--base 100]`.

At one time there are BASE queries with a relevant document each, in a corpus of twice as many;
a fifth of the queries is test, the rest train. Every stage is a process of its own, as a user
starts it; its peak is the resident set that the kernel counted (ru_maxrss). Answers are recorded
ones, and the encoder is a static embedding with random weights, so that no model's memory hides
what grows. The last column is what a query (or, for `mine`, two documents) adds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MODEL = "import sys; from benchmarks.scale import static_encoder as e; e(None).model.save(sys.argv[1])"
WORDS = 20_000
"""As `static_encoder` knows them."""

LENGTH, NEGATIVES, RANKED = 60, 2, 100
STAGES: dict[str, tuple[str, ...]] = {
    "import, a folder": ("import", "files", "--output", "imported"),
    "import, JSONL": ("import", "data/corpus.jsonl", "--output", "imported-table"),
    "generate, replayed": ("generate",),
    "generate, from the cache": ("generate", "--force"),
    "mine random": ("mine", "--miner", "random"),
    "mine bm25": ("mine", "--miner", "bm25"),
    "mine dense, cold": ("mine", "--miner", "dense"),
    "mine dense, vectors kept": ("mine", "--miner", "dense", "--force"),
    "mix": ("mix",),
    "export": ("export", "--output", "export.jsonl"),
    "export, Parquet": ("export", "--format", "parquet", "--output", "export.parquet"),
    "eval of a run": ("eval", "--run", "run.trec"),
    "status": ("status",),
    "cache export": ("cache", "export", "answers.jsonl"),
    "cache import": ("cache", "import", "answers.jsonl", "--cache", "other.db"),
}


def write_project(folder: Path, queries: int) -> None:
    draw = random.Random(0)
    words = [f"w{number}" for number in range(WORDS)]

    def text(length: int) -> str:
        return " ".join(draw.choices(words, k=length))

    data = folder / "data"
    (data / "qrels").mkdir(parents=True)
    with (data / "corpus.jsonl").open("w", encoding="utf-8") as file:
        for number in range(2 * queries):
            file.write(json.dumps({"_id": f"d{number}", "title": "", "text": text(LENGTH)}) + "\n")
    for number in range(2 * queries):
        file_of = folder / "files" / str(number // 1000) / f"{number}.txt"
        file_of.parent.mkdir(parents=True, exist_ok=True)
        file_of.write_text(text(LENGTH), encoding="utf-8")
    with (data / "queries.jsonl").open("w", encoding="utf-8") as file:
        for number in range(queries):
            file.write(json.dumps({"_id": f"q{number}", "text": text(6)}) + "\n")
    test = queries // 5
    for split, chosen in (("test", range(test)), ("train", range(test, queries))):
        rows = [f"q{number}\td{number}\t1" for number in chosen]
        (data / "qrels" / f"{split}.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n")
    with (folder / "recorded.jsonl").open("w", encoding="utf-8") as file:
        for number in range(test, queries):
            negatives = [{"title": text(3), "document": text(LENGTH)} for _ in range(NEGATIVES)]
            row = {"query_id": f"q{number}", "doc_id": f"d{number}", "prompt": "syneg", "n": NEGATIVES}
            file.write(json.dumps(row | {"response": json.dumps({"negatives": negatives})}) + "\n")
    with (folder / "run.trec").open("w", encoding="utf-8") as file:
        for number in range(test):
            for rank, document in enumerate(
                draw.sample(range(2 * queries), min(RANKED, 2 * queries)), start=1
            ):
                file.write(f"q{number} Q0 d{document} {rank} {1 / rank:.6f} x\n")
    (folder / "syneg.toml").write_text(
        '[dataset]\nname = "data"\ndev_fraction = 0\n[generate]\nllm = "replay:recorded.jsonl"\n'
        '[mine]\nminers = ["bm25"]\nbackbone = "../model"\n[mix]\nnegatives = 3\n'
    )


def measured(folder: Path, command: tuple[str, ...]) -> float:
    """The peak, in MiB, of a command line in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "syneg_cli", *command],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{(folder / 'log').read_text()}")
    return usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=int, default=100, help="queries at one time")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--stage", action="append", choices=list(STAGES), help="only these, and those before")
    given = parser.parse_args()
    last = max((list(STAGES).index(stage) for stage in given.stage or ()), default=len(STAGES) - 1)
    chosen = dict(list(STAGES.items())[: last + 1])
    peaks: dict[str, list[float]] = {stage: [] for stage in chosen}
    with tempfile.TemporaryDirectory() as name:
        # Elsewhere: what this process has in memory counts as the peak of those that it starts.
        subprocess.run([sys.executable, "-c", MODEL, str(Path(name) / "model")], check=True, cwd=ROOT)
        for times in given.times:
            folder = Path(name) / f"x{times}"
            write_project(folder, given.base * times)
            for stage, command in chosen.items():
                peaks[stage].append(measured(folder, command))
                print(f"{times:>4} x  {stage}: {peaks[stage][-1]:.0f} MiB", file=sys.stderr)
    _print(peaks, given)


def _print(peaks: dict[str, list[float]], given: Any) -> None:
    sizes = [given.base * times for times in given.times]
    columns = " | ".join(f"{size:,} queries" for size in sizes).replace(",", " ")
    print(f"| stage | {columns} | KiB a query |\n|---|{'---|' * (len(sizes) + 1)}")
    for stage, found in peaks.items():
        grown = (found[-1] - found[0]) * 1024 / max(1, sizes[-1] - sizes[0])
        cells = " | ".join(f"{peak:.0f} MiB" for peak in found)
        print(f"| {stage} | {cells} | {grown:.1f} |")


if __name__ == "__main__":
    main()
