"""A study that is killed at ten moments, and run again each time, ends with the tables of one that was not."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from tests.faults.machine import Fault, run
from tests.studies.conftest import write_project

STUDY = (
    *("study", "--arms", "dense,hybrid,bm25,synthetic,placebo,soups", "--seeds", "2"),
    *("--grid-lr", "1e-3", "--grid-lr", "2e-2", "--sequential"),
)
KILLS = int(os.environ.get("STUDY_KILLS", "10"))
FILES = ("results.jsonl", "trials.jsonl", "tables.md", "tables.tex", "tables.csv")


def made(folder: Path) -> dict[str, bytes]:
    home = folder / ".syneg/tiny/studies/default"
    return {name: (home / name).read_bytes() for name in FILES}


@pytest.mark.slow
def test_a_study_killed_ten_times_ends_as_one_that_was_not(tmp_path: Path, tiny_model: Path) -> None:
    whole, cut = (write_project(tmp_path / name, tiny_model) for name in ("whole", "cut"))
    for folder in (whole, cut):
        assert run(folder, "generate").code == 0
    ended = run(whole, *STUDY)
    assert ended.code == 0, ended.said
    rng, killed = random.Random(13), 0
    while killed < KILLS:  # each goes on where the last one was killed, so the moments are all over the study
        moment = rng.randint(1, max(2, len(ended.events) // KILLS))
        again = run(cut, *STUDY, fault=Fault(kill=moment))
        if again.code == 0:
            break
        assert again.code == -signal.SIGKILL, again.said
        killed += 1
    assert killed > KILLS // 2
    last = run(cut, *STUDY)
    assert last.code == 0, last.said
    assert made(cut) == made(whole)
