"""What is imported loads where BEIR folders load: beir, sentence-transformers, mteb."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.data.imports.conftest import LONG, write

TEXTS = {"vitamin.md": "Vitamin D and bone.", "sleep.md": "Sleep and memory.", "aspirin.txt": "Aspirin dose."}


@pytest.fixture
def folder(cli: Cli) -> Path:
    """A data set of documents, a long one among them, with queries and judgements."""
    docs = write(Path("docs"), long_txt=LONG)
    for name, text in TEXTS.items():
        (docs / name).write_text(text)
    write(Path(), queries_tsv="q1\tvitamin D\nq2\tsleep\n", test_tsv="q1\tvitamin.md\t1\nq2\tsleep.md\t2\n")
    result = cli("import", docs, "--queries", "queries.tsv", "--qrels", "test.tsv", "--tokens", 64)
    assert result.code == 0, result.err
    return Path("docs-data")


def loaded(folder: Path) -> Any:
    from beir.datasets.data_loader import GenericDataLoader

    return GenericDataLoader(str(folder)).load(split="test")


def test_in_beir(folder: Path) -> None:
    corpus, queries, qrels = loaded(folder)
    assert {key: corpus[key]["text"] for key in TEXTS} == TEXTS
    assert len(corpus) > len(TEXTS)
    assert queries == {"q1": "vitamin D", "q2": "sleep"}
    assert qrels == {"q1": {"vitamin.md": 1}, "q2": {"sleep.md": 2}}


def test_in_sentence_transformers(folder: Path, tiny_model: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    corpus, queries, qrels = loaded(folder)
    texts: dict[str, Any] = {
        key: f"{document['title']} {document['text']}" for key, document in corpus.items()
    }
    relevant = {query: set(grades) for query, grades in qrels.items()}
    evaluator = InformationRetrievalEvaluator(queries, texts, relevant, write_csv=False)
    found = evaluator(SentenceTransformer(str(tiny_model), device="cpu"))
    assert 0 < found["cosine_ndcg@10"] <= 1


def test_in_syneg(folder: Path, tiny_model: Path, cli: Cli) -> None:
    result = cli("eval", folder, "--backbone", tiny_model, "--json")
    assert result.code == 0, result.err
    assert result.json["queries"] == 2


@pytest.mark.skipif(find_spec("mteb") is None, reason="mteb is not installed")
def test_in_mteb(folder: Path, tiny_model: Path) -> None:
    """As a task of one's own; mteb reads the hub, so the texts are given to it."""
    import mteb
    from datasets import Dataset
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    corpus, queries, qrels = loaded(folder)

    class Imported(AbsTaskRetrieval):  # type: ignore[misc]
        metadata = TaskMetadata(
            name="Imported",
            description="A folder that was imported.",
            dataset={"path": "local/imported", "revision": "1"},
            type="Retrieval",
            category="t2t",
            eval_splits=["test"],
            eval_langs=["eng-Latn"],
            main_score="ndcg_at_10",
        )

        def load_data(self, *given: Any, **more: Any) -> None:
            documents = [{"id": key, **document} for key, document in corpus.items()]
            asked = [{"id": key, "text": text} for key, text in queries.items()]
            split = {"corpus": Dataset.from_list(documents), "queries": Dataset.from_list(asked)}
            self.dataset = {"default": {"test": {**split, "relevant_docs": qrels, "top_ranked": None}}}
            self.data_loaded = True

    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(tiny_model), device="cpu")
    result = mteb.evaluate(model, Imported(), cache=None)
    assert 0 < json.loads(result.task_results[0].model_dump_json())["scores"]["test"][0]["ndcg_at_10"] <= 1
