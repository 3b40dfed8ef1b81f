"""What is the user's own stays: nothing without a manifest of ours is replaced, and damage is said and mended."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from syneg_cli.core import NoProgress, SyntheticNegative, beside, named
from syneg_cli.mixing import texts_of
from syneg_cli.training.checkpoints import complete, last
from tests.conftest import Cli, write_dataset

MADE = Path(".syneg/tiny")
MODEL = MADE / "models/m"


def everything(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_link_in_the_models_place_is_found_before_training(mixed: Cli) -> None:
    Path("elsewhere").mkdir()
    MODEL.parent.mkdir()
    MODEL.symlink_to(Path("elsewhere").resolve())
    result = mixed("train")
    assert result.code == 2
    assert f"m is a link to {Path('elsewhere').resolve()}" in result.err
    assert "--output NAME" in result.err
    assert "Training" not in result.err
    assert MODEL.is_symlink()


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize("command", ["train", "mix", "mine"])
def test_what_has_no_manifest_is_not_replaced(mixed: Cli, command: str, force: tuple[str, ...]) -> None:
    place = {"train": MODEL, "mix": MADE / "mixed/retrieved.jsonl", "mine": MADE / "mined/bm25.jsonl"}[
        command
    ]
    if command == "train":
        place.mkdir(parents=True)
        (place / "thesis.tex").write_text("three years")
    else:
        place.write_text("notes\n")
        place.with_suffix(".manifest.json").unlink()
    before = everything(MADE)
    result = mixed(command, *force)
    assert result.code == 2
    assert "has no manifest, so it may be yours" in result.err
    assert "running" not in result.err, "nothing is begun that cannot end"
    if command != "train":  # which waits for nothing here, but is another model to status
        assert "manifest.json: it may be yours" in mixed("status").out
    assert everything(MADE) == before


def test_a_model_does_not_take_the_place_of_its_own_backbone(mixed: Cli) -> None:
    assert mixed("train").code == 0
    before = everything(MODEL)
    result = mixed("train", "--backbone", MODEL)
    assert result.code == 2
    assert "its own backbone" in result.err
    assert everything(MODEL) == before


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "modules.json", "training.jsonl"])
@pytest.mark.parametrize("cut", [0, 0.5, None])
def test_a_damaged_model_is_made_again(mixed: Cli, file: str, cut: float | None) -> None:
    assert mixed("train").code == 0
    good = (MODEL / file).read_bytes()
    if cut is None:
        (MODEL / file).unlink()
    else:
        (MODEL / file).write_bytes(good[: int(len(good) * cut)])
    measured = mixed("eval")
    assert measured.code == 2, measured.out
    assert "m is damaged since train wrote it" in measured.err
    again = mixed("train")
    assert again.code == 0, again.err
    assert "running (damaged since it was made)" in again.err
    if file != "training.jsonl":
        assert (MODEL / file).read_bytes() == good


def test_weights_of_which_one_bit_changed_are_said(mixed: Cli) -> None:
    assert mixed("train").code == 0
    weights = MODEL / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    for command in ("train", "eval"):
        assert "was changed since" in mixed(command).err
    assert "running (--force)" in mixed("train", "--force").err


def test_an_evaluation_without_its_run_is_made_again(mixed: Cli, tiny_model: Path) -> None:
    assert mixed("eval", "--model", tiny_model).code == 0
    trec = next(MADE.glob("eval/*.trec"))
    good = trec.read_bytes()
    for wrong in (b"", good[:20], None):
        trec.unlink() if wrong is None else trec.write_bytes(wrong)
        assert "damaged since it was made" in mixed("eval", "--model", tiny_model).err
        assert trec.read_bytes() == good


def emptied(entry: Path) -> None:
    (entry / "finished").write_bytes(b"")


def cut(entry: Path) -> None:
    (entry / "vectors.npy").write_bytes((entry / "vectors.npy").read_bytes()[:-8])


def one_bit(entry: Path) -> None:
    data = bytearray((entry / "vectors.npy").read_bytes())
    data[-1] ^= 1
    (entry / "vectors.npy").write_bytes(data)


def no_numbers(entry: Path) -> None:
    vectors = np.load(entry / "vectors.npy")
    vectors[0] = np.nan
    np.save(entry / "vectors.npy", vectors)
    (entry / "sums").unlink()  # as an earlier version left it


def other_shape(entry: Path) -> None:
    np.save(entry / "vectors.npy", np.ones((3, 32), dtype=np.float32))


def zeros(entry: Path) -> None:
    np.save(entry / "vectors.npy", np.zeros((6, 32), dtype=np.float32))


def undescribed(entry: Path) -> None:
    (entry / "entry.json").write_text("[]")


@pytest.mark.parametrize("damage", [emptied, cut, one_bit, no_numbers, other_shape, zeros, undescribed])
def test_damaged_vectors_are_said_and_made_again(mixed: Cli, damage: Callable[[Path], None]) -> None:
    mine = ("mine", "--miner", "dense", "--precision", "fp32", "--force")
    assert mixed(*mine).code == 0
    good = (MADE / "mined/dense.jsonl").read_bytes()
    entry = next(
        place
        for place in Path(".syneg/embeddings").iterdir()
        if place.is_dir() and json.loads((place / "entry.json").read_text())["texts"] == "tiny"
    )
    damage(entry)
    result = mixed(*mine)
    assert result.code == 0, result.err
    assert "of tiny" in result.err
    assert "are damaged; they are made again" in result.err
    assert (MADE / "mined/dense.jsonl").read_bytes() == good


def test_a_model_without_numbers_is_an_error(mixed: Cli, tiny_model: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = Path("broken")
    shutil.copytree(tiny_model, broken)
    weights = load_file(broken / "model.safetensors")
    next(iter(weights.values())).fill_(float("nan"))
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    result = mixed("mine", "--miner", "dense", "--backbone", broken)
    assert result.code == 1, result.out
    assert "vectors that are not finite" in result.err
    assert not (MADE / "mined/dense.jsonl").exists()


@pytest.mark.parametrize("length", [0, 100, -8])
def test_a_damaged_copy_of_the_corpus_is_said_and_made_again(mixed: Cli, length: int) -> None:
    (arrow,) = Path(".syneg/corpora").glob("*.arrow")
    good = arrow.read_bytes()
    for wrong in (good[:length], good.replace(b"aspirin", b"aspirim")):
        arrow.write_bytes(wrong)
        result = mixed("mine", "--force")
        assert result.code == 0, result.err
        assert "is damaged; it is made again" in result.err
        assert arrow.read_bytes() == good


class Warned(NoProgress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def warn(self, message: str) -> None:
        self.said.append(message)


def test_the_older_checkpoint_is_gone_on_from_where_the_newest_is_damaged(tmp_path: Path) -> None:
    for step in (2, 4):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "model.safetensors").write_bytes(b"weights")
        complete(tmp_path, step)
    (tmp_path / "checkpoint-4" / "model.safetensors").write_bytes(b"weightz")
    heard = Warned()
    assert last(tmp_path, heard) == tmp_path / "checkpoint-2"
    assert heard.said == ["train: the checkpoint of step 4 is damaged; going on without it"]


def test_force_begins_at_the_beginning(mixed: Cli) -> None:
    folder = MADE / "models/.m.checkpoints"
    assert mixed("train").code == 0
    folder.mkdir()
    (folder / "plan.json").write_bytes(b"\xff")
    (folder / "checkpoint-1").mkdir()
    (folder / "checkpoint-1" / "complete").write_text("1")
    result = mixed("train", "--force")
    assert result.code == 0, result.err
    assert "going on" not in result.err
    assert not folder.exists()


def negative(query_id: str, positive_id: str) -> SyntheticNegative:
    return SyntheticNegative(query_id, positive_id, 1, "", f"{query_id} for {positive_id}", "p", "m", "k")


def test_pairs_that_differ_have_ids_that_differ() -> None:
    parts = ["a", "a/b", "b", "b/c", "c", "a%2Fb", "%", "%2F", "%25", "%252F", "", "/"]
    names = {named(one, other) for one in parts for other in parts}
    assert len(names) == len(parts) ** 2
    assert negative("q1", "d1").id == "q1/d1/1", "as it was"
    both = texts_of([negative("a", "b/c"), negative("a/b", "c")])
    assert sorted(both.documents.values()) == ["a for b/c", "a/b for c"]
    assert "a/b/c/1" not in both.documents, "which of the two?"
    assert texts_of([negative("a", "b/c")]).documents["a/b/c/1"] == "a for b/c", "in a mix of 0.1"


def test_temporary_files_have_names_that_nobody_can_guess(tmp_path: Path) -> None:
    target = tmp_path / "x.txt"
    with beside(target) as one, beside(target) as other:
        assert one != other
        assert one.is_file()
        assert not one.is_symlink()
    assert [*tmp_path.iterdir()] == []


def test_exports_and_reports_do_not_replace_what_is_there(mixed: Cli) -> None:
    assert mixed("train").code == 0
    Path("train.jsonl").write_text("mine")
    Path("page").mkdir()
    Path("page/report.md").write_text("mine")
    for command in (("export", "--output", "train.jsonl"), ("report", "--output", "page")):
        result = mixed(*command)
        assert result.code == 2, result.out
        assert "is there already" in result.err
    assert (Path("train.jsonl").read_text(), Path("page/report.md").read_text()) == ("mine", "mine")
    assert mixed("export", "--output", "train.jsonl", "--force").code == 0
    for _ in range(2):
        assert mixed("report", "--output", "new").code == 0


def test_a_demo_does_not_write_into_a_project(cli: Cli) -> None:
    write_dataset(Path("tiny"))
    Path("syneg.toml").write_text('[dataset]\nname = "tiny"\n')
    Path("negatives.jsonl").write_text("mine")
    before = everything(Path())
    assert cli("demo", ".").code == 2
    assert everything(Path()) == before


def test_what_lies_in_a_models_folder_is_not_replaced_with_it(mixed: Cli) -> None:
    assert mixed("train").code == 0
    (MODEL / "notes").mkdir()
    (MODEL / "notes/thesis.tex").write_text("three years")
    (MODEL / ".DS_Store").write_bytes(b"of the system")
    before = everything(MODEL)
    for options in (("--epochs", 2), ("--force",)):
        result = mixed("train", *options)
        assert result.code == 2, result.err
        assert "m holds notes/thesis.tex, which syneg did not put there" in result.err
        assert everything(MODEL) == before
    shutil.move(MODEL / "notes", "notes")
    assert mixed("train", "--epochs", 2).code == 0


@pytest.mark.parametrize("command", ["mine", "mix"])
def test_what_was_edited_is_replaced_by_force_alone(mixed: Cli, command: str) -> None:
    place = {"mine": MADE / "mined/bm25.jsonl", "mix": MADE / "mixed/retrieved.jsonl"}[command]
    change = {"mine": ("--depth", 1), "mix": ("--negatives", 1)}[command]
    good = place.read_text()
    place.write_text(good + good.splitlines()[0] + "\n")
    assert "was changed since it was made" in mixed(command).err
    refused = mixed(command, *change)
    assert refused.code == 2, refused.err
    assert "was edited since it was made, and would be made again" in refused.err
    assert place.read_text().startswith(good)
    assert mixed(command, *change, "--force").code == 0
    assert mixed(command).code == 0, "what nobody edited is made again as before"


def test_what_lies_beside_an_evaluation_is_not_replaced(mixed: Cli, tiny_model: Path) -> None:
    assert mixed("eval", "--model", tiny_model).code == 0
    trec = next(MADE.glob("eval/*.trec"))
    for file in MADE.glob("eval/*.json"):
        file.unlink()
    trec.write_text("my own run\n")
    result = mixed("eval", "--model", tiny_model)
    assert result.code == 2, result.err
    assert f"{trec.name} is none of" in result.err
    assert everything(MADE / "eval") == {str(trec): b"my own run\n"}


def test_what_comes_to_be_there_in_mid_run_stays(mixed: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from syneg_cli.stages.mine import Mine

    place, run = MADE / "mined/random.jsonl", Mine.run

    def meanwhile(*args: object) -> object:
        made = run(*args)  # type: ignore[arg-type]
        place.write_text("mine\n")
        return made

    monkeypatch.setattr(Mine, "run", meanwhile)
    result = mixed("mine", "--miner", "random")
    assert result.code == 2, result.err
    assert "has no manifest, so it may be yours" in result.err
    assert place.read_text() == "mine\n"
