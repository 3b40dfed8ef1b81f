"""Document expansion: LLM-written queries in the vectors of their documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer

import syneg_cli as syneg
from syneg_cli.core import Manifest, SyntheticQuery, UsageError, write_manifest, write_synthetic_queries
from syneg_cli.encoding import exact, similarities
from syneg_cli.evaluation.expansion import Expanded, Expansion, expanded
from syneg_cli.evaluation.searching import Search
from tests.conftest import DOCS, QUERIES, Cli, write_dataset
from tests.evaluation.searching import trained_and_apart

SHARE = 0.5
IN_INDEX = ("--expansion", SHARE)
WRITTEN = [
    SyntheticQuery("d5", 1, "does sleeping improve recall", "query", "x", ""),
    SyntheticQuery("d5", 2, "learning word lists overnight", "query", "x", ""),
    SyntheticQuery("d1", 1, "supplements against brittle bones", "query", "x", ""),
    SyntheticQuery("d4", 1, "nothing that counts", "query", "x", "", status="dropped", reason="too long"),
    SyntheticQuery("d3", 1, "a rewording", "query", "x", "", rewrites="q2"),
    SyntheticQuery("gone", 1, "of no document", "query", "x", ""),
]
FEW = [(f"d{number}", 1) for number in range(1, 7)]


def vectors(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, dtype=np.float32)


def write_queries(written: list[SyntheticQuery] = WRITTEN, name: str = "default") -> Path:
    path = Path(f".syneg/tiny/queries/{name}.jsonl")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_synthetic_queries(path, written)
    return path


def test_the_direction_is_between_both_and_the_length_is_the_documents() -> None:
    document, query = vectors((2, 0)), vectors((0, 7))
    half = 2 * 0.5**0.5
    assert expanded(document, query, 0.5) == pytest.approx(vectors((half, half)), abs=1e-6)
    assert expanded(document, query, 0.0) == pytest.approx(document)
    assert expanded(document, query, 1.0) == pytest.approx(vectors((0, 2)))
    quarter = vectors((0.75, 0.25)) / np.hypot(0.75, 0.25) * 2
    assert expanded(document, query, 0.25) == pytest.approx(quarter, abs=1e-6)
    assert expanded(vectors((0, 0)), query, 0.5) == pytest.approx(vectors((0, 0))), "an empty document stays"


@given(st.integers(0, 99), st.lists(st.integers(0, 8), max_size=12), st.integers(1, 12), st.floats(0, 1))
def test_slices_are_what_documents_are_one_by_one(
    seed: int, rows: list[int], block: int, share: float
) -> None:
    draw = np.random.default_rng(seed)
    documents, rows = draw.normal(size=(9, 4)).astype(np.float32), sorted(rows)
    queries = draw.normal(size=(len(rows), 4)).astype(np.float32)
    found = Expanded(documents, rows, queries, share)
    expected = documents.copy()
    for row in set(rows):
        own = queries[[place for place, one in enumerate(rows) if one == row]]
        mean = (own / np.linalg.norm(own, axis=1, keepdims=True)).mean(axis=0, keepdims=True)
        expected[row] = expanded(documents[row : row + 1], mean, share)
    parts = [found[start : start + block] for start in range(0, len(found), block)]
    assert np.concatenate(parts) == pytest.approx(expected, abs=1e-5)
    asked = draw.normal(size=(3, 4)).astype(np.float32)
    assert similarities(asked, found, block=block) == pytest.approx(asked @ expected.T, abs=1e-4)
    assert exact(asked, found, 9, block=block)[0] == pytest.approx(-np.sort(-asked @ expected.T), abs=1e-4)


def test_eval_searches_an_index_with_them(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    """Against sentence-transformers' vectors, put together by hand."""
    write_queries()
    asked = ("eval", tiny, "--backbone", tiny_model, "--precision", "fp32")
    found: Any = cli(*asked, *IN_INDEX, "--json").json
    model = SentenceTransformer(str(tiny_model))
    data = syneg.load_dataset(str(tiny))

    def unit(vector: Any) -> Any:
        return vector / np.linalg.norm(vector)

    for line in Path(found["run"]).read_text(encoding="utf-8").splitlines():
        query_id, _, doc_id, _, score, _ = line.split()
        document = unit(model.encode_document(data.corpus[doc_id].full_text))
        own = [q.text for q in WRITTEN if q.doc_id == doc_id and q.status == "ok" and not q.rewrites]
        if own:
            mean = np.mean([unit(model.encode_query(text)) for text in own], axis=0)
            document = unit((1 - SHARE) * document + SHARE * unit(mean))
        near = float(unit(model.encode_query(QUERIES[query_id])) @ document)
        assert float(score) == pytest.approx(near, abs=1e-5), (query_id, doc_id)
    assert found["name"] == f"{tiny_model.name}+queriesx0.5"
    assert (found["expansion"], found["expanded"]) == (SHARE, pytest.approx(2 / 6))
    library = syneg.evaluate(str(tiny_model), data, precision="fp32", queries=WRITTEN, expansion=SHARE)
    assert library.metrics == pytest.approx(found["metrics"])
    assert library.name.endswith("+queriesx0.5")
    said = (
        "Document expansion: LLM-written queries are 0.5 of their document's vector. Of the documents 33.3% "
    )
    assert library.told_of_search == f"{said}have such queries."
    assert library.told_of_search in str(library)


def test_what_is_said_of_it(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    write_queries()
    shown = cli("eval", tiny, "--backbone", tiny_model, *IN_INDEX)
    assert "3 LLM-written queries in the vectors of 2 of 6 documents" in shown.err
    assert "4 documents have no LLM-written query" in shown.err
    assert "syneg queries --judged" in shown.err
    assert "Document expansion: LLM-written queries are 0.5" in shown.out
    write_queries([SyntheticQuery(doc_id, 1, f"what of {doc_id}", "query", "x", "") for doc_id, _ in FEW])
    again = cli("eval", tiny, "--backbone", tiny_model, *IN_INDEX)
    assert "in the vectors of 6 of 6 documents" in again.err, "other queries are measured again"
    assert "no LLM-written query" not in again.err
    assert "Of the documents" not in again.out


@pytest.mark.parametrize(("command", "weight"), [("eval", 0), ("mine", 1)])
def test_queries_of_other_documents_are_warned_of(
    cli: Cli, tiny: Path, tiny_model: Path, command: str, weight: float
) -> None:
    """After an edit, `guide.md#3` may be another text than the one that the query was written for."""
    path = write_queries()
    using = ("--backbone", tiny_model, *(IN_INDEX if command == "eval" else ("--synthetic-queries", weight)))
    data = syneg.load_dataset(str(tiny))
    said = "was written for other documents than tiny has now"
    for corpus, warned in ((data.corpus.fingerprint, 0), ("0" * 64, 1)):
        write_manifest(path, Manifest("queries", {"corpus": corpus}, {}))
        shown = cli(command, tiny, *using)
        assert shown.code == 0, shown.err
        assert shown.err.count(said) == warned, shown.err
    assert "Run `syneg queries" in shown.err


def test_both_are_kept_and_compared(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    write_queries()
    asked = ("eval", tiny, "--backbone", tiny_model)
    alone = cli(*asked, "--json").json
    both: Any = cli(*asked, *IN_INDEX, "--baseline", "alone", "--json").json
    assert alone["name"] == both["baseline"]["name"] == tiny_model.name
    assert both["baseline"]["metrics"] == alone["metrics"]
    assert both["comparison"]["ndcg@10"]["queries"] == 1
    shown = cli(*asked, *IN_INDEX, "--baseline", "alone")
    assert shown.err.count("up to date") == 2
    assert f"{tiny_model.name}+queriesx0.5 against {tiny_model.name}" in shown.out
    hybrid: Any = cli(*asked, *IN_INDEX, "--lexical", 0.5, "--baseline", "alone", "--json").json
    assert hybrid["name"] == f"{tiny_model.name}+queriesx0.5+bm25x0.5"
    assert hybrid["baseline"]["name"] == tiny_model.name
    Path("other").symlink_to(tiny_model)
    backbone: Any = cli("eval", tiny, "--model", "other", "--backbone", tiny_model, *IN_INDEX, "--json").json
    assert backbone["baseline"]["name"].endswith("+queriesx0.5"), "a backbone is searched as the model is"
    assert backbone["baseline"]["metrics"] == backbone["metrics"]


def test_alone_needs_something_to_be_without(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    write_queries()
    refused = cli("eval", tiny, "--backbone", tiny_model, "--baseline", "alone")
    assert refused.code == 2
    assert "neither is given" in refused.err
    both = cli("eval", tiny, "--model", "bm25", "--model", tiny_model, "--baseline", "alone", *IN_INDEX)
    assert both.code == 0, both.err
    assert "bm25 is the baseline itself" in both.err


def test_there_have_to_be_queries(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    asked = ("eval", tiny, "--backbone", tiny_model, *IN_INDEX)
    refused = cli(*asked)
    assert refused.code == 2
    assert "no LLM-written queries 'default' for tiny" in refused.err
    assert "syneg queries" in refused.err
    write_queries(WRITTEN[3:])
    refused = cli(*asked)
    assert refused.code == 2
    assert "No LLM-written query is kept and of a document of tiny" in refused.err
    write_queries(name="mine")
    assert "--set queries.name=NAME" in cli(*asked, "--set", "queries.name=others").err
    assert cli(*asked, "--set", "queries.name=mine").code == 0


def test_a_query_that_is_asked_is_not_in_the_index(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    same = SyntheticQuery("d6", 1, QUERIES["q3"].upper() + " ", "query", "x", "")
    write_queries([*WRITTEN, same])
    found = cli("eval", tiny, "--backbone", tiny_model, *IN_INDEX)
    assert "1 LLM-written query is asked in test, too, and left out of the index" in found.err
    data = syneg.load_dataset(str(tiny))
    assert Expansion.of([*WRITTEN, same], data, "test", SHARE).documents == 2


def test_written_queries_are_not_measured_on_an_index_of_themselves(
    cli: Cli, tmp_path: Path, tiny_model: Path
) -> None:
    folder = write_dataset(tmp_path / "tiny", DOCS, QUERIES, {})
    for file in (folder / "qrels").iterdir():
        file.unlink()
    (folder / "qrels").rmdir()
    Path("r.jsonl").write_text(
        '{"doc_id": "d5", "query": "does rest help to recall words"}\n', encoding="utf-8"
    )
    run = ("run", folder, "--llm", "replay:r.jsonl", "--set", f"train.backbone={tiny_model}")
    refused = cli(*run, "--set", "eval.expansion=0.5")
    assert refused.code == 2
    assert "tiny has none: an LLM's would find themselves in the index" in refused.err
    assert not Path(".syneg/tiny/queries").exists(), "before any is written, and paid"
    write_queries([SyntheticQuery(doc_id, 1, f"what of {doc_id}", "query", "x", "") for doc_id, _ in FEW])
    asked = ("eval", folder, "--backbone", tiny_model, "--split", "dev")
    assert cli(*asked).code == 0
    refused = cli(*asked, *IN_INDEX)
    assert refused.code == 2
    assert "dev has such ones: they would find themselves" in refused.err


@pytest.mark.parametrize("share", ["-0.1", "1.5", "nan", "x"])
def test_a_share_that_is_none(cli: Cli, tiny: Path, tiny_model: Path, share: str) -> None:
    refused = cli("eval", tiny, "--backbone", tiny_model, f"--expansion={share}")
    assert refused.code == 2
    assert "expansion" in refused.err


def test_a_run_has_no_vectors(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    write_queries()
    run = cli("eval", tiny, "--backbone", tiny_model, "--json").json["run"]
    for systems in (("--run", run), ("--model", "bm25")):
        refused = cli("eval", tiny, *systems, *IN_INDEX)
        assert refused.code == 2
        assert "--expansion is what queries count in a model's vectors" in refused.err
    for more in ((), ("--model", "bm25")):
        shown = cli("eval", tiny, "--run", run, *more, "--baseline", tiny_model, *IN_INDEX)
        assert "Document expansion: LLM-written queries are 0.5" in shown.out, "what it is compared with has"
    data = syneg.load_dataset(str(tiny))
    with pytest.raises(UsageError, match="a run has none"):
        syneg.evaluate({"q3": {"d1": 1.0}}, data, expansion=SHARE, queries=WRITTEN)


def test_python_wants_both_or_none(tiny: Path, tiny_model: Path) -> None:
    data = syneg.load_dataset(str(tiny))
    for one in ({"expansion": SHARE}, {"queries": WRITTEN}):
        with pytest.raises(UsageError, match="goes with queries"):
            syneg.evaluate(str(tiny_model), data, **one)
    for some in (WRITTEN[0], WRITTEN[:1]):
        found = syneg.evaluate(str(tiny_model), data, expansion=SHARE, queries=some)  # type: ignore[arg-type]
        assert found.expanded == pytest.approx(1 / 6), "a single one counts, too"
    blank = SyntheticQuery("d6", 1, "  ", "query", "x", "")
    assert Expansion.of([*WRITTEN, blank], data, "test", SHARE).documents == 2
    with pytest.raises(UsageError, match="None is no LLM-written query"):
        syneg.evaluate(str(tiny_model), data, expansion=SHARE, queries=None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="is no LLM-written query"):
        syneg.evaluate(str(tiny_model), data, expansion=SHARE, queries=["text"])  # type: ignore[list-item]


def test_a_cross_encoder_reads_what_is_found_so(
    cli: Cli, tiny: Path, tiny_model: Path, tiny_cross_encoder: Path
) -> None:
    write_queries()
    rerank = ("--rerank", tiny_cross_encoder, "--depth", 2)
    found: Any = cli("eval", tiny, "--backbone", tiny_model, *rerank, *IN_INDEX, "--json").json
    assert "+queriesx0.5+" in found["name"]
    assert found["baseline"]["name"].endswith("+queriesx0.5")
    assert found["expansion"] == SHARE


def test_mteb_knows_it_as_a_system_of_its_own(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    asked = ("eval", tiny, "--model", tiny_model, "--baseline", "none", "--format", "mteb")
    for written in (WRITTEN, WRITTEN[:1]):
        write_queries(written)
        assert cli(*asked, *IN_INDEX).code == 0
    assert cli(*asked).code == 0
    files = list(Path("results").glob("*/*/tiny.json"))
    assert len({path.parent.name for path in files}) == 3, "a revision for each index"
    told = json.loads(next(path for path in files if "queriesx" in str(path)).read_text())
    assert any("Document expansion" in note for note in told["scores"]["test"][0]["notes"])


def test_neither_card_nor_page_takes_it_for_the_models_own(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    write_queries()
    page = trained_and_apart(
        cli,
        tiny,
        tiny_model,
        "expansion",
        SHARE,
        "+queriesx0.5",
        "Document expansion: LLM-written queries are 0.5",
    )
    path = write_queries(WRITTEN[:1])
    in_project = ("--set", f"eval.expansion={SHARE}")
    assert cli("report", *in_project).code == 0
    told = page.read_text(encoding="utf-8")
    assert "was measured before the data changed (LLM-written queries in the index)" in told
    assert "Document expansion" not in told
    path.unlink()
    assert cli("report", *in_project).code == 0, "what is gone cannot be compared"


@pytest.mark.parametrize(
    ("search", "name", "headline"),
    [
        (Search(), "m", ""),
        (Search(0.5), "m+queriesx0.5", "LLM-written queries in the index, 0.5"),
        (
            Search(0.25, 2),
            "m+queriesx0.25+bm25x2",
            "LLM-written queries in the index, 0.25; hybrid search, 2 x BM25",
        ),
    ],
)
def test_what_a_system_is_called(search: Search, name: str, headline: str) -> None:
    assert search.called("m") == name
    assert search.briefly == headline
    assert bool(search) == bool(headline)
