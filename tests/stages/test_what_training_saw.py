"""`eval` parts the queries by what the model's training saw, whatever train is now."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import DOCS, QUERIES, Cli, write_dataset

TEXTS = QUERIES | {"q5": "bone density of women", "q6": "apnea of men"}
JUDGED = {
    "train": [("q1", "d1", 1), ("q2", "d3", 1), ("q4", "d2", 1)],
    "test": [("q3", "d5", 1), ("q5", "d1", 1), ("q6", "d6", 1)],
}
MODEL = Path(".syneg/set/models/tiny-bert-retrieved")


@pytest.fixture
def project(cli: Cli, tmp_path: Path, tiny_model: Path) -> Cli:
    folder = write_dataset(tmp_path / "set", queries=TEXTS, qrels=JUDGED)
    backbone = shutil.copytree(tiny_model, Path("tiny-bert"))
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{folder}"\ndev_fraction = 0\n[mine]\nminers = ["random"]\n'
        f'[mix]\nstrategy = "retrieved"\n[train]\nbackbone = "{backbone}"\nepochs = 1\n'
    )
    return cli


def train(cli: Cli, *more: object) -> None:
    for command in ("mine", "mix", "train"):
        done = cli(command, *more)
        assert done.code == 0, done.err


def seen(cli: Cli, *more: object) -> dict[str, object]:
    result = cli("eval", "--json", *more)
    assert result.code == 0, result.err
    found = result.json["seen"]
    assert isinstance(found, dict)
    return found


def counts(found: dict[str, object]) -> dict[str, int]:
    return {name: part["queries"] for name, part in found["parts"].items()}  # type: ignore[attr-defined]


def test_every_score_is_shown_three_times(project: Cli) -> None:
    train(project)
    held = json.loads((MODEL / "trained_on.json").read_text())
    assert held["documents"] == ["d1", "d2", "d3"]
    assert held["queries"] == ["q1", "q2", "q4"]
    found = seen(project)
    assert found["known"] is True
    assert (found["documents"], found["seen_documents"]) == (3, 1)
    assert counts(found) == {"seen": 1, "unseen": 2}
    stored = json.loads(Path(".syneg/set/eval/tiny-bert-retrieved-test.json").read_text())
    assert stored["exposure"]["judged"] == ["q5"]
    per_query = stored["per_query"]["ndcg@10"]
    parts = found["parts"]
    assert parts["unseen"]["metrics"]["ndcg@10"] == pytest.approx((per_query["q3"] + per_query["q6"]) / 2)  # type: ignore[index]
    assert parts["seen"]["comparison"]["ndcg@10"]["queries"] == 1  # type: ignore[index]
    shown = project("eval")
    assert "What training saw" in shown.out
    text = " ".join(shown.out.split())
    assert "Training of tiny-bert-retrieved saw a positive of 1 of the 3 queries (1 of 3 documents)" in text
    assert "on the 2 whose documents it never saw" in text
    assert "2 unseen test queries tell little" in text
    card = (MODEL / "README.md").read_text()
    assert "test, queries whose documents training never saw" in " ".join(card.split())
    report = project("report")
    assert report.code == 0, report.err
    page = Path(".syneg/set/report/report.md").read_text()
    assert "## What training saw" in page
    assert "| tiny-bert-retrieved | never seen | 2 |" in page
    assert "- Training of tiny-bert-retrieved saw" in page.replace("\\", "")


def test_of_several_systems_the_parts_are_corrected_as_all_queries_are(project: Cli) -> None:
    """On the screen and in JSON: no part says better where the family does not."""
    train(project)
    assert project("eval").code == 0
    other = MODEL.with_name("other")
    assert project("train", "--output", other.name, "--set", "train.seed=1").code == 0
    asked = ("eval", "--model", MODEL.name, "--model", other.name)
    found = json.loads(project(*asked, "--json").out)
    for one in found:
        part = one["seen"]["parts"]["unseen"]["comparison"]["ndcg@10"]
        assert len(part["family"]) == 2
        assert part["p_holm"] >= part["p_randomisation"]
    assert "corrected for 2 comparisons" in " ".join(project(*asked).out.split())


def test_the_parts_are_those_of_the_models_training_not_of_train_as_it_is_now(
    project: Cli, tmp_path: Path
) -> None:
    train(project)
    more = JUDGED["train"] + [("q6", "d5", 1)]
    write_dataset(tmp_path / "set", queries=TEXTS, qrels=JUDGED | {"train": more})
    model = seen(project, "--model", "tiny-bert-retrieved")
    assert model["known"] is True
    assert counts(model) == {"seen": 1, "unseen": 2}
    backbone = seen(project, "--backbone", "tiny-bert")  # had it been trained on train
    assert backbone["known"] is False
    assert counts(backbone) == {"seen": 2, "unseen": 1}
    assert "What tiny-bert was trained on is not known. A training on train sees" in str(backbone["told"])


@pytest.mark.parametrize("edited", ["d5", [1, 5], None])
def test_a_record_of_something_else_than_ids_is_none(project: Cli, edited: object) -> None:
    """Taken for ids it would say that training saw nothing; the mix says what it saw."""
    train(project)
    record = next(Path(".syneg").rglob("trained_on.json"))
    known = seen(project, "--model", "tiny-bert-retrieved", "--force")
    record.write_text(json.dumps({**json.loads(record.read_text()), "documents": edited}))
    assert seen(project, "--model", "tiny-bert-retrieved", "--force") == known


def test_a_model_of_before_is_known_by_its_mix_or_its_judgements(project: Cli, tmp_path: Path) -> None:
    train(project)
    (MODEL / "trained_on.json").unlink()
    manifest = json.loads((MODEL / "syneg.manifest.json").read_text())
    del manifest["files"]["trained_on.json"]
    (MODEL / "syneg.manifest.json").write_text(json.dumps(manifest))
    by_mix = seen(project, "--force")
    assert (by_mix["known"], counts(by_mix)) == (True, {"seen": 1, "unseen": 2})
    Path(".syneg/set/mixed/retrieved.jsonl").unlink()
    by_judgements = seen(project, "--force")
    assert (by_judgements["known"], counts(by_judgements)) == (True, {"seen": 1, "unseen": 2})
    more = JUDGED["train"] + [("q6", "d5", 1)]
    write_dataset(tmp_path / "set", queries=TEXTS, qrels=JUDGED | {"train": more})
    unknown = seen(project, "--force")
    assert (unknown["known"], counts(unknown)) == (False, {"seen": 2, "unseen": 1})
    stored = json.loads(Path(".syneg/set/eval/tiny-bert-retrieved-test.json").read_text())
    assert stored["exposure"] is None  # train may change again


def test_another_data_set_of_the_same_name_is_another(project: Cli, tmp_path: Path) -> None:
    """With the same ids, and one of the documents that were trained on is another text."""
    train(project)
    docs = DOCS | {"d1": ("Iron and blood", "Iron supplements raise haemoglobin in children.")}
    other = write_dataset(tmp_path / "again" / "set", docs, queries=TEXTS, qrels=JUDGED)
    measured = ("eval", other, "--work-dir", "second", "--model", MODEL)
    result = project(*measured, "--json")
    assert result.code == 0, result.err
    found = result.json["seen"]
    assert found["known"] is False  # type: ignore[index]
    assert "is not known" in found["told"]  # type: ignore[index]
    said = "tiny-bert-retrieved was trained on set with other documents than it has now: which queries"
    assert result.err.count(said) == 1
    more = DOCS | {"d7": ("Iron and blood", "Iron supplements raise haemoglobin in children.")}
    longer = write_dataset(tmp_path / "longer" / "set", more, queries=TEXTS, qrels=JUDGED)
    grown = project("eval", longer, "--work-dir", "third", "--model", MODEL, "--json")
    assert grown.code == 0, grown.err
    assert (grown.json["seen"]["known"], "was trained on set with" in grown.err) == (True, False)  # type: ignore[index]


def test_a_model_of_before_of_other_documents_is_not_known(project: Cli, tmp_path: Path) -> None:
    train(project)
    (MODEL / "trained_on.json").unlink()
    manifest = json.loads((MODEL / "syneg.manifest.json").read_text())
    del manifest["files"]["trained_on.json"]
    (MODEL / "syneg.manifest.json").write_text(json.dumps(manifest))
    docs = DOCS | {"d1": ("Iron and blood", "Iron supplements raise haemoglobin in children.")}
    write_dataset(tmp_path / "set", docs, queries=TEXTS, qrels=JUDGED)
    result = project("eval", "--json")
    assert result.code == 0, result.err
    assert result.json["seen"]["known"] is False  # type: ignore[index]
    assert result.err.count("was trained on is not known: it is of an earlier version") == 1


def test_a_backbone_of_another_data_set_of_the_name_is_said_when_it_is_trained_on(
    project: Cli, tmp_path: Path
) -> None:
    train(project)
    shutil.copytree(MODEL, "first")
    docs = DOCS | {"d1": ("Iron and blood", "Iron supplements raise haemoglobin in children.")}
    other = write_dataset(tmp_path / "again" / "set", docs, queries=TEXTS, qrels=JUDGED)
    options = (other, "--work-dir", "second", "--set", "train.backbone=first")
    for command in ("mine", "mix"):
        assert project(command, *options).code == 0
    done = project("train", *options)
    assert done.code == 0, done.err
    assert "first was trained on set with other documents than it has now" in done.err


def test_what_its_backbone_was_trained_on_counts_too(project: Cli, tmp_path: Path) -> None:
    train(project)
    shutil.copytree(MODEL, "first")
    other = write_dataset(
        tmp_path / "again" / "set", queries=TEXTS, qrels=JUDGED | {"train": [("q2", "d5", 1)]}
    )
    options = (other, "--work-dir", "second", "--set", "train.backbone=first")
    train(project, *options)
    held = json.loads(Path("second/set/models/first-retrieved/trained_on.json").read_text())
    assert held["documents"] == ["d1", "d2", "d3", "d5"]


def test_disjoint_training_saw_none(project: Cli) -> None:
    train(project, "--disjoint")
    held = json.loads((MODEL / "trained_on.json").read_text())
    assert held["documents"] == ["d2", "d3"]
    assert "--disjoint" in (MODEL / "README.md").read_text()
    result = project("eval", "--json")
    assert result.code == 0, result.err
    found = result.json["seen"]
    assert found["parts"] == {}  # type: ignore[index]
    assert found["told"] == "Training of tiny-bert-retrieved saw no positive of the 3 queries."  # type: ignore[index]
    assert "was trained on other train queries" not in result.err


def test_a_set_without_train_says_nothing_of_training(project: Cli, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "bare", queries=TEXTS, qrels={"test": JUDGED["test"]})
    result = project("eval", folder, "--backbone", "tiny-bert", "--json")
    assert result.code == 0, result.err
    assert result.json["seen"] is None


def test_splits_by_documents_leave_nothing_seen(project: Cli) -> None:
    split = ("--set", "dataset.resplit=documents", "--set", "dataset.resplit_seed=2")
    train(project, *split)
    found = seen(project, *split)
    assert found["parts"] == {}
    card = (MODEL / "README.md").read_text()
    assert "--set dataset.resplit=documents --set dataset.resplit_seed=2" in card


def test_training_on_fewer_queries_saw_fewer_documents_and_the_card_says_which(project: Cli) -> None:
    fewer = ("--set", "dataset.train_queries=1", "--set", "dataset.train_seed=3")
    train(project, *fewer)
    held = json.loads((MODEL / "trained_on.json").read_text())
    whole = json.loads(json.dumps(JUDGED["train"]))
    assert held["queries"] in [[query_id] for query_id, _, _ in whole]
    assert held["documents"] == sorted(
        doc_id for query_id, doc_id, _ in whole if [query_id] == held["queries"]
    )
    card = (MODEL / "README.md").read_text()
    assert "--set dataset.train_queries=1 --set dataset.train_seed=3" in card
    result = project("eval", "--json")  # with all train queries: what the model saw is still known
    assert result.code == 0, result.err
    assert "was trained on other train queries" not in result.err
