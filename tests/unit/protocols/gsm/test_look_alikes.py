"""Look-alikes: what is replaced, and that nothing else is."""

from __future__ import annotations

import pytest

from dragoman.protocols.gsm.alphabet import try_encode_gsm
from dragoman.protocols.gsm.look_alikes import LOOK_ALIKES, fit_gsm, replaced_in

TEXTS = {
    "Hello": "Hello",
    "10–12 €": "10-12 €",
    "“so” ‘said’ he…": "\"so\" 'said' he...",
    "a\u00a0b\tc\u200bd": "a b cd",
    "«ﬁn»": '"fin"',
    "– 日": "– 日",  # goes as Unicode, and then as it was written
    "ça va – bien": "ça va – bien",
    "cafe\u0301 – bla\u030aba\u0308r": "café - blåbär",  # accents stand apart
    "5 \u212b": "5 Å",  # the sign for ångström
    "c\u0327a va, cafe\u0301": "c\u0327a va, cafe\u0301",
    "": "",
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_changed_only_where_that_makes_it_gsm(text: str) -> None:
    assert fit_gsm(text) == TEXTS[text]


@pytest.mark.parametrize("code", LOOK_ALIKES)
def test_every_look_alike_is_gsm_and_what_it_replaces_is_not(code: int) -> None:
    assert try_encode_gsm(chr(code)) is None
    assert try_encode_gsm(LOOK_ALIKES[code]) is not None
    assert "?" not in LOOK_ALIKES[code]


def test_what_was_replaced_is_listed_once_in_the_order_of_the_text() -> None:
    assert replaced_in("“a” – “b”") == {"“": '"', "”": '"', "–": "-"}
    assert replaced_in("a – 日") == {}
    assert replaced_in("a - b") == {}
    assert replaced_in("cafe\u0301 – bar") == {"–": "-"}  # an é is the same in either spelling
