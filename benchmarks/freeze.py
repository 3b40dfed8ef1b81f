"""Frozen layers: what `freeze = N` costs and saves, with and without keeping what those layers give.

    python benchmarks/freeze.py FOLDER/aldermere-support [--layers 2 3 4] [--precision fp32] [--epochs 2]

FOLDER is what `syneg demo FOLDER` wrote. Every arm trains MiniLM on the same batches of 16 pairs
with three mined negatives each, one arm after the other. Seconds are the processor's, on one thread, so that
other work on the machine counts as little as can be: of a step (the median), of computing what is kept, and
of encoding corpus and test queries afterwards. Where layers are computed at every step, which changes no
weights, `--few` pairs are trained on, for the time of a step alone.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median

from syneg_cli.core.progress import Advance, NoProgress


class Clock(NoProgress):
    """The processor's time at every step, and what the frozen layers took."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.kept = 0.0

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "") -> Iterator[Advance]:
        start = time.process_time()

        def advance(n: int) -> None:
            if description == "Training":
                self.steps.append(time.process_time())

        yield advance
        if description == "Computing the frozen layers":
            self.kept = time.process_time() - start

    def step(self) -> float:
        return median(later - earlier for earlier, later in pairwise(self.steps))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dataset", help="a folder in BEIR layout with train and test judgements")
    parser.add_argument("--layers", type=int, nargs="*", default=[2, 3, 4])
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--few", type=int, default=64)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(args, Path(folder))


def measure(args: argparse.Namespace, folder: Path) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    from syneg_cli.data.dataset import load_dataset
    from syneg_cli.encoding.encoder import Encoder
    from syneg_cli.evaluation import MAIN_METRIC, retrieve, score
    from syneg_cli.library import mine, mix
    from syneg_cli.training.companions import Around
    from syneg_cli.training.fine_tune import fine_tune
    from syneg_cli.training.settings import TrainSettings

    torch.set_num_threads(1)
    dataset = load_dataset(args.dataset, cache=folder / "corpus", dev_fraction=0)
    made = mix(
        dataset, mine(dataset, work_dir=folder / "mined", precision=args.precision), strategy="retrieved"
    )
    arms = [("freeze = 0", 0, False)]
    arms += [(f"freeze = {number}", number, kept) for number in args.layers for kept in (False, True)]
    print(
        "| arm | a step s | computed once s | kept MB | encoding s | nDCG@10 |\n|---|---|---|---|---|---|",
        flush=True,
    )
    for title, number, kept in arms:
        given = {"epochs": args.epochs, "precision": args.precision, "freeze": number, "frozen_gb": 10 * kept}
        few = args.few if number and not kept else None
        cache, clock = folder / str(number), Clock()
        around = Around(dataset, made.texts, clock, cache=cache)
        model, _ = fine_tune(made.instances[:few], TrainSettings.model_validate(given), around)
        if few:
            print(f"| {title}, at every step | {clock.step():.2f} | | | | |", flush=True)
            continue
        assert isinstance(model, SentenceTransformer)
        start = time.process_time()
        encoder = Encoder(model, precision=args.precision, kept=cache)
        found = score(retrieve(dataset, "test", encoder), dataset.qrels("test")).metrics[MAIN_METRIC]
        encoding = time.process_time() - start
        size = sum(file.stat().st_size for file in cache.glob("*/states")) / 1e6
        figures = f"{clock.step():.2f} | {clock.kept:.1f} | {size:.0f} | {encoding:.1f} | {found:.4f}"
        print(f"| {title}{', kept' if kept else ''} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
