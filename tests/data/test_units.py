"""Texts of any script in units, folded for comparison; values by hand."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.data.copies import Words, near_copy
from syneg_cli.data.units import (
    characters_per_word,
    folded,
    is_blank,
    length,
    normalised,
    says_nothing,
    terms,
    units,
)

ENGLISH = "Vitamin D raises bone density, in older women."
JAPANESE = "東京は日本の首都です。"
CHINESE = "北京是中国的首都。"
THAI = "กรุงเทพเป็นเมืองหลวง"
KHMER = "ភ្នំពេញ"


@pytest.mark.parametrize(
    ("text", "count", "per_word"),
    [
        (ENGLISH, 8, 1),
        ("Der Rat der EU", 4, 1),
        ("서울은 한국의 수도", 3, 1),
        ("القاهرة عاصمة مصر", 3, 1),
        ("A study of 東京 in winter", 6, 1),
        (JAPANESE, 10, 2),
        (CHINESE, 8, 2),
        (THAI, 17, 4),
        (KHMER, 4, 4),
        ("東京\nの 天気", 5, 2),
        ("", 0, 1),
    ],
)
def test_lengths_are_words_or_characters(text: str, count: int, per_word: int) -> None:
    assert (length(text), characters_per_word(text)) == (count, per_word)


@given(st.text(st.characters(max_codepoint=0x24F)))
def test_where_blanks_separate_words_nothing_is_new(text: str) -> None:
    assert units(text) == text.split()
    assert length(text) == len(text.split())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("東京は、Tokyo 2020年", ["東京", "京は", "Tokyo", "2020", "年"]),
        ("ก้าวหน้า", ["ก้า", "าว", "วห", "หน้", "น้า"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("猫", ["猫"]),
        ("bone-density, D", ["bone", "density", "D"]),
    ],
)
def test_terms_are_words_and_pairs_of_characters(text: str, found: list[str]) -> None:
    assert terms(text) == found


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("caf\u00e9", "CAFE\u0301"),
        ("ABC 123", "ＡＢＣ\u3000１２３"),
        ("カナ", "ｶﾅ"),
        ("ガ", "ｶﾞ"),
        ("cooperation", "co\u00adoper\u200bation"),
        ("word", "\ufeffword\u2060"),
        ("office", "o\ufb03ce"),
        ("한", "\u1112\u1161\u11ab"),
        ("مصر", "\u202bمصر\u202c"),
        ("東京の天気", "東京\nの 天気"),
    ],
)
def test_what_a_reader_cannot_tell_apart_is_one_text(text: str, same: str) -> None:
    assert normalised(text) == normalised(same)
    assert near_copy(text, same, 1.0)
    assert Words(text).copies(Words(same), 1.0)


@given(st.text())
def test_folding_twice_is_folding_once_however_a_text_is_composed(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert folded(unicodedata.normalize("NFD", text)) == folded(unicodedata.normalize("NFC", text))


@given(st.text(st.characters(max_codepoint=127)))
def test_of_ascii_only_case_and_blanks_are_folded(text: str) -> None:
    assert normalised(text) == " ".join(text.casefold().split())


LONG = {
    "japanese": "気候変動は北極圏の氷床を急速に融解させており海面の上昇が沿岸の都市に深刻な影響を与えている",
    "chinese": "气候变化正在使北极地区的冰盖迅速融化海平面上升对沿海城市造成了严重影响研究人员发出警告",
    "thai": "การเปลี่ยนแปลงสภาพภูมิอากาศทำให้น้ำแข็งขั้วโลกละลายอย่างรวดเร็วและระดับน้ำทะเลสูงขึ้น",
}
OTHER = {
    "japanese": "気候変動の研究者は北極圏で新しい観測機器を設置し三年間にわたり気温の記録を続けてきた",
    "chinese": "气候变化的研究人员在北极地区安装了新的观测设备并在三年之内持续记录了当地的气温",
    "thai": "นักวิจัยด้านการเปลี่ยนแปลงสภาพภูมิอากาศติดตั้งเครื่องมือใหม่และบันทึกอุณหภูมิเป็นเวลาสามปี",
}


@pytest.mark.parametrize("language", LONG)
def test_copies_without_blanks(language: str) -> None:
    """A copied passage is found in the middle of another text; a text on the same subject is no copy."""
    text, other = LONG[language], OTHER[language]
    assert Words(text).copies(Words(f"{other}{text}{other}"), 1.0)
    assert Words(text + other[:20]).copies(Words(text), 0.3)
    assert not Words(other).copies(Words(text), 0.3)
    assert near_copy(text, text + "。", 0.9)
    assert not near_copy(text, other, 0.5)
    assert not near_copy("東京都の人口", "人口の京都東", 0.9), "the same characters in another order"


@pytest.mark.parametrize("text", ["", " ", "\u00a0\u200b", "\u00ad\u2060", "\u0000", "\u3164", "\u2800", "\u0301", "\ufe0f", "\ufffd"])  # fmt: skip
def test_what_cannot_be_seen_is_blank(text: str) -> None:
    assert is_blank(text)
    assert says_nothing(text)


@pytest.mark.parametrize("text", ["...", "?!", "\u2014 \u00bf?", "\u3002\u3001", "\u060c", "*\u200b*"])
def test_punctuation_alone_says_nothing_and_can_be_seen(text: str) -> None:
    assert says_nothing(text)
    assert not is_blank(text)


@pytest.mark.parametrize("text", ["a", "7", "\U0001f642", "+", "\u20ac", "\u6c34", "\u0e19\u0e49", "\u0661", "\u216b", "\u200b.b"])  # fmt: skip
def test_letters_digits_and_symbols_of_any_script_say_something(text: str) -> None:
    assert not says_nothing(text)
    assert not is_blank(text)
