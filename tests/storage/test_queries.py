"""Outbox and inbox: every filter narrows, pages do not overlap, accounts see their own."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.core.inbound.model.inbound import InboxFilter, StoredInbound
from dragoman.core.inbound.sql import inbound
from dragoman.core.inbound.sql.inbound import NewInbound
from dragoman.core.inbound.sql.tables import inbound_parts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql.tables import hourly_statistics
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.core.reporting.sql import outbox


@pytest.fixture
async def sent(rows: Any) -> dict[str, Any]:
    """Four messages of one account and one of another, an hour apart; names lead to them."""
    one, other = await rows.account("one"), await rows.account("other")
    start_ms = rows.clock.now_ms()
    made = {
        "a": await rows.accepted(one, ["4511111111"], text="Hello 100% you", sender="Shop"),
        "b": None, "c": None, "d": None,
    }  # fmt: skip
    rows.clock.advance(3600)
    made["b"] = await rows.accepted(
        one, ["4522222222"], text="other words", message={"price": 300, "mcc": "240", "parts": 2}
    )
    rows.clock.advance(3600)
    made["c"] = await rows.accepted(one, ["4511111111"], text="HELLO 1000 you")
    rows.clock.advance(3600)
    made["d"] = await rows.accepted(one, ["4533333333"], text="a_b", message={"price": 0})
    foreign = await rows.accepted(other, ["4511111111"], text="Hello")
    await rows.move(one, made["c"], State.QUEUED, State.SENT, State.DELIVERED)
    return {"account": one, "other": other, "start_ms": start_ms, "foreign": foreign, **made}


HOUR = 3_600_000


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "dcba"),
        ({"recipient": "4511111111"}, "ca"),
        ({"recipient": "451111111"}, ""),
        ({"sender": "Shop"}, "a"),
        ({"from_ms": HOUR}, "dcb"),
        ({"to_ms": HOUR}, "ba"),
        ({"from_ms": HOUR, "to_ms": 2 * HOUR}, "cb"),
        ({"price": 100}, "ca"),
        ({"price": 100, "price_comparison": ">"}, "b"),
        ({"price": 100, "price_comparison": "<"}, "d"),
        ({"batch_id": "b"}, "b"),
        ({"message_id": "d"}, "d"),
        ({"text": ("hello",)}, "ca"),
        ({"text": ("100%",)}, "a"),
        ({"text": ("a_b",)}, "d"),
        ({"text": ("a%b",)}, ""),
        ({"states": (State.DELIVERED,)}, "c"),
        ({"states": (State.QUEUED, State.DELIVERED)}, "dcba"),
        ({"mccs": ("240",)}, "b"),
        ({"mccs": ("240", "238")}, "dcba"),
        ({"sender": "Shop", "text": ("hello",), "mccs": ("238",)}, "a"),
        ({"message_id": "foreign"}, ""),
        ({"batch_id": "foreign"}, ""),
    ],
    ids=str,
)
async def test_outbox_filters_narrow(
    rows: Any, sent: dict[str, Any], wanted: dict[str, Any], found: str
) -> None:
    fields = dict(wanted)
    for name in ("from_ms", "to_ms"):
        if name in fields:
            fields[name] += sent["start_ms"]
    if "batch_id" in fields:
        fields["batch_id"] = sent[fields["batch_id"]].batch.batch_id
    if "message_id" in fields:
        fields["message_id"] = sent[fields["message_id"]].messages[0].message_id
    narrowed = OutboxFilter(account_id=sent["account"].account_id, **fields)
    page = await rows.storage.read(lambda c: outbox.search(c, narrowed, 0, 10))
    expected = [sent[name].messages[0].message_id for name in found]
    assert [view.message_id for view in page.messages] == expected
    assert page.total == len(expected)
    assert page.parts == sum(2 if name == "b" else 1 for name in found)


async def test_outbox_pages_follow_each_other(rows: Any, sent: dict[str, Any]) -> None:
    wanted = OutboxFilter(account_id=sent["account"].account_id)
    found = []
    for offset in (0, 2, 4):
        page = await rows.storage.read(lambda c, o=offset: outbox.search(c, wanted, o, 2))
        assert page.total == 4
        found += [view.message_id for view in page.messages]
    assert found == [sent[name].messages[0].message_id for name in "dcba"]


async def test_a_view_says_what_batch_and_message_say(rows: Any, sent: dict[str, Any]) -> None:
    account_id = sent["account"].account_id
    message = sent["c"].messages[0]
    view = await rows.storage.read(lambda c: outbox.find(c, account_id, message.message_id))
    assert (view.text, view.sender, view.state) == ("HELLO 1000 you", "Dragoman", State.DELIVERED)
    assert (view.carrier, view.created_ms) == ("smsc", sent["start_ms"] + 2 * HOUR)
    foreign = sent["foreign"].messages[0].message_id
    assert await rows.storage.read(lambda c: outbox.find(c, account_id, foreign)) is None
    batch_id = sent["foreign"].batch.batch_id
    page = await rows.storage.read(lambda c: outbox.find_of_batch(c, account_id, batch_id, 0, 9))
    assert page == []
    assert await rows.storage.read(lambda c: outbox.last_callback_answer(c, foreign)) == ""


async def test_messages_of_a_batch_come_in_the_order_of_its_recipients(rows: Any) -> None:
    account = await rows.account()
    numbers = ["4533333333", "4511111111", "4522222222"]
    new = await rows.accepted(account, numbers)
    page = await rows.storage.read(
        lambda c: outbox.find_of_batch(c, account.account_id, new.batch.batch_id, 1, 2)
    )
    assert [view.recipient for view in page] == numbers[1:]


@pytest.fixture
async def received(rows: Any) -> dict[str, Any]:
    account = await rows.account("one")
    other = await rows.account("other")
    made: dict[str, Any] = {"account": account, "start_ms": rows.clock.now_ms()}
    for name, owner, sender, recipient, text in (
        ("a", account, "4511111111", "1204", "STOP it"),
        ("b", account, "4522222222", "1204", "hello 50%"),
        ("c", account, "4511111111", "1999", "Hello there"),
        ("x", other, "4511111111", "1204", "hello"),
        ("y", None, "4511111111", "1204", "hello"),
    ):
        text_row = StoredInbound(
            inbound_id=rows.ids.next(),
            account_id=owner.account_id if owner else None,
            carrier="smsc",
            sender=sender,
            recipient=recipient,
            text=text,
            alphabet="gsm7",
            keyword=text.split()[0].upper(),
            parts=1,
            complete=True,
        )
        made[name] = text_row
        await rows.write(inbound.store_texts, NewInbound(text=text_row))
        rows.clock.advance(3600)
    return made


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "cba"),
        ({"recipient": "1204"}, "ba"),
        ({"sender": "4511111111"}, "ca"),
        ({"from_ms": HOUR}, "cb"),
        ({"to_ms": HOUR}, "ba"),
        ({"inbound_id": "b"}, "b"),
        ({"inbound_id": "x"}, ""),
        ({"text": ("HELLO",)}, "cb"),
        ({"text": ("50%",)}, "b"),
        ({"text": ("5_%",)}, ""),
        ({"keyword": "stop"}, "a"),
    ],
    ids=str,
)
async def test_inbox_filters_narrow(
    rows: Any, received: dict[str, Any], wanted: dict[str, Any], found: str
) -> None:
    fields = dict(wanted)
    for name in ("from_ms", "to_ms"):
        if name in fields:
            fields[name] += received["start_ms"]
    if "inbound_id" in fields:
        fields["inbound_id"] = received[fields["inbound_id"]].inbound_id
    narrowed = InboxFilter(account_id=received["account"].account_id, **fields)
    page = await rows.storage.read(lambda c: inbound.search(c, narrowed, 0, 10))
    assert list(page.texts) == [received[name] for name in found]
    assert page.total == len(found)
    page = await rows.storage.read(lambda c: inbound.search(c, narrowed, 1, 1))
    assert list(page.texts) == [received[name] for name in found[1:2]]


async def test_received_texts_are_counted_by_keyword_and_number(
    rows: Any, received: dict[str, Any]
) -> None:
    counts = {
        (row["account_id"], row["value"]): row["count"]
        for row in await rows.all(hourly_statistics)
        if row["dimension"] == "keyword:number"
    }
    account_id = received["account"].account_id
    assert counts[account_id, "STOP:1204"] == 1
    assert counts[0, "HELLO:1204"] == 1


async def test_parts_are_dropped_with_the_text_made_of_them(rows: Any) -> None:
    stored = [
        inbound.StoredInboundPart(
            part_id=rows.ids.next(), carrier="smsc", sender="45", recipient="1204", reference=1,
            total=3, number=n, content="½ñ".encode("utf-16-be"), alphabet="ucs2",
        )
        for n in (1, 2, 3)
    ]  # fmt: skip
    for part in stored:
        await rows.write(inbound.store_parts, inbound.NewInboundPart(part=part))
    assert await rows.storage.read(inbound.load_parts) == stored
    text = StoredInbound(
        inbound_id=rows.ids.next(), account_id=None, carrier="smsc", sender="45",
        recipient="1204", text="x", alphabet="ucs2", keyword="X", parts=2, complete=True,
    )  # fmt: skip
    ids = tuple(part.part_id for part in stored[:2])
    await rows.write(inbound.store_texts, NewInbound(text=text, part_ids=ids))
    assert await rows.storage.read(inbound.load_parts) == stored[2:]
    await rows.write(inbound.drop_parts, stored[2].part_id)
    assert await rows.all(inbound_parts) == []
    assert msgspec.structs.asdict(text)["parts"] == 2
