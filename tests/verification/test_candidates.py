"""A negative as the checks see it: a scorer reads what it reads of the corpus, letter by letter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from syneg_cli.verification import candidate_of
from tests.conftest import write_dataset
from tests.fakes import open_tiny
from tests.verification.conftest import MINED, WRITTEN


@pytest.mark.parametrize("title", ["", "Bones"])
def test_a_document_of_several_lines_is_one_text_for_scorers(tmp_path: Path, title: str) -> None:
    """Else an API would be paid for another vector of it, and a text be scored that no document has."""
    text = "One line.\nAnother line."
    folder = write_dataset(
        tmp_path / "lines",
        docs={"d1": ("", "Bones."), "d2": (title, text)},
        queries={"q1": "do bones heal"},
        qrels={"train": [("q1", "d1", 1)]},
    )
    dataset = open_tiny(folder)
    mined, written = MINED, replace(WRITTEN, title=title, text=text)
    assert candidate_of(mined, dataset).full_text == dataset.corpus["d2"].full_text
    assert candidate_of(written, dataset).full_text == written.full_text
    assert candidate_of(mined, dataset).text == f"{title}\n{text}".strip()
