"""Document expansion by what people asked: the queries that train judges, alone and beside LLM-written ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

import syneg_cli as syneg
from syneg_cli.core import SyntheticQuery, UsageError
from syneg_cli.evaluation.expansion import Expansion
from tests.conftest import QUERIES, Cli, write_dataset
from tests.evaluation.test_expansion import SHARE, write_queries

DOCS = {f"d{number}": ("", f"text number {number} of the corpus") for number in range(1, 7)}
JUDGED = {
    "train": [("q1", "d1", 1), ("q2", "d3", 1), ("q2", "d1", 2), ("q4", "d2", 0)],
    "test": [("q3", "d1", 1), ("q3", "d5", 1)],
}
WRITTEN = [
    SyntheticQuery("d1", 1, "of a document that was asked for", "query", "x", ""),
    SyntheticQuery("d5", 1, "does sleeping improve recall", "query", "x", ""),
]
TEXTS = {
    "judged": {"d1": ["q1", "q2"], "d3": ["q2"]},
    "both": {"d1": ["q1", "q2"], "d3": ["q2"], "d5": [WRITTEN[1].text]},
}
JUDGED_ALONE = ("--expansion", SHARE, "--expansion-from", "judged")


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """A data set with a train document of two queries, one of grade 2, and a query that judges nothing relevant."""
    return write_dataset(tmp_path / "tiny", DOCS, QUERIES, JUDGED)


def unit(vector: Any) -> Any:
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("source", ["judged", "both"])
def test_what_is_in_the_vectors(cli: Cli, asked: Path, tiny_model: Path, source: str) -> None:
    """Against sentence-transformers' vectors, put together by hand."""
    write_queries(WRITTEN)
    eval_ = ("eval", asked, "--backbone", tiny_model, "--precision", "fp32")
    found: Any = cli(*eval_, "--expansion", SHARE, "--expansion-from", source, "--json").json
    model, data = SentenceTransformer(str(tiny_model)), syneg.load_dataset(str(asked))
    lines = Path(found["run"]).read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(DOCS)
    for line in lines:
        query_id, _, doc_id, _, score, _ = line.split()
        document = unit(model.encode_document(data.corpus[doc_id].full_text))
        if own := [QUERIES.get(one, one) for one in TEXTS[source].get(doc_id, [])]:
            mean = np.mean([unit(model.encode_query(text)) for text in own], axis=0)
            document = unit((1 - SHARE) * document + SHARE * unit(mean))
        near = float(unit(model.encode_query(QUERIES[query_id])) @ document)
        assert float(score) == pytest.approx(near, abs=1e-5), doc_id
    assert found["name"] == f"{tiny_model.name}+{source}x0.5"
    assert (found["expansion_from"], found["expanded"]) == (source, pytest.approx(len(TEXTS[source]) / 6))
    queries = WRITTEN if source == "both" else []
    how: dict[str, Any] = {"precision": "fp32", "expansion": SHARE, "expansion_from": source}
    library = syneg.evaluate(str(tiny_model), data, queries=queries, **how)
    assert library.metrics == pytest.approx(found["metrics"])
    assert library.name.endswith(f"+{source}x0.5")
    assert library.exposure is not None
    assert library.exposure.seen == ["q3"], "the index knows d1, which q3 asks for"


def test_what_is_said_of_it(cli: Cli, asked: Path, tiny_model: Path) -> None:
    shown = cli("eval", asked, "--backbone", tiny_model, *JUDGED_ALONE)
    assert shown.code == 0, shown.err
    assert "3 judged training queries in the vectors of 2 of 6 documents" in shown.err
    assert "may be found less easily" not in shown.err, "that few are judged is so everywhere"
    assert "Document expansion: judged training queries are 0.5 of their document's vector." in " ".join(
        shown.out.split()
    )
    name = f"{tiny_model.name}+judgedx0.5"
    knows = f"Judged queries in the index count as training: they, or {name}'s as far as recorded, know a positive"
    assert knows in " ".join(shown.out.split())
    write_queries(WRITTEN)
    both = cli("eval", asked, "--backbone", tiny_model, *JUDGED_ALONE[:-1], "both")
    assert "3 judged training queries and 1 LLM-written query in the vectors of 3 of 6" in both.err
    assert "3 documents have no query" in both.err
    assert both.err.count("`syneg queries` writes for them") == 1


@pytest.mark.parametrize("of_people", [True, False])
def test_what_is_to_be_done_where_documents_have_none(
    cli: Cli, asked: Path, tiny_model: Path, of_people: bool
) -> None:
    """The judged ones of documents for which none were written are there already; others are to be written."""
    for_whom = ("d2", "d4", "d6") if of_people else ("d1", "d3")
    write_queries([SyntheticQuery(doc_id, 1, f"asks for {doc_id}", "query", "x", "") for doc_id in for_whom])
    shown = cli("eval", asked, "--backbone", tiny_model, "--expansion", SHARE)
    assert shown.code == 0, shown.err
    said = " ".join(shown.err.split())
    if of_people:
        assert "3 documents have no LLM-written query" in said
        assert "people's training queries ask for 2 of them: --expansion-from both puts these into" in said
    else:
        assert "4 documents have no LLM-written query" in said
        assert "`syneg queries` writes for them" in said
        assert "both" not in said


def test_no_llm_is_needed_for_it(cli: Cli, asked: Path, tiny_model: Path) -> None:
    assert not Path(".syneg/tiny/queries").exists()
    assert cli("eval", asked, "--backbone", tiny_model, *JUDGED_ALONE).code == 0
    refused = cli("eval", asked, "--backbone", tiny_model, *JUDGED_ALONE[:-1], "both")
    assert refused.code == 2
    assert "no LLM-written queries 'default' for tiny" in refused.err


def test_each_source_is_measured_apart(cli: Cli, asked: Path, tiny_model: Path) -> None:
    write_queries(WRITTEN)
    eval_ = ("eval", asked, "--backbone", tiny_model, "--baseline", "none", "--format", "mteb")
    for source in ("written", "judged", "both"):
        assert cli(*eval_, "--expansion", SHARE, "--expansion-from", source).code == 0
        again = cli(*eval_, "--expansion", SHARE, "--expansion-from", source)
        assert "up to date" in again.err
    files = list(Path("results").glob("*/*/tiny.json"))
    assert len({path.parent.name for path in files}) == 3, "a revision for each index"
    told = next(path for path in files if "judgedx" in str(path)).read_text(encoding="utf-8")
    assert "judged training queries are 0.5" in json.dumps(json.loads(told))


def test_a_query_of_the_split_is_not_in_the_index(cli: Cli, tmp_path: Path, tiny_model: Path) -> None:
    same = {**QUERIES, "q1": QUERIES["q3"].upper() + "  "}
    folder = write_dataset(tmp_path / "tiny", DOCS, same, JUDGED)
    shown = cli("eval", folder, "--backbone", tiny_model, *JUDGED_ALONE)
    assert "1 judged query is asked in test, too, and left out of the index" in shown.err
    data = syneg.load_dataset(str(folder))
    found = Expansion.of((), data, "test", SHARE, "judged")
    assert found.texts == (QUERIES["q2"], QUERIES["q2"])
    assert (found.judged, found.known) == (2, 1)


def test_train_would_find_itself(cli: Cli, asked: Path, tiny_model: Path) -> None:
    refused = cli("eval", asked, "--backbone", tiny_model, *JUDGED_ALONE, "--split", "train")
    assert refused.code == 2
    assert "measured on train, they would find themselves" in refused.err


@pytest.mark.parametrize("more", [(), ("--expansion", 0)])
def test_which_queries_without_a_share(cli: Cli, asked: Path, tiny_model: Path, more: Any) -> None:
    refused = cli("eval", asked, "--backbone", tiny_model, "--expansion-from", "judged", *more)
    assert refused.code == 2
    assert "the share is 0" in refused.err
    with pytest.raises(UsageError, match="the share is 0"):
        syneg.evaluate(str(tiny_model), syneg.load_dataset(str(asked)), expansion_from="judged")
    how: dict[str, Any] = {"expansion": SHARE, "expansion_from": "judged"}
    with pytest.raises(UsageError, match="goes with queries"):
        syneg.evaluate(str(tiny_model), syneg.load_dataset(str(asked)), queries=WRITTEN, **how)


def test_a_project_file_may_say_which_before_there_is_a_share(
    cli: Cli, asked: Path, tiny_model: Path
) -> None:
    Path("syneg.toml").write_text('[eval]\nexpansion_from = "judged"\n', encoding="utf-8")
    found: Any = cli("eval", asked, "--backbone", tiny_model, "--json").json
    assert (found["name"], found["expansion_from"]) == (tiny_model.name, None)
    shared: Any = cli("eval", asked, "--backbone", tiny_model, "--expansion", SHARE, "--json").json
    assert shared["name"].endswith("+judgedx0.5")


def test_without_judged_queries_there_are_none(cli: Cli, tmp_path: Path, tiny_model: Path) -> None:
    folder = write_dataset(tmp_path / "tiny", DOCS, QUERIES, {"test": JUDGED["test"]})
    refused = cli("eval", folder, "--backbone", tiny_model, *JUDGED_ALONE)
    assert refused.code == 2
    assert "No training query of tiny is judged by people" in refused.err


def test_what_an_llm_wrote_for_training_is_nobodys_judgement(cli: Cli, asked: Path, tiny_model: Path) -> None:
    write_queries(WRITTEN)
    shown = cli("eval", asked, "--backbone", tiny_model, *JUDGED_ALONE, "--synthetic-queries", 1)
    assert shown.code == 0, shown.err
    assert "3 judged training queries in the vectors of 2 of 6 documents" in shown.err


def test_what_is_kept_apart_is_kept_out_of_the_index(asked: Path) -> None:
    data = syneg.load_dataset(str(asked), disjoint=True)
    found = Expansion.of((), data, "test", SHARE, "judged")
    assert [data.corpus.ids[row] for row in found.rows] == ["d3"], "d1 is a positive of test"


def test_a_trained_model_knows_both(cli: Cli, asked: Path, tiny_model: Path) -> None:
    """What an index holds of train as it is now, and what a model learned of train as it was."""
    train = ("train", asked, "--backbone", tiny_model, "--epochs", 1, "--output", "m")
    for before in (("mine", asked, "--backbone", tiny_model), ("mix", asked, "--strategy", "retrieved")):
        assert cli(*before).code == 0
    assert cli(*train, "--mixed", "retrieved").code == 0
    (asked / "qrels/train.tsv").write_text("query-id\tcorpus-id\tscore\nq4\td5\t1\n", encoding="utf-8")
    found: Any = cli("eval", asked, "--model", "m", *JUDGED_ALONE, "--baseline", "none", "--json").json
    alone: Any = cli("eval", asked, "--model", "m", "--baseline", "none", "--json").json
    assert alone["seen"]["seen_documents"] == 1, "d1, by training"
    assert found["seen"]["seen_documents"] == 2, "and d5, by the index"


def test_a_document_is_known_by_what_is_in_the_index(cli: Cli, tmp_path: Path, tiny_model: Path) -> None:
    """A judged query that test asks, too, tells the index nothing of its document."""
    same = {**QUERIES, "q1": QUERIES["q3"].upper()}
    test = [("q3", "d5", 1), ("q4", "d3", 1)]
    judged = {"train": [("q1", "d5", 1), ("q2", "d3", 1)], "test": test}
    folder = write_dataset(tmp_path / "tiny", DOCS, same, judged)
    measured = ("eval", folder, "--backbone", tiny_model, *JUDGED_ALONE, "--json")
    found: Any = cli(*measured).json
    assert set(found["seen"]["parts"]) == {"seen", "unseen"}
    assert found["seen"]["seen_documents"] == 1, "d3 alone"
    library = syneg.evaluate(
        str(tiny_model), syneg.load_dataset(str(folder)), expansion=SHARE, expansion_from="judged"
    )
    assert library.exposure is not None
    assert (library.exposure.seen, library.exposure.unseen) == (["q4"], ["q3"])
    write_dataset(folder, DOCS, same, {**judged, "train": [("q1", "d6", 1), ("q2", "d3", 1)]})
    again: Any = cli(*measured)
    assert "up to date" in again.err, "the index is the same"
    assert again.json["seen"] == found["seen"]


def test_its_document_has_what_an_llm_wrote(cli: Cli, tmp_path: Path, tiny_model: Path) -> None:
    same = {**QUERIES, "q1": QUERIES["q3"]}
    judged = {"train": [("q1", "d5", 1), ("q2", "d3", 1)], "test": JUDGED["test"]}
    data = syneg.load_dataset(str(write_dataset(tmp_path / "tiny", DOCS, same, judged)))
    found = Expansion.of(WRITTEN, data, "test", SHARE, "both")
    assert [data.corpus.ids[row] for row in found.rows] == ["d1", "d3", "d5"]
    assert found.texts == (WRITTEN[0].text, QUERIES["q2"], WRITTEN[1].text)
    assert [(pair.query_id, pair.doc_id) for pair in found.pairs] == [("q2", "d3")]


def test_both_are_not_what_an_llm_wrote_alone(cli: Cli, tmp_path: Path, tiny_model: Path) -> None:
    """`both` says of a ranking that people's queries are in the index."""
    write_queries(WRITTEN)
    both = (*JUDGED_ALONE[:-1], "both")
    folder = write_dataset(tmp_path / "tiny", DOCS, QUERIES, {"test": JUDGED["test"]})
    refused = cli("eval", folder, "--backbone", tiny_model, *both)
    assert refused.code == 2
    assert "No training query of tiny is judged by people" in refused.err
    same = {**QUERIES, "q1": QUERIES["q3"]}
    only = {"train": [("q1", "d5", 1)], "test": JUDGED["test"]}
    folder = write_dataset(tmp_path / "tiny", DOCS, same, only)
    refused = cli("eval", folder, "--backbone", tiny_model, *both)
    assert refused.code == 2
    assert "is judged by people and not asked in test" in refused.err


def test_judged_alone_puts_no_llms_queries_there(cli: Cli, tmp_path: Path, tiny_model: Path) -> None:
    """What is wrong with dev of LLM-written queries is that people judged none."""
    write_queries(
        [SyntheticQuery(f"d{n}", k, f"query {n} {k}", "query", "x", "") for n in (1, 2) for k in (1, 2)]
    )
    folder = write_dataset(tmp_path / "tiny", DOCS, QUERIES, {"test": JUDGED["test"]})
    refused = cli("eval", folder, "--backbone", tiny_model, *JUDGED_ALONE, "--split", "dev")
    assert refused.code == 2
    assert "No training query of tiny is judged by people" in refused.err


def test_a_written_query_that_people_ask_by_now_is_a_judged_one(
    cli: Cli, asked: Path, tiny_model: Path
) -> None:
    """The vectors are the same, and what the index knows of people is not."""
    write_queries(WRITTEN)
    both = ("eval", asked, "--backbone", tiny_model, *JUDGED_ALONE[:-1], "both", "--json")
    file, train = asked / "queries.jsonl", asked / "qrels/train.tsv"
    query = json.dumps({"_id": "q9", "text": WRITTEN[1].text})
    file.write_text(file.read_text(encoding="utf-8") + query + "\n", encoding="utf-8")
    before: Any = cli(*both).json
    train.write_text(train.read_text(encoding="utf-8") + "q9\td5\t1\n", encoding="utf-8")
    now: Any = cli(*both).json
    assert now["metrics"] == before["metrics"]
    assert before["seen"]["seen_documents"] == 1, "d1"
    assert now["seen"]["seen_documents"] == 2, "and d5"
