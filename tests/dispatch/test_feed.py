"""The live feed over real SMPP: what listeners hear, and what happens to a slow one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.passing_time import PATIENCE_S

from dragoman.config.tables import RouteTable
from dragoman.core.messages import feed as feed_module
from dragoman.core.messages.feed import FeedEvent, FeedFilter, FeedPage, Listener, read_filter
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.protocols.smpp.constants import CommandStatus, MessageState
from dragoman.testkit.simulator import Behaviour

S = State


async def heard(listener: Listener, count: int) -> list[FeedEvent]:
    events: list[FeedEvent] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(events) < count:
            events += (await listener.next(1.0)).events
    return events


async def test_a_listener_hears_the_whole_way_of_a_message(
    make_harness: Any, simulator: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    with harness.feed.listen(FeedFilter()) as listener:
        await harness.submit(account)
        events = await heard(listener, 4)
    assert [(e.before, e.state, e.carrier) for e in events] == [
        (None, S.QUEUED, ""),
        (S.QUEUED, S.SENDING, "smsc"),
        (S.SENDING, S.SENT, "smsc"),
        (S.SENT, S.DELIVERED, "smsc"),
    ]
    first = events[0]
    assert (first.account_id, first.recipient) == (account.account_id, "4511111111")
    assert (first.dialect, first.route, first.parts) == ("test", "default", 1)
    assert harness.feed.listeners == ()


async def test_what_is_heard_late_was_so_at_the_change(make_harness: Any, simulator: Any) -> None:
    simulator.behave("45", Behaviour(state=MessageState.UNDELIVERABLE, error="001"))
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    with harness.feed.listen(FeedFilter()) as listener:
        await harness.submit(account)
        await harness.until_states(account, S.UNDELIVERED)
        await harness.until_forgotten()
        events = await heard(listener, 4)
    none = FailureCode.NONE
    assert [(e.before, e.state, e.carrier, e.failure) for e in events] == [
        (None, S.QUEUED, "", none),
        (S.QUEUED, S.SENDING, "smsc", none),
        (S.SENDING, S.SENT, "smsc", none),
        (S.SENT, S.UNDELIVERED, "smsc", FailureCode.UNKNOWN_SUBSCRIBER),
    ]
    assert [event.at_ms for event in events] == sorted(event.at_ms for event in events)


async def test_rejections_are_heard_with_their_reason(make_harness: Any, simulator: Any) -> None:
    simulator.behave("45", Behaviour(status=CommandStatus.ESME_RINVDSTADR))
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.opt_outs.add(account, "4522222222")
    with harness.feed.listen(FeedFilter(states=frozenset({S.REJECTED}))) as listener:
        await harness.submit(account, "4511111111", "4522222222")
        events = await heard(listener, 2)
    failures = {event.recipient: (event.before, event.failure) for event in events}
    assert failures == {
        "4511111111": (S.SENDING, FailureCode.INVALID_DESTINATION),
        "4522222222": (None, FailureCode.OPTED_OUT),
    }


FILTERS = {
    "another account": (lambda mine: FeedFilter(accounts=frozenset({mine + 1})), 0),
    "the account": (lambda mine: FeedFilter(accounts=frozenset({mine})), 4),
    "a state": (lambda _: FeedFilter(states=frozenset({S.DELIVERED})), 1),
    "how the number begins": (lambda _: FeedFilter(recipient="4511"), 4),
    "another number": (lambda _: FeedFilter(recipient="4512"), 0),
    "another route": (lambda _: FeedFilter(route="b"), 0),
    "another dialect": (lambda _: FeedFilter(dialect="httpsms"), 0),
    "all of it": (
        lambda mine: FeedFilter(
            accounts=frozenset({mine}),
            states=frozenset({S.SENT}),
            recipient="45",
            route="a",
            dialect="test",
        ),
        1,
    ),
}


@pytest.mark.parametrize("case", FILTERS)
async def test_filters_narrow(make_harness: Any, simulator: Any, case: str) -> None:
    make, count = FILTERS[case]
    routes = [RouteTable(name="a", carriers=("smsc",))]
    harness = await make_harness(carriers={"smsc": simulator.port}, routes=routes)
    account = await harness.account()
    with (
        harness.feed.listen(make(account.account_id)) as listener,
        harness.feed.listen(FeedFilter(states=frozenset({S.DELIVERED}))) as end,
    ):
        await harness.submit(account)
        await heard(end, 1)
        page = await listener.next(0.0)
    assert (len(page.events), page.dropped) == (count, 0)


async def test_a_slow_listener_loses_the_oldest_and_is_told(
    make_harness: Any, simulator: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    with harness.feed.listen(FeedFilter(states=frozenset({S.DELIVERED})), limit=5) as slow:
        await harness.submit(account, *(f"45{n:08}" for n in range(20)))
        await harness.until_states(account, S.DELIVERED, count=20)
        await harness.until_forgotten()
        page = await slow.next(1.0)
        assert (len(page.events), page.dropped, slow.dropped) == (5, 15, 15)
        assert (await slow.next(0.01)).dropped == 0
    assert harness.metrics.feed_dropped == 15


async def test_a_listener_that_shows_few_is_given_the_newest(
    make_harness: Any, simulator: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    numbers = [f"45{n:08}" for n in range(20)]
    with harness.feed.listen(FeedFilter(states=frozenset({S.QUEUED})), limit=15) as listener:
        await harness.submit(account, *numbers)
        page = await listener.next(1.0, 10)
        assert [event.recipient for event in page.events] == numbers[-10:]
        assert (page.dropped, page.skipped) == (5, 5)
        assert await listener.next(0.0, 10) == FeedPage(events=())


async def test_listeners_are_bounded(make_harness: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "MAX_LISTENERS", 1)
    harness = await make_harness(carriers={}, start=False)
    with (
        harness.feed.listen(FeedFilter()),
        pytest.raises(Refused) as refused,
        harness.feed.listen(FeedFilter()),
    ):
        pass
    assert refused.value.code is RefusalCode.UNAVAILABLE


def test_filters_are_read_as_people_write_them() -> None:
    wanted = read_filter(accounts=None, states="Delivered, sent ", recipient="+45 20-11")
    assert wanted == FeedFilter(states=frozenset({S.DELIVERED, S.SENT}), recipient="452011")
    assert read_filter(accounts=None, recipient="0045").recipient == "45"
    for wrong in ({"states": "gone"}, {"recipient": "Anna"}, {"recipient": "４５"}):
        with pytest.raises(Refused) as refused:
            read_filter(accounts=None, **wrong)  # type: ignore[arg-type]
        assert refused.value.code is RefusalCode.INVALID_FIELD
