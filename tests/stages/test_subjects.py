"""What `syneg eval` measures, as a user names it, and what it says about it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import QUERIES, Cli, write_dataset

ONLY_TEST = {"test": [("q1", "d1", 1), ("q2", "d3", 1), ("q3", "d5", 1), ("q4", "d2", 1)]}
WRITTEN = dict(
    zip(
        ("d1", "d2", "d3", "d4", "d5", "d6"),
        ("bone", "mood", "heart", "headache", "memory", "apnea"),
        strict=True,
    )
)


@pytest.fixture
def project(cli: Cli, tiny: Path, tiny_model: Path) -> Cli:
    """Nothing trained yet; the tiny model is the backbone."""
    backbone = shutil.copytree(tiny_model, Path("tiny-bert"))
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[mine]\nminers = ["random"]\n'
        f'[mix]\nstrategy = "retrieved"\n[train]\nbackbone = "{backbone}"\nepochs = 1\n'
    )
    return cli


def train(cli: Cli, *more: object) -> None:
    for command in ("mine", "mix", "train"):
        done = cli(command, *more)
        assert done.code == 0, done.err


def test_where_nothing_was_trained_it_says_what_it_measures_and_how_to_train(project: Cli) -> None:
    result = project("eval")
    assert result.code == 0, result.err
    assert "no model was trained for tiny yet, so this is the backbone tiny-bert alone" in result.err
    assert "Run `syneg run` to train one" in result.err
    typo = project("eval", "--model", "tiny-bert-retreived")
    assert typo.code == 2
    assert "Nothing was trained for tiny yet." in typo.err


def test_a_model_that_is_not_there_names_those_that_are(project: Cli) -> None:
    train(project)
    models = Path(".syneg/tiny/models")
    for name in "abcdefg":
        shutil.copytree(models / "tiny-bert-retrieved", models / f"other-{name}")
    result = project("eval", "--model", "tiny-bert-retreived")
    assert result.code == 2
    assert result.err.splitlines()[0] == (
        "error: --model: there is no model 'tiny-bert-retreived' for tiny. Did you mean 'tiny-bert-retrieved'?"
    )
    assert "Trained here: tiny-bert-retrieved, " in result.err
    assert "and 3 more" in result.err
    assert project("eval", "--model", "").code == project("eval", "--backbone", "").code == 2
    for real in ("other-a", str(models / "other-b"), "./tiny-bert"):
        assert project("eval", "--model", real).code == 0
    other = project("eval", "--set", "mix.name=other")
    assert "there is no model tiny-bert-other, so this is the backbone" in other.err
    assert "--model NAME measures one" in other.err


def test_aliases_and_hub_ids_are_tried(project: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a hub that holds one model, and without a network."""
    from huggingface_hub import constants

    hub = tmp_path / "hub" / "models--owner--name"
    shutil.copytree("tiny-bert", hub / "snapshots" / "abc")
    (hub / "refs").mkdir()
    (hub / "refs" / "main").write_text("abc")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    result = project("eval", "--model", "owner/name")
    assert result.code == 0, result.err
    assert "owner--name" in result.out


def test_few_queries_are_remarked_upon_once(project: Cli) -> None:
    train(project)
    assert project("eval").err.count("1 test query tells little") == 1
    dev = ("--split", "dev", "--set", "dataset.dev_fraction=0.67", "--model", "tiny-bert-retrieved")
    result = project("eval", *dev)
    assert result.err.count("2 dev queries tell little") == 1
    assert "a larger dev_fraction in [dataset] holds out more" in result.err


def test_a_model_that_learned_from_the_queries_it_is_measured_on_is_warned_of(
    project: Cli, tmp_path: Path
) -> None:
    folder = write_dataset(tmp_path / "half", qrels=ONLY_TEST)
    split = (folder, "--set", "dataset.test_fraction=0.5")
    train(project, *split)
    leak = "was trained on other train queries than half has now"
    fine = project("eval", *split)
    assert fine.code == 0, fine.err
    assert leak not in fine.err
    model = ("--model", "tiny-bert-retrieved")
    assert leak in project("eval", folder, *model).err
    assert leak in project("eval", *split, "--set", "dataset.test_seed=3", *model, "--force").err
    whole = write_dataset(tmp_path / "whole")
    (whole / "qrels" / "test.tsv").unlink()
    train(project, whole)
    other = project("eval", whole, "--set", "dataset.test_fraction=0.4", *model)
    assert leak.replace("half", "whole") in other.err


def test_train_never_sees_a_test_query(project: Cli, tmp_path: Path) -> None:
    from syneg_cli.core import read_instances

    folder = write_dataset(tmp_path / "half", qrels=ONLY_TEST)
    split = (folder, "--set", "dataset.test_fraction=0.5")
    train(project, *split)
    trained = {instance.query_id for instance in read_instances(Path(".syneg/half/mixed/retrieved.jsonl"))}
    card = Path(".syneg/half/models/tiny-bert-retrieved/README.md").read_text()
    assert "--set dataset.test_fraction=0.5 --set dataset.test_seed=0" in card, (
        "it can be trained again as it was"
    )
    measured = project("eval", *split, "--json").json["run"]
    tested = {line.split()[0] for line in Path(str(measured)).read_text().splitlines()}
    assert len(trained) == len(tested) == 2
    assert trained | tested == set(QUERIES)


@pytest.mark.parametrize(
    ("query", "code", "says"),
    [
        ("q1", 0, ""),
        ("q3", 0, "q3 is judged in test only"),
        ("q33", 2, "has no query 'q33'. Did you mean 'q3'?"),
        ("q5", 2, "no document that is relevant to 'q5', and no split judges it"),
        ("q6", 2, "no document that is relevant to 'q6' (test judges it)"),
    ],
)
def test_a_prompt_is_rendered_for_whatever_query(
    cli: Cli, tmp_path: Path, query: str, code: int, says: str
) -> None:
    folder = write_dataset(
        tmp_path / "odd",
        queries=QUERIES | {"q5": "never judged", "q6": "in vain"},
        qrels={"train": [("q1", "d1", 1)], "test": [("q3", "d5", 1), ("q6", "d5", 0)]},
    )
    result = cli("prompts", "render", "--dataset", folder, "--query-id", query)
    assert result.code == code
    assert says in result.err
    assert (QUERIES.get(query, "nothing") in result.out) == (code == 0)


def test_without_train_queries_the_first_query_of_test_is_rendered(cli: Cli, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "half", qrels=ONLY_TEST)
    result = cli("prompts", "render", "--dataset", folder)
    assert QUERIES["q1"] in result.out
    assert "q1 is judged in test only" in result.err


def test_a_model_that_learned_from_the_written_queries_it_is_measured_on_is_warned_of(
    project: Cli, tmp_path: Path
) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    write_dataset(tmp_path / "whole")
    shutil.copy(tmp_path / "whole" / "corpus.jsonl", folder)
    Path("r.jsonl").write_text(
        "".join(
            f'{{"doc_id": "{doc_id}", "query": "words for {text}"}}\n' for doc_id, text in WRITTEN.items()
        )
    )
    made = project("queries", folder, "--llm", "replay:r.jsonl", "--check", "none")
    assert made.code == 0, made.err
    fraction = (folder, "--set", "dataset.dev_fraction=0.34")
    train(project, *fraction)
    leak = "was trained on other train queries than bare has now"
    fine = project("eval", *fraction)
    assert fine.code == 0, fine.err
    assert leak not in fine.err
    other = project("eval", *fraction, "--set", "dataset.dev_seed=3", "--model", "tiny-bert-retrieved")
    assert other.code == 0, other.err
    assert leak in other.err


def test_written_queries_beside_real_ones_are_no_leak(project: Cli, tmp_path: Path) -> None:
    """The real ones tell which queries a model learned from: written ones may be left out when it is measured."""
    folder = write_dataset(tmp_path / "half", qrels=ONLY_TEST)
    split = (folder, "--set", "dataset.test_fraction=0.5")
    Path("r.jsonl").write_text(
        "".join(
            f'{{"doc_id": "{doc_id}", "query": "words for {text}"}}\n' for doc_id, text in WRITTEN.items()
        )
    )
    made = project("queries", *split, "--llm", "replay:r.jsonl", "--check", "none", "--judged")
    assert made.code == 0, made.err
    train(project, *split, "--set", "queries.weight=0.5")
    leak = "was trained on other train queries than half has now"
    model = ("--model", "tiny-bert-retrieved")
    for weight in ("0", "0.5"):
        fine = project("eval", *split, *model, "--set", f"queries.weight={weight}", "--force")
        assert fine.code == 0, fine.err
        assert leak not in fine.err
    assert leak in project("eval", *split, "--set", "dataset.test_seed=3", *model, "--force").err


def test_a_backbone_with_other_weights_is_not_what_a_model_began_as(project: Cli) -> None:
    """Nothing that is measured of it now is the gain of training."""
    train(project, "--set", "train.lr=0.05")
    assert project("eval").code == 0
    model = Path(".syneg/tiny/models/tiny-bert-retrieved")
    shutil.copyfile(model / "model.safetensors", "tiny-bert/model.safetensors")

    result = project("eval", "--json")
    assert result.code == 0, result.err
    assert result.json["baseline"] is None
    assert "tiny-bert has other weights now than tiny-bert-retrieved began as" in " ".join(result.err.split())
    named = project("eval", "--model", "tiny-bert-retrieved", "--baseline", "backbone")
    assert named.code == 2
    assert "`--baseline tiny-bert` compares with what it is now" in " ".join(named.err.split())
    asked = project("eval", "--model", "tiny-bert-retrieved", "--baseline", "tiny-bert", "--json")
    assert asked.code == 0, asked.err
    assert asked.json["baseline"]
    page = project("report", "--sample", "0")
    assert page.code == 0, page.err
    text = Path(".syneg/tiny/report/report.md").read_text(encoding="utf-8")
    assert "its backbone was not measured on the same data (test), in the same precision" in text
