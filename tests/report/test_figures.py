"""Figures of several models in the same axes."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from syneg_cli.report.figures import FIGURES, write_figures
from tests.report.conftest import recording_of


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "steps",
    [
        1,
        pytest.param(2, marks=pytest.mark.slow),
        pytest.param(30, marks=pytest.mark.slow),
        pytest.param(3000, marks=pytest.mark.slow),
    ],
)
def test_every_figure_is_drawn_for_any_number_of_models_and_steps(tmp_path: Path, steps: int) -> None:
    names = ["m", "_hidden", "$x", "a" * 200, *(f"model {i}" for i in range(6))]
    written = write_figures(tmp_path, {name: recording_of(steps) for name in names}, "cosine")
    assert written == list(FIGURES)
    for name in written:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        root = ElementTree.parse(tmp_path / f"{name}.svg").getroot()
        assert root.tag.endswith("svg")
    assert len(list(tmp_path.iterdir())) == 2 * len(written), "no temporary file stays"


@pytest.mark.slow
def test_the_legend_names_every_model_and_its_variance(tmp_path: Path) -> None:
    write_figures(tmp_path, {"_one": recording_of(30), "two": recording_of(40)}, "")
    svg = (tmp_path / "gradient.svg").read_text()
    for name, steps in (("_one", 30), ("two", 40)):
        assert f"{name}: variance {recording_of(steps).gradient_variance():.4g} -->" in svg
    assert "mean of 5 neighbours -->" in svg


def test_what_was_not_measured_is_no_figure(tmp_path: Path) -> None:
    assert "violated" not in write_figures(tmp_path, {"m": recording_of(3, mined=False)}, "")


@pytest.mark.slow
def test_equal_recordings_give_equal_svg_files(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_figures(tmp_path / folder, {"m": recording_of(30)}, "")
    for name in FIGURES:
        assert (tmp_path / "a" / f"{name}.svg").read_bytes() == (tmp_path / "b" / f"{name}.svg").read_bytes()
