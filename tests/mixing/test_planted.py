"""docs/results/plant.py: false negatives among mined ones, as `file` of [mix] reads them."""

from __future__ import annotations

import json
import random
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli

SCRIPT = Path(__file__).parents[2] / "docs" / "results" / "plant.py"


@pytest.fixture(scope="module")
def functions() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


def test_a_passage_is_two_sentences_in_a_row(functions: dict[str, Any]) -> None:
    found = functions["passages"]("Red one. Blue two! Green three?  Grey four.")
    assert found == ["Red one. Blue two!", "Blue two! Green three?", "Green three? Grey four."]


@pytest.mark.parametrize("text", ["One sentence.", "First of two. Second of two.", "Same. Same. Same. Same."])
def test_what_mine_would_take_for_a_copy_is_no_passage(functions: dict[str, Any], text: str) -> None:
    assert functions["passages"](text) == []


@pytest.mark.parametrize(("share", "false"), [(0.0, 0), (0.1, 1), (0.3, 3), (0.36, 4), (1.0, 5)])
def test_the_share_is_reached_and_every_passage_is_another(
    functions: dict[str, Any], share: float, false: int
) -> None:
    negatives = [f"negative {number}" for number in range(10)]
    positive = "A one. B two. C three. D four. E five. F six."
    made = functions["planted"](negatives, positive, share, random.Random("q d"))
    passages = [text for text in made if text not in negatives]
    assert len(made) == 10
    assert len(passages) == len(set(passages)) == false, "a text of six sentences has five"
    kept = [text for text in made if text in negatives]
    assert kept == [text for text in negatives if text in made], "in their order"


def test_the_file_is_mixed_with_its_false_negatives(
    cli: Cli,
    tiny: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = [json.loads(line) for line in (tiny / "corpus.jsonl").read_text(encoding="utf-8").splitlines()]
    longer = [
        {**row, "text": f"{row['text']} Another sentence stands here. The end is near."} for row in lines
    ]
    (tiny / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in longer), encoding="utf-8")
    given = (tiny, "planted.jsonl", "--share", 0.5, "--backbone", tiny_model)
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, given)])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    said = capsys.readouterr().out
    rows = [json.loads(line) for line in Path("planted.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all(len(row["negatives"]) == 5 for row in rows), "of six documents one is the positive"
    full = {f"{row.get('title', '')} {row['text']}".strip() for row in longer}
    false = [text for row in rows for text in row["negatives"] if text not in full]
    assert false
    assert f"{len(false)} of them false" in said
    mixed = cli("mix", tiny, "--from", "planted.jsonl", "--strategy", "retrieved", "--json")
    assert mixed.code == 0, mixed.err
    assert "text:" in next(Path(".syneg").glob("*/mixed/*.jsonl")).read_text(encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, given), "--percentage", "0.01"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    rows = [json.loads(line) for line in Path("planted.jsonl").read_text(encoding="utf-8").splitlines()]
    assert not any(text in row["negatives"] for row in rows for text in false), "they are near the positive"
