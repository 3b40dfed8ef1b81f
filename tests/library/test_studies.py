"""`syneg.study` and `syneg.pilot`: what the commands find, to the last digit, and by the same files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import syneg_cli as syneg
from syneg_cli.core import SyntheticQuery, read_synthetic, write_synthetic_queries
from tests.conftest import Cli
from tests.servers import ChatServer, good_reply
from tests.studies.conftest import HOME, rows, write_project

SETS = {
    "mine.depth": 2,
    "mine.percentage": "off",
    "mine.precision": "fp32",
    "train.epochs": 1,
    "train.batch_size": 2,
    "train.lr": 1e-3,
    "train.precision": "fp32",
    "eval.precision": "fp32",
}
"""What the project file of the tests sets."""

OTHER = Path("other/tiny/studies/default")


@pytest.fixture
def ready(cli: Cli, tiny_model: Path) -> Cli:
    write_project(Path.cwd(), tiny_model)
    assert cli("generate").code == 0
    return cli


def given() -> dict[str, Any]:
    """What `study` takes beside the data set, as the project has it."""
    return {"arms": ("zero-shot", "dense", "hybrid"), "seeds": 2, "sets": SETS}


def loaded() -> tuple[Any, list[Any]]:
    """The data set, and the negatives that `generate` wrote."""
    data = syneg.load_dataset("tiny", data_dir=".")
    return data, read_synthetic(Path(".syneg/tiny/synthetic/default.jsonl"))


def test_a_study_is_that_of_the_command_line_to_the_byte(ready: Cli, tiny_model: Path) -> None:
    printed: Any = ready("study", "--json")
    assert printed.code == 0, printed.err
    data, written = loaded()
    found = syneg.study(data, written, backbone=tiny_model, work_dir="other", **given())
    assert found.plan.hash == printed.json["hash"]
    for file in ("results.jsonl", "tables.md", "tables.tex", "tables.csv"):
        assert (OTHER / file).read_bytes() == (HOME / file).read_bytes(), file
    assert str(found) == (HOME / "tables.md").read_text(encoding="utf-8")
    assert (found.answer, found.remarks) == (printed.json["answer"], printed.json["remarks"])
    assert [row.scores for row in found.rows] == [row["scores"] for row in rows()]
    for line, arm in zip(found.lines, printed.json["arms"], strict=True):
        for name, part in line.parts.items():
            told = arm["parts"][name]
            assert (line.arm.name, part.mean, part.sd) == (arm["arm"], told["mean"], told["sd"])
            if part.against is not None:
                assert part.against.difference == told["comparison"]["difference"]
                assert part.verdict == told["comparison"]["verdict"]
    assert [table.key for table in found.tables] == ["sources"]
    assert len(repr(found)) < 200


def test_it_goes_on_with_what_a_command_began(ready: Cli, tiny_model: Path) -> None:
    assert ready("study", "--plan").code == 0
    data, _ = loaded()
    found = syneg.study(data, backbone=tiny_model, **given())
    assert {row.arm for row in found.rows} == {"zero-shot", "dense", "hybrid"}
    before = (HOME / "times.jsonl").read_bytes()
    again: Any = ready("study", "--json")
    assert again.json["hash"] == found.plan.hash
    assert (HOME / "times.jsonl").read_bytes() == before, "nothing was run again"


def test_another_plan_is_refused_and_begins_anew_where_that_is_asked(ready: Cli, tiny_model: Path) -> None:
    data, written = loaded()
    asked = {**given(), "backbone": tiny_model, "plan_only": True}
    first = syneg.study(data, written, **asked)
    assert first.rows == ()
    assert "is not measured yet" in str(first)
    fewer = [one for one in written if one.query_id != "q1"]
    with pytest.raises(syneg.SynegError, match="inputs synthetic negatives default") as refused:
        syneg.study(data, fewer, **asked)
    assert "begin anew with force" in str(refused.value.hint)
    assert syneg.study(data, written, **asked).plan == first.plan, "what was handed over first is there still"
    anew = syneg.study(data, fewer, **asked, force=True)
    assert anew.plan.hash != first.plan.hash
    assert (HOME / "before-1/plan.json").is_file()


def test_what_was_handed_over_is_read_whatever_became_of_its_file(ready: Cli, tiny_model: Path) -> None:
    """The file is the study's own: one that was edited or emptied is not taken for what was given."""
    data, written = loaded()
    asked: Any = {**given(), "backbone": tiny_model, "plan_only": True}
    first = syneg.study(data, written, queries=[QUERY], **asked)
    for file in Path(".syneg/tiny/given").rglob("*.jsonl"):
        file.write_text("", encoding="utf-8")
    assert syneg.study(data, written, queries=[QUERY], **asked).plan == first.plan


def test_numbers_of_numpy_are_numbers(ready: Cli, tiny_model: Path) -> None:
    data, written = loaded()
    asked: Any = {**given(), "backbone": tiny_model, "plan_only": True}
    first = syneg.study(data, written, **asked)
    numpys = {**SETS, "train.lr": np.float64(1e-3), "train.epochs": np.int64(1)}
    again = syneg.study(data, written, **{**asked, "seeds": np.int64(2), "sets": numpys})
    assert again.plan == first.plan


def test_sets_by_name_and_queries_are_read_by_their_arms(ready: Cli, tiny_model: Path) -> None:
    data, written = loaded()
    other = [replace(one, text=f"{one.text} again") for one in written]
    texts = {"d6": "how common is apnea", "d4": "which dose helps against headache"}
    queries = [SyntheticQuery(d, 1, text, "queries", "m", d) for d, text in texts.items()]
    asked: Any = {**given(), "arms": ("hybrid", "prompt-other", "llm-queries"), "seeds": 1}
    sets = {"default": written, "other": other}
    found = syneg.study(data, sets, queries=queries, backbone=tiny_model, **asked)
    assert {row.arm for row in found.rows} == {"zero-shot", "dense", "hybrid", "prompt-other", "llm-queries"}
    roles = found.plan.inputs.keys()
    assert {"synthetic negatives default", "synthetic negatives other", "LLM-written queries, all"} <= roles
    steps = {row.arm: row.steps for row in found.rows}
    assert (steps["dense"], steps["llm-queries"]) == (2, 3), "three pairs and five, two a step"


def test_reworded_queries_are_part_of_the_plan(ready: Cli, tiny_model: Path) -> None:
    """A set of rewordings beside the written queries is read, too, so another one makes another study."""
    folder = Path(".syneg/tiny/queries")
    one = SyntheticQuery("d6", 1, "how common is apnea", "queries", "m", "k")
    write_synthetic_queries(folder / "default.jsonl", [one])
    reworded = SyntheticQuery("d1", 1, "what raises bone density", "rewrites", "m", "k", rewrites="q1")
    write_synthetic_queries(folder / "default.rewrites.jsonl", [reworded])
    study = ("study", "--arms", "llm-queries", "--plan")
    first = ready(*study)
    assert first.code == 0, first.err
    changed = replace(reworded, text="which vitamin raises bone density")
    write_synthetic_queries(folder / "default.rewrites.jsonl", [changed])
    other = ready(*study)
    assert other.code == 2
    assert "inputs reworded queries" in other.err


anything: Any = syneg
QUERY = SyntheticQuery("d6", 1, "how common is apnea", "queries", "m", "k")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda data, written: anything.study("tiny", written), "Load it first"),
        (lambda data, written: anything.study(data, []), "negatives: default has none"),
        (lambda data, written: anything.study(data, 5), "negatives: 5 is no list"),
        (lambda data, written: anything.study(data, queries=[5]), "queries: 5 is no LLM-written query"),
        (lambda data, written: anything.study(data, queries=5), "queries: 5 is no LLM-written query"),
        (lambda data, written: anything.study(data, queries=[QUERY, QUERY]), "synthetic/d6/1 is there twice"),
        (lambda data, written: anything.study(data, written, arms=iter(["hybird"])), "Did you mean 'hybrid'"),
        (lambda data, written: anything.study(data, written, work_dir=None), "work_dir: None is no path"),
        (lambda data, written: anything.study(data, written, sets={"work_dir": "x"}), "Give work_dir="),
        (lambda data, written: anything.study(data, syneg.mine(data, "bm25")), "some are mined"),
        (
            lambda data, written: anything.study(data, [replace(written[0], relevant_by=("judge",))]),
            "some were verified",
        ),
        (lambda data, written: anything.study(data, {"a/b": written}), "name: "),
        (lambda data, written: anything.study(data, written, sedes=2), "Did you mean 'seeds'"),
        (lambda data, written: anything.study(data, written, seeds=0), "seeds: "),
        (lambda data, written: anything.study(data, written, arms=["hybird"]), "hybird"),
        (lambda data, written: anything.study(data, written, sets={"train.epoch": 1}), "'train.epochs'"),
        (lambda data, written: anything.study(data, written, sets={"train.epochs": 0}), "train.epochs: "),
        (lambda data, written: anything.study(data, written, sets={"study.seeds": 1}), "Give seeds="),
        (lambda data, written: anything.study(data, written, sets={"dataset.dev_seed": 1}), "load_dataset("),
        (lambda data, written: anything.study(data, written, sets=5), "sets: 5 is no table"),
        (lambda data, written: anything.study(data, written, backbone="openai:x"), "behind an API"),
        (lambda data, written: anything.pilot(data, "ollama:x", 0), "pairs: expected a whole number"),
        (lambda data, written: anything.pilot(data, "ollama:x", miner=5), "miner: expected a text"),
        (lambda data, written: anything.pilot(data, "ollama:x", prompt="rewrite"), "rewrites mined"),
        (lambda data, written: anything.pilot(data, "ollama:x", sets={"mine.miners": "x"}), "Give miner="),
        (lambda data, written: anything.pilot(data, "ollama:x", temprature=1), "Did you mean 'temperature'"),
    ],
)
def test_a_wrong_argument_is_one_error_that_says_what_was_meant(ready: Cli, wrong: Any, said: str) -> None:
    data, written = loaded()
    with pytest.raises(syneg.SynegError) as caught:
        wrong(data, written)
    assert said in f"{caught.value} {caught.value.hint}"
    assert not HOME.exists(), "nothing was frozen"


def test_a_data_set_with_written_queries_in_train_has_no_arm_without_them(ready: Cli) -> None:
    data, written = loaded()
    query = SyntheticQuery("d6", 1, "how common is apnea", "queries", "m", "k")
    with pytest.raises(syneg.SynegError, match="every arm would be trained with them"):
        syneg.study(syneg.with_queries(data, [query]), written)


def test_what_the_primary_arm_lacks_is_said_in_pythons_words(ready: Cli, tiny_model: Path) -> None:
    data, _ = loaded()
    with pytest.raises(syneg.SynegError) as caught:
        syneg.study(data, backbone=tiny_model, work_dir="empty", **given())
    assert "no synthetic negatives 'default': give study what generate gave" in str(caught.value)
    assert "another arm with primary" in str(caught.value)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    with ChatServer(lambda body, number: good_reply(body, 0)) as server:  # the same for both
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


def test_a_pilot_is_that_of_the_command_line(ready: Cli, tiny_model: Path, server: ChatServer) -> None:
    asked = ("generate", "--pilot", 2, "--llm", "ollama:m", "--set", f"mine.backbone={tiny_model}")
    printed: Any = ready(*asked, "--set", "mine.miners=bm25", "--json")
    assert printed.code == 0, printed.err
    data, _ = loaded()
    more: Any = {
        "miner": "bm25",
        "backbone": tiny_model,
        "sets": {k: v for k, v in SETS.items() if "mine" in k},
    }
    found = syneg.pilot(data, "ollama:m", 2, work_dir="other", **more)
    assert found.forecast.as_json() == printed.json["forecast"]
    assert found.verdict == printed.json["forecast"]["verdict"]
    stored = Path(".syneg/tiny/synthetic/default.pilot.json").read_bytes()
    assert found.path.read_bytes() == stored
    assert found.counts["pairs"] == 2
    assert len(server.requests) == 4, "another work directory has other answers"
    assert syneg.pilot(data, "ollama:m", 2, work_dir="other", **more).forecast == found.forecast
    written = syneg.generate(data, "ollama:m", work_dir="other")
    assert len(server.requests) == 5, "the pilot's answers are there for all"
    assert written.counts["answered"] == 3
    assert "Forecast from 2 pairs" in str(found)
    assert "(judge asks the model)" in str(found), "in Python's words"
    assert len(repr(found)) < 200
    assert found.cost_usd == 0
