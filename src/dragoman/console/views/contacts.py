"""Contacts: lists, the contacts in them, and one contact with its merge fields."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, Final

from dragoman.console.forms import version_of
from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import make_pager
from dragoman.console.reading import Unreadable, read_count, read_numbers, read_recipient
from dragoman.console.regions import region_of
from dragoman.console.tables import render_rows
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.audit_log import hide_number
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.contacts.model.contacts import Contact, ContactFilter, ContactList, MergeField
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

NO_LIST: Final = 0
"""In an address: contacts of no list."""
SHOWN_FIELDS: Final = 4
"""Merge fields that a table of contacts has room for."""
EXPORTED_AT_ONCE: Final = 2_000
_AT: Final = "/contacts"


async def list_lists(request: PageRequest) -> Response:
    """The account's lists with their size, and its merge fields."""
    return await _show_lists(request)


async def change_lists(request: PageRequest) -> Response:
    """Creates a list or a merge field, or renames or deletes a field."""
    form, contacts = request.form, request.services.contacts
    match form.get("do"):
        case "list":
            parent = read_count(form.get("parent", "")) or None
            try:
                made = await contacts.create_list(
                    request.account, form.get("name", "").strip(), parent
                )
            except Refused as refused:
                return await _refuse(request, refused, "name")
            return request.go(f"{_AT}/lists/{made.list_id}", "list-created")
        case "field":
            try:
                await contacts.create_merge_field(request.account, form.get("field", "").strip())
            except Refused as refused:
                return await _refuse(request, refused, "field")
            return request.go(_AT, "saved")
        case _:
            raise Refused(RefusalCode.MALFORMED_REQUEST, "do")


async def show_field(request: PageRequest) -> Response:
    """The form of one merge field."""
    return await _show_field(request, await _field(request))


async def change_field(request: PageRequest) -> Response:
    """Renames a merge field for all contacts, or deletes it with its values."""
    contacts = request.services.contacts
    async with request.context.editing:
        stored = await _field(request)
        typed = {"name": request.form.get("name", "").strip()}
        if not request.is_current(stored.name):
            request.problems.add_conflicts({"name": stored.name}, typed)
            return await _show_field(request, stored, 409, **typed)
        if request.form.get("do") == "delete":
            await contacts.delete_merge_field(request.account, stored.field_id)
            await request.note("delete_field", stored.name)
            return request.go(_AT, "field-deleted")
        try:
            await contacts.rename_merge_field(request.account, stored.field_id, typed["name"])
        except Refused as refused:
            request.problems["name"] = describe_refusal(refused)
            return await _show_field(request, stored, 400, **typed)
    return request.go(_AT, "saved")


async def show_list(request: PageRequest) -> Response:
    """The contacts of one list, or of all."""
    return await _show_contacts(request)


async def add_contact(request: PageRequest) -> Response:
    """Adds a contact to a list."""
    list_id = _list_id(request)
    try:
        mobile = _read_mobile(request, request.form.get("mobile", ""))
        made = await request.services.contacts.create_contact(
            request.account, mobile, list_id=list_id or None
        )
    except Unreadable as unreadable:
        request.problems["mobile"] = str(unreadable)
    except Refused as refused:
        if refused.code is RefusalCode.NOT_FOUND:
            raise
        request.problems["mobile"] = describe_refusal(refused)
    else:
        return request.go(f"{_AT}/{made.contact_id}", "contact-added")
    return await _show_contacts(request, 400)


async def show_list_settings(request: PageRequest) -> Response:
    """The form to rename, move or delete a list."""
    found = await request.services.contacts.list_of(request.account, request.identifier("list_id"))
    return await _show_list_settings(request, found)


async def change_list(request: PageRequest) -> Response:
    """Renames, moves or deletes a list, unless someone else changed it meanwhile."""
    contacts, form = request.services.contacts, request.form
    async with request.context.editing:
        stored = await contacts.list_of(request.account, request.identifier("list_id"))
        size = await contacts.count(request.account, stored.list_id)
        typed = {"name": form.get("name", "").strip(), "parent": form.get("parent", "")}
        deletes = form.get("do") == "delete"
        if not request.is_current(stored, size if deletes else 0):
            known = {"name": stored.name, "parent": str(stored.parent_id or "")}
            request.problems.add_conflicts(known, typed if not deletes else known)
            return await _show_list_settings(request, stored, 409, **typed)
        if not deletes:
            try:
                await contacts.change_list(
                    request.account,
                    stored.list_id,
                    name=typed["name"],
                    parent_id=read_count(typed["parent"]) or None,
                )
            except Refused as refused:
                request.problems.add(refused, ("name", "parent"), describe_refusal(refused))
                return await _show_list_settings(request, stored, 400, **typed)
            return request.go(f"{_AT}/lists/{stored.list_id}", "saved")
    await contacts.delete_list(request.account, stored.list_id)
    await request.note("delete_list", stored.name)
    return request.go(_AT, "list-deleted")


async def show_contact(request: PageRequest) -> Response:
    """One contact, and the form to change it."""
    return await _show_contact(request, await _contact(request))


async def change_contact(request: PageRequest) -> Response:
    """Changes or deletes a contact, unless someone else changed it meanwhile."""
    contacts, form = request.services.contacts, request.form
    async with request.context.editing:
        stored = await _contact(request)
        fields = await contacts.merge_fields(request.account)
        typed = {"mobile": form.get("mobile", "").strip(), "list": form.get("list", "")}
        typed |= {f"field-{one.field_id}": form.get(f"field-{one.field_id}", "") for one in fields}
        if not request.is_current(_version(stored)):
            request.problems.add_conflicts(_values_of(stored, fields), typed)
            return await _show_contact(request, stored, 409, typed)
        if form.get("do") == "delete":
            await contacts.delete_contact(request.account, stored.contact_id)
            await request.note("delete_contact", hide_number(stored.mobile))
            return request.go(f"{_AT}/lists/{stored.list_id or NO_LIST}", "contact-deleted")
        try:
            mobile = _read_mobile(request, typed["mobile"])
            await contacts.change_contact(
                request.account,
                stored.contact_id,
                mobile=mobile,
                list_id=read_count(typed["list"]) or None,
                values={one.name: typed[f"field-{one.field_id}"] for one in fields},
            )
        except Unreadable as unreadable:
            request.problems["mobile"] = str(unreadable)
        except Refused as refused:
            by_name = {one.name: f"field-{one.field_id}" for one in fields}
            at = by_name.get(refused.subject, "" if refused.subject != "list" else "list")
            request.problems[at] = describe_refusal(refused)
    if request.problems:
        return await _show_contact(request, stored, 400, typed)
    return request.go(f"{_AT}/{stored.contact_id}", "saved")


async def export_contacts(request: PageRequest) -> Response:
    """The contacts of a list, or all, as a file."""
    list_id = _list_id(request)
    name = "contacts"
    if list_id is not None and list_id != NO_LIST:
        await request.services.contacts.list_of(request.account, list_id)
        name = f"list-{list_id}"
    return request.give_stream(f"{name}.csv", _export(request, list_id))


async def _export(request: PageRequest, list_id: int | None) -> AsyncGenerator[bytes, None]:
    contacts = request.services.contacts
    names = [one.name for one in await contacts.merge_fields(request.account)]
    # A mark, so that spreadsheets read it as UTF-8.
    yield b"\xef\xbb\xbf" + render_rows([("mobile", *names)])
    wanted = ContactFilter(account_id=request.account.account_id, list_id=list_id)
    offset = 0
    while True:
        page = await contacts.search(wanted, offset, EXPORTED_AT_ONCE)
        if not page.contacts:
            return
        offset += len(page.contacts)
        yield render_rows(
            (f"+{one.mobile}", *(one.fields.get(name, "") for name in names))
            for one in page.contacts
        )


async def _refuse(request: PageRequest, refused: Refused, field: str) -> Response:
    if refused.code is RefusalCode.UNAVAILABLE:
        raise refused
    request.problems[field] = describe_refusal(refused)
    return await _show_lists(request, 400)


async def _show_lists(request: PageRequest, status: int = 200) -> Response:
    contacts = request.services.contacts
    lists = await contacts.lists(request.account)
    counts = await contacts.counts(request.account)
    return request.show(
        "contacts.html",
        status,
        lists=_as_tree(lists),
        counts=counts,
        total=sum(counts.values()),
        without_list=counts.get(NO_LIST, 0),
        fields=await contacts.merge_fields(request.account),
        uploads=request.services.uploads.of_account(request.account),
        parents=_choose_list(lists, gettext("first level")),
        name=request.form.get("name", ""),
        field=request.form.get("field", ""),
    )


async def _show_contacts(request: PageRequest, status: int = 200) -> Response:
    contacts, list_id = request.services.contacts, _list_id(request)
    found = None
    if list_id:
        found = await contacts.list_of(request.account, list_id)
    typed = {name: request.query.get(name, "").strip() for name in ("number", "field", "value")}
    fields = await contacts.merge_fields(request.account)
    field_id = read_count(typed["field"])
    mobile = ""
    try:
        numbers = read_numbers(typed["number"], region_of(request))
        mobile = numbers[0] if numbers else ""
    except Unreadable as unreadable:
        request.problems["number"] = str(unreadable)
        status = 400
    by_field: dict[str, Any] = {}
    if field_id and typed["value"]:
        by_field = {"field_ids": (field_id,), "field_value": typed["value"]}
    wanted = ContactFilter(
        account_id=request.account.account_id, list_id=list_id, mobile=mobile, **by_field
    )
    paging = request.paging()
    page = await contacts.search(wanted, paging.offset, paging.per_page)
    lists = {one.list_id: one.name for one in await contacts.lists(request.account)}
    return request.show(
        "contact-list.html",
        status,
        found=found,
        list_id=list_id,
        lists=lists,
        contacts=page.contacts,
        fields=fields,
        shown=[one.name for one in fields[:SHOWN_FIELDS]],
        typed=typed,
        is_filtered=any(typed.values()),
        mobile=request.form.get("mobile", ""),
        pager=make_pager(paging, request.query, len(page.contacts), page.total),
    )


async def _show_list_settings(
    request: PageRequest, found: ContactList, status: int = 200, **typed: str
) -> Response:
    contacts = request.services.contacts
    lists = await contacts.lists(request.account)
    size = await contacts.count(request.account, found.list_id)
    return request.show(
        "contact-list-settings.html",
        status,
        found=found,
        size=size,
        typed={"name": found.name, "parent": str(found.parent_id or ""), **typed},
        parents=[
            one
            for one in _choose_list(lists, gettext("first level"))
            if one[0] != str(found.list_id)
        ],
        version=version_of(found, 0),
        version_to_delete=version_of(found, size),
    )


async def _show_contact(
    request: PageRequest, contact: Contact, status: int = 200, typed: dict[str, str] | None = None
) -> Response:
    contacts = request.services.contacts
    fields = await contacts.merge_fields(request.account)
    lists = await contacts.lists(request.account)
    opted_out = request.services.opt_outs.among(contact.account_id, "", [contact.mobile])
    return request.show(
        "contact.html",
        status,
        contact=contact,
        list_name=next((one.name for one in lists if one.list_id == contact.list_id), ""),
        typed=typed or _values_of(contact, fields),
        fields=fields,
        lists=_choose_list(lists, gettext("no list")),
        version=version_of(_version(contact)),
        opted_out=bool(opted_out),
        labels={"mobile": gettext("Number")}
        | {f"field-{one.field_id}": one.name for one in fields},
    )


async def _show_field(
    request: PageRequest, field: MergeField, status: int = 200, name: str | None = None
) -> Response:
    return request.show(
        "merge-field.html",
        status,
        field=field,
        name=field.name if name is None else name,
        version=version_of(field.name),
    )


async def _field(request: PageRequest) -> MergeField:
    field_id = request.identifier("field_id")
    for field in await request.services.contacts.merge_fields(request.account):
        if field.field_id == field_id:
            return field
    raise Refused(RefusalCode.NOT_FOUND, str(field_id), "merge field")


async def _contact(request: PageRequest) -> Contact:
    contact_id = request.identifier("contact_id")
    return await request.services.contacts.contact(request.account, contact_id)


def _version(contact: Contact) -> list[Any]:
    return [contact.mobile, contact.list_id, contact.fields, contact.changed_ms]


def _values_of(contact: Contact, fields: list[MergeField]) -> dict[str, str]:
    """A contact as its form shows it."""
    return {
        "mobile": f"+{contact.mobile}",
        "list": str(contact.list_id or ""),
        **{f"field-{one.field_id}": contact.fields.get(one.name, "") for one in fields},
    }


def _list_id(request: PageRequest) -> int | None:
    """The list in the path: None for all contacts, 0 for those of none."""
    return request.identifier("list_id") if "list_id" in request.http.path_params else None


def _read_mobile(request: PageRequest, text: str) -> str:
    return read_recipient(text, region_of(request))


def _as_tree(lists: list[ContactList]) -> list[tuple[ContactList, int]]:
    """Lists with their depth, each behind the one it is in."""
    children: dict[int | None, list[ContactList]] = {}
    for one in lists:
        children.setdefault(one.parent_id, []).append(one)
    found: list[tuple[ContactList, int]] = []
    rest = [(one, 0) for one in reversed(children.get(None, []))]
    while rest:
        one, depth = rest.pop()
        found.append((one, depth))
        rest += [(below, depth + 1) for below in reversed(children.get(one.list_id, []))]
    return found


def _choose_list(lists: list[ContactList], none: str) -> list[tuple[str, str]]:
    dash = "\u2013 "
    named = [(str(one.list_id), dash * depth + one.name) for one, depth in _as_tree(lists)]
    return [("", none), *named]


_page: Final = partial(Page, section="Contacts", needs=Permission.SEND)
PAGES: Final = (
    Page(
        _AT,
        lazy("Contacts"),
        menu=lazy("Contacts"),
        show=list_lists,
        act=change_lists,
        needs=Permission.SEND,
    ),
    _page(f"{_AT}/all", lazy("All contacts"), show=show_list),
    _page(f"{_AT}/all/export", lazy("Contacts"), show=export_contacts),
    _page(f"{_AT}/lists/{{list_id:int}}", lazy("Contacts"), show=show_list, act=add_contact),
    _page(f"{_AT}/lists/{{list_id:int}}/export", lazy("Contacts"), show=export_contacts),
    _page(
        f"{_AT}/lists/{{list_id:int}}/settings",
        lazy("List settings"),
        show=show_list_settings,
        act=change_list,
    ),
    _page(f"{_AT}/fields/{{field_id:int}}", lazy("Merge field"), show=show_field, act=change_field),
    _page(f"{_AT}/{{contact_id:int}}", lazy("Contact"), show=show_contact, act=change_contact),
)
