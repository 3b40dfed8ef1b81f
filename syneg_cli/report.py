"""What was trained, side by side: a table of the models, their curves, and how to read both.

`read_models` gathers what lies on disk about each model: its recording, its manifest, the mix
that it was trained on, and what `eval` measured. `write_report` makes a page of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syneg_cli.artifacts import Manifest, Workspace, file_hash, manifest_path, read_manifest, write_text
from syneg_cli.diagnostics import FILE
from syneg_cli.errors import BackboneError, MissingArtifact, UsageError, did_you_mean
from syneg_cli.evaluate import MAIN_METRIC, Evaluation
from syneg_cli.recordings import Recording, read_recording
from syneg_cli.significance import Comparison, compare

RESOLVED = ("temperature", "dropout", "precision", "device")
"""What training found out by itself where the settings leave it open."""


@dataclass(frozen=True)
class Mix:
    """What a model was trained on; `negatives` is source -> mean number per pair and round."""

    strategy: str
    ratio: float | None
    """Synthetic : retrieved, in expectation; None for a strategy without one."""
    negatives: Mapping[str, float]
    mirrored: int = 0
    """Synthetic texts that train as positives of queries of their own."""


@dataclass(frozen=True)
class Score:
    """nDCG@10 on a split; `gain` is against the backbone, None where that was not measured."""

    value: float
    backbone: float | None = None
    gain: Comparison | None = None


@dataclass(frozen=True)
class Model:
    """One trained model. `notes` say what is missing, and why."""

    name: str
    recording: Recording
    settings: Mapping[str, Any]
    """As training resolved them: no "auto" where a value was found."""
    losses: tuple[float, ...]
    """The mean of each epoch."""
    dev: tuple[float, ...]
    """nDCG@10 in the dev pool after each epoch."""
    similarity: str
    mix: Mix | None
    score: Score | None
    notes: tuple[str, ...] = ()


def model_names(workspace: Workspace) -> list[str]:
    """The model folders of a data set; what an unfinished run left is hidden and none."""
    folder = workspace.model("x").parent
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def read_models(
    workspace: Workspace, names: Sequence[str] = (), *, split: str = "test"
) -> tuple[list[Model], list[str]]:
    """The models of a data set that have a recording, and a line for each one that is left out.

    Args:
        names: which; without any, all there are.
        split: whose evaluation goes into the table.

    Raises:
        MissingArtifact: no model is there, or none can be reported.
        UsageError: a name is no model's.
    """
    there = model_names(workspace)
    if not there:
        folder = workspace.model("x").parent
        raise MissingArtifact(f"No trained model for {workspace.dataset} ({folder}).")
    for name in names:
        if name not in there:
            raise UsageError(
                f"{workspace.dataset} has no model {name!r}.{did_you_mean(name, there)}",
                hint=f"It has: {', '.join(there)}.",
            )
    models: list[Model] = []
    left_out: list[str] = []
    for name in dict.fromkeys(names or there):
        try:
            models.append(read_model(workspace, name, split=split))
        except MissingArtifact as error:
            left_out.append(f"{name} is left out: {error.message}")
    if not models:
        raise MissingArtifact(f"No model of {workspace.dataset} can be reported. " + " ".join(left_out))
    return models, left_out


def read_model(workspace: Workspace, name: str, *, split: str = "test") -> Model:
    """Everything that is known of one model.

    Raises:
        MissingArtifact: it has no recording, or its recording or its manifest cannot be read.
    """
    folder = workspace.model(name)
    recording = read_recording(folder / FILE)
    if recording is None:
        raise MissingArtifact(f"it has no recording ({folder / FILE}).")
    manifest = _manifest(folder)
    losses, dev = (_numbers(manifest, folder, key) for key in ("losses", "dev"))
    mix, mix_note = _mix(workspace, manifest)
    score, score_note = _score(workspace, name, manifest, split)
    notes = [mix_note, score_note, *_gaps(recording, manifest)]
    return Model(
        name=name,
        recording=recording,
        settings={**manifest.settings, **{k: manifest.counts[k] for k in RESOLVED if k in manifest.counts}},
        losses=losses,
        dev=dev,
        similarity=_similarity(folder),
        mix=mix,
        score=score,
        notes=tuple(f"{name}: {note}" for note in notes if note),
    )


def _manifest(folder: Path) -> Manifest:
    file = manifest_path(folder)
    if not file.is_file():
        raise MissingArtifact(f"it has no manifest ({file}).")
    manifest = read_manifest(folder)
    parts = (manifest.settings, manifest.counts, manifest.inputs) if manifest else (None,)
    if manifest is None or not all(isinstance(part, dict) for part in parts):
        raise MissingArtifact(f"its manifest is torn or not syneg's ({file}).")
    return manifest


def _numbers(manifest: Manifest, folder: Path, key: str) -> tuple[float, ...]:
    values = manifest.counts.get(key, [])
    if not isinstance(values, list) or any(type(value) not in (int, float) for value in values):
        raise MissingArtifact(f"{key} in its manifest has to be a list of numbers ({manifest_path(folder)}).")
    return tuple(float(value) for value in values)


def _similarity(folder: Path) -> str:
    """How the model compares vectors ("cosine", "dot"); "" if it does not say."""
    try:
        config = json.loads((folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))
        return str(config.get("similarity_fn_name") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def _gaps(recording: Recording, manifest: Manifest) -> list[str]:
    """What the recording lacks, as sentences."""
    found = []
    steps = manifest.counts.get("steps")
    if steps != recording.steps:
        found.append(f"the recording has {recording.steps} of {steps} steps; the others are not shown.")
    if recording.not_finite:
        found.append(f"the loss or the gradient was not finite at {recording.not_finite} steps.")
    return found


def _mix(workspace: Workspace, manifest: Manifest) -> tuple[Mix | None, str | None]:
    """The mix that the model was trained on, or why it is not known."""
    from syneg_cli.strategies import STRATEGIES

    path = workspace.mixed(str(manifest.settings.get("mix")))
    mixed = read_manifest(path) if path.is_file() else None
    if mixed is None:
        return None, f"the mix that it was trained on is gone ({path})."
    if file_hash(path) != manifest.inputs.get("training instances"):
        return None, f"its mix was made again since ({path}): strategy, ratio and negatives are not known."
    strategy = str(mixed.settings.get("strategy"))
    uses_ratio = strategy not in STRATEGIES or STRATEGIES[strategy].uses_ratio
    return Mix(
        strategy=strategy,
        ratio=mixed.settings.get("ratio") if uses_ratio else None,
        negatives=mixed.counts.get("negatives_per_instance", {}),
        mirrored=mixed.counts.get("mirrored", 0),
    ), None


def _score(
    workspace: Workspace, name: str, manifest: Manifest, split: str
) -> tuple[Score | None, str | None]:
    """nDCG@10 as `eval` measured it for these weights, and why something of it is missing."""
    from syneg_cli.backbones import weights_hash

    path = workspace.evaluation(f"{name}-{split}")
    measured, evaluated = _evaluation(path), read_manifest(path)
    if measured is None or evaluated is None:
        again = f"`syneg eval {workspace.dataset} --model {name}`"
        return None, f"not measured on {split} yet ({again})."
    try:
        weights = weights_hash(str(workspace.model(name)))
    except BackboneError as error:
        return None, error.message
    if evaluated.inputs.get("model") != weights:
        return None, f"was trained again since it was measured on {split}; that result is left out."
    baseline = _baseline(path, measured, evaluated, manifest)
    value = measured.metrics[MAIN_METRIC]
    if baseline is None:
        return Score(value), f"its backbone was not measured on the same data ({split})."
    per_query = measured.per_query[MAIN_METRIC]
    other = [baseline.per_query[MAIN_METRIC][query_id] for query_id in per_query]
    return Score(value, baseline.metrics[MAIN_METRIC], compare(list(per_query.values()), other)), None


def _evaluation(path: Path) -> Evaluation | None:
    try:
        read = Evaluation(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return read if MAIN_METRIC in read.metrics and MAIN_METRIC in read.per_query else None


def _baseline(path: Path, measured: Evaluation, evaluated: Manifest, trained: Manifest) -> Evaluation | None:
    """The backbone's evaluation beside `path`, of the same data, split and precision."""
    data = {role: digest for role, digest in evaluated.inputs.items() if role != "model"}
    for file in sorted(path.parent.glob("*.json")):
        manifest = None if file.name.endswith(".manifest.json") else read_manifest(file)
        if manifest is None or {**manifest.inputs, "model": ""} != {**data, "model": ""}:
            continue
        other = _evaluation(file)
        same_weights = manifest.inputs.get("model") == trained.inputs.get("backbone weights")
        # A hub model that training had yet to download was known by its name alone.
        if other and (same_weights or other.model == trained.settings.get("backbone")):
            queries = other.per_query[MAIN_METRIC].keys() == measured.per_query[MAIN_METRIC].keys()
            if queries and other.precision == measured.precision:
                return other
    return None


@dataclass(frozen=True)
class Report:
    """What was written."""

    markdown: Path
    html: Path
    figures: tuple[Path, ...]


def write_report(
    folder: Path,
    dataset: str,
    models: Sequence[Model],
    *,
    split: str = "test",
    left_out: Sequence[str] = (),
) -> Report:
    """Write report.md, report.html and the figures into `folder`.

    Args:
        models: as `read_models` gives them, in the order of table and legends.
        split: the one that their scores are of.
        left_out: lines about models that are not in the report.
    """
    from syneg_cli import pages
    from syneg_cli.figures import write_figures
    from syneg_cli.report_text import blocks

    similarities = {model.similarity for model in models}
    similarity = similarities.pop() if len(similarities) == 1 else ""
    names = write_figures(folder, {model.name: model.recording for model in models}, similarity)
    page = blocks(dataset, models, names, split=split, left_out=left_out)
    made = Report(
        folder / "report.md",
        folder / "report.html",
        tuple(folder / f"{name}.{form}" for name in names for form in ("png", "svg")),
    )
    write_text(made.markdown, pages.markdown(page))
    write_text(made.html, pages.html(f"Training on {dataset}", page, folder))
    return made
