"""What the page says: the first sentence, comparisons, seeds, sweeps, queries, samples."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core.artifacts import Workspace, read_manifest, write_manifest
from syneg_cli.core.errors import UsageError
from syneg_cli.core.files import write_text
from syneg_cli.encoding.loading import weights_hash
from syneg_cli.evaluation import holm
from syneg_cli.report.facts import Facts
from syneg_cli.report.page import Figure, Figures, Lead, Samples, figures_of, to_markdown
from syneg_cli.report.sections import page_of
from syneg_cli.report.write import write_report
from tests.report.conftest import add_evaluation, add_model, facts_of, measured
from tests.report.test_results import generated, total

LOW, HIGH = [0.25] * 30, [0.75] * 30


def model(
    work: Workspace, name: str, values: Sequence[float], strategy: str = "hybrid", **changes: Any
) -> None:
    """A measured model, whose mix differs from others as `changes` say (ratio, pairs, temperature, seed)."""
    settings = {key: changes[key] for key in ("seed", "temperature", "lr") if key in changes}
    folder = add_model(work, name, strategy, **settings)
    manifest = read_manifest(folder)
    assert manifest is not None
    negatives = {"dense": 3.0} if strategy == "retrieved" else {"dense": 1.8, "synthetic": 1.2}
    ratio = None if strategy == "retrieved" else changes.get("ratio", 0.7)
    mix = {"strategy": strategy, "ratio": ratio, "negatives_per_instance": negatives}
    counts = dict(manifest.counts) | {"mix": mix, "pairs": changes.get("pairs", 40)}
    if "temperature" in changes:
        counts["temperature"] = changes["temperature"]
    manifest.__dict__["counts"] = counts
    write_manifest(folder, manifest)
    measured(work, name, values)


def lead(facts: Facts) -> str:
    (first,) = (block.text for block in page_of(facts) if isinstance(block, Lead))
    return first


def figure(facts: Facts, name: str) -> Figure | None:
    return next((one for one in figures_of(page_of(facts)) if one.name == name), None)


def table(facts: Facts, name: str) -> list[list[str]]:
    found = figure(facts, name)
    assert found is not None
    assert found.numbers is not None
    return [list(row) for row in found.numbers.rows]  # type: ignore[union-attr]


@pytest.fixture
def backbone(work: Workspace) -> Workspace:
    add_evaluation(work, "minilm", LOW, weights="abc")
    return work


def test_the_first_sentence_says_by_how_much_and_how_sure(backbone: Workspace) -> None:
    model(backbone, "h", [0.75] * 28 + [0.25] * 2)
    said = lead(facts_of(backbone))
    assert said.startswith(
        "On 30 test queries of tiny, h is better than its backbone minilm: nDCG@10 0.717 instead of 0.250, a "
        "difference of +0.467 (95 % interval +0."
    )
    assert said.endswith("p < 0.0001).")
    text = to_markdown(page_of(facts_of(backbone)))
    assert "This is one training run" in text
    assert "tell little" not in text


def test_noise_is_not_called_a_gain_and_nothing_is_called_nothing(backbone: Workspace) -> None:
    model(backbone, "n", [0.1, 0.5] * 15)
    assert "n cannot be told from its backbone minilm" in lead(facts_of(backbone))
    measured(backbone, "n", [0.2501, *LOW[1:]])
    assert "n is as good as its backbone minilm, to within ±0.01" in lead(facts_of(backbone))
    measured(backbone, "n", [0.251, *LOW[1:]])
    assert "n is as good as its backbone minilm, to within ±0.01" in lead(facts_of(backbone))
    measured(backbone, "n", LOW)
    assert "n ranks exactly as well as its backbone" in lead(facts_of(backbone))
    measured(backbone, "n", [0.0] * 30)
    assert "n is worse than its backbone" in lead(facts_of(backbone))


def test_without_a_comparison_the_page_says_what_is_missing(work: Workspace) -> None:
    add_model(work, "m")
    assert lead(facts_of(work)) == (
        "No model of tiny was measured on test yet, so nothing can be said of a gain."
    )
    measured(work, "m", HIGH)
    said = lead(facts_of(work))
    assert said.startswith("m has an nDCG@10 of 0.750 on test; its backbone was not measured")
    assert "answer" not in {one.name for one in figures_of(page_of(facts_of(work)))}


def test_few_and_llm_written_queries_are_said(work: Workspace) -> None:
    add_evaluation(work, "minilm", LOW[:8], weights="abc")
    model(work, "h", HIGH[:8])
    text = to_markdown(page_of(facts_of(work)))
    assert "8 test queries tell little: with less than 25" in text


def test_a_first_sentence_on_written_queries_says_so_once(work: Workspace) -> None:
    """It is printed alone, too."""
    said = "An LLM wrote all 30 queries: a score on such queries is no evidence of how those of people are answered."
    weights = weights_hash(str(add_model(work, "m")))
    add_evaluation(work, "m", HIGH, weights=weights, written_queries=30)
    assert lead(facts_of(work)).endswith(f"nothing can be said of a gain. {said}")
    add_evaluation(work, "minilm", LOW, weights="abc", written_queries=30)
    assert lead(facts_of(work)).startswith("On 30 test queries of tiny, m is better")
    assert lead(facts_of(work)).endswith(said)
    assert to_markdown(page_of(facts_of(work))).count("An LLM wrote all") == 1


def test_of_one_query_there_is_no_interval(work: Workspace) -> None:
    add_evaluation(work, "minilm", [0.25], weights="abc")
    model(work, "h", [0.75])
    model(work, "i", [0.5], lr=1e-3)
    facts = facts_of(work)
    assert "a difference of +0.500 (no interval is known, p = 1.0000, corrected" in lead(facts)
    text = to_markdown(page_of(facts))
    assert not re.search(r"\b(inf|nan)\b", text)
    assert not any(re.search(r"\b(inf|nan)\b", one.svg) for one in figures_of(page_of(facts)))


def test_the_best_of_several_is_said_to_be_chosen_and_a_named_one_is_not(backbone: Workspace) -> None:
    model(backbone, "better", HIGH)
    model(backbone, "good", [0.5] * 30, lr=1e-3)
    chosen = "the best of 2 models by this very score"
    assert "better is better" in lead(facts_of(backbone))
    assert chosen in to_markdown(page_of(facts_of(backbone)))
    named = facts_of(backbone, preferred=["gone", "good"])
    assert "good is better" in lead(named)
    assert chosen not in to_markdown(page_of(named))


def test_the_forest_has_all_models_and_holms_correction(backbone: Workspace) -> None:
    model(backbone, "a", HIGH)
    model(backbone, "b", [0.3] * 4 + LOW[4:], lr=1e-3)
    facts = facts_of(backbone)
    rows = table(facts, "differences")
    assert [row[0] for row in rows] == ["a", "b"], "the largest difference first"
    p = {one.name: one.gain.p for one in facts.models if one.gain}
    assert float(rows[1][4]) == pytest.approx(holm(p)["b"], abs=1e-4)
    assert rows[1][5:] == ["4 / 26 / 0", "undecided"]
    assert "corrected for 2 models" in lead(facts)


def test_models_are_compared_with_the_one_of_mined_negatives_that_is_most_alike(backbone: Workspace) -> None:
    model(backbone, "mined-0", [0.5] * 30, "retrieved", seed=0)
    model(backbone, "mined-1", HIGH, "retrieved", seed=1)
    model(backbone, "h-1", [0.5] * 30, seed=1)
    rows = table(facts_of(backbone), "control")
    assert [row[:2] for row in rows] == [["h-1", "-0.2500"]], "0.5 against the 0.75 of the same seed"
    assert rows[0][-2:] == ["mined-1", "nothing"]
    model(backbone, "h-2", [0.5] * 30, seed=2, lr=1e-3)
    facts = facts_of(backbone)
    assert {row[0]: row[-1] for row in table(facts, "control")} == {"h-1": "nothing", "h-2": "lr, seed"}
    found = figure(facts, "control")
    assert found is not None
    assert "differ in more than their negatives" in found.caption


def test_seeds_are_a_strip_and_in_the_first_words(backbone: Workspace) -> None:
    model(backbone, "s0", HIGH, seed=0)
    assert figure(facts_of(backbone), "seeds") is None
    model(backbone, "s1", [0.5] * 30, seed=1)
    model(backbone, "other", HIGH, lr=1e-3)
    facts = facts_of(backbone, preferred=["s0"])
    assert table(facts, "seeds") == [["s0 (seed 0) 0.7500, s1 (seed 1) 0.5000", "0.6250", "0.2500"]]
    assert facts.colours["s0"] == facts.colours["s1"] != facts.colours["other"]
    text = to_markdown(page_of(facts))
    assert (
        "Over the 2 seeds of this training that were measured, the difference is +0.375 (95 % interval −"
        in text
    )
    assert "an interval for other seeds, too" in text
    assert "This is one training run" not in text


@pytest.mark.parametrize(
    ("name", "values"), [("ratio", (0.3, 0.7)), ("pairs", (40, 80)), ("temperature", (0.02, 0.05))]
)
def test_a_curve_is_of_models_that_differ_in_that_alone(
    backbone: Workspace, name: str, values: tuple[float, float]
) -> None:
    def at(value: float) -> dict[str, Any]:
        return {name: value}

    model(backbone, "low", LOW, **at(values[0]))
    model(backbone, "high", HIGH, **at(values[1]), lr=1e-3)
    assert figure(facts_of(backbone), name) is None, "they differ in the learning rate, too"
    model(backbone, "high", HIGH, **at(values[1]), seed=1)
    model(backbone, "high-2", [0.5] * 30, **at(values[1]), seed=2)
    assert table(facts_of(backbone), name) == [
        [f"{values[0]:g}", "low", "0.2500"],
        [f"{values[1]:g}", "high, high-2", "0.6250"],
    ]
    others = {"ratio", "pairs", "temperature"} - {name}
    assert not others & {one.name for one in figures_of(page_of(facts_of(backbone)))}


def test_queries_are_sorted_and_the_bars_at_the_ends_lead_to_them(backbone: Workspace) -> None:
    values = [place / 29 for place in range(30)]
    model(backbone, "m", values)
    facts = facts_of(backbone)
    found = figure(facts, "queries")
    assert found is not None
    rows = table(facts, "queries")
    assert rows[0] == ["q0", "-0.2500", "0.2500", "0.0000"]
    (shown,) = (block for block in page_of(facts) if isinstance(block, Samples))
    anchors = [sample.anchor for sample in shown.samples]
    assert [row[0].anchor for row in rows] == anchors  # type: ignore[attr-defined]
    assert all(f'href="#{name}"' in found.svg for name in anchors)
    assert found.svg.count("<rect") == 30
    assert "8 worse" in found.svg
    assert "22 better" in found.svg


def test_cost_counts_the_texts_of_the_mix(backbone: Workspace) -> None:
    model(backbone, "free", LOW, "retrieved")
    model(backbone, "paid", HIGH)
    texts = generated(backbone, "default", total(2.5))
    mixed = read_manifest(backbone.mixed("paid"))
    assert mixed is not None
    mixed.__dict__["paths"] = {"synthetic": str(texts)}
    write_manifest(backbone.mixed("paid"), mixed)
    rows = table(facts_of(backbone), "cost")
    assert {row[0]: row[1] for row in rows} == {"free": "$0.0000", "paid": "$2.50"}


def test_nothing_is_said_twice(backbone: Workspace) -> None:
    model(backbone, "m", HIGH)
    blocks = page_of(facts_of(backbone, notes=["once", "once"]))
    assert to_markdown(blocks).count("- once") == 1
    names = [one.name for one in figures_of(blocks)]
    assert len(names) == len(set(names))
    assert not any(isinstance(block, Figures) and not block.figures for block in blocks)


def test_what_the_report_does_not_draw_any_more_is_removed(backbone: Workspace, tmp_path: Path) -> None:
    model(backbone, "a", HIGH, seed=0)
    model(backbone, "b", HIGH, seed=1)
    folder = tmp_path / "out"
    write_report(folder, facts_of(backbone))
    assert (folder / "seeds.svg").is_file()
    write_text(folder / "mine.txt", "mine")
    write_report(folder, facts_of(backbone, "a"))
    assert not (folder / "seeds.svg").exists()
    assert (folder / "mine.txt").is_file()
    write_text(folder / "seeds.svg", "mine")
    with pytest.raises(UsageError, match=r"seeds\.svg is there already"):
        write_report(folder, facts_of(backbone))
    assert (folder / "seeds.svg").read_text() == "mine"
