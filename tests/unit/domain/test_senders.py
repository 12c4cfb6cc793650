"""Senders are numbers, short codes or names a phone can show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.connectors.smpp.profiles import Profile
from dragoman.connectors.smpp.submits import render_submits
from dragoman.core.accounts.model.senders import MAX_DIGITS, MAX_LETTERS, normalise_sender
from dragoman.core.messages.model.messages import Outgoing
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.protocols.gsm.alphabet import DEFAULT_ALPHABET, Alphabet, unencodable
from dragoman.protocols.gsm.segmentation import UserData
from dragoman.protocols.smpp.codec import encode

GOOD = [
    "Dragoman", "A", "12345678901", "+4512345678", "1245", "123456789012345", "+123456789012345",
    "Tom & Jerry", "ÆØÅ", "a b", "1-2-3", "+45abc",
]  # fmt: skip


@pytest.mark.parametrize("sender", GOOD)
def test_a_good_sender_stays_as_it_is(sender: str) -> None:
    assert normalise_sender(sender) == sender


BAD = [
    ("", "empty"),
    ("   ", "empty"),
    ("TwelveLetter", "more than 11 characters"),
    ("1234567890123456", "more than 15 digits"),
    ("+1234567890123456", "more than 15 digits"),
    ("1" * 23, "more than 11 characters"),
    ("Жук", "characters outside the GSM alphabet"),
    ("line\nbreak", "characters outside the GSM alphabet"),
    ("tab\there", "characters outside the GSM alphabet"),
    ("a\x1bb", "characters outside the GSM alphabet"),
    ("😀", "characters outside the GSM alphabet"),
    ("a\u202eb", "characters outside the GSM alphabet"),
    # They were accepted, and failed when they were to be written into a PDU.
    ("€uro", "characters outside Latin-1"),
    ("ΔΣ", "characters outside Latin-1"),
    ("Ωmega", "characters outside Latin-1"),
    ("x" * 5000, "more than 11 characters"),
]


@pytest.mark.parametrize(("sender", "detail"), BAD)
def test_a_bad_sender_is_refused(sender: str, detail: str) -> None:
    with pytest.raises(Refused) as refused:
        normalise_sender(sender)
    assert refused.value.code is RefusalCode.INVALID_SENDER
    assert refused.value.detail == detail
    assert len(refused.value.subject) <= 32


_MESSAGE: dict[str, Any] = {
    "message_id": 1,
    "recipient": "4511111111",
    "parts": (UserData(udh=b"", data=b"hi"),),
    "alphabet": Alphabet.GSM7,
}


@given(st.text(max_size=24) | st.text(DEFAULT_ALPHABET + "€[]", max_size=MAX_LETTERS))
def test_what_passes_can_be_sent(sender: str) -> None:
    try:
        passed = normalise_sender(sender)
    except Refused:
        return
    digits = passed.removeprefix("+")
    numeric = digits.isascii() and digits.isdigit()
    assert len(digits if numeric else passed) <= (MAX_DIGITS if numeric else MAX_LETTERS)
    assert not unencodable(passed)
    (pdu,) = render_submits(Outgoing(**_MESSAGE, sender=passed), Profile(), 0)
    encode(pdu)
