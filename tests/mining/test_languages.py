"""BM25 in five languages: what it reads the corpus as, and bm25s as the oracle of its scores."""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from pathlib import Path

import bm25s
import pytest
import Stemmer

from syneg_cli.core.errors import UsageError
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.languages import check_language, guess_language
from syneg_cli.data.opening import load_dataset
from syneg_cli.mining import Selection, Setup, mine_negatives
from tests.conftest import Cli, write_dataset

CORPORA = {
    "japanese": [
        "ビタミンDは高齢女性の骨密度を高める。",
        "骨密度は年齢とともに低下する。",
        "ビタミンDは気分に影響しない。",
        "アスピリンは心臓発作を防ぐ。",
    ],
    "chinese": [
        "维生素可以提高骨密度。",
        "骨密度随着年龄下降。",
        "维生素对情绪没有影响。",
        "阿司匹林预防心脏病。",
    ],
    "thai": ["วิตามินเพิ่มความหนาแน่นของกระดูก", "กระดูกอ่อนแอลงตามอายุ", "วิตามินไม่มีผลต่ออารมณ์", "แอสไพรินป้องกันโรคหัวใจ"],
    "german": [
        "Das Vitamin erhöht die Dichte der Knochen und ist nicht teuer.",
        "Die Dichte eines Knochens sinkt mit dem Alter, und das ist normal.",
        "Vitamine haben keine Wirkung auf die Stimmung, wie wir wissen.",
        "Der Wirkstoff beugt einem Herzinfarkt vor, aber nicht bei allen.",
    ],
    "arabic": [
        "فيتامين يزيد كثافة العظام",
        "كثافة العظام تنخفض مع العمر",
        "الفيتامين لا يؤثر على المزاج",
        "الأسبرين يمنع النوبة القلبية",
    ],
}
QUERIES = {
    "japanese": "ビタミンDと骨密度",
    "chinese": "维生素与骨密度",
    "thai": "วิตามินกับกระดูก",
    "german": "Vitamine für den Knochen",
    "arabic": "العظام المزاج",
}
FOUND = {
    "japanese": {"1", "2"},
    "chinese": {"1", "2"},
    "thai": {"1", "2"},
    "german": {"1", "2"},
    "arabic": {"1", "2"},
}


def opened(folder: Path, texts: list[str], query: str, language: str | None = None) -> Dataset:
    docs = {str(number): ("", text) for number, text in enumerate(texts)}
    write_dataset(folder, docs, {"q": query}, {"train": [("q", "0", 1)]})
    return load_dataset(str(folder), cache=folder.parent / "cache", dev_fraction=0, language=language)


def ranked(dataset: Dataset) -> tuple[dict[str, float], tuple[str, ...]]:
    setup = Setup(dataset, lambda: None)  # type: ignore[arg-type, return-value]
    found = mine_negatives(dataset, ["bm25"], setup=setup, selection=Selection(depth=9, near_copies=None))[0]
    return {negative.doc_id: negative.score for negative in found}, found.notes


def pairs(text: str) -> list[str]:
    """Pairs of neighbouring characters between marks of punctuation, with the marks on their letters."""
    clusters: list[list[str]] = [[]]
    for character in text:
        kind = unicodedata.category(character)[0]
        if kind == "L":
            clusters[-1].append(character)
        elif kind == "M":
            clusters[-1][-1] += character
        else:
            clusters.append([])
    return [a + b for run in clusters for a, b in pairwise(run)]


@pytest.mark.parametrize("language", CORPORA)
def test_bm25_reads_the_language_of_the_corpus(language: str, tmp_path: Path) -> None:
    dataset = opened(tmp_path / "x", CORPORA[language], QUERIES[language])
    assert dataset.language == language
    scores, notes = ranked(dataset)
    assert set(scores) == FOUND[language]
    assert any(language.capitalize() in note for note in notes), "what was guessed is said"


@pytest.mark.parametrize("language", ["german", "arabic"])
def test_scores_are_those_of_bm25s_with_its_own_tokenizer(language: str, tmp_path: Path) -> None:
    stemmer = Stemmer.Stemmer(language)
    listed = "german" if language == "german" else []
    corpus = bm25s.tokenize(CORPORA[language], stopwords=listed, stemmer=stemmer, show_progress=False)
    asked = bm25s.tokenize(
        [QUERIES[language]], stopwords=listed, stemmer=stemmer, return_ids=False, show_progress=False
    )
    oracle = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    oracle.index(corpus, show_progress=False)
    expected = oracle.get_scores(asked[0])
    scores, _ = ranked(opened(tmp_path / "x", CORPORA[language], QUERIES[language]))
    assert scores == pytest.approx({d: float(expected[int(d)]) for d in scores}, abs=1e-5)


@pytest.mark.parametrize("language", ["chinese", "thai"])
def test_scores_are_those_of_bm25s_on_pairs_of_characters(language: str, tmp_path: Path) -> None:
    oracle = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    oracle.index([pairs(text) for text in CORPORA[language]], show_progress=False)
    asked = [pair for pair in pairs(QUERIES[language]) if pair in oracle.vocab_dict]
    expected = oracle.get_scores(asked)
    scores, _ = ranked(opened(tmp_path / "x", CORPORA[language], QUERIES[language]))
    assert scores == pytest.approx({d: float(expected[int(d)]) for d in scores}, abs=1e-5)


def test_a_language_that_is_named_is_not_guessed(tmp_path: Path) -> None:
    dataset = opened(tmp_path / "x", CORPORA["german"], QUERIES["german"], "en")
    assert dataset.language == "english"
    assert ranked(dataset)[1] == ()
    with pytest.raises(UsageError, match="Did you mean 'german'"):
        check_language("germann")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Vitamin D raises the density of bone in older women, and it is not known why.", "english"),
        ("BRCA1 p53 IL-6 TNF", "english"),
        ("", "english"),
        ("12 345 !?", "english"),
        ("Le chat est sur la table et il ne veut pas de lait pour le moment.", "french"),
        ("Кошка сидит на столе и не хочет молока.", "russian"),
        ("कुत्ता घर में है", "hindi"),
        ("서울은 한국의 수도이다", "korean"),
        ("ｶﾀｶﾅ ﾃｽﾄ", "japanese"),
        ("東京大学 is a university", "english"),
    ],
)
def test_guesses(text: str, language: str) -> None:
    assert guess_language([text]) == language


def test_accents_that_are_stored_apart_are_found(tmp_path: Path) -> None:
    """A kin: English with an accent of its own behind the letter."""
    texts = ["A cafe\u0301 near the station.", "The caf\u00e9 was closed.", "A pub."]
    assert set(ranked(opened(tmp_path / "x", texts, "caf\u00e9"))[0]) == {"1"}


def test_the_language_is_a_setting_and_makes_mined_negatives_stale(cli: Cli, tmp_path: Path) -> None:
    opened(tmp_path / "x", CORPORA["japanese"], QUERIES["japanese"])
    first = cli("mine", tmp_path / "x", "--miner", "bm25")
    assert first.code == 0
    assert "Japanese" in first.out + first.err
    again = cli("mine", tmp_path / "x", "--miner", "bm25", "--set", "dataset.language=ja")
    assert "up to date" in again.out + again.err
    assert cli("mine", tmp_path / "x", "--miner", "bm25", "--set", "dataset.language=german").code in (0, 1)
    wrong = cli("mine", tmp_path / "x", "--miner", "bm25", "--set", "dataset.language=klingon")
    assert wrong.code == 2
    assert "klingon" in wrong.err


EMPTY = {
    "a": ("", "red apple"),
    "b": ("", ""),
    "c": (" ", "\n\t\u3000"),
    "d": ("\u200b", "\ufeff\u00ad"),
    "e": ("", "red wagon"),
    "f": ("Only a title", ""),
    "g": ("", "RED ap\u00adple"),
    "h": ("", "ＲＥＤ apple"),
}


@pytest.mark.parametrize(
    "miner", ["random", "bm25", "run:r.trec", "simans:run:r.trec", "fusion:random+run:r.trec"]
)
def test_empty_documents_and_hidden_copies_are_never_negatives(
    miner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_dataset(tmp_path / "x", EMPTY, {"q": "red apple"}, {"train": [("q", "a", 1)]})
    dataset = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)
    monkeypatch.chdir(tmp_path)
    lines = [f"q Q0 {doc_id} {rank} {20 - rank} t" for rank, doc_id in enumerate(EMPTY, start=1)]
    Path("r.trec").write_text("\n".join(lines) + "\n", encoding="utf-8")
    setup = Setup(dataset, lambda: None)  # type: ignore[arg-type, return-value]
    found = mine_negatives(dataset, [miner], setup=setup, selection=Selection(depth=8))[0]
    assert {n.doc_id for n in found} == ({"e"} if miner == "bm25" else {"e", "f"})
    assert dataset.corpus["h"].text == "ＲＥＤ apple", "what is stored stays as it is"
