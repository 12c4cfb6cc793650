"""Messages that recipients pay for, over a real SMSC: told the price, charged once, given back."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from dragoman.config.premium import BillingTable, ShortCodeTable
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.billing.sql.tables import ledger_entries
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.premium import Premium, PremiumState, ValueForm
from dragoman.core.messages.sql.tables import batches, messages, premium_messages
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.protocols.smpp.codec import encode
from dragoman.protocols.smpp.constants import CommandStatus, MessageState
from dragoman.testkit.simulator import Answer, Behaviour

P, S = PremiumState, State
CODE = ShortCodeTable(number="1272", country_code="45")
BILLING = BillingTable(
    price_tag=0x1400, content_type_tag=0x1401, form=ValueForm.OCTETS, service_type="PREM"
)
TICKET = Premium(price=1000, content_type=9, revenue_text="boat")


@pytest.fixture
async def harness(make_harness: Any, simulator: Any) -> Any:
    return await make_harness(
        carriers={"smsc": simulator.port}, short_codes=(CODE,), billing=BILLING, on_unknown="resend"
    )


async def charging_account(harness: Any, credits: int = 10) -> Account:
    account = await harness.account(credits=credits)
    permissions = account.permissions | {Permission.PREMIUM}
    return msgspec.structs.replace(account, permissions=permissions)


async def sell(harness: Any, account: Account, *recipients: str, **more: Any) -> None:
    await harness.submit(account, *recipients, sender="1272", **{"premium": TICKET, **more})


async def charges(harness: Any) -> list[PremiumState]:
    return [PremiumState(row["state"]) for row in await harness.rows(premium_messages)]


async def refund(harness: Any, account: Account, message_id: int, notice: str = "") -> None:
    await harness.refunds.refund(
        account, message_id, notice=notice, dialect="test", protocol="REST"
    )


async def test_price_reaches_the_smsc_and_delivery_charges(harness: Any, simulator: Any) -> None:
    account = await charging_account(harness)
    await sell(harness, account)
    await harness.until_states(account, S.DELIVERED)
    (submit,) = simulator.submits
    assert submit.pdu.service_type == "PREM"
    assert encode(submit.pdu).endswith(b"hello" + b"\x14\x00\x00\x041000" + b"\x14\x01\x00\x019")
    (row,) = await harness.rows(premium_messages)
    (message,) = await harness.outbox(account)
    assert row == {
        "message_id": message.message_id,
        "account_id": account.account_id,
        "state": P.TRANSACTION_CAPTURED,
        "price": 1000,
        "content_type": 9,
        "charity": False,
        "invoice_text": "",
        "revenue_text": "boat",
        "refunded_ms": None,
        "notice_batch_id": None,
    }


async def test_plain_message_beside_it_is_charged_to_nobody(harness: Any, simulator: Any) -> None:
    account = await charging_account(harness)
    await harness.submit(account, sender="1272")
    await harness.until_states(account, S.DELIVERED)
    (submit,) = simulator.submits
    assert (submit.pdu.service_type, submit.pdu.tlvs) == ("", ())
    assert await harness.rows(premium_messages) == []


@pytest.mark.parametrize(
    ("behaviour", "state", "charge"),
    [
        (Behaviour(status=CommandStatus.ESME_RINVDSTADR), S.REJECTED, P.TRANSACTION_REJECTED),
        (Behaviour(state=MessageState.UNDELIVERABLE), S.UNDELIVERED, P.SMS_REJECTED),
        (Behaviour(state=MessageState.EXPIRED), S.EXPIRED, P.TRANSACTION_FAILED),
        (Behaviour(state=None), S.SENT, P.SMS_FORWARDED),
    ],
)
async def test_charge_follows_what_the_smsc_says(
    harness: Any, simulator: Any, behaviour: Behaviour, state: State, charge: PremiumState
) -> None:
    simulator.default = behaviour
    account = await charging_account(harness)
    await sell(harness, account)
    await harness.until_states(account, state)
    assert await charges(harness) == [charge]
    (message,) = await harness.outbox(account)
    with pytest.raises(Refused, match="nothing was charged"):
        await refund(harness, account, message.message_id)
    assert await charges(harness) == [charge]


async def test_charge_whose_answer_was_lost_is_not_sent_again(
    make_harness: Any, simulator: Any
) -> None:
    simulator.default = Behaviour(answer=Answer.LOST, state=None)
    harness = await make_harness(
        carriers={"smsc": simulator.port},
        short_codes=(CODE,),
        billing=BILLING,
        on_unknown="resend",
        response_timeout_s=0.1,
    )
    account = await charging_account(harness)
    await sell(harness, account)
    await harness.until_states(account, S.UNKNOWN)
    assert simulator.taken == 1
    assert await charges(harness) == [P.SMS_FORWARDED]


async def test_charge_that_may_have_left_before_a_kill_is_not_sent_again(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(answer=Answer.LOST, state=None)
    services = {"short_codes": (CODE,), "billing": BILLING, "carriers": {"smsc": simulator.port}}
    first = await make_harness(**services)
    account = await charging_account(first)
    await until(lambda: first.carriers["smsc"].up)
    await sell(first, account)
    await until(lambda: simulator.taken == 1)
    await first.crash()
    simulator.default = Behaviour()
    second = await make_harness(**services)
    await second.until_states(account, S.UNKNOWN)
    assert simulator.taken == 1


async def test_charges_of_an_expanded_batch_are_stored_with_their_messages(
    make_harness: Any, simulator: Any
) -> None:
    harness = await make_harness(
        carriers={"smsc": simulator.port},
        short_codes=(CODE,),
        billing=BILLING,
        inline_recipients=1,
    )
    account = await charging_account(harness)
    await sell(harness, account, "4511111111", "4522222222", "4533333333")
    await harness.until_states(account, S.DELIVERED, count=3)
    assert await charges(harness) == [P.TRANSACTION_CAPTURED] * 3
    assert {submit.pdu.service_type for submit in simulator.submits} == {"PREM"}


async def test_message_that_its_carrier_cannot_bill_any_more_is_not_given_away(
    make_harness: Any, simulator: Any
) -> None:
    services = {"short_codes": (CODE,), "carriers": {"smsc": simulator.port}}
    first = await make_harness(**services, billing=BILLING, start=False)
    account = await charging_account(first)
    await sell(first, account)
    await first.stop()
    second = await make_harness(**services)
    await second.until_states(account, S.REJECTED)
    assert simulator.taken == 0
    assert await charges(second) == [P.TRANSACTION_REJECTED]
    assert await second.balance(account) == (10, 0, 0)


async def test_refund_with_a_notice_tells_the_recipient_once(harness: Any, simulator: Any) -> None:
    account = await charging_account(harness)
    await sell(harness, account)
    await harness.until_states(account, S.DELIVERED)
    (message,) = await harness.outbox(account)
    results = await asyncio.gather(
        *(refund(harness, account, message.message_id, "Sorry") for _ in range(3)),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, Refused)]
    assert [(one.code, one.detail) for one in refused] == [
        (RefusalCode.NOT_REFUNDABLE, "refunded already")
    ] * 2
    await harness.until_states(account, S.DELIVERED, count=2)
    received = simulator.phone("4511111111").received
    assert [(text.sender, text.text) for text in received] == [("1272", "hello"), ("1272", "Sorry")]
    assert simulator.submits[1].pdu.tlvs == ()
    (row,) = await harness.rows(premium_messages)
    notice = max(batch["batch_id"] for batch in await harness.rows(batches))
    assert (row["state"], row["notice_batch_id"]) == (P.TRANSACTION_REFUNDED, notice)
    assert row["refunded_ms"] is not None
    assert await harness.balance(account) == (8, 0, 2)


async def test_refund_without_credit_for_its_notice_is_refused_whole(harness: Any) -> None:
    account = await charging_account(harness, credits=1)
    await sell(harness, account)
    await harness.until_states(account, S.DELIVERED)
    (message,) = await harness.outbox(account)
    tables = (messages, batches, premium_messages, ledger_entries)
    before = [await harness.rows(table) for table in tables]
    with pytest.raises(Refused) as raised:
        await refund(harness, account, message.message_id, "Sorry")
    assert raised.value.code is RefusalCode.INSUFFICIENT_CREDIT
    assert [await harness.rows(table) for table in tables] == before
    await refund(harness, account, message.message_id)
    assert await charges(harness) == [P.TRANSACTION_REFUNDED]


async def test_notice_of_a_killed_gateway_is_sent_by_the_next(
    make_harness: Any, simulator: Any
) -> None:
    services = {"short_codes": (CODE,), "billing": BILLING}
    first = await make_harness(carriers={"smsc": simulator.port}, **services)
    account = await charging_account(first)
    await sell(first, account)
    await first.until_states(account, S.DELIVERED)
    (message,) = await first.outbox(account)
    await first.stop()
    second = await make_harness(carriers={"smsc": 1}, **services, start=False)
    await refund(second, account, message.message_id, "Sorry")
    await second.crash()
    third = await make_harness(carriers={"smsc": simulator.port}, **services)
    await third.until_states(account, S.DELIVERED, count=2)
    assert [text.text for text in simulator.phone("4511111111").received] == ["hello", "Sorry"]
