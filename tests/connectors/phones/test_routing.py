"""Which phone and SIM a message goes to, and what happens when there is none."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.admin.reloading import Reloading, connect_carrier
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Format, Push
from dragoman.core.messages.model.premium import Premium
from dragoman.core.model.errors import RefusalCode, Refused


async def test_a_message_goes_to_the_phone_and_sim_it_names(phone_gateway: Any) -> None:
    account = await phone_gateway.account()
    phones = [await phone_gateway.phone(account, sims=2) for _ in range(2)]
    for number in range(4):
        await phone_gateway.send(
            account, "4512345678", text=str(number), device_id=int(phones[1].device_id), sim=2
        )
    await phone_gateway.until_states(account, State.DELIVERED, count=4)
    assert [(text.sim, text.text) for text in phones[1].sent] == [(2, str(n)) for n in range(4)]
    assert phones[0].sent == []


async def test_a_phone_sends_for_its_own_account_only(phone_gateway: Any, until: Any) -> None:
    account, stranger = await phone_gateway.account(), await phone_gateway.account("stranger")
    phone = await phone_gateway.phone(account)
    await phone_gateway.send(stranger, "4512345678", text="not mine")
    await phone_gateway.send(account, "4512345678", text="mine")
    await until(lambda: phone.sent)
    await phone_gateway.until_states(account, State.DELIVERED)
    assert [text.text for text in phone.sent] == ["mine"]


async def test_a_shared_phone_sends_for_everybody(make_phone_gateway: Any) -> None:
    phone_gateway = await make_phone_gateway(shared=True)
    account, stranger = await phone_gateway.account(), await phone_gateway.account("stranger")
    await phone_gateway.phone(account)
    await phone_gateway.send(stranger, "4512345678")
    await phone_gateway.until_states(stranger, State.DELIVERED)


async def test_phones_take_turns(make_phone_gateway: Any) -> None:
    phone_gateway = await make_phone_gateway(choice="round_robin")
    account = await phone_gateway.account()
    phones = [
        await phone_gateway.phone(account, limits={"gap_s": 0.05, "per_minute": 0})
        for _ in range(3)
    ]
    for number in range(6):
        await phone_gateway.send(account, "4512345678", text=str(number))
    await phone_gateway.until_states(account, State.DELIVERED, count=6)
    assert [len(phone.sent) for phone in phones] == [2, 2, 2]


async def test_a_phone_is_given_no_more_than_it_may_hold_and_send(
    phone_gateway: Any, until: Any
) -> None:
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account, limits={"per_minute": 5, "gap_s": 0.0})
    phone.sending.clear()
    for number in range(10):
        await phone_gateway.send(account, "4512345678", text=str(number))
    await until(lambda: len(phone_gateway.carrier.assignments) == 3)
    phone.sending.set()
    await until(lambda: len(phone.sent) == 5)
    assert [text.text for text in phone.sent] == ["0", "1", "2", "3", "4"]
    assert not len(phone_gateway.carrier.assignments) or len(phone.sent) == 5


async def test_a_disabled_phone_gives_back_what_it_has_not_fetched(
    phone_gateway: Any, until: Any
) -> None:
    account = await phone_gateway.account()
    first = await phone_gateway.phone(account, start=False)
    await phone_gateway.send(account, "4512345678")
    await until(lambda: any(one.stored for one in phone_gateway.carrier.assignments))
    await phone_gateway.gateway.services.devices.set_enabled(int(first.device_id), enabled=False)
    second = await phone_gateway.phone(account)
    await phone_gateway.until_states(account, State.DELIVERED)
    assert len(second.sent) == 1


async def test_a_phone_installed_anew_sends_nothing_twice(phone_gateway: Any, until: Any) -> None:
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account)
    await phone_gateway.send(account, "4512345678", text="one")
    await phone_gateway.until_states(account, State.DELIVERED)
    await phone.reinstall()
    code = await phone_gateway.gateway.services.device_registration.create_code(account)
    await phone.register(code=code.code)
    await phone_gateway.limit(phone, gap_s=0.0)
    await phone.start()
    await phone_gateway.send(account, "4512345678", text="two", device_id=int(phone.device_id))
    await phone_gateway.until_states(account, State.DELIVERED, State.DELIVERED)
    assert [text.text for text in phone.sent] == ["one", "two"]


@pytest.mark.parametrize("case", ["another account's", "unknown", "disabled", "unknown SIM"])
async def test_a_device_that_cannot_be_named_is_refused(phone_gateway: Any, case: str) -> None:
    account, stranger = await phone_gateway.account(), await phone_gateway.account("stranger")
    phone = await phone_gateway.phone(account, start=False)
    device_id, sim, sender = int(phone.device_id), None, account
    expected = RefusalCode.NOT_FOUND
    if case == "another account's":
        sender = stranger
    elif case == "unknown":
        device_id = 17
    elif case == "disabled":
        await phone_gateway.gateway.services.devices.set_enabled(device_id, enabled=False)
        expected = RefusalCode.PERMISSION_DENIED
    else:
        sim, expected = 2, RefusalCode.INVALID_FIELD
    with pytest.raises(Refused) as refused:
        await phone_gateway.send(sender, "4512345678", device_id=device_id, sim=sim)
    assert refused.value.code is expected
    assert await phone_gateway.outbox(sender) == []


@pytest.mark.parametrize("there", [True, False])
async def test_binary_content_is_rejected(phone_gateway: Any, there: bool) -> None:
    account = await phone_gateway.account()
    if there:
        await phone_gateway.phone(account)
    await phone_gateway.send(account, "4512345678", text="00ff", format=Format.BINARY)
    await phone_gateway.until_states(account, State.REJECTED)
    [message] = await phone_gateway.outbox(account)
    assert (message.failure, message.detail) == (
        "invalid_content",
        "phones send texts and data for a port",
    )


PUSH = Push(url="https://example.org/", expires_ms=None)
NOT_FOR_PHONES: dict[str, dict[str, Any]] = {
    "binary": {"text": "00ff", "format": Format.BINARY},
    "a WAP push": {"text": "look", "format": Format.WAP_PUSH, "push": PUSH},
    "a multimedia message": {"text": "look", "format": Format.MMS},
    "a premium message": {"premium": Premium(price=500, content_type=1)},
}


@pytest.mark.parametrize("case", NOT_FOR_PHONES)
async def test_what_phones_cannot_send_is_refused_where_one_is_named(
    phone_gateway: Any, case: str
) -> None:
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account, start=False)
    with pytest.raises(Refused) as refused:
        await phone_gateway.send(
            account, "4512345678", device_id=int(phone.device_id), **NOT_FOR_PHONES[case]
        )
    assert (refused.value.code, refused.value.subject) == (RefusalCode.NOT_SUPPORTED, "device")
    assert await phone_gateway.outbox(account) == []


async def test_a_wap_push_is_rejected_not_sent_without_its_link(phone_gateway: Any) -> None:
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account)
    await phone_gateway.send(account, "4512345678", **NOT_FOR_PHONES["a WAP push"])
    await phone_gateway.until_states(account, State.REJECTED)
    assert phone.sent == []


@pytest.mark.parametrize("named", [False, True])
async def test_each_recipient_gets_the_text_of_its_own(phone_gateway: Any, named: bool) -> None:
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account)
    device = {"device_id": int(phone.device_id)} if named else {}
    await phone_gateway.send(
        account, "4511111111", "4522222222", text="Hi", texts=("Hi Ann", "Hi Bob"), **device
    )
    await phone_gateway.until_states(account, State.DELIVERED, count=2)
    assert sorted(text.text for text in phone.sent) == ["Hi Ann", "Hi Bob"]


async def test_settings_of_phones_are_taken_while_they_have_messages(
    phone_gateway: Any, until: Any
) -> None:
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account)
    phone.sending.clear()
    for number in range(8):
        await phone_gateway.send(account, "4512345678", text=str(number))
    await until(lambda: len(phone_gateway.carrier.assignments) == 3)
    gateway = phone_gateway.gateway
    wanted = settings = gateway.services.settings
    reloading = Reloading(
        gateway.services,
        load=lambda: wanted,
        connect=lambda table: connect_carrier(gateway.services, table),
        supervisor=gateway._supervisor,
    )
    carrier = phone_gateway.carrier
    (table,) = settings.carriers
    more = msgspec.structs.replace(table, in_flight=5)
    wanted = msgspec.structs.replace(settings, carriers=(more,))
    told = await reloading.reload(check=False)
    assert told.changes == (f"carrier {table.name}: in_flight 3 -> 5",)
    await until(lambda: len(carrier.assignments) == 5)
    assert phone_gateway.carrier is carrier, "what phones have stays where it is"
    phone.sending.set()
    await phone_gateway.until_states(account, State.DELIVERED, count=8)
    stranger = await phone_gateway.account("stranger")
    await phone_gateway.send(stranger, "4512345678", text="of a stranger")
    await phone_gateway.send(account, "4512345678", text="mine")
    await phone_gateway.until_states(account, State.DELIVERED, count=9)
    await phone_gateway.until_states(stranger, State.QUEUED)
    shared = msgspec.structs.replace(more, shared=True)
    wanted = msgspec.structs.replace(settings, carriers=(shared,))
    assert (await reloading.reload(check=False)).applied
    await phone_gateway.until_states(stranger, State.DELIVERED)
    wanted = msgspec.structs.replace(settings, carriers=(more,))
    assert (await reloading.reload(check=False)).applied
    await phone_gateway.send(account, "4512345678", text="mine again")
    await phone_gateway.send(stranger, "4512345678", text="of a stranger again")
    await phone_gateway.until_states(account, State.DELIVERED, count=10)
    await phone_gateway.until_states(stranger, State.DELIVERED, State.QUEUED)
