"""What carriers answer, and what becomes of messages and credits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.passing_time import MovableClock, until

from dragoman.config.tables import RouteTable
from dragoman.core.delivery import backlog as backlog_module
from dragoman.core.delivery import dispatcher as dispatcher_module
from dragoman.core.delivery.delivery import Delivery
from dragoman.core.delivery.dispatcher import Dispatcher
from dragoman.core.messages.feed import FeedFilter
from dragoman.core.messages.live import LiveMessage
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql import changes
from dragoman.core.model.errors import FailureCode
from dragoman.kit.clock import FixedClock
from dragoman.protocols.smpp.constants import CommandStatus, MessageState
from dragoman.testkit.simulator import Answer, Behaviour

S = State
RESPONSE_TIMEOUT_S = 30.0


async def test_one_message_goes_all_the_way(make_harness: Any, simulator: Any) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account(credits=3)
    accepted = await harness.submit(account, text="blåbærgrød")
    await harness.until_states(account, S.DELIVERED)
    assert simulator.phone("4511111111").received[0].text == "blåbærgrød"
    (message,) = await harness.outbox(account)
    assert (message.carrier, message.attempts, message.failure) == ("smsc", 1, FailureCode.NONE)
    assert message.created_ms <= message.sent_ms <= message.final_ms
    assert not message.possible_duplicate
    assert message.batch_id == accepted.batch_id
    assert await harness.balance(account) == (2, 0, 1)
    await harness.until_forgotten()


@pytest.mark.parametrize(("window", "is_hurried"), [(1, True), (50, False)])
async def test_outcomes_of_a_full_carrier_are_not_overtaken(
    make_harness: Any,
    simulator: Any,
    monkeypatch: pytest.MonkeyPatch,
    window: int,
    is_hurried: bool,
) -> None:
    """Its next message waits until they are on disk."""
    harness = await make_harness(carriers={"smsc": simulator.port}, window=window)
    hurried: list[int] = []
    monkeypatch.setattr(harness.storage.writer, "hurry", lambda: hurried.append(1))
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED)
    assert bool(hurried) is is_hurried


@pytest.mark.parametrize("come", ["together", "one by one"])
@pytest.mark.parametrize("outcome", ["accepted", "rejected"])
async def test_an_outcome_that_fails_costs_no_other_that_came_with_it_anything(
    make_harness: Any, simulator: Any, monkeypatch: pytest.MonkeyPatch, outcome: str, come: str
) -> None:
    told: list[bool] = []
    if come == "one by one":

        def pass_on(self: Dispatcher, carrier: str, outcomes: Any) -> None:
            for message, one in outcomes:
                self.outcome(carrier, message, one, told.append)

        monkeypatch.setattr(Dispatcher, "outcomes_came", pass_on)
    if outcome == "rejected":
        simulator.default = Behaviour(status=CommandStatus.ESME_RINVDSTADR)
    harness = await make_harness(carriers={"smsc": simulator.port})
    handle, failed = getattr(Delivery, outcome), set[int]()

    def handle_others(self: Delivery, message: LiveMessage, *more: Any) -> None:
        if not failed:
            failed.add(message.message_id)
            raise ZeroDivisionError
        handle(self, message, *more)

    monkeypatch.setattr(Delivery, outcome, handle_others)
    account = await harness.account()
    await harness.submit(account, "4511111111", "4511111112", "4511111113")
    end = S.DELIVERED if outcome == "accepted" else S.REJECTED

    async def ended() -> bool:
        return sorted(await harness.states(account)) == sorted([S.SENDING, end, end])

    await until(ended)
    (left,) = [one for one in await harness.outbox(account) if one.state is S.SENDING]
    assert {left.message_id} == failed
    assert harness.services.dispatcher.in_flight() == {"smsc": 0}
    await harness.services.dispatcher.take_back()
    assert sorted(await harness.states(account)) == sorted([S.SENDING, end, end]), (
        "it would be sent again as if nobody had it"
    )
    assert sorted(told) == ([] if come == "together" else [False, True, True])


async def test_rejected_by_the_carrier_is_refunded(make_harness: Any, simulator: Any) -> None:
    simulator.behave("4599", Behaviour(status=CommandStatus.ESME_RINVDSTADR))
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account(credits=3)
    await harness.submit(account, "4599111111")
    await harness.until_states(account, S.REJECTED)
    assert (await harness.outbox(account))[0].failure is FailureCode.INVALID_DESTINATION
    assert await harness.balance(account) == (3, 0, 0)
    await harness.until_forgotten()


async def test_rejected_by_a_report_is_paid_for(make_harness: Any, simulator: Any) -> None:
    simulator.default = Behaviour(state=MessageState.REJECTED, error="9")
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account(credits=3)
    await harness.submit(account)
    await harness.until_states(account, S.REJECTED)
    assert await harness.balance(account) == (2, 0, 1)


async def test_a_busy_carrier_gets_the_message_later(make_harness: Any, simulator: Any) -> None:
    busy = Behaviour(status=CommandStatus.ESME_RSYSERR)
    simulator.behave("45", busy, times=2)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account(credits=3)
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED)
    (message,) = await harness.outbox(account)
    assert (message.attempts, message.possible_duplicate) == (1, False)
    assert await harness.balance(account) == (2, 0, 1)


@pytest.mark.parametrize("answer", [Answer.RESET_BEFORE, Answer.LOST])
async def test_a_lost_response_is_sent_again_and_marked(
    make_harness: Any, simulator: Any, until: Any, answer: Answer
) -> None:
    simulator.behave("45", Behaviour(answer=answer, state=None), times=1)
    clock = MovableClock()
    harness = await make_harness(
        carriers={"smsc": simulator.port}, clock=clock, response_timeout_s=RESPONSE_TIMEOUT_S
    )
    account = await harness.account(credits=3)
    await harness.submit(account)
    await until(lambda: simulator.taken)
    if answer is Answer.LOST:
        clock.advance_with_timers(RESPONSE_TIMEOUT_S)
    await harness.until_states(account, S.DELIVERED)
    assert simulator.taken == 2
    (message,) = await harness.outbox(account)
    assert (message.attempts, message.possible_duplicate) == (2, True)
    assert await harness.balance(account) == (2, 0, 1)


async def test_a_mute_carrier_is_not_flooded(
    make_harness: Any, simulator: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: a message whose answers were always lost went out again at once, without end."""
    monkeypatch.setattr("dragoman.core.delivery.dispatcher.RESEND_DELAYS_S", (0.0, 60.0))
    simulator.default = Behaviour(answer=Answer.LOST, state=None)
    clock = MovableClock()
    harness = await make_harness(
        carriers={"smsc": simulator.port}, clock=clock, response_timeout_s=RESPONSE_TIMEOUT_S
    )
    account = await harness.account()
    await harness.submit(account, "4511111111")
    for times in (1, 2):
        await until(lambda times=times: simulator.taken == times)
        clock.advance_with_timers(RESPONSE_TIMEOUT_S)
    (message,) = harness.live
    await until(lambda: not message.in_flight)
    await harness.submit(account, "4522222222")
    await until(lambda: simulator.taken == 3)
    taken = [submit.pdu.destination_addr for submit in simulator.submits]
    assert taken == ["4511111111", "4511111111", "4522222222"]


async def test_a_lost_response_is_held_where_the_carrier_must_not_get_it_twice(
    make_harness: Any, simulator: Any
) -> None:
    simulator.default = Behaviour(answer=Answer.RESET_BEFORE, state=None)
    harness = await make_harness(carriers={"smsc": simulator.port}, on_unknown="hold")
    account = await harness.account(credits=3)
    await harness.submit(account)
    await harness.until_states(account, S.UNKNOWN)
    await asyncio.sleep(0.2)
    assert simulator.taken == 1
    assert (await harness.outbox(account))[0].failure is FailureCode.RESPONSE_LOST
    assert await harness.balance(account) == (2, 0, 1)
    await harness.until_forgotten()


async def test_the_second_carrier_stands_in_until_the_first_is_back(
    make_harness: Any, make_simulator: Any, until: Any
) -> None:
    first, second = await make_simulator(), await make_simulator()
    harness = await make_harness(carriers={"one": first.port, "two": second.port})
    account = await harness.account()
    await until(lambda: harness.carriers["one"].up and harness.carriers["two"].up)
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED)
    port = first.port
    await first.stop()
    await until(lambda: not harness.carriers["one"].up)
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED, count=2)
    back = await make_simulator(port=port, first_id=1000)
    await until(lambda: harness.carriers["one"].up)
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED, count=3)
    assert (first.taken, second.taken, back.taken) == (1, 1, 1)
    assert [message.carrier for message in await harness.outbox(account)] == ["one", "two", "one"]


async def test_messages_in_flight_on_a_lost_carrier_go_over_the_other(
    make_harness: Any, make_simulator: Any, until: Any
) -> None:
    first, second = await make_simulator(), await make_simulator()
    harness = await make_harness(carriers={"one": first.port, "two": second.port}, window=3)
    account = await harness.account()
    await until(lambda: harness.carriers["one"].up and harness.carriers["two"].up)
    first.default = Behaviour(answer=Answer.LOST, state=None)
    await harness.submit(account, *(f"45111111{n:02d}" for n in range(10)))
    await until(lambda: first.taken == 3)
    await first.stop()
    await harness.until_states(account, S.DELIVERED, count=10)
    marked = [message.possible_duplicate for message in await harness.outbox(account)]
    assert sum(marked) == 3  # the window of one link
    assert second.taken == 10


async def test_a_throttling_carrier_loses_nothing(make_harness: Any, simulator: Any) -> None:
    simulator.throttle(100, burst=5)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account(credits=60)
    await harness.submit(account, *(f"45111111{n:02d}" for n in range(60)))
    await harness.until_states(account, S.DELIVERED, count=60)
    assert simulator.taken == 60
    assert all(m.attempts == 1 and not m.possible_duplicate for m in await harness.outbox(account))
    assert await harness.balance(account) == (0, 0, 60)


async def test_a_message_that_waits_too_long_expires_with_a_refund(make_harness: Any) -> None:
    clock = FixedClock()
    harness = await make_harness(carriers={"smsc": 1}, clock=clock, start=False)
    account = await harness.account(credits=5)
    await harness.submit(account, validity_s=60)
    await harness.submit(account, validity_s=120)
    clock.advance(61)
    await harness.deadlines.check()
    await harness.until_states(account, S.EXPIRED, S.QUEUED)
    assert await harness.balance(account) == (4, 1, 0)
    await harness.deadlines.check()
    assert await harness.balance(account) == (4, 1, 0)


async def test_a_message_that_expired_in_the_queue_is_not_sent(
    make_harness: Any, make_simulator: Any, until: Any
) -> None:
    simulator, clock = await make_simulator(), MovableClock()
    simulator.bind_status = CommandStatus.ESME_RBINDFAIL
    harness = await make_harness(carriers={"smsc": simulator.port}, clock=clock)
    account = await harness.account(credits=5)
    await harness.submit(account, validity_s=60)
    clock.advance(61)
    simulator.bind_status = 0
    await harness.until_states(account, S.EXPIRED)
    assert simulator.taken == 0
    assert await harness.balance(account) == (5, 0, 0)


async def test_messages_only_in_rows_expire_too(
    make_harness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: rows of a route that is behind or no longer configured never came to an end."""
    monkeypatch.setattr(backlog_module, "MAX_QUEUED", 2)
    clock = FixedClock()
    first = await make_harness(carriers={"smsc": 1}, clock=clock, start=False)
    account = await first.account(credits=9)
    for _ in range(5):
        await first.submit(account, validity_s=60)
    assert len(first.live) == 2
    clock.advance(61)
    await first.deadlines.check()
    await first.until_states(account, S.EXPIRED, count=5)
    assert await first.balance(account) == (9, 0, 0)
    await first.until_forgotten()
    await first.submit(account, validity_s=60)
    await first.stop()
    gone = (RouteTable(name="new", carriers=("smsc",)),)
    second = await make_harness(carriers={"smsc": 1}, clock=clock, start=False, routes=gone)
    clock.advance(61)
    await second.deadlines.check()
    await second.until_states(account, S.EXPIRED, count=6)
    assert await second.balance(account) == (9, 0, 0)


async def test_rows_are_looked_at_though_the_clock_was_set_back(
    make_harness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: the next look at the rows was a day away."""
    monkeypatch.setattr(backlog_module, "MAX_QUEUED", 1)
    clock = FixedClock()
    harness = await make_harness(carriers={"smsc": 1}, clock=clock, start=False)
    account = await harness.account(credits=9)
    await harness.deadlines.check()
    clock.jump(-86_400)
    for _ in range(3):
        await harness.submit(account, validity_s=60)
    assert len(harness.live) == 1
    clock.advance(61)
    await harness.deadlines.check()
    await harness.until_states(account, S.EXPIRED, count=3)


async def test_an_expired_message_that_may_have_left_is_unknown_and_paid(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    """Bug: a message whose answer was lost was refunded as expired, though it may have arrived."""
    simulator.default = Behaviour(answer=Answer.LOST, state=None)
    harness = await make_harness(carriers={"smsc": simulator.port}, window=1)
    account = await harness.account(credits=1)
    await until(lambda: harness.carriers["smsc"].up)
    await harness.submit(account)
    await until(lambda: simulator.taken == 1)
    await simulator.stop()
    message = next(iter(harness.live))
    await until(lambda: message.possible_duplicate and not message.in_flight)
    message.batch.stored.expires_ms = 0
    await harness.deadlines.check()
    await harness.until_states(account, S.UNKNOWN)
    assert await harness.balance(account) == (0, 0, 1)


async def test_no_report_within_the_horizon_is_unknown_and_a_late_one_still_counts(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.receipts.shut()
    clock = MovableClock()
    harness = await make_harness(carriers={"smsc": simulator.port}, clock=clock, horizon_s=60.0)
    account = await harness.account(credits=1)
    await harness.submit(account)
    await harness.until_states(account, S.SENT)
    clock.advance(61)
    await harness.deadlines.check()
    await harness.until_states(account, S.UNKNOWN)
    assert (await harness.outbox(account))[0].failure is FailureCode.NO_REPORT
    simulator.receipts.open()
    await harness.until_states(account, S.DELIVERED)
    assert (await harness.outbox(account))[0].failure is FailureCode.NONE
    assert await harness.balance(account) == (0, 0, 1)


async def test_the_horizon_counts_from_sending(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    """Bug: a message sent long after it was accepted was given up at once, or never."""
    simulator.default = Behaviour(state=None)
    clock = MovableClock()
    harness = await make_harness(carriers={"smsc": simulator.port}, clock=clock, horizon_s=60.0)
    account = await harness.account()
    simulator.bind_status = CommandStatus.ESME_RBINDFAIL
    simulator.reset_links()
    await until(lambda: not harness.carriers["smsc"].up)
    await harness.submit(account)
    clock.advance(61)
    await harness.deadlines.check()  # passes by the message, which still waits
    simulator.bind_status = 0
    await harness.until_states(account, S.SENT)
    await harness.deadlines.check()
    assert await harness.states(account) == [S.SENT]
    clock.advance(61)
    await harness.deadlines.check()
    await harness.until_states(account, S.UNKNOWN)


@pytest.mark.parametrize("method", ["send", "publish"])
async def test_a_message_that_cannot_be_handed_over_is_rejected_alone(
    make_harness: Any, simulator: Any, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """One exception used to strand the rest of a take, and its room in the window."""
    harness = await make_harness(carriers={"smsc": simulator.port}, start=False)
    owner = {"send": harness.carriers["smsc"], "publish": harness.dispatcher.feed}[method]
    pass_on = getattr(owner, method)

    def pass_on_or_fail(message: Any, *more: Any, **others: Any) -> None:
        if message.recipient.endswith("2") and (not more or more[1] is S.SENDING):
            raise RuntimeError("a defect")
        pass_on(message, *more, **others)

    monkeypatch.setattr(owner, method, pass_on_or_fail)
    account = await harness.account(credits=5)
    numbers = [f"451111111{number}" for number in range(1, 6)]
    await harness.submit(account, *numbers)
    with harness.dispatcher.feed.listen(FeedFilter()):
        await harness.start()
        await harness.until_states(account, S.DELIVERED, S.REJECTED, *[S.DELIVERED] * 3)
    await harness.until_forgotten()
    assert harness.dispatcher.in_flight() == {"smsc": 0}
    assert await harness.balance(account) == (1, 0, 4)
    assert simulator.taken == 4


@pytest.mark.parametrize("broken", ["mark", "expire"])
async def test_a_take_is_not_lost_when_something_else_than_sending_fails(
    make_harness: Any, simulator: Any, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Bug: what raised in the middle of a take left the rest of it in no queue until a restart."""
    clock = MovableClock()
    harness = await make_harness(carriers={"smsc": simulator.port}, start=False, clock=clock)
    owner, method = {
        "mark": (harness.dispatcher.writer, "submit"),
        "expire": (harness.delivery, "expire"),
    }[broken]
    pass_on, failures = getattr(owner, method), ["once"]

    def fail_once(*arguments: Any, **named: Any) -> Any:
        if failures and (broken != "mark" or arguments[0] is changes.mark_sending):
            raise RuntimeError(failures.pop())
        return pass_on(*arguments, **named)

    monkeypatch.setattr(type(owner), method, lambda self, *a, **n: fail_once(*a, **n))
    account = await harness.account(credits=5)
    await harness.submit(account, "4511111111", validity_s=60)
    if broken == "expire":
        clock.advance(61)
    await harness.submit(account, "4511111112", "4511111113")
    await harness.start()
    first = S.EXPIRED if broken == "expire" else S.DELIVERED
    await harness.until_states(account, first, S.DELIVERED, S.DELIVERED)
    assert harness.dispatcher.in_flight() == {"smsc": 0}


async def test_what_cannot_leave_once_it_is_marked_keeps_nothing_behind_it(
    make_harness: Any, simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: nobody said that its lane may be taken from again."""
    monkeypatch.setattr(dispatcher_module, "STORAGE_RETRY_S", 0.0)
    harness = await make_harness(carriers={"smsc": simulator.port})
    take_off, failures = harness.live.take_off, ["once"]

    def fail_once(message: LiveMessage, carrier: str) -> None:
        if failures:
            raise RuntimeError(failures.pop())
        take_off(message, carrier)

    monkeypatch.setattr(type(harness.live), "take_off", lambda _, *given: fail_once(*given))
    account = await harness.account()
    monkeypatch.setattr(type(harness.dispatcher.queue), "claim", lambda *_: False)
    await harness.submit(account, "4511111111")
    await until(lambda: not failures)
    await harness.submit(account, "4511111112")
    await harness.until_states(account, S.DELIVERED, S.DELIVERED)


async def test_a_carrier_is_not_forgotten_while_what_it_gets_is_marked(
    make_harness: Any, simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: what it then answered was an outcome at no carrier, and the message stayed with it."""
    harness = await make_harness(carriers={"smsc": simulator.port})
    dispatcher = harness.dispatcher
    submit = dispatcher.writer.submit

    def forget_and_submit(_: Any, operation: Any, *more: Any, **named: Any) -> None:
        submit(operation, *more, **named)
        if operation is changes.mark_sending:
            dispatcher.forget("smsc")

    monkeypatch.setattr(type(dispatcher.writer), "submit", forget_and_submit)
    account = await harness.account()
    monkeypatch.setattr(type(dispatcher.queue), "claim", lambda *_: False)
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED)


FULL = Behaviour(status=CommandStatus.ESME_RMSGQFUL)
LONG = "x" * 400  # three parts


async def set_aside(harness: Any, simulator: Any, account: Any, **more: Any) -> Any:
    """A message to a number that the carrier throttles, as soon as it waits on its route."""
    simulator.behave("4599999999", FULL)
    await harness.submit(account, "4599999999", **more)
    await until(lambda: simulator.refused > 4)
    await harness.until_states(account, S.QUEUED)
    (message,) = await harness.outbox(account)
    return message


# Its row said `sending` as long as it waited.
@pytest.mark.parametrize("text", ["hello", LONG])
async def test_a_message_set_aside_can_be_cancelled(
    make_harness: Any, simulator: Any, text: str
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account(credits=5)
    message = await set_aside(harness, simulator, account, text=text)
    await harness.message_actions.cancel(account, message.message_id)
    assert await harness.states(account) == [S.CANCELLED]
    assert await harness.balance(account) == (5, 0, 0)
    await harness.until_forgotten()


async def test_a_batch_with_a_message_set_aside_can_be_cancelled(
    make_harness: Any, simulator: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account(credits=5)
    message = await set_aside(harness, simulator, account)
    await harness.batches.cancel(account, message.batch_id)
    assert await harness.states(account) == [S.CANCELLED]


@pytest.mark.parametrize("text", ["hello", LONG])
async def test_a_message_set_aside_expires(make_harness: Any, simulator: Any, text: str) -> None:
    clock = MovableClock()
    harness = await make_harness(carriers={"smsc": simulator.port}, clock=clock)
    account = await harness.account(credits=5)
    await set_aside(harness, simulator, account, text=text, validity_s=3_600)
    clock.advance(3_601)
    await harness.deadlines.check()
    await harness.until_states(account, S.EXPIRED)
    assert await harness.balance(account) == (5, 0, 0)


async def test_a_message_set_aside_is_sent_once_its_number_is_free(
    make_harness: Any, simulator: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await set_aside(harness, simulator, account, text=LONG)
    simulator.behave("4599999999", Behaviour())
    await harness.until_states(account, S.DELIVERED)
    assert [one.text for one in simulator.phone("4599999999").received] == [LONG]
    (message,) = await harness.outbox(account)
    assert (message.attempts, message.possible_duplicate) == (1, False)


async def test_a_message_set_aside_is_no_possible_duplicate_after_a_crash(
    make_harness: Any, simulator: Any
) -> None:
    first = await make_harness(carriers={"smsc": simulator.port})
    account = await first.account()
    await set_aside(first, simulator, account)
    await first.crash()
    simulator.behave("4599999999", Behaviour())
    second = await make_harness(carriers={"smsc": simulator.port})
    await second.until_states(account, S.DELIVERED)
    assert not (await second.outbox(account))[0].possible_duplicate
    assert simulator.taken == 1


async def test_a_message_set_aside_while_storage_is_away_is_sent_all_the_same(
    make_harness: Any, simulator: Any
) -> None:
    simulator.behave("4599999999", FULL)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account, "4599999999")
    await until(lambda: simulator.refused > 2)
    harness.storage.writer.failed = True
    await until(lambda: not any(message.in_flight for message in harness.live))
    harness.storage.writer.failed = False
    simulator.behave("4599999999", Behaviour())
    await harness.until_states(account, S.DELIVERED)
