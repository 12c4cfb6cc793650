"""Recipients in the row of their batch, read some at a time."""

from __future__ import annotations

import pytest

from dragoman.core.submission.audiences import Recipient
from dragoman.core.submission.waiting import WaitingRecipients, decode_waiting, encode_waiting

NUMBERS = [f"46{70_000_000 + n}" for n in range(1_203)]
TEXTS = ["", 'a "],["46" b', "two\nlines", "],[", None]
OWN = [Recipient(number, TEXTS[n % len(TEXTS)]) for n, number in enumerate(NUMBERS)]
PLAIN = encode_waiting(NUMBERS, None)
WITH_TEXTS = encode_waiting(NUMBERS, OWN)
ALL = {
    "plain": (PLAIN, [(number, None) for number in NUMBERS]),
    "texts": (WITH_TEXTS, [(one.number, one.text) for one in OWN]),
    "one": (b"4670000000", [("4670000000", None)]),
    "none": (b"", []),
}


@pytest.mark.parametrize("case", ALL)
def test_what_is_stored_is_read_again(case: str) -> None:
    stored, recipients = ALL[case]
    assert decode_waiting(stored) == recipients


@pytest.mark.parametrize("case", ALL)
@pytest.mark.parametrize("at_once", [1, 100, 1_203, 5_000])
def test_recipients_are_read_some_at_a_time(case: str, at_once: int) -> None:
    stored, recipients = ALL[case]
    waiting, read = WaitingRecipients(stored), []
    while some := waiting.read(at_once):
        assert waiting.are_all(at_once) is (len(read) + len(some) == len(recipients))
        waiting.skip(len(some))
        read += some
        waiting = WaitingRecipients(stored, waiting.offset)
    assert read == recipients


@pytest.mark.parametrize("case", ALL)
@pytest.mark.parametrize("skipped", [0, 1, 700])
def test_the_numbers_of_all_that_are_left_are_known(case: str, skipped: int) -> None:
    stored, recipients = ALL[case]
    waiting = WaitingRecipients(stored)
    waiting.skip(skipped)
    numbers = [number for some in waiting.numbers() for number in some]
    assert numbers == [number for number, _ in recipients[skipped:]]
