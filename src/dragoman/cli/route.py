"""`dragoman route`: which way a message would take."""

from __future__ import annotations

from typing import Annotated, Final

from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import option
from dragoman.cli.output import print_fields, print_table, show_count
from dragoman.core.delivery.model.explanations import CarrierPreview, RouteExplanation

app = new_group()

REASONS: Final = {
    "message_type": "its message type has a route of its own",
    "account": "the route is for the account",
    "prefix": "the number begins with {prefix}",
    "conditions": "it is what the route asks for",
    "any": "the route takes every number",
}


@command(app, "explain")
def explain_route(
    gateway: Gateway,
    to: Annotated[str, option("The recipient's number.", "--to")],
    account: Annotated[
        str, option("User name of the account; needed where there are several.", "--account")
    ] = "",
    sender: Annotated[str, option("The sender; the account's own if not given.", "--from")] = "",
    text: Annotated[str, option("The text, for its alphabet and parts.", "--text")] = "",
    tag: Annotated[str, option("The tag of the message.", "--tag")] = "",
    message_type: Annotated[str, option("The message type.", "--type")] = "",
) -> None:
    """Explain which route and carrier a message would take, and what it costs; sends nothing."""
    explanation = gateway.get(
        "routes",
        "explanation",
        answer=RouteExplanation,
        to=to,
        account=account,
        sender=sender,
        text=text,
        tag=tag,
        message_type=message_type,
    )
    gateway.show(explanation, _print_explanation)


def _print_explanation(found: RouteExplanation) -> None:
    network = f", network {found.network}" if found.network else ""
    reason = REASONS.get(found.reason, found.reason).format(prefix=found.prefix)
    print_fields(
        (
            ("to", f"+{found.recipient} ({found.country}{network})"),
            ("account", found.account),
            ("refused", found.refusal.replace("_", " ")),
            ("route", found.route),
            ("because", reason),
            ("asks for", "; ".join(found.conditions)),
            ("then", ", ".join(found.others)),
            ("text", f"{found.parts} x {found.alphabet}"),
            ("price", f"{found.price} and {show_count(found.credits, 'credit')}"),
            ("chooses by", found.preference.replace("_", " ")),
        )
    )
    if found.carriers:
        columns = ("carrier", "", "cost", "margin", "delivered", "left today", "sender")
        print_table(columns, map(_row, found.carriers))


def _row(carrier: CarrierPreview) -> tuple[str, ...]:
    rate = carrier.delivery_rate
    sender = carrier.sender
    if carrier.sender_rule:
        sender = f"{sender} ({carrier.sender_rule})".strip()
    return (
        carrier.name,
        "takes it" if carrier.chosen else carrier.obstacle.replace("_", " "),
        carrier.cost or "unknown",
        carrier.margin,
        "" if rate is None else f"{rate:.0%} in {carrier.delivered_after_s} s",
        "" if carrier.left_today is None else str(carrier.left_today),
        sender,
    )
