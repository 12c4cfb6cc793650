"""A charge follows its message, never goes backwards, and is given back at most once."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from dragoman.core.messages.model.lifecycle import TRANSITIONS, State
from dragoman.core.messages.model.premium import (
    PREMIUM_STATES,
    PREMIUM_TRANSITIONS,
    REFUNDABLE,
    BillingTerms,
    ContentType,
    Premium,
    PremiumState,
    ShortCode,
)

P = PremiumState

FOLLOWS = {
    State.SCHEDULED: P.TRANSACTION_FORWARDED,
    State.QUEUED: P.TRANSACTION_FORWARDED,
    State.SENDING: P.TRANSACTION_FORWARDED,
    State.SENT: P.SMS_FORWARDED,
    State.UNKNOWN: P.SMS_FORWARDED,
    State.DELIVERED: P.TRANSACTION_CAPTURED,
    State.UNDELIVERED: P.SMS_REJECTED,
    State.EXPIRED: P.TRANSACTION_FAILED,
    State.REJECTED: P.TRANSACTION_REJECTED,
    State.CANCELLED: P.TRANSACTION_FAILED,
}


@pytest.mark.parametrize("state", State)
def test_charge_of_a_message_follows_its_state(state: State) -> None:
    assert PREMIUM_STATES[state] is FOLLOWS[state]


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_every_step_of_a_message_is_a_step_of_its_charge_or_none(
    before: State, after: State
) -> None:
    if after in TRANSITIONS[before] and PREMIUM_STATES[before] != PREMIUM_STATES[after]:
        assert PREMIUM_STATES[after] in PREMIUM_TRANSITIONS[PREMIUM_STATES[before]]


@pytest.mark.parametrize("state", PremiumState)
def test_charge_never_goes_backwards(state: PremiumState) -> None:
    # Storage compares the numbers, so they must agree with the table.
    assert all(after > state for after in PREMIUM_TRANSITIONS[state])
    followers = PREMIUM_TRANSITIONS[state] - {P.REFUND_FAILED, P.TRANSACTION_REFUNDED}
    assert bool(followers) == (state < P.TRANSACTION_CAPTURED)


def test_every_state_of_a_charge_has_its_row() -> None:
    assert set(PREMIUM_TRANSITIONS) == set(PremiumState)


@pytest.mark.parametrize("state", PremiumState)
def test_only_what_was_captured_can_be_refunded(state: PremiumState) -> None:
    assert (state in REFUNDABLE) == (state in {P.TRANSACTION_CAPTURED, P.REFUND_FAILED})


CODE = ShortCode(
    number="1272",
    country_code="45",
    accounts=frozenset({"shop"}),
    content_types=(
        ContentType(content_type_id=9, description="a"),
        ContentType(content_type_id=15, description="b", expires=date(2026, 9, 21)),
    ),
)


@pytest.mark.parametrize(
    ("sender", "named"),
    [("1272", True), ("+451272", True), ("451272", True), ("+471272", False), ("12720", False)],
)
def test_short_code_is_named_with_its_country_or_without(sender: str, named: bool) -> None:
    assert CODE.is_named(sender) is named


def test_short_code_without_accounts_is_everybodys() -> None:
    assert not CODE.belongs_to("other")
    assert CODE.belongs_to("shop")
    assert ShortCode(number="1272", country_code="45", content_types=()).belongs_to("other")


def test_content_type_can_be_used_up_to_its_last_day() -> None:
    expiring = CODE.content_type(15)
    assert expiring is not None
    assert expiring.usable_on(date(2026, 9, 21))
    assert not expiring.usable_on(date(2026, 9, 22))
    assert CODE.content_type(1) is None


@pytest.mark.parametrize(
    ("terms", "price", "able"),
    [
        (BillingTerms(), 100, False),
        (BillingTerms(content_type_tag=0x1401), 100, False),
        (BillingTerms(price_tag=0x1400), 1_000_000, True),
        (BillingTerms(service_type="PREM"), 100, False),
        (BillingTerms(service_type="P{price}"), 9_999, True),
        (BillingTerms(service_type="P{price}"), 10_000, False),
        (BillingTerms(price_tag=0x1400, service_type="PREM"), 10_000, True),
    ],
)
def test_carrier_bills_what_it_can_be_told(terms: BillingTerms, price: int, able: bool) -> None:
    assert terms.can_bill(Premium(price=price, content_type=9)) is able
