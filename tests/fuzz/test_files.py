"""Whatever a file holds, it is read or refused in one line that names it and says what to do.

The examples here are few; `FUZZ_EXAMPLES=100000` makes as many of each.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syneg_cli.core import SynegError
from syneg_cli.data import Dataset, load_dataset, read_known_run, run_lines
from syneg_cli.evaluation import score, without_itself
from syneg_cli.mixing import read_imported
from tests.conftest import write_dataset
from tests.fuzz.damage import IDS, NUMBERS, ODD, WORDS, cells, files, json_line

UNEXPECTED = re.compile(r"unexpected \w*(Error|Exception)")
"""How `main` begins to tell of what is nobody's input: a fault of ours."""

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
many = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)

ONE_IN_TEN = st.integers(0, 9).map(lambda number: number == 9)
"""Whether an example is tried as a command line, too, which takes most of the time."""

DOCUMENTS = files(json_line({"_id": IDS, "title": WORDS, "text": WORDS}))
QUERIES = files(json_line({"_id": IDS, "text": WORDS}))
QRELS = files(cells(IDS, IDS, NUMBERS) | cells(IDS, st.just("0"), IDS, NUMBERS))
QREL_ROWS = files(json_line({"query-id": IDS, "corpus-id": IDS, "score": st.integers(0, 2)}))
RUNS = files(cells(IDS, st.just("Q0"), IDS, st.just("1"), NUMBERS, st.just("tag")))
LISTS = st.lists(WORDS, max_size=3)
PASSAGES = st.lists(st.fixed_dictionaries({"title": WORDS, "text": WORDS}), max_size=2)
TRAINING = files(
    st.one_of(
        json_line(
            {"query": WORDS, "pos": LISTS, "neg": LISTS, "neg_scores": st.lists(st.floats(), max_size=3)}
        ),
        json_line({"query": WORDS, "positive_passages": PASSAGES, "negative_passages": PASSAGES}),
        json_line({"anchor": WORDS, "positive": WORDS, "negatives": LISTS}),
        json_line({"anchor": WORDS, "positive": WORDS, "negative": WORDS, "negative_2": WORDS}),
        json_line({"query": WORDS, "docs": LISTS, "labels": st.lists(st.integers(0, 1), max_size=3)}),
        json_line({"query": WORDS, "positive": WORDS, "negatives": LISTS, "negative_ids": LISTS}),
        ODD.map(str),
    )
)

pytestmark = pytest.mark.slow


@contextmanager
def in_one_line(folder: Path) -> Iterator[None]:
    """What is raised is syneg's own, names a place in the folder, and has a remedy."""
    raised = None
    try:
        yield
    except SynegError as error:
        raised = error
    if raised is not None:
        assert str(folder) in raised.message
        assert raised.hint, raised.message
        assert "\n" not in raised.message.strip()
        assert not UNEXPECTED.search(raised.message)
        assert len(raised.message) < 1000
        raised.message.encode()
    assert not list(folder.rglob("*.tmp")), "half-written"


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = write_dataset(
        tmp_path_factory.mktemp("fuzz") / "known",
        {"d1": ("", "a text"), "d2": ("t", "another text"), "q1": ("", "x"), "a b": ("", "y")},
        {"q1": "x", "q2": "a text", "a b": "z"},
        {"train": [("q1", "d1", 1)], "test": [("q2", "d2", 2), ("q1", "d2", 1), ("a b", "a b", 1)]},
    )
    return load_dataset(str(folder), cache=folder.parent / "cache", dev_fraction=0)


@many
@given(DOCUMENTS, QUERIES, QRELS, QREL_ROWS, st.sampled_from(["auto", "keep", "drop"]), st.integers(0, 7))
def test_beir_folders(
    documents: bytes, queries: bytes, qrels: bytes, rows: bytes, identical: str, whole: int
) -> None:
    """Some of the three files are right, so that faults of the others are met too."""
    with tempfile.TemporaryDirectory() as name:
        folder = write_dataset(
            Path(name) / "x",
            {"d1": ("", "a text"), "d2": ("t", "x"), "q1": ("", "x")},
            {"q1": "x", "q2": "y"},
            {"train": [("q1", "d1", 1)]},
        )
        if not whole & 1:
            (folder / "corpus.jsonl").write_bytes(documents)
        if not whole & 2:
            (folder / "queries.jsonl").write_bytes(queries)
        if not whole & 4:
            (folder / "qrels" / "test.tsv").write_bytes(qrels)
            (folder / "qrels" / "dev.jsonl").write_bytes(rows) if whole else None
        with in_one_line(folder):
            data = load_dataset(str(folder), cache=Path(name) / "cache", identical_ids=identical)
            for split in data.judgements:
                for query_id in data.qrels(split):
                    assert not data.itself(query_id) & data.qrels(split)[query_id].keys()
                    assert data.positives(query_id) <= data.excluded(query_id)
                [data.corpus[pair.doc_id] for pair in data.pairs(split)]
        assert not list((Path(name) / "cache").glob(".*")), "half-written"


@many
@given(RUNS)
def test_trec_runs(known: Dataset, run: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "run.trec"
        path.write_bytes(run)
        said: list[str] = []
        with in_one_line(path.parent):
            found = read_known_run(path, known, "test", said.append)
            kept, _ = without_itself(found, known)
            means = score(kept, known.qrels("test")).metrics
            assert all(0 <= value <= 1 for value in means.values())
            path.write_text("\n".join(run_lines(found, "tag")), encoding="utf-8", newline="\n")
            assert read_known_run(path, known, "test", said.append) == found


@many
@given(QRELS, QREL_ROWS, st.sampled_from(["test.tsv", "test.qrels", "validation.txt", "test.jsonl"]))
def test_qrels(qrels: bytes, rows: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = write_dataset(
            Path(root) / "x",
            {"d1": ("", "a"), "d2": ("", "b")},
            {"q1": "x", "q2": "y"},
            {"train": [("q1", "d1", 1)]},
        )
        (folder / "qrels" / name).write_bytes(rows if name.endswith("jsonl") else qrels)
        with in_one_line(folder):
            data = load_dataset(str(folder), cache=Path(root) / "cache", dev_fraction=0)
            assert all(
                isinstance(grade, int)
                for q in data.judgements.values()
                for g in q.values()
                for grade in g.values()
            )


@many
@given(TRAINING)
def test_training_files_of_other_tools(known: Dataset, training: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "train.jsonl"
        path.write_bytes(training)
        with in_one_line(path.parent):
            imported = read_imported(path, known)
            for text in (*imported.documents.values(), *imported.queries.values()):
                text.encode()
            for negative in imported.negatives:
                assert negative.doc_id not in known.excluded(negative.query_id)
