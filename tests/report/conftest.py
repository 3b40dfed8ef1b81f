"""What the tests of the report share: model folders as `train` leaves them, and results of `eval`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core.artifacts import Manifest, Workspace, write_manifest
from syneg_cli.core.files import file_hash, write_text
from syneg_cli.encoding.loading import weights_hash
from syneg_cli.report.curves import Curve
from syneg_cli.report.facts import Facts
from syneg_cli.report.models import read_models
from syneg_cli.report.recordings import Recording
from syneg_cli.report.results import read_results
from syneg_cli.report.wording import models_table
from syneg_cli.training.recorder import RECORDING

LOSSES = (1.0, 0.5, 0.75, 0.25)
NORMS = (2.0, 4.0, 4.0, 6.0)
"""Mean 4, squared distances 4, 0, 0, 4: the variance is 2."""


def row(step: int, **changes: Any) -> dict[str, Any]:
    base = {
        "step": step,
        "loss": LOSSES[(step - 1) % 4],
        "gradient_norm": NORMS[(step - 1) % 4],
        "lr": 1e-5,
        "positive_similarity": 0.5 + step / 100,
        "mined": {"count": 4, "similarity": 0.25, "violated": 0.5, "loss": 0.1, "pull": 0.2},
    }
    return base | changes


def synthetic(violated: float) -> dict[str, Any]:
    return {"count": 2, "similarity": 0.125, "violated": violated, "loss": 0.1, "pull": 0.2}


def write_rows(path: Path, rows: Iterable[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return path


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work", "tiny")


def add_model(
    work: Workspace, name: str, strategy: str = "hybrid", *, steps: int = 4, **settings: Any
) -> Path:
    """A model folder as `train` leaves it, with its mix; the weights are a few bytes."""
    folder = work.model(name)
    write_rows(folder / RECORDING, [row(step, synthetic=synthetic(0.25)) for step in range(1, steps + 1)])
    (folder / "model.safetensors").write_bytes(name.encode())
    (folder / "config.json").write_text("{}")
    write_text(folder / "config_sentence_transformers.json", '{"similarity_fn_name": "cosine"}')
    mixed = work.mixed(name)
    write_text(mixed, f"{name}\n")
    negatives = {"dense": 1.8, "synthetic": 1.2}
    write_manifest(
        mixed,
        Manifest("mix", {}, {"strategy": strategy, "ratio": 0.7}, {"negatives_per_instance": negatives}),
    )
    inputs = {"training instances": file_hash(mixed), "backbone weights": "abc"}
    counts = {"steps": steps, "losses": [0.75, 0.5], "dev": [0.25, 0.75, 0.5], "temperature": 0.05}
    write_manifest(
        folder, Manifest("train", inputs, {"backbone": "minilm", "mix": name, "seed": 0} | settings, counts)
    )
    return folder


def add_evaluation(
    work: Workspace,
    name: str,
    values: Iterable[float],
    *,
    weights: str,
    identical: str = "auto",
    **changes: Any,
) -> None:
    per_query = {f"q{i}": value for i, value in enumerate(values)}
    mean = sum(per_query.values()) / len(per_query)
    found = {"name": name, "model": name, "dataset": "tiny", "split": "test", "precision": "fp32", "run": ""}
    path = work.evaluation(f"{name}-test")
    scores = {"metrics": {"ndcg@10": mean}, "per_query": {"ndcg@10": per_query}}
    write_text(path, json.dumps(found | scores | changes))
    write_manifest(
        path,
        Manifest("eval", {"corpus": "c", "test qrels": "t", "model": weights}, {"identical_ids": identical}),
    )


def measured(work: Workspace, name: str, values: Iterable[float]) -> None:
    add_evaluation(work, name, values, weights=weights_hash(str(work.model(name))))


def recording_of(steps: int, *, mined: bool = True) -> Recording:
    curve = Curve(tuple(range(1, steps + 1)), tuple(1 + math.cos(i) for i in range(steps)))
    sources = {"mined": curve if mined else Curve(), "synthetic": Curve()}
    return Recording(steps, curve, curve, curve, sources, sources)


def facts_of(work: Workspace, *names: str, **more: Any) -> Facts:
    """What the page says of the models, without a data set."""
    models, left_out = read_models(work, names)
    return Facts(work.dataset, models, left_out=left_out, **{"results": read_results(work)} | more)


def cells(work: Workspace, *names: str) -> dict[str, dict[str, str]]:
    """The table: model -> column -> cell."""
    models, _ = read_models(work, names)
    table = models_table(models, "test")
    return {line[0]: dict(zip(table.columns, line, strict=True)) for line in table.rows}
