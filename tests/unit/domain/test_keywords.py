"""The words that decide whose a text is, whatever characters are around them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.inbound.model.keywords import (
    parse_keyword,
    parse_own_number,
    words_of,
    words_to_match,
)
from dragoman.core.model.errors import RefusalCode, Refused

TEXTS = {
    "one word": ("pizza", ("PIZZA",)),
    "three of four": ("stop pizza hawaii now", ("STOP", "PIZZA", "HAWAII")),
    "any space": ("  a\u00a0b\u2003c\r\nd", ("A", "B", "C")),
    "punctuation around": ("«Stop!», (pizza).", ("STOP", "PIZZA")),
    "punctuation within": ("smørre-brød 24/7", ("SMØRRE-BRØD", "24/7")),
    "only symbols": ("* ?! 👍🏽", ("*", "?!", "👍🏽")),
    "signs that phones draw as emoji": (
        "Stop\u2757\ufe0f 1\ufe0f\u20e3 \u2764\ufe0f",
        ("STOP", "1", "\u2764"),
    ),
    "control characters part": ("a\0b\x07c", ("A", "B", "C")),
    "marks of direction count for nothing": ("\u200f\u202eSTO\u200dP\u2069", ("STOP",)),
    "full width and ligatures": ("ＳＴＯＰ ﬁsk", ("STOP", "FISK")),
    "letters that grow": ("straße", ("STRASSE",)),
    "final sigma": ("ΤΕΛΟΣ τελος τέλος", ("ΤΕΛΟΣ", "ΤΕΛΟΣ", "ΤΈΛΟΣ")),
    "composed and not": ("e\u0301t\u00e9", ("ÉTÉ",)),
    "right to left": ("توقف الآن", ("توقف", "الآن")),
    "marks stay": ("हिंदी", ("हिंदी",)),
    "one character that is many words": ("\ufdfa", ("صلى", "الله", "عليه")),
    "nothing": ("", ()),
    "only space": (" \t\r\n\0", ()),
    "only invisible": ("\u200e\u200f", ()),
    "far behind spaces": (" " * 500 + "stop", ("STOP",)),
}


@pytest.mark.parametrize("case", TEXTS)
def test_first_words_are_compared_as_people_mean_them(case: str) -> None:
    text, words = TEXTS[case]
    assert words_of(text) == words


@given(st.text())
def test_any_text_has_words_without_space_that_stay_as_they_are(text: str) -> None:
    words = words_of(text)
    assert len(words) <= 3
    for word in words:
        assert word.split() == [word]
        assert "\0" not in word
        assert words_of(word) == (word,)
        assert words_of(word.lower())[:1] == words_of(word.lower().upper())[:1]


@given(st.text(), st.sampled_from(["\u200f", "\u202e", " ", "\0", "\u2066", "\ufeff", "\ufe0f"]))
def test_what_nobody_sees_before_a_text_changes_nothing(text: str, unseen: str) -> None:
    short = text[:150]  # a word that ends where nobody looks any more is another one
    assert words_of(unseen + short) == words_of(short)


REFUSED = {
    "nothing": ("", RefusalCode.MISSING_FIELD),
    "nothing to see": ("\u200f \0", RefusalCode.MISSING_FIELD),
    "two words": ("a b", RefusalCode.INVALID_FIELD),
    "two words by NUL": ("a\0b", RefusalCode.INVALID_FIELD),
    "too long": ("a" * 41, RefusalCode.INVALID_FIELD),
    "much too long": ("a" + "\u200f" * 10_000, RefusalCode.INVALID_FIELD),
    "half a character": ("a\ud800b", RefusalCode.INVALID_FIELD),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_keyword_is_refused(case: str) -> None:
    text, code = REFUSED[case]
    with pytest.raises(Refused) as caught:
        parse_keyword(text)
    assert (caught.value.code, caught.value.subject) == (code, "keyword")


@given(st.text())
def test_any_keyword_is_read_or_refused(text: str) -> None:
    try:
        keyword = parse_keyword(text)
    except Refused:
        return
    assert parse_keyword(keyword) == keyword
    assert 1 <= len(keyword) <= 40


def test_numbers_of_ours_are_digits() -> None:
    typed = ("1272", "+4512345678", " 112 ", "\u200e12\xa072")
    assert [parse_own_number(text) for text in typed] == [
        "1272", "4512345678", "112", "1272",
    ]  # fmt: skip
    for text in ("", "12", "1" * 16, "12 72", "a", "++123"):
        with pytest.raises(Refused):
            parse_own_number(text)


def test_words_of_the_configuration_are_folded() -> None:
    assert words_to_match(["stop", "", "Afmeld!"]) == {"STOP", "AFMELD"}


@pytest.mark.parametrize("configured", ["iptal", "İptal", "IPTAL", "İPTAL"])
@pytest.mark.parametrize("texted", ["iptal", "İptal", "IPTAL", "İPTAL", "I\u0307ptal"])
def test_a_turkish_word_is_one_with_a_dot_and_without(configured: str, texted: str) -> None:
    assert set(words_of(texted)) <= words_to_match([configured])
