"""`train --kind cross-encoder` and `eval --rerank` through the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sentence_transformers import CrossEncoder, SentenceTransformer

from syneg_cli.core import read_manifest
from syneg_cli.data.trec import read_run
from syneg_cli.encoding.push import card_for, read_card
from tests.cli.test_json import check
from tests.conftest import DOCS, QUERIES, Cli, write_dataset

MIX = ["--strategy", "retrieved", "-k", 2]
CROSS = ["--kind", "cross-encoder", "--epochs", 1, "--precision", "fp32"]
PAIRS = [(QUERIES["q3"], f"{title} {text}") for title, text in DOCS.values()]


@pytest.fixture
def project(cli: Cli, tiny: Path, tiny_model: Path) -> Cli:
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[mine]\nminers = ["bm25"]\ndepth = 3\n'
        f'[mix]\nstrategy = "retrieved"\nnegatives = 2\n[train]\nbackbone = "{tiny_model}"\n',
        encoding="utf-8",
    )
    for command in ("mine", "mix"):
        result = cli(command)
        assert result.code == 0, result.err
    return cli


@pytest.fixture
def reranker(project: Cli) -> Path:
    trained = project("train", *CROSS, "--json")
    assert trained.code == 0, trained.err
    check(trained.json, "train", stage=True)
    return Path(str(trained.json["path"]))


def test_the_folder_is_a_cross_encoder_with_its_card_and_manifest(project: Cli, reranker: Path) -> None:
    assert reranker.name == "st-retrieved-reranker"
    plain = CrossEncoder(str(reranker))
    assert plain.activation_fn.__class__.__name__ == "Identity", "scores are logits, also for distillation"
    card = (reranker / "README.md").read_text(encoding="utf-8")
    assert f'CrossEncoder("{reranker.name}")' in card
    assert "SentenceTransformer(" not in card
    assert "| head before training | fresh, drawn with the seed |" in card
    assert "| learning rate | 2e-05 |" in card
    assert "--kind cross-encoder" in card
    assert "--lr 2e-05" in card
    assert "InfoNCE" not in card
    assert read_card(card) is not None
    assert "\npipeline_tag: text-ranking\n" in card
    assert 'CrossEncoder("me/mine")' in card_for("me/mine", card)
    manifest = read_manifest(reranker)
    assert manifest is not None
    assert (manifest.settings["kind"], manifest.settings["lr"]) == ("cross-encoder", 2e-5)
    assert manifest.counts["fresh_head"] is True
    assert manifest.counts["temperature"] is None, "it has none"
    again = project("train", *CROSS, "--json")
    assert again.json["skipped"] is True


def test_plain_sentence_transformers_and_ours_give_equal_scores(project: Cli, reranker: Path) -> None:
    from syneg_cli.encoding import load_cross_encoder, pair_scores

    plain = CrossEncoder(str(reranker)).predict(PAIRS)
    assert pair_scores(load_cross_encoder(str(reranker)), PAIRS) == pytest.approx(plain, abs=1e-6)
    assert len(set(plain.tolist())) == len(PAIRS)


def test_both_kinds_stand_side_by_side(project: Cli, reranker: Path) -> None:
    assert project("train", "--epochs", 1).code == 0
    models = {path.name for path in reranker.parent.iterdir() if not path.name.startswith(".")}
    assert models == {"st-retrieved", "st-retrieved-reranker"}
    SentenceTransformer(str(reranker.with_name("st-retrieved")))
    status = project("status", "--json")
    assert status.code == 0, status.err
    assert {s["stage"]: s["state"] for s in status.json["stages"]}["train"] == "stale"  # type: ignore[attr-defined]
    report = project("report", "--json")
    assert report.code == 0, report.err
    check(report.json, "report")
    rows = {model["name"]: model for model in report.json["models"]}  # type: ignore[attr-defined]
    assert rows[reranker.name]["ndcg@10"] is None
    assert f"--rerank {reranker.name}" in " ".join(rows[reranker.name]["notes"])
    exported = project("export", "--output", "x.jsonl")
    assert exported.code == 0, exported.err


def test_eval_rerank_measures_on_top_of_a_retriever(
    project: Cli, reranker: Path, tiny: Path, tiny_model: Path
) -> None:
    asked = ["eval", "--backbone", tiny_model, "--rerank", reranker.name, "--depth", 4]
    first = project(*asked, "--json")
    assert first.code == 0, first.err
    assert "4 pairs to score" in first.err
    check(first.json, "eval")
    found = first.json
    assert found["name"] == f"st+{reranker.name}@4"
    assert found["baseline"]["name"] == "st"  # type: ignore[index]
    about = found["rerank"]
    assert {k: about[k] for k in ("name", "depth", "pairs")} == {  # type: ignore[index]
        "name": reranker.name,
        "depth": 4,
        "pairs": 4,
    }
    run, alone = (
        read_run(Path(str(found["run"]))),
        read_run(next(reranker.parents[1].glob("eval/st-test.trec"))),
    )
    order = list(alone["q3"])
    ranked = CrossEncoder(str(reranker)).rank(QUERIES["q3"], [" ".join(DOCS[d]) for d in order[:4]])
    expected = [order[one["corpus_id"]] for one in ranked] + order[4:]
    assert list(run["q3"]) == expected
    place = expected.index("d5")
    assert found["metrics"]["mrr@10"] == pytest.approx(1 / (place + 1))  # type: ignore[index]
    manifest = read_manifest(Path(str(found["run"])).with_suffix(".json"))
    assert manifest is not None
    assert (manifest.stage, manifest.settings["depth"], manifest.counts["pairs"]) == ("eval", 4, 4)
    assert set(manifest.inputs) > {"model", "cross-encoder"}
    again = project(*asked, "--json")
    assert "up to date" in again.err
    assert again.json["metrics"] == found["metrics"]
    check(again.json, "eval")
    deeper = project(*asked[:-1], 6)
    assert deeper.code == 0, deeper.err
    assert f"{reranker.name} scored 6 pairs: the first 6 documents of each query." in deeper.out
    assert "against st" in deeper.out
    assert "model-index" not in (reranker / "README.md").read_text(encoding="utf-8")


def test_a_reranker_trained_anew_makes_its_evaluation_stale(project: Cli, reranker: Path) -> None:
    asked = ["eval", "--rerank", reranker.name, "--json"]
    assert project(*asked).code == 0
    assert project("train", *CROSS, "--seed", 1).code == 0
    again = project(*asked)
    assert "cross-encoder changed" in again.err


def test_eval_rerank_on_top_of_a_run(project: Cli, reranker: Path) -> None:
    lines = [
        f"q3 Q0 {doc} {rank} {9 - rank} x" for rank, doc in enumerate(("d1", "gone", "d2", "d5"), start=1)
    ]
    Path("mine.trec").write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = project("eval", "--run", "mine.trec", "--rerank", reranker, "--json")
    assert result.code == 0, result.err
    assert result.json["rerank"]["pairs"] == 3  # type: ignore[index]
    assert "3 pairs to score" in result.err
    assert result.json["baseline"]["name"] == "mine"  # type: ignore[index]
    assert result.json["baseline"]["metrics"]["mrr@10"] == pytest.approx(1 / 4)  # type: ignore[index]


def test_a_reranker_of_one_data_set_is_measured_on_another_by_its_name(
    project: Cli, reranker: Path, tiny: Path, tmp_path: Path
) -> None:
    other = write_dataset(tmp_path / "other", qrels={"test": [("q3", "d5", 1), ("q1", "d1", 1)]})
    result = project("eval", tiny, other, "--model", "bm25", "--rerank", reranker.name, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert [one["dataset"] for one in found] == ["tiny", "other"]
    assert {one["name"] for one in found} == {f"bm25+{reranker.name}@100"}


def test_the_line_of_a_training_has_what_has_a_part_in_it(project: Cli) -> None:
    trained = project("train", *CROSS)
    assert "temperature" not in trained.out
    assert trained.err.splitlines()[-1] == "Run `syneg eval --rerank st-retrieved-reranker`."
    measured = project("eval", "--rerank", "st-retrieved-reranker")
    assert "scored 6 pairs: the first 100 documents of each query. With loading and" in measured.out
    assert "temperature 0.05" in project("train", "--epochs", 1).out


def test_it_teaches_and_verifies(project: Cli, reranker: Path, tiny_model: Path) -> None:
    """The mixed data trains a reranker, and that teaches a retriever on the same data."""
    distilled = project("train", "--cross-encoder", reranker, "--output", "taught", "--epochs", 1, "--json")
    assert distilled.code == 0, distilled.err
    manifest = read_manifest(reranker.with_name("taught"))
    assert manifest is not None
    plain = project("train", "--output", "plain", "--epochs", 1, "--json")
    assert distilled.json["losses"] != plain.json["losses"]
    verified = project(
        "verify", "--check", "cross-encoder", "--cross-encoder", reranker, "--effect", "mark", "--json"
    )
    assert verified.code == 0, verified.err
    rows = [json.loads(line) for line in Path(verified.json["files"][0]["path"]).read_text().splitlines()]  # type: ignore[index]
    scores = [row["scores"]["cross-encoder"] for row in rows if "cross-encoder" in row.get("scores", {})]
    assert scores
    assert all(isinstance(score, float) for score in scores)


def test_a_teacher_that_was_trained_again_is_another_one(project: Cli, reranker: Path) -> None:
    """It is named by its folder, which says nothing of what is in it."""
    train = ["train", "--cross-encoder", reranker, "--output", "taught", "--epochs", 1, "--json"]
    verify = ["verify", "--check", "cross-encoder", "--cross-encoder", reranker, "--effect", "mark", "--json"]
    for command in (train, verify):
        assert project(*command).code == 0
    assert project(*train).json["skipped"] is True
    assert "up to date" in project(*verify).err
    assert project("train", *CROSS, "--seed", 1, "--json").json["skipped"] is False
    trained, verified = project(*train), project(*verify)
    assert "running (cross-encoder weights changed)" in trained.err, "two hashes tell nobody anything"
    assert trained.json["skipped"] is False
    assert "checks changed: cross-encoder changed" in verified.err
    assert "verify mined bm25: done" in verified.err


def test_what_an_earlier_version_was_taught_by_is_taken_for_what_is_there(
    project: Cli, reranker: Path
) -> None:
    """Its manifest does not say, and nothing is made again for that."""
    train = ["train", "--cross-encoder", reranker, "--output", "taught", "--epochs", 1, "--json"]
    verify = ["verify", "--check", "cross-encoder", "--cross-encoder", reranker, "--effect", "mark", "--json"]
    for command in (train, verify):
        assert project(*command).code == 0
    work = reranker.parents[1]
    taught, verdicts = work / "models/taught/syneg.manifest.json", work / "verified/mined-bm25.manifest.json"
    for path, key in ((taught, "cross-encoder weights"), (verdicts, "weights")):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        told = manifest["settings"] if path == taught else manifest["settings"]["checks"]["cross-encoder"]
        del told[key]
        path.write_text(json.dumps(manifest), encoding="utf-8")
    assert project(*train).json["skipped"] is True
    assert "up to date" in project(*verify).err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["eval", "--model", "st-retrieved-reranker"], r"is a cross-encoder.*--rerank"),
        (["train", "--backbone", "RERANKER"], r"is a cross-encoder.*Give an encoder"),
        (["mine", "--miner", "dense", "--backbone", "RERANKER"], "is a cross-encoder"),
        (["eval", "--rerank", "BACKBONE"], "no cross-encoder"),
        (["eval", "--rerank", "nothing"], "--rerank: there is no model"),
        (["eval", "--rerank", ""], "--rerank: the value is empty"),
        (["eval", "--rerank", "minilm"], "no cross-encoder"),
        (["eval", "--rerank", "bm25"], "'bm25' is no cross-encoder.*syneg train --kind cross-encoder"),
        (["eval", "--rerank", "openai:m"], "'openai:m' is no cross-encoder"),
        (["eval", "--depth", "5"], "--rerank MODEL"),
        (["eval", "--rerank", "st-retrieved-reranker", "--depth", "0"], "depth"),
        (["eval", "--rerank", "RERANKER", "--model", "x", "--backbone", "y"], "Leave out --backbone"),
        (["train", "--cross-encoder", "BACKBONE"], "no cross-encoder"),
        (["verify", "--check", "cross-encoder", "--cross-encoder", "BACKBONE"], "no cross-encoder"),
        (["train", "--kind", "cross-encoder", "--refresh", "ance"], "refresh has no part in it"),
        (["train", "--loss", "bce"], "--kind cross-encoder"),
    ],
)
def test_the_wrong_kind_is_one_clear_line(
    project: Cli, reranker: Path, tiny_model: Path, arguments: list[str], told: str
) -> None:
    named = {"RERANKER": str(reranker), "BACKBONE": str(tiny_model)}
    result = project(*[named.get(argument, argument) for argument in arguments])
    assert result.code == 2, result.err
    assert re.search(told, " ".join(result.err.split())), result.err
    assert "Traceback" not in result.err


@pytest.fixture
def classifier(tiny_model: Path, tmp_path: Path) -> Path:
    """A model that calls a pair one of three things."""
    from transformers import BertForSequenceClassification, BertTokenizer

    source, folder = tiny_model.parent / "bert", tmp_path / "classifier"
    BertForSequenceClassification.from_pretrained(source, num_labels=3).save_pretrained(folder)
    BertTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--kind", "cross-encoder", "--backbone"),
        ("train", "--cross-encoder"),
        ("verify", "--check", "cross-encoder", "--cross-encoder"),
        ("eval", "--backbone", "st", "--rerank"),
    ],
)
def test_what_gives_several_scores_of_a_pair_is_said_before_anything_is_done(
    project: Cli, classifier: Path, tiny_model: Path, arguments: tuple[str, ...]
) -> None:
    given = [str(tiny_model) if one == "st" else one for one in arguments]
    result = project(*given, classifier)
    assert result.code == 2
    assert "classifier gives 3 scores of a pair: it classifies, and ranks nothing." in result.err
    assert "eval st: " not in result.err, "a corpus may take hours to be encoded"


def test_a_project_of_a_reranker_runs_from_end_to_end(project: Cli, tiny_model: Path) -> None:
    text = Path("syneg.toml").read_text(encoding="utf-8")
    Path("syneg.toml").write_text(
        text + 'kind = "cross-encoder"\nepochs = 1\n[eval]\ndepth = 5\n', encoding="utf-8"
    )
    for _ in range(2):
        ran = project("run", "--json")
        assert ran.code == 0, ran.err
        check(ran.json, "run")
        check(ran.json["evaluation"], "eval")
    assert ran.json["evaluation"]["rerank"]["depth"] == 5  # type: ignore[index]
    status = project("status", "--json")
    assert {stage["state"] for stage in status.json["stages"]} <= {"up to date", "not run"}  # type: ignore[attr-defined]
    alone = project("eval")
    assert alone.code == 2
    assert "--rerank" in alone.err
    on_top = project("eval", "--rerank", "st-retrieved-reranker")
    assert on_top.code == 0, on_top.err


def test_the_best_epoch_is_chosen_by_reranking_dev(project: Cli) -> None:
    text = Path("syneg.toml").read_text(encoding="utf-8").replace("dev_fraction = 0", "dev_fraction = 0.34")
    Path("syneg.toml").write_text(text, encoding="utf-8")
    for command in ("mine", "mix"):
        assert project(command).code == 0
    trained = project("train", *CROSS[:2], "--epochs", 3, "--dev", "--dev-pool", 4, "--json")
    assert trained.code == 0, trained.err
    dev = trained.json["dev"]
    assert isinstance(dev, list)
    assert len(dev) == 3
    assert trained.json["best_epoch"] == dev.index(max(dev)) + 1
    card = (Path(str(trained.json["path"])) / "README.md").read_text(encoding="utf-8")
    assert f"| its dev nDCG@10 | {round(max(dev), 4)} |" in card
