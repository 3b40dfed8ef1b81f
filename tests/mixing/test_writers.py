"""Training files of other tools: written as they read them, and read back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset as load_table

from syneg_cli.core.artifacts import read_manifest
from syneg_cli.core.errors import UsageError
from syneg_cli.core.files import write_jsonl
from syneg_cli.core.record_files import read_instances, write_instances
from syneg_cli.core.records import SYNTHETIC, NegativeRef, SyntheticNegative, TrainingInstance
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset
from syneg_cli.mixing.mirror import mirrored
from syneg_cli.mixing.readers import Row, read_rows, resolve
from syneg_cli.mixing.texts import Texts, texts_of
from syneg_cli.mixing.writers import FORMATS, TRIPLETS, export, rows
from tests.conftest import DOCS, QUERIES, Cli, write_dataset

WRITTEN = Texts(
    {"s1": "A written text.", "s2": "Another one."}, {"mirror:s1": "own one", "mirror:s2": "own two"}
)
INSTANCES = [
    TrainingInstance(
        "q1",
        "d1",
        (
            (NegativeRef("dense", "d2"), NegativeRef("bm25", "d6")),
            (NegativeRef("bm25", "d2"), NegativeRef("dense", "d3")),
        ),
        family="f",
    ),
    mirrored(NegativeRef(SYNTHETIC, "s1"), "f"),
    TrainingInstance("q2", "d3", ((NegativeRef(SYNTHETIC, "s2"),), ())),
    TrainingInstance("q4", "d2", ((), ())),
]


@pytest.fixture
def data(tiny: Path, tmp_path: Path) -> Dataset:
    return load_dataset(str(tiny), cache=tmp_path / "cache", dev_fraction=0)


def full(doc_id: str) -> str:
    return " ".join(DOCS[doc_id])


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_row_has_each_negative_once_and_the_family_s_documents(data: Dataset) -> None:
    made = list(rows(INSTANCES, data, WRITTEN))
    assert [[n.ref.id for n in row.negatives] for row in made] == [
        ["d2", "d6", "d3", "s1"],
        ["d1"],
        ["s2"],
        [],
    ]
    first_round = next(rows(INSTANCES, data, WRITTEN, rounds=1))
    assert [n.ref.id for n in first_round.negatives] == ["d2", "d6", "s1"]
    assert made[1].query == "own one"


def test_flagembedding(data: Dataset, tmp_path: Path) -> None:
    made = export(tmp_path / "f.jsonl", FORMATS["flagembedding"], rows(INSTANCES, data, WRITTEN))
    assert (made.rows, made.negatives, made.left_out) == (3, 6, 1)
    first = lines(tmp_path / "f.jsonl")[0]
    assert first == {
        "query": QUERIES["q1"],
        "pos": [full("d1")],
        "neg": [full("d2"), full("d6"), full("d3"), "A written text."],
    }


def test_tevatron(data: Dataset, tmp_path: Path) -> None:
    export(tmp_path / "t.jsonl", FORMATS["tevatron"], rows(INSTANCES, data, WRITTEN))
    second = lines(tmp_path / "t.jsonl")[1]
    assert second == {
        "query_id": "mirror:s1",
        "query": "own one",
        "positive_passages": [{"docid": "s1", "title": "", "text": "A written text."}],
        "negative_passages": [{"docid": "d1", "title": "", "text": full("d1")}],
    }, "a written text without a title: no title has a field of its own"
    titled = replace(WRITTEN, titles={"s1": "A", "s2": "Another"})
    export(tmp_path / "t.jsonl", FORMATS["tevatron"], rows(INSTANCES, data, titled))
    row = lines(tmp_path / "t.jsonl")[1]
    assert row["positive_passages"] == [{"docid": "s1", "title": "A", "text": "written text."}]
    assert row["negative_passages"] == [{"docid": "d1", "title": DOCS["d1"][0], "text": DOCS["d1"][1]}]


def test_mined_negatives_alone_keep_what_titles_there_are(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "half", DOCS | {"d2": ("", "No title.")})
    half = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)
    export(tmp_path / "t.jsonl", FORMATS["tevatron"], rows(INSTANCES[:1], half, Texts()))
    row: Any = lines(tmp_path / "t.jsonl")[0]
    assert [passage["title"] for passage in row["negative_passages"]] == ["", DOCS["d6"][0], DOCS["d3"][0]]


def passages(value: object) -> Iterator[tuple[str, ...]]:
    """Every passage of an exported row, by its fields."""
    if isinstance(value, str):
        yield (value,)
    elif isinstance(value, dict):
        yield value["title"], value["text"]
    elif isinstance(value, list):
        for one in value:
            yield from passages(one)


@pytest.mark.parametrize("form", [*FORMATS, "triplets"])
@pytest.mark.parametrize("corpus_titles", ["all", "some", "none"])
@pytest.mark.parametrize("written_titles", ["all", "some", "none"])
def test_no_format_tells_written_texts_by_their_fields(
    form: str, corpus_titles: str, written_titles: str, tmp_path: Path
) -> None:
    """With a separator behind titles, either all passages show one or none does."""
    has: dict[str, Callable[[int], bool]] = {
        "all": lambda number: True,
        "some": lambda number: number % 2 == 0,
        "none": lambda number: False,
    }
    docs = {f"d{i}": (f"T{i}" if has[corpus_titles](i) else "", f"  text {i}\n") for i in range(1, 7)}
    folder = write_dataset(tmp_path / "x", docs)
    data = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)
    written = [
        SyntheticNegative(
            "q1", "d1", i, f"T{i}" if has[written_titles](i) else "", f"written {i}", "p", "l", "k"
        )
        for i in (1, 2)
    ]
    drawn = (
        *(NegativeRef(SYNTHETIC, one.id) for one in written),
        NegativeRef("bm25", "d2"),
        NegativeRef("bm25", "d3"),
    )
    instance = TrainingInstance("q1", "d1", (drawn,))
    chosen = FORMATS.get(form, TRIPLETS)
    export(tmp_path / "e", chosen, rows([instance], data, texts_of(written)))
    if chosen.parquet:
        found = load_table(
            "parquet", data_files=str(tmp_path / "e"), split="train", cache_dir=str(tmp_path / "hf")
        )
        exported: list[Any] = [dict(row) for row in found]
    else:
        exported = lines(tmp_path / "e")
    fields = [
        passage
        for row in exported
        for key, value in row.items()
        if key.startswith(("pos", "neg")) and not key.endswith(("_id", "_ids"))
        for passage in passages(value)
    ]
    separated = [bool(passage[0]) for passage in fields if len(passage) == 2]
    assert len({len(passage) for passage in fields}) == 1
    assert len(set(separated)) <= 1
    assert all(separated) is (corpus_titles == written_titles == "all") or not separated
    assert all(part == part.strip() for passage in fields for part in passage)
    assert {" ".join(passage).strip() for passage in fields} == {
        " ".join(part.strip() for part in docs[doc_id]).strip() for doc_id in ("d1", "d2", "d3")
    } | {one.full_text for one in written}


@pytest.mark.parametrize("triplets", [False, True])
def test_sentence_transformers_trains_on_it(
    data: Dataset, tmp_path: Path, tiny_model: Path, triplets: bool
) -> None:
    """`datasets` loads one table, and the library's own loss takes its columns in their order."""
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
    from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    path = tmp_path / "st.jsonl"
    form = TRIPLETS if triplets else FORMATS["sentence-transformers"]
    export(path, form, rows(INSTANCES, data, WRITTEN, rounds=1))
    table = load_table("json", data_files=str(path), split="train", cache_dir=str(tmp_path / "hf"))
    numbered = ["negative"] if triplets else ["negative_1", "negative_2", "negative_3"]
    assert table.column_names == ["anchor", "positive", *numbered]
    assert len(table) == (5 if triplets else 3)
    assert all(isinstance(text, str) and text for row in table for text in row.values())
    model = SentenceTransformer(str(tiny_model), device="cpu")
    arguments = Arguments(
        output_dir=str(tmp_path / "out"), max_steps=1, report_to="none", use_cpu=True, save_strategy="no"
    )
    trainer = SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=table, loss=MultipleNegativesRankingLoss(model)
    )
    assert trainer.train().global_step == 1


def test_shorter_rows_are_filled_up_with_their_own_negatives(data: Dataset, tmp_path: Path) -> None:
    export(tmp_path / "st.jsonl", FORMATS["sentence-transformers"], rows(INSTANCES, data, WRITTEN, rounds=1))
    third = lines(tmp_path / "st.jsonl")[2]
    assert [third[f"negative_{i}"] for i in (1, 2, 3)] == ["Another one."] * 3


def test_parquet_keeps_everything(data: Dataset, tmp_path: Path) -> None:
    made = export(tmp_path / "p.parquet", FORMATS["parquet"], rows(INSTANCES, data, WRITTEN))
    assert (made.rows, made.left_out) == (4, 0)
    table = load_table(
        "parquet", data_files=str(tmp_path / "p.parquet"), split="train", cache_dir=str(tmp_path / "hf")
    )
    assert table[0]["negative_ids"] == ["d2", "d6", "d3", "s1"]
    assert table[0]["sources"] == ["dense", "bm25", "dense", "synthetic"]
    assert table[3]["negatives"] == []


@pytest.mark.parametrize("name", [*FORMATS, "triplets"])
def test_what_is_written_is_read_back(name: str, data: Dataset, tmp_path: Path) -> None:
    path = tmp_path / ("x.parquet" if name == "parquet" else "x.jsonl")
    form = TRIPLETS if name == "triplets" else FORMATS[name]
    given = [row for row in rows(INSTANCES, data, WRITTEN) if row.negatives]
    export(path, form, given)
    imported = resolve(read_rows(path), data)
    assert next((p.query_id, p.doc_id) for p in imported.pairs) == ("q1", "d1")
    assert len(imported.pairs) == 3
    found = {(n.query_id, n.doc_id) for n in imported.negatives}
    own = {text: name for name, text in imported.documents.items()}
    assert {("q1", "d2"), ("q1", "d6"), ("q1", "d3"), ("q1", own["A written text."])} <= found
    assert set(imported.queries.values()) == {"own one"}


def test_nothing_is_written_when_no_row_can_be(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No instance"):
        export(tmp_path / "f.jsonl", FORMATS["flagembedding"], rows(INSTANCES[3:], data, WRITTEN))
    assert not (tmp_path / "f.jsonl").exists()


BAD = [
    ("", "has no rows"),
    ("{", "line 1: not JSON"),
    ("[1]", "line 1: expected a JSON object"),
    ('{"a": 1}', "unknown fields a"),
    ('{"query": "q", "pos": []}', "line 1"),
    ('{"query": 3, "pos": ["x"]}', "line 1"),
    ('{"query": "q", "pos": ["x"], "neg": ["y", 4]}', "line 1"),
    ('{"query": "q", "positive_passages": [7]}', "line 1"),
    ('{"query": "q", "docs": ["a"], "labels": ["x"]}', "line 1"),
]


@pytest.mark.parametrize(("text", "said"), BAD)
def test_a_bad_file_is_one_clear_message(cli: Cli, tiny: Path, text: str, said: str) -> None:
    Path("mine.jsonl").write_text(text)
    result = cli("mix", tiny, "--from", "mine.jsonl", "--strategy", "retrieved")
    assert result.code == 2
    assert said in result.err
    assert "Traceback" not in result.err
    assert not Path(".syneg/tiny/mixed").exists()


def test_labelled_lists_are_read(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    path.write_text('{"query": "q", "docs": ["a", "b", "c"], "labels": [0, 1, 0]}\n')
    assert list(read_rows(path)) == [Row("q", ("b",), ("a", "c"))]


def test_scores_of_negatives_are_kept(tmp_path: Path, data: Dataset) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text('{"query": "q", "pos": ["a"], "neg": ["b", "c"], "neg_scores": [0.5, 0.25]}\n')
    assert [n.score for n in resolve(read_rows(path), data).negatives] == [0.5, 0.25]


def test_from_a_file_to_a_model(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    write_jsonl(
        Path("mine.jsonl"),
        [
            {
                "query": QUERIES["q1"],
                "pos": [full("d1"), "A better text."],
                "neg": [full("d2"), "a text of mine"],
            },
            {"query": "a query of mine", "pos": ["its text"], "neg": [full("d4")]},
        ],
    )
    mixed = cli("mix", tiny, "--from", "mine.jsonl", "--strategy", "retrieved", "-k", 2, "--preview", 3)
    assert mixed.code == 0, mixed.err
    assert "not in the corpus, and kept as texts: 3 texts" in mixed.out
    assert "a text of mine" in mixed.out
    arguments = ["--backbone", tiny_model, "--mixed", "retrieved", "--epochs", 1, "--json"]
    assert cli("train", tiny, *arguments).code == 0
    again = cli("export", tiny, "--mixed", "retrieved", "--output", "out.jsonl", "--json")
    assert again.code == 0, again.err
    assert again.json["rows"] == 3
    first = lines(Path("out.jsonl"))[0]
    assert first["pos"] == [full("d1")]
    negatives = first["neg"]
    assert isinstance(negatives, list)
    assert set(negatives) == {full("d2"), "a text of mine"}


def test_export_says_what_is_wrong(cli: Cli, tiny: Path) -> None:
    assert "Did you mean 'tevatron'" in cli("export", tiny, "--format", "tevtron", "--output", "x").err
    assert "syneg mix" in cli("export", tiny, "--output", "x").err
    assert "syneg mix" in cli("export", tiny).err, "first what is to be written, then where"
    assert cli("mine", tiny, "--miner", "random").code == 0
    assert cli("mix", tiny, "--strategy", "retrieved", "--miner", "random").code == 0
    assert "--output" in cli("export", tiny, "--mixed", "retrieved").err
    assert "sentence-transformers" in cli("export", tiny, "--triplets", "--output", "x").err
    assert not Path("x").exists()


def test_instances_of_every_kind_survive_the_disk(tmp_path: Path) -> None:
    write_instances(tmp_path / "i.jsonl", INSTANCES)
    assert read_instances(tmp_path / "i.jsonl") == INSTANCES
    assert "family" not in lines(tmp_path / "i.jsonl")[2]
    assert read_manifest(tmp_path / "i.jsonl") is None
