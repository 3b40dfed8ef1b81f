"""`train_queries`: what is left out stays out, whichever file brings it, and what is of another train is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from syneg_cli.core.files import write_jsonl
from syneg_cli.core.record_files import read_instances, read_mined
from syneg_cli.data import Dataset, load_dataset
from syneg_cli.verification import Verdict
from tests.conftest import DOCS, QRELS, QUERIES, Cli, write_dataset
from tests.fakes import judged

FEWER = ("--set", "dataset.train_queries=1")
WORK = Path(".syneg/tiny")


@pytest.fixture
def project(cli: Cli, tiny: Path, tiny_model: Path) -> Cli:
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[mine]\nminers = ["random"]\n'
        f'[mix]\nstrategy = "retrieved"\n[train]\nbackbone = "{tiny_model}"\noutput = "m"\nepochs = 1\n'
    )
    return cli


def done(project: Cli, *argv: object) -> str:
    result = project(*argv)
    assert result.code == 0, result.err
    return " ".join(f"{result.out}\n{result.err}".split())


def kept(tiny: Path, count: int = 1) -> Dataset:
    return load_dataset(str(tiny), cache=Path("cache"), dev_fraction=0, train_queries=count)


def queries_of(mix: str) -> set[str]:
    return {one.query_id for one in read_instances(WORK / f"mixed/{mix}.jsonl")}


def test_rows_of_queries_that_are_left_out_do_not_slip_in_by_a_file(project: Cli, tiny: Path) -> None:
    done(project, "mine")
    done(project, "mix")
    done(project, "export", "--format", "flagembedding", "--output", "all.jsonl")
    mix = ("mix", "--from", "all.jsonl", "--name", "own", *FEWER)
    assert "left out, because train_queries leaves out the query: 2 rows" in done(project, *mix)
    assert queries_of("own") == kept(tiny).judgements["train"].keys()
    counts = project(*mix, "--json").json
    assert (counts["instances"], counts["set_aside"], counts["held_out"]) == (1, 2, 0)


def test_documents_that_disjoint_keeps_out_do_not_slip_in_by_a_file(project: Cli, tiny: Path) -> None:
    write_dataset(tiny, qrels=QRELS | {"test": [("q3", "d1", 1)]})
    for command in ("mine", "mix"):
        done(project, command)
    done(project, "export", "--format", "flagembedding", "--output", "all.jsonl")
    told = done(project, "mix", "--from", "all.jsonl", "--name", "own", "--disjoint")
    assert "left out, because disjoint keeps out the document: 1 pair" in told
    assert queries_of("own") == {"q2", "q4"}


def test_a_text_of_two_queries_is_the_one_that_is_left_out(project: Cli, tiny: Path) -> None:
    """Else the text of a test query comes in under an id that nobody judged."""
    write_dataset(tiny, queries=QUERIES | {"q9": QUERIES["q3"], "q0": QUERIES["q3"]})
    Path("own.jsonl").write_text(
        "".join(
            json.dumps({"query": QUERIES[q], "pos": [" ".join(DOCS[d])], "neg": [" ".join(DOCS["d6"])]})
            + "\n"
            for q, d in (("q3", "d5"), ("q1", "d1"))
        )
    )
    told = done(project, "mix", "--from", "own.jsonl", "--name", "own")
    assert "left out, because dev or test judges the query: 1 row" in told
    assert queries_of("own") == {"q1"}


def turned_for_all() -> None:
    """The first mined document of every query, made a positive by `verify`."""
    mined, seen = WORK / "mined/random.jsonl", set[str]()
    rows = []
    for one in read_mined(mined):
        verdict = Verdict(one.query_id not in seen, 1.0)
        rows.append(judged(one, {"judge": verdict}, "relabel"))
        seen.add(one.query_id)
    write_jsonl(mined, rows)


def test_what_verify_turned_for_other_queries_is_no_training_pair(project: Cli, tiny: Path) -> None:
    done(project, "mine")
    turned_for_all()
    assert "left out of what verify turned" not in done(project, "mix")
    assert len(queries_of("retrieved")) == 3
    told = done(project, "mix", *FEWER)
    assert "left out of what verify turned into positives" in told
    assert told.partition("keeps the document out: ")[2].startswith("2 pairs")
    assert queries_of("retrieved") == kept(tiny).judgements["train"].keys()


def test_training_on_the_mix_of_another_train_is_said(project: Cli) -> None:
    for command in ("mine", "mix"):
        done(project, command)
    said = "mixed when tiny had other train queries, and is trained on as it is: 3 queries, 1 of them queries"
    assert said in done(project, "train", *FEWER)
    done(project, "mix", *FEWER)
    assert said.partition(",")[0] not in done(project, "train", *FEWER)


def test_training_on_queries_that_are_test_by_now_is_said_twice(project: Cli, tiny: Path) -> None:
    for command in ("mine", "mix"):
        done(project, command)
    swapped = {"train": QRELS["train"][1:] + QRELS["test"], "test": QRELS["train"][:1]}
    write_dataset(tiny, qrels=swapped)
    assert "2 of them queries of train now and 1 of test. Run `syneg mix`" in done(project, "train")
    told = done(project, "eval")
    assert "was trained on other train queries than tiny has now, and 1 query of test is among them" in told


def test_what_is_measured_on_train_hangs_on_no_fraction(project: Cli) -> None:
    for command in ("mine", "mix", "train"):
        done(project, command)
    told = done(project, "eval", "--split", "train", *FEWER)
    assert "1 train query tells little" in told
    assert "train_fraction" not in told
    assert "other train queries" not in told


def test_a_data_set_that_moved_is_itself_however_many_queries_train_has(project: Cli, tiny: Path) -> None:
    done(project, "mine")
    copy = shutil.copytree(tiny, Path("copy") / tiny.name)
    done(project, "mine", copy, *FEWER)
    done(project, "mine")
    assert kept(tiny).content == kept(tiny, 2).content == kept(tiny, 9).content


def test_init_counts_what_the_files_have(cli: Cli, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNEG_DATASET_TRAIN_QUERIES", "1")
    monkeypatch.setenv("SYNEG_DATASET_DEV_FRACTION", "0.34")
    told = done(cli, "init", tiny)
    assert "3 train queries (1 held out as dev, 1 left out by train_queries), 1 test" in told


def test_the_command_of_a_card_has_what_is_held_out(project: Cli) -> None:
    """Dev chooses the epoch, and what it takes from train nobody trained on."""
    some = ("--set", "dataset.dev_fraction=0.34", "--set", "dataset.dev_seed=2")
    for command in ("mine", "mix", "train"):
        done(project, command, *some)
    card = (WORK / "models/m/README.md").read_text(encoding="utf-8")
    assert " ".join(some) in card
    for command in ("mine", "mix", "train"):
        done(project, command)
    card = (WORK / "models/m/README.md").read_text(encoding="utf-8")
    assert "--set dataset.dev_fraction=0.0" in card
    assert "dev_seed" not in card


def test_a_page_says_which_study_is_of_another_train(project: Cli) -> None:
    study = ("study", "--arms", "dense", "--primary", "dense", "--seeds", 1, *FEWER)
    done(project, *study)
    other = "It trains on other judgements than those of train now, which has 3 queries"
    page = WORK / "report/report.md"
    done(project, "report", *FEWER)
    assert other not in page.read_text(encoding="utf-8")
    done(project, "report")
    assert other in page.read_text(encoding="utf-8")
    refused = project(*study[:-2])
    assert refused.code == 2
    assert "another plan" in refused.err
    assert "--set dataset.train_queries=1" in refused.err
