"""`dragoman callback`: the customers' hosts that fail, and trying them now."""

from __future__ import annotations

from typing import Annotated

from dragoman.admin.answers import HeldHosts, RetriedHosts
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import option
from dragoman.cli.output import print_table, show_time

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
