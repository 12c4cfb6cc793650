"""Batches to lists and contacts: each number once, its own text, its own price, through crashes."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, update
from tests.passing_time import PATIENCE_S, until

from dragoman.config.premium import BillingTable, ContentTypeTable, ShortCodeTable
from dragoman.config.tables import PriceTable
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.sql import account_tree
from dragoman.core.billing.model.payments import Payment
from dragoman.core.billing.sql.tables import ledger_entries
from dragoman.core.contacts.model.filters import Filter, Match, Operation, Rule
from dragoman.core.contacts.sql.tables import contact_lists, contacts, merge_fields
from dragoman.core.messages.model.audiences import Audience, Segment
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.messages import Format, Push
from dragoman.core.messages.model.premium import Premium, PremiumState
from dragoman.core.messages.sql.tables import audiences, batches, messages, premium_messages
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.submission import batches as batches_module
from dragoman.core.submission.sql import audiences as audiences_repository
from dragoman.kit.clock import FixedClock
from dragoman.storage.work import Operation as Work

S = State


def _write(connection: Any, items: list[Any]) -> list[None]:
    for statement in items:
        connection.execute(statement)
    return [None] * len(items)


_WRITE = Work(_write, "write")


class Book:
    """The address book of an account."""

    def __init__(self, harness: Any, account: Any) -> None:
        self.harness = harness
        self.account = account

    async def _insert(self, table: Any, **values: Any) -> None:
        await self.harness.storage.writer.write(_WRITE, insert(table).values(**values))

    async def list(self, parent: int | None = None) -> int:
        list_id = self.harness.ids.next()
        await self._insert(
            contact_lists,
            list_id=list_id,
            account_id=self.account.account_id,
            parent_id=parent,
            name="list",
        )
        return int(list_id)

    async def field(self, name: str) -> int:
        field_id = self.harness.ids.next()
        await self._insert(
            merge_fields, field_id=field_id, account_id=self.account.account_id, name=name
        )
        return int(field_id)

    async def contacts(
        self, list_id: int | None, numbers: Sequence[str], **fields: Any
    ) -> list[int]:
        """Contacts with these values by `felt<id>`; a list has one value for each."""
        made = []
        rows = []
        for index, number in enumerate(numbers):
            contact_id = self.harness.ids.next()
            made.append(contact_id)
            values = {
                key.removeprefix("felt"): value if isinstance(value, str) else value[index]
                for key, value in fields.items()
            }
            rows.append(
                {
                    "contact_id": contact_id,
                    "account_id": self.account.account_id,
                    "list_id": list_id,
                    "mobile": number,
                    "fields": json.dumps(values),
                    "changed_ms": 0,
                }
            )
        await self.harness.storage.writer.write(_WRITE, insert(contacts).values(rows))
        return made

    async def delete(self, table: Any, column: Any, identifier: int) -> None:
        statement = update(table).where(column == identifier).values(deleted_ms=1)
        await self.harness.storage.writer.write(_WRITE, statement)


def numbers(count: int, start: int = 0) -> list[str]:
    return [f"45{20_000_000 + n}" for n in range(start, start + count)]


async def send(harness: Any, account: Any, *recipients: str, **more: Any) -> Any:
    audience = {
        key: more.pop(key) for key in ("lists", "contacts", "filter", "segment") if key in more
    }
    return await harness.submit(
        account, recipients=recipients, audience=Audience(**audience), **more
    )


async def expand(harness: Any) -> None:
    """Expands all that is due."""
    for _ in range(10_000):
        if not await harness.batches._step():
            return
    raise AssertionError("there is no end")


async def reached(harness: Any, account: Any, accepted: Any) -> list[str]:
    return [m.recipient for m in await harness.outbox(account) if m.batch_id == accepted.batch_id]


@pytest.fixture
async def harness(make_harness: Any, database_url: str) -> Any:
    """Storage and services on a fixed clock, on both databases; carriers are not started."""
    return await make_harness(
        database_url, carriers={"smsc": 1}, start=False, clock=FixedClock(), inline_recipients=5
    )


@pytest.fixture
async def book(harness: Any) -> Book:
    return Book(harness, await harness.account(credits=1_000))


async def test_lists_with_those_below_and_contacts_and_numbers_make_each_number_once(
    harness: Any, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches_module, "CHUNK", 3)
    top, other = await book.list(), await book.list()
    below = await book.list(top)
    deepest = await book.list(below)
    gone = await book.list(top)
    await book.contacts(top, numbers(4))
    await book.contacts(below, numbers(4, 2))
    await book.contacts(deepest, numbers(2, 10))
    await book.contacts(gone, numbers(2, 20))
    await book.contacts(other, numbers(3, 3))
    await book.delete(contact_lists, contact_lists.c.list_id, gone)
    (alone,) = await book.contacts(None, ["4599999999"])
    (left_out,) = await book.contacts(top, ["4588888888"])
    await book.delete(contacts, contacts.c.contact_id, left_out)
    accepted = await send(
        harness,
        book.account,
        "+4520000001",
        "+4511111111",
        lists=(top, other),
        contacts=(alone,),
    )
    assert (accepted.recipients, accepted.credits) == (0, 0)
    progress = await harness.queries.batch(book.account, accepted.batch_id)
    assert (progress.state, progress.recipients, progress.unsent) == (BatchState.QUEUED, 0, 0)
    await expand(harness)
    expected = sorted({*numbers(6), *numbers(2, 10), "4599999999", "4511111111"})
    assert await reached(harness, book.account, accepted) == expected
    progress = await harness.queries.batch(book.account, accepted.batch_id)
    assert (progress.state, progress.recipients, progress.unsent) == (BatchState.RUNNING, 10, 10)
    assert await harness.balance(book.account) == (990, 10, 0)


async def test_many_lists_are_found_among_all_contacts(
    harness: Any, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audiences_repository, "MAX_READ_ALONE", 2)
    monkeypatch.setattr(batches_module, "CHUNK", 4)
    lists = [await book.list() for _ in range(5)]
    for index, list_id in enumerate(lists):
        await book.contacts(list_id, numbers(6, 3 * index))
    accepted = await send(harness, book.account, lists=tuple(lists[:4]))
    await expand(harness)
    assert await reached(harness, book.account, accepted) == numbers(15)


async def test_a_number_with_more_contacts_than_a_page_is_met_once(
    harness: Any, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches_module, "CHUNK", 2)
    field = await book.field("City")
    list_id = await book.list()
    cities = ["Aarhus"] * 6 + ["Odense"]
    await book.contacts(
        list_id, ["4511111111"] * 7 + numbers(2), **{f"felt{field}": [*cities, "Odense", "x"]}
    )
    only = Filter(
        match=Match.ALL, rules=(Rule(field="City", operation=Operation.IS, value="odense"),)
    )
    accepted = await send(harness, book.account, lists=(list_id,), filter=only, text="[City]")
    await expand(harness)
    found = [(m.recipient, m.text) for m in await harness.outbox(book.account)]
    assert found == [("4511111111", "Odense"), ("4520000000", "Odense")]
    assert accepted.recipients == 0


async def test_each_recipient_has_a_text_of_its_own_with_its_parts_and_price(
    harness: Any, book: Book
) -> None:
    name, city = await book.field("Name"), await book.field("Home town")
    list_id = await book.list()
    await book.contacts(
        list_id,
        numbers(4),
        **{
            f"felt{name}": ["Ann", "Жанна", "B" * 160, ""],
            f"felt{city}": ["Aarhus", "Odense", "", "Vejle"],
        },
    )
    text = f"Hi [name] of [HOME TOWN], [felt{name}] [unknown]"
    accepted = await send(harness, book.account, "+4511111111", lists=(list_id,), text=text)
    await expand(harness)
    found = await harness.outbox(book.account)
    assert [(m.recipient, m.text, m.parts, m.credits) for m in found] == [
        ("4511111111", "Hi  of ,  [unknown]", 1, 1),
        (numbers(4)[0], "Hi Ann of Aarhus, Ann [unknown]", 1, 1),
        (numbers(4)[1], "Hi Жанна of Odense, Жанна [unknown]", 1, 1),
        (numbers(4)[2], f"Hi {'B' * 160} of , {'B' * 160} [unknown]", 3, 3),
        (numbers(4)[3], "Hi  of Vejle,  [unknown]", 1, 1),
    ]
    live = sorted(harness.live, key=lambda m: m.message_id)
    assert [m.outgoing().alphabet.name for m in live] == ["GSM7", "GSM7", "UCS2", "GSM7", "GSM7"]
    assert [len(m.outgoing().parts) for m in live] == [1, 1, 1, 3, 1]
    assert await harness.balance(book.account) == (993, 7, 0)
    (batch,) = await harness.rows(batches)
    assert (batch["text"], batch["batch_id"]) == (text, accepted.batch_id)


async def test_texts_that_cannot_be_sent_are_rejected_and_the_others_go_on(
    harness: Any, book: Book
) -> None:
    name = await book.field("Name")
    list_id = await book.list()
    values = ["Ann", "x" * 1531, "Ж", ""]
    await book.contacts(list_id, numbers(4), **{f"felt{name}": values})
    accepted = await send(harness, book.account, lists=(list_id,), text="[Name]", format=Format.GSM)
    await expand(harness)

    async def failures() -> list[tuple[State, str]]:
        return [(m.state, m.failure) for m in await harness.outbox(book.account)]

    async def rejected() -> bool:
        return [state for state, _ in await failures()].count(S.REJECTED) == 3

    await until(rejected)
    assert await failures() == [
        (S.QUEUED, ""),
        (S.REJECTED, FailureCode.TEXT_TOO_LONG),
        (S.REJECTED, FailureCode.INVALID_CONTENT),
        (S.REJECTED, FailureCode.INVALID_CONTENT),
    ]
    progress = await harness.queries.batch(book.account, accepted.batch_id)
    assert (progress.recipients, progress.unsent, progress.failed) == (4, 1, 3)
    assert await harness.balance(book.account) == (999, 1, 0)


async def test_rejections_are_stored_with_the_messages_of_their_chunk(
    make_harness: Any, database_url: str, simulator: Any
) -> None:
    first = await make_harness(database_url, carriers={"smsc": 1}, start=False)
    book = Book(first, await first.account(credits=10))
    name, list_id = await book.field("Name"), await book.list()
    await book.contacts(list_id, numbers(2), **{f"felt{name}": ["Ann", "x" * 1531]})
    await send(first, book.account, lists=(list_id,), text="[Name]")
    await expand(first)
    await first.crash()
    second = await make_harness(database_url, carriers={"smsc": simulator.port})
    await second.until_states(book.account, S.DELIVERED, S.REJECTED)
    assert (await second.outbox(book.account))[1].failure is FailureCode.TEXT_TOO_LONG
    assert await second.balance(book.account) == (9, 0, 1)


async def test_an_empty_audience_is_done_with_zeros(harness: Any, book: Book) -> None:
    accepted = await send(harness, book.account, lists=(await book.list(),))
    await expand(harness)
    progress = await harness.queries.batch(book.account, accepted.batch_id)
    assert progress.state is BatchState.DONE
    assert (progress.recipients, progress.unsent, progress.failed) == (0, 0, 0)
    assert [row["kind"] for row in await harness.rows(ledger_entries)] == ["top_up", "reserve"]


@pytest.mark.parametrize("crash_after", [1, 2, 3])
async def test_a_crash_in_mid_expansion_neither_loses_nor_doubles_a_recipient(
    make_harness: Any,
    database_url: str,
    simulator: Any,
    monkeypatch: pytest.MonkeyPatch,
    crash_after: int,
) -> None:
    monkeypatch.setattr(batches_module, "CHUNK", 10)
    first = await make_harness(database_url, carriers={"smsc": 1}, start=False)
    book = Book(first, await first.account(credits=100))
    name, one, two = await book.field("Name"), await book.list(), await book.list()
    names = [f"N{n}" for n in range(40)]
    await book.contacts(one, numbers(40), **{f"felt{name}": names})
    await book.contacts(two, numbers(40, 20), **{f"felt{name}": names})
    accepted = await send(
        first,
        book.account,
        lists=(one, two),
        text="Hi [Name]",
        segment=Segment(percent=50),
    )
    for _ in range(crash_after):
        assert await first.batches._step()
    await first.crash()
    second = await make_harness(database_url, carriers={"smsc": simulator.port})
    await second.until_states(book.account, S.DELIVERED, count=30)
    assert await reached(second, book.account, accepted) == numbers(60)[::2]
    assert simulator.taken >= 30
    progress = await second.queries.batch(book.account, accepted.batch_id)
    assert (progress.state, progress.recipients, progress.received) == (BatchState.DONE, 30, 30)
    assert await second.balance(book.account) == (70, 0, 30)
    sent = Counter(s.pdu.destination_addr for s in simulator.submits)
    assert set(sent) == set(numbers(60)[::2])


async def test_contacts_that_change_during_the_expansion_are_met_at_most_once(
    harness: Any, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches_module, "CHUNK", 5)
    one, two = await book.list(), await book.list()
    made = await book.contacts(one, numbers(20))
    accepted = await send(harness, book.account, lists=(one, two))
    await harness.batches._step()
    done = await reached(harness, book.account, accepted)
    await book.contacts(two, done)  # the same people on another list
    await book.delete(contacts, contacts.c.contact_id, made[-1])
    await book.contacts(one, ["4520000019", "4520000030"])
    await expand(harness)
    expected = [*numbers(20), "4520000030"]
    assert await reached(harness, book.account, accepted) == expected


async def test_what_the_wallet_cannot_pay_is_counted_and_left_for_another_batch(
    harness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches_module, "CHUNK", 10)
    book = Book(harness, await harness.account("poor", credits=25))
    list_id = await book.list()
    await book.contacts(list_id, numbers(60))
    first = await send(harness, book.account, lists=(list_id,))
    await expand(harness)
    progress = await harness.queries.batch(book.account, first.batch_id)
    assert (progress.recipients, progress.unsent, progress.failed) == (60, 25, 35)
    assert await reached(harness, book.account, first) == numbers(25)
    assert await harness.balance(book.account) == (0, 25, 0)
    (row,) = await harness.rows(audiences)
    assert row["stopped"] == RefusalCode.INSUFFICIENT_CREDIT
    await harness.accounts.top_up(book.account, 100, "")
    rest = Segment(exclude=(first.batch_id,))
    second = await send(harness, book.account, lists=(list_id,), segment=rest)
    await expand(harness)
    assert await reached(harness, book.account, second) == numbers(35, 25)
    assert await harness.balance(book.account) == (65, 60, 0)


async def test_of_several_wallets_the_one_that_pays_least_decides(
    harness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: only the first wallet was asked, and the batch tried the same chunk for ever."""
    monkeypatch.setattr(batches_module, "CHUNK", 10)
    book = Book(harness, await harness.account("rich", credits=1_000))
    parent = await harness.account("parent", credits=45)
    list_id = await book.list()
    await book.contacts(list_id, numbers(60))
    payments = (
        Payment(wallet_id=book.account.wallet_id),
        Payment(wallet_id=parent.wallet_id, per_credit=2),
    )
    accepted = await send(harness, book.account, lists=(list_id,), payments=payments)
    async with asyncio.timeout(PATIENCE_S):
        await expand(harness)
    assert await reached(harness, book.account, accepted) == numbers(22)
    assert await harness.balance(book.account) == (978, 22, 0)
    assert await harness.balance(parent) == (1, 44, 0)


async def test_the_rest_is_exactly_the_rest_though_contacts_are_added(
    harness: Any, book: Book
) -> None:
    list_id = await book.list()
    await book.contacts(list_id, numbers(95))
    sample = await send(harness, book.account, lists=(list_id,), segment=Segment(percent=10))
    await expand(harness)
    assert len(await reached(harness, book.account, sample)) == 10
    await book.contacts(list_id, ["4511111111", *numbers(5, 95)])
    rest = Segment(percent=100, exclude=(sample.batch_id,))
    others = await send(harness, book.account, lists=(list_id,), segment=rest)
    await expand(harness)
    both = [
        *await reached(harness, book.account, sample),
        *await reached(harness, book.account, others),
    ]
    assert Counter(both) == Counter(["4511111111", *numbers(100)])


@pytest.mark.parametrize("seed", range(6))
async def test_two_halves_of_any_lists_reach_everyone_once(
    make_harness: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """A share and the rest without it; a filter and its opposite: over lists that overlap."""
    dice = random.Random(seed)
    monkeypatch.setattr(batches_module, "CHUNK", dice.randint(2, 20))
    harness = await make_harness(carriers={"smsc": 1}, start=False, clock=FixedClock())
    book = Book(harness, await harness.account())
    field = await book.field("Age")
    everybody = numbers(60)
    ages = {number: str(dice.randint(1, 99)) for number in everybody}
    lists = [await book.list() for _ in range(dice.randint(1, 4))]
    for list_id in lists:
        some = dice.sample(everybody, dice.randint(1, 60))
        await book.contacts(list_id, some, **{f"felt{field}": [ages[n] for n in some]})
    asked = {"lists": tuple(lists)}
    whole = await send(harness, book.account, **asked)
    await expand(harness)
    expected = await reached(harness, book.account, whole)

    share = Segment(percent=dice.randint(1, 100))
    sample = await send(harness, book.account, **asked, segment=share)
    await book.contacts(lists[0], ["4510000000", "4590000000"])
    rest = Segment(exclude=(sample.batch_id,))
    others = await send(harness, book.account, **asked, segment=rest)
    await expand(harness)
    both = [
        *await reached(harness, book.account, sample),
        *await reached(harness, book.account, others),
    ]
    assert Counter(both) == Counter([*expected, "4510000000", "4590000000"])

    halves = []
    bound = str(dice.randint(1, 99))
    for operation in (Operation.IS, Operation.NOT):
        rule = Rule(field="age", operation=operation, value=bound)
        only = Filter(match=Match.ANY, rules=(rule,))
        half = await send(harness, book.account, **asked, filter=only)
        await expand(harness)
        halves += await reached(harness, book.account, half)
    assert Counter(halves) == Counter(both)


async def test_the_rest_waits_for_the_batch_it_excludes(
    harness: Any, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are due at once and take turns: the rest must not begin before the sample is known."""
    monkeypatch.setattr(batches_module, "CHUNK", 7)
    list_id = await book.list()
    await book.contacts(list_id, numbers(50))
    sample = await send(harness, book.account, lists=(list_id,), segment=Segment(percent=30))
    rest = Segment(exclude=(sample.batch_id,))
    others = await send(harness, book.account, lists=(list_id,), segment=rest)
    await expand(harness)
    first = await reached(harness, book.account, sample)
    second = await reached(harness, book.account, others)
    assert (len(first), len(second)) == (15, 35)
    assert sorted(first + second) == numbers(50)


async def test_a_count_is_the_most_that_are_sent_to(
    harness: Any, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches_module, "CHUNK", 4)
    list_id = await book.list()
    await book.contacts(list_id, numbers(30))
    named = "+4599999999"
    accepted = await send(
        harness, book.account, named, lists=(list_id,), segment=Segment(count=10, percent=50)
    )
    await expand(harness)
    assert await reached(harness, book.account, accepted) == [*numbers(20)[::2], "4599999999"]


@pytest.mark.parametrize(
    ("asked", "code", "subject"),
    [
        ({"lists": (12,)}, RefusalCode.NOT_FOUND, "12"),
        ({"contacts": (13,)}, RefusalCode.NOT_FOUND, "13"),
        ({"lists": "foreign"}, RefusalCode.NOT_FOUND, None),
        ({"contacts": "foreign"}, RefusalCode.NOT_FOUND, None),
        ({"lists": "deleted"}, RefusalCode.NOT_FOUND, None),
        (
            {"lists": "own", "segment": Segment(exclude=(1,))},
            RefusalCode.INVALID_FIELD,
            "segmentation",
        ),
        ({"lists": "own", "text": "x" * 1531}, RefusalCode.TEXT_TOO_LONG, "11"),
        ({"lists": "own", "text": ""}, RefusalCode.EMPTY_TEXT, "text"),
        (
            {
                "lists": "own",
                "filter": Filter(
                    match=Match.ANY, rules=(Rule(field="X", operation=Operation.IS, value=""),)
                ),
            },
            RefusalCode.INVALID_FIELD,
            "filter",
        ),
    ],
)
async def test_an_audience_that_cannot_be_is_refused_and_nothing_stored(
    harness: Any, book: Book, asked: dict[str, Any], code: RefusalCode, subject: str | None
) -> None:
    other = Book(harness, await harness.account("other"))
    foreign, own, deleted = await other.list(), await book.list(), await book.list()
    await book.delete(contact_lists, contact_lists.c.list_id, deleted)
    (stranger,) = await other.contacts(foreign, numbers(1))
    known = {"foreign": (foreign,), "own": (own,), "deleted": (deleted,)}
    asked = dict(asked)
    if asked.get("contacts") == "foreign":
        asked["contacts"] = (stranger,)
    if isinstance(asked.get("lists"), str):
        asked["lists"] = known[asked["lists"]]
    with pytest.raises(Refused) as caught:
        await send(harness, book.account, **asked)
    assert caught.value.code is code
    assert subject is None or caught.value.subject == subject
    assert await harness.rows(batches) == []
    assert await harness.rows(audiences) == []


async def test_a_batch_that_excludes_a_later_one_is_refused(harness: Any, book: Book) -> None:
    list_id = await book.list()
    later = await send(
        harness, book.account, lists=(list_id,), due_ms=harness.clock.now_ms() + 3_600_000
    )
    segment = Segment(exclude=(later.batch_id,))
    with pytest.raises(Refused) as caught:
        await send(harness, book.account, lists=(list_id,), segment=segment)
    assert caught.value.code is RefusalCode.INVALID_FIELD


async def test_a_scheduled_audience_is_cancelled(harness: Any, book: Book) -> None:
    list_id = await book.list()
    await book.contacts(list_id, numbers(5))
    due_ms = harness.clock.now_ms() + 1000
    accepted = await send(harness, book.account, lists=(list_id,), due_ms=due_ms)
    await harness.batches.cancel(book.account, accepted.batch_id)
    harness.clock.advance(2)
    await expand(harness)
    progress = await harness.queries.batch(book.account, accepted.batch_id)
    assert progress.state is BatchState.CANCELLED
    assert await harness.rows(messages) == []
    assert await harness.balance(book.account) == (1_000, 0, 0)


async def test_an_audience_is_cancelled_in_mid_expansion_with_all_its_credits(
    harness: Any, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches_module, "CHUNK", 10)
    list_id = await book.list()
    await book.contacts(list_id, numbers(40))
    accepted = await send(harness, book.account, lists=(list_id,))
    await harness.batches._step()
    await harness.batches._step()
    await harness.batches.cancel(book.account, accepted.batch_id)
    await expand(harness)
    states = await harness.states(book.account)
    assert set(states) == {S.CANCELLED}
    assert 0 < len(states) < 40
    progress = await harness.queries.batch(book.account, accepted.batch_id)
    assert (progress.state, progress.unsent) == (BatchState.CANCELLED, 0)
    assert await harness.balance(book.account) == (1_000, 0, 0)
    assert len(harness.live) == 0
    rest = Segment(exclude=(accepted.batch_id,))
    again = await send(harness, book.account, lists=(list_id,), segment=rest)
    await expand(harness)
    assert await reached(harness, book.account, again) == numbers(40)


async def test_messages_that_are_only_in_rows_are_cancelled(
    harness: Any, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: what waited in its rows for room in the queue could not be cancelled."""
    monkeypatch.setattr("dragoman.core.delivery.backlog.MAX_QUEUED", 6)
    accepted = [await harness.submit(book.account, *numbers(5, 5 * n)) for n in range(3)]
    assert len(harness.live) < 15
    await harness.batches.cancel(book.account, accepted[2].batch_id)
    assert await harness.states(book.account) == [S.QUEUED] * 10 + [S.CANCELLED] * 5
    assert await harness.balance(book.account) == (990, 10, 0)


async def test_a_batch_of_which_something_was_sent_is_not_cancelled_and_goes_on(
    make_harness: Any, database_url: str, simulator: Any, until: Any
) -> None:
    first = await make_harness(database_url, carriers={"smsc": 1}, start=False)
    account = await first.account(credits=20)
    accepted = await first.submit(account, *numbers(20))
    statement = (
        update(messages).where(messages.c.recipient == numbers(20)[3]).values(state=S.DELIVERED)
    )
    await first.storage.writer.write(_WRITE, statement)
    first.live.remove(next(m for m in first.live if m.recipient == numbers(20)[3]))
    with pytest.raises(Refused) as caught:
        await first.batches.cancel(account, accepted.batch_id)
    assert caught.value.code is RefusalCode.NOT_CANCELLABLE
    assert (await first.states(account)).count(S.QUEUED) == 19
    await first.stop()
    second = await make_harness(database_url, carriers={"smsc": simulator.port})
    await second.until_states(account, S.DELIVERED, count=20)


async def test_a_cancellation_that_a_crash_interrupted_is_finished_at_the_next_start(
    make_harness: Any, database_url: str, simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await make_harness(database_url, carriers={"smsc": 1}, start=False)
    account = await first.account(credits=20)
    accepted = await first.submit(account, *numbers(20))

    async def dies(_batch_id: int) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(first.batches, "_end_stopped", dies)
    first.live.remove(next(iter(first.live)))
    with pytest.raises(asyncio.CancelledError):
        await first.batches.cancel(account, accepted.batch_id)
    await first.crash()
    second = await make_harness(database_url, carriers={"smsc": simulator.port})
    await second.until_states(account, S.CANCELLED, count=20)
    assert await second.balance(account) == (20, 0, 0)
    assert simulator.taken == 0


async def test_a_price_that_changes_before_the_expansion_leaves_nothing_held(
    make_harness: Any, database_url: str, simulator: Any
) -> None:
    """Bug: credits were held by the old price and settled by the new one."""
    old = {"prices": [PriceTable(prefix="45", credits=3)], "inline_recipients": 2}
    first = await make_harness(database_url, carriers={"smsc": 1}, start=False, **old)
    account = await first.account(credits=100)
    await first.submit(account, *numbers(10))
    assert await first.balance(account) == (70, 30, 0)
    await first.stop()
    new = {"prices": [PriceTable(prefix="45", credits=5)], "inline_recipients": 2}
    second = await make_harness(database_url, carriers={"smsc": simulator.port}, **new)
    await second.until_states(account, S.DELIVERED, count=10)
    assert await second.balance(account) == (70, 0, 30)


@pytest.mark.parametrize("inline", [True, False])
async def test_every_number_may_have_a_text_of_its_own(
    make_harness: Any, database_url: str, simulator: Any, inline: bool
) -> None:
    harness = await make_harness(
        database_url, carriers={"smsc": simulator.port}, inline_recipients=5 if inline else 1
    )
    account = await harness.account(credits=10)
    texts = ("Hello Ann", "Hello Bob " + "x" * 160, "Hello again")
    accepted = await harness.submit(
        account, "4511111111", "4522222222", "4511111111", text="Hello {name}", texts=texts
    )
    assert (accepted.recipients, accepted.credits) == (2, 3)
    await harness.until_states(account, S.DELIVERED, count=2)
    found = [(m.recipient, m.text, m.parts) for m in await harness.outbox(account)]
    assert found == [("4511111111", texts[0], 1), ("4522222222", texts[1], 2)]
    assert await harness.balance(account) == (7, 0, 3)
    sent = b"".join(submit.pdu.short_message for submit in simulator.submits)
    assert b"Hello Ann" in sent
    assert b"{name}" not in sent


async def test_a_restart_sends_the_texts_that_were_made(
    make_harness: Any, database_url: str, simulator: Any
) -> None:
    first = await make_harness(database_url, carriers={"smsc": 1}, start=False)
    book = Book(first, await first.account())
    name, list_id = await book.field("Name"), await book.list()
    await book.contacts(list_id, numbers(2), **{f"felt{name}": ["Ann", "Bob"]})
    await send(first, book.account, lists=(list_id,), text="Hi [Name]")
    await expand(first)
    await first.crash()
    second = await make_harness(database_url, carriers={"smsc": simulator.port})
    await second.until_states(book.account, S.DELIVERED, count=2)
    assert [s.pdu.short_message for s in simulator.submits] == [b"Hi Ann", b"Hi Bob"]


async def test_a_wap_push_travels_as_octets_to_the_port_of_the_push_client(
    make_harness: Any, simulator: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    push = Push(url="http://jp.dk")
    await harness.submit(account, text="Jyllands Posten", format=Format.WAP_PUSH, push=push)
    await harness.submit(account, text="x" * 200, format=Format.WAP_PUSH, push=push)
    await harness.until_states(account, S.DELIVERED, count=2)
    one, *parts = [submit.pdu for submit in simulator.submits]
    assert (one.data_coding, one.esm_class & 0x40) == (4, 0x40)
    assert one.short_message.startswith(bytes.fromhex("0605040b8423f0000601ae02056a0045c60c03"))
    assert b"jp.dk\x00" in one.short_message
    assert b"Jyllands Posten" in one.short_message
    assert [p.short_message[:7] for p in parts] == [bytes.fromhex("0b05040b8423f0")] * 2


async def outcomes(harness: Any, account: Any) -> dict[str, tuple[State, str, int]]:
    return {m.recipient: (m.state, m.failure, m.credits) for m in await harness.outbox(account)}


async def test_contacts_who_opted_out_are_rejected_without_cost(harness: Any, book: Book) -> None:
    list_id = await book.list()
    gone, there = numbers(2)
    await book.contacts(list_id, [gone, there])
    await harness.opt_outs.add(book.account, f"+{gone}")
    accepted = await send(harness, book.account, lists=(list_id,))
    await expand(harness)
    assert await outcomes(harness, book.account) == {
        gone: (S.REJECTED, FailureCode.OPTED_OUT, 0),
        there: (S.QUEUED, "", 1),
    }
    assert await harness.balance(book.account) == (999, 1, 0)
    progress = await harness.queries.batch(book.account, accepted.batch_id)
    assert (progress.recipients, progress.unsent, progress.failed) == (2, 1, 1)


async def test_contacts_beyond_the_prefixes_of_the_account_are_rejected_without_cost(
    harness: Any, book: Book
) -> None:
    list_id = await book.list()
    await book.contacts(list_id, ["4520000000", "4620000000"])
    change = account_tree.AccountChange(
        account_id=book.account.account_id, at_ms=1, values={"prefixes": "45"}
    )
    await harness.storage.writer.write(account_tree.change, change)
    narrowed = await harness.accounts.find(book.account.username)
    with pytest.raises(Refused) as refused:
        await send(harness, narrowed, "+4620000001", lists=(list_id,))
    assert refused.value.code is RefusalCode.RECIPIENT_NOT_ALLOWED
    await send(harness, narrowed, lists=(list_id,))
    await expand(harness)
    assert await outcomes(harness, narrowed) == {
        "4520000000": (S.QUEUED, "", 1),
        "4620000000": (S.REJECTED, FailureCode.NOT_ALLOWED, 0),
    }


async def test_only_contacts_whom_the_short_code_can_charge_are_charged(
    make_harness: Any, database_url: str
) -> None:
    code = ShortCodeTable(
        number="1272",
        country_code="45",
        content_types=(ContentTypeTable(id=9, description="tickets"),),
    )
    harness = await make_harness(
        database_url,
        carriers={"smsc": 1},
        start=False,
        short_codes=(code,),
        billing=BillingTable(price_tag=0x1400),
    )
    account = await harness.account(credits=10)
    book = Book(harness, account)
    name, list_id = await book.field("Name"), await book.list()
    people = ["4520000000", "4520000001", "4620000000"]
    await book.contacts(list_id, people, **{f"felt{name}": ["Ann", "x" * 161, "Bo"]})
    premium = {"sender": "1272", "premium": Premium(price=1000, content_type=9)}
    with pytest.raises(Refused) as refused:
        await send(harness, account, lists=(list_id,), **premium)
    assert refused.value.code is RefusalCode.PERMISSION_DENIED
    permissions = account.permissions | {Permission.PREMIUM}
    account = msgspec.structs.replace(account, permissions=permissions)
    await send(harness, account, lists=(list_id,), text="[Name]", **premium)
    await expand(harness)
    assert await outcomes(harness, account) == {
        "4520000000": (S.QUEUED, "", 1),
        "4520000001": (S.REJECTED, FailureCode.TEXT_TOO_LONG, 0),
        "4620000000": (S.REJECTED, FailureCode.NOT_BILLABLE, 0),
    }
    charges = [PremiumState(row["state"]) for row in await harness.rows(premium_messages)]
    rejected = PremiumState.TRANSACTION_REJECTED
    assert charges == [PremiumState.TRANSACTION_FORWARDED, rejected, rejected]


async def test_names_that_differ_in_case_are_fields_of_their_own(harness: Any, book: Book) -> None:
    small, large, list_id = await book.field("name"), await book.field("Name"), await book.list()
    values = {f"felt{small}": "ann", f"felt{large}": "ANN"}
    await book.contacts(list_id, numbers(1), **values)
    await send(harness, book.account, lists=(list_id,), text="[name] [Name] [NAME]")
    await expand(harness)
    assert [m.text for m in await harness.outbox(book.account)] == ["ann ANN ann"]
