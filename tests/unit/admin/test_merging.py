"""How the answers of a cluster's partitions become one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.admin import callbacks, diagnosis, message_lists, senders
from dragoman.admin.account_answers import SenderList, SenderView
from dragoman.admin.answers import Check, Diagnosis, Finding, Overview, RouteView
from dragoman.admin.callbacks import WhichReceipts
from dragoman.admin.merging import add, by, first, greatest, merge, once, ordered
from dragoman.admin.message_answers import MessageList, MessageStatus, ScheduledStatus
from dragoman.admin.message_lists import WhichMessages
from dragoman.admin.operations import SUBJECTS
from dragoman.admin.senders import SenderPage
from dragoman.admin.whole import Gathered, Whole
from dragoman.core.callbacks.model.callback_lists import UnmatchedPage, UnmatchedReceipt
from dragoman.core.delivery.running import CarrierView, LinkView
from dragoman.core.messages.model.lifecycle import ReceiptState


def whole_of(subject: Any, path: str) -> Whole:
    """How an operation that lists is merged."""
    found = next(call for call in subject.CALLS if (call.method, call.path) == ("GET", path))
    assert found.whole is not None
    return found.whole  # type: ignore[no-any-return]


def gathered(*answers: Any, **more: Any) -> Gathered:
    return Gathered(answers=answers, numbers=tuple(range(len(answers))), own=answers[0], **more)


@pytest.mark.parametrize(
    ("values", "merged"),
    [
        ([(1, 2), (), (3,)], (1, 2, 3)),
        ([{"a": 1}, {"a": 2, "b": 3}], {"a": 3, "b": 3}),
        ([1, 2, 3], 6),
        ([False, True], True),
        (["one", "two"], "one"),
        ([None, None], None),
    ],
)
def test_values_are_added_by_what_they_are(values: list[Any], merged: Any) -> None:
    assert add(values) == merged


def test_rules_say_otherwise() -> None:
    assert greatest([None, 2.0, 1.0]) == 2.0
    assert greatest([None]) is None
    assert once([("a", "b"), ("b", "c")]) == ("a", "b", "c")
    assert ordered(lambda one: -one)([(1, 3), (2,)]) == (3, 2, 1)
    assert by(lambda one: one % 2, first)([(1, 2), (3, 4, 5)]) == (1, 2)


def message(message_id: int) -> MessageStatus:
    texts = dict.fromkeys(
        (
            *("account", "recipient", "sender", "state", "failure", "detail", "price"),
            *("carrier", "callback_answer"),
        ),
        "",
    )
    numbers = dict.fromkeys(("batch_id", "parts", "credits", "attempts", "created_ms"), 0)
    return MessageStatus(
        message_id=message_id,
        possible_duplicate=False,
        sent_ms=None,
        final_ms=None,
        **texts,
        **numbers,
    )


def page(numbers: list[int], before: int | None, limit: int) -> MessageList:
    """What a partition answers that has the messages of some numbers."""
    older = [n for n in sorted(numbers, reverse=True) if before is None or n < before]
    shown = older[:limit]
    following = str(shown[-1]) if len(older) > limit else ""
    return MessageList(messages=tuple(map(message, shown)), next=following)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_pages_of_messages_lead_to_each_once_newest_first(limit: int) -> None:
    partitions = [[*range(0, 40, 4)], [101, 99, 35, 2], [], [*range(50, 61)]]
    merge_page = whole_of(message_lists, "/messages").merge
    seen: list[int] = []
    before = None
    for _ in range(100):
        answers = [page(numbers, before, limit) for numbers in partitions]
        merged = merge_page(gathered(*answers, query=WhichMessages(limit=limit)))
        assert len(merged.messages) <= limit
        seen += (one.message_id for one in merged.messages)
        if not merged.next:
            break
        before = int(merged.next)
    assert seen == sorted((n for numbers in partitions for n in numbers), reverse=True)


def test_a_partition_that_looked_less_far_ends_the_page_of_all() -> None:
    far = MessageList(messages=(message(90), message(10)))
    near = MessageList(messages=(message(80),), next="50", looked_to_ms=1_000)
    merge_page = whole_of(message_lists, "/messages").merge
    merged = merge_page(gathered(far, near, query=WhichMessages(limit=5)))
    assert [one.message_id for one in merged.messages] == [90, 80]
    assert (merged.next, merged.looked_to_ms) == ("50", 1_000)


def scheduled(due_ms: int, batch_id: int) -> ScheduledStatus:
    return ScheduledStatus(
        batch_id=batch_id,
        account="",
        dialect="",
        reference="",
        sender="",
        text="",
        due_ms=due_ms,
        recipients=1,
        recipient="",
    )


def test_pages_of_what_is_scheduled_begin_with_the_first_due() -> None:
    partitions = [[(1, 5), (3, 1)], [(1, 2), (2, 9), (9, 3)]]
    merge_page = whole_of(message_lists, "/messages").merge
    seen: list[tuple[int, int]] = []
    after: tuple[int, int] | None = None
    for _ in range(10):
        answers = []
        for positions in partitions:
            left = [one for one in positions if after is None or one > after]
            following = "{}-{}".format(*left[1]) if len(left) > 2 else ""
            shown = tuple(scheduled(*one) for one in left[:2])
            answers.append(MessageList(scheduled=shown, next=following))
        query = WhichMessages(states="scheduled", limit=2)
        merged = merge_page(gathered(*answers, query=query))
        seen += ((one.due_ms, one.batch_id) for one in merged.scheduled)
        if not merged.next:
            break
        due_ms, batch_id = map(int, merged.next.split("-"))
        after = due_ms, batch_id
    assert seen == [(1, 2), (1, 5), (2, 9), (3, 1), (9, 3)]


def test_pages_of_unmatched_receipts_are_merged_like_those_of_messages() -> None:
    def receipt(receipt_id: int) -> UnmatchedReceipt:
        return UnmatchedReceipt(
            receipt_id=receipt_id,
            carrier="smsc",
            carrier_message_id="",
            recipient="",
            state=ReceiptState.DELIVERED,
            error="",
            raw="",
        )

    one = UnmatchedPage(receipts=tuple(map(receipt, (90, 40))), before=40)
    other = UnmatchedPage(receipts=tuple(map(receipt, (80, 30))))
    merge_page = whole_of(callbacks, "/callbacks/receipts").merge
    merged = merge_page(gathered(one, other, query=WhichReceipts(limit=5)))
    assert [found.receipt_id for found in merged.receipts] == [90, 80, 40]
    assert merged.before == 40
    merged = merge_page(gathered(one, other, query=WhichReceipts(limit=2)))
    assert ([found.receipt_id for found in merged.receipts], merged.before) == ([90, 80], 80)


def test_a_page_by_offset_is_cut_from_all_up_to_its_end() -> None:
    def sender(sender_id: int) -> SenderView:
        return SenderView(
            sender_id=sender_id,
            account="",
            sender="",
            state="pending",
            company=None,
            contact=None,
            since_ms=0,
        )

    whole = whole_of(senders, "/senders")
    query = SenderPage(offset=2, limit=2, pending=True)
    assert whole.ask is not None
    assert whole.ask(query) == SenderPage(offset=0, limit=4, pending=True)
    answers = (
        SenderList(senders=tuple(map(sender, (1, 4, 6))), total=3),
        SenderList(senders=tuple(map(sender, (2, 5))), total=2),
    )
    merged = whole.merge(gathered(*answers, query=query))
    assert [one.sender_id for one in merged.senders] == [4, 5]
    assert merged.total == 5


def carrier(*, elsewhere: bool, **more: Any) -> CarrierView:
    links = () if elsewhere else (LINK,)
    return CarrierView(
        name="smsc",
        capacity=10,
        round_trip_ms=None,
        rate_per_s=None,
        links=links,
        elsewhere=elsewhere,
        **{"up": True, "in_flight": 0, **more},
    )


LINK = LinkView(
    name="smsc-1",
    bound=True,
    outstanding=0,
    waiting=0,
    reconnects=0,
    throttled=0,
    last_error="",
)


def test_a_carrier_is_shown_as_its_holder_sees_it() -> None:
    def overview(one: CarrierView, waiting: int, oldest_s: float | None) -> Overview:
        route = RouteView(name="default", waiting=waiting, oldest_s=oldest_s)
        return Overview(
            running=True,
            version="1",
            accounts=1,
            pid=7,
            started_ms=1,
            problems=("no disk",),
            carriers=(one,),
            routes=(route,),
            in_flight=one.in_flight,
        )

    merged = whole_of(diagnosis, "/status").merge(
        gathered(
            overview(carrier(elsewhere=True, in_flight=2, outcomes={"accepted": 3}), 4, None),
            overview(carrier(elsewhere=False, in_flight=1, outcomes={"accepted": 1}), 2, 8.0),
            missing=(2,),
        )
    )
    (shown,) = merged.carriers
    assert (shown.links, shown.in_flight, shown.outcomes) == ((LINK,), 3, {"accepted": 4})
    assert merged.routes == (RouteView(name="default", waiting=6, oldest_s=8.0),)
    assert (merged.accounts, merged.pid, merged.in_flight) == (2, 7, 3)
    assert merged.problems == ("no disk", "partition 2 has no owner")


def test_the_worst_that_a_partition_found_is_shown() -> None:
    def checks(*given: tuple[str, Finding, str, float]) -> Diagnosis:
        shaped = (Check(name=n, finding=f, detail=d, amount=a) for n, f, d, a in given)
        return Diagnosis(checks=tuple(shaped))

    alike = ("clock", Finding.OK, "later than everything stored", 0.0)
    merged = whole_of(diagnosis, "/diagnosis").merge(
        gathered(
            checks(alike, ("queue", Finding.OK, "3 waiting", 3.0)),
            checks(alike, ("queue", Finding.OK, "7 waiting", 7.0)),
            checks(alike, ("callbacks of shop", Finding.WARNING, "held", 0.0)),
            missing=(3,),
        )
    )
    assert [(check.name, check.detail) for check in merged.checks] == [
        ("partitions", "partition 3 has no owner: its accounts are refused"),
        ("clock", "later than everything stored"),
        ("queue", "partition 1: 7 waiting"),
        ("callbacks of shop", "held"),
    ]


def test_what_is_about_no_single_account_is_asked_of_all() -> None:
    """A new list is forgotten easily: it would show one partition's, and look complete."""
    one_partition = {
        ("GET", "/prices/{carrier}"),  # alike in all
        ("GET", "/routes/explanation"),  # of an account
        ("GET", "/cluster"),
        ("GET", "/tokens"),  # of the first partition
    }
    lists = [
        (call.method, call.path)
        for subject in SUBJECTS
        for call in subject.CALLS
        if call.method == "GET" and call.whole is None and not _names_something(call.path)
    ]
    assert {*lists} <= one_partition


def _names_something(path: str) -> bool:
    names = ("{username}", "{identifier}", "{device_id", "{bind_id}")
    return any(name in path for name in names)


def test_answers_of_one_type_are_merged_field_by_field() -> None:
    class Counts(msgspec.Struct, frozen=True, kw_only=True):
        name: str
        count: int
        newest: int

    merged = merge(
        [Counts(name="a", count=1, newest=5), Counts(name="b", count=2, newest=3)], newest=max
    )
    assert merged == Counts(name="a", count=3, newest=5)
