"""The tables that turn our words into this API's are complete."""

from __future__ import annotations

import pytest

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode, RefusalCode
from dragoman.dialects.twilio import errors, mapping
from dragoman.web.refusals import RefusalKind

STATUSES = {
    "queued", "sending", "sent", "failed", "delivered", "undelivered", "receiving", "received",
    "accepted", "scheduled", "read", "partially_delivered", "canceled",
}  # fmt: skip


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_a_code_with_a_text(code: RefusalCode) -> None:
    wording = errors.WORDINGS[errors.REFUSALS[code]]
    assert wording.text
    assert 400 <= wording.status < 600


@pytest.mark.parametrize("kind", RefusalKind)
def test_everything_unreadable_has_a_code(kind: RefusalKind) -> None:
    number = errors.UNREADABLE.get(kind) or errors.REFUSALS[errors.CODES_OF_KIND[kind]]
    assert number in errors.WORDINGS


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("left", [False, True])
def test_every_state_has_a_status(state: State, left: bool) -> None:
    assert mapping.outcome_of(state, FailureCode.NONE, left=left).status in STATUSES


@pytest.mark.parametrize("failure", FailureCode)
def test_every_failure_has_a_code_with_a_text(failure: FailureCode) -> None:
    outcome = mapping.outcome_of(State.UNDELIVERED, failure, left=True)
    assert outcome.error_code == mapping.ERRORS[failure]
    assert bool(outcome.error_message) == (outcome.error_code is not None)
    without = {FailureCode.NONE, FailureCode.CANCELLED}
    assert (outcome.error_code is None) == (failure in without)


def test_what_went_well_has_no_error() -> None:
    assert mapping.outcome_of(State.DELIVERED, FailureCode.NETWORK, left=True).error_code is None


PRICES = {0: None, 1: "-0.00010", 75: "-0.00750", 12_345: "-1.23450"}


@pytest.mark.parametrize("price", PRICES)
def test_a_price_is_taken_away(price: int) -> None:
    assert mapping.render_price(price) == PRICES[price]
