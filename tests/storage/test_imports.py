"""Import jobs on both databases: rows become contacts once, whatever happens in between."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts import contact_values as contact_values_module
from dragoman.core.contacts import imports as imports_module
from dragoman.core.contacts.contact_values import ContactValues
from dragoman.core.contacts.contacts import Contacts
from dragoman.core.contacts.import_rows import Fault, FaultyRows
from dragoman.core.contacts.imports import ImportedRows, Imports
from dragoman.core.contacts.model.contacts import ContactFilter
from dragoman.core.contacts.sql import imports
from dragoman.core.contacts.sql.tables import (
    contact_blocks,
    contact_lists,
    contact_values,
    merge_fields,
    unnoted_contacts,
)
from dragoman.core.contacts.sql.tables import imports as jobs
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.clock import FixedClock
from dragoman.storage.engine import StorageUnavailable

DAY_S = 24 * 3600


class Importer:
    """The imports of one account."""

    def __init__(self, rows: Any, account: Account) -> None:
        self.rows = rows
        self.clock: FixedClock = rows.clock
        self.account = account
        self.contacts = Contacts(storage=rows.storage, ids=rows.ids, clock=rows.clock)
        keys = iter(f"{n:064x}" for n in range(1, 100))
        self.service = Imports(
            storage=rows.storage, ids=rows.ids, clock=rows.clock, new_key=lambda: next(keys)
        )

    async def open(self, **more: Any) -> str:
        return (await self.service.create(self.account, **{"name": "TEST", **more})).key

    async def add(self, key: str, rows: list[Any], *names: str) -> ImportedRows:
        digest = f"{names}{rows}"
        return await self.service.add_rows(self.account, key, names, rows, digest)

    async def mobiles(self) -> list[str]:
        wanted = ContactFilter(account_id=self.account.account_id)
        page = await self.contacts.search(wanted, 0, 1000)
        assert page.total == len(page.contacts)
        return [contact.mobile for contact in page.contacts]

    async def progress(self, key: str) -> tuple[int, int]:
        job = await self.service.find(self.account, key)
        return job.total, job.processed


@pytest.fixture
async def importer(rows: Any, monkeypatch: pytest.MonkeyPatch) -> Importer:
    monkeypatch.setattr(imports_module, "STEP_ROWS", 4)
    monkeypatch.setattr(imports_module, "DELETED_AT_ONCE", 3)
    return Importer(rows, await rows.account("hn"))


def numbers(first: int, last: int) -> list[list[str]]:
    return [[f"+45{20_000_000 + n}"] for n in range(first, last)]


def digits(first: int, last: int) -> list[str]:
    return [row[0].removeprefix("+") for row in numbers(first, last)]


async def test_rows_become_contacts_of_a_new_list(importer: Importer) -> None:
    key = await importer.open()
    assert await importer.rows.all(contact_lists) == []
    rows = [["+4520000000", "Jack", None], ["+4520000001", "Chuck", ""], ["+44 20 7123 4567"]]
    done = await importer.add(key, rows, "Fornavn", "Efternavn")
    (made,) = await importer.contacts.lists(importer.account)
    assert (done.job.list_id, made.name, done.faults) == (made.list_id, "TEST", ())
    page = await importer.contacts.search(
        ContactFilter(account_id=importer.account.account_id, list_id=made.list_id), 0, 10
    )
    assert [(contact.mobile, contact.fields) for contact in page.contacts] == [
        ("4520000000", {"Fornavn": "Jack"}),
        ("4520000001", {"Fornavn": "Chuck", "Efternavn": ""}),
        ("442071234567", {}),
    ]
    assert await importer.progress(key) == (3, 3)


async def test_faulty_rows_are_reported_by_fault_and_index(importer: Importer) -> None:
    key = await importer.open()
    rows = [
        ["+4520000000", "a"],
        ["4520000001", "a"],
        ["+4520000002", "x" * 1001],
        ["+4520000003", "a", "b"],
        ["no number", "a"],
        [],
        "+4520000004",
        [4520000005],
        ["+4520000006", True],
        ["+4520000007", 7],
    ]
    done = await importer.add(key, rows, "Fornavn")
    assert done.faults == (
        FaultyRows(
            fault=Fault.MOBILE,
            field="",
            values={1: "4520000001", 4: "no number", 7: "4520000005"},
        ),
        FaultyRows(fault=Fault.VALUE, field="Fornavn", values={2: "x" * 100, 8: ""}),
        FaultyRows(fault=Fault.SHAPE, field="", values={3: "+4520000003", 5: "", 6: ""}),
    )
    assert await importer.mobiles() == ["4520000000", "4520000007"]
    assert await importer.progress(key) == (10, 10)


@pytest.mark.parametrize(("drop", "found"), [(True, 10), (False, 19)])
async def test_duplicates_are_dropped_where_asked_for(
    importer: Importer, drop: bool, found: int
) -> None:
    one = await importer.contacts.create_list(importer.account, "one")
    other = await importer.contacts.create_list(importer.account, "other")
    for list_id, mobile in ((one.list_id, "4520000003"), (other.list_id, "4520000004")):
        await importer.contacts.create_contact(importer.account, mobile, list_id=list_id)
    key = await importer.open(list_id=one.list_id, drop_duplicates=drop)
    await importer.add(key, numbers(0, 8) + numbers(6, 10))
    await importer.add(key, numbers(0, 5))
    in_list = ContactFilter(account_id=importer.account.account_id, list_id=one.list_id)
    page = await importer.contacts.search(in_list, 0, 100)
    assert len(page.contacts) == page.total
    mobiles = [contact.mobile for contact in page.contacts]
    assert sorted(set(mobiles)) == digits(0, 10)
    assert len(mobiles) == (found if drop else 12 + 5 + 1)
    assert await importer.progress(key) == (17, 17)


async def test_clean_deletes_what_was_there_before_the_first_rows_only(importer: Importer) -> None:
    one = await importer.contacts.create_list(importer.account, "one")
    for n in range(7):
        await importer.contacts.create_contact(
            importer.account, f"453000000{n}", list_id=one.list_id
        )
    await importer.contacts.create_contact(importer.account, "4540000000")
    key = await importer.open(list_id=one.list_id, clean=True)
    assert len(await importer.mobiles()) == 8
    await importer.add(key, numbers(0, 5))
    assert await importer.mobiles() == ["4540000000", *digits(0, 5)]
    await importer.add(key, numbers(5, 6))
    assert await importer.mobiles() == ["4540000000", *digits(0, 6)]


@pytest.mark.parametrize("dies_at", range(5))
@pytest.mark.parametrize("drop", [True, False])
async def test_rows_sent_again_after_a_crash_are_finished_without_doubles(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, dies_at: int, drop: bool
) -> None:
    key = await importer.open(drop_duplicates=drop, clean=True)
    rows = [*numbers(0, 10), ["bad"]]
    write, steps = importer.rows.storage.writer.write, []

    def crash(operation: Any, item: Any) -> Any:
        if operation in (imports.begin, imports.clean, imports.store):
            steps.append(operation)
            if len(steps) > dies_at:
                raise StorageUnavailable("the lights went out")
        return write(operation, item)

    monkeypatch.setattr(importer.rows.storage.writer, "write", crash)
    with pytest.raises(StorageUnavailable):
        await importer.add(key, rows, "Fornavn")
    monkeypatch.setattr(importer.rows.storage.writer, "write", write)
    done = await importer.add(key, rows, "Fornavn")
    again = await importer.add(key, rows, "Fornavn")
    assert await importer.mobiles() == digits(0, 10)
    assert await importer.progress(key) == (11, 11)
    expected = (FaultyRows(fault=Fault.MOBILE, field="", values={10: "bad"}),)
    assert done.faults == again.faults == expected
    counted = await importer.rows.all(contact_blocks)
    assert [block["live"] for block in counted] == [10, 10]  # of the account, and of its list
    assert len(await importer.contacts.lists(importer.account)) == 1


async def test_other_rows_after_a_crash_do_not_count_what_never_came(importer: Importer) -> None:
    key = await importer.open()
    storage = importer.rows.storage
    job = await importer.service.find(importer.account, key)
    begun = imports.RowsBegun(
        import_id=job.import_id,
        fresh_list_id=importer.rows.ids.next(),
        fresh={},
        digest="x",
        rows=8,
    )
    await storage.writer.write(imports.begin, begun)
    await importer.add(key, numbers(0, 3))
    assert await importer.progress(key) == (3, 3)


async def test_job_is_gone_a_day_after_it_was_opened(importer: Importer) -> None:
    key = await importer.open()
    await importer.add(key, numbers(0, 2))
    importer.clock.advance(DAY_S - 1)
    later = await importer.open()
    assert (await importer.service.find(importer.account, key)).total == 2
    importer.clock.advance(2)
    for call in (
        importer.service.find(importer.account, key),
        importer.add(key, numbers(2, 3)),
    ):
        with pytest.raises(Refused) as caught:
            await call
        assert (caught.value.code, caught.value.subject) == (RefusalCode.NOT_FOUND, key)
    assert len(await importer.rows.all(jobs)) == 2
    await importer.service.drop_old()
    assert [row["key"] for row in await importer.rows.all(jobs)] == [later]
    assert await importer.mobiles() == digits(0, 2)


async def test_import_is_refused_before_anything_is_stored(importer: Importer) -> None:
    other = Importer(importer.rows, await importer.rows.account("other"))
    foreign = await other.contacts.create_list(other.account, "foreign")
    key, lists = await importer.open(), await importer.rows.all(contact_lists)
    for call, code, subject in (
        (importer.open(list_id=foreign.list_id), RefusalCode.NOT_FOUND, str(foreign.list_id)),
        (importer.open(name=""), RefusalCode.MISSING_FIELD, "name"),
        (importer.open(name="x" * 101), RefusalCode.INVALID_FIELD, "name"),
        (other.add(key, numbers(0, 1)), RefusalCode.NOT_FOUND, key),
        (importer.service.find(importer.account, "\0"), RefusalCode.NOT_FOUND, "\0"),
        (importer.add(key, [["+4520000000"]] * 100_001), RefusalCode.INVALID_FIELD, "values"),
        (importer.add(key, numbers(0, 1), "A", "A"), RefusalCode.INVALID_FIELD, "keys"),
        (importer.add(key, numbers(0, 1), "[A]"), RefusalCode.INVALID_FIELD, "name"),
        (
            importer.add(key, numbers(0, 1), *(f"f{n}" for n in range(201))),
            RefusalCode.INVALID_FIELD,
            "fields",
        ),
    ):
        with pytest.raises(Refused) as caught:
            await call
        assert (caught.value.code, caught.value.subject) == (code, subject)
    assert len(await importer.rows.all(jobs)) == 1
    assert await importer.rows.all(merge_fields) == await importer.mobiles() == []
    assert await importer.rows.all(contact_lists) == lists
    assert await importer.progress(key) == (0, 0)


async def test_refused_fields_leave_neither_list_nor_fields(importer: Importer) -> None:
    for n in range(199):
        await importer.contacts.create_merge_field(importer.account, f"f{n}")
    key, before = await importer.open(), await importer.rows.all(merge_fields)
    with pytest.raises(Refused, match="at most 200 merge fields"):
        await importer.add(key, numbers(0, 1), "one", "two")
    assert await importer.rows.all(contact_lists) == await importer.mobiles() == []
    assert await importer.rows.all(merge_fields) == before
    assert await importer.progress(key) == (0, 0)
    await importer.add(key, numbers(0, 1), "one")
    assert await importer.mobiles() == digits(0, 1)


async def test_list_that_goes_away_stops_the_import(importer: Importer) -> None:
    key = await importer.open()
    done = await importer.add(key, numbers(0, 2))
    assert done.job.list_id is not None
    await importer.contacts.delete_list(importer.account, done.job.list_id)
    with pytest.raises(Refused) as caught:
        await importer.add(key, numbers(2, 4))
    assert (caught.value.code, caught.value.subject) == (
        RefusalCode.NOT_FOUND,
        str(done.job.list_id),
    )
    assert await importer.mobiles() == []


async def test_imported_values_are_found_before_and_after_they_are_noted(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_values_module, "CONTACTS_AT_ONCE", 3)
    noting = ContactValues(storage=importer.rows.storage)
    key = await importer.open()
    rows = [[*row, f"name {n % 3}"] for n, row in enumerate(numbers(0, 10))]
    await importer.add(key, rows, "Fornavn")
    (field,) = await importer.contacts.merge_fields(importer.account)

    async def found(value: str) -> list[str]:
        wanted = ContactFilter(
            account_id=importer.account.account_id,
            field_ids=(field.field_id,),
            field_value=value,
        )
        page = await importer.contacts.search(wanted, 0, 100)
        assert page.total == len(page.contacts)
        return [contact.mobile for contact in page.contacts]

    first = digits(0, 10)[::3]
    assert await found("name 0") == first
    page = await importer.contacts.search(
        ContactFilter(account_id=importer.account.account_id), 0, 100
    )
    changed = page.contacts[0].contact_id
    await importer.contacts.change_contact(importer.account, changed, values={"Fornavn": "new"})
    steps = []
    while noted := await noting.step():
        steps.append(noted)
        assert await found("name 0") == first[1:]
        assert await found("new") == first[:1]
    assert sum(steps) == 10
    assert max(steps) == 3
    assert await importer.rows.all(unnoted_contacts) == []
    assert len(await importer.rows.all(contact_values)) == 10
