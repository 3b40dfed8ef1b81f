"""What is known of each trained model, and what is said where something is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core.artifacts import Workspace, manifest_path
from syneg_cli.core.errors import MissingArtifact, UsageError
from syneg_cli.core.files import write_text
from syneg_cli.report.models import read_models
from syneg_cli.training.recorder import RECORDING
from tests.report.conftest import add_evaluation, add_model, cells, measured


def test_results_of_older_weights_are_left_out_and_said(work: Workspace) -> None:
    folder = add_model(work, "m")
    measured(work, "m", [0.5] * 4)
    (folder / "model.safetensors").write_bytes(b"trained again")
    models, _ = read_models(work)
    assert models[0].score is None
    assert any("trained again since it was measured" in note for note in models[0].notes)


def test_a_folder_that_is_no_model_any_more_keeps_its_curves(work: Workspace) -> None:
    folder = add_model(work, "m")
    measured(work, "m", [0.5] * 4)
    (folder / "config.json").unlink()
    models, _ = read_models(work)
    assert models[0].score is None
    assert any("is no model folder" in note for note in models[0].notes)


@pytest.mark.parametrize("changes", [{"precision": "bf16"}, {"metrics": {}}, {"identical": "drop"}])
def test_a_backbone_measured_otherwise_is_not_compared_with(work: Workspace, changes: dict[str, Any]) -> None:
    add_model(work, "m")
    measured(work, "m", [0.5] * 4)
    add_evaluation(work, "minilm", [0.25] * 4, weights="abc", **changes)
    models, _ = read_models(work)
    assert models[0].score is not None
    assert models[0].score.gain is None
    assert any("backbone was not measured on the same data" in note for note in models[0].notes)


def test_a_mix_made_again_since_tells_nothing_of_the_model(work: Workspace) -> None:
    add_model(work, "m")
    write_text(work.mixed("m"), "another\n")
    models, _ = read_models(work)
    assert models[0].mix is None
    assert any("made again since" in note for note in models[0].notes)
    assert cells(work)["m"]["strategy"] == "–"


@pytest.mark.parametrize("name", ["x" * 300, "\0", "\ud800", [["x"]] * 100])
def test_a_mix_whose_name_no_file_can_have_is_gone(work: Workspace, name: Any) -> None:
    path = manifest_path(add_model(work, "m"))
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["settings"]["mix"] = name
    manifest["counts"].pop("mix", None)
    path.write_text(json.dumps(manifest), encoding="utf-8")
    models, _ = read_models(work)
    assert models[0].mix is None
    assert any("trained on is gone" in note for note in models[0].notes)


def test_a_recording_with_fewer_steps_than_trained_is_said(work: Workspace) -> None:
    path = add_model(work, "m") / RECORDING
    path.write_text(path.read_text()[:-20], encoding="utf-8")
    models, _ = read_models(work)
    assert any("3 of 4 steps" in note for note in models[0].notes)


def break_manifest(folder: Path, content: str | None) -> None:
    file = folder / "syneg.manifest.json"
    file.unlink()
    if content is not None:
        file.write_text(content)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no manifest"),
        ('{"stage": "train", "inp', "torn"),
        ('{"stage": "train", "inputs": {}, "settings": [], "counts": {}}', "torn or not syneg's"),
        (
            '{"stage": "train", "inputs": {}, "settings": {}, "counts": {"losses": "low"}}',
            "losses in its manifest",
        ),
    ],
)
def test_a_model_that_cannot_be_read_is_left_out_with_a_line(
    work: Workspace, content: str | None, says: str
) -> None:
    add_model(work, "good")
    break_manifest(add_model(work, "bad"), content)
    models, left_out = read_models(work)
    assert [model.name for model in models] == ["good"]
    assert len(left_out) == 1
    assert "bad is left out" in left_out[0]
    assert says in left_out[0]
    with pytest.raises(MissingArtifact, match=says):
        read_models(work, ["bad"])


def test_unknown_names_and_empty_folders(work: Workspace) -> None:
    with pytest.raises(MissingArtifact, match="No trained model for tiny"):
        read_models(work)
    add_model(work, "minilm-hybrid")
    (work.model(".minilm-hybrid.checkpoints")).mkdir()
    with pytest.raises(UsageError, match="Did you mean 'minilm-hybrid'"):
        read_models(work, ["minilm-hybird"])
    assert [model.name for model in read_models(work)[0]] == ["minilm-hybrid"]
