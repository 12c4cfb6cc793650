"""`dragoman tail`: what happens to messages, as it happens."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec

from dragoman.admin.message_answers import FeedLine, FeedLines
from dragoman.cli.command import Gateway
from dragoman.cli.options import option
from dragoman.cli.output import show_time


def tail(
    gateway: Gateway,
    account: Annotated[str, option("Only this account and those below it; all if not given.")] = "",
    state: Annotated[
        list[str] | None, option("Only this state, such as delivered; may be repeated.")
    ] = None,
    to: Annotated[str, option("Only numbers that start with this.")] = "",
    route: Annotated[str, option("Only this route.")] = "",
    dialect: Annotated[str, option("Only messages from this API.")] = "",
) -> None:
    """Follow what happens to messages, as it happens; ends with Ctrl-C.

    With --json, one object a line.
    """
    pages = gateway.stream(
        "events",
        answer=FeedLines,
        account=account,
        states=",".join(state or ()),
        recipient=to,
        route=route,
        dialect=dialect,
    )
    try:
        for number, page in enumerate(pages):
            if number == 0:
                print("Listening; stop with Ctrl-C.", file=sys.stderr, flush=True)
            if page.dropped:
                print(f"{page.dropped} changes were dropped", file=sys.stderr, flush=True)
            for line in page.lines:
                _write(line, gateway.as_json)
    except KeyboardInterrupt:
        return
    print("The gateway has stopped.", file=sys.stderr)


def _write(line: FeedLine, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(line).decode(), flush=True)
        return
    way = " ".join(filter(None, (line.dialect, line.route, line.carrier)))
    why = ": ".join(filter(None, (line.failure, line.detail)))
    print(
        f"{show_time(line.at_ms)}  {line.state:<11}  {line.recipient:<15}  {line.message_id}"
        f"  {line.account}  {way}" + (f"  {why}" if why else ""),
        flush=True,
    )
