"""What is stored of each trained model: its recording, manifest and mix, and the results of `eval`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    BackboneError,
    Manifest,
    MissingArtifact,
    UsageError,
    Workspace,
    did_you_mean,
    hash_once,
    is_file,
    manifest_path,
    names_beside,
    read_manifest,
)
from syneg_cli.encoding import known_by_name, weights_hash
from syneg_cli.evaluation import MAIN_METRIC, MARGIN, Evaluation, Search, compare
from syneg_cli.mixing import STRATEGIES
from syneg_cli.report.recordings import Recording, read_recording
from syneg_cli.report.records import Mix, Model, Score
from syneg_cli.training import CROSS_ENCODER, RECORDING

ALONE = Search()

FOUND_BY_TRAINING = ("temperature", "dropout", "precision", "device")
"""What training found out by itself where the settings leave it open."""


def read_models(
    workspace: Workspace,
    names: Sequence[str] = (),
    *,
    split: str = "test",
    search: Search = ALONE,
    margin: float = MARGIN,
    data: Mapping[str, str] | None = None,
) -> tuple[list[Model], list[str]]:
    """The models of a data set that have a recording, and a line for each one that is left out.

    Args:
        names: which; without any, all there are.
        split: whose evaluation goes into the table.
        search: what the models search with there, beside their own vectors.
        margin: of equivalence.
        data: role -> hash of what is measured on, as it is now; without it nobody looks.

    Raises:
        MissingArtifact: no model is there, or none can be reported.
        UsageError: a name is no model's.
    """
    there = names_beside(workspace.model("x"))
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
            models.append(read_model(workspace, name, split=split, search=search, margin=margin, data=data))
        except MissingArtifact as error:
            left_out.append(f"{name} is left out: {error.message}")
    if not models:
        hint = "Train one with `syneg train`."
        raise MissingArtifact(
            f"No model of {workspace.dataset} can be reported. {' '.join(left_out)}", hint=hint
        )
    return models, left_out


def read_model(
    workspace: Workspace,
    name: str,
    *,
    split: str = "test",
    search: Search = ALONE,
    margin: float = MARGIN,
    data: Mapping[str, str] | None = None,
) -> Model:
    """Everything that is known of one model; arguments as for `read_models`.

    Raises:
        MissingArtifact: it has no recording, or its recording or its manifest cannot be read.
    """
    folder = workspace.model(name)
    recording = read_recording(folder / RECORDING)
    if recording is None:
        raise MissingArtifact(f"it has no recording ({folder / RECORDING}).")
    manifest = _training_manifest(folder)
    losses, dev = (_numbers(manifest, folder, key) for key in ("losses", "dev"))
    mix, mix_note = _mix(workspace, manifest)
    stored = workspace.evaluation(f"{search.called(name)}-{split}")
    score, score_note = _score(workspace, name, manifest, stored, split, margin, data or {})
    notes = [mix_note, score_note, *_gaps(recording, manifest)]
    return Model(
        name=name,
        recording=recording,
        settings={
            **manifest.settings,
            **{k: manifest.counts[k] for k in FOUND_BY_TRAINING if k in manifest.counts},
        },
        losses=losses,
        dev=dev,
        similarity=_similarity(folder),
        mix=mix,
        score=score,
        notes=tuple(f"{name}: {note}" for note in notes if note),
        trained=manifest.created[:10],
        seconds=manifest.seconds,
        made_of=_made_of(workspace, manifest),
    )


def _training_manifest(folder: Path) -> Manifest:
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
    if not isinstance(values, list) or any(not _is_number(value) for value in values):
        raise MissingArtifact(f"{key} in its manifest has to be a list of numbers ({manifest_path(folder)}).")
    return tuple(float(value) for value in values)


def _is_number(value: object) -> bool:
    return (type(value) is int and abs(value) < 2**63) or type(value) is float


def _similarity(folder: Path) -> str:
    """How the model compares vectors ("cosine", "dot"); "" if it does not say."""
    try:
        config = json.loads((folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))
        return str(config.get("similarity_fn_name") or "")
    except (OSError, ValueError, AttributeError, RecursionError):
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
    """The mix that the model was trained on, or why it is not known.

    Training keeps what it learned from; for models of earlier versions the mix itself is asked.
    """
    if isinstance(kept := manifest.counts.get("mix"), dict):
        counts = {"instances": manifest.counts.get("pairs"), **kept}
        return _mix_of(str(kept.get("strategy")), kept.get("ratio"), counts)
    path = workspace.mixed(str(manifest.settings.get("mix")))
    mixed = read_manifest(path) if is_file(path) else None
    if mixed is None:
        return None, f"the mix that it was trained on is gone ({path})."
    if hash_once(path) != manifest.inputs.get("training instances"):
        return None, f"its mix was made again since ({path}): strategy, ratio and negatives are not known."
    strategy = str(mixed.settings.get("strategy"))
    uses_ratio = strategy not in STRATEGIES or STRATEGIES[strategy].uses_ratio
    return _mix_of(strategy, mixed.settings.get("ratio") if uses_ratio else None, mixed.counts)


def _made_of(workspace: Workspace, manifest: Manifest) -> tuple[Path, ...]:
    """The files that the mix was made of; none where it was made again since."""
    path = workspace.mixed(str(manifest.settings.get("mix")))
    mixed = read_manifest(path) if is_file(path) else None
    if mixed is None or hash_once(path) != manifest.inputs.get("training instances"):
        return ()
    return tuple(Path(place) for place in mixed.paths.values())


def _mix_of(strategy: str, ratio: Any, counts: Mapping[str, Any]) -> tuple[Mix | None, str | None]:
    negatives, mirrored = counts.get("negatives_per_instance", {}), counts.get("mirrored", 0)
    pairs, written = (counts.get(key) for key in ("instances", "written_queries"))
    means = negatives.values() if isinstance(negatives, dict) else (None,)
    if not all(map(_is_number, (*means, mirrored, *(value or 0 for value in (ratio, pairs, written))))):
        return None, "what its manifest says of its mix are no numbers; it is left out."
    return Mix(strategy, ratio, negatives, mirrored, pairs, written), None


def _score(
    workspace: Workspace,
    name: str,
    manifest: Manifest,
    path: Path,
    split: str,
    margin: float,
    data: Mapping[str, str],
) -> tuple[Score | None, str | None]:
    """nDCG@10 as `eval` measured it for these weights and data, and why something of it is missing.

    Args:
        path: where that is stored.
    """
    if manifest.settings.get("kind") == CROSS_ENCODER:
        measures = f"`syneg eval {workspace.dataset} --backbone ALIAS --rerank {name}` measures it"
        return None, f"is a cross-encoder: its similarities are logits; {measures}, and this page does not."
    measured, evaluated = _read_evaluation(path), read_manifest(path)
    if measured is None or evaluated is None:
        again = f"`syneg eval {workspace.dataset} --model {name}`"
        return None, f"not measured on {split} yet ({again})."
    try:
        weights = weights_hash(str(workspace.model(name)))
    except BackboneError as error:
        return None, error.message
    if evaluated.inputs.get("model") != weights:
        return None, f"was trained again since it was measured on {split}; that result is left out."
    if changed := [role for role, found in data.items() if evaluated.inputs.get(role) != found]:
        now = f"was measured before the data changed ({', '.join(changed)}); that result is left out"
        return None, f"{now} (`syneg eval {workspace.dataset} --model {name}`)."
    baseline = _baseline(path, measured, evaluated, manifest)
    value, per_query = measured.metrics[MAIN_METRIC], measured.per_query[MAIN_METRIC]
    counts = len(per_query), measured.written_queries
    if baseline is None:
        told = tuple(filter(None, [measured.told_of_search, measured.told_of_training]))
        alone = Score(value, None, None, *counts, measured.parts(), told, per_query)
        return (
            alone,
            f"its backbone was not measured on the same data ({split}), in the same precision "
            f"({measured.precision}), with the weights it had then.",
        )
    other = [baseline.per_query[MAIN_METRIC][query_id] for query_id in per_query]
    gain = compare(list(per_query.values()), other, margin=margin)
    parts = measured.parts(baseline, margin=margin)
    sentences = measured.told_of_search, measured.told_of_training, measured.told_of_length(baseline)
    told = tuple(filter(None, sentences))
    both = per_query, dict(zip(per_query, other, strict=True))
    return Score(value, baseline.metrics[MAIN_METRIC], gain, *counts, parts, told, *both), None


def _read_evaluation(path: Path) -> Evaluation | None:
    try:
        return Evaluation.read(path)
    except MissingArtifact:
        return None


def _baseline(path: Path, measured: Evaluation, evaluated: Manifest, trained: Manifest) -> Evaluation | None:
    """The backbone's evaluation beside `path`: of the same data, split, precision and rules."""
    rules = _rules(evaluated)
    data = {role: digest for role, digest in evaluated.inputs.items() if role != "model"}
    for file in sorted(path.parent.glob("*.json")):
        manifest = None if file.name.endswith(".manifest.json") else read_manifest(file)
        if manifest is None or {**manifest.inputs, "model": ""} != {**data, "model": ""}:
            continue
        if _rules(manifest) != rules:
            continue
        other = _read_evaluation(file)
        name, weights = trained.settings.get("backbone"), trained.inputs.get("backbone weights")
        same_weights = manifest.inputs.get("model") == weights
        # A hub model that training had yet to download was known by its name alone.
        by_name = known_by_name(str(name), weights)
        if other and (same_weights or (by_name and other.model == name)):
            queries = other.per_query[MAIN_METRIC].keys() == measured.per_query[MAIN_METRIC].keys()
            if queries and other.precision == measured.precision:
                return other
    return None


def _rules(evaluated: Manifest) -> tuple[Any, Search]:
    """What two systems share that are compared: which documents are left out, and how they search."""
    settings = evaluated.settings
    share, words = (settings.get(key) or 0.0 for key in ("expansion", "lexical"))
    search = Search(share, words, settings.get("expansion_from") or "written")
    return settings.get("identical_ids"), search
