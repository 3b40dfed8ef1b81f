"""False negatives found by a judge, by similarity and by a cross-encoder, and what becomes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from syneg_cli.core.artifacts import Manifest, read_manifest, write_manifest
from syneg_cli.core.files import write_jsonl
from syneg_cli.core.record_files import read_mined, read_synthetic
from syneg_cli.core.records import MinedNegative, SyntheticNegative
from syneg_cli.generation.prompt_files import load_prompt
from syneg_cli.llm.cache import Cache
from syneg_cli.verification.verify import (
    Verdict,
    candidate_of,
    judge,
    judged,
    margin,
    read_verdict,
    unverified,
)
from tests.conftest import Cli
from tests.fakes import FakeLLM, make_engine, open_tiny
from tests.servers import Body, ChatServer, Reply, prompt_of

DOCUMENT = "Vitamin D supplements raise bone density.\nIn older women."
WRITTEN = SyntheticNegative("q1", "d1", 1, "Title", "Bone mass rose with vitamin D.", "syneg", "fake:f", "k")
MINED = MinedNegative("q1", "d2", "bm25", 1, 3.5)


def verdict_json(relevant: object, evidence: str = "") -> str:
    return json.dumps({"reasoning": "r", "evidence": evidence, "relevant": relevant})


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (verdict_json(False), False),
        (verdict_json(True, "raise bone density. In older women"), True),
        (verdict_json(True, '"Vitamin D ... IN OLDER WOMEN."'), True),
        (verdict_json("yes", "bone density"), True),
        (verdict_json(True, "cures everything"), False),
        (verdict_json(True, ""), False),
        (verdict_json("perhaps"), None),
        ("I cannot say", None),
    ],
)
def test_a_verdict_needs_evidence_that_is_in_the_document(response: str, expected: bool | None) -> None:
    verdict = read_verdict(response, DOCUMENT)
    assert (verdict.relevant if verdict else None) is expected


def test_the_judge_sees_query_document_and_relevance(tiny: Path, tmp_path: Path) -> None:
    llm, dataset = FakeLLM(), open_tiny(tiny)
    llm.enqueue(verdict_json(True, "bone mass rose"), verdict_json(False))
    candidates = [candidate_of(WRITTEN, dataset), candidate_of(MINED, dataset)]
    for _ in range(2):
        with Cache(tmp_path / "g.db") as cache:
            engine = make_engine(llm, cache)
            engine.gate.most = 1
            found = judge(engine, load_prompt("judge"), dataset)(candidates)
        assert sorted(v.relevant for v in found if v) == [False, True]
    assert len(llm.asked) == 2, "the second time everything came from the cache"
    assert all(dataset.relevance in request.messages[0][1] for request in llm.asked)
    assert all(request.temperature == 0 for request in llm.asked)


class Vectors:
    """An encoder whose vectors the test writes down."""

    def __init__(self, vectors: dict[str, list[float]]) -> None:
        self.vectors = vectors

    def encode_queries(self, texts: list[str], progress: object = None) -> np.ndarray:
        return np.array([[1.0, 0.0] for _ in texts])

    def encode_texts(self, texts: list[str], progress: object = None) -> np.ndarray:
        return np.array([self.vectors[text] for text in texts])


def test_the_margin_is_taken_from_the_lowest_positive(tiny: Path) -> None:
    dataset = open_tiny(tiny)
    candidates = [candidate_of(WRITTEN, dataset), candidate_of(MINED, dataset)]
    candidates[1] = replace(candidates[1], positives=("d1", "d3"))
    vectors = {
        dataset.corpus["d1"].full_text: [0.8, 0.0],
        dataset.corpus["d3"].full_text: [0.6, 0.0],
        WRITTEN.full_text: [0.74, 0.0],
        dataset.corpus["d2"].full_text: [0.74, 0.0],
    }
    written, mined = margin(Vectors(vectors), dataset, margin=0.05)(candidates)  # type: ignore[arg-type]
    assert written is not None
    assert mined is not None
    assert (written.relevant, mined.relevant) == (False, True)
    assert written.score == pytest.approx(-0.06)
    assert mined.score == pytest.approx(0.14)


def test_effects_and_agreement() -> None:
    yes, no = Verdict(True, 1.0), Verdict(False, -0.2)
    both = {"judge": yes, "margin": no}
    assert judged(MINED, both, "drop").status == "dropped"
    assert judged(MINED, both, "drop").reason == "verify: relevant by judge"
    assert judged(MINED, both, "drop").scores == {"judge": 1.0, "margin": -0.2}
    assert judged(WRITTEN, both, "relabel").status == "positive"
    assert judged(WRITTEN, both, "mark").status == "ok"
    assert judged(WRITTEN, both, "drop", all_agree=True).status == "ok"
    assert judged(WRITTEN, {"judge": yes, "margin": None}, "drop", all_agree=True).status == "dropped"
    assert judged(WRITTEN, {"judge": None}, "drop").status == "ok"


def test_verifying_starts_anew_and_leaves_other_drops_alone() -> None:
    dropped = judged(MINED, {"judge": Verdict(True, 1.0)}, "drop")
    assert unverified(dropped).status == "ok"
    copy = replace(WRITTEN, status="dropped", reason="copy of the positive")
    assert unverified(copy) == copy


@pytest.fixture
def work(cli: Cli) -> Path:
    folder = Path(".syneg/tiny")
    written = [
        WRITTEN,
        replace(WRITTEN, index=2, text="Calcium."),
        replace(WRITTEN, index=3, status="dropped", reason="empty"),
    ]
    write_jsonl(folder / "synthetic/default.jsonl", written)
    write_manifest(folder / "synthetic/default.jsonl", Manifest("generate", {"a": "1"}, {"n": 2}))
    write_jsonl(folder / "mined/bm25.jsonl", [MINED, replace(MINED, doc_id="d5", rank=2)])
    return folder


def respond(body: Body, number: int) -> Reply:
    document = prompt_of(body).split("<document>")[1].split("</document>")[0]
    evidence = next((e for e in ("Bone mass rose", "no effect on mood") if e in document), "")
    return Reply(text=verdict_json(bool(evidence), evidence))


def test_the_command(cli: Cli, tiny: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(respond) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        result = cli("verify", tiny, "--llm", "ollama:llama3", "--json")
        assert result.code == 0, result.err
        assert result.json["checked"] == {"synthetic": 2, "bm25": 2}
        assert result.json["false_negatives"] == {"synthetic": 1, "bm25": 1}
        statuses = [n.status for n in read_synthetic(work / "synthetic/default.jsonl")]
        assert statuses == ["dropped", "ok", "dropped"]
        assert [n.status for n in read_mined(work / "mined/bm25.jsonl")] == ["dropped", "ok"]
        manifest = read_manifest(work / "synthetic/default.jsonl")
        assert manifest is not None
        assert manifest.settings == {"n": 2}
        assert manifest.counts["verified"]["status"] == {"dropped": 2, "ok": 1}
        shown = cli("verify", tiny, "--llm", "ollama:llama3", "--effect", "relabel", "--source", "bm25")
        assert "1 of 2" not in shown.err
        assert "50.0%" in shown.out
        assert "no effect on mood" in shown.out
        assert [n.status for n in read_mined(work / "mined/bm25.jsonl")] == ["positive", "ok"]
        assert len(server.requests) == 4, "the second run cost nothing"


def test_the_margin_check_runs_with_a_real_encoder(
    cli: Cli, tiny: Path, work: Path, tiny_model: Path
) -> None:
    result = cli("verify", tiny, "--check", "margin", "--backbone", tiny_model, "--effect", "mark", "--json")
    assert result.code == 0, result.err
    assert all("margin" in n.scores for n in read_mined(work / "mined/bm25.jsonl"))


def test_the_cross_encoder_check_compares_with_the_positive(
    cli: Cli, tiny: Path, work: Path, tiny_cross_encoder: Path
) -> None:
    from sentence_transformers import CrossEncoder

    options = ["--check", "cross-encoder", "--cross-encoder", tiny_cross_encoder, "--effect", "mark"]
    result = cli("verify", tiny, *options, "--json")
    assert result.code == 0, result.err
    data = open_tiny(tiny)
    scorer = CrossEncoder(str(tiny_cross_encoder))
    for negative in read_mined(work / "mined/bm25.jsonl"):
        query = data.queries[negative.query_id].text
        lowest = min(data.positives(negative.query_id))
        texts = [data.corpus[negative.doc_id].full_text, data.corpus[lowest].full_text]
        ours, positive = scorer.predict([(query, text) for text in texts], show_progress_bar=False)
        assert negative.scores["cross-encoder"] == pytest.approx(float(ours - positive), abs=1e-5)
    nowhere = cli("verify", tiny, "--check", "cross-encoder", "--cross-encoder", "./nowhere")
    assert nowhere.code == 2
    assert "cannot be loaded" in nowhere.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--check", "juge"), "Did you mean 'judge'"),
        (("--check", "cross-encoder"), "needs a model"),
        (("--source", "dense"), "no dense for tiny"),
        ((), "no LLM is named"),
    ],
)
def test_wrong_use(cli: Cli, tiny: Path, work: Path, options: tuple[str, ...], says: str) -> None:
    result = cli("verify", tiny, *options)
    assert result.code == 2
    assert says in result.err
