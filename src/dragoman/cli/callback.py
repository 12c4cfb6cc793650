"""`dragoman callback`: the customers' hosts that fail, and trying them now."""

from __future__ import annotations

from typing import Annotated

from dragoman.admin.answers import HeldHosts, RetriedHosts
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import option
from dragoman.cli.output import print_table, show_time
from dragoman.core.callbacks.model.callback_lists import UnmatchedPage
from dragoman.kit.ids import time_of

app = new_group()


@command(app, "list")
def list_hosts(gateway: Gateway) -> None:
    """List the hosts that fail, what waits for them, and when each is tried next."""
    gateway.show(gateway.get("callbacks", answer=HeldHosts), _print_held)


@command(app, "retry")
def retry(
    gateway: Gateway,
    account: Annotated[str, option("Only those of this account.")] = "",
    host: Annotated[str, option("Only those to this host.")] = "",
    message: Annotated[
        str, option("That of this message first, and others to its host.", metavar="ID")
    ] = "",
) -> None:
    """Make callbacks that wait now; a host that fails is called once, and if it answers, all go."""
    retried = gateway.post(
        "callbacks", "retry", answer=RetriedHosts, account=account, host=host, message=message
    )
    gateway.show(retried, _print_retried)


@command(app, "unmatched")
def unmatched(
    gateway: Gateway,
    carrier: Annotated[str, option("Only those of this carrier.")] = "",
    limit: Annotated[int, option("How many at most, up to 1000.", show_default=True)] = 50,
) -> None:
    """List receipts of carriers that match no message, newest first."""
    page = gateway.get("callbacks", "receipts", answer=UnmatchedPage, carrier=carrier, limit=limit)
    gateway.show(page, _print_unmatched)


def _print_unmatched(page: UnmatchedPage) -> None:
    print_table(
        ("received", "carrier", "ID", "state", "error"),
        [
            (
                show_time(time_of(one.receipt_id)),
                one.carrier,
                one.carrier_message_id,
                one.state.name.lower(),
                one.error,
            )
            for one in page.receipts
        ],
    )
    if not page.receipts:
        print("every receipt matched a message")


def _print_held(hosts: HeldHosts) -> None:
    print(f"{hosts.waiting} callbacks wait")
    print_table(
        ("account", "held host", "waiting", "host failing", "since", "next try"),
        [
            (
                one.account,
                one.host,
                str(one.waiting),
                one.reason,
                show_time(one.since_ms),
                show_time(one.next_try_ms),
            )
            for one in hosts.held
        ],
    )


def _print_retried(hosts: RetriedHosts) -> None:
    for one in hosts.retried:
        print(f"calling {one.host} for {one.account}: {one.waiting} wait")
    if not hosts.retried:
        print("no callback waits there")
