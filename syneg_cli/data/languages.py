"""Which language a corpus is written in, guessed from its scripts and its most frequent words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from syneg_cli.core import UsageError, did_you_mean

SAMPLE = 200
"""Documents that are looked at, evenly spread over the corpus."""

CHARACTERS = 2000
"""Of each of them."""

UNSPACED = ("chinese", "japanese", "thai", "lao", "khmer", "burmese", "tibetan")
"""Written without blanks between words: searched by pairs of characters."""

SCRIPTS = {
    "CJK": "chinese",
    "HIRAGANA": "japanese",
    "KATAKANA": "japanese",
    "THAI": "thai",
    "LAO": "lao",
    "KHMER": "khmer",
    "MYANMAR": "burmese",
    "TIBETAN": "tibetan",
    "HANGUL": "korean",
    "ARABIC": "arabic",
    "CYRILLIC": "russian",
    "GREEK": "greek",
    "DEVANAGARI": "hindi",
    "TAMIL": "tamil",
    "ARMENIAN": "armenian",
}
"""The first word of a letter's Unicode name -> the language that is likeliest in that script."""

ENGLISH = "english"
CODES = {
    "en": ENGLISH, "zh": "chinese", "ja": "japanese", "th": "thai", "ko": "korean", "ar": "arabic",
    "ru": "russian", "el": "greek", "hi": "hindi", "de": "german", "nl": "dutch", "fr": "french",
    "es": "spanish", "it": "italian", "pt": "portuguese", "sv": "swedish", "no": "norwegian", "da": "danish",
    "tr": "turkish", "fi": "finnish", "fa": "persian", "hu": "hungarian", "id": "indonesian", "pl": "polish",
}  # fmt: skip
"""ISO 639-1 codes that are taken for names."""

LATIN = (
    "german",
    "dutch",
    "french",
    "spanish",
    "portuguese",
    "italian",
    "swedish",
    "norwegian",
    "danish",
    "turkish",
)
"""Told apart by their stop words."""

LEAST_SHARE, LEAD, LEAST_WORDS = 0.15, 1.5, 3
"""Another language than English has this share of stop words, so many times as many as English, and
so many different ones: an abbreviation may look like one."""


def guess_language(texts: Iterable[str]) -> str:
    """The language of most of these texts; English where nothing speaks for another one."""
    sample = [unicodedata.normalize("NFKC", text[:CHARACTERS]) for text in texts]
    letters = Counter(c for text in sample for c in text if c.isalpha())
    scripts: Counter[str] = Counter()
    for letter, count in letters.items():
        scripts[unicodedata.name(letter, "").partition(" ")[0]] += count
    kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
    if kana > scripts["CJK"] / 10:  # Japanese without kana does not exist, Chinese with them hardly
        scripts["HIRAGANA"] += scripts.pop("CJK", 0) + scripts.pop("KATAKANA", 0)
    script, _ = max(scripts.items(), key=lambda item: item[1], default=("", 0))
    return _by_stop_words(sample) if script == "LATIN" else SCRIPTS.get(script, ENGLISH)


def _by_stop_words(sample: Iterable[str]) -> str:
    words = Counter(word for text in sample for word in re.findall(r"\w+", text.casefold()))
    total = max(1, words.total())
    found = {name: [words[w] for w in set(stop_words(name)) & set(words)] for name in (ENGLISH, *LATIN)}
    share = {name: sum(counts) / total for name, counts in found.items()}
    best = max(LATIN, key=lambda name: share[name])
    sure = share[best] >= max(LEAST_SHARE, LEAD * share[ENGLISH]) and len(found[best]) >= LEAST_WORDS
    return best if sure else ENGLISH


def stop_words(language: str) -> tuple[str, ...]:
    """The words that a search leaves out; none where bm25s has no list."""
    from bm25s import stopwords

    name = "EN" if language == ENGLISH else language.upper()
    return tuple(getattr(stopwords, f"STOPWORDS_{name}", ()))


def stemmed_languages() -> frozenset[str]:
    """The languages that Snowball has a stemmer for."""
    import Stemmer

    return frozenset(Stemmer.algorithms()) - {"porter", "dutch_porter"}


def known_languages() -> list[str]:
    """Their names, sorted."""
    return sorted({*UNSPACED, *SCRIPTS.values(), *LATIN, *stemmed_languages()})


def check_language(name: str) -> str:
    """The name of a language that BM25 reads, from a name or an ISO code.

    Raises:
        UsageError: there is no such language.
    """
    chosen = CODES.get(name.strip().casefold(), name.strip().casefold())
    known = known_languages()
    if chosen not in known:
        raise UsageError(
            f"[dataset] language: {name!r} is not known.{did_you_mean(chosen, known)}",
            hint=f"Languages: {', '.join(known)}.",
        )
    return chosen
