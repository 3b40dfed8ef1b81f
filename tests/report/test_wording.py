"""What the report says: the table of models, their settings, the paper's claim."""

from __future__ import annotations

import pytest

from syneg_cli.core.artifacts import Workspace
from syneg_cli.report.figures import FIGURES
from syneg_cli.report.models import read_models
from syneg_cli.report.wording import EXPLANATIONS, paper_lines, settings_lines
from tests.report.conftest import add_evaluation, add_model, cells, measured


def test_every_figure_is_explained() -> None:
    assert list(EXPLANATIONS) == list(FIGURES)


def test_the_table_has_what_was_trained_and_measured(work: Workspace) -> None:
    add_model(work, "h")
    add_model(work, "m", "retrieved")
    add_evaluation(work, "minilm", [0.25] * 8, weights="abc")
    measured(work, "h", [0.75] * 8)
    found = cells(work)
    assert found["h"] == {
        "model": "h",
        "strategy": "hybrid",
        "synthetic : retrieved": "0.67 : 1 (40 % synthetic)",
        "negatives per pair": "1.80 dense, 1.20 synthetic",
        "steps": "4",
        "loss, last epoch": "0.5000",
        "gradient variance": "2",
        "dev": "0.7500 (epoch 2)",
        "nDCG@10, test": "0.7500",
        "to the backbone": "+0.5000",
        "p": found["h"]["p"],
    }
    assert float(found["h"]["p"]) == pytest.approx(2 / 2**8, abs=2e-3), "all eight signs alike, two-sided"
    assert found["m"]["synthetic : retrieved"] == "–", "mined alone has no ratio"
    assert found["m"]["nDCG@10, test"] == found["m"]["p"] == "–"


def test_several_comparisons_are_corrected(work: Workspace) -> None:
    for name, values in (("a", [0.75] * 8), ("b", [0.5] * 4 + [0.25] * 4)):
        add_model(work, name)
        measured(work, name, values)
    add_evaluation(work, "minilm", [0.25] * 8, weights="abc")
    found = cells(work)
    smaller, larger = (float(found[name]["p"]) for name in "ab")
    assert float(found["a"]["p, corrected"]) == pytest.approx(2 * smaller, abs=1e-4)
    assert float(found["b"]["p, corrected"]) == pytest.approx(max(2 * smaller, larger), abs=1e-4)


def test_the_papers_claim_is_named_only_beside_both_strategies(work: Workspace) -> None:
    add_model(work, "h", "hybrid")
    assert paper_lines(read_models(work)[0]) == []
    add_model(work, "d", "direct")
    lines = paper_lines(read_models(work)[0])
    assert len(lines) == 1
    assert "Here: h 2 (hybrid) against d 2 (direct)." in lines[0]


def test_settings_that_differ_are_named(work: Workspace) -> None:
    add_model(work, "a", batch_size=16)
    add_model(work, "b", batch_size=32)
    same, *differ = settings_lines(read_models(work)[0])
    assert same == "The same for all: backbone minilm, temperature 0.05, seed 0."
    assert differ == ["Differs: batch_size: a 16, b 32"]
