"""`dragoman message list` and `reschedule`: many messages, and what is due later."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from dragoman.admin.message_answers import MessageList, Rescheduled
from dragoman.cli.command import Gateway, command
from dragoman.cli.options import argument, option
from dragoman.cli.outcome import ExitCode, Stop
from dragoman.cli.output import print_table, show_time
from dragoman.cli.timeline import Identifier, app

__all__ = ["app"]

MAX_TEXT = 40


@command(app, "list")
def list_messages(
    gateway: Gateway,
    state: Annotated[
        list[str] | None,
        option(
            "Only this state, such as delivered, failed or waiting; may be repeated. `scheduled`"
            " lists what is due later."
        ),
    ] = None,
    account: Annotated[str, option("Only this account, without those below it.")] = "",
    to: Annotated[str, option("Only this number.")] = "",
    sender: Annotated[str, option("Only from this sender.", "--from")] = "",
    route: Annotated[str, option("Only this route.")] = "",
    carrier: Annotated[str, option("Only over this carrier.")] = "",
    dialect: Annotated[str, option("Only from this API.")] = "",
    cause: Annotated[str, option("Only that failed so, such as absent_subscriber.")] = "",
    country: Annotated[str, option("Only to this country: its name or mobile code.")] = "",
    text: Annotated[str, option("Only with these words in the text.")] = "",
    since: Annotated[str, option("Accepted, or due, at this time or later.")] = "",
    until: Annotated[str, option("Accepted, or due, at this time or before.")] = "",
    after: Annotated[str, option("Go on behind this place: the `next` of the page before.")] = "",
    limit: Annotated[int, option("How many at most, up to 1000.", show_default=True)] = 50,
) -> None:
    """List messages, newest first; with `--state scheduled` what is due later, soonest first."""
    found = gateway.get(
        "messages",
        answer=MessageList,
        states=",".join(state or ()),
        account=account,
        recipient=to,
        sender=sender,
        route=route,
        carrier=carrier,
        dialect=dialect,
        cause=cause,
        country=country,
        text=text,
        from_ms=read_time(since),
        to_ms=read_time(until),
        after=after,
        limit=limit,
    )
    gateway.show(found, _print_list)


@command(app, "reschedule")
def reschedule(
    gateway: Gateway,
    identifier: Identifier,
    time: Annotated[str, argument("Its new time, such as 2026-12-24T09:00.", metavar="TIME")],
) -> None:
    """Give what is scheduled another time."""
    moved = gateway.post(
        "messages", identifier, "reschedule", answer=Rescheduled, due_ms=read_time(time)
    )
    gateway.show(moved, _print_moved)


def read_time(text: str) -> int | None:
    """Milliseconds of a time, in this machine's zone where it names none; raises `Stop`."""
    if not text:
        return None
    try:
        return round(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError):
        detail = f"{text}: not a time; use the form 2026-12-24T09:00"
        raise Stop(ExitCode.USAGE, detail) from None


def _print_list(found: MessageList) -> None:
    if found.scheduled:
        print_table(
            ("due", "batch", "account", "to", "from", "text"),
            [
                (
                    show_time(one.due_ms),
                    str(one.batch_id),
                    one.account,
                    one.recipient or f"{one.recipients or 'contacts of lists'}",
                    one.sender,
                    clip(one.text),
                )
                for one in found.scheduled
            ],
        )
    elif found.messages:
        print_table(
            ("accepted", "message", "account", "to", "from", "state", "failure"),
            [
                (
                    show_time(one.created_ms),
                    str(one.message_id),
                    one.account,
                    one.recipient,
                    one.sender,
                    one.state,
                    one.failure,
                )
                for one in found.messages
            ],
        )
    elif found.looked_to_ms is None:
        print("no messages")
    if found.looked_to_ms is not None:
        print(f"searched back to {show_time(found.looked_to_ms)}")
    if found.next:
        print(f"more: --after {found.next}")


def clip(text: str) -> str:
    """The beginning of a text, on one line and without what terminals act on."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return shown if len(shown) <= MAX_TEXT else f"{shown[: MAX_TEXT - 1]}…"


def _print_moved(moved: Rescheduled) -> None:
    print(f"batch {moved.batch_id} of {moved.account} is sent at {show_time(moved.due_ms)}")
