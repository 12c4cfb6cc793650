"""Keys of submissions, scoped tokens and what phones keep, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
import pytest

from dragoman.core.accounts.sql import scoped_tokens
from dragoman.core.accounts.sql.scoped_tokens import Exchange, Issue, Revocation, StoredPair
from dragoman.core.accounts.sql.tables import scoped_tokens as token_rows
from dragoman.core.callbacks.model.webhooks import StoredWebhook
from dragoman.core.callbacks.sql import webhooks
from dragoman.core.callbacks.sql.webhooks import WebhookKey
from dragoman.core.devices.model.devices import (
    AssignmentState,
    Device,
    DeviceSettings,
    Health,
    StoredAssignment,
)
from dragoman.core.devices.sql import assignments, device_texts, devices, phone_settings
from dragoman.core.devices.sql.device_texts import NewDeviceText
from dragoman.core.devices.sql.phone_settings import StoredPhoneSettings
from dragoman.core.inbound.model.inbound import StoredInbound
from dragoman.core.inbound.sql import inbound
from dragoman.core.inbound.sql.inbound import NewInbound
from dragoman.core.messages.model.callbacks import EventKind
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql import changes
from dragoman.core.messages.sql.tables import batches, messages
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.model.idempotency_keys import KeyedFilter
from dragoman.core.submission.model.progress import Progress
from dragoman.core.submission.sql import idempotency_keys as submission_keys
from dragoman.core.submission.sql.idempotency_keys import KeyedBatch
from dragoman.core.submission.sql.tables import submission_keys as key_rows


async def test_a_key_is_taken_once_in_a_group_and_by_later_ones(rows: Any) -> None:
    account, other = await rows.account(), await rows.account("other")
    items = [KeyedBatch(key="k", new=rows.batch(account)) for _ in range(10)]
    items += [
        KeyedBatch(key="l", new=rows.batch(account)),
        KeyedBatch(key="k", new=rows.batch(other)),
        KeyedBatch(key="k", new=rows.batch(account, dialect="another")),
    ]
    write = rows.storage.writer.write
    results = await asyncio.gather(
        *(write(submission_keys.accept, item) for item in items), return_exceptions=True
    )
    assert sum(result is None for result in results) == 4, results
    refused = [result for result in results if isinstance(result, Refused)]
    assert {one.code for one in refused} == {RefusalCode.ALREADY_EXISTS}
    with pytest.raises(Refused):
        await write(submission_keys.accept, KeyedBatch(key="k", new=rows.batch(account)))
    assert len(await rows.all(batches)) == len(await rows.all(messages)) == 4
    assert len(await rows.all(key_rows)) == 4


async def test_a_refused_batch_leaves_its_key_free(rows: Any) -> None:
    account = await rows.account(credits=1)
    write = rows.storage.writer.write
    dear = rows.batch(account, message={"credits": 5})
    with pytest.raises(Refused) as refused:
        await write(submission_keys.accept, KeyedBatch(key="k", new=dear))
    assert refused.value.code is RefusalCode.INSUFFICIENT_CREDIT
    assert await rows.all(key_rows) == []
    await write(submission_keys.accept, KeyedBatch(key="k", new=rows.batch(account)))
    assert len(await rows.all(batches)) == 1


async def test_a_batch_that_waits_keeps_its_recipients(rows: Any) -> None:
    account = await rows.account()
    numbers = ("4511111111", "4522222222")
    new = rows.batch(account, numbers, waiting=True)
    item = KeyedBatch(key="k", new=new, recipients=numbers)
    await rows.write(submission_keys.accept, item)
    view = await rows.storage.read(
        lambda c: submission_keys.find(c, account.account_id, "test", "k")
    )
    assert [one.number for one in view.recipients] == list(numbers)
    assert view.progress is Progress.PENDING
    for progress in Progress:
        page = await _search(rows, account, progress=progress)
        assert page.total == (1 if progress is Progress.PENDING else 0)


async def _search(rows: Any, account: Any, **more: Any) -> Any:
    wanted = KeyedFilter(account_id=account.account_id, dialect="test", **more)
    return await rows.storage.read(lambda c: submission_keys.search(c, wanted, 0, 200))


STEPS = (
    (),
    (State.SENDING,),
    (State.SENDING, State.SENT),
    (State.SENDING, State.UNKNOWN),
    (State.SENDING, State.SENT, State.UNKNOWN),
    (State.SENDING, State.SENT, State.DELIVERED),
    (State.SENDING, State.SENT, State.UNDELIVERED),
    (State.REJECTED,),
    (State.CANCELLED,),
)


async def test_a_search_finds_what_the_views_say(rows: Any) -> None:
    """The same rule stands in SQL and in Python: here they meet."""
    chance = random.Random(7)
    account = await rows.account()
    device = await _device(rows, account)
    for number in range(60):
        numbers = [f"45{number:04d}{n:04d}" for n in range(chance.choice((1, 1, 2, 3)))]
        new = rows.batch(account, numbers)
        await rows.write(submission_keys.accept, KeyedBatch(key=f"k{number}", new=new))
        for message in new.messages:
            await _move(rows, account, new, message, chance.choice(STEPS))
            for _ in range(chance.choice((0, 1, 2))):
                await rows.write(assignments.assign, _assignment(rows, device, message, chance))
    everything = (await _search(rows, account)).submissions
    assert len(everything) == 60
    seen = {view.progress for view in everything}
    assert len(seen) >= 6
    for progress in Progress:
        page = await _search(rows, account, progress=progress)
        expected = [view.key for view in everything if view.progress is progress]
        assert [view.key for view in page.submissions] == expected, progress
        assert page.total == len(expected)
    page = await _search(rows, account, device_id=device)
    given = [v.key for v in everything if any(r.device_id == device for r in v.recipients)]
    assert [view.key for view in page.submissions] == given


async def _move(rows: Any, account: Any, new: Any, message: Any, states: Any) -> None:
    before = State.QUEUED
    for after in states:
        change = rows.change(account, new, message, before, after)
        await rows.write(changes.record, change)
        before = after


def _assignment(rows: Any, device_id: int, message: Any, chance: random.Random) -> StoredAssignment:
    now_ms = rows.clock.now_ms()
    return StoredAssignment(
        assignment_id=rows.ids.next(),
        message_id=message.message_id,
        device_id=device_id,
        carrier="phones",
        slot=1,
        parts=1,
        state=chance.choice(list(AssignmentState)),
        cancelling=chance.choice((0, 0, 1, 2)),
        recipient=f"+{message.recipient}",
        valid_until_ms=now_ms,
        assigned_ms=now_ms,
        changed_ms=now_ms,
    )


async def _device(rows: Any, account: Any) -> int:
    now_ms = rows.clock.now_ms()
    device = Device(
        device_id=rows.ids.next(),
        account_id=account.account_id,
        carrier="phones",
        protocol="smsgate",
        name="phone",
        enabled=True,
        app_version="",
        push_token="",
        signing_key="k",
        settings=DeviceSettings(),
        health=Health(),
        created_ms=now_ms,
        seen_ms=now_ms,
    )
    await rows.write(devices.create, devices.NewDevice(device=device, token_digest=b"t"))
    return device.device_id


def _pair(account: Any, name: str, expires_ms: int) -> StoredPair:
    return StoredPair(
        token_id=name,
        account_id=account.account_id,
        family=name,
        scopes="all:any",
        access_digest=f"a{name}".encode(),
        access_expires_ms=expires_ms,
        refresh_digest=f"r{name}".encode(),
        refresh_expires_ms=expires_ms,
    )


async def test_a_pair_is_exchanged_once_by_callers_at_the_same_moment(rows: Any) -> None:
    account = await rows.account()
    now_ms = rows.clock.now_ms()
    pair = _pair(account, "one", now_ms + 1_000)
    await rows.write(scoped_tokens.issue, Issue(pair=pair, at_ms=now_ms, at_most=9))
    attempts = [
        Exchange(token_id="one", pair=_pair(account, f"n{n}", now_ms + 1_000), at_ms=now_ms)
        for n in range(5)
    ]
    results = await asyncio.gather(
        *(rows.write(scoped_tokens.exchange, attempt) for attempt in attempts)
    )
    assert sorted(results) == [False] * 4 + [True]
    assert len(await rows.all(token_rows)) == 2


async def test_a_pair_that_was_revoked_or_is_over_is_not_exchanged(rows: Any) -> None:
    account, other = await rows.account(), await rows.account("other")
    now_ms = rows.clock.now_ms()
    for name in ("mine", "old"):
        pair = _pair(account, name, now_ms + 1_000)
        await rows.write(scoped_tokens.issue, Issue(pair=pair, at_ms=now_ms, at_most=9))
    theirs = Revocation(token_id="mine", account_id=other.account_id, at_ms=now_ms)
    await rows.write(scoped_tokens.revoke, theirs)
    found = await rows.storage.read(lambda c: scoped_tokens.find_access(c, b"amine"))
    assert found.revoked_ms is None
    own = msgspec.structs.replace(theirs, account_id=account.account_id)
    await rows.write(scoped_tokens.revoke, own)
    for name, at_ms in (("mine", now_ms), ("old", now_ms + 1_000)):
        new = _pair(account, "new", now_ms + 9_000)
        exchange = Exchange(token_id=name, pair=new, at_ms=at_ms)
        assert await rows.write(scoped_tokens.exchange, exchange) is False


async def test_the_oldest_pairs_make_room_and_those_that_are_over_go(rows: Any) -> None:
    account = await rows.account()
    now_ms = rows.clock.now_ms()
    for number in range(5):
        pair = _pair(account, f"p{number}", now_ms + 1_000 + number)
        await rows.write(scoped_tokens.issue, Issue(pair=pair, at_ms=now_ms, at_most=3))
    assert [row["token_id"] for row in await rows.all(token_rows)] == ["p2", "p3", "p4"]
    pair = _pair(account, "later", now_ms + 9_000)
    late = Issue(pair=pair, at_ms=now_ms + 1_004, at_most=3)
    await rows.write(scoped_tokens.issue, late)
    assert [row["token_id"] for row in await rows.all(token_rows)] == ["later", "p4"]


async def test_webhooks_and_settings_are_put_over_the_old_ones(rows: Any) -> None:
    account = await rows.account()
    webhook = StoredWebhook(
        account_id=account.account_id,
        dialect="test",
        key="w",
        event=EventKind.MESSAGE_SENT,
        url="https://example.org/",
        device_id=None,
        created_ms=1,
    )
    await rows.write(webhooks.put, webhook)
    changed = msgspec.structs.replace(webhook, event=EventKind.MESSAGE_FAILED, device_id=5)
    await rows.write(webhooks.put, changed)
    assert await rows.storage.read(webhooks.load_all) == [changed]
    key = WebhookKey(account_id=account.account_id, dialect="test", key="w")
    await rows.write(webhooks.remove, key)
    assert await rows.storage.read(webhooks.load_all) == []

    settings = StoredPhoneSettings(
        account_id=account.account_id, settings={"ping": {"x": True, "y": 1.5}}, signing_key="ü"
    )
    for stored in (settings, msgspec.structs.replace(settings, settings={})):
        await rows.write(phone_settings.put, stored)
        assert await rows.storage.read(phone_settings.load_all) == [stored]


async def test_a_text_of_a_device_is_known_by_its_digest(rows: Any) -> None:
    account = await rows.account()
    device = await _device(rows, account)
    text = StoredInbound(
        inbound_id=rows.ids.next(),
        account_id=account.account_id,
        carrier="phones",
        sender="4511111111",
        recipient="",
        text="hello",
        alphabet="gsm7",
        keyword="",
        parts=1,
        complete=True,
    )
    known = NewDeviceText(inbound_id=text.inbound_id, device_id=device, slot=None, digest=b"d" * 32)
    await rows.write(inbound.store_texts, NewInbound(text=text, device_text=known))
    found = await rows.storage.read(
        lambda c: [device_texts.is_known(c, device, digest) for digest in (b"d" * 32, b"e")]
    )
    assert found == [True, False]
