"""Texts of any script in units: words where blanks separate them, characters where they do not.

A text is folded before it is compared: two spellings that a reader cannot tell apart are one
text. What is stored, encoded and shown stays as it is.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import pairwise

CJK = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u30fa\u30fc-\u30ff\u3105-\u312f"
    "\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U0001aff0-\U0001b16f\U00020000-\U000323af"
)
"""Chinese and Japanese characters: Han, kana, Bopomofo."""

SOUTH_EAST_ASIAN = (
    "\u0e01-\u0e4e\u0e80-\u0ece\u0edc-\u0edf\u0f40-\u0fbc\u1000-\u1049\u1050-\u109f\u1780-\u17d3"
)
"""Thai, Lao, Tibetan, Myanmar and Khmer letters; Tibetan separates syllables, not words."""

CHARACTERS_PER_WORD = ((re.compile(f"[{CJK}]"), 2), (re.compile(f"[{SOUTH_EAST_ASIAN}]"), 4))
"""Rounded: how much text a word is, in the scripts without blanks between words."""

UNSPACED = re.compile(f"[{CJK}{SOUTH_EAST_ASIAN}]")
UNIT = re.compile(f"[{CJK}{SOUTH_EAST_ASIAN}][^\\w\\s]*|[^\\s{CJK}{SOUTH_EAST_ASIAN}]+")
"""One character with the marks and the punctuation behind it, or what is between blanks."""

BREAK = re.compile(f"(?<=[{CJK}{SOUTH_EAST_ASIAN}])\\s+(?=[{CJK}{SOUTH_EAST_ASIAN}])")
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]"
)
"""Soft hyphens, joiners, zero-width blanks, marks of direction, variation selectors."""

DRAWN_AS_NOTHING = "\u115f\u1160\u2800\u3164\uffa0\ufffd"
"""Hangul fillers (letters to Unicode), the blank of Braille, and what stands for a broken character."""

SYMBOLS = ("So", "Sm", "Sc")

ENDS = ".?!。؟।"
"""What ends a sentence, in folded text."""


def folded(text: str) -> str:
    """Case, width, composition and what cannot be seen, folded: what NFKC_Casefold does.

    "Ｅ" is "e", "e" with an accent of its own is "é", and a soft hyphen is nothing.
    """
    if text.isascii():
        return text.casefold()
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", INVISIBLE.sub("", text)).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def units(text: str) -> list[str]:
    """The words of a text, and the single characters of scripts that do not separate words."""
    if text.isascii() or UNSPACED.search(text) is None:
        return text.split()
    return UNIT.findall(text)


def normalised(text: str) -> str:
    """The units of the folded text with one blank between: two texts that are equal so are identical."""
    return " ".join(units(folded(text)))


def is_blank(text: str) -> bool:
    """Whether nothing of a text can be seen: blanks, controls, joiners, marks without a letter, fillers."""
    return all(_kind(character)[0] in "ZCM" for character in text)


def says_nothing(text: str) -> bool:
    """Whether a text is empty to a reader: no letter, no digit, and no symbol such as an emoji or a plus.

    Punctuation alone ("...") says nothing, in any script.
    """
    return not any(_kind(character)[0] in "LN" or _kind(character) in SYMBOLS for character in text)


def _kind(character: str) -> str:
    """The Unicode category; what is drawn as nothing, or stands for a broken character, is a control."""
    return "Cc" if character in DRAWN_AS_NOTHING else unicodedata.category(character)


def terms(text: str) -> list[str]:
    """A text as a search engine indexes it: words, and pairs of neighbouring characters.

    The pairs are those of Lucene's CJKBigramFilter: a character without a neighbour stands for itself.
    A line break between two characters is none.
    """
    found: list[str] = []
    for run in _runs().findall(BREAK.sub("", text)):
        if UNSPACED.match(run):
            characters = _characters().findall(run)
            found += map("".join, pairwise(characters)) if characters[1:] else characters
        else:
            found.append(run)
    return found


def characters_per_word(text: str) -> int:
    """How many units of this text make up a word: 1 where blanks separate most of it."""
    if text.isascii():
        return 1
    counts = {size: len(script.findall(text)) for script, size in CHARACTERS_PER_WORD}
    size = max(counts, key=lambda size: counts[size])
    return size if counts[size] > len(text.split()) else 1


def length(text: str) -> int:
    """Words, or characters where blanks do not separate most of the text."""
    return len(units(text)) if characters_per_word(text) > 1 else len(text.split())


@cache
def _marks() -> str:
    """Every combining mark of the basic plane: `re` has no name for them, and they are no `\\w`."""
    return "".join(c for c in map(chr, range(0x300, 0x10000)) if unicodedata.category(c).startswith("M"))


@cache
def _runs() -> re.Pattern[str]:
    unspaced, marks = f"{CJK}{SOUTH_EAST_ASIAN}", _marks()
    return re.compile(f"[{unspaced}][{unspaced}{marks}]*|(?:(?![{unspaced}])[\\w{marks}])+")


@cache
def _characters() -> re.Pattern[str]:
    return re.compile(f"[{CJK}{SOUTH_EAST_ASIAN}][{_marks()}]*")
