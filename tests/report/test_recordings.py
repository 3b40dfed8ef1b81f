"""Recordings of training, read from their file."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core.errors import MissingArtifact
from syneg_cli.report.curves import Curve
from syneg_cli.report.recordings import Recording, read_recording
from syneg_cli.training.recorder import RECORDING
from tests.report.conftest import LOSSES, row, synthetic, write_rows


def read(path: Path) -> Recording:
    recording = read_recording(path)
    assert recording is not None
    return recording


def test_a_recording_is_read_and_its_variance_is_right(tmp_path: Path) -> None:
    rows = [row(1), row(2, synthetic=synthetic(1.0)), row(3, mined=None), row(4)]
    recording = read(write_rows(tmp_path / RECORDING, rows))
    assert recording.steps == 4
    assert recording.loss == Curve((1, 2, 3, 4), LOSSES)
    assert recording.gradient_variance() == pytest.approx(2.0)
    assert recording.similarity["synthetic"] == Curve((2,), (0.125,))
    assert recording.violated["mined"] == Curve((1, 2, 4), (0.5, 0.5, 0.5))


def test_a_line_that_a_crash_cut_is_left_out(tmp_path: Path) -> None:
    path = write_rows(tmp_path / RECORDING, [row(1), row(2)])
    path.write_text(path.read_text()[:-20], encoding="utf-8")
    assert read(path).loss.steps == (1,)


@pytest.mark.parametrize("content", [None, "", '{"step": 1, "lo'])
def test_nothing_recorded(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / RECORDING).write_text(content)
    assert read_recording(tmp_path / RECORDING) is None


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([row(1), [2]], "line 2: expected an object with a step after 1"),
        ([row(1), row(1)], "line 2: expected an object with a step after 1"),
        ([row(1) | {"step": "1"}], "line 1"),
        ([row(1), row(2, loss="low")], "line 2: loss has to be a number up to 2**128; it is 'low'"),
        (
            [row(1, gradient_norm=1.8e154)],
            "line 1: gradient_norm has to be a number up to 2**128; it is 1.8e+154",
        ),
        ([row(1, mined=3)], "line 1: 'mined' has to be an object"),
        ([row(1, mined={"similarity": True})], "line 1: mined.similarity has to be a number"),
    ],
)
def test_what_training_does_not_write_is_named_with_its_line(
    tmp_path: Path, rows: list[Any], says: str
) -> None:
    with pytest.raises(MissingArtifact, match=re.escape(says)):
        read_recording(write_rows(tmp_path / RECORDING, rows))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / RECORDING).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MissingArtifact, match="cannot be read"):
        read_recording(tmp_path / RECORDING)


def test_a_diverged_step_is_counted_and_not_drawn(tmp_path: Path) -> None:
    rows = [row(1), row(2, loss=math.nan, gradient_norm=math.inf), row(3)]
    recording = read(write_rows(tmp_path / RECORDING, rows))
    assert recording.not_finite == 1
    assert recording.loss.steps == recording.gradient_norm.steps == (1, 3)
    assert recording.gradient_variance() == pytest.approx(1.0)
