"""The log of changes, the ledger by pages, and held carriers, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.model.senders import SenderDetails, SenderState, StoredSender
from dragoman.core.accounts.sql import account_tree, senders
from dragoman.core.accounts.sql import audit_log as audit
from dragoman.core.accounts.sql.account_tree import AccountChange
from dragoman.core.accounts.sql.senders import SenderDecision
from dragoman.core.accounts.sql.tables import audit_entries
from dragoman.core.billing.sql import wallets
from dragoman.core.delivery.sql import held_carriers
from dragoman.core.delivery.sql.held_carriers import CarrierSwitch
from dragoman.core.model.errors import RefusalCode, Refused


def _entry(rows: Any, account: Any, actor: Any, action: str = "give") -> AuditEntry:
    return AuditEntry(
        entry_id=rows.ids.next(),
        account_id=account.account_id,
        actor_id=actor.account_id,
        action=action,
        subject="5",
        at_ms=rows.clock.now_ms(),
    )


def _transfer(rows: Any, giver: Any, taker: Any, amount: int) -> wallets.Transfer:
    return wallets.Transfer(
        giver=giver.wallet_id,
        taker=taker.wallet_id,
        giver_entry_id=rows.ids.next(),
        taker_entry_id=rows.ids.next(),
        amount=amount,
        note="",
    )


async def test_entry_is_stored_with_its_change_or_not_at_all(rows: Any) -> None:
    giver = await rows.account("giver", credits=10)
    taker = await rows.account("taker", credits=1)
    for amount in (5, 50):
        change = AccountChange(
            account_id=taker.account_id,
            at_ms=rows.clock.now_ms(),
            transfer=_transfer(rows, giver, taker, amount),
            audit=(_entry(rows, taker, giver),),
        )
        if amount > 10:
            with pytest.raises(Refused) as refused:
                await rows.write(account_tree.change, change)
            assert refused.value.code is RefusalCode.INSUFFICIENT_CREDIT
        else:
            await rows.write(account_tree.change, change)
    found = await rows.storage.read(lambda c: audit.load_page(c, taker.account_id, None, 10))
    assert [(view.actor, view.entry.action) for view in found] == [("giver", "give")]


async def test_decision_on_a_sender_that_is_not_there_leaves_no_entry(rows: Any) -> None:
    account = await rows.account()
    sender = StoredSender(
        sender_id=rows.ids.next(),
        account_id=account.account_id,
        sender="Harbour",
        state=SenderState.PENDING,
        created_ms=0,
        details=SenderDetails(),
    )
    await rows.write(senders.add, sender)
    for name in ("Harbour", "Nothing"):
        decision = SenderDecision(
            account_id=account.account_id,
            sender=name,
            state=SenderState.APPROVED,
            audit=_entry(rows, account, account, "approve"),
        )
        if name == "Nothing":
            with pytest.raises(Refused):
                await rows.write(senders.decide, decision)
        else:
            await rows.write(senders.decide, decision)
    stored = await rows.storage.read(lambda c: c.execute(select(audit_entries)).all())
    assert len(stored) == 1


async def test_senders_of_a_tree_leave_out_those_beside_it(rows: Any) -> None:
    top = await rows.account("top", path="1")
    child = await rows.account("child", path="1/2")
    beside = await rows.account("beside", path="12")
    for number, account in enumerate((top, child, beside)):
        sender = StoredSender(
            sender_id=rows.ids.next(),
            account_id=account.account_id,
            sender=f"Sender{number}",
            state=SenderState.PENDING,
            created_ms=0,
        )
        await rows.write(senders.add, sender)
    found, total = await rows.storage.read(
        lambda c: senders.load_page(c, None, set(SenderState), 0, 10, top)
    )
    assert ([one.sender for one in found], total) == (["Sender0", "Sender1"], 2)


async def test_log_of_a_tree_leaves_out_what_lies_beside_it_and_has_pages(rows: Any) -> None:
    top = await rows.account("top", path="1")
    child = await rows.account("child", path="1/2")
    beside = await rows.account("beside", path="12")
    for account, action in ((top, "one"), (child, "two"), (beside, "three"), (child, "four")):
        await rows.write(audit.add, _entry(rows, account, beside, action))

    async def page(before: int | None) -> list[audit.AuditView]:
        found: list[audit.AuditView] = await rows.storage.read(
            lambda c: audit.load_page_below(c, top, before, 2)
        )
        return found

    first = await page(None)
    told = [(view.account, view.actor, view.entry.action) for view in first]
    assert told == [("child", "beside", "four"), ("child", "beside", "two")]
    assert [view.entry.action for view in await page(first[-1].entry.entry_id)] == ["one"]


async def test_ledger_has_pages_newest_first(rows: Any) -> None:
    account = await rows.account(credits=1)
    for amount in (2, 3, 4):
        top_up = wallets.TopUp(account.wallet_id, rows.ids.next(), amount, "more")
        await rows.write(wallets.top_up, top_up)

    async def page(before: int | None) -> list[wallets.LedgerEntry]:
        found: list[wallets.LedgerEntry] = await rows.storage.read(
            lambda c: wallets.load_entries(c, account.account_id, before, 2)
        )
        return found

    first = await page(None)
    assert [entry.amount for entry in first] == [4, 3]
    assert [entry.amount for entry in await page(first[-1].entry_id)] == [2, 1]


async def test_carrier_is_held_until_it_is_let_go(rows: Any) -> None:
    for held, expected in ((True, ["smsc"]), (True, ["smsc"]), (False, []), (False, [])):
        await rows.write(held_carriers.switch, CarrierSwitch(carrier="smsc", held=held, at_ms=1))
        assert await rows.storage.read(held_carriers.load) == expected
