"""One-time codes in texts as they are really written."""

from __future__ import annotations

import pytest

from dragoman.development.codes import find_codes

TEXTS = {
    "plain": ("Your code is 123456", ("123456",)),
    "with a full stop and a time": ("Din kode er 4821. Den udløber kl. 12:30", ("4821",)),
    "with a prefix": ("G-123456 is your Google verification code", ("123456",)),
    "in two groups": ("Codice: 123 456", ("123456",)),
    "with a dash": ("Your password: 123-456", ("123456",)),
    "letters and digits": ("Use AB12CD34 as your password", ("AB12CD34",)),
    "bound to an origin": ("Log ind.\n\n@shop.example #123456", ("123456",)),
    "the one near the word first": ("Order 88123: your PIN is 4711", ("4711", "88123")),
    "beside a link": ("https://x.example/987654 PIN 0042", ("0042",)),
    "a number to call": ("Call +4512345678 or 4512345678901", ()),
    "a date and an amount": ("Due 2026-11-22, 1234,50 DKK, 12.345678", ()),
    "an article": ("Art. 123 456 is in stock", ()),
    "nothing": ("Hello", ()),
    "far away": ("code" + " x" * 60 + " 55555", ("55555",)),
    "once": ("Code 1234. I repeat: code 1234", ("1234",)),
    "other digits": ("kode ١٢٣٤٥٦", ()),
}


@pytest.mark.parametrize("case", TEXTS)
def test_codes_are_found(case: str) -> None:
    text, codes = TEXTS[case]
    assert find_codes(text) == codes


def test_a_long_text_of_digits_takes_no_time() -> None:
    assert len(find_codes("1234 " * 100_000)) == 1
