"""syneg from Python: plain values in, no project file, no session, no terminal."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sentence_transformers import SentenceTransformer

import syneg_cli as syneg
from syneg_cli.core import MinedNegative, SyntheticQuery, UsageError
from tests.conftest import Cli
from tests.servers import ChatServer, Reply


@pytest.fixture
def data(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    return syneg.load_dataset(tiny, dev_fraction=0)


def whole_example(data: Any, backbone: str, llm: str = "ollama:llama3") -> str:
    """The example of the docs, with a tiny model."""
    written = syneg.generate(data, llm=llm, n=2)
    mined = syneg.mine(data, "dense", backbone=backbone)
    mixed = syneg.mix(data, written, mined, strategy="hybrid", ratio=0.7)
    model = syneg.train(backbone, mixed, epochs=2)
    return str(syneg.evaluate(model, data).against(syneg.evaluate(backbone, data, name="tiny")))


def test_the_example_from_data_to_a_comparison(
    data: Any, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        told = whole_example(data, str(tiny_model))
        assert "model against tiny, 1 queries" in told
        assert "nDCG@10" in told
        assert len(server.requests) == 3
        whole_example(data, str(tiny_model))
        assert len(server.requests) == 3, "answers are kept: nothing is paid for twice"


def test_it_works_inside_a_running_event_loop(
    data: Any, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a notebook's cell, where a loop is running already."""

    async def cell() -> str:
        return whole_example(data, str(tiny_model))

    with ChatServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assert "nDCG@10" in asyncio.run(cell())


def test_the_same_negatives_as_from_the_command_line(
    data: Any, tiny: Path, tiny_model: Path, cli: Any
) -> None:
    from syneg_cli.core import read_instances, read_mined

    options = ("--backbone", tiny_model, "--precision", "fp32", "--set", "dataset.dev_fraction=0")
    assert cli("mine", tiny, *options, "--depth", 3).code == 0
    assert cli("mix", tiny, "--strategy", "retrieved", "--set", "dataset.dev_fraction=0").code == 0
    mined = syneg.mine(data, "dense", backbone=str(tiny_model), precision="fp32", depth=3)
    assert list(mined) == read_mined(Path(".syneg/tiny/mined/dense.jsonl"))
    mixed = syneg.mix(data, mined, strategy="retrieved")
    assert list(mixed.instances) == read_instances(Path(".syneg/tiny/mixed/retrieved.jsonl"))
    assert "3 training instances of tiny" in str(mixed)


def test_verify_says_which_checks_call_a_negative_relevant(data: Any, tiny_model: Path) -> None:
    mined = syneg.mine(data, "bm25", depth=2)
    checked = syneg.verify(data, mined, "margin", backbone=str(tiny_model), margin=2.0, effect="mark")
    assert [n.doc_id for n in checked] == [n.doc_id for n in mined]
    assert {n.relevant_by for n in checked} == {("margin",)}
    with pytest.raises(UsageError, match="which one"):
        syneg.verify(data, mined, "judge")


def test_nothing_usable_is_an_error_with_its_causes(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(lambda body, number: Reply(text="I cannot do that.")) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        with pytest.raises(syneg.SynegError, match=r"no usable negative for 3 pairs: .*unparsable"):
            syneg.generate(data, llm="ollama:llama3", corrections=0)


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"epoch": 3}, "Did you mean 'epochs'"), ({"lr": -1.0}, "lr: Input should be greater than 0")],
)
def test_wrong_settings_are_named(data: Any, settings: dict[str, Any], says: str) -> None:
    mixed = syneg.mix(data, syneg.mine(data, "bm25"), strategy="retrieved")
    with pytest.raises(UsageError, match=says):
        syneg.train("minilm", mixed, **settings)


def test_a_run_can_be_measured(data: Any) -> None:
    perfect = syneg.evaluate({"q3": {"d5": 1.0}}, data)
    assert perfect.metrics["ndcg@10"] == 1.0
    assert perfect.against(syneg.evaluate({"q3": {"d1": 1.0}}, data)).comparisons["ndcg@10"].difference == 1.0


def test_scores_on_written_queries_say_so_alone_and_compared(data: Any) -> None:
    alone = replace(data, queries={}, judgements={})
    texts = [SyntheticQuery(d, 1, f"words of {d}", "queries", "m", d) for d in ("d1", "d3", "d5")]
    written = syneg.with_queries(alone, texts, dev_fraction=0.4)
    (query, (document,)) = next((q, [*grades]) for q, grades in written.qrels("dev").items())
    found = syneg.evaluate({query: {document: 1.0}}, written, split="dev")
    said = "An LLM wrote all 1 queries: a score on such queries is no evidence"
    assert said in str(found)
    assert said in str(found.against(syneg.evaluate({query: {"d6": 1.0}}, written, split="dev")))


def test_what_a_model_in_memory_was_trained_on_parts_the_queries(data: Any, tiny_model: Path) -> None:
    model = SentenceTransformer(str(tiny_model))
    mixed = syneg.mix(data, syneg.mine(data, "bm25"), strategy="retrieved")
    parted = syneg.evaluate(model, data, trained_on=mixed).exposure
    assert parted is not None
    assert (parted.known, [*parted.seen, *parted.unseen]) == (True, ["q3"])
    unknown = syneg.evaluate(model, data).exposure
    assert unknown is not None
    assert not unknown.known
    wrong: Any = data
    with pytest.raises(UsageError, match="is no training set"):
        syneg.evaluate("nowhere/at-all", data, trained_on=wrong)  # said before the model is looked for


def test_two_models_can_be_read_to_one_length(data: Any, tiny_model: Path) -> None:
    whole = syneg.evaluate(str(tiny_model), data)
    short = syneg.evaluate(str(tiny_model), data, max_length=8)
    assert (whole.max_length, short.max_length) == (48, 8)
    in_memory = SentenceTransformer(str(tiny_model))
    with pytest.raises(UsageError, match="max_length is for models by name"):
        syneg.evaluate(in_memory, data, max_length=8)


def test_progress_can_be_printed(data: Any, capsys: pytest.CaptureFixture[str]) -> None:
    syneg.mine(data, "bm25", progress=syneg.Printed(interval=0))
    assert "BM25: 3 of 3 queries" in capsys.readouterr().err


def test_importing_syneg_loads_next_to_nothing() -> None:
    code = (
        "import sys, syneg_cli as syneg; assert 'train' in dir(syneg); "
        "print(sorted({'pydantic', 'numpy', 'torch', 'syneg_cli.library'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        syneg.trian  # noqa: B018


def test_types_are_shipped() -> None:
    assert (Path(syneg.__file__).parent / "py.typed").is_file()


def test_two_checks_one_after_the_other_are_both_at_once(data: Any, tiny_model: Path) -> None:
    mined = list(syneg.mine(data, "bm25", depth=2))
    with ChatServer(lambda body, number: Reply(text='{"relevant": false, "evidence": ""}')) as server:
        own: dict[str, Any] = {"llm": "ollama:llama3", "base_url": server.url, "max_calls": 100}
        other: dict[str, Any] = {"backbone": str(tiny_model), "margin": 2.0, "effect": "mark"}
        first = syneg.verify(data, mined, "margin", **other)
        then = syneg.verify(data, first, "judge", effect="mark", **own)
        assert then == syneg.verify(data, mined, "margin", "judge", **own, **other)
    assert {tuple(sorted(n.scores)) for n in then} == {("judge", "margin")}


anything_else: Any = 5
anything: Any = syneg
"""Called with what the types forbid."""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda data: anything.mine("tiny", "bm25"), "Load it first"),
        (lambda data: anything.mix(data, "abc"), "'a' is not a negative"),
        (
            lambda data: anything.mix(data, [MinedNegative("q1", "NOPE", "bm25", 1, 0.5)]),
            "does not have both",
        ),
        (lambda data: anything.train("minilm", []), "Make one with mix"),
        (lambda data: anything.train("minilm", None, output="x"), "is not a training set"),
        (lambda data: anything.evaluate({"q1": {"d1": float("nan")}}, data), "finite scores"),
        (lambda data: anything.evaluate({"q1": ["d1"]}, data), "finite scores"),
        (lambda data: anything.mine(data, "bm25", miners=["dense"]), "no setting 'miners'"),
        (lambda data: anything.verify(data, [], "margni"), "Did you mean 'margin'"),
        (lambda data: syneg.load_dataset("tiny", data_dir=anything_else), "data_dir: 5 is no path"),
        (lambda data: syneg.load_dataset("tiny", work_dir=anything_else), "work_dir: 5 is no path"),
        (lambda data: syneg.load_dataset("tiny", progress=anything_else), "progress: 5 has no"),
        (lambda data: syneg.load_dataset(anything_else), "name: 5 is no path"),
        (lambda data: syneg.load_dataset("tiny", data_dir=""), "data_dir: '' is no path"),
        (lambda data: syneg.load_dataset("tiny", dev_seed=-1), "dev_seed: Input should be greater"),
        (lambda data: anything.mine(data, 5), "miner: expected a text, not 5"),
        (lambda data: anything.mine(data, "dense", backbone=5), "backbone: expected a text"),
        (
            lambda data: anything.mine(data, "random", seed=2**32),
            "seed: Input should be less than 4294967296",
        ),
        (lambda data: anything.mix(data, 5), "negatives: 5 is no list"),
        (lambda data: anything.mix(data, seed=-1), "seed: Input should be greater than or equal to 0"),
        (lambda data: anything.mix(data, epochs=0), "epochs: Input should be greater"),
        (lambda data: anything.generate(data, 5), "llm: Input should be a valid string"),
        (lambda data: anything.generate(data, "ollama:x", candidates=5), "candidates: 5 is no list"),
        (lambda data: anything.verify(data, 5, "margin"), "negatives: 5 is no list"),
        (lambda data: anything.evaluate(5, data), "5 is no model"),
        (lambda data: anything.evaluate("", data), "'' is no model"),
    ],
)
def test_a_wrong_argument_is_one_error_that_says_what_was_meant(data: Any, wrong: Any, said: str) -> None:
    with pytest.raises(syneg.SynegError) as caught:
        wrong(data)
    assert said in str(caught.value)


def test_values_are_short_in_a_notebook(data: Any) -> None:
    mined = syneg.mine(data, "bm25", depth=2)
    mixed = syneg.mix(data, mined, strategy="retrieved")
    assert all(len(repr(value)) < 200 for value in (data, mined, mixed))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"seed": -1}, "seed: Input should be greater than or equal to 0"),
        ({"seed": 2**32}, "seed: Input should be less than"),
        ({"matryoshka": [0]}, "greater than or equal to 1, not 0"),
        ({"matryoshka": [8, 8]}, "every number of dimensions once"),
        ({"matryoshka": [8, 32]}, "the model's vectors have 32 dimensions; they cannot be cut to 32"),
        ({"matryoshka": 16}, "matryoshka: "),
    ],
)
def test_bounds_of_training_are_said_before_it(
    data: Any, tiny_model: Path, wrong: dict[str, Any], said: str
) -> None:
    mixed = syneg.mix(data, syneg.mine(data, "random"), strategy="retrieved")
    with pytest.raises(UsageError) as caught:
        syneg.train(tiny_model, mixed, **wrong)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("of_the_command_line", "of_python"),
    [
        ("Lower --lr, raise --warmup or --temperature.", "Lower lr, raise warmup or temperature."),
        ("Add `--cross-encoder cross-encoder/ms-marco`.", 'Add `cross_encoder="cross-encoder/ms-marco"`.'),
        ("allow it with --need-synthetic 0.", "allow it with need_synthetic=0."),
        ("--max-cost: nobody knows", "max_cost: nobody knows"),
        (
            "Run `syneg generate` or `syneg mine --miner bm25` first.",
            "Run `generate(...)` or `mine(...)` first.",
        ),
        ("`test_fraction = 0.5` in [dataset] splits", "`test_fraction=0.5` splits"),
        ("a--b and 5 -- 6 and well-known", "a--b and 5 -- 6 and well-known"),
    ],
)
def test_messages_speak_python(of_the_command_line: str, of_python: str) -> None:
    from syneg_cli.library.spoken import in_python

    assert in_python(of_the_command_line) == of_python


def test_errors_and_warnings_of_every_step_speak_python(
    data: Any, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mined = syneg.mine(data, "bm25", depth=1)
    for wrong in (
        lambda: syneg.verify(data, mined, "cross-encoder"),
        lambda: syneg.mix(data, mined, strategy="hybrid"),
        lambda: syneg.mix(data, strategy="mirror"),
        lambda: syneg.mix(data),
        lambda: syneg.generate(data, "olama:x"),
        lambda: syneg.generate(data, "ollama:x", base_url="nowhere"),
        lambda: syneg.mine(data, "run"),
        lambda: syneg.evaluate("minilm", data, split="dev"),
        lambda: syneg.mine(data, "dense", backbone="jina-v2-small"),
    ):
        with pytest.raises(syneg.SynegError) as caught:
            wrong()
        assert "--" not in str(caught.value), str(caught.value)
        assert str(caught.value) == caught.value.message + (
            f" {caught.value.hint}" if caught.value.hint else ""
        )
    (tiny / "qrels" / "train.tsv").unlink()
    with pytest.raises(syneg.SynegError, match=r"`test_fraction=0\.5` splits"):
        syneg.mine(syneg.load_dataset(tiny, progress=syneg.Printed()), "random")


def test_a_fraction_of_the_queries_is_test(tiny: Path, tmp_path: Path) -> None:
    (tiny / "qrels" / "test.tsv").unlink()
    data = syneg.load_dataset(tiny, dev_fraction=0, test_fraction=0.34, work_dir=tmp_path / "w")
    assert (len(data.qrels("train")), len(data.qrels("test"))) == (2, 1)


def test_bm25_is_a_system_as_it_is_of_the_command_line(cli: Cli, tiny: Path) -> None:
    data = syneg.load_dataset(tiny)
    found = syneg.evaluate("bm25", data, name="words")
    asked: Any = cli("eval", tiny, "--model", "bm25", "--json").json
    assert found.metrics == pytest.approx(asked["metrics"])
    assert "words is not trained" in str(found)
    with pytest.raises(syneg.SynegError, match="BM25 has none"):
        syneg.evaluate("bm25", data, lexical=0.5)
