"""Sending one message again, and stopping one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import CallbackRequest
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.protocols.smpp.constants import MessageState
from dragoman.testkit.simulator import Behaviour

S = State


async def refusal(awaitable: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        await awaitable
    return refused.value


async def test_a_message_is_sent_again_as_one_of_its_own(
    make_harness: Any, simulator: Any, database_url: str
) -> None:
    simulator.behave("45", Behaviour(state=MessageState.UNDELIVERABLE, error="1"), times=1)
    harness = await make_harness(database_url, carriers={"smsc": simulator.port})
    account = await harness.account(credits=5)
    callback = CallbackRequest(url="http://shop.example/dlr", return_data="r")
    await harness.submit(
        account, text="hej [Navn]", reference="7", callback=callback, validity_s=600
    )
    await harness.until_states(account, S.UNDELIVERED)
    (old,) = await harness.outbox(account)
    accepted = await harness.message_actions.resend(account, old.message_id, protocol="CLI")
    await harness.until_states(account, S.UNDELIVERED, S.DELIVERED)
    _, new = await harness.outbox(account)
    assert (new.batch_id, new.text, new.sender) == (accepted.batch_id, old.text, old.sender)
    kept = msgspec.structs.replace(old.options, resend_of=old.message_id)
    assert (new.options, new.protocol) == (kept, "CLI")
    assert await harness.balance(account) == (3, 0, 2)
    story = await harness.timelines.of_message(account, old.message_id)
    assert story.resent_as == (accepted.batch_id,)
    story = await harness.timelines.of_message(account, new.message_id)
    assert story.request.resend_of == old.message_id
    assert story.request.expires_ms - story.request.due_ms == 600_000


async def test_who_cannot_pay_sends_nothing_again(make_harness: Any, simulator: Any) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account(credits=1)
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED)
    (old,) = await harness.outbox(account)
    refused = await refusal(harness.message_actions.resend(account, old.message_id, protocol="CLI"))
    assert refused.code is RefusalCode.INSUFFICIENT_CREDIT
    assert (await harness.timelines.of_message(account, old.message_id)).resent_as == ()
    assert len(await harness.outbox(account)) == 1


async def test_a_message_on_its_way_is_not_sent_again_but_can_be_stopped(
    make_harness: Any, database_url: str
) -> None:
    harness = await make_harness(database_url, carriers={"smsc": 1})  # nobody listens there
    account = await harness.account(credits=5)
    await harness.submit(account, "4511111111", "4522222222")
    first, second = await harness.outbox(account)
    refused = await refusal(
        harness.message_actions.resend(account, first.message_id, protocol="CLI")
    )
    assert (refused.code, refused.detail) == (RefusalCode.NOT_SUPPORTED, "it is on its way")
    await harness.message_actions.cancel(account, first.message_id)
    assert await harness.states(account) == [S.CANCELLED, S.QUEUED]
    assert await harness.balance(account) == (4, 1, 0)
    refused = await refusal(harness.message_actions.cancel(account, first.message_id))
    assert refused.code is RefusalCode.NOT_CANCELLABLE
    await harness.message_actions.cancel(None, second.message_id)
    assert await harness.balance(account) == (5, 0, 0)


async def test_a_message_in_its_row_only_is_stopped_and_not_sent_later(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port}, start=False)
    account = await harness.account(credits=5)
    await harness.submit(account, "4511111111", "4522222222")
    first, _ = await harness.outbox(account)
    for message in harness.live:  # as after a restart
        harness.live.remove(message)
    await harness.message_actions.cancel(account, first.message_id)
    await harness.stop()
    again = await make_harness(carriers={"smsc": simulator.port})
    await again.until_states(account, S.CANCELLED, S.DELIVERED)
    assert simulator.taken == 1


async def test_a_delivered_message_cannot_be_stopped(make_harness: Any, simulator: Any) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED)
    (message,) = await harness.outbox(account)
    refused = await refusal(harness.message_actions.cancel(account, message.message_id))
    assert refused.code is RefusalCode.NOT_CANCELLABLE


async def test_only_ones_own_and_only_with_permission(make_harness: Any, simulator: Any) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    mine = (await harness.accounts.create("mine")).account
    other = (await harness.accounts.create("other")).account
    await harness.submit(mine)
    await harness.until_states(mine, S.DELIVERED)
    (message,) = await harness.outbox(mine)
    reader = msgspec.structs.replace(mine, permissions=frozenset({Permission.RECEIVE}))
    for caller, wanted, code in (
        (other, message.message_id, RefusalCode.NOT_FOUND),
        (mine, message.message_id + 1, RefusalCode.NOT_FOUND),
        (mine, 1 << 70, RefusalCode.NOT_FOUND),
        (reader, message.message_id, RefusalCode.PERMISSION_DENIED),
    ):
        refused = await refusal(harness.message_actions.resend(caller, wanted, protocol="CLI"))
        assert refused.code is code
        assert (await refusal(harness.message_actions.cancel(caller, wanted))).code is code
