"""The page says what `eval` says: by the same margin, and of the data as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Cli, write_dataset
from tests.report.test_command import trained

__all__ = ["trained"]


@pytest.mark.slow
def test_the_margin_of_the_project_is_the_pages(trained: Cli) -> None:
    settings = Path("syneg.toml").read_text(encoding="utf-8")
    Path("syneg.toml").write_text(f"{settings}[eval]\nequivalence_margin = 0.3\n", encoding="utf-8")
    assert trained("report", "--sample", "0").code == 0
    page = Path(".syneg/tiny/report/report.md").read_text(encoding="utf-8")
    assert "p, equivalence within ±0.3" in page


@pytest.mark.slow
def test_a_score_of_judgements_that_changed_since_is_left_out_and_said(trained: Cli, tiny: Path) -> None:
    write_dataset(tiny, qrels={"test": [("q3", "d6", 1)]})
    made = trained("report", "--sample", "0", "--json")
    assert made.code == 0, made.err
    assert [one["ndcg@10"] for one in made.json["models"]] == [None, None]  # type: ignore[attr-defined]
    page = Path(".syneg/tiny/report/report.md").read_text(encoding="utf-8")
    assert "one: was measured before the data changed (test qrels); that result is left out" in page
    assert trained("eval", "--model", "one", "-q").code == 0
    made = trained("report", "--sample", "0", "--json")
    assert made.json["models"][0]["ndcg@10"] is not None  # type: ignore[index]
