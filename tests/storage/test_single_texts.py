"""Texts that were submitted one by one and received ones, page by page, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.model.inbound import StoredInbound
from dragoman.core.inbound.sql import inbound
from dragoman.core.inbound.sql.inbound import NewInbound
from dragoman.core.messages.model.attachments import Attachment
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import ALONE
from dragoman.core.messages.model.records import BatchOptions
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.reporting.model.single_texts import SingleFilter, SingleText
from dragoman.core.reporting.single_texts import SingleTexts
from dragoman.core.retention.sql import single_forgetting
from dragoman.core.retention.sql.single_forgetting import SingleForgetting
from dragoman.core.submission.sql import idempotency_keys, submissions
from dragoman.core.submission.sql.idempotency_keys import KeyedBatch

HERS, HIS, OURS = "4511111111", "4522222222", "4533333333"
DIALECT = "d"


class Texts:
    """What an account sent and received."""

    def __init__(self, rows: Any, account: Account) -> None:
        self.rows = rows
        self.account = account
        self.service = SingleTexts(rows.storage)

    async def sent(self, recipient: str = HERS, *states: State, **more: Any) -> int:
        fields = {"dialect": DIALECT, "protocol": ALONE} | more
        new = await self.rows.accepted(self.account, (recipient,), **fields)
        if states:
            await self.rows.move(self.account, new, State.QUEUED, *states)
        batch_id: int = new.batch.batch_id
        return batch_id

    async def waiting(self, recipient: str = HERS) -> int:
        fields = {"dialect": DIALECT, "protocol": ALONE, "waiting": True}
        new = self.rows.batch(self.account, (recipient,), **fields)
        item = KeyedBatch(key=str(new.batch.batch_id), new=new, recipients=(recipient,))
        await self.rows.write(idempotency_keys.accept, item)
        batch_id: int = new.batch.batch_id
        return batch_id

    async def received(self, sender: str = HERS) -> int:
        inbound_id: int = self.rows.ids.next()
        text = StoredInbound(
            inbound_id=inbound_id,
            account_id=self.account.account_id,
            carrier="smsc",
            sender=sender,
            recipient=OURS,
            text="hello back",
            alphabet="gsm7",
            keyword="",
            parts=1,
            complete=True,
        )
        await self.rows.write(inbound.store_texts, NewInbound(text=text))
        return inbound_id

    async def search(self, limit: int = 100, **wanted: Any) -> list[SingleText]:
        account_id = self.account.account_id
        filter_ = SingleFilter(account_id=account_id, dialect=DIALECT, **wanted)
        return await self.service.search(filter_, limit)

    async def ids(self, limit: int = 100, **wanted: Any) -> list[int]:
        return [text.text_id for text in await self.search(limit, **wanted)]


@pytest.fixture
async def texts(rows: Any) -> Texts:
    return Texts(rows, await rows.account())


async def test_sent_waiting_and_received_ones_are_one_list(texts: Texts) -> None:
    made = [await texts.sent(), await texts.received(), await texts.waiting(HIS)]
    await texts.sent(dialect="other")
    await texts.sent(protocol="REST")
    found = await texts.search()
    assert [text.text_id for text in found] == made[::-1]
    waiting, received, sent = found
    assert (waiting.state, waiting.recipient, waiting.message_id) == (State.SCHEDULED, HIS, None)
    assert (received.state, received.sender, received.recipient) == (None, HERS, OURS)
    assert (sent.state, sent.recipient, sent.text) == (State.QUEUED, HERS, "hello")


async def test_pages_go_on_in_both_directions(texts: Texts) -> None:
    made = [await texts.sent() for _ in range(3)] + [await texts.received() for _ in range(3)]
    newest = made[::-1]
    assert await texts.ids(2) == newest[:2]
    assert await texts.ids(2, before=newest[1]) == newest[2:4]
    assert await texts.ids(2, after=newest[4]) == newest[2:4]
    assert await texts.ids(2, after=newest[0]) == []
    assert await texts.ids(2, before=newest[-1]) == []


async def test_filters_look_at_both_sides_and_at_when_it_left(texts: Texts) -> None:
    clock = texts.rows.clock
    first = await texts.sent(HERS, State.SENDING, State.SENT)
    clock.advance(3600)
    start_ms = clock.now_ms()
    second = await texts.sent(HIS, State.SENDING, State.SENT)
    third = await texts.received(HERS)
    fourth = await texts.waiting(HIS)
    assert await texts.ids(recipient=HERS) == [first]
    assert await texts.ids(recipient=HIS) == [fourth, second]
    assert await texts.ids(recipient=OURS) == [third]
    assert await texts.ids(sender="Dragoman") == [fourth, second, first]
    assert await texts.ids(sender=f"+{HERS}") == [third]
    assert await texts.ids(from_ms=start_ms) == [third, second]
    assert await texts.ids(until_ms=start_ms) == [first]
    assert await texts.ids(from_ms=start_ms, until_ms=start_ms) == []
    assert await texts.ids(from_ms=start_ms, recipient=HIS, sender="Dragoman") == [second]
    assert await texts.ids(recipient="\0") == []


async def test_one_is_found_by_its_account_only(texts: Texts) -> None:
    other = await texts.rows.account("other")
    for text_id in (await texts.sent(), await texts.received(), await texts.waiting()):
        found = await texts.service.find(texts.account, DIALECT, text_id)
        assert found.text_id == text_id
        for account, dialect in ((other, DIALECT), (texts.account, "other")):
            if found.state is None and account is texts.account:
                continue
            with pytest.raises(Refused) as refused:
                await texts.service.find(account, dialect, text_id)
            assert refused.value.code is RefusalCode.NOT_FOUND


async def test_files_are_counted(texts: Texts) -> None:
    fields = {"dialect": DIALECT, "protocol": ALONE, "format": "mms"}
    new = texts.rows.batch(texts.account, **fields)
    file = Attachment(name="a.png", content_type="image/png", content=b"x")
    new = type(new)(
        batch=new.batch, messages=new.messages, reservation=new.reservation, attachments=(file,) * 2
    )
    await texts.rows.write(submissions.accept, new)
    await texts.sent()
    assert [text.attachments for text in await texts.search()] == [0, 2]


async def test_the_last_sender_is_that_of_the_newest_with_the_same_note(texts: Texts) -> None:
    def noted(note: str) -> BatchOptions:
        return BatchOptions(return_data=note)

    async def last(note: str, number: str = HERS) -> str | None:
        return await texts.service.last_sender(texts.account, DIALECT, number, note)

    assert await last("a") is None
    await texts.sent(sender="One", options=noted("a"))
    await texts.sent(sender="Two", options=noted("a"))
    await texts.sent(sender="Three", options=noted("b"))
    await texts.sent(HIS, sender="Four", options=noted("a"))
    await texts.sent(sender="Five", options=noted("a"), dialect="other")
    assert [await last("a"), await last("b"), await last("c")] == ["Two", "Three", None]
    assert await last("a", HIS) == "Four"


@pytest.mark.parametrize("wholly", [False, True])
async def test_one_is_forgotten_and_the_others_stay(texts: Texts, wholly: bool) -> None:
    sent = await texts.sent(HERS, State.SENDING, State.SENT, State.DELIVERED)
    received = await texts.received()
    kept = [await texts.sent(HERS, State.SENDING, State.SENT), await texts.received()]
    for found in await texts.search():
        if found.text_id in (sent, received):
            item = SingleForgetting(
                text_id=found.text_id,
                message_id=found.message_id,
                received=found.state is None,
                wholly=wholly,
            )
            await texts.rows.write(single_forgetting.forget, item)
    left = await texts.search()
    gone = [] if wholly else [received, sent]
    assert [text.text_id for text in left] == [*kept[::-1], *gone]
    assert [text.text for text in left] == ["hello back", "hello", *[""] * len(gone)]
