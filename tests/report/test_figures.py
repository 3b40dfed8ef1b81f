"""The curves of training, of several models in the same axes."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from syneg_cli.report.figures import FIGURES, draw
from tests.report.conftest import recording_of

NAMES = ["m", "_hidden", "$x", "<b>&", "a" * 200, *(f"model {i}" for i in range(20))]


@pytest.mark.parametrize("steps", [1, 2, 30, 3000])
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_for_any_number_of_models_and_steps(name: str, steps: int) -> None:
    recordings = {model: recording_of(steps) for model in NAMES}
    svg = draw(name, recordings, {model: place for place, model in enumerate(NAMES)}, "told <i>", "cosine")
    assert svg is not None
    root = ElementTree.fromstring(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert width < height or len(NAMES) < 20, "the legend has a line for each"
    texts = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
    assert {"_hidden", "$x", "<b>&", "model 19"} <= set(texts)
    assert svg == draw(
        name, recordings, dict(zip(NAMES, range(len(NAMES)), strict=True)), "told <i>", "cosine"
    )
    assert all(0 <= x <= width for x in _places(root)), "nothing lies outside"


def _places(root: ElementTree.Element) -> list[float]:
    found = []
    for element in root.iter():
        found += [float(element.attrib[key]) for key in ("x", "x1", "x2", "cx") if key in element.attrib]
        pairs = element.attrib.get("points", "").split()
        found += [float(pair.split(",")[0]) for pair in pairs]
    return found


def test_what_was_not_measured_is_no_figure() -> None:
    assert draw("violated", {"m": recording_of(3, mined=False)}, {"m": 0}, "") is None


def test_models_of_one_colour_share_a_line_of_the_legend() -> None:
    svg = draw("loss", {"one": recording_of(30), "two": recording_of(30)}, {"one": 0, "two": 0}, "")
    assert svg is not None
    assert ">one, two</text>" in svg
