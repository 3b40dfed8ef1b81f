"""What `syneg eval` says of a difference: the verdict, by the margin that was given."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.evaluation import Evaluation, score
from tests.conftest import Cli


def compared(cli: Cli, data: Path, model: Path, *options: object) -> Any:
    """The two are one model by two names, so that every query has the same score twice."""
    other = Path("other")
    if not other.exists():
        other.symlink_to(model)
    return cli("eval", data, "--model", "other", "--backbone", model, *options)


def test_eval_tells_the_verdict_and_all_it_rests_on(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    result = compared(cli, tiny, tiny_model, "--json", "--equivalence-margin", 0.25)
    assert result.code == 0, result.err
    found = result.json["comparison"]["ndcg@10"]
    assert (found["margin"], found["verdict"], found["family"], found["p_holm"]) == (
        0.25,
        "undecided",
        [],
        None,
    )
    assert found["p_equivalence"] == pytest.approx(0.75 ** found["queries"])
    shown = compared(cli, tiny, tiny_model).out
    assert "nDCG@10 is the same for every query: undecided, as " in " ".join(shown.split())
    assert "cannot rule out a difference of 0.01 on others." in " ".join(shown.split())


@pytest.mark.parametrize("margin", ["0", "1", "-0.01", "nan", "x"])
def test_a_margin_that_is_none(cli: Cli, tiny: Path, tiny_model: Path, margin: str) -> None:
    result = compared(cli, tiny, tiny_model, f"--equivalence-margin={margin}")
    assert result.code == 2
    assert "equivalence" in result.err


def test_one_query_gives_json_that_others_read(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    """Neither NaN nor Infinity, which Python prints and no one else reads."""
    rows = (tiny / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[:2]
    (tiny / "qrels" / "test.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")

    def strict(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    found = json.loads(compared(cli, tiny, tiny_model, "--json").out, parse_constant=strict)
    found = found["comparison"]["ndcg@10"]
    assert found["queries"] == 1
    assert (found["low"], found["high"], found["detectable"]) == (None, None, None)


def test_the_demo_compares_with_mined_negatives_as_one_family() -> None:
    from syneg_cli.cli.render.measured import arms

    qrels = {f"q{n}": {"a": 1} for n in range(40)}

    def arm(name: str, good: int) -> Evaluation:
        """Finds the document first for so many queries, and for the others not at all."""
        run = {q: {"a" if n < good else "b": 1.0} for n, q in enumerate(qrels)}
        scores = score(run, qrels)
        return Evaluation(name, name, "demo", "test", "fp32", scores.metrics, scores.per_query, "")

    names = {"zero-shot": 5, "mined": 10, "SyNeg mix": 17, "mirror": 30}
    data, shown = arms({name: arm(name, good) for name, good in names.items()}, "demo")
    found = data["comparisons"]["SyNeg mix - mined"]
    assert found["family"] == ["SyNeg mix - mined", "mirror - mined"]
    assert found["p_holm"] == found["p_randomisation"] == pytest.approx(2 / 128, abs=0.002)
    assert data["comparisons"]["mirror - mined"]["p_holm"] == pytest.approx(2e-5, abs=5e-5)
    assert data["comparisons"]["mined - zero-shot"]["family"] == []
    first, second = shown[-1].splitlines()
    assert first.startswith("SyNeg mix against mined. nDCG@10 is better by 0.1750 (p = 0.01")
    assert "corrected for 2 comparisons = 0.01" in first
    assert second.startswith("mirror against mined. nDCG@10 is better by 0.5000 (p < 0.0001")


def test_a_model_that_reads_less_of_a_text_than_its_baseline_is_said_to(
    cli: Cli, tiny: Path, tiny_model: Path
) -> None:
    shutil.copytree(tiny_model, "short")
    config = Path("short") / "sentence_bert_config.json"
    kept = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps(kept | {"max_seq_length": 8}), encoding="utf-8")
    told = "short reads 8 tokens of a text, st 48: that is in the difference, too."
    shown = cli("eval", tiny, "--model", "short", "--backbone", tiny_model)
    assert told in " ".join(shown.out.split())
    both = cli("eval", tiny, "--model", "short", "--model", tiny_model, "--backbone", tiny_model)
    assert told in " ".join(both.out.split())
    assert cli("eval", tiny, "--model", "short", "--backbone", tiny_model, "--json").json["max_length"] == 8
    same = compared(cli, tiny, tiny_model)
    assert "tokens of a text" not in same.out
    alike = cli("eval", tiny, "--model", "short", "--backbone", tiny_model, "--max-length", 8)
    assert "tokens of a text" not in alike.out
    assert "is the same for every query" in " ".join(alike.out.split()), "the two are one model, cut alike"
    too_long = cli("eval", tiny, "--model", "short", "--backbone", tiny_model, "--max-length", 65)
    assert too_long.code == 2
    assert "reads at most 64 tokens, not 65" in too_long.err
