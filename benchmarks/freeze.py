"""Frozen layers: what `freeze = N` costs and saves, with and without keeping what those layers give.

    python benchmarks/freeze.py FOLDER/aldermere-support [--layers 2 3 4] [--precision fp32] [--epochs 2]

FOLDER is what `syneg demo FOLDER` wrote. Every arm trains MiniLM on the same pairs with three mined
negatives each, one arm after the other. Of each layer count there are three: computed at every step, kept
for the first time, and kept before (another seed, another arm of a study). Seconds are the processor's,
on one thread, so that other work on the machine counts as little as can be: "steps" is training alone,
"whole" has loading and what is computed once in it, "eval" encodes the corpus and the test queries.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from syneg_cli.core.progress import Advance, NoProgress


class Steps(NoProgress):
    """The processor's time when training began."""

    start = 0.0

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "") -> Iterator[Advance]:
        if description == "Training":
            self.start = time.process_time()
        yield lambda steps: None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dataset", help="a folder in BEIR layout with train and test judgements")
    parser.add_argument("--layers", type=int, nargs="*", default=[2, 3, 4])
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(args, Path(folder))


def measure(args: argparse.Namespace, folder: Path) -> None:
    import torch

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
    arms = [("freeze = 0", 0, 0)]
    for number in args.layers:
        arms.append((f"freeze = {number}, at every step", number, 0))
        arms += [(f"freeze = {number}, {when}", number, 10) for when in ("kept", "kept before")]
    print("| arm | steps s | whole s | eval s | nDCG@10 | kept MB |\n|---|---|---|---|---|---|", flush=True)
    for title, number, kept in arms:
        given = {"epochs": args.epochs, "precision": args.precision, "freeze": number, "frozen_gb": kept}
        cache, clock, start = folder / str(number), Steps(), time.process_time()
        around = Around(dataset, made.texts, clock, cache=cache)
        model, _ = fine_tune(made.instances, TrainSettings.model_validate(given), around)
        end = time.process_time()
        encoder = Encoder(model, precision=args.precision, kept=cache if kept else None)
        found = score(retrieve(dataset, "test", encoder), dataset.qrels("test")).metrics[MAIN_METRIC]
        seconds = (end - clock.start, end - start, time.process_time() - end)
        size = sum(file.stat().st_size for file in cache.glob("*/states")) / 1e6 if kept else 0
        times = " | ".join(f"{value:.1f}" for value in seconds)
        print(f"| {title} | {times} | {found:.4f} | {size:.0f} |", flush=True)


if __name__ == "__main__":
    main()
