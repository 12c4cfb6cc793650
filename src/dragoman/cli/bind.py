"""`dragoman bind`: who is bound to the SMPP server, ending a bind, what it reads and writes."""

from __future__ import annotations

from typing import Annotated

from dragoman.admin.answers import BindList, WireLogView
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.output import print_table, show_time
from dragoman.core.delivery.running import BindView

app = new_group()

BindId = Annotated[int, argument("The bind's number in `dragoman bind list`.")]


@command(app, "list")
def list_binds(gateway: Gateway) -> None:
    """List the programs that are bound: from where, since when, how fast, their last error."""
    gateway.show(gateway.get("binds", answer=BindList), _print_binds)


@command(app, "end")
def end_bind(gateway: Gateway, bind: BindId) -> None:
    """Unbind a program, which may bind again; disable its account to keep it out."""
    ended = gateway.call("DELETE", "binds", bind, answer=BindView)
    gateway.show(ended, lambda one: print(f"{one.system_id} from {one.address} is being unbound"))


@command(app, "log")
def log_bind(
    gateway: Gateway,
    bind: BindId,
    start: Annotated[
        bool, option("Begin to keep what it reads and writes, for an hour.", "--start")
    ] = False,
) -> None:
    """Show what a bind reads and writes, in hexadecimal, once --start has asked for it.

    It holds numbers and texts; it is kept in memory only, the last MiB of it, and forgotten after
    an hour or when the bind ends.
    """
    if start:
        begun = gateway.call("POST", "binds", bind, "log", answer=BindView)
        gateway.show(begun, lambda one: print(f"keeping what {one.system_id} reads and writes"))
        return
    gateway.show(gateway.get("binds", bind, "log", answer=WireLogView), _print_log)


def _print_binds(found: BindList) -> None:
    print_table(
        (
            *("bind", "account", "system_id", "kind", "version", "from", "since"),
            *("requests", "a second", "unanswered", "delivered", "window", "last error"),
        ),
        [
            (
                str(one.bind_id),
                one.account,
                one.system_id,
                one.kind,
                one.version,
                f"{one.address} (TLS)" if one.tls else one.address,
                show_time(one.since_ms),
                str(one.received),
                f"{one.per_s:.3g}",
                str(one.pending),
                str(one.delivered),
                f"{one.outstanding} of {one.window}",
                one.last_error,
            )
            for one in found.binds
        ],
    )


def _print_log(log: WireLogView) -> None:
    for piece in log.pieces:
        print(f"{show_time(piece.at_ms)} {piece.direction} {piece.octets}")
    if not log.pieces:
        print("nothing was read or written since")
