"""Urgent messages go before all that wait for the same phone, whichever is tried first."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.connectors.phones.choice import Place
from dragoman.connectors.phones.precedence import Precedence
from dragoman.core.delivery.model.ports import Taking
from dragoman.core.messages.model.messages import Outgoing
from dragoman.protocols.gsm.alphabet import Alphabet

WAITING = 12


def waiting(phone_gateway: Any) -> int:
    """How many messages wait in lines."""
    return sum(
        worker.waiting for worker in phone_gateway.gateway.services.dispatcher._sorting.values()
    )


@pytest.mark.parametrize("names_device", [True, False])
async def test_an_urgent_text_overtakes_those_that_no_phone_has(
    make_phone_gateway: Any, until: Any, names_device: bool
) -> None:
    phone_gateway = await make_phone_gateway(in_flight=1)
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account)
    more = {"device_id": int(phone.device_id)} if names_device else {}
    phone.sending.clear()
    await phone_gateway.send(account, "4512345678", text="0", **more)
    await until(lambda: phone._messages)
    for number in range(1, WAITING):
        await phone_gateway.send(account, "4512345678", text=str(number), **more)
    await phone_gateway.send(account, "4512345678", text="urgent", urgent=True, **more)
    phone.sending.set()
    await until(lambda: len(phone.sent) == WAITING + 1)
    texts = [text.text for text in phone.sent]
    assert texts.index("urgent") == 1
    assert [text for text in texts if text != "urgent"] == [str(n) for n in range(WAITING)]


async def test_an_urgent_text_overtakes_a_line_for_its_phone_alone(
    make_phone_gateway: Any, until: Any
) -> None:
    """With another phone free, texts for the busy one wait in line."""
    phone_gateway = await make_phone_gateway(in_flight=1)
    account = await phone_gateway.account()
    busy, _free = [await phone_gateway.phone(account) for _ in range(2)]
    device_id = int(busy.device_id)
    busy.sending.clear()
    await phone_gateway.send(account, "4512345678", text="0", device_id=device_id)
    await until(lambda: busy._messages)
    for number in range(1, WAITING):
        await phone_gateway.send(account, "4512345678", text=str(number), device_id=device_id)
    await until(lambda: waiting(phone_gateway) == WAITING - 1)
    await phone_gateway.send(account, "4512345678", text="urgent", urgent=True, device_id=device_id)
    await until(lambda: waiting(phone_gateway) == WAITING)
    busy.sending.set()
    await until(lambda: len(busy.sent) == WAITING + 1)
    assert [text.text for text in busy.sent].index("urgent") == 1


async def test_an_urgent_text_overtakes_what_its_phone_has_but_not_begun(
    make_phone_gateway: Any, until: Any
) -> None:
    phone_gateway = await make_phone_gateway(in_flight=5)
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account)
    phone.sending.clear()
    for number in range(4):
        await phone_gateway.send(account, "4512345678", text=str(number))
    await until(lambda: len(phone._messages) == 4)
    await phone_gateway.send(account, "4512345678", text="urgent", urgent=True)
    await until(lambda: len(phone._messages) == 5)
    phone.sending.set()
    await until(lambda: len(phone.sent) == 5)
    assert [text.text for text in phone.sent].index("urgent") <= 1


async def test_an_urgent_text_for_a_sim_that_is_gone_keeps_no_other_from_the_phone(
    make_phone_gateway: Any, until: Any
) -> None:
    phone_gateway = await make_phone_gateway(in_flight=1)
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account, sims=2)
    device_id = int(phone.device_id)
    phone.sending.clear()
    await phone_gateway.send(account, "4512345678", text="held", device_id=device_id, sim=2)
    await until(lambda: phone._messages)
    await phone_gateway.send(
        account, "4512345678", text="urgent", urgent=True, device_id=device_id, sim=2
    )
    await until(lambda: waiting(phone_gateway))
    phone.sims = 1
    await phone.call("PATCH", "/device", {"id": phone.device_id, "simCards": phone.sim_cards()})
    phone.sending.set()
    await phone_gateway.send(account, "4512345678", text="other", device_id=device_id, sim=1)
    await until(lambda: len(phone.sent) == 2)
    assert [text.text for text in phone.sent] == ["held", "other"]


async def test_a_place_that_an_urgent_text_waits_for_is_left_to_it(
    make_phone_gateway: Any, until: Any
) -> None:
    """Whatever is asked about first; as soon as nothing urgent waits, others have it."""
    phone_gateway = await make_phone_gateway(in_flight=1)
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account)
    carrier = phone_gateway.carrier
    phone.sending.clear()
    await phone_gateway.send(account, "4512345678", text="first")
    await until(lambda: phone._messages)
    [assignment] = list(carrier.assignments)
    plain = msgspec.structs.replace(assignment.message, message_id=1)
    urgent = msgspec.structs.replace(plain, message_id=2, urgent=True)
    assert [carrier.takes(one, 0) for one in (plain, urgent)] == [Taking.BUSY] * 2
    phone.sending.set()
    await until(lambda: carrier.chooser.count_for(plain, carrier._clock.now_ms()))
    assert carrier.takes(plain, 0) is Taking.BUSY
    assert carrier.takes(urgent, 0) is Taking.NOW
    carrier._precedence.end(urgent)
    assert carrier.takes(plain, 0) is Taking.NOW


def test_an_urgent_text_that_is_asked_about_no_more_keeps_nothing() -> None:
    plain = Outgoing(message_id=0, sender="", recipient="", parts=(), alphabet=Alphabet.GSM7)
    precedence, place = Precedence(shared=True), Place(1, 1)
    for number, now in ((1, 0.0), (2, 0.0), (1, 2.0)):
        precedence.wait(msgspec.structs.replace(plain, message_id=number, urgent=True), now)
    precedence.wait(plain, 2.0)
    assert len(precedence._waiting) == 2
    assert not precedence.is_free(place, plain, 4.0)
    assert len(precedence._waiting) == 1
    assert precedence.is_free(place, plain, 5.1)
    assert not precedence.waits
