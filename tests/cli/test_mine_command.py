"""`syneg mine` as its users call it, in one process and in two."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from syneg_cli.core.record_files import read_mined
from tests.conftest import DOCS, Cli, write_dataset

WORK = ".syneg/tiny/mined"


def miners(result: Any) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", result.json["miners"])


def test_random_and_bm25_side_by_side(cli: Cli, tiny: Path) -> None:
    result = cli("mine", tiny, "--miner", "random", "--miner", "bm25", "--depth", 3, "--json")
    assert result.code == 0, result.err
    assert [one["miner"] for one in miners(result)] == ["random", "bm25"]
    for name in ("random", "bm25"):
        mined = read_mined(Path(WORK) / f"{name}.jsonl")
        assert {negative.miner for negative in mined} == {name}
        assert all((n.query_id, n.doc_id) not in {("q1", "d1"), ("q2", "d3"), ("q4", "d2")} for n in mined)


def test_a_second_run_does_nothing(cli: Cli, tiny: Path) -> None:
    cli("mine", tiny, "--miner", "random")
    written = (Path(WORK) / "random.jsonl").read_bytes()
    again = cli("mine", tiny, "--miner", "random", "--json")
    assert miners(again)[0]["skipped"]
    assert "up to date" in again.err
    forced = cli("mine", tiny, "--miner", "random", "--force", "--json")
    assert not miners(forced)[0]["skipped"]
    assert (Path(WORK) / "random.jsonl").read_bytes() == written
    assert not miners(cli("mine", tiny, "--miner", "random", "--seed", 1, "--json"))[0]["skipped"]


def test_only_the_stale_miner_runs_again(cli: Cli, tiny: Path) -> None:
    cli("mine", tiny, "--miner", "random")
    result = cli("mine", tiny, "--miner", "random", "--miner", "bm25", "--json")
    assert [one["skipped"] for one in miners(result)] == [True, False]


def test_dense_prints_filters_quantiles_and_examples(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    result = cli("mine", tiny, "--backbone", tiny_model, "--precision", "fp32", "--percentage", 0.95)
    assert result.code == 0, result.err
    for shown in ("no positive", "at most 95% of the positive", "drawn", "score quantiles", "negative"):
        assert shown in result.out
    assert "got fewer than 30" in result.out


def test_filters_that_compare_scores_are_off_until_asked_for(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    plain = cli("mine", tiny, "--backbone", tiny_model, "--json")
    assert "at most 95% of the positive" not in miners(plain)[0]["survivors"]
    filtered = cli("mine", tiny, "--backbone", tiny_model, "--percentage", 0.95, "--json")
    assert "at most 95% of the positive" in miners(filtered)[0]["survivors"]
    auto = cli("mine", tiny, "--backbone", tiny_model, "--margin", "auto", "--json")
    assert "margin auto" in miners(auto)[0]["survivors"]


def test_other_weights_make_it_stale(cli: Cli, tiny: Path, tiny_model: Path, tmp_path: Path) -> None:
    from syneg_cli.encoding.loading import load_model

    model = load_model(str(tiny_model))
    model.save(str(tmp_path / "m"))
    cli("mine", tiny, "--backbone", tmp_path / "m")
    assert miners(cli("mine", tiny, "--backbone", tmp_path / "m", "--json"))[0]["skipped"]
    model[0].auto_model.embeddings.word_embeddings.weight.data += 1  # type: ignore[operator, union-attr]
    model.save(str(tmp_path / "m"))
    again = cli("mine", tiny, "--backbone", tmp_path / "m", "--json")
    assert not miners(again)[0]["skipped"]
    assert "backbone weights changed" in again.err


def test_a_run_of_ones_own(cli: Cli, tiny: Path) -> None:
    Path("runs").mkdir()
    Path("runs/x.trec").write_text("q1 Q0 d2 1 3.0 t\nq2 Q0 d4 1 2.0 t\n", encoding="utf-8")
    result = cli("mine", tiny, "--miner", "run:runs/x.trec", "--json")
    assert result.code == 0, result.err
    mined = read_mined(Path(WORK) / "run-runs-x.trec.jsonl")
    assert [(n.query_id, n.doc_id, n.rank, n.score) for n in mined] == [
        ("q1", "d2", 1, 3.0),
        ("q2", "d4", 1, 2.0),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--miner", "dens"], "Did you mean 'dense'"),
        (["--miner", "run:nope.trec"], "nope.trec is not there"),
        (["--backbone", "minlm"], "Did you mean 'minilm'"),
        (["--margin", "wide"], "--margin"),
        (["--percentage", "1.5"], "--percentage"),
        (["--draw", "best"], "--draw"),
        (["--depth", "0"], "--depth"),
    ],
)
def test_wrong_use_is_one_message(cli: Cli, tiny: Path, options: list[str], message: str) -> None:
    result = cli("mine", tiny, *options)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err
    assert not Path(WORK).exists()


def test_a_wrong_index_is_explained(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    result = cli("mine", tiny, "--backbone", tiny_model, "--index", "IVF999,Flat")
    assert result.code == 2
    assert "IVF999,Flat" in result.err


def test_the_recall_of_an_approximate_index_is_printed(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    result = cli("mine", tiny, "--backbone", tiny_model, "--index", "HNSW8")
    assert result.code == 0, result.err
    assert "index HNSW8: recall 1.000" in result.out


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """More documents than one block of the encoder holds, so that both processes encode some."""
    words = sorted({word for title, text in DOCS.values() for word in f"{title} {text}".lower().split()})
    draw = random.Random(0)
    docs = {f"d{i}": ("", " ".join(draw.choices(words, k=draw.randint(3, 9)))) for i in range(2300)}
    queries = {f"q{i}": " ".join(draw.choices(words, k=4)) for i in range(21)}
    return write_dataset(tmp_path / "wide", docs, queries, {"train": [(q, f"d{q[1:]}", 1) for q in queries]})


@pytest.mark.slow
def test_two_processes_mine_what_one_mines(cli: Cli, wide: Path, tiny_model: Path, tmp_path: Path) -> None:
    """torchrun with gloo: documents and queries are shared out, and the files are the same."""
    names = ["--miner", "dense", "--miner", "bm25", "--miner", "random"]
    options = [*names, "--backbone", str(tiny_model), "--precision", "fp32", "--json"]
    one = cli("mine", wide, *options)
    assert one.code == 0, one.err
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["-m", "syneg_cli", "mine", str(wide), "--work-dir", str(tmp_path / "two"), *options]
    two = subprocess.run(
        [sys.executable, *torchrun, *command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
    )
    assert two.returncode == 0, two.stderr
    assert len(json.loads(two.stdout)["miners"]) == 3  # printed once, by rank 0
    for name in ("dense", "bm25", "random"):
        ours, theirs = (
            read_mined(folder / f"wide/mined/{name}.jsonl") for folder in (Path(".syneg"), tmp_path / "two")
        )
        assert [(n.query_id, n.doc_id, n.rank) for n in ours] == [
            (n.query_id, n.doc_id, n.rank) for n in theirs
        ]
        assert [n.score for n in ours] == pytest.approx([n.score for n in theirs], abs=2e-6)
    survivors = [
        [made["survivors"] for made in found] for found in (miners(one), json.loads(two.stdout)["miners"])
    ]
    assert survivors[0] == survivors[1]


def test_what_was_made_is_said_once(cli: Cli, tiny: Path) -> None:
    """`mine bm25: done ...` is the note; the table's own line says what it is of, not the same again."""
    made = cli("mine", tiny, "--miner", "bm25")
    assert made.code == 0, made.err
    assert "mine bm25: done" in made.err
    assert "mine bm25:" not in made.out
    assert made.out.count("bm25.jsonl") == 1
