"""Groups on both databases: memberships against a model, numbers once, lists left alone."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.contact_profiles import ContactDraft, ContactProfiles
from dragoman.core.contacts.contacts import Contacts
from dragoman.core.contacts.groups import Groups
from dragoman.core.contacts.model.contacts import ContactFilter, ContactProfile, ListKind, OnClash
from dragoman.core.contacts.sql.tables import contact_lists, contact_profiles, contacts, memberships
from dragoman.core.model.errors import RefusalCode, Refused


class Book:
    """The groups, lists and contacts of one account."""

    def __init__(self, rows: Any, account: Account) -> None:
        self.rows = rows
        self.account = account
        over = {"storage": rows.storage, "clock": rows.clock}
        self.groups = Groups(**over)
        self.profiles = ContactProfiles(**over, ids=rows.ids)
        self.contacts = Contacts(**over, ids=rows.ids)

    async def group(self, name: str, **more: Any) -> int:
        return (await self.groups.create(self.account, name, **more)).list_id

    async def contact(
        self, mobile: str = "", email: str = "", groups: tuple[int, ...] = (), **profile: Any
    ) -> int:
        draft = ContactDraft(
            mobile=mobile, profile=ContactProfile(email=email, **profile), group_ids=groups
        )
        return await self.profiles.create(self.account, draft)

    async def numbers(self, *list_ids: int) -> list[str]:
        walk = self.groups.recipients(self.account, list_ids)
        return [member.mobile async for some in walk for member in some]

    async def members(self, *list_ids: int) -> list[int]:
        walk = self.groups.members(self.account, list_ids)
        return [member.contact_id async for some in walk for member in some]

    async def groups_of(self, contact_id: int) -> tuple[int, ...]:
        return (await self.profiles.contact(self.account, contact_id)).group_ids


@pytest.fixture
async def book(rows: Any) -> Book:
    return Book(rows, await rows.account("shop"))


@pytest.fixture
async def other(rows: Any) -> Book:
    return Book(rows, await rows.account("other"))


async def refusal(awaited: Any) -> tuple[RefusalCode, str]:
    with pytest.raises(Refused) as caught:
        await awaited
    return caught.value.code, caught.value.subject


async def test_lists_never_show_groups_and_tags(book: Book) -> None:
    account, lists = book.account, book.contacts
    one = await lists.create_list(account, "one")
    group = await book.group("one", description="first")
    tag = await book.group("one", kind=ListKind.TAG)
    assert [found.list_id for found in await lists.lists(account)] == [one.list_id]
    for hidden in (group, tag):
        missing = (RefusalCode.NOT_FOUND, str(hidden))
        assert await refusal(lists.list_of(account, hidden)) == missing
        assert await refusal(lists.change_list(account, hidden, name="x")) == missing
        assert await refusal(lists.delete_list(account, hidden)) == missing
        assert await refusal(lists.create_list(account, "x", hidden)) == missing
        assert await refusal(lists.create_contact(account, "4511111111", list_id=hidden)) == missing
        move = lists.change_list(account, one.list_id, parent_id=hidden)
        assert await refusal(move) == missing
    assert await refusal(book.groups.group(account, one.list_id)) == (
        RefusalCode.NOT_FOUND,
        str(one.list_id),
    )
    assert await refusal(book.groups.delete(account, one.list_id)) == (
        RefusalCode.NOT_FOUND,
        str(one.list_id),
    )


async def test_contact_of_a_list_may_be_in_groups(book: Book) -> None:
    one = await book.contacts.create_list(book.account, "one")
    made = await book.contacts.create_contact(book.account, "4511111111", list_id=one.list_id)
    group, tag = await book.group("a"), await book.group("b", kind=ListKind.TAG)
    await book.groups.add(book.account, group, [made.contact_id])
    await book.groups.add(book.account, tag, [made.contact_id], ListKind.TAG)
    assert await book.groups_of(made.contact_id) == (group,)
    assert await book.numbers(tag) == ["4511111111"]
    assert await book.contacts.count(book.account, one.list_id) == 1
    assert await book.contacts.contact(book.account, made.contact_id) == made
    await book.groups.delete(book.account, group, with_contacts=True)
    assert await book.contacts.count(book.account, one.list_id) == 0
    assert await refusal(book.contacts.contact(book.account, made.contact_id)) == (
        RefusalCode.NOT_FOUND,
        str(made.contact_id),
    )
    assert await book.numbers(tag) == []


async def test_groups_and_tags_are_not_found_as_the_other(book: Book) -> None:
    contact = await book.contact("4511111111")
    for kind, other_kind in [(ListKind.GROUP, ListKind.TAG), (ListKind.TAG, ListKind.GROUP)]:
        one = await book.group("one", kind=kind)
        missing = (RefusalCode.NOT_FOUND, str(one))
        groups, account = book.groups, book.account
        draft = ContactDraft(mobile="4522222222", profile=ContactProfile(), group_ids=(one,))
        for asked in (
            groups.group(account, one, other_kind),
            groups.change(account, one, name="x", kind=other_kind),
            groups.delete(account, one, kind=other_kind),
            groups.add(account, one, [contact], other_kind),
            groups.remove(account, one, [contact], other_kind),
            book.profiles.create(account, draft, other_kind),
        ):
            assert await refusal(asked) == missing
        made = await book.profiles.create(account, draft, kind)
        await groups.change(account, one, name="renamed", kind=kind)
        assert (await groups.group(account, one, kind)).name == "renamed"
        assert await groups.remove(account, one, [made, contact], kind) == 1
        await groups.delete(account, one, kind=kind)


async def test_name_of_a_group_is_taken_until_it_is_deleted(book: Book, other: Book) -> None:
    taken = (RefusalCode.ALREADY_EXISTS, "name")
    first, second = await book.group("a"), await book.group("b")
    await other.group("a")
    assert await refusal(book.group("a")) == taken
    assert await refusal(book.groups.change(book.account, second, name="a")) == taken
    await book.groups.change(book.account, first, name="a", description="same name")
    await book.group("a", kind=ListKind.TAG)
    await book.group("a", kind=ListKind.TAG)
    await book.groups.delete(book.account, first)
    assert (await book.group("a")) != first
    page = await book.groups.page(book.account, 0, 10)
    assert ([group.name for group in page.groups], page.total) == (["b", "a"], 2)


async def test_groups_of_others_are_unknown(book: Book, other: Book) -> None:
    theirs, mine = await other.group("a"), await book.group("a")
    their_contact, my_contact = await other.contact("4511111111"), await book.contact("4522222222")
    no_group, no_contact = [(RefusalCode.NOT_FOUND, str(n)) for n in (theirs, their_contact)]
    groups, account = book.groups, book.account
    assert await refusal(groups.group(account, theirs)) == no_group
    assert await refusal(groups.change(account, theirs, name="x")) == no_group
    assert await refusal(groups.delete(account, theirs)) == no_group
    assert await refusal(groups.add(account, theirs, [my_contact])) == no_group
    assert await refusal(groups.remove(account, theirs, [their_contact])) == no_group
    assert await refusal(groups.add(account, mine, [my_contact, their_contact])) == no_contact
    assert await refusal(book.contact("4533333333", groups=(mine, theirs))) == no_group
    assert await refusal(book.profiles.contact(account, their_contact)) == no_contact
    assert await book.members(theirs) == await book.members(mine) == []
    assert len(await book.rows.all(contacts)) == 2


async def test_numbers_come_once_over_groups(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.core.contacts.groups.MEMBERS_AT_ONCE", 2)
    a, b, c = [await book.group(name) for name in "abc"]
    await book.contact("4500000001", groups=(a, b))
    await book.contact("4500000001", groups=(a,))
    await book.contact(email="x@example.com", groups=(a,))
    second = await book.contact("4500000002", groups=(a, c))
    await book.contact("4500000003", groups=(b,))
    await book.contact("4500000002", groups=(b,))
    gone = await book.contact("4500000004", groups=(b,))
    await book.contacts.delete_contact(book.account, gone)
    assert await book.numbers(a) == ["4500000001", "4500000002"]
    assert await book.numbers(a, b, a, c) == ["4500000001", "4500000002", "4500000003"]
    assert await book.numbers(c, b) == ["4500000002", "4500000001", "4500000003"]
    assert len(await book.members(a, b, c)) == len(set(await book.members(a, b, c))) == 6
    assert (await book.members(c, a))[0] == second


async def test_group_is_deleted_in_steps(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.core.contacts.groups.DELETED_AT_ONCE", 3)
    kept, doomed = await book.group("kept"), await book.group("doomed")
    ids = [await book.contact(f"450000000{n}", groups=(kept, doomed)) for n in range(7)]
    await book.groups.delete(book.account, doomed)
    assert await book.members(kept) == ids
    assert await book.groups_of(ids[0]) == (kept,)
    await book.groups.delete(book.account, kept, with_contacts=True)
    assert await book.rows.all(memberships) == []
    page = await book.profiles.page(book.account, 0, 10)
    assert (page.contacts, page.total) == ((), 0)
    deleted = ContactFilter(account_id=book.account.account_id, deleted=True)
    assert (await book.contacts.search(deleted, 0, 10)).total == 7
    assert [row["deleted_ms"] is None for row in await book.rows.all(contact_lists)] == [
        False,
        False,
    ]


async def test_address_is_found_in_any_case(book: Book, other: Book) -> None:
    found = await book.contact(email="Alice@Example.com")
    gone = await book.contact(email="alice@example.COM")
    await other.contact(email="alice@example.com")
    await book.contact("4511111111")
    await book.contacts.delete_contact(book.account, gone)
    assert await book.profiles.with_email(book.account, "ALICE@example.com") == [found]
    assert await book.profiles.with_email(book.account, "") == []
    assert await book.profiles.with_email(book.account, "a\0") == []
    assert await book.profiles.with_number(book.account, "4511111111") != []


@pytest.mark.parametrize(
    ("on_clash", "keep", "survivor", "name", "groups"),
    [
        (OnClash.KEEP, False, None, "", "old"),
        (OnClash.UPDATE, False, "old", "Ann", "new"),
        (OnClash.UPDATE, True, "old", "Ann", "both"),
        (OnClash.REPLACE, False, "new", "", "new"),
        (OnClash.REPLACE, True, "new", "", "both"),
    ],
)
async def test_clash_is_settled_as_asked(
    book: Book, on_clash: OnClash, keep: bool, survivor: str | None, name: str, groups: str
) -> None:
    a, b = await book.group("a"), await book.group("b")
    tag = await book.group("t", kind=ListKind.TAG)
    old = await book.contact("4511111111", "ann@example.com", (a,), name="Ann", city="Rome")
    await book.groups.add(book.account, tag, [old], ListKind.TAG)
    draft = ContactDraft(
        mobile="4522222222",
        profile=ContactProfile(email="ANN@example.com", city="Trento"),
        group_ids=(b,),
    )
    stored = book.profiles.create_all(book.account, [draft], on_clash=on_clash, keep_groups=keep)
    assert await stored == 1
    page = await book.profiles.page(book.account, 0, 10)
    assert page.total == len(page.contacts) == (2 if survivor is None else 1)
    if survivor is None:
        return
    [left] = page.contacts
    assert (left.contact_id == old) is (survivor == "old")
    assert (left.mobile, left.profile.name, left.profile.city) == ("4522222222", name, "Trento")
    assert left.group_ids == {"new": (b,), "both": (a, b)}[groups]
    assert (await book.members(tag) == [old]) is (survivor == "old")


async def test_clash_leaves_contacts_of_lists_alone(book: Book) -> None:
    one = await book.contacts.create_list(book.account, "one")
    made = await book.contacts.create_contact(book.account, "4511111111", list_id=one.list_id)
    draft = ContactDraft(mobile="4511111111", profile=ContactProfile())
    await book.profiles.create_all(book.account, [draft], on_clash=OnClash.REPLACE)
    assert await book.contacts.contact(book.account, made.contact_id) == made
    assert len(await book.profiles.with_number(book.account, "4511111111")) == 2


async def test_later_of_a_batch_clashes_with_earlier(book: Book) -> None:
    drafts = [
        ContactDraft(mobile="4511111111", profile=ContactProfile(name="A", city="Rome")),
        ContactDraft(mobile="4511111111", profile=ContactProfile(name="B")),
        ContactDraft(mobile="4522222222", profile=ContactProfile(name="C")),
    ]
    for on_clash, expected in ((OnClash.REPLACE, "B"), (OnClash.UPDATE, "B")):
        stored = book.profiles.create_all(book.account, drafts, on_clash=on_clash)
        assert await stored == 3
        page = await book.profiles.page(book.account, 0, 10)
        assert [contact.profile.name for contact in page.contacts] == [expected, "C"]
        assert page.total == 2


async def test_batch_with_a_bad_contact_leaves_nothing(book: Book) -> None:
    good = ContactDraft(mobile="4511111111", profile=ContactProfile())
    for bad in (
        ContactDraft(profile=ContactProfile()),
        ContactDraft(profile=ContactProfile(email="nobody")),
        ContactDraft(mobile="4522222222", profile=ContactProfile(name="x" * 41)),
        ContactDraft(mobile="4522222222", profile=ContactProfile(city="\0")),
        ContactDraft(mobile="4522222222", profile=ContactProfile(gender="x")),
        ContactDraft(mobile="4522222222", profile=ContactProfile(custom={11: "x"})),
        ContactDraft(mobile="4522222222", profile=ContactProfile(), group_ids=(7,)),
    ):
        await refusal(book.profiles.create_all(book.account, [good, bad]))
    await refusal(book.profiles.create_all(book.account, [good] * 5_001))
    assert await book.rows.all(contacts) == await book.rows.all(contact_profiles) == []
    assert (await book.profiles.page(book.account, 0, 10)).total == 0


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["join", "join", "leave", "drop", "new", "group", "ungroup", "purge"]),
        st.integers(0, 5),
        st.integers(0, 7),
    ),
    max_size=25,
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=_STEPS, seed=st.integers(0, 1000))
async def test_memberships_agree_with_a_model(
    rows: Any, steps: list[tuple[str, int, int]], seed: int
) -> None:
    """Whatever is done in whatever order, groups hold what sets would hold."""
    chance = random.Random(seed)
    account = await rows.account(f"model{rows.ids.next()}")
    book = Book(rows, account)
    model: dict[int, set[int]] = {}
    mobiles: dict[int, str] = {}
    for number in range(3):
        model[await book.group(f"g{number}")] = set()
    for number in range(4):
        mobiles[await book.contact(f"450000000{number // 2}")] = f"450000000{number // 2}"
    for action, first, second in steps:
        group = sorted(model)[first % len(model)] if model else 0
        contact = sorted(mobiles)[second % len(mobiles)] if mobiles else 0
        if action == "new":
            into = chance.sample(sorted(model), min(len(model), 2))
            made = await book.contact(f"450000000{second}", groups=tuple(into))
            mobiles[made] = f"450000000{second}"
            for one in into:
                model[one].add(made)
        elif action == "group":
            model[await book.group(f"n{rows.ids.next()}")] = set()
        elif action == "join" and group and contact:
            await book.groups.add(account, group, [contact])
            model[group].add(contact)
        elif action == "leave" and group and contact:
            was = await book.groups.remove(account, group, [contact])
            assert was == (contact in model[group])
            model[group].discard(contact)
        elif action == "drop" and contact:
            await book.contacts.delete_contact(account, contact)
            del mobiles[contact]
            for members in model.values():
                members.discard(contact)
        elif action in ("ungroup", "purge") and group:
            await book.groups.delete(account, group, with_contacts=action == "purge")
            members = model.pop(group)
            if action == "purge":
                for gone in members:
                    del mobiles[gone]
                for left in model.values():
                    left -= members
    order = chance.sample(sorted(model), len(model))
    for group in order:
        assert await book.members(group) == sorted(model[group])
    everybody = set[int]().union(*model.values())
    assert sorted(await book.members(*order)) == sorted(everybody)
    assert sorted(await book.numbers(*order)) == sorted({mobiles[one] for one in everybody})
    page = await book.profiles.page(account, 0, 100)
    assert {one.contact_id: set(one.group_ids) for one in page.contacts} == {
        one: {group for group, members in model.items() if one in members} for one in mobiles
    }
