"""Frozen layers: what `freeze = N` costs and saves, with and without keeping what those layers give.

    python -m benchmarks.freeze FOLDER/aldermere-support [--layers 2 3 4] [--precision fp32] [--epochs 2]

FOLDER is what `syneg demo FOLDER` wrote. First a step: 16 of its articles through MiniLM and back, the ways
taking turns, four rounds of which the first does not count. Then MiniLM is trained on batches of 16 pairs
with three mined negatives each, frozen layers kept, and measured on test. Seconds are the processor's, on
one thread, so that other work on the machine counts as little as can be.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from syneg_cli.core.progress import Advance, NoProgress

ROUNDS = 4
TEXTS = 16


class Clock(NoProgress):
    """The processor's time that the frozen layers took, once."""

    kept = 0.0

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "") -> Iterator[Advance]:
        start = time.process_time()
        yield lambda n: None
        if description == "Computing the frozen layers":
            self.kept = time.process_time() - start


def step(model: Any, features: dict[str, Any], layers: int, precision: str, upper: Any) -> float:
    """Seconds of forward and backward with the first layers frozen."""
    import torch

    from syneg_cli.training.parameters import freeze_layers

    for parameter in model.parameters():
        parameter.requires_grad_(True)
        parameter.grad = None
    freeze_layers(model, layers)
    start = time.process_time()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"), upper():
        vectors = model(dict(features))["sentence_embedding"]
    (vectors @ vectors.T).float().square().sum().backward()
    return time.process_time() - start


def steps(dataset: Any, layers: list[int], precision: str, cache: Path) -> None:
    from syneg_cli.encoding import Kept, Tower, load_model, resolve_precision, unpadded
    from syneg_cli.training.cpu_attention import fast_attention
    from syneg_cli.training.parameters import dropout

    model = load_model("minilm")
    precision = resolve_precision(precision, model.device)
    features = model.preprocess(dataset.corpus.texts(range(TEXTS)))
    ways: list[tuple[int, Any]] = [(0, nullcontext)]
    for number in layers:
        kept = Kept(cache, model, number, precision)
        kept.add(Tower(model, precision).split(number), iter(unpadded(features)), room=1 << 40, name="minilm")
        split = Tower(model, "fp32").split(number)
        ways += [(number, nullcontext), (number, partial(split.upper_alone, partial(kept.hidden, split)))]
    model.train()
    seconds: list[list[float]] = [[] for _ in ways]
    with fast_attention(model), dropout(model, 0.0):
        for _ in range(ROUNDS):
            for found, (number, upper) in zip(seconds, ways, strict=True):
                found.append(step(model, features, number, precision, upper))
    print(f"| {precision} | a step s | as fast as freeze = 0 |\n|---|---|---|")
    for found, (number, upper) in zip(seconds, ways, strict=True):
        how = "" if not number else ", at every step" if upper is nullcontext else ", kept"
        own, base = median(found[1:]), median(seconds[0][1:])
        print(f"| freeze = {number}{how} | {own:.2f} | {base / own:.2f} |", flush=True)


def trained(dataset: Any, args: argparse.Namespace, folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    from syneg_cli.encoding.encoder import Encoder
    from syneg_cli.evaluation import MAIN_METRIC, retrieve, score
    from syneg_cli.library import mine, mix
    from syneg_cli.training.companions import Around
    from syneg_cli.training.fine_tune import fine_tune
    from syneg_cli.training.settings import TrainSettings

    mined = mine(dataset, work_dir=folder / "mined", precision=args.precision)
    made = mix(dataset, mined, strategy="retrieved")
    print("\n| | computed once s | kept MB | encoding s | nDCG@10 |\n|---|---|---|---|---|", flush=True)
    for number in (0, *args.layers):
        given = {"epochs": args.epochs, "precision": args.precision, "freeze": number}
        cache, clock = folder / f"of-{number}", Clock()
        around = Around(dataset, made.texts, clock, cache=cache)
        model, _ = fine_tune(made.instances, TrainSettings.model_validate(given), around)
        assert isinstance(model, SentenceTransformer)
        start = time.process_time()
        encoder = Encoder(model, precision=args.precision, kept=cache)
        found = score(retrieve(dataset, "test", encoder), dataset.qrels("test")).metrics[MAIN_METRIC]
        encoding = time.process_time() - start
        size = sum(file.stat().st_size for file in cache.glob("*/states")) / 1e6
        print(
            f"| freeze = {number} | {clock.kept:.1f} | {size:.0f} | {encoding:.1f} | {found:.4f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dataset", help="a folder in BEIR layout with train and test judgements")
    parser.add_argument("--layers", type=int, nargs="*", default=[2, 3, 4])
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()

    import torch

    from syneg_cli.data.opening import load_dataset

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        dataset = load_dataset(args.dataset, cache=Path(folder) / "corpus", dev_fraction=0)
        steps(dataset, args.layers, args.precision, Path(folder) / "steps")
        if args.epochs:
            trained(dataset, args, Path(folder))


if __name__ == "__main__":
    main()
