"""`dragoman contact`: lists of contacts, and CSV files in and out of them."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from dragoman.admin.contact_answers import (
    ContactPageView,
    ContactView,
    ImportBegun,
    Lists,
    RefusedRow,
    Removed,
    RowsAdded,
)
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.outcome import ExitCode, Stop
from dragoman.cli.output import print_table, show_count
from dragoman.cli.progress import Progress

if TYPE_CHECKING:
    from dragoman.core.contacts.csv_files import TableShape

app = new_group()

Account = Annotated[str, argument("The account that has the contacts.")]
ListName = Annotated[str, option("Only this list: its name or identifier.", "--list")]
GROUP_ROWS: Final = 5_000
"""Rows that are sent together."""
EXPORTED_AT_ONCE: Final = 5_000
SHOWN_FAULTS: Final = 20
_FAULTS: Final = {
    "mobile": "not a phone number, or without its country code",
    "value": "a value that cannot be stored",
    "shape": "too few or too many columns",
}


@command(app, "lists")
def list_lists(gateway: Gateway, account: Account) -> None:
    """List the lists of an account, and its merge fields."""
    gateway.show(gateway.get("accounts", account, "lists", answer=Lists), _print_lists)


def _print_lists(answer: Lists) -> None:
    print_table(
        ("list", "id", "contacts"),
        [(one.name, str(one.list_id), str(one.contacts)) for one in answer.lists],
    )
    if answer.without_list:
        print(f"in no list: {answer.without_list}")
    print(f"merge fields: {', '.join(answer.fields) or 'none'}")


@command(app, "list")
def list_contacts(
    gateway: Gateway,
    account: Account,
    in_list: ListName = "",
    to: Annotated[str, option("Only this number.")] = "",
    field: Annotated[str, option("Only where this merge field has --value.")] = "",
    value: Annotated[str, option("What the field has, exactly.")] = "",
    offset: Annotated[int, option("Skip so many.", min=0, show_default=True)] = 0,
    limit: Annotated[int, option("How many at most.", min=1, max=10_000, show_default=True)] = 50,
) -> None:
    """List contacts, oldest first."""
    found = gateway.get(
        *("accounts", account, "contacts"),
        answer=ContactPageView,
        list=in_list,
        recipient=to,
        field=field,
        value=value,
        offset=offset,
        limit=limit,
    )
    gateway.show(found, _print_contacts)


def _print_contacts(answer: ContactPageView) -> None:
    names = list(dict.fromkeys(name for one in answer.contacts for name in one.fields))
    print_table(
        ("number", *names),
        [
            (f"+{one.mobile}", *(one.fields.get(name, "") for name in names))
            for one in answer.contacts
        ],
    )
    print(f"{len(answer.contacts)} of {show_count(answer.total, 'contact')}")


@command(app, "add")
def add_contact(
    gateway: Gateway,
    account: Account,
    number: Annotated[str, argument("The number, with its country code.")],
    in_list: Annotated[str, option("The list, which is made if missing.", "--list")] = "",
    field: Annotated[
        list[str] | None, option("A merge field, such as Name=Zoë; may be repeated.")
    ] = None,
) -> None:
    """Add a contact."""
    fields = dict(_read_pair("--field", pair) for pair in field or ())
    added = gateway.post(
        *("accounts", account, "contacts"),
        answer=ContactView,
        mobile=number,
        list=in_list,
        fields=fields,
    )
    gateway.show(added, lambda one: print(f"added +{one.mobile}"))


@command(app, "remove")
def remove_contact(
    gateway: Gateway,
    account: Account,
    number: Annotated[str, argument("The number, with its country code.")],
    in_list: ListName = "",
) -> None:
    """Delete the contacts of a number."""
    removed = gateway.call(
        *("DELETE", "accounts", account, "contacts", number),
        answer=Removed,
        query={"list": in_list},
    )
    gateway.show(removed, lambda one: print(f"deleted {one.removed}"))


@command(app, "remove-list")
def remove_list(
    gateway: Gateway,
    account: Account,
    name: Annotated[str, argument("Name or identifier of the list.")],
) -> None:
    """Delete a list with all its contacts."""
    removed = gateway.call("DELETE", "accounts", account, "lists", name, answer=Removed)
    gateway.show(removed, lambda one: print(f"deleted the list {one.removed}"))


@command(app, "import")
def import_contacts(
    gateway: Gateway,
    account: Account,
    file: Annotated[Path, argument("A CSV file, as spreadsheets save them.")],
    in_list: Annotated[str, option("The list, which is made if missing.", "--list")],
    number: Annotated[
        str, option("The column with the numbers, if it is not recognised by itself.")
    ] = "",
    field: Annotated[
        list[str] | None,
        option(
            "A column and its merge field, such as Vorname=Name; may be repeated. Without any,"
            " each column becomes a field of its name."
        ),
    ] = None,
    country: Annotated[
        str, option("Country of numbers without a country code, such as DK.", metavar="REGION")
    ] = "",
    keep_duplicates: Annotated[
        bool, option("Keep every contact of a number.", "--keep-duplicates")
    ] = False,
    clean: Annotated[bool, option("Empty the list first.", "--clean")] = False,
) -> None:
    """Import contacts from a CSV file; rows that are wrong are told and left out."""
    from dragoman.core.contacts.csv_files import NotATable, inspect_file

    try:
        shape = inspect_file(file)
    except (OSError, NotATable) as problem:
        raise Stop(ExitCode.FAILED, f"{file}: {problem}") from None
    at, chosen = _read_columns(shape, number, field)
    code = _calling_code(country)
    begun = gateway.post(
        *("accounts", account, "imports"),
        answer=ImportBegun,
        list=in_list,
        clean=clean,
        drop_duplicates=not keep_duplicates,
    )
    read, refused = 0, 0
    with Progress("rows") as progress:
        for numbers, rows in _groups(file, shape, at, [column for column, _ in chosen], code):
            added = gateway.post(
                *("accounts", account, "imports", begun.key, "rows"),
                answer=RowsAdded,
                fields=[name for _, name in chosen],
                rows=rows,
                digest=f"{begun.key}:{numbers[0]}",
            )
            for one in added.refused:
                refused += 1
                if refused <= SHOWN_FAULTS:
                    _tell_fault(numbers[one.index], one)
            read += len(rows)
            progress.tell(read, max(read, shape.lines))
    gateway.show(
        {"read": read, "left_out": refused},
        lambda _: print(f"{show_count(read, 'row')} read, {refused} left out"),
    )


def _tell_fault(row: int, one: RefusedRow) -> None:
    about = f" in {one.field}" if one.field else ""
    reason = _FAULTS.get(one.fault, one.fault)
    print(f"row {row}: {reason}{about}: {one.value!r}", file=sys.stderr)


@command(app, "export")
def export_contacts(gateway: Gateway, account: Account, in_list: ListName = "") -> None:
    """Write contacts as CSV to standard output, formulas with a quote before them.

    With --json, one contact a line.
    """
    lists = gateway.get("accounts", account, "lists", answer=Lists)
    out = csv.writer(sys.stdout, lineterminator="\n")
    if not gateway.as_json:
        out.writerow(("mobile", *map(_neutral, lists.fields)))
    offset, total = 0, 1
    with Progress("contacts") as progress:
        while offset < total:
            page = gateway.get(
                *("accounts", account, "contacts"),
                answer=ContactPageView,
                list=in_list,
                offset=offset,
                limit=EXPORTED_AT_ONCE,
            )
            for one in page.contacts:
                if gateway.as_json:
                    print(msgspec.json.encode(one).decode())
                    continue
                values = (_neutral(one.fields.get(name, "")) for name in lists.fields)
                out.writerow((_neutral(f"+{one.mobile}"), *values))
            if not page.contacts:
                break
            offset, total = offset + len(page.contacts), page.total
            progress.tell(offset, total)


def _neutral(value: str) -> str:
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _read_columns(
    shape: TableShape, number: str, field: list[str] | None
) -> tuple[int, list[tuple[int, str]]]:
    """The column of the numbers, and the others with their fields; raises `Stop`."""
    at = _column(shape, number) if number else shape.number_column
    if at is None:
        known = ", ".join(shape.columns)
        raise Stop(ExitCode.USAGE, f"name the column with the numbers by --number: {known}")
    if field is None:
        named = [(n, name) for n, name in enumerate(shape.columns) if n != at]
        return at, named if shape.has_heading else []
    pairs = [_read_pair("--field", pair) for pair in field]
    return at, [(_column(shape, column), name) for column, name in pairs]


def _column(shape: TableShape, named: str) -> int:
    if named in shape.columns:
        return shape.columns.index(named)
    raise Stop(ExitCode.USAGE, f"no column {named}; there are {', '.join(shape.columns)}")


def _groups(
    file: Path, shape: TableShape, at: int, columns: list[int], code: str
) -> Iterator[tuple[list[int], list[list[str | None]]]]:
    """Groups of rows as they are sent, with their numbers in the file."""
    from dragoman.core.contacts.csv_files import read_file, read_phone

    numbers: list[int] = []
    rows: list[list[str | None]] = []
    for n, cells in read_file(file, shape):
        written = cells[at] if at < len(cells) else ""
        digits = read_phone(written, code)
        values = [cells[c].strip() or None if c < len(cells) else None for c in columns]
        numbers.append(n)
        rows.append([written if digits is None else f"+{digits}", *values])
        if len(rows) == GROUP_ROWS:
            yield numbers, rows
            numbers, rows = [], []
    if rows:
        yield numbers, rows


def _calling_code(country: str) -> str:
    import phonenumbers

    code = phonenumbers.country_code_for_region(country.upper()) if country else 0
    if country and not code:
        raise Stop(ExitCode.USAGE, f"--country: {country} is no country; use a code such as DK")
    return str(code) if code else ""


def _read_pair(option_name: str, pair: str) -> tuple[str, str]:
    name, sign, value = pair.partition("=")
    if not sign or not name:
        raise Stop(ExitCode.USAGE, f"{option_name}: {pair}: not of the form NAME=VALUE")
    return name, value
