"""What share of this machine's own matrix rate encoding and training reach, and where the rest goes.

    python benchmarks/rates.py                    on the demo's articles
    python benchmarks/rates.py DATA/scifact       on a data set of yours

In one process for each precision that the processor has units for: the rate of a large matrix product,
then encoding, then training steps. Work is counted as the products that a transformer cannot do without
(its linear layers and attention, three times that in training), for real tokens: padding counts as lost.
The profile says which operations the time is in; "outside" is what is no operation of PyTorch:
tokenising, Python.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.train import instances, precisions
from syneg_cli.data import demo
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset

PRECISIONS = ("fp32", "bf16")
KINDS = {
    "products": ("addmm", "mm", "bmm", "linear", "matmul", "mkldnn", "onednn"),
    "attention": ("scaled_dot", "attention", "softmax"),
    "activation": ("gelu", "silu", "relu", "tanh"),
    "normalisation": ("norm",),
    "copies": ("copy", "cat", "contiguous", "index", "embedding", "clone", "to_", "empty", "fill", "zero"),
    "optimizer": ("adam", "foreach", "addcdiv", "addcmul", "lerp"),
}
"""Kind of operation -> what its name in PyTorch holds."""


def matrix_rate(precision: str, seconds: float = 1.0) -> float:
    """GFLOP/s of products of 2048 x 2048 matrices."""
    import torch

    size, kind = 2048, torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = torch.randn(size, size, dtype=kind), torch.randn(size, size, dtype=kind)
    left @ right
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        left @ right
        count += 1
    return 2 * size**3 * count / (time.perf_counter() - started) / 1e9


def work(model: Any, lengths: Sequence[int]) -> float:
    """Floating-point operations of encoding texts of so many tokens."""
    import torch

    transformer = model[0].auto_model
    layers, width = transformer.config.num_hidden_layers, transformer.config.hidden_size
    products = sum(
        module.weight.numel()
        for module in transformer.encoder.modules()
        if isinstance(module, torch.nn.Linear)
    )
    return float(sum(2 * products * n + 4 * layers * width * n * n for n in lengths))


def lengths_of(model: Any, texts: Sequence[str]) -> list[int]:
    limit = model.max_seq_length
    return [min(len(ids), limit) for ids in model.tokenizer(list(texts))["input_ids"]]


@contextmanager
def profiled(seconds: dict[str, float]) -> Iterator[None]:
    """Adds the seconds of each kind of operation, and those outside of all."""
    import torch

    started = time.perf_counter()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        yield
    whole = time.perf_counter() - started
    found: Counter[str] = Counter()
    for event in profile.key_averages():
        name = event.key.lower()
        kind = next((kind for kind, parts in KINDS.items() if any(part in name for part in parts)), "other")
        found[kind] += event.self_cpu_time_total / 1e6
    seconds |= found
    seconds["outside"] = max(0.0, whole - sum(found.values()))


def encoding(dataset: Dataset, precision: str, texts: int) -> dict[str, Any]:
    from syneg_cli.encoding import Encoder

    encoder = Encoder.load("minilm", precision=precision)
    found = dataset.corpus.texts(range(min(texts, len(dataset.corpus))))
    encoder.encode_texts(found[:64])
    started = time.perf_counter()
    encoder.encode_texts(found)
    seconds = time.perf_counter() - started
    kinds: dict[str, float] = {}
    with profiled(kinds):
        encoder.encode_texts(found)
    flops = work(encoder.model, lengths_of(encoder.model, found))
    return {"per_second": len(found) / seconds, "gflops": flops / seconds / 1e9, "kinds": kinds}


def training(dataset: Dataset, precision: str, steps: int) -> dict[str, Any]:
    from syneg_cli.encoding.loading import load_model
    from syneg_cli.mixing.texts import Texts
    from syneg_cli.training.settings import TrainSettings
    from syneg_cli.training.train import train

    settings = TrainSettings.model_validate({"epochs": 1, "precision": precision, "dev": False})
    made = instances(dataset, steps * settings.batch_size)
    model = load_model("minilm")

    def run() -> float:
        started = time.perf_counter()
        train(load_model("minilm"), made, dataset=dataset, texts=Texts(), settings=settings)
        return time.perf_counter() - started

    run()
    seconds, kinds = run(), dict[str, float]()
    with profiled(kinds):
        run()
    texts = [dataset.queries[one.query_id].text for one in made]
    for one in made:
        texts += [dataset.corpus[i].full_text for i in (one.positive_id, *(ref.id for ref in one.rounds[0]))]
    flops = 3 * work(model, lengths_of(model, texts))
    return {"per_second": len(made) / seconds, "gflops": flops / seconds / 1e9, "kinds": kinds}


def measure(folder: Path, precision: str, texts: int, steps: int) -> dict[str, Any]:
    """Everything of one precision, in this process."""
    import torch

    rate = matrix_rate(precision)
    dataset = load_dataset(str(folder), cache=Path(tempfile.mkdtemp()), dev_fraction=0)
    encoded, trained = encoding(dataset, precision, texts), training(dataset, precision, steps)
    rate = max(rate, matrix_rate(precision))
    threads = torch.get_num_threads()
    return {"rate": rate, "encoding": encoded, "training": trained, "threads": threads}


def rows(found: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "| | a product, GFLOP/s | reached, GFLOP/s | share | a second | where the time goes |"
    yield "|---|---|---|---|---|---|"
    for precision, figures in found.items():
        for what, unit in (("encoding", "texts"), ("training", "pairs")):
            one = figures[what]
            whole = sum(one["kinds"].values())
            parts = sorted(one["kinds"].items(), key=lambda item: -item[1])
            told = ", ".join(
                f"{kind} {seconds / whole:.0%}" for kind, seconds in parts if seconds > whole / 100
            )
            share = one["gflops"] / figures["rate"]
            yield (
                f"| {what}, {precision} | {figures['rate']:.0f} | {one['gflops']:.1f} | {share:.0%} "
                f"| {one['per_second']:.1f} {unit} | {told} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", help="a folder in BEIR layout; else the demo's")
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--precision", choices=PRECISIONS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.precision:
        print(json.dumps(measure(args.data, args.precision, args.texts, args.steps)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.data or Path(scratch) / demo.DATASET
        if args.data is None:
            demo.write_dataset(folder)
        found = {}
        for precision in precisions():
            command = [sys.executable, "-m", "benchmarks.rates", str(folder), "--precision", precision]
            command += ["--texts", str(args.texts), "--steps", str(args.steps)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[precision] = json.loads(done.stdout.splitlines()[-1])
    print("\n".join(rows(found)))


if __name__ == "__main__":
    main()
