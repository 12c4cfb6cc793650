"""Contacts on both databases: counts follow every change, searches and pages agree with them."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from sqlalchemy import Connection, select

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.contacts import Contacts
from dragoman.core.contacts.model.contacts import Contact, ContactFilter
from dragoman.core.contacts.sql import contact_blocks
from dragoman.core.contacts.sql.tables import contact_blocks as blocks
from dragoman.core.contacts.sql.tables import contact_lists, contact_values, contacts, merge_fields
from dragoman.core.model.errors import RefusalCode, Refused


class Book:
    """The address book of one account."""

    def __init__(self, rows: Any, account: Account) -> None:
        self.rows = rows
        self.account = account
        self.service = Contacts(storage=rows.storage, ids=rows.ids, clock=rows.clock)

    async def fill(self, count: int, list_id: int | None, **values: str) -> list[int]:
        made = [
            await self.service.create_contact(
                self.account, f"45{20_000_000 + n}", list_id=list_id, values=values
            )
            for n in range(count)
        ]
        return [contact.contact_id for contact in made]

    async def search(self, offset: int = 0, limit: int = 100, **wanted: Any) -> list[int]:
        page = await self.service.search(self.filter(**wanted), offset, limit)
        return [contact.contact_id for contact in page.contacts]

    async def total(self, **wanted: Any) -> int:
        return (await self.service.search(self.filter(**wanted), 0, 1)).total

    def filter(self, **wanted: Any) -> ContactFilter:
        return ContactFilter(account_id=self.account.account_id, **wanted)


@pytest.fixture
async def book(rows: Any) -> Book:
    return Book(rows, await rows.account("hn"))


@pytest.fixture
async def other(rows: Any) -> Book:
    return Book(rows, await rows.account("other"))


async def refusal(awaited: Any) -> tuple[RefusalCode, str]:
    with pytest.raises(Refused) as caught:
        await awaited
    return caught.value.code, caught.value.subject


async def counted(book: Book) -> None:
    """Checks that the blocks are about as many contacts as are found between their ends."""

    def query(connection: Connection) -> None:
        found: dict[tuple[int, int], list[tuple[int, bool]]] = {}
        for row in connection.execute(select(contacts)):
            for list_id in (row.list_id or contact_blocks.NO_LIST, contact_blocks.ALL_LISTS):
                scope = found.setdefault((row.account_id, list_id), [])
                scope.append((row.contact_id, row.deleted_ms is not None))
        kept: dict[tuple[int, int], list[Any]] = {}
        for block in connection.execute(select(blocks).order_by(blocks.c.first_id)):
            kept.setdefault((block.account_id, block.list_id), []).append(block)
        assert found.keys() <= kept.keys()
        for scope, theirs in kept.items():
            ends = [block.first_id for block in theirs[1:]] + [1 << 60]
            assert theirs[0].first_id == 0
            for block, end in zip(theirs, ends, strict=True):
                within = [
                    (contact_id, deleted)
                    for contact_id, deleted in found.get(scope, [])
                    if block.first_id <= contact_id < end
                ]
                deleted = sum(deleted for _, deleted in within)
                assert (block.live, block.deleted) == (len(within) - deleted, deleted)
                assert all(contact_id <= block.last_id for contact_id, _ in within)

    await book.rows.storage.read(query)


async def test_page_is_a_slice_of_all_from_either_end(book: Book) -> None:
    first = await book.service.create_list(book.account, "one")
    second = await book.service.create_list(book.account, "two")
    await book.fill(3, second.list_id)
    of_first = await book.fill(8, first.list_id)
    everything = await book.search()
    assert len(everything) == 11
    for offset, limit in itertools.product((0, 1, 3, 4, 6, 7, 8, 11, 100), (1, 3, 100)):
        page = await book.search(offset, limit, list_id=first.list_id)
        assert page == of_first[offset:][:limit], (offset, limit)
        assert await book.search(offset, limit) == everything[offset:][:limit], (offset, limit)


async def test_counts_follow_every_change(book: Book, other: Book) -> None:
    one = await book.service.create_list(book.account, "one")
    two = await book.service.create_list(book.account, "two")
    ids = await book.fill(4, one.list_id) + await book.fill(2, None)
    await other.fill(3, None)
    await counted(book)
    change, account = book.service.change_contact, book.account
    await change(account, ids[0], list_id=two.list_id)
    await change(account, ids[1], list_id=None)
    await change(account, ids[2], mobile="4599999999")
    await book.service.delete_contact(account, ids[4])
    await counted(book)
    assert [await book.total(list_id=n) for n in (one.list_id, two.list_id, 0)] == [2, 1, 2]
    assert await book.total() == 5
    assert await book.total(deleted=True) == 1
    assert await book.search(deleted=True) == [ids[4]]
    assert await book.search(list_id=0) == [ids[1], ids[5]]
    await book.service.delete_list(account, one.list_id)
    await counted(book)
    assert await book.total() == 3
    assert await book.total(deleted=True) == 3
    assert await other.total() == 3


async def test_list_is_deleted_in_steps_and_its_lists_move_up(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.core.contacts.contacts.DELETED_AT_ONCE", 3)
    account, service = book.account, book.service
    top = await service.create_list(account, "top")
    middle = await service.create_list(account, "middle", top.list_id)
    low = await service.create_list(account, "low", middle.list_id)
    await book.fill(7, middle.list_id)
    kept = await book.fill(1, low.list_id)
    await service.delete_list(account, middle.list_id)
    assert [(one.name, one.parent_id) for one in await service.lists(account)] == [
        ("top", None),
        ("low", top.list_id),
    ]
    assert await book.search() == kept
    await counted(book)
    assert await refusal(service.delete_list(account, middle.list_id)) == (
        RefusalCode.NOT_FOUND,
        str(middle.list_id),
    )


async def test_lists_never_form_a_cycle(book: Book, other: Book) -> None:
    account, service = book.account, book.service
    top = await service.create_list(account, "top")
    middle = await service.create_list(account, "middle", top.list_id)
    low = await service.create_list(account, "low", middle.list_id)
    foreign = await other.service.create_list(other.account, "foreign")
    for parent in (top, middle, low):
        code, subject = await refusal(
            service.change_list(account, top.list_id, parent_id=parent.list_id)
        )
        assert (code, subject) == (RefusalCode.INVALID_FIELD, "parent")
    for missing in (foreign.list_id, 12):
        expected = (RefusalCode.NOT_FOUND, str(missing))
        assert await refusal(service.create_list(account, "x", missing)) == expected
        change = service.change_list(account, low.list_id, parent_id=missing)
        assert await refusal(change) == expected
        assert await refusal(service.change_list(account, missing, name="x")) == expected
    await service.change_list(account, low.list_id, parent_id=None)
    moved = await service.change_list(account, top.list_id, parent_id=low.list_id, name="new")
    assert (moved.parent_id, moved.name) == (low.list_id, "new")


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("Fornavn", "Jack", [0]),
        ("Fornavn", "jack", []),
        ("Fornavn", "Jac", []),
        ("Fornavn", 'J"a\\ck', [1]),
        ("Fornavn", "Søren\t", [2]),
        ("Fornavn", "", [0, 1, 2, 4]),
        ("Efternavn", "Jack", [3]),
        ("Efternavn", "x%_", [4]),
        ("Efternavn", "", [3, 4]),
    ],
)
async def test_search_by_value_is_exact(
    book: Book, name: str, value: str, found: list[int]
) -> None:
    given = [
        {"Fornavn": "Jack"},
        {"Fornavn": 'J"a\\ck'},
        {"Fornavn": "Søren\t"},
        {"Efternavn": "Jack"},
        {"Fornavn": '"Efternavn":"Jack"', "Efternavn": "x%_"},
        {},
    ]
    ids = [(await book.fill(1, None, **values))[0] for values in given]
    fields = {field.name: field.field_id for field in await book.service.merge_fields(book.account)}
    wanted = {"field_ids": (fields[name],), "field_value": value}
    assert await book.search(**wanted) == [ids[index] for index in found]
    assert await book.total(**wanted) == len(found)
    assert await book.search(field_ids=()) == []


async def test_search_by_number_finds_it_in_every_list(book: Book, other: Book) -> None:
    lists = [await book.service.create_list(book.account, name) for name in "ab"]
    ids = [(await book.fill(2, one.list_id))[0] for one in lists]
    await other.fill(2, None)
    assert await book.search(mobile="4520000000") == ids
    assert await book.search(mobile="4520000000", list_id=lists[1].list_id) == ids[1:]
    assert await book.search(mobile="452000000") == []
    assert await book.search(mobile="45\0") == []


async def test_change_keeps_what_is_not_given(book: Book) -> None:
    one = await book.service.create_list(book.account, "one")
    (contact_id,) = await book.fill(1, one.list_id, Fornavn="Jack", Efternavn="Bauer")
    book.rows.clock.advance(60)
    changed = await book.service.change_contact(book.account, contact_id, values={"Fornavn": "A"})
    assert changed == Contact(
        contact_id=contact_id,
        account_id=book.account.account_id,
        list_id=one.list_id,
        mobile="4520000000",
        fields={"Fornavn": "A", "Efternavn": "Bauer"},
        created_ms=changed.changed_ms - 60_000,
        changed_ms=book.rows.clock.now_ms(),
        deleted=False,
    )


async def test_merge_field_is_renamed_and_deleted_without_touching_contacts(
    book: Book, other: Book
) -> None:
    account, service = book.account, book.service
    (contact_id,) = await book.fill(1, None, Fornavn="Jack", By="Aarhus")
    before = await book.rows.all(contacts)
    first, second = await service.merge_fields(account)
    await service.rename_merge_field(account, first.field_id, "First name")
    assert (await service.contact(account, contact_id)).fields == {
        "First name": "Jack",
        "By": "Aarhus",
    }
    await service.delete_merge_field(account, second.field_id)
    await service.create_merge_field(account, "By")
    assert (await service.contact(account, contact_id)).fields == {"First name": "Jack"}
    assert await book.rows.all(contacts) == before
    missing = (RefusalCode.NOT_FOUND, str(first.field_id))
    rename = other.service.rename_merge_field(other.account, first.field_id, "x")
    assert await refusal(rename) == missing
    delete = other.service.delete_merge_field(other.account, first.field_id)
    assert await refusal(delete) == missing
    taken = service.rename_merge_field(account, first.field_id, "By")
    assert await refusal(taken) == (RefusalCode.ALREADY_EXISTS, "name")


async def test_refused_contact_leaves_nothing(book: Book) -> None:
    for call in (
        book.service.create_contact(book.account, "4520000000", list_id=7, values={"A": "x"}),
        book.service.change_contact(book.account, 7, values={"A": "x"}),
        book.service.create_contact(book.account, "4520000000", values={"A": "x" * 1001}),
        book.service.create_contact(book.account, "4520000000", values={"A": "\0"}),
        book.service.create_contact(book.account, "4520000000", values={"[A]": "x"}),
        book.service.create_contact(
            book.account, "4520000000", values={f"f{n}": "" for n in range(201)}
        ),
    ):
        await refusal(call)
    assert await book.rows.all(merge_fields) == await book.rows.all(contacts) == []
    assert await book.total() == 0


async def test_deleted_list_hides_from_answers(book: Book) -> None:
    one = await book.service.create_list(book.account, "one")
    await book.service.delete_list(book.account, one.list_id)
    assert await book.service.lists(book.account) == []
    (row,) = await book.rows.all(contact_lists)
    assert row["deleted_ms"] is not None
    assert await refusal(book.service.create_list(book.account, "x", one.list_id)) == (
        RefusalCode.NOT_FOUND,
        str(one.list_id),
    )
    count = await book.rows.storage.read(
        lambda c: contact_blocks.count(c, book.account.account_id, one.list_id)
    )
    assert count == 0


@pytest.mark.parametrize("seed", range(2))
async def test_pages_agree_with_a_model_across_blocks(
    book: Book, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(contact_blocks, "BLOCK", 3)
    chance, service, account = random.Random(seed), book.service, book.account
    lists = [None] + [(await service.create_list(account, name)).list_id for name in "abc"]
    live: dict[int, int | None] = {}
    deleted: dict[int, int | None] = {}
    for _ in range(60):
        deed = chance.choice(("create", "create", "create", "move", "delete"))
        if deed == "create" or not live:
            list_id = chance.choice(lists)
            live |= dict.fromkeys(await book.fill(chance.randint(1, 3), list_id), list_id)
            continue
        contact_id = chance.choice(sorted(live))
        if deed == "delete":
            await service.delete_contact(account, contact_id)
            deleted[contact_id] = live.pop(contact_id)
        else:
            live[contact_id] = chance.choice(lists)
            await service.change_contact(account, contact_id, list_id=live[contact_id])
    await service.delete_list(account, lists[-1])
    gone = {contact_id for contact_id, list_id in live.items() if list_id == lists[-1]}
    deleted |= {contact_id: live.pop(contact_id) for contact_id in gone}
    await counted(book)
    for list_id in (*lists, "all"):
        for is_deleted, kept in ((False, live), (True, deleted)):
            wanted = {"deleted": is_deleted} | (
                {} if list_id == "all" else {"list_id": list_id or 0}
            )
            expected = [c for c in sorted(kept) if list_id in ("all", kept[c])]
            assert await book.total(**wanted) == len(expected)
            for offset in range(0, len(expected) + 2, 2):
                assert await book.search(offset, 5, **wanted) == expected[offset : offset + 5]


async def test_contact_is_found_by_its_new_value_only(book: Book) -> None:
    first, second = await book.fill(2, None, By="Aarhus", Land="Aarhus")
    (by, land) = await book.service.merge_fields(book.account)
    await book.service.change_contact(book.account, first, values={"By": "Odense"})
    await book.service.delete_contact(book.account, second)
    in_both = (by.field_id, land.field_id)
    for field_ids, value, is_deleted, found in (
        ((by.field_id,), "Odense", False, [first]),
        ((by.field_id,), "Aarhus", False, []),
        ((by.field_id,), "Aarhus", True, [second]),
        (in_both, "Aarhus", False, [first]),
        (in_both, "Aarhus", True, [second]),
    ):
        wanted = {"field_ids": field_ids, "field_value": value, "deleted": is_deleted}
        assert await book.search(**wanted) == found
        assert await book.total(**wanted) == len(found)
    noted = await book.rows.all(contact_values)
    assert len(noted) == 4  # two fields of two contacts, the old value of none


async def test_values_that_are_alike_but_not_the_same_are_told_apart(book: Book) -> None:
    # Their CRC-32 is the same.
    ids = [(await book.fill(1, None, By=value))[0] for value in ("plumless", "buckeroo")]
    (field,) = await book.service.merge_fields(book.account)
    assert await book.search(field_ids=(field.field_id,), field_value="buckeroo") == ids[1:]
