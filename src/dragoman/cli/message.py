"""`dragoman send` and `dragoman status`: messages, and the gateway as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from dragoman.admin.answers import Overview
from dragoman.admin.message_answers import BatchStatus, MessageStatus, SentBatch
from dragoman.cli.command import Gateway
from dragoman.cli.options import argument, option
from dragoman.cli.outcome import ExitCode
from dragoman.cli.output import print_fields, print_table, show_age, show_count, show_time
from dragoman.core.delivery.running import CarrierView


def send(
    gateway: Gateway,
    to: Annotated[str, argument("The number, with its country code; several comma-separated.")],
    text: Annotated[str, argument("The text.")],
    account: Annotated[
        str, option("The account that sends; not needed where there is only one.")
    ] = "",
    sender: Annotated[
        str, option("The sender; the account's default if not given.", "--from")
    ] = "",
) -> None:
    """Send a text message."""
    sent = gateway.post(
        "messages",
        answer=SentBatch,
        recipients=[number for number in to.split(",") if number.strip()],
        text=text,
        account=account,
        sender=sender,
    )
    gateway.show(sent, _print_sent)


def _print_sent(sent: SentBatch) -> None:
    parts = f" in {sent.parts} parts" if sent.parts > 1 else ""
    print(f"accepted: {show_count(sent.recipients, 'message')}{parts}, batch {sent.batch_id}")
    if not sent.gateway:
        print("No gateway is running: it is sent when one is started.")
    print(f"To follow it: dragoman status {sent.batch_id}")


def status(
    gateway: Gateway,
    identifier: Annotated[
        str | None,
        argument(
            "A message or batch, by its identifier as any API shows it.",
            metavar="[MESSAGE_ID|BATCH_ID]",
        ),
    ] = None,
) -> None:
    """Show the status of a message or batch; without one, of the gateway."""
    if identifier is not None:
        either: Any = MessageStatus | BatchStatus
        gateway.show(gateway.get("status", identifier, answer=either), _print_found)
        return
    overview = gateway.get("status", answer=Overview)
    gateway.show(overview, _print_overview)
    if not overview.running or overview.problems:
        raise typer.Exit(ExitCode.FAILED)


def _print_found(found: MessageStatus | BatchStatus) -> None:
    if isinstance(found, BatchStatus):
        _print_batch(found)
    else:
        _print_message(found)


def _print_message(message: MessageStatus) -> None:
    parts = f" ({message.parts} parts)" if message.parts > 1 else ""
    print_fields(
        [
            ("message", f"{message.message_id}{parts}"),
            ("batch", str(message.batch_id)),
            ("account", message.account),
            ("from", message.sender),
            ("to", message.recipient),
            (
                "state",
                message.state + (", possible duplicate" if message.possible_duplicate else ""),
            ),
            ("failure", ": ".join(filter(None, (message.failure, message.detail)))),
            ("carrier", message.carrier),
            ("attempts", str(message.attempts)),
            ("accepted", show_time(message.created_ms)),
            ("sent", show_time(message.sent_ms)),
            ("final", show_time(message.final_ms)),
            ("cost", f"{show_count(message.credits, 'credit')}, price {message.price}"),
            ("callback answer", message.callback_answer),
        ]
    )


def _print_batch(batch: BatchStatus) -> None:
    print_fields(
        [
            ("batch", str(batch.batch_id)),
            ("account", batch.account),
            ("from", batch.sender),
            ("state", batch.state),
            ("due", show_time(batch.due_ms)),
            ("recipients", str(batch.recipients)),
            (
                "progress",
                f"{batch.unsent} unsent, {batch.buffered} sent, {batch.received} delivered,"
                f" {batch.failed} failed",
            ),
        ]
    )
    print_table(
        ("message", "to", "state", "failure"),
        [
            (str(message.message_id), message.recipient, message.state, message.failure)
            for message in batch.messages
        ],
    )


def _print_overview(overview: Overview) -> None:
    if not overview.running:
        print(f"No gateway is running; its database has {overview.accounts} accounts.")
        return
    waiting = sum(route.waiting for route in overview.routes)
    oldest = max((route.oldest_s or 0.0 for route in overview.routes), default=0.0)
    finals = ", ".join(f"{count} {state}" for state, count in sorted(overview.finals.items()))
    print_fields(
        [
            ("gateway", f"Dragoman {overview.version} on {overview.address}"),
            ("process", f"{overview.pid}, since {show_time(overview.started_ms)}"),
            ("problems", "; ".join(overview.problems)),
            ("accounts", str(overview.accounts)),
            ("accepted", f"{overview.accepted} messages"),
            ("refused", f"{overview.refused} requests"),
            ("ended", finals or "none yet"),
            ("queued", f"{waiting} messages" + (f", oldest {show_age(oldest)}" if waiting else "")),
            ("in flight", f"{overview.in_flight} parts"),
            ("callbacks", f"{overview.callbacks_waiting} waiting"),
        ]
    )
    print_carriers(overview.carriers)


def print_carriers(carriers: Iterable[CarrierView]) -> None:
    """Prints a line for every carrier."""
    print_table(
        ("carrier", "state", "links", "in flight", "round trip", "last error"),
        [_carrier_row(carrier) for carrier in carriers],
    )


def _say_carrier(carrier: CarrierView) -> str:
    if carrier.held:
        return "draining" if carrier.in_flight else "disabled"
    return "up" if carrier.up else "down"


def _carrier_row(carrier: CarrierView) -> tuple[str, ...]:
    bound = sum(link.bound for link in carrier.links)
    trip = f"{carrier.round_trip_ms:.3g} ms" if carrier.round_trip_ms is not None else ""
    errors = sorted({link.last_error for link in carrier.links if link.last_error})
    return (
        carrier.name,
        _say_carrier(carrier),
        f"{bound}/{len(carrier.links)}",
        f"{carrier.in_flight}/{carrier.capacity}",
        trip,
        "; ".join(errors),
    )
