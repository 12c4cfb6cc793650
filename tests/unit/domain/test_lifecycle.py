"""A message's state never goes backwards, and what carriers report leads somewhere."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from dragoman.core.messages.model.lifecycle import (
    CANCELLABLE,
    TRANSITIONS,
    ReceiptState,
    State,
    is_end,
    may_go,
    state_of_parts,
    state_of_receipt,
)

ENDS = {State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.REJECTED, State.CANCELLED}

# Rows are where a message is, columns where it would go, in the order of the enum.
WALK = {
    State.SCHEDULED: ". q s . . . . e r c",
    State.QUEUED: ". . s S . . . e r c",
    State.SENDING: ". . . S u d x e r .",
    State.SENT: ". . . . u d x e r .",
    State.UNKNOWN: ". . . . . d x e r .",
    State.DELIVERED: ". . . . . . . . . .",
    State.UNDELIVERED: ". . . . . . . . . .",
    State.EXPIRED: ". . . . . . . . . .",
    State.REJECTED: ". . . . . . . . . .",
    State.CANCELLED: ". . . . . . . . . .",
}


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_every_pair_of_states_goes_as_the_table_says(before: State, after: State) -> None:
    column = list(State).index(after)
    assert may_go(before, after) == (WALK[before].split()[column] != ".")


def test_every_state_has_its_row() -> None:
    assert set(TRANSITIONS) == set(State)


@pytest.mark.parametrize("state", State)
def test_nothing_leaves_an_end_and_only_an_end(state: State) -> None:
    assert is_end(state) == (state in ENDS)
    assert (not TRANSITIONS[state]) == (state in ENDS)


def test_stored_numbers_grow_along_the_way() -> None:
    for before, targets in TRANSITIONS.items():
        assert all(after > before for after in targets)


def test_every_state_is_reached_from_the_first() -> None:
    reached, waiting = {State.SCHEDULED}, [State.SCHEDULED]
    while waiting:
        for state in TRANSITIONS[waiting.pop()] - reached:
            reached.add(state)
            waiting.append(state)
    assert reached == set(State)


def test_every_state_that_is_no_end_leads_to_one() -> None:
    for state in set(State) - ENDS:
        assert TRANSITIONS[state] & ENDS


def test_stored_numbers_are_what_databases_hold() -> None:
    assert {state.name: state.value for state in State} == {
        "SCHEDULED": 0, "QUEUED": 10, "SENDING": 20, "SENT": 30, "UNKNOWN": 35, "DELIVERED": 40,
        "UNDELIVERED": 41, "EXPIRED": 42, "REJECTED": 43, "CANCELLED": 44,
    }  # fmt: skip


REPORTS = {
    ReceiptState.ENROUTE: None,
    ReceiptState.DELIVERED: State.DELIVERED,
    ReceiptState.EXPIRED: State.EXPIRED,
    ReceiptState.DELETED: State.UNDELIVERED,
    ReceiptState.UNDELIVERABLE: State.UNDELIVERED,
    ReceiptState.ACCEPTED: None,
    ReceiptState.UNKNOWN: State.UNKNOWN,
    ReceiptState.REJECTED: State.REJECTED,
}


@pytest.mark.parametrize("reported", ReceiptState)
def test_a_report_leads_to_its_state(reported: ReceiptState) -> None:
    assert state_of_receipt(reported) is REPORTS[reported]


@pytest.mark.parametrize("reported", ReceiptState)
def test_a_reported_state_can_follow_a_submit(reported: ReceiptState) -> None:
    state = state_of_receipt(reported)
    assert state is None or (may_go(State.SENT, state) and may_go(State.SENDING, state))


PARTS: list[tuple[tuple[State | None, ...], State | None]] = [
    ((State.DELIVERED,), State.DELIVERED),
    ((State.DELIVERED, State.DELIVERED), State.DELIVERED),
    ((State.DELIVERED, None), None),
    ((None, None), None),
    ((State.UNDELIVERED, None), State.UNDELIVERED),
    ((None, State.EXPIRED), State.EXPIRED),
    ((State.DELIVERED, State.EXPIRED, State.UNDELIVERED), State.EXPIRED),
    ((State.UNDELIVERED, State.EXPIRED), State.UNDELIVERED),
    ((State.UNKNOWN, State.DELIVERED), State.UNKNOWN),
    ((State.UNKNOWN, None), None),
    ((State.UNKNOWN, State.REJECTED), State.REJECTED),
]


@pytest.mark.parametrize(("parts", "expected"), PARTS)
def test_a_message_of_parts_has_one_state(
    parts: tuple[State | None, ...], expected: State | None
) -> None:
    assert state_of_parts(parts) is expected


def test_a_message_is_delivered_only_if_every_part_is() -> None:
    reported = [None, *(state for state in REPORTS.values() if state is not None)]
    for parts in product(dict.fromkeys(reported), repeat=3):
        delivered = state_of_parts(parts) is State.DELIVERED
        assert delivered == (set(parts) == {State.DELIVERED})


def test_the_order_of_reports_changes_only_which_failure_is_told() -> None:
    for parts in permutations((State.DELIVERED, State.UNKNOWN, State.EXPIRED, None)):
        assert state_of_parts(parts) is State.EXPIRED


def test_a_message_is_stopped_only_before_a_carrier_has_it() -> None:
    assert {State.SCHEDULED, State.QUEUED} == CANCELLABLE
