"""eval --format mteb: what was measured, as the result files that mteb reads.

A folder has `MODEL/REVISION/TASK.json`, as `mteb.ResultCache` has it, and `model_meta.json` beside
them; each file is a `mteb.TaskResult`. mteb keeps what else is in a table of scores: there is what the
screen says of them.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    Manifest,
    MissingArtifact,
    UsageError,
    __version__,
    content_hash,
    read_manifest,
    write_text,
)
from syneg_cli.data import beir_name, mteb_task
from syneg_cli.encoding import BACKBONES
from syneg_cli.evaluation import IN_INDEX, MAIN_METRIC, Evaluation
from syneg_cli.stages.several import Measurements

SYSTEM = ("model", "cross-encoder", "run", "bm25", *IN_INDEX.values())
"""The inputs of an evaluation that are what is measured."""

OF_WRITTEN = "{}-LLM-written-queries"
"""The task where an LLM wrote queries of the split: else mteb would take the score for one of its own."""

MEASURES = {"p": "precision", "success": "hit_rate"}
"""Our name of a measure -> mteb's, where that is another."""


def write_mteb(found: Measurements, folder: Path) -> list[Path]:
    """The result file of every system on every data set; splits that a file has already are kept in it.

    Raises:
        UsageError: a file is there that is no such result.
        MissingArtifact: an evaluation has lost its manifest.
    """
    written = []
    for measured in found.measured:
        evaluation = measured.evaluation
        stored = Path(evaluation.run).with_suffix(".json")
        manifest = read_manifest(stored)
        if manifest is None:
            raise MissingArtifact(f"{stored} has no manifest.", hint="Measure again with --force.")
        name, revision = _model(evaluation), _revision(manifest)
        task = mteb_task(evaluation.dataset)
        task = OF_WRITTEN.format(task) if evaluation.written_queries else task
        place = folder / re.sub(r"[/\\]", "__", name).replace(" ", "_") / revision
        path = place / f"{task}.json"
        result = _merged(path, _task_result(evaluation, manifest, task))
        write_text(path, json.dumps(result, indent=2, ensure_ascii=False) + "\n")
        meta = {"name": name, "revision": revision, "framework": [f"syneg {__version__}"]}
        write_text(place / "model_meta.json", json.dumps(meta, indent=2, ensure_ascii=False) + "\n")
        written.append(path)
    return written


def _model(evaluation: Evaluation) -> str:
    """How mteb knows a model: by its hub id where it has one; what is on top of it is a part of the name."""
    backbone, beside = BACKBONES.get(evaluation.model), evaluation.name.removeprefix(evaluation.model)
    return f"{backbone.hub_id}{beside}" if backbone else evaluation.name


def _revision(manifest: Manifest) -> str:
    """What was measured, by its content: the weights, the run, and what else makes it another system."""
    parts = [manifest.inputs[role] for role in SYSTEM if role in manifest.inputs]
    if (length := manifest.settings.get("max_length")) and "model" in manifest.inputs:
        parts.append(f"max_length {length}")
    for beside in ("lexical", "expansion"):  # which queries: their role and hash say it
        if (weight := manifest.settings.get(beside)) and "model" in manifest.inputs:
            parts.append(f"{beside} {weight}")
    return content_hash(parts)[:40] if len(parts) > 1 else parts[0][:40]


def _task_result(evaluation: Evaluation, manifest: Manifest, task: str) -> dict[str, Any]:
    corpus = {role: digest for role, digest in manifest.inputs.items() if role in ("corpus", "queries")}
    scores: dict[str, Any] = {_called(metric): value for metric, value in evaluation.metrics.items()}
    scores |= {
        "main_score": evaluation.metrics[MAIN_METRIC],
        "hf_subset": "default",
        "languages": ["eng-Latn"] if beir_name(evaluation.dataset) else ["und-Zyyy"],
    }
    scores |= _told(evaluation, manifest)
    made = datetime.fromisoformat(manifest.created).timestamp() if manifest.created else None
    return {
        "dataset_revision": content_hash(corpus)[:40],
        "task_name": task,
        "mteb_version": None,  # mteb measured nothing of it
        "scores": {evaluation.split: [scores]},
        "evaluation_time": manifest.seconds,
        "kg_co2_emissions": None,
        "date": made,
    }


def _told(evaluation: Evaluation, manifest: Manifest) -> dict[str, Any]:
    """What a score does not say by itself: who wrote the queries, what training saw, what was read."""
    asked = manifest.settings.get("max_length")
    cut = f"Measured with max_length = {asked}: the first {asked} tokens of a text." if asked else ""
    sentences = (evaluation.told_of_search, evaluation.caveat, evaluation.told_of_training, cut)
    notes = [said for said in sentences if said]
    told: dict[str, Any] = {"queries": evaluation.queries, "written_queries": evaluation.written_queries}
    for name, part in evaluation.parts().items():
        told |= {f"{name}_queries": part.queries, f"{name}_main_score": part.metrics[MAIN_METRIC]}
    return told | {"notes": notes}


def _called(metric: str) -> str:
    """`ndcg@10` as mteb has it: `ndcg_at_10`."""
    measure, _, cutoff = metric.partition("@")
    return f"{MEASURES.get(measure, measure)}_at_{cutoff}"


def _merged(path: Path, result: dict[str, Any]) -> dict[str, Any]:
    """With the other splits of a file that is there, where its texts are the same."""
    if not path.exists():
        return result
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
        same = there["dataset_revision"] == result["dataset_revision"]
        scores = {split: found for split, found in there["scores"].items() if same}
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        told = f"{path} is there, and no result of mteb's."
        raise UsageError(told, hint="Move it away, or choose another folder with --output.") from None
    return {**result, "scores": {**scores, **result["scores"]}}
