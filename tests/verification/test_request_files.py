"""`verify --batch-write` and `--batch-read`: what the judge is asked, as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.answered import answer, requests_in, vllm_line, write_lines
from tests.conftest import Cli
from tests.servers import Body, Reply, prompt_of
from tests.verification.conftest import found, verdict_json

IN, OUT = Path("in.jsonl"), Path("out.jsonl")


@pytest.fixture
def bare(cli: Cli, tiny: Path, work: Path) -> tuple[object, ...]:
    return "verify", tiny, "--llm", "openai:m", "--check", "judge", "--json"


def judge(body: Body, number: int) -> Reply:
    return Reply(text=verdict_json("Bone mass" in prompt_of(body), "Bone mass rose with vitamin D."))


def test_judgements_of_all_files_are_one_file(cli: Cli, bare: tuple[object, ...], work: Path) -> None:
    made = cli(*bare, "--batch-write", IN)
    assert (made.code, made.json["requests"]) == (0, 4), made.err
    assert not (work / "verified").exists()
    answer(IN, OUT, respond=judge, line=vllm_line)
    read = cli(*bare, "--batch-read", OUT)
    assert read.code == 0, read.err
    assert read.json["batch"]["read"] == 4  # type: ignore[index]
    assert read.json["false_negatives"] == {"synthetic": 1, "bm25": 0}
    assert sum(one.reason != "" for one in found(work, "synthetic-default")) == 1
    assert all(one["skipped"] for one in cli(*bare).json["files"])  # type: ignore[attr-defined]


def test_a_part_of_the_judgements_leaves_the_rest_to_be_asked(
    cli: Cli, bare: tuple[object, ...], work: Path
) -> None:
    assert cli(*bare, "--batch-write", IN).code == 0
    lines = answer(IN, OUT, respond=judge)
    write_lines(OUT, *lines[:3])
    part = cli(*bare, "--batch-read", OUT)
    assert part.code == 0, part.err
    assert part.json["batch"]["left"] == 1  # type: ignore[index]
    assert "1 left for later (`--batch-write` writes it, a live run asks for it at once)" in part.err
    assert cli(*bare, "--batch-write", "rest.jsonl").json["requests"] == 1
    write_lines(OUT, *lines)
    whole = cli(*bare, "--batch-read", OUT)
    assert (whole.json["batch"]["read"], whole.json["batch"]["again"]) == (1, 3)  # type: ignore[index]
    assert whole.json["no_opinion"] == {}


def test_a_file_without_any_judgement_yet_is_to_be_answered_and_not_looked_at(
    cli: Cli, bare: tuple[object, ...], work: Path
) -> None:
    """The other file is written: the error is of this one, and so is what to do."""
    assert cli(*bare, "--batch-write", IN).code == 0
    lines = answer(IN, OUT, respond=judge)
    write_lines(OUT, *lines[:2])
    part = cli(*bare, "--batch-read", OUT)
    assert part.code == 1
    assert (work / "verified/synthetic-default.jsonl").is_file()
    assert "no usable verdict on any of 2 negatives" in part.err
    assert "The same command goes on as soon as some are answered." in part.err
    assert "cache list" not in part.err
    write_lines(OUT, *lines)
    assert cli(*bare, "--batch-read", OUT).json["no_opinion"] == {}


def test_caps_hold_for_the_judge(cli: Cli, bare: tuple[object, ...]) -> None:
    made = cli(*bare, "--max-calls", 1, "--batch-write", IN)
    assert (made.json["requests"], made.json["over_cap"]) == (1, 3)
    assert len(requests_in(IN)) == 1


def test_other_checks_ask_nothing_that_could_be_written(cli: Cli, tiny: Path, work: Path) -> None:
    refused = cli(
        "verify", tiny, "--llm", "openai:m", "--set", "verify.checks=['margin']", "--batch-write", IN
    )
    assert refused.code == 2
    assert "Files of requests are for the judge, and --check names margin" in refused.err
