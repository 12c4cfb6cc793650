"""Phones and an SMSC on one route: each message goes over whatever can send it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from tests.passing_time import advance_timers

from dragoman.admin.reloading import DRAIN_S, Reloading, connect_carrier
from dragoman.config.tables import RouteTable, SmppTable
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Format, Push
from dragoman.testkit.simulator import Simulator

NUMBER = "4512345678"
PUSH = Push(url="https://example.org/")
NOT_TEXT: dict[str, dict[str, Any]] = {
    "binary": {"text": "00ff", "format": Format.BINARY},
    "a WAP push": {"text": "look", "format": Format.WAP_PUSH, "push": PUSH},
}


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    simulator = Simulator("127.0.0.1", 0)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def phone_gateway(make_phone_gateway: Any, simulator: Simulator, until: Any) -> Any:
    """Phones first, the SMSC behind them."""
    smsc = SmppTable(
        name="smsc", host="127.0.0.1", port=simulator.port, system_id="x", reconnect_min_s=0.05
    )
    route = RouteTable(name="all", carriers=("android", "smsc"))
    phone_gateway = await make_phone_gateway(carriers=(smsc,), routes=(route,))
    await until(lambda: phone_gateway.gateway.connectors["smsc"].up)
    return phone_gateway


async def carriers_of(phone_gateway: Any, account: Any) -> list[str]:
    return [message.carrier for message in await phone_gateway.outbox(account)]


async def test_where_no_phone_is_there_the_next_carrier_takes_over(
    phone_gateway: Any, until: Any
) -> None:
    account = await phone_gateway.account()
    await phone_gateway.send(account, NUMBER, text="by the SMSC")
    await phone_gateway.until_states(account, State.DELIVERED)
    phone = await phone_gateway.phone(account)
    await until(lambda: phone_gateway.carrier.up)
    await phone_gateway.send(account, NUMBER, text="by phone")
    await phone_gateway.until_states(account, State.DELIVERED, State.DELIVERED)
    assert [text.text for text in phone.sent] == ["by phone"]


async def test_an_account_without_a_phone_does_not_wait_for_anothers(
    phone_gateway: Any, simulator: Simulator, until: Any
) -> None:
    account, stranger = await phone_gateway.account(), await phone_gateway.account("stranger")
    phone = await phone_gateway.phone(account)
    await until(lambda: phone_gateway.carrier.up)
    for text in ("one", "two"):
        await phone_gateway.send(account, NUMBER, text=text)
        await phone_gateway.send(stranger, NUMBER, text=f"{text} of a stranger")
    await phone_gateway.until_states(account, State.DELIVERED, count=2)
    await phone_gateway.until_states(stranger, State.DELIVERED, count=2)
    assert [text.text for text in phone.sent] == ["one", "two"]
    assert await carriers_of(phone_gateway, stranger) == ["smsc", "smsc"]
    assert simulator.taken == 2


@pytest.mark.parametrize("case", NOT_TEXT)
async def test_what_phones_cannot_send_goes_over_the_carrier_behind_them(
    phone_gateway: Any, simulator: Simulator, until: Any, case: str
) -> None:
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account)
    await until(lambda: phone_gateway.carrier.up)
    await phone_gateway.send(account, NUMBER, **NOT_TEXT[case])
    await phone_gateway.send(account, NUMBER, text="hello")
    await phone_gateway.until_states(account, State.DELIVERED, State.DELIVERED)
    assert await carriers_of(phone_gateway, account) == ["smsc", "android"]
    assert [text.text for text in phone.sent] == ["hello"]


async def test_limits_that_are_used_up_make_messages_wait(
    phone_gateway: Any, simulator: Simulator, until: Any
) -> None:
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account, limits={"per_minute": 1, "gap_s": 0.0})
    await until(lambda: phone_gateway.carrier.up)
    for text in ("one", "two"):
        await phone_gateway.send(account, NUMBER, text=text)
    await phone_gateway.until_states(account, State.DELIVERED, State.QUEUED)
    await until(lambda: phone_gateway.gateway.services.dispatcher.waiting("all") == 1)
    assert phone_gateway.gateway.waiting()["all"] == 1
    assert simulator.taken == 0
    await phone_gateway.limit(phone, per_minute=0)
    await phone_gateway.until_states(account, State.DELIVERED, State.DELIVERED)
    assert [text.text for text in phone.sent] == ["one", "two"]


async def test_what_waits_for_a_phone_that_goes_away_takes_the_next_carrier(
    phone_gateway: Any, simulator: Simulator, until: Any
) -> None:
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account, limits={"per_minute": 1, "gap_s": 0.0})
    await until(lambda: phone_gateway.carrier.up)
    for text in ("one", "two"):
        await phone_gateway.send(account, NUMBER, text=text)
    await phone_gateway.until_states(account, State.DELIVERED, State.QUEUED)
    await phone_gateway.gateway.services.devices.set_enabled(int(phone.device_id), enabled=False)
    await phone_gateway.until_states(account, State.DELIVERED, State.DELIVERED)
    assert await carriers_of(phone_gateway, account) == ["android", "smsc"]


class Reload:
    """Another configuration of a running gateway."""

    def __init__(self, phone_gateway: Any) -> None:
        gateway = phone_gateway.gateway
        self.wanted = self.settings = gateway.services.settings
        self.reloading = Reloading(
            gateway.services,
            load=lambda: self.wanted,
            connect=lambda table: connect_carrier(gateway.services, table),
            supervisor=gateway._supervisor,
        )

    async def __call__(self, *names: str) -> Any:
        """Leaves these carriers alone, and one route over them."""
        self.wanted = msgspec.structs.replace(
            self.settings,
            carriers=tuple(one for one in self.settings.carriers if one.name in names),
            routes=(RouteTable(name="all", carriers=names),),
        )
        return await self.reloading.reload(check=False)


async def test_phones_go_and_come_back_without_a_restart(
    phone_gateway: Any, simulator: Simulator, until: Any
) -> None:
    account, reload = await phone_gateway.account(), Reload(phone_gateway)
    phone = await phone_gateway.phone(account)
    before = phone_gateway.carrier
    phone.sending.clear()  # what it fetches stays in its own queue
    for number in range(5):
        await phone_gateway.send(account, NUMBER, text=str(number))
    await until(lambda: len(phone._messages) == before.settings.in_flight)
    assert (await reload("smsc")).applied
    await phone_gateway.until_states(account, State.DELIVERED, count=5)
    assert await carriers_of(phone_gateway, account) == ["smsc"] * 5
    assert (simulator.taken, phone.sent) == (5, [])
    assert list(phone_gateway.gateway.connectors) == ["smsc"]
    assert (await phone.call("GET", "/message")).status == 404

    phone.sending.set()
    assert (await reload("android", "smsc")).applied
    await until(lambda: phone_gateway.carrier.up)
    assert phone_gateway.carrier is not before
    await phone_gateway.send(account, NUMBER, text="by phone again")
    await phone_gateway.until_states(account, State.DELIVERED, count=6)
    assert [text.text for text in phone.sent] == ["by phone again"]


async def test_phones_that_go_report_on_what_they_have_sent(phone_gateway: Any, until: Any) -> None:
    account, reload = await phone_gateway.account(), Reload(phone_gateway)
    phone = await phone_gateway.phone(account)
    phone.steps = lambda _: ("Processed",)
    for text in ("reported", "never heard of"):
        await phone_gateway.send(account, NUMBER, text=text)
    await until(lambda: len(phone.sent) == 2)
    connectors = phone_gateway.gateway.connectors
    leaving = asyncio.create_task(reload("smsc"))
    await until(lambda: phone_gateway.gateway.services.router.routes["all"].carriers == ("smsc",))
    first = phone.sent[0].message_id
    phone._messages[first].state = "Delivered"
    assert (await phone.report(phone.snapshot(first))).status == 204
    await phone_gateway.until_states(account, State.DELIVERED, State.SENDING)
    assert not leaving.done()
    advance_timers(DRAIN_S)
    assert (await leaving).applied
    await phone_gateway.until_states(account, State.DELIVERED, State.UNKNOWN)
    assert list(connectors) == ["smsc"]


async def test_messages_without_a_phone_wait_queued_until_there_is_one(
    make_phone_gateway: Any, until: Any
) -> None:
    phone_gateway = await make_phone_gateway()
    account, stranger = await phone_gateway.account(), await phone_gateway.account("stranger")
    await phone_gateway.phone(account)
    for number in range(8):
        await phone_gateway.send(stranger, NUMBER, text=str(number))
    await phone_gateway.send(account, NUMBER, text="mine")
    await phone_gateway.until_states(account, State.DELIVERED)
    await phone_gateway.until_states(stranger, State.QUEUED, count=8)
    phone = await phone_gateway.phone(stranger)
    await phone_gateway.until_states(stranger, State.DELIVERED, count=8)
    assert [text.text for text in phone.sent] == [str(number) for number in range(8)]
