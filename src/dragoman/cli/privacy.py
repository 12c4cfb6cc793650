"""`dragoman privacy`: what is known of a number."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dragoman.admin.answers import ErasedView, ExportView
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.progress import Progress

app = new_group()

Number = Annotated[str, argument("The number, with its country code.")]
Account = Annotated[str, option("Only what this account knows; all if not given.", "--account")]


@command(app, "export")
def export_number(gateway: Gateway, number: Number, account: Account = "") -> None:
    """Export every row that names a number as JSON, one object a line."""
    given = {"number": number, "account": account}
    page, shown = gateway.post("privacy", "export", answer=ExportView, **given), 0
    with Progress("rows") as progress:
        while True:
            for row in page.rows:
                print(msgspec.json.encode(row).decode())
            if page.cursor is None:
                return
            shown += len(page.rows)
            progress.tell(shown)
            cursor = msgspec.to_builtins(page.cursor)
            page = gateway.post("privacy", "export", answer=ExportView, cursor=cursor, **given)


@command(app, "erase")
def erase_number(gateway: Gateway, number: Number, account: Account = "") -> None:
    """Erase a number, with the texts from and to it, wherever it is needed no more.

    Opt-outs are kept as a hash, so the number gets no messages afterwards either.
    """
    erased = gateway.post("privacy", "erase", answer=ErasedView, number=number, account=account)
    gateway.show(erased, _print_erased)


def _print_erased(erased: ErasedView) -> None:
    counts = {table.replace("_", " "): count for table, count in sorted(erased.rows.items())}
    counts["opt-outs, kept as a hash"] = erased.opt_outs
    counts["not over yet, to be erased later"] = erased.needed
    found = [f"{count} {what}" for what, count in counts.items() if count]
    print("\n".join(found) or "nothing names it")
