"""What a study says: of mixes that came out otherwise, of columns left out, when it is interrupted, and quietly."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path
from statistics import fmean

import pytest

from syneg_cli.core import SyntheticQuery, write_synthetic_queries
from tests.conftest import Cli
from tests.patience import PATIENCE
from tests.studies.conftest import HOME, rows
from tests.terminal import in_terminal


def test_a_picture_of_the_differences_in_a_terminal_and_nowhere_else(ready: Cli) -> None:
    piped = ready("study")
    title = "nDCG@10 less the control's, with its 95 % interval"
    assert title not in piped.out
    for columns in (80, 200):
        shown = in_terminal("study", columns=columns, NO_COLOR="1")
        assert shown.code == 0, shown.text
        assert f"{title}: all queries" in shown.text
        assert f"{title}: queries whose documents" in shown.text
        head = next(line for line in shown.lines if "arm" in line and "verdict" in line)
        assert all(name in head for name in ("mean", "against", "difference", "95 % interval")), head
        assert ("not shown here: seeds, SD, p, p (Holm) (tables.md has all)" in shown.text) == (columns == 80)
        assert any(line.strip().startswith("hybrid  ") and "●" in line for line in shown.lines)


def test_an_arm_that_was_mixed_otherwise_than_asked_says_so_in_every_format(cli: Cli, here: Path) -> None:
    assert cli("generate", "--limit", "1").code == 0
    study = (
        "study",
        "--arms",
        "hybrid",
        "--seeds",
        "2",
        "--set",
        "mix.need_synthetic=0",
        "--set",
        "mix.rounds=60",
    )
    ran = cli(*study)
    assert ran.code == 0, ran.err
    mixed = [row["mixed"] for row in rows() if row["arm"] == "hybrid"]
    assert [(one["pairs"], one["with_synthetic"]) for one in mixed] == [(3, 1)] * 2
    share = fmean(one["synthetic_share"] for one in mixed)
    said = (
        f"hybrid: 2 of 3 pairs had no synthetic negative; synthetic : retrieved came to "
        f"{share / (1 - share):.2f} : 1 ({share:.0%} synthetic), where"
    ).replace("%", " %")
    assert said in " ".join(ran.out.split())
    assert said in (HOME / "tables.md").read_text(encoding="utf-8")
    assert f"% {said}".replace(" %", " %") in (HOME / "tables.tex").read_text(encoding="utf-8")
    table = {row["arm"]: row for row in csv.DictReader((HOME / "tables.csv").open(encoding="utf-8"))}
    assert float(table["hybrid"]["synthetic_share"]) == pytest.approx(share)
    assert [table[arm]["without_synthetic"] for arm in ("zero-shot", "dense", "hybrid")] == ["", "3.0", "2.0"]
    assert "dense: " not in (HOME / "tables.md").read_text(encoding="utf-8").split("## To read them")[1]

    before = {name: (HOME / name).read_bytes() for name in ("results.jsonl", "tables.md", "tables.csv")}
    lines = (HOME / "results.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (HOME / "results.jsonl").write_text("".join(lines[:3]), encoding="utf-8")  # as one that was killed
    assert cli(*study).code == 0
    assert {name: (HOME / name).read_bytes() for name in before} == before
    old = [json.dumps({key: value for key, value in row.items() if key != "mixed"}) + "\n" for row in rows()]
    (HOME / "results.jsonl").write_text("".join(old), encoding="utf-8")
    again = cli(*study)
    assert again.code == 0, again.err
    assert "had no synthetic negative" not in again.out, "what an older version did not count is unknown"


def test_an_interrupted_study_says_what_is_kept_and_that_it_goes_on(ready: Cli) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "syneg_cli", "study"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if line.startswith("study: run 2 of 5"):
                process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE * 10) == 130, said
    assert "study: 1 of 5 runs is measured and kept; the same command goes on there" in said
    assert "begins anew" not in said
    assert len(rows()) == 1


def test_an_index_with_written_queries_is_in_the_plan_and_the_headline(ready: Cli, here: Path) -> None:
    written = here / ".syneg/tiny/queries/default.jsonl"
    written.parent.mkdir(parents=True, exist_ok=True)
    write_synthetic_queries(written, [SyntheticQuery("d5", 1, "is recall better after sleep", "p", "m", "k")])
    study = ("study", "--arms", "bm25", "--primary", "bm25", "--seeds", "1", "--set", "eval.expansion=0.5")
    ran = ready(*study)
    assert ran.code == 0, ran.err
    headline = "nDCG@10 (LLM-written queries in the index, 0.5), 3 test queries"
    assert headline in (HOME / "tables.md").read_text(encoding="utf-8")
    assert headline in " ".join(ran.out.split())
    write_synthetic_queries(written, [SyntheticQuery("d5", 1, "another one", "p", "m", "k")])
    refused = ready(*study)
    assert refused.code == 2
    assert "inputs LLM-written queries in the index" in refused.err


def test_quiet_has_the_result_alone(ready: Cli) -> None:
    ran = ready("study", "--arms", "bm25", "--primary", "dense", "--seeds", "1", "--quiet")
    assert ran.code == 0
    assert ran.err == ""


def test_hybrid_search_is_said_wherever_a_study_is_told_of(ready: Cli) -> None:
    study = ("study", "--arms", "dense", "--seeds", "1")
    assert ready(*study).code == 0
    ran = ready(*study, "--set", "eval.lexical=0.5", "--name", "both")
    assert ran.code == 0, ran.err
    said = "nDCG@10 (hybrid search, 0.5 x BM25), "
    assert said in " ".join(ran.out.split())
    for name in ("tables.md", "tables.tex"):
        assert said in (HOME.parent / "both" / name).read_text(encoding="utf-8")
        assert "hybrid search" not in (HOME / name).read_text(encoding="utf-8")
    both, alone = (
        [row["scores"] for row in rows(home) if row["arm"] == "dense"]
        for home in (HOME.parent / "both", HOME)
    )
    assert both
    assert both != alone


def test_the_spread_is_that_of_systems_searched_as_the_arms_are(ready: Cli, tiny_model: Path) -> None:
    """Words that are searched, too, make two systems differ more than any training does."""
    measured = ("eval", "--backbone", tiny_model, "--baseline", "none")
    assert ready(*measured).code == 0
    assert ready(*measured, "--lexical", "5").code == 0
    study = ("study", "--arms", "dense", "--seeds", "1", "--plan")
    alone = " ".join(ready(*study).out.split())
    assert "assumed, as no two systems that search as the arms do were measured before" in alone
    other = ready("eval", "--model", "bm25", "--baseline", "none")
    assert other.code == 0, other.err
    again = " ".join(ready(*study, "--name", "again").out.split())
    assert (
        f"bm25 against {tiny_model.name}, measured before" in again
        or f"{tiny_model.name} against bm25" in again
    )


def test_the_page_of_a_study_alone_finds_a_backbone_that_is_a_folder(ready: Cli) -> None:
    """The plan has its name, and not where it lies."""
    study = ("study", "--primary", "dense", "--arms", "dense", "--seeds", "1")
    assert ready(*study).code == 0
    page = ready("report")
    assert page.code == 0, page.err
    text = Path(".syneg/tiny/report/report.md").read_text(encoding="utf-8")
    assert "cannot be loaded" not in text
    assert "How near each source is to its query" in text
