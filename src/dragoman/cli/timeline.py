"""`dragoman message`: the story of one message, sending it again, cancelling it."""

from __future__ import annotations

from typing import Annotated

from dragoman.admin.message_answers import Cancelled, SentBatch
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument
from dragoman.cli.output import print_fields, print_table, show_count, show_time
from dragoman.core.reporting.model.timeline import CallbackStep, RouteStep, Timeline

app = new_group()

Identifier = Annotated[
    str,
    argument(
        "The message, or a batch of one, by its identifier as any API shows it.", metavar="ID"
    ),
]
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


@command(app, "show")
def show(gateway: Gateway, identifier: Identifier) -> None:
    """Show the history of a message: request, route, attempts, receipts, callbacks, cost.

    A running gateway shows its PDUs too.
    """
    gateway.show(gateway.get("messages", identifier, answer=Timeline), _print_story)


@command(app, "resend")
def resend(gateway: Gateway, identifier: Identifier) -> None:
    """Send a message again, as a new one that its account pays for."""
    gateway.show(gateway.post("messages", identifier, "resend", answer=SentBatch), _print_sent)


@command(app, "cancel")
def cancel(gateway: Gateway, identifier: Identifier) -> None:
    """Cancel a message that no carrier has been given; its credits are refunded."""
    cancelled = gateway.post("messages", identifier, "cancel", answer=Cancelled)
    gateway.show(cancelled, lambda answer: print(f"cancelled: message {answer.message_id}"))


def _print_sent(sent: SentBatch) -> None:
    print(f"accepted: batch {sent.batch_id}, {show_count(sent.credits, 'credit')}")
    if not sent.gateway:
        print("No gateway is running: it is sent when one is started.")
    print(f"To follow it: dragoman message show {sent.batch_id}")


def _print_story(story: Timeline) -> None:
    request = story.request
    several = f", one of {request.recipients}" if request.recipients > 1 else ""
    print_fields(
        [
            ("message", str(story.message_id)),
            ("batch", f"{story.batch_id}{several}"),
            ("account", story.account),
            ("state", story.state + (", possible duplicate" if story.possible_duplicate else "")),
            ("API", _api(request.dialect, request.protocol)),
            ("reference", request.reference),
            ("resend of", str(request.resend_of or "")),
            ("accepted", show_time(request.accepted_ms)),
            ("due", show_time(request.due_ms) if request.due_ms > request.accepted_ms else ""),
            ("valid until", show_time(request.expires_ms)),
            ("from", request.sender),
            ("sender ignored", request.ignored_sender),
            ("to", request.recipient),
            ("text", _printable(request.text)),
            ("part", _series(story)),
            ("customer says", story.feedback),
            (
                "encoding",
                f"{request.alphabet or request.format}, {show_count(request.parts, 'part')}",
            ),
            ("replaced", ", ".join(f"{a!r} by {b!r}" for a, b in request.replaced.items())),
            ("route", _route(story.route)),
            ("cost", f"{show_count(story.cost.credits, 'credit')}, price {story.cost.price}"),
            ("resent as", ", ".join(f"batch {batch}" for batch in story.resent_as)),
        ]
    )
    if story.failure is not None:
        failure = story.failure
        print()
        print_fields(
            [
                ("failure", ": ".join(filter(None, (failure.code, failure.detail)))),
                ("cause", failure.cause),
                ("what to do", failure.remedy),
            ]
        )
    _print_way(story)
    _print_after(story)
    for pdu in story.pdus:
        part = f", part {pdu.part}" if pdu.part and story.request.parts > 1 else ""
        print(f"{pdu.name}{'' if pdu.whole else ', its text only'}{part}  {pdu.octets}")


def _series(story: Timeline) -> str:
    """The place of a part in its text, and the messages that have the others."""
    series = story.series
    if series is None:
        return ""
    others = ", ".join(
        f"{part.number}: {part.message_id}" for part in series.parts if part.number != series.number
    )
    place = f"{series.number} of {series.total} of a text that its sender cut"
    return f"{place} ({others})" if others else place


def _print_way(story: Timeline) -> None:
    if story.attempts:
        print_table(
            ("attempt", "carrier", "link", "outcome", "reason", "answer"),
            [
                (
                    show_time(a.at_ms),
                    a.carrier,
                    a.link,
                    a.outcome.value,
                    a.code,
                    _printable(a.status),
                )
                for a in story.attempts
            ],
        )
    if story.parts:
        print_table(
            ("part", "carrier ID", "receipt", "error", "at"),
            [
                (
                    str(part.number or "all"),
                    ", ".join(map(_printable, part.carrier_ids)),
                    part.state,
                    _printable(part.error),
                    show_time(part.reported_ms),
                )
                for part in story.parts
            ],
        )
    if story.receipts:
        print_table(
            ("receipt", "part", "state", "error", "kind", "as received"),
            [
                (
                    show_time(receipt.at_ms),
                    str(receipt.part or "all"),
                    receipt.state,
                    _printable(receipt.error),
                    receipt.kind.value,
                    _printable(receipt.raw) or "not kept",
                )
                for receipt in story.receipts
            ],
        )


def _print_after(story: Timeline) -> None:
    for callback in story.callbacks:
        print_table(
            (f"callback: {callback.about}", "status", "answer"),
            [
                (show_time(one.at_ms), str(one.status or "none"), _printable(one.answer))
                for one in callback.attempts
            ]
            + [(_state(callback), "", _printable(callback.url))],
        )
    if story.cost.entries:
        print_table(
            ("ledger", "account", "wallet", "entry", "amount", "from", "to"),
            [
                (
                    show_time(entry.at_ms),
                    entry.account,
                    entry.wallet,
                    entry.kind + (" (shared)" if entry.shared else ""),
                    str(entry.amount),
                    entry.debit,
                    entry.credit,
                )
                for entry in story.cost.entries
            ],
        )


def _route(route: RouteStep) -> str:
    why = {
        "device": "a device was named",
        "message_type": "by its message type",
        "account": "for this account",
        "prefix": f"for numbers from {route.prefix}",
        "conditions": "for messages like it",
        "fallback": "no carrier of its own could send",
        "any": "for every number",
        "changed": "as configured then",
        "none": "none: it was not to be sent",
    }[route.reason.value]
    carriers = f"; carriers {', '.join(route.carriers)}" if route.carriers else ""
    today = f"; today's routes would choose {route.today}" if route.today else ""
    return f"{route.route} ({why}{carriers}{today})" if route.route else why


def _state(callback: CallbackStep) -> str:
    if callback.held:
        next_try = show_time(callback.next_attempt_ms)
        return f"held: host failing, next try at {next_try} ({_printable(callback.held)})"
    return callback.state


def _api(dialect: str, protocol: str) -> str:
    return dialect if protocol.lower() in ("", dialect) else f"{dialect}, {protocol}"


def _printable(text: str) -> str:
    """A text without what would steer the terminal it is shown on."""
    return "".join(c if c.isprintable() else " " if c == "\n" else UNPRINTABLE for c in text)
