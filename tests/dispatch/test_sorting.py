"""Routes whose carriers do not take every message: each message goes its own way, or waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.config.tables import RouteTable
from dragoman.connectors.smpp.carrier import SmppCarrier
from dragoman.core.delivery import sorting as sorting_module
from dragoman.core.delivery.model.ports import Taking
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Format, Outgoing
from dragoman.core.messages.model.outcomes import Rejected
from dragoman.core.model.errors import FailureCode
from dragoman.protocols.smpp.constants import CommandStatus
from dragoman.testkit.simulator import Behaviour

S = State
NEVER = Rejected(code=FailureCode.INVALID_CONTENT, detail="not this")
BOTH = (RouteTable(name="both", carriers=("picky", "open")),)
ALONE = (RouteTable(name="alone", carriers=("picky",)),)


class Picky:
    """An SMPP carrier that says beforehand what it takes."""

    def __init__(self, carrier: SmppCarrier, rule: Callable[[Outgoing], Taking | Rejected]) -> None:
        self._carrier = carrier
        self.rule = rule
        self.most_ahead = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._carrier, name)

    def takes(self, message: Outgoing, ahead: int) -> Taking | Rejected:
        self.most_ahead = max(self.most_ahead, ahead)
        return self.rule(message)


@pytest.fixture
async def make_picky(
    make_harness: Any, make_simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """Returns a maker of rigs with a picky carrier and, on a route of both, an open one."""
    monkeypatch.setattr(sorting_module, "ASK_AGAIN_S", 0.03)

    async def make(rule: Callable[[Outgoing], Taking | Rejected], **more: Any) -> Any:
        smscs = {"picky": await make_simulator(), "open": await make_simulator()}

        def prepare(harness: Any) -> None:
            harness.carriers["picky"] = Picky(harness.carriers["picky"], rule)

        harness = await make_harness(
            carriers={name: smsc.port for name, smsc in smscs.items()},
            prepare=prepare,
            **{"routes": BOTH, **more},
        )
        return harness, smscs

    return make


def is_text(message: Outgoing) -> Taking | Rejected:
    return Taking.NOW if message.text else NEVER


async def test_each_message_goes_to_the_first_carrier_that_takes_it(make_picky: Any) -> None:
    harness, smscs = await make_picky(is_text)
    account = await harness.account(credits=20)
    for number in range(6):
        binary = {"text": "00ff", "format": Format.BINARY}
        await harness.submit(account, **(binary if number % 2 else {"text": "hello"}))
    await harness.until_states(account, S.DELIVERED, count=6)
    assert [message.carrier for message in await harness.outbox(account)] == ["picky", "open"] * 3
    assert (smscs["picky"].taken, smscs["open"].taken) == (3, 3)
    assert harness.dispatcher.waiting("both") == 0


async def test_what_no_carrier_ever_takes_is_rejected_and_refunded(make_picky: Any) -> None:
    harness, smscs = await make_picky(is_text, routes=ALONE)
    await smscs["picky"].stop()
    account = await harness.account(credits=3)
    await harness.submit(account, text="00ff", format=Format.BINARY)
    await harness.until_states(account, S.REJECTED)
    (message,) = await harness.outbox(account)
    assert (message.failure, message.detail) == (FailureCode.INVALID_CONTENT, "not this")
    assert await harness.balance(account) == (3, 0, 0)
    await harness.until_forgotten()


async def test_a_message_that_cannot_be_asked_about_is_rejected_alone(make_picky: Any) -> None:
    away = True

    def rule(message: Outgoing) -> Taking:
        if away:
            return Taking.AWAY
        if message.recipient.startswith("4599"):
            raise LookupError("a defect")
        return Taking.NOW

    harness, _smscs = await make_picky(rule, routes=ALONE)
    account = await harness.account(credits=5)
    for number in ("4511111111", "4599111111", "4522222222"):
        await harness.submit(account, number)
    await harness.until_states(account, S.QUEUED, count=3)
    away = False
    await harness.submit(account, "4599222222")
    await harness.until_states(account, S.DELIVERED, S.REJECTED, S.DELIVERED, S.REJECTED)
    assert await harness.balance(account) == (3, 0, 2)


async def test_what_waits_is_queued_and_holds_nobody_else_up(make_picky: Any, until: Any) -> None:
    served: set[int] = set()

    def rule(message: Outgoing) -> Taking:
        return Taking.NOW if message.account_id in served else Taking.AWAY

    harness, smscs = await make_picky(rule, routes=ALONE)
    waiting, other = await harness.account("waiting", credits=500), await harness.account("other")
    for number in range(100):
        await harness.submit(waiting, text=str(number))
    await until(lambda: harness.dispatcher.waiting("alone") == 100)
    served.add(other.account_id)
    await harness.submit(other)
    await harness.until_states(other, S.DELIVERED)
    assert await harness.states(waiting) == [S.QUEUED] * 100
    assert smscs["picky"].taken == 1
    served.add(waiting.account_id)
    await harness.until_states(waiting, S.DELIVERED, count=100)
    texts = [text.text for text in smscs["picky"].phone("4511111111").received]
    assert texts[1:] == [str(number) for number in range(100)]
    assert harness.dispatcher.waiting("alone") == 0


async def test_what_waits_for_one_carrier_does_not_hold_up_what_another_takes(
    make_picky: Any, make_simulator: Any, until: Any
) -> None:
    harness, smscs = await make_picky(is_text)
    port = smscs["open"].port
    await smscs["open"].stop()
    await until(lambda: not harness.carriers["open"].up)
    account = await harness.account()
    await harness.submit(account, text="00ff", format=Format.BINARY)
    await harness.submit(account, text="hello")
    await harness.until_states(account, S.QUEUED, S.DELIVERED)
    await make_simulator(port)
    await harness.until_states(account, S.DELIVERED, S.DELIVERED)


async def test_a_busy_carrier_is_waited_for_not_passed_over(make_picky: Any, until: Any) -> None:
    answers = {"now": Taking.BUSY}
    harness, smscs = await make_picky(lambda _: answers["now"])
    account = await harness.account()
    await harness.submit(account)
    await until(lambda: harness.dispatcher.waiting("both") == 1)
    answers["now"] = Taking.NOW
    await harness.until_states(account, S.DELIVERED)
    assert (smscs["picky"].taken, smscs["open"].taken) == (1, 0)


async def test_an_absent_carrier_is_passed_over_for_that_message_only(make_picky: Any) -> None:
    harness, _ = await make_picky(
        lambda message: Taking.AWAY if message.recipient.endswith("9") else Taking.NOW
    )
    account = await harness.account()
    for number in range(10):
        await harness.submit(account, f"451111111{number}")
    await harness.until_states(account, S.DELIVERED, count=10)
    assert Counter(message.carrier for message in await harness.outbox(account)) == {
        "picky": 9,
        "open": 1,
    }


async def test_a_held_carrier_is_passed_over_until_it_is_let_go(make_picky: Any) -> None:
    harness, _ = await make_picky(lambda _: Taking.NOW)
    account = await harness.account()
    harness.dispatcher.hold("picky", True)
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED)
    harness.dispatcher.hold("picky", False)
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED, S.DELIVERED)
    assert [message.carrier for message in await harness.outbox(account)] == ["open", "picky"]


@pytest.mark.parametrize(
    ("held", "routes", "answer"),
    [("picky", ALONE, Taking.NOW), ("open", BOTH, NEVER)],
    ids=["one that chooses", "one that takes everything"],
)
async def test_what_only_a_held_carrier_takes_waits_for_it(
    make_picky: Any, until: Any, held: str, routes: tuple[RouteTable], answer: Taking | Rejected
) -> None:
    harness, smscs = await make_picky(lambda _: answer, routes=routes)
    account = await harness.account()
    harness.dispatcher.hold(held, True)
    await harness.submit(account)
    await until(lambda: harness.dispatcher.waiting(routes[0].name) == 1)
    assert await harness.states(account) == [S.QUEUED]
    harness.dispatcher.hold(held, False)
    await harness.until_states(account, S.DELIVERED)
    assert smscs[held].taken == 1


async def test_a_held_carrier_is_asked_nothing(make_picky: Any, until: Any) -> None:
    asked: list[Outgoing] = []

    def rule(message: Outgoing) -> Taking | Rejected:
        asked.append(message)
        return NEVER

    harness, _ = await make_picky(rule, routes=ALONE)
    harness.dispatcher.hold("picky", True)
    account = await harness.account(credits=3)
    await harness.submit(account)
    await until(lambda: harness.dispatcher.waiting("alone") == 1)
    assert asked == []
    harness.dispatcher.hold("picky", False)
    await harness.until_states(account, S.REJECTED)
    assert await harness.balance(account) == (3, 0, 0)


async def test_what_waited_for_a_held_carrier_is_sorted_when_it_is_released(
    make_picky: Any, until: Any
) -> None:
    harness, smscs = await make_picky(is_text)
    account = await harness.account()
    for carrier in ("picky", "open"):
        harness.dispatcher.hold(carrier, True)
    await harness.submit(account, text="00ff", format=Format.BINARY)
    await harness.submit(account, text="first")
    await harness.submit(account, text="second")
    await until(lambda: harness.dispatcher.waiting("both") == 3)
    harness.dispatcher.hold("picky", False)
    await harness.until_states(account, S.QUEUED, S.DELIVERED, S.DELIVERED)
    texts = [text.text for text in smscs["picky"].phone("4511111111").received]
    assert texts == ["first", "second"]
    harness.dispatcher.hold("open", False)
    await harness.until_states(account, S.DELIVERED, count=3)


async def test_what_waits_can_be_cancelled_and_expires(make_picky: Any, until: Any) -> None:
    harness, smscs = await make_picky(lambda _: Taking.AWAY, routes=ALONE)
    account = await harness.account(credits=9)
    first = await harness.submit(account, text="first")
    await harness.submit(account, text="second", validity_s=60)
    await until(lambda: harness.dispatcher.waiting("alone") == 2)
    await harness.batches.cancel(account, first.batch_id)
    assert await harness.states(account) == [S.CANCELLED, S.QUEUED]
    [second] = list(harness.live)
    harness.delivery.expire(second, lambda _: None)
    await harness.until_states(account, S.CANCELLED, S.EXPIRED)
    await until(lambda: harness.dispatcher.waiting("alone") == 0)
    assert await harness.balance(account) == (9, 0, 0)
    assert smscs["picky"].taken == 0


async def test_what_waits_survives_a_stop_as_it_was(make_picky: Any, until: Any) -> None:
    harness, _ = await make_picky(lambda _: Taking.AWAY, routes=ALONE)
    account = await harness.account()
    await harness.submit(account, text="waits")
    await until(lambda: harness.dispatcher.waiting("alone") == 1)
    await harness.crash()
    again, smscs = await make_picky(lambda _: Taking.NOW, routes=ALONE)
    await again.until_states(account, S.DELIVERED)
    assert smscs["picky"].taken == 1
    assert not (await again.outbox(account))[0].possible_duplicate


async def test_no_more_wait_in_memory_than_the_bound(
    make_picky: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorting_module, "MAX_WAITING", 5)
    away = True
    harness, smscs = await make_picky(lambda _: Taking.AWAY if away else Taking.NOW, routes=ALONE)
    account = await harness.account()
    for number in range(12):
        await harness.submit(account, text=str(number))
    await until(lambda: harness.dispatcher.waiting("alone") == 5)
    await asyncio.sleep(0.1)
    assert (harness.dispatcher.waiting("alone"), harness.queue.depth("alone")) == (5, 7)
    away = False
    await harness.until_states(account, S.DELIVERED, count=12)
    texts = [text.text for text in smscs["picky"].phone("4511111111").received]
    assert texts == [str(number) for number in range(12)]


async def test_a_carrier_hears_how_many_like_it_go_before_a_message(
    make_picky: Any, until: Any
) -> None:
    away = True
    harness, _ = await make_picky(lambda _: Taking.AWAY if away else Taking.NOW, routes=ALONE)
    accounts = [await harness.account(name) for name in ("one", "two")]
    for _ in range(4):
        for account in accounts:
            await harness.submit(account)
    await until(lambda: harness.dispatcher.waiting("alone") == 8)
    away = False
    for account in accounts:
        await harness.until_states(account, S.DELIVERED, count=4)
    assert harness.carriers["picky"].most_ahead == 3


async def test_a_message_that_comes_back_goes_ahead_of_its_like(
    make_picky: Any, until: Any
) -> None:
    asked: list[int] = []
    away = True

    def rule(message: Outgoing) -> Taking:
        asked.append(message.message_id)
        return Taking.AWAY if away and len(asked) > 1 else Taking.NOW

    harness, smscs = await make_picky(rule, routes=ALONE)
    smscs["picky"].behave("45", Behaviour(status=CommandStatus.ESME_RSYSERR), times=1)
    account = await harness.account()
    for text in ("first", "second", "third"):
        await harness.submit(account, text=text)
    await until(lambda: harness.dispatcher.waiting("alone") == 3)
    away = False
    await harness.until_states(account, S.DELIVERED, count=3)
    texts = [text.text for text in smscs["picky"].phone("4511111111").received]
    assert texts == ["first", "second", "third"]
