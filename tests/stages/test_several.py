"""eval of several systems and data sets, baselines, BM25, chosen metrics, and the queries that lost most."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import NoProgress
from syneg_cli.data import load_dataset, read_run
from syneg_cli.mining import bm25_run
from tests.cli.test_json import check
from tests.conftest import DOCS, QUERIES, Cli, CliResult, write_dataset

TEST = [("q1", "d1", 1), ("q2", "d3", 1), ("q2", "d4", 0), ("q3", "d5", 2), ("q4", "d2", 1)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "one", qrels={"test": TEST})


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "two", qrels={"test": TEST[:2]})


def write_run(name: str, **first: str) -> Path:
    """A run that ranks the named documents in their order ("d1 d2"), best first."""
    lines = [
        f"{query_id} Q0 {doc_id} {rank} {10 - rank} x"
        for query_id, docs in first.items()
        for rank, doc_id in enumerate(docs.split(), start=1)
    ]
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Path(name)


def bad_against_good(data: Path) -> tuple[object, ...]:
    """A worse run against a better one."""
    return "eval", data, "--run", write_run("bad.trec", **BAD), "--baseline", write_run("good.trec", **GOOD)


GOOD = {"q1": "d1 d6", "q2": "d3", "q3": "d5", "q4": "d2"}
BAD = {"q1": "d6 d4 d1", "q2": "d4 d6 d1 d3", "q3": "d5", "q4": "d6"}


def rows(result: CliResult) -> list[dict[str, Any]]:
    found = json.loads(result.out)
    assert isinstance(found, list)
    return found


def test_several_systems_on_several_data_sets_are_one_table(
    cli: Cli, data: Path, other: Path, tiny_model: Path
) -> None:
    good, bad = write_run("good.trec", **GOOD), write_run("bad.trec", **BAD)
    asked = ("eval", data, other, "--run", good, "--run", bad, "--model", tiny_model, "--baseline", "bm25")
    shown = cli(*asked)
    assert shown.code == 0, shown.err
    table = [line for line in shown.out.splitlines() if "│" in line]
    places = [line.split("│")[1:3] for line in table]
    names = [name.strip() for _, name in places]
    assert names[:8] == ["bm25", "st", "good", "bad"] * 2, "a data set's baseline and systems together"
    assert names[8:12] == ["bm25", "st", "good", "bad"]
    assert [dataset.strip() for dataset, _ in places if dataset.strip()][:3] == ["one", "two", "mean of 2"]
    assert "corrected for 6 comparisons" in shown.out
    found = rows(cli(*asked, "--json"))
    for one in found:
        check(one, "eval")
    assert [(one["dataset"], one["name"]) for one in found] == [
        (dataset, name) for dataset in ("one", "two") for name in ("st", "good", "bad")
    ]
    assert {one["baseline"]["name"] for one in found} == {"bm25"}
    for one in found:
        main = one["comparison"]["ndcg@10"]
        assert len(main["family"]) == 6
        assert main["p_holm"] >= main["p_randomisation"]
        assert one["comparison"]["map@100"]["family"] == []


def test_what_was_measured_is_shown_where_other_things_fail(cli: Cli, data: Path) -> None:
    good = write_run("good.trec", **GOOD)
    broken = Path("broken.trec")
    broken.write_text("q1 Q0 d1\n")
    asked = ("eval", data, "./nowhere", "--run", broken, "--run", good, "--model", "nothing")
    result = cli(*asked, "--json")
    assert result.code == 2
    measured, *failed = rows(result)
    check(measured, "eval")
    assert measured["name"] == "good"
    assert [(one["dataset"], one["name"]) for one in failed] == [
        ("./nowhere", ""),
        ("one", "nothing"),
        ("one", "broken"),
    ]
    assert "line 1" in failed[2]["error"]
    assert failed[0]["hint"]
    told = cli(*asked)
    assert told.code == 2
    assert "│ good" in told.out
    errors = [line for line in told.err.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    for part in ("./nowhere", "one, broken: broken.trec, line 1", "one, nothing: --model: there is no model"):
        assert part in errors[0]
    assert "up to date" in cli("eval", data, "--run", good, "--json").err


def test_a_baseline_that_fails_leaves_what_was_measured(cli: Cli, data: Path) -> None:
    good = write_run("good.trec", **GOOD)
    Path("empty.trec").write_text("")
    result = cli("eval", data, "--run", good, "--baseline", "empty.trec", "--json")
    assert result.code == 2
    measured, failed = rows(result)
    assert (measured["baseline"], measured["metrics"]["ndcg@10"]) == (None, 1.0)
    assert (failed["name"], failed["error"]) == ("empty", "empty.trec is empty.")
    assert "empty.trec is empty" in result.err


def test_bm25_is_a_system_and_a_baseline(cli: Cli, data: Path) -> None:
    """As `mine` has it, without the document that is the query itself."""
    write_dataset(data, DOCS | {"q1": ("", QUERIES["q1"])}, QUERIES, {"test": TEST})
    for asked in (("--model", "bm25"), ("--backbone", "bm25")):
        result = cli("eval", data, *asked, "--json")
        assert result.code == 0, result.err
        check(result.json, "eval")
        assert (result.json["name"], result.json["precision"]) == ("bm25", "-")
    stored = read_run(Path(str(result.json["run"])))
    dataset = load_dataset(str(data), cache=Path("arrow"), dev_fraction=0)
    mined = bm25_run(dataset, list(stored), 100, NoProgress())
    assert "q1" in mined["q1"]
    assert {q: list(found) for q, found in stored.items()} == {
        q: [doc_id for doc_id in found if doc_id != q] for q, found in mined.items()
    }
    alone = cli("eval", data, "--model", "bm25", "--baseline", "bm25", "--json")
    assert alone.json["baseline"] is None
    assert "bm25 is the baseline itself" in alone.err
    changed = cli("eval", data, "--model", "bm25", "--set", "dataset.language=german", "--json")
    assert "bm25 changed" in changed.err


@pytest.mark.parametrize(
    ("asked", "baseline"),
    [
        ((), None),
        (("--baseline", "none"), None),
        (("--baseline", "backbone"), "st"),
        (("--baseline", "bad.trec"), "bad"),
        (("--baseline", "MODEL"), "st"),
        (("--backbone", "MODEL"), "st"),
    ],
)
def test_what_a_run_is_compared_with(
    cli: Cli, data: Path, tiny_model: Path, asked: tuple[str, ...], baseline: str | None
) -> None:
    good = write_run("good.trec", **GOOD)
    write_run("bad.trec", **BAD)
    given = [tiny_model if one == "MODEL" else one for one in asked]
    backbone = ("--set", f"train.backbone={tiny_model}")
    result = cli("eval", data, "--run", good, *given, *backbone, "--json")
    assert result.code == 0, result.err
    found: Any = result.json["baseline"]
    assert (found and found["name"]) == baseline


def test_a_trained_model_is_compared_with_its_backbone_unless_told(
    cli: Cli, data: Path, other: Path, tiny_model: Path
) -> None:
    train = [("q1", "d1", 1), ("q2", "d3", 1)]
    write_dataset(data, qrels={"train": train, "test": TEST[3:]})
    backbone = shutil.copytree(tiny_model, Path("tiny-bert"))
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{data}"\ndev_fraction = 0\n[mine]\nminers = ["random"]\n'
        f'[mix]\nstrategy = "retrieved"\n[train]\nbackbone = "{backbone}"\nepochs = 1\noutput = "mine"\n'
    )
    for command in ("mine", "mix", "train"):
        assert cli(command).code == 0
    assert cli("eval", "--json").json["baseline"]["name"] == "tiny-bert"  # type: ignore[index]
    assert cli("eval", "--baseline", "none", "--json").json["baseline"] is None
    words: Any = cli("eval", "--model", "bm25", "--json").json
    assert words["seen"]["told"].startswith("bm25 is not trained. A training on train sees")
    assert cli("eval", "--baseline", "bm25", "--json").json["baseline"]["name"] == "bm25"  # type: ignore[index]
    by_name = cli("eval", "--run", write_run("r.trec", **GOOD), "--baseline", "mine", "--json")
    assert by_name.json["baseline"]["name"] == "mine"  # type: ignore[index]
    elsewhere = cli("eval", data, other, "--model", "mine", "--json")
    assert elsewhere.code == 0, elsewhere.err
    assert [(one["dataset"], one["name"]) for one in rows(elsewhere)] == [("one", "mine"), ("two", "mine")]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("--baseline", ""), "--baseline: the value is empty"),
        (("--run", "a.trec", "--backbone", "minilm", "--baseline", "bm25"), "both say what to compare with"),
        (("--baseline", "bm25", "--rerank", "x"), "--baseline names a second one"),
        (("--backbone", "bm25", "--worst", "1"), "--worst compares with a baseline, and there is none"),
        (("--run", "a.trec", "--baseline", "bm26"), "--baseline: there is no model 'bm26'"),
        (("--metrics", "ndgc@10"), "--metrics: expected a metric such as nDCG@10"),
        (("--set", "eval.metrics=[]"), "eval.metrics"),
    ],
)
def test_what_cannot_be_meant_is_one_message(cli: Cli, data: Path, asked: tuple[str, ...], says: str) -> None:
    write_run("a.trec", **GOOD)
    result = cli("eval", data, *asked)
    assert result.code == 2
    assert says in result.err
    assert result.err.count("error:") == 1


def test_two_folders_of_one_name_are_two_systems(cli: Cli, data: Path) -> None:
    for folder, first in (("a", GOOD), ("b", BAD)):
        Path(folder).mkdir()
        write_run(f"{folder}/run.trec", **first)
    found = rows(
        cli("eval", data, "--run", "a/run.trec", "--run", "b/run.trec", "--run", "a/run.trec", "--json")
    )
    assert len({one["name"] for one in found}) == len(found) == 2
    assert found[0]["metrics"] != found[1]["metrics"]


def test_the_metrics_that_are_asked_for_in_their_order(cli: Cli, data: Path) -> None:
    asked = bad_against_good(data)
    shown = cli(*asked, "--metrics", "P@1,Judged@2,nDCG@10", "--metrics", "R@1")
    assert shown.code == 0, shown.err
    heads = [line for line in shown.out.splitlines() if "nDCG@10" in line and "┃" in line]
    assert [part.strip() for part in heads[0].split("┃")[2:-1]] == ["P@1", "Judged@2", "nDCG@10", "Recall@1"]
    assert "\nP@1 is undecided" in shown.out, "the verdict is of the first"
    found = cli(*asked, "--metrics", "P@1,Judged@2,nDCG@10,R@1", "--json").json
    check(found, "eval")
    assert list(found["metrics"]) == list(found["comparison"]) == ["p@1", "judged@2", "ndcg@10", "recall@1"]  # type: ignore[call-overload]
    assert found["metrics"]["p@1"] == 0.25  # type: ignore[index]
    assert found["metrics"]["judged@2"] == pytest.approx((0 + 0.5 + 1 + 0) / 4)  # type: ignore[index]
    Path("syneg.toml").write_text('[eval]\nmetrics = ["RR@1"]\n')
    assert list(cli(*asked, "--json").json["metrics"]) == ["mrr@1"]  # type: ignore[call-overload]


def test_other_metrics_are_computed_of_what_was_retrieved(cli: Cli, data: Path, tiny_model: Path) -> None:
    """Unless they look deeper than the stored run, which is then made again of stored vectors."""
    asked = ("eval", data, "--backbone", tiny_model)
    first = cli(*asked)
    assert "Encoding" in first.err or "running" in first.err
    stored = Path(".syneg/one/eval/st-test.trec")
    before = stored.read_bytes()
    vectors = sorted(Path(".syneg/embeddings").rglob("*"))
    again = cli(*asked, "--metrics", "P@3")
    assert "computed from the stored run" in again.err
    assert stored.read_bytes() == before
    assert "metrics changed" not in cli(*asked).err
    assert "up to date" in cli(*asked, "--metrics", "P@3,nDCG@10").err
    deeper = cli(*asked, "--metrics", "R@200")
    assert "computed from the stored run" not in deeper.err
    assert "running (metrics changed" in deeper.err
    assert sorted(Path(".syneg/embeddings").rglob("*")) == vectors, "nothing was encoded that was before"
    forced = cli(*asked, "--metrics", "P@4", "--force")
    assert "computed from the stored run" not in forced.err
    stored.write_text(stored.read_text() + "q9 Q0 d1 1 1.0 x\n")
    edited = cli(*asked, "--metrics", "P@5")
    assert edited.code == 2
    assert "was edited since" in edited.err


def test_the_queries_that_lost_and_gained_most(cli: Cli, data: Path) -> None:
    asked = bad_against_good(data)
    found: Any = cli(*asked, "--worst", 2, "--best", 1, "--json").json
    check(found, "eval")
    assert found["best"] == []
    assert [one["query_id"] for one in found["worst"]] == ["q4", "q2"]
    lost = found["worst"][1]
    assert lost["query"] == QUERIES["q2"]
    assert lost["before"] == 1.0
    assert lost["difference"] == pytest.approx(lost["after"] - 1)
    title = DOCS["d3"][0]
    assert lost["relevant"] == [{"doc_id": "d3", "title": title, "grade": 1, "before": 1, "after": 4}]
    assert [(one["doc_id"], one["grade"]) for one in lost["found"]] == [("d4", 0), ("d6", None), ("d1", None)]
    assert "Gained most, one: bad against good: no query." in cli(*asked, "--best", 1).out
    assert "Lost most" not in cli(*asked, "--best", 1).out
    shown = cli(*asked, "--worst", 2).out
    assert f"q2: {QUERIES['q2']}" in shown
    line = next(line for line in shown.splitlines() if "rank 1 -> 4" in line)
    assert line.split() == ["relevant", "rank", "1", "->", "4", "d3", *title.split()]
    assert "rank 1 -> not found" in shown
    assert "not relevant  d4" in shown
    turned: Any = cli(
        "eval", data, "--run", "good.trec", "--baseline", "bad.trec", "--best", 9, "--json"
    ).json
    assert [one["query_id"] for one in turned["best"]] == ["q4", "q2", "q1"]
    assert turned["worst"] == []
