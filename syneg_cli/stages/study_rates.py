"""What this machine does: a few real steps and texts, measured before a study forecasts its time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path

from syneg_cli.core import CORPUS, NegativeRef, NoProgress, TrainingInstance, generator, listed
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encoder, locate
from syneg_cli.mixing import texts_of
from syneg_cli.stages.session import Session
from syneg_cli.studies import Rates, StudyPlan
from syneg_cli.training import Around, fine_tune

TEXTS, STEPS = 64, 3
"""Documents and steps that are measured; fewer where there are fewer."""


def measured_rates(session: Session, dataset: Dataset) -> Rates:
    """Texts and steps a second, with the backbone and texts of the project."""
    backbone, section = session.project.train.backbone, session.project.eval
    folder = locate(backbone, progress=session.progress)
    with session.progress.task("Timing a few training steps, for the forecast", None):
        length = section.max_length or session.project.train.max_length
        size = section.batch_size
        encoder = Encoder.load(backbone, precision=section.precision, batch_size=size, max_length=length)
        rows = range(0, len(dataset.corpus), max(1, len(dataset.corpus) // TEXTS))
        texts = dataset.corpus.texts(list(rows)[:TEXTS])
        encoder.encode_texts(texts[:8])  # the first call makes what later ones use
        started = time.perf_counter()
        encoder.encode_texts(texts)
        text = (time.perf_counter() - started) / len(texts)
        step = _step(session, dataset)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    queries = {split: len(qrels) for split, qrels in dataset.judgements.items()}
    return Rates(text, step, len(dataset.corpus), queries, size)


def _step(session: Session, dataset: Dataset) -> float:
    """Seconds of a training step for each text in it, on pairs of train with documents drawn at random."""
    section, k = session.project.train, session.project.mix.negatives
    wanted = max(2, section.batch_size * STEPS)
    pairs = list(islice(cycle(dataset.pairs("train")), wanted))
    rng = generator(listed("study", "rates"))
    drawn = rng.integers(0, len(dataset.corpus), size=(len(pairs), k))
    instances = [
        TrainingInstance(
            pair.query_id,
            pair.doc_id,
            (tuple(NegativeRef("random", dataset.corpus.ids[row]) for row in rows),),
            CORPUS,
            f"{number}",
        )
        for number, (pair, rows) in enumerate(zip(pairs, drawn.tolist(), strict=True))
    ]
    plain: Mapping[str, object] = {
        "epochs": 1,
        "accumulation": 1,
        "refresh": "none",
        "cross_encoder": None,
        "lexical": 0.0,
        "guide": None,
        "dev": False,
        "patience": 0,
        "report_to": "none",
        "kind": "bi-encoder",
    }
    settings = section.model_copy(update=dict(plain))
    with tempfile.TemporaryDirectory(prefix="syneg-study-") as scratch:
        around = Around(dataset, texts_of(()), NoProgress(), None, Path(scratch))
        _, result = fine_tune(instances, settings, around)
    texts = max(1, result.steps) * section.batch_size * (2 + k)
    return float(result.seconds / texts)


def forecast(plan: StudyPlan, rates: Rates) -> dict[str, float]:
    """Arm -> seconds of all its runs: training, trials on dev, and what is encoded to measure."""
    return {arm: _seconds(plan, arm, rates) for arm in (one.name for one in plan.arms)}


def _seconds(plan: StudyPlan, name: str, rates: Rates) -> float:
    arm, seeds = plan.arm(name), len(plan.seeds)
    if arm.makes != "trained":
        return rates.measuring(plan.split)
    epochs, refresh = int(arm.settings["train"]["epochs"]), arm.settings["train"]["refresh"]
    measure = rates.measuring(plan.split, documents=refresh != "adore")
    own = arm.models == arm.name
    each = rates.training(arm.spent) if own else 0.0
    if refresh == "ance":
        each += epochs * rates.documents * rates.text_seconds
    # A trial at twice the epochs takes twice as long; the batch size decides how long a step takes, not all.
    grid = plan.grid if own else ()
    trials: float = sum(each * one.get("train.epochs", epochs) / epochs for one in grid)
    of_dev = rates.measuring("dev", documents=refresh != "adore")
    return seeds * (each + measure) + trials + len(grid) * of_dev
