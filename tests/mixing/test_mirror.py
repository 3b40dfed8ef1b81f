"""Mirrored negatives from file to training: their queries, the mix, the texts, one step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from syneg_cli.core.artifacts import read_manifest
from syneg_cli.core.errors import UsageError
from syneg_cli.core.files import write_jsonl
from syneg_cli.core.record_files import read_instances
from syneg_cli.core.records import SyntheticNegative
from syneg_cli.data.opening import load_dataset
from syneg_cli.mixing.families import families
from syneg_cli.mixing.mirror import OwnQuery, own_queries, read_mirror
from syneg_cli.mixing.texts import read_texts
from syneg_cli.training.batches import Collator
from tests.conftest import Cli


def negative(query: str, positive: str, index: int, own: str = "") -> SyntheticNegative:
    extra = {"query": own} if own else {}
    return SyntheticNegative(
        query, positive, index, "", f"text {query} {index}", prompt="syneg", llm="x", key="k", extra=extra
    )


def test_own_queries_come_from_the_answer_or_from_the_file() -> None:
    made = [
        negative("q1", "d1", 1, own="asked in the same answer"),
        negative("q1", "d1", 2),
        negative("q2", "d3", 1),
    ]
    found = own_queries(made, [OwnQuery("q1", "", 2, "later"), OwnQuery("q1", "d1", 1, "better")])
    assert found == {"q1/d1/1": "better", "q1/d1/2": "later"}


def test_a_line_that_fits_two_positives_has_to_say_which() -> None:
    made = [negative("q1", "d1", 1), negative("q1", "d2", 1)]
    with pytest.raises(UsageError, match="fits 2 negatives"):
        own_queries(made, [OwnQuery("q1", "", 1, "whose?")])
    assert own_queries(made, [OwnQuery("q1", "d2", 1, "the second's")]) == {"q1/d2/1": "the second's"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"query_id": "q", "query": "x"}, "row 1: negative missing"),
        ({"query_id": "q", "negative": "1", "query": "x"}, "whole number"),
        ({"query_id": "q", "negative": 1, "query": ""}, "query missing"),
    ],
)
def test_a_broken_mirror_file_is_named_with_its_row(
    tmp_path: Path, row: dict[str, object], said: str
) -> None:
    path = tmp_path / "mirror.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(UsageError, match=said):
        read_mirror(path)


def test_a_mirror_file_as_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mirror.jsonl"
    rows = [
        {"query_id": "q", "negative": 2, "query": " with blanks around it "},
        {"query_id": 7, "doc_id": "d", "negative": 1, "query": "numbers are names, too", "more": 1},
        {"query_id": "q", "doc_id": None, "negative": 0, "query": "x"},
    ]
    write_jsonl(path, rows)
    assert read_mirror(path) == [
        OwnQuery("q", "", 2, "with blanks around it"),
        OwnQuery("7", "d", 1, "numbers are names, too"),
        OwnQuery("q", "", 0, "x"),
    ]
    for broken, says in (
        ({"negative": 1, "query": ""}, "row 2: query_id, query missing."),
        ({"query_id": "q", "negative": 1, "query": 3}, "row 2: `negative` has to be"),
    ):
        write_jsonl(path, [rows[0], broken])
        with pytest.raises(UsageError, match=says) as caught:
            read_mirror(path)
        assert '"negative": 1' in str(caught.value.hint)


def test_a_line_for_no_negative_changes_nothing() -> None:
    made = [negative("q1", "d1", 1, own=" blanks "), negative("q1", "d1", 2)]
    lines = [OwnQuery("q1", "d2", 1, "no"), OwnQuery("q2", "", 1, "no"), OwnQuery("q1", "", 3, "no")]
    assert own_queries(made, lines) == {"q1/d1/1": "blanks"}
    assert own_queries(made) == {"q1/d1/1": "blanks"}


@pytest.fixture
def mixed(cli: Cli, tiny: Path) -> Path:
    """A mirror mix of the tiny data set: two of the three pairs have synthetic texts with queries."""
    write_jsonl(
        Path(".syneg/tiny/synthetic/default.jsonl"),
        [negative("q1", "d1", 1), negative("q1", "d1", 2), negative("q2", "d3", 1), negative("q4", "d2", 1)],
    )
    write_jsonl(
        Path("own.jsonl"),
        [
            {"query_id": "q1", "negative": 1, "query": "own query of q1's first"},
            {"query_id": "q1", "negative": 2, "query": "own query of q1's second"},
            {"query_id": "q2", "negative": 1, "query": "own query of q2's"},
        ],
    )
    Path("syneg.toml").write_text("[mine]\nminers = ['random']\n[dataset]\ndev_fraction = 0\n")
    assert cli("mine", tiny, "--depth", 2).code == 0
    result = cli("mix", tiny, "--strategy", "mirror", "--mirror", "own.jsonl", "-k", 1, "--preview", 1)
    assert result.code == 0, result.err
    assert "3 mirrored pairs" in result.out
    assert "own query of q1's second" in result.out
    assert "text q1 1" in result.out
    return Path(".syneg/tiny/mixed/mirror.jsonl")


def test_mirror_through_the_cli_and_into_a_batch(mixed: Path, tiny: Path, tmp_path: Path) -> None:
    instances = read_instances(mixed)
    assert [i.query_id for i in instances] == [
        "q1",
        "mirror:q1/d1/1",
        "mirror:q1/d1/2",
        "q2",
        "mirror:q2/d3/1",
        "q4",
    ]
    manifest = read_manifest(mixed)
    assert manifest is not None
    data = load_dataset(str(tiny), cache=tmp_path / "cache", dev_fraction=0)
    seen: list[list[str]] = []

    def tokenise(texts: list[str], task: str) -> dict[str, object]:
        seen.append(texts)
        return {}

    collate = Collator(families(instances), data, read_texts(manifest, data), tokenise)  # type: ignore[arg-type]
    collate([{"family": 0}])
    queries, documents = seen
    assert queries == [data.queries["q1"].text, "own query of q1's first", "own query of q1's second"]
    assert documents[0] == data.corpus["d1"].full_text
    assert documents[-2:] == ["text q1 1", "text q1 2"]


@pytest.mark.slow
def test_a_mirror_trains_and_a_batch_counts_families(
    mixed: Path, cli: Cli, tiny: Path, tiny_model: Path
) -> None:
    arguments = ["--backbone", tiny_model, "--mixed", "mirror", "--epochs", 1, "--batch-size", 2, "--json"]
    trained = cli("train", tiny, *arguments)
    assert trained.code == 0, trained.err
    assert trained.json["steps"] == 2, "three families, two a step"


def test_queries_without_a_file_ask_for_one(mixed: Path, cli: Cli, tiny: Path) -> None:
    before = mixed.read_bytes()
    result = cli("mix", tiny, "--strategy", "mirror")
    assert result.code == 2
    assert "--mirror FILE" in result.err
    assert cli("mix", tiny, "--strategy", "mirror", "--mirror", "gone.jsonl").code == 2
    assert mixed.read_bytes() == before


def test_a_changed_mirror_file_is_not_trained_on(mixed: Path, cli: Cli, tiny: Path, tiny_model: Path) -> None:
    Path("own.jsonl").write_text('{"query_id": "q1", "negative": 1, "query": "another"}\n')
    result = cli("train", tiny, "--backbone", tiny_model, "--mixed", "mirror")
    assert result.code == 2
    assert "syneg mix" in result.err


@pytest.mark.slow
@pytest.mark.shared
def test_scifact_from_one_command(cli: Cli, shared: Path) -> None:
    place = ["--data-dir", shared / "data"]
    llm = f"replay:{shared / 'recorded' / 'scifact-train.jsonl'}"
    assert cli("generate", "scifact", *place, "--llm", llm).code == 0
    arguments = [
        "--strategy",
        "mirror",
        "--mirror",
        shared / "recorded" / "scifact-mirror.jsonl",
        "-k",
        0,
        "--json",
    ]
    result = cli("mix", "scifact", *place, *arguments)
    assert result.code == 0, result.err
    dropped = 1618 - int(str(result.json["mirrored"]))
    assert 0 <= dropped < 200, "of 1 618 negatives some are of dev queries, some are not usable"
