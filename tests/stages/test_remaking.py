"""What is damaged is said with the command that makes it again as it was."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import Cli

CROSS = ("train", "--kind", "cross-encoder", "--epochs", 1, "--precision", "fp32", "--lr", "3e-5")


@pytest.fixture
def at(cli: Cli, tiny: Path, tiny_model: Path) -> Cli:
    """The tiny data set by its folder, without a project."""

    def run(command: str, *options: object) -> object:
        return cli(command, tiny, *options, "--set", "dataset.dev_fraction=0")

    assert run("mine", "--miner", "bm25", "--depth", 3).code == 0  # type: ignore[attr-defined]
    mixed = run("mix", "--strategy", "retrieved", "--miner", "bm25", "--name", "mine", "-k", 2)
    assert mixed.code == 0, mixed.err  # type: ignore[attr-defined]
    return run  # type: ignore[return-value]


def named(err: str) -> list[str]:
    """The command that a hint names, without `syneg`."""
    (found,) = re.findall(r"Run `syneg ([^`]+)`", " ".join(err.split()))
    return shlex.split(found)


def test_a_damaged_reranker(at: Cli, cli: Cli, tiny_model: Path) -> None:
    trained = at(*CROSS, "--backbone", tiny_model, "--mixed", "mine", "--output", "judge", "--json")
    assert trained.code == 0, trained.err
    weights = Path(str(trained.json["path"])) / "model.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[: len(good) // 2])
    measured = at("eval", "--model", "bm25", "--rerank", "judge")
    assert measured.code == 2
    assert "judge is damaged since train wrote it" in measured.err
    command = named(measured.err)
    assert command[0] == "train"
    again = cli(*command, "--set", "dataset.dev_fraction=0")
    assert again.code == 0, again.err
    assert "(damaged since it was made)" in again.err
    assert weights.read_bytes() == good, "with the same settings"
    assert at("eval", "--model", "bm25", "--rerank", "judge").code == 0


def test_an_empty_file_of_negatives_and_an_empty_mix(at: Cli, cli: Cli, tiny_model: Path) -> None:
    for path, by in ((".syneg/tiny/mined/bm25.jsonl", "mix"), (".syneg/tiny/mixed/mine.jsonl", "train")):
        good = Path(path).read_bytes()
        Path(path).write_bytes(b"")
        if by == "mix":
            failed = at("mix", "--strategy", "retrieved", "--miner", "bm25", "--name", "mine", "-k", 2)
        else:
            failed = at("train", "--mixed", "mine", "--backbone", tiny_model)
        assert failed.code == 2, path
        again = cli(*named(failed.err), "--set", "dataset.dev_fraction=0")
        assert again.code == 0, again.err
        assert Path(path).read_bytes() == good
