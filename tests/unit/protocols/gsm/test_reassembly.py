"""Inbound parts in any order, twice, never, and under references used again."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.protocols.gsm.reassembly import (
    Complete,
    Duplicate,
    InboundPart,
    Partial,
    Reassembler,
    Waiting,
)


def part(
    number: int,
    content: str | bytes,
    *,
    total: int = 3,
    reference: int = 7,
    source: str = "4520304050",
    received_ms: int = 0,
    handle: object = None,
) -> InboundPart:
    return InboundPart(
        source=source,
        destination="1234",
        reference=reference,
        total=total,
        number=number,
        content=content,
        received_ms=received_ms,
        handle=handle if handle is not None else f"{content!r}",
    )


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
def test_parts_complete_in_any_order(order: tuple[int, ...]) -> None:
    texts = {1: "one ", 2: "two ", 3: "three"}
    reassembler = Reassembler()
    outcomes = [reassembler.add(part(n, texts[n], handle=n)) for n in order]
    assert outcomes[:2] == [Waiting(received=1, total=3), Waiting(received=2, total=3)]
    complete = outcomes[2]
    assert isinstance(complete, Complete)
    assert complete.content == "one two three"
    assert complete.handles == (1, 2, 3)
    assert len(reassembler) == 0


def test_octets_join_across_a_cut_surrogate_pair() -> None:
    reassembler = Reassembler()
    reassembler.add(part(2, b"\xde\x00", total=2))
    complete = reassembler.add(part(1, b"\xd8\x3d", total=2))
    assert isinstance(complete, Complete)
    assert isinstance(complete.content, bytes)
    assert complete.content.decode("utf-16-be") == "😀"


@pytest.mark.parametrize(("total", "number"), [(1, 1), (0, 0), (3, 0), (2, 3), (-1, 1)])
def test_part_with_senseless_numbers_is_complete_by_itself(total: int, number: int) -> None:
    outcome = Reassembler().add(part(number, "alone", total=total, handle="h"))
    assert isinstance(outcome, Complete)
    assert (outcome.content, outcome.handles) == ("alone", ("h",))


@pytest.mark.parametrize(
    "other",
    [
        part(2, "x", source="4599"),
        part(2, "x", reference=8),
        part(2, "x", total=4),
        part(2, b"x"),
    ],
)
def test_messages_with_another_key_do_not_mix(other: InboundPart) -> None:
    reassembler = Reassembler()
    reassembler.add(part(1, "a"))
    assert reassembler.add(other) == Waiting(received=1, total=other.total)
    assert len(reassembler) == 2


def test_part_again_while_open_releases_the_first_handle() -> None:
    reassembler = Reassembler()
    reassembler.add(part(1, "a", total=2, handle="first"))
    again = reassembler.add(part(1, "a", total=2, handle="second"))
    assert again == Duplicate(released="first")
    complete = reassembler.add(part(2, "b", total=2, handle="third"))
    assert isinstance(complete, Complete)
    assert complete.handles == ("second", "third")


def test_part_again_after_completion_releases_its_own_handle() -> None:
    reassembler = Reassembler()
    reassembler.add(part(1, "a", total=2))
    reassembler.add(part(2, "b", total=2))
    again = reassembler.add(part(2, "b", total=2, handle="late"))
    assert again == Duplicate(released="late")
    assert len(reassembler) == 0
    assert reassembler.expire(1_000_000) == []


def test_part_again_after_the_memory_expired_begins_a_message() -> None:
    reassembler = Reassembler()
    reassembler.add(part(1, "a", total=2, received_ms=10))
    reassembler.add(part(2, "b", total=2, received_ms=20))
    assert reassembler.expire(21) == []
    assert reassembler.add(part(2, "b", total=2)) == Waiting(received=1, total=2)


def test_reference_used_again_after_completion_begins_a_message() -> None:
    reassembler = Reassembler()
    reassembler.add(part(1, "a", total=2))
    reassembler.add(part(2, "b", total=2))
    assert reassembler.add(part(1, "c", total=2)) == Waiting(received=1, total=2)
    complete = reassembler.add(part(2, "b", total=2))
    assert isinstance(complete, Complete)
    assert complete.content == "cb"


def test_reference_used_again_with_the_same_first_part_completes() -> None:
    reassembler = Reassembler()
    for number, text in ((1, "Dear customer, "), (2, "pay")):
        reassembler.add(part(number, text, total=2))
    first = reassembler.add(part(1, "Dear customer, ", total=2, handle="h1"))
    assert first == Duplicate(released="h1")
    complete = reassembler.add(part(2, "thanks", total=2, handle="h2"))
    assert isinstance(complete, Complete)
    assert complete.content == "Dear customer, thanks"
    assert complete.handles == ("h2",)


def test_whole_message_delivered_twice_leaves_nothing_for_the_next() -> None:
    reassembler = Reassembler()
    for _ in range(2):
        outcomes = [reassembler.add(part(n, t, total=2)) for n, t in ((1, "a"), (2, "b"))]
    assert [type(outcome) for outcome in outcomes] == [Duplicate, Duplicate]
    assert reassembler.add(part(2, "z", total=2)) == Waiting(received=1, total=2)


def test_reference_used_again_while_open_displaces_the_older_message() -> None:
    reassembler = Reassembler()
    reassembler.add(part(1, "old"))
    reassembler.add(part(3, "older"))
    outcome = reassembler.add(part(1, "new"))
    assert outcome == Waiting(
        received=1,
        total=3,
        displaced=Partial(parts=(part(1, "old"), part(3, "older")), missing=(2,)),
    )
    assert len(reassembler) == 1


def test_oldest_open_message_makes_way_when_there_are_too_many() -> None:
    reassembler = Reassembler(max_open=2)
    reassembler.add(part(1, "a", reference=1))
    reassembler.add(part(2, "b", reference=2))
    outcome = reassembler.add(part(3, "c", reference=3))
    assert isinstance(outcome, Waiting)
    assert outcome.displaced == Partial(parts=(part(1, "a", reference=1),), missing=(2, 3))
    assert len(reassembler) == 2


def test_expire_delivers_what_came_with_a_mark() -> None:
    reassembler = Reassembler()
    reassembler.add(part(3, "late", received_ms=1_000, handle="h3"))
    reassembler.add(part(1, "early", received_ms=5_000, handle="h1"))
    reassembler.add(part(1, "other", reference=9, received_ms=4_000))
    assert reassembler.expire(1_000) == []
    (partial,) = reassembler.expire(1_001)
    assert (partial.content, partial.missing) == ("earlylate", (2,))
    assert partial.handles == ("h1", "h3")
    assert len(reassembler) == 1


def test_redelivery_does_not_hold_a_message_open() -> None:
    reassembler = Reassembler()
    reassembler.add(part(1, "a", received_ms=0))
    reassembler.add(part(1, "a", received_ms=9_000))
    assert len(reassembler.expire(1)) == 1


def test_complete_messages_are_remembered_within_bounds() -> None:
    reassembler = Reassembler(max_open=2)
    for reference in (1, 2, 3):
        for number in (1, 2):
            reassembler.add(part(number, "x", total=2, reference=reference))
    assert isinstance(reassembler.add(part(1, "x", total=2, reference=3)), Duplicate)
    assert isinstance(reassembler.add(part(1, "x", total=2, reference=1)), Waiting)


def test_message_completed_by_known_parts_does_not_lose_what_makes_way() -> None:
    """Bug: the displaced message went with neither outcome."""
    reassembler = Reassembler(max_open=1)
    for number in (1, 2):
        reassembler.add(part(number, "a", total=2, reference=1, handle=number))
    reassembler.add(part(1, "a", total=2, reference=1, handle=3))  # delivered again
    reassembler.add(part(1, "x", total=2, reference=2, handle=4))  # fills the room
    outcome = reassembler.add(part(2, "b", total=2, reference=1, handle=5))
    assert isinstance(outcome, Complete)
    assert outcome.displaced is not None
    assert outcome.displaced.handles == (4,)
    assert 5 in outcome.handles


@given(st.data())
def test_every_handle_comes_back_once(data: st.DataObject) -> None:
    reassembler = Reassembler(max_open=3)
    returned: list[object] = []
    count = data.draw(st.integers(0, 40))
    for handle in range(1, count + 1):
        outcome = reassembler.add(
            part(
                data.draw(st.integers(0, 3)),
                data.draw(st.sampled_from(["a", "b"])),
                total=data.draw(st.integers(1, 3)),
                reference=data.draw(st.integers(0, 2)),
                handle=handle,
            )
        )
        assert len(reassembler) <= 3
        match outcome:
            case Complete(displaced=displaced):
                returned.extend(outcome.handles)
                if displaced is not None:
                    returned.extend(displaced.handles)
            case Duplicate(released=released) if released is not None:
                returned.append(released)
            case Waiting(displaced=displaced) if displaced is not None:
                returned.extend(displaced.handles)
    for partial in reassembler.expire(1):
        assert partial.missing
        returned.extend(partial.handles)
    assert sorted(returned) == list(range(1, count + 1))  # type: ignore[type-var]
