"""Training speed on this machine: syneg against a plain sentence-transformers script.

    python benchmarks/train.py DATASET_FOLDER [--backbone minilm] [--steps 8] [--batch 16] [--rounds 2]
    python benchmarks/train.py DATASET_FOLDER --large --steps 3

Every arm trains the same backbone on the same batches of (query, positive, three random
negatives) with the same loss, in a process of its own; arms take turns, round after round. The
figure is examples (pairs) a second over all steps but the first two; the best round counts,
because other work on the machine can only slow an arm down.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syneg_cli.core.progress import Advance, NoProgress
from syneg_cli.core.records import NegativeRef, TrainingInstance
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset

NEGATIVES = 3
WARM_UP = 2


@dataclass(frozen=True)
class Arm:
    """What is trained how. `without` leaves a part of ours out: "attention" or "pieces"."""

    ours: bool
    precision: str = "bf16"
    dropout: float = 0.0
    without: str = ""
    batch: int | None = None
    chunk: int | None = None


DEFAULTS = "syneg, bf16, no dropout (its defaults)"
ARMS = {
    "plain script, fp32, dropout 0.1 (as it comes)": Arm(ours=False, precision="fp32", dropout=0.1),
    "plain script, fp32, no dropout": Arm(ours=False, precision="fp32"),
    "plain script, bf16, dropout 0.1": Arm(ours=False, dropout=0.1),
    "plain script, bf16, no dropout": Arm(ours=False),
    DEFAULTS: Arm(ours=True),
    "syneg's defaults with PyTorch's attention": Arm(ours=True, without="attention"),
    "syneg's defaults with all texts in one piece": Arm(ours=True, without="pieces"),
    "syneg, fp32, no dropout": Arm(ours=True, precision="fp32"),
    "syneg, bf16, dropout 0.1": Arm(ours=True, dropout=0.1),
}
LARGE = {
    "syneg, batch 32": Arm(ours=True, batch=32),
    "syneg, batch 256, GradCache in chunks of 32": Arm(ours=True, batch=256, chunk=32),
}
PAIRS = [
    (DEFAULTS, "plain script, bf16, no dropout"),
    ("syneg, bf16, dropout 0.1", "plain script, bf16, dropout 0.1"),
    ("syneg, fp32, no dropout", "plain script, fp32, no dropout"),
    (DEFAULTS, "plain script, fp32, dropout 0.1 (as it comes)"),
    ("syneg, fp32, no dropout", "plain script, fp32, dropout 0.1 (as it comes)"),
    (DEFAULTS, "syneg's defaults with PyTorch's attention"),
    (DEFAULTS, "syneg's defaults with all texts in one piece"),
]


def precisions() -> tuple[str, ...]:
    """Those that this processor computes in; another takes many times as long, and says nothing."""
    from syneg_cli.encoding.tower import resolve_precision

    return ("fp32", "bf16") if resolve_precision("auto", "cpu") == "bf16" else ("fp32",)


class Clock(NoProgress):
    """The time of every step."""

    def __init__(self) -> None:
        self.times: list[float] = []

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "") -> Iterator[Advance]:
        def advance(n: int) -> None:
            if n:
                self.times.append(time.monotonic())

        yield advance


def instances(dataset: Dataset, count: int) -> list[TrainingInstance]:
    rng = random.Random(0)
    pairs = dataset.pairs("train")[:count]
    made = []
    for pair in pairs:
        drawn = rng.sample(dataset.corpus.ids, NEGATIVES + len(dataset.excluded(pair.query_id)))
        kept = [i for i in drawn if i not in dataset.excluded(pair.query_id)][:NEGATIVES]
        refs = tuple(NegativeRef("random", doc_id) for doc_id in kept)
        made.append(TrainingInstance(pair.query_id, pair.doc_id, (refs,)))
    return made


@contextmanager
def untouched(model: Any) -> Iterator[None]:
    yield


def leave_out(part: str) -> None:
    """Switch off one of the things that make our step fast."""
    from syneg_cli.training import cpu_attention as attention
    from syneg_cli.training import objective

    if part == "attention":
        attention.fast_attention = untouched
    if part == "pieces":
        objective.ROWS = 1 << 30


def train_ours(dataset: Dataset, made: list[TrainingInstance], arm: Arm, args: Any) -> list[float]:
    from syneg_cli.encoding.loading import load_model
    from syneg_cli.mixing.texts import Texts
    from syneg_cli.training.settings import TrainSettings
    from syneg_cli.training.train import train

    leave_out(arm.without)
    clock = Clock()
    options = {"precision": arm.precision, "dropout": arm.dropout, "chunk": arm.chunk}
    settings = TrainSettings.model_validate({"epochs": 1, "batch_size": args.batch, **options})
    train(load_model(args.backbone), made, dataset=dataset, texts=Texts(), settings=settings, progress=clock)
    return clock.times


def train_plain(dataset: Dataset, made: list[TrainingInstance], arm: Arm, args: Any) -> list[float]:
    """The script of sentence-transformers' documentation: columns, its ranking loss, its trainer."""
    from datasets import Dataset as Rows
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from transformers import TrainerCallback

    from syneg_cli.encoding.loading import load_model
    from syneg_cli.training.parameters import dropout

    model = load_model(args.backbone)
    columns: dict[str, list[str]] = {
        "anchor": [dataset.queries[i.query_id].text for i in made],
        "positive": [dataset.corpus[i.positive_id].full_text for i in made],
    }
    for number in range(NEGATIVES):
        ids = [i.rounds[0][number].id for i in made]
        columns[f"negative_{number + 1}"] = [dataset.corpus[doc_id].full_text for doc_id in ids]
    times: list[float] = []

    class Clocked(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            times.append(time.monotonic())

    with tempfile.TemporaryDirectory() as scratch, dropout(model, arm.dropout):
        trainer = SentenceTransformerTrainer(
            model=model,
            args=SentenceTransformerTrainingArguments(
                output_dir=scratch,
                num_train_epochs=1,
                per_device_train_batch_size=args.batch,
                learning_rate=5e-5,
                bf16=arm.precision == "bf16",
                use_cpu=model.device.type == "cpu",
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=Rows.from_dict(columns),
            loss=MultipleNegativesRankingLoss(model, scale=20.0),
            callbacks=[Clocked()],
        )
        trainer.train()
    return times


def one(args: Any) -> None:
    """Run one arm in this process and print its figures."""
    arm = (ARMS | LARGE)[args.arm]
    args.batch = arm.batch or args.batch
    dataset = load_dataset(args.dataset, cache=Path(tempfile.mkdtemp()), dev_fraction=0)
    made = instances(dataset, args.steps * args.batch)
    times = (train_ours if arm.ours else train_plain)(dataset, made, arm, args)
    seconds = times[-1] - times[WARM_UP - 1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rate": (len(times) - WARM_UP) * args.batch / seconds, "peak_mb": peak}))


def measure(arms: Iterable[str], rounds: int, arguments: list[str]) -> dict[str, dict[str, float]]:
    """The best round of every arm; the arms take turns."""
    best: dict[str, dict[str, float]] = {}
    for _ in range(rounds):
        for arm in arms:
            command = [sys.executable, __file__, *arguments, "--arm", arm]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            figures = json.loads(done.stdout.splitlines()[-1])
            if arm not in best or figures["rate"] > best[arm]["rate"]:
                best[arm] = figures
            rate, peak = figures["rate"], figures["peak_mb"]
            print(f"{arm}: {rate:.2f} examples/s, peak {peak:.0f} MB", file=sys.stderr, flush=True)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dataset", help="a folder in BEIR layout with train judgements")
    parser.add_argument("--backbone", default="minilm")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--large", action="store_true", help="GradCache's memory instead of the speed of a step"
    )
    parser.add_argument("--arm", choices=ARMS | LARGE, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.arm:
        one(args)
        return
    known = precisions()
    arms = [name for name, arm in (LARGE if args.large else ARMS).items() if arm.precision in known]
    if not arms:
        sys.exit("These arms are for processors with bf16 units.")
    best = measure(arms, args.rounds, sys.argv[1:])
    print("| arm | examples/s | peak MB |\n|---|---|---|")
    for arm, figures in best.items():
        print(f"| {arm} | {figures['rate']:.2f} | {figures['peak_mb']:.0f} |")
    for ours, theirs in [pair for pair in PAIRS if best.keys() >= {*pair}]:
        print(f"\n{ours} : {theirs} = {best[ours]['rate'] / best[theirs]['rate']:.2f}")


if __name__ == "__main__":
    main()
