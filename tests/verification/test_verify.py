"""False negatives found by a judge, by similarity and by a cross-encoder, and what becomes of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core import read_manifest, write_jsonl
from syneg_cli.encoding import pair_scores
from syneg_cli.generation import load_prompt
from syneg_cli.llm import Asked, Cache, Classify, Engine, Request, ask_each
from syneg_cli.verification import NoVerdict, Verdict, applied, candidate_of, place_of, settled, unverified
from syneg_cli.verification.judge import judge, read_verdict
from syneg_cli.verification.margin import margin
from tests.conftest import Cli
from tests.fakes import FakeLLM, judged, make_engine, open_tiny
from tests.servers import Body, ChatServer, Reply, prompt_of
from tests.verification.conftest import MINED, WRITTEN, found, verdict_json

DOCUMENT = "Vitamin D supplements raise bone density.\nIn older women."
NONE = NoVerdict("truncated")


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (verdict_json(False), False),
        (verdict_json(True, "raise bone density. In older women"), True),
        (verdict_json(True, '"Vitamin D ... IN OLDER WOMEN."'), True),
        (verdict_json(True, ["raise bone density", "older women"]), True),
        (verdict_json(True, ["raise bone density", "younger men"]), False),
        (verdict_json(True, [{"quote": "raise bone density"}]), True),
        (verdict_json(True, "Vitamin D […] bone density"), True),
        (verdict_json(True, "Vitamin D [...] in older women"), True),
        (verdict_json(True, "“Vitamin\u00a0D supplements  raise bone‐density.”"), True),
        (verdict_json(True, "Ｖｉｔａｍｉｎ D sup\u00adplements"), True),
        (verdict_json(True, "..."), False),
        (verdict_json(True, [None, 3]), False),
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
    claimed = json.loads(response)["relevant"] in (True, "yes") if verdict else False
    assert (verdict.unquoted if verdict else False) is (claimed and not expected), "a verdict of its own"


def asked(engine: Engine, count: int, make: Callable[[int], Request], classify: Classify) -> list[Asked]:
    return ask_each(engine, count, make, classify=classify)


def test_the_judge_sees_query_document_and_relevance(tiny: Path, tmp_path: Path) -> None:
    llm, dataset = FakeLLM(), open_tiny(tiny)
    llm.enqueue(verdict_json(True, "bone mass rose"), verdict_json(False))
    candidates = [candidate_of(WRITTEN, dataset), candidate_of(MINED, dataset)]
    for _ in range(2):
        with Cache(tmp_path / "g.db") as cache:
            engine = make_engine(llm, cache)
            engine.gate.most = 1
            found = judge(partial(asked, engine), load_prompt("judge"), dataset)(candidates)
        assert sorted(v.relevant for v in found if isinstance(v, Verdict)) == [False, True]
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
    assert isinstance(written, Verdict)
    assert isinstance(mined, Verdict)
    assert (written.relevant, mined.relevant) == (False, True)
    assert written.score == pytest.approx(-0.06)
    assert mined.score == pytest.approx(0.14)


def test_effects_and_agreement() -> None:
    yes, no = Verdict(True, 1.0), Verdict(False, -0.2)
    both = {"judge": yes, "margin": no}
    assert judged(MINED, both, "drop").status == "dropped"
    assert judged(MINED, both, "drop").reason == "verify: relevant by judge"
    assert judged(MINED, both, "drop").relevant_by == ("judge",)
    assert judged(MINED, both, "drop").scores == {"judge": 1.0, "margin": -0.2}
    assert judged(WRITTEN, both, "relabel").status == "positive"
    assert judged(WRITTEN, both, "mark").status == "ok"
    assert judged(WRITTEN, both, "drop", all_agree=True).status == "ok"
    assert judged(WRITTEN, {"judge": yes, "margin": NONE}, "drop", all_agree=True).status == "dropped"
    assert judged(WRITTEN, {"judge": NONE}, "drop").status == "ok"


VERDICTS = st.dictionaries(
    st.sampled_from(["judge", "margin", "cross-encoder"]),
    st.just(NONE)
    | st.builds(Verdict, st.booleans(), st.floats(-1, 1), st.sampled_from(["", "a quote"]), st.booleans()),
)


@given(VERDICTS, VERDICTS, st.sampled_from(["drop", "relabel", "mark"]), st.booleans())
def test_two_checks_one_after_the_other_end_where_both_at_once_do(
    first: dict[str, Verdict | NoVerdict],
    second: dict[str, Verdict | NoVerdict],
    effect: Literal["drop", "relabel", "mark"],
    all_agree: bool,
) -> None:
    place = place_of(MINED)
    earlier = settled(place, first, effect, all_agree=all_agree)
    later = settled(place, second, effect, all_agree=all_agree, earlier=earlier)
    assert later == settled(place, first | second, effect, all_agree=all_agree)


def test_what_was_dropped_when_it_was_made_stays_dropped() -> None:
    dropped = judged(MINED, {"judge": Verdict(True, 1.0)}, "drop")
    assert unverified(dropped).status == "ok"
    copy = replace(WRITTEN, status="dropped", reason="copy of the positive")
    assert unverified(copy) == copy
    assert applied([copy], []) == [copy]


def respond(body: Body, number: int) -> Reply:
    document = prompt_of(body).split("<document>")[1].split("</document>")[0]
    evidence = next((e for e in ("Bone mass rose", "no effect on mood") if e in document), "")
    return Reply(text=verdict_json(bool(evidence), evidence))


def test_the_command(cli: Cli, tiny: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged_files = [work / "synthetic/default.jsonl", work / "mined/bm25.jsonl"]
    before = [file.read_bytes() for file in judged_files]
    with ChatServer(respond) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        result = cli("verify", tiny, "--llm", "ollama:llama3", "--json")
        assert result.code == 0, result.err
        assert result.json["checked"] == {"synthetic": 2, "bm25": 2}
        assert result.json["false_negatives"] == {"synthetic": 1, "bm25": 1}
        assert [v.status for v in found(work, "synthetic-default")] == ["dropped", "ok"]
        assert [v.relevant_by for v in found(work, "mined-bm25")] == [("judge",), ()]
        assert found(work, "mined-bm25")[0].evidence == {"judge": "no effect on mood"}
        manifest = read_manifest(work / "verified/synthetic-default.jsonl")
        assert manifest is not None
        assert manifest.counts["status"] == {"dropped": 1, "ok": 1}
        shown = cli("verify", tiny, "--llm", "ollama:llama3", "--effect", "relabel", "--source", "bm25")
        assert "50.0%" in shown.out
        assert "no effect on mood" in shown.out
        assert [v.status for v in found(work, "mined-bm25")] == ["positive", "ok"]
        assert len(server.requests) == 4, "the second run cost nothing"
        again = cli("verify", tiny, "--llm", "ollama:llama3", "--effect", "relabel", "--json")
        assert again.json["false_negatives"] == {"synthetic": 1, "bm25": 1}, "also where one was up to date"
    assert [file.read_bytes() for file in judged_files] == before, "what is judged is never rewritten"


def listed(body: Body, number: int) -> Reply:
    """A judge that finds everything relevant, quotes a list of pieces, and makes one quotation up."""
    document = prompt_of(body).split("<document>")[1].split("</document>")[0].strip()
    pieces = [document[:12].upper(), f"“{document[-12:]}”"]
    return Reply(text=verdict_json(True, "made up" if "Calcium" in document else pieces))


def test_quotes_as_models_set_them_count_and_made_up_ones_are_named(
    cli: Cli, tiny: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer(listed) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        shown = cli("verify", tiny, "--llm", "ollama:llama3")
        assert shown.code == 0, shown.err
        assert "1 called relevant with a quotation that the document does not hold" in shown.out.replace(
            "\n", " "
        )
        result = cli("verify", tiny, "--llm", "ollama:llama3", "--json")
    assert result.json["false_negatives"] == {"synthetic": 1, "bm25": 2}
    assert result.json["quote_not_found"] == {"synthetic": 1, "bm25": 0}
    assert [v.unquoted for v in found(work, "synthetic-default")] == [(), ("judge",)]
    assert [v.status for v in found(work, "synthetic-default")] == ["dropped", "ok"]


def test_only_what_a_mix_can_draw_is_judged_and_the_rest_is_not_mixed(
    cli: Cli, tiny: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2 rounds of 1 negative: two of the three mined documents of the query."""
    three = [
        replace(MINED, doc_id=doc_id, rank=rank) for rank, doc_id in enumerate(("d4", "d2", "d6"), start=1)
    ]
    write_jsonl(work / "mined/bm25.jsonl", three)
    few = ("--llm", "ollama:llama3", "--set", "mix.rounds=2", "--set", "mix.negatives=1")
    with ChatServer(lambda body, number: Reply(text=verdict_json(False))) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        asked = cli("verify", tiny, *few, "--estimate", "--json")
        assert asked.code == 0, asked.err
        assert (asked.json["negatives"], asked.json["calls"]) == (4, 4)
        assert server.requests == [], "nothing is sent"
        assert "tokens in" in cli("verify", tiny, *few, "--estimate").out
        result = cli("verify", tiny, *few, "--json")
        assert result.json["checked"] == {"synthetic": 2, "bm25": 2}
        assert result.json["left_out"] == {"bm25": 1}
        assert {v.doc_id for v in found(work, "mined-bm25")} == {"d4", "d2"}
        assert len(server.requests) == 4
        after = cli("verify", tiny, *few, "--estimate", "--json")
        assert (after.json["negatives"], after.json["calls"]) == (4, 0), "the cache answers"
        mixed = cli("mix", tiny, "--strategy", "retrieved", "--miner", "bm25", "--json")
        assert mixed.code == 0, mixed.err
        assert '"d6"' not in Path(str(mixed.json["path"])).read_text(encoding="utf-8")
        more = cli("verify", tiny, *few, "--set", "verify.per_query=9", "--json")
        assert more.json["left_out"] == {}
        assert len(server.requests) == 5
        unread = cli("verify", tiny, *few, "--set", "mix.strategy=synthetic", "--json")
        assert unread.json["checked"] == {"synthetic": 2}
        assert "bm25 is not checked" in unread.err


def test_a_later_check_adds_to_the_earlier_one(
    cli: Cli, tiny: Path, work: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """margin, then judge: the same verdicts, and the same mix, as both at once."""
    margin = ("--backbone", tiny_model, "--margin", "2", "--effect", "mark")
    with ChatServer(respond) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assert cli("verify", tiny, "--check", "margin", *margin).code == 0
        judge = ("--check", "judge", "--llm", "ollama:llama3")
        assert cli("verify", tiny, *judge, "--effect", "mark").code == 0
        one_by_one = {name: found(work, name) for name in ("synthetic-default", "mined-bm25")}
        shutil.rmtree(work / "verified")
        assert cli("verify", tiny, "--check", "margin", *judge, *margin).code == 0
    assert one_by_one == {name: found(work, name) for name in one_by_one}
    assert one_by_one["mined-bm25"][0].relevant_by == ("judge", "margin")
    options = ("mix", tiny, "--strategy", "retrieved", "--miner", "bm25", "--max-risk", "0.5", "--json")
    result = cli(*options)
    assert result.code == 0, result.err
    composition: Any = result.json["composition"]
    assert sum(composition.values()) == 3 * 8
    assert "1 bm25" in composition, "d2 is relevant by both, d5 by one of two"
    write_jsonl(work / "mined/bm25.jsonl", [MINED])
    assert "earlier file" in cli(*options).err, "verdicts on another file are not used, and it is said"


def test_the_margin_check_runs_with_a_real_encoder(
    cli: Cli, tiny: Path, work: Path, tiny_model: Path
) -> None:
    result = cli("verify", tiny, "--check", "margin", "--backbone", tiny_model, "--effect", "mark", "--json")
    assert result.code == 0, result.err
    assert [list(v.scores) for v in found(work, "mined-bm25")] == [["margin"], ["margin"]]


def test_the_cross_encoder_check_compares_with_the_positive(
    cli: Cli, tiny: Path, work: Path, tiny_cross_encoder: Path
) -> None:
    from sentence_transformers import CrossEncoder

    options = ["--check", "cross-encoder", "--cross-encoder", tiny_cross_encoder, "--effect", "mark"]
    result = cli("verify", tiny, *options, "--json")
    assert result.code == 0, result.err
    data = open_tiny(tiny)
    scorer = CrossEncoder(str(tiny_cross_encoder))
    assert len(found(work, "mined-bm25")) == 2
    for one in found(work, "mined-bm25"):
        query = data.queries[one.query_id].text
        lowest = min(data.positives(one.query_id))
        texts = [data.corpus[one.doc_id].full_text, data.corpus[lowest].full_text]
        ours, positive = pair_scores(scorer, [(query, text) for text in texts])
        assert one.scores["cross-encoder"] == pytest.approx(float(ours - positive), abs=1e-5)
    nowhere = cli("verify", tiny, "--check", "cross-encoder", "--cross-encoder", "./nowhere")
    assert nowhere.code == 2
    assert "is no cross-encoder: it is neither a folder nor a hub id" in nowhere.err


def test_no_judge_is_paid_where_the_cross_encoder_is_none(
    cli: Cli, tiny: Path, work: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer(respond) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        both = ("--check", "judge", "--check", "cross-encoder", "--llm", "ollama:llama3")
        for scorer in ((), ("--cross-encoder", tiny_model), ("--cross-encoder", "./nowhere")):
            assert cli("verify", tiny, *both, *scorer).code == 2
        assert server.requests == []


def test_a_cross_encoder_without_finite_scores_gives_no_verdict(
    cli: Cli, tiny: Path, work: Path, tiny_cross_encoder: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForSequenceClassification

    shutil.copytree(tiny_cross_encoder, tmp_path / "nan")
    model = AutoModelForSequenceClassification.from_pretrained(tiny_cross_encoder)
    model.classifier.bias.data.fill_(float("nan"))
    model.save_pretrained(tmp_path / "nan")
    result = cli("verify", tiny, "--check", "cross-encoder", "--cross-encoder", tmp_path / "nan")
    assert result.code != 0
    assert "not finite" in result.err
    assert not list((work / "verified").glob("*.jsonl"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--check", "juge"), "Did you mean 'judge'"),
        (("--check", "cross-encoder"), "needs a model"),
        (("--source", "dense"), "no negatives of the source dense"),
        ((), "no LLM is named"),
    ],
)
def test_wrong_use(cli: Cli, tiny: Path, work: Path, options: tuple[str, ...], says: str) -> None:
    result = cli("verify", tiny, *options)
    assert result.code == 2
    assert says in result.err
