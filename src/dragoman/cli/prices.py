"""`dragoman prices`: what carriers charge."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from dragoman.admin.price_answers import PriceListsShown, PriceListText
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.outcome import ExitCode, Stop
from dragoman.cli.output import print_table, show_count
from dragoman.core.delivery.model.price_lists import PriceListChange

app = new_group()

Carrier = Annotated[str, argument("The carrier's name in the configuration.")]


@command(app, "list")
def list_price_lists(gateway: Gateway) -> None:
    """List the carriers' price lists: rows, and when they were imported."""
    gateway.show(gateway.get("prices", answer=PriceListsShown), _print_lists)


@command(app, "import")
def import_price_list(
    gateway: Gateway,
    carrier: Carrier,
    file: Annotated[
        Path, argument("CSV with the columns prefix and price, and perhaps from and until.")
    ],
    add: Annotated[
        bool, option("Add the rows to the list in place of replacing it.", "--add")
    ] = False,
    check: Annotated[bool, option("Only tell what would change.", "--check")] = False,
) -> None:
    """Import what a carrier charges, effective at once, and show what changed.

    A file with a mistake changes nothing; its lines are named. With --add, a row replaces that of
    the same prefix and first day.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Stop(ExitCode.USAGE, f"{file}: {error.strerror}") from None
    from dragoman.web.charsets import text_of_file  # imports what other commands do not need

    body = {"content": text_of_file(content), "add": add, "check": check}
    change = gateway.call("POST", "prices", carrier, answer=PriceListChange, body=body)
    gateway.show(change, _print_change)


@command(app, "export")
def export_price_list(gateway: Gateway, carrier: Carrier) -> None:
    """Print a carrier's price list as CSV."""
    found = gateway.get("prices", carrier, answer=PriceListText)
    gateway.show(found, lambda answer: print(answer.content, end=""))


@command(app, "remove")
def remove_price_list(gateway: Gateway, carrier: Carrier) -> None:
    """Remove a carrier's imported price list: what it charges is not known then."""
    gateway.show(gateway.call("DELETE", "prices", carrier, answer=PriceListsShown), _print_lists)


def _print_lists(shown: PriceListsShown) -> None:
    print_table(
        ("carrier", "rows", "from"),
        (
            (
                one.carrier,
                f"{one.rows:,}" if one.rows else "",
                "a file" if one.imported_ms is None else _when(one.imported_ms),
            )
            for one in shown.price_lists
        ),
    )


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("import of %Y-%m-%d %H:%M UTC")


def _print_change(change: PriceListChange) -> None:
    for line in change.lines:
        print(line)
    if change.more:
        print(f"and {change.more:,} more")
    print(f"{change.carrier}: {change.summary}; {show_count(change.rows, 'row')}")
    if not change.applied:
        print("Nothing was changed: run it without --check.")
