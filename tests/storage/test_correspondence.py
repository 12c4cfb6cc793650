"""Correspondence, bundles and audiences of tags, on both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.sql.tables import ledger_entries, wallets
from dragoman.core.contacts.contact_profiles import ContactDraft, ContactProfiles
from dragoman.core.contacts.groups import Groups
from dragoman.core.contacts.model.contacts import ContactProfile, ListKind
from dragoman.core.devices.devices import Devices
from dragoman.core.devices.presence import Presence
from dragoman.core.devices.sql.device_texts import NewDeviceText
from dragoman.core.inbound.model.inbound import StoredInbound
from dragoman.core.inbound.sql import inbound
from dragoman.core.inbound.sql.inbound import NewInbound
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.messages import ALONE
from dragoman.core.messages.model.records import BatchOptions
from dragoman.core.messages.sql.tables import batches
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.placement.placement import place_of
from dragoman.core.reporting.correspondence import Correspondence
from dragoman.core.reporting.model.correspondence import TextFilter, TextView
from dragoman.core.submission.sql import audiences, bundles
from dragoman.core.submission.sql.bundles import Bundle
from dragoman.core.submission.sql.tables import newsletters
from dragoman.dialects.smsgateway24.mapping import NAME, TITLES, kinds_of

HERS, HIS = "4511111111", "4522222222"


@pytest.fixture
async def account(rows: Any) -> Account:
    found: Account = await rows.account()
    return found


class Letters:
    """What an account sent and received."""

    def __init__(self, rows: Any, account: Account) -> None:
        self.rows = rows
        self.account = account
        self.service = Correspondence(rows.storage)

    async def sent(self, recipient: str = HERS, **more: Any) -> int:
        fields = {"dialect": NAME, "protocol": ALONE} | more
        new = await self.rows.accepted(self.account, (recipient,), **fields)
        batch_id: int = new.batch.batch_id
        return batch_id

    async def received(
        self, sender: str = HERS, device_id: int | None = None, slot: int | None = None
    ) -> int:
        inbound_id: int = self.rows.ids.next()
        known = None
        if device_id is not None:
            known = NewDeviceText(inbound_id=inbound_id, device_id=device_id, slot=slot)
        text = StoredInbound(
            inbound_id=inbound_id,
            account_id=self.account.account_id,
            carrier="smsc",
            sender=sender,
            recipient="1272",
            text="hi",
            alphabet="gsm7",
            keyword="hi",
            parts=1,
            complete=True,
        )
        await self.rows.write(inbound.store_texts, NewInbound(text=text, device_text=known))
        return inbound_id

    def filter(self, **more: Any) -> TextFilter:
        return TextFilter(account_id=self.account.account_id, dialect=NAME, **more)

    async def ids(self, limit: int = 100, **more: Any) -> list[int]:
        page = await self.service.page(self.filter(**more), limit)
        assert await self.service.count(self.filter(**more)) == page.total
        return [view.text_id for view in page.texts]


@pytest.fixture
async def letters(rows: Any, account: Account) -> Letters:
    return Letters(rows, account)


async def test_texts_of_all_kinds_are_one_list_newest_first(letters: Letters) -> None:
    a = await letters.sent()
    b = await letters.sent(waiting=True)
    c = await letters.received()
    d = await letters.sent(HIS)
    assert await letters.ids() == [d, c, b, a]
    assert await letters.ids(received=False) == [d, b, a]
    assert await letters.ids(kinds=()) == [c]
    assert await letters.ids(number=HERS) == [c, b, a]
    assert await letters.ids(limit=2) == [d, c]
    page = await letters.service.page(letters.filter(), 2)
    assert page.total == 4


async def test_other_dialects_and_accounts_are_not_in_the_list(letters: Letters) -> None:
    await letters.sent(dialect="linkmobility")
    other = Letters(letters.rows, await letters.rows.account("other"))
    theirs = await other.sent()
    assert await letters.ids() == []
    with pytest.raises(Refused):
        await letters.service.find(letters.account, NAME, theirs)
    assert (await other.service.find(other.account, NAME, theirs)).text_id == theirs


async def test_what_waits_is_scheduled_and_what_was_stopped_is_cancelled(letters: Letters) -> None:
    waiting = await letters.sent(waiting=True)
    stopped = await letters.sent(waiting=True, state=BatchState.CANCELLED)
    views: list[TextView] = [
        await letters.service.find(letters.account, NAME, one) for one in (waiting, stopped)
    ]
    assert [view.state for view in views] == [State.SCHEDULED, State.CANCELLED]
    assert await letters.ids(kinds=kinds_of(1), received=False) == [waiting]
    assert await letters.ids(kinds=kinds_of(8), received=False) == [stopped]


@pytest.mark.parametrize("status", TITLES)
async def test_every_status_can_be_asked_for(letters: Letters, status: int) -> None:
    assert await letters.ids(kinds=kinds_of(status), received=False) == []


async def test_a_key_in_a_text_of_the_options_is_no_phone(letters: Letters) -> None:
    right = await letters.sent(options=BatchOptions(device_id=260, sim=2, return_data="x"))
    await letters.sent(options=BatchOptions(return_data='{"device_id":260,"sim":2}'))
    await letters.sent(options=BatchOptions(device_id=2601, sim=1))
    await letters.sent(options=BatchOptions(device_id=26))
    assert await letters.ids(device_id=260, received=False) == [right]
    assert await letters.ids(slot=2, received=False) == [right]


async def test_a_time_narrows_by_when_a_text_was_submitted(letters: Letters) -> None:
    clock = letters.rows.clock
    first = await letters.sent()
    clock.advance(10)
    second_ms = clock.now_ms()
    second = await letters.received()
    clock.advance(10)
    third = await letters.sent(waiting=True)
    assert await letters.ids(from_ms=second_ms) == [third, second]
    assert await letters.ids(to_ms=second_ms) == [second, first]
    assert await letters.ids(from_ms=second_ms, to_ms=second_ms) == [second]


async def test_texts_that_no_database_keeps_are_not_found(letters: Letters) -> None:
    await letters.sent()
    assert await letters.ids(number="\0") == []
    assert await letters.ids(reference="\ud800") == []


async def test_a_bundle_is_stored_whole_with_its_title(rows: Any, account: Account) -> None:
    items = tuple(rows.batch(account, (number,)) for number in (HERS, HIS))
    await rows.write(bundles.accept, Bundle(batches=items, title="News"))
    assert await count(rows, batches) == 2
    assert await count(rows, newsletters) == 2


async def test_a_bundle_that_cannot_be_paid_leaves_nothing(rows: Any) -> None:
    poor = await rows.account("poor", credits=3)
    fitting, too_much = rows.batch(poor, (HERS,)), rows.batch(poor, (HERS, HIS, "4533333333"))
    also = rows.batch(poor, (HIS,))
    results = await asyncio.gather(
        rows.write(bundles.accept, Bundle(batches=(fitting, too_much), title="News")),
        rows.write(bundles.accept, Bundle(batches=(also,))),
        return_exceptions=True,
    )
    assert isinstance(results[0], Refused)
    assert (results[0].code, results[1]) == (RefusalCode.INSUFFICIENT_CREDIT, None)
    assert await count(rows, batches) == 1
    assert await count(rows, newsletters) == 0
    balance = await rows.storage.read(
        lambda c: c.execute(
            select(wallets.c.available, wallets.c.held).where(
                wallets.c.account_id == poor.account_id
            )
        ).one()
    )
    assert tuple(balance) == (2, 1)
    assert await count(rows, ledger_entries) == 2  # the top-up, and what is held for one


async def test_a_received_text_remembers_the_phone_it_came_to(letters: Letters) -> None:
    rows = letters.rows
    devices = Devices(
        storage=rows.storage,
        presence=Presence(rows.clock),
        placement=place_of(rows.storage, rows.clock, 0),
        clock=rows.clock,
        carriers={"android": 1200.0},
    )
    device, _token = await devices.add(letters.account, "android", protocol="smsgate", name="x")
    to_none = await letters.received()
    to_phone = await letters.received(HIS, device.device_id, 2)
    to_some_sim = await letters.received(HIS, device.device_id)
    page = await letters.service.page(letters.filter(), 10)
    assert [(view.text_id, view.device_id, view.slot) for view in page.texts] == [
        (to_some_sim, device.device_id, None),
        (to_phone, device.device_id, 2),
        (to_none, None, None),
    ]
    assert await letters.ids(device_id=device.device_id) == [to_some_sim, to_phone]
    assert await letters.ids(slot=2) == [to_phone]


async def test_contacts_of_groups_and_tags_are_read_by_number(rows: Any, account: Account) -> None:
    over = {"storage": rows.storage, "clock": rows.clock}
    groups, profiles = Groups(**over), ContactProfiles(**over, ids=rows.ids)
    kinds = (ListKind.GROUP, ListKind.TAG)
    ids = [(await groups.create(account, "x", kind=kind)).list_id for kind in kinds]
    for number, (list_id, kind) in enumerate([*zip(ids, kinds, strict=True)] * 3):
        draft = ContactDraft(
            mobile=f"451111111{number % 4}", profile=ContactProfile(), group_ids=(list_id,)
        )
        await profiles.create(account, draft, kind)
    stranger = await rows.account("stranger")

    def read(limit: int) -> Any:
        return lambda c: audiences.read_candidates(c, account.account_id, (), "", limit, ids)

    found = await rows.storage.read(read(100))
    assert sorted({row.mobile for row in found.rows}) == [f"451111111{n}" for n in range(4)]
    assert found.up_to is None
    some = await rows.storage.read(read(3))
    assert (len(some.rows), some.up_to) == (2, "4511111110")  # all of a number come together
    known = await rows.storage.read(lambda c: audiences.load_groups(c, account.account_id, ids))
    assert sorted(known) == sorted(ids)
    assert not await rows.storage.read(lambda c: audiences.load_groups(c, stranger.account_id, ids))
    await groups.delete(account, ids[1], kind=ListKind.TAG)
    known = await rows.storage.read(lambda c: audiences.load_groups(c, account.account_id, ids))
    assert known == (ids[0],)


async def count(rows: Any, table: Any) -> int:
    query = select(func.count()).select_from(table)
    return int(await rows.storage.read(lambda c: c.execute(query).scalar_one()))
