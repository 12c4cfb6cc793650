"""Composing a message: its length, cost and route as it is typed, and sending it."""

from __future__ import annotations

import re
import secrets
from typing import Final

import msgspec

from dragoman.console.labels import ALPHABETS, describe_refusal, describe_replaced, name_of
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.reading import Unreadable, read_due, read_recipient
from dragoman.console.regions import region_of
from dragoman.console.rendering import render_count
from dragoman.console.translation import gettext, lazy, ngettext
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.core.model.written_numbers import read_written
from dragoman.core.submission.quotes import Cut, Quote
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.web.responses import Response

DIALECT: Final = "console"
FIELDS: Final = ("recipients", "sender", "text", "when", "due", "mark")
MAX_TEXT: Final = 10_000
MOST_NAMED: Final = 12
_BETWEEN: Final = re.compile(r"[,;\n\r\t]+")
_MARK: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_FIELD_OF: Final = {
    RefusalCode.MISSING_FIELD: "recipients",
    RefusalCode.INVALID_RECIPIENT: "recipients",
    RefusalCode.TOO_MANY_RECIPIENTS: "recipients",
    RefusalCode.RECIPIENT_NOT_ALLOWED: "recipients",
    RefusalCode.NO_ROUTE: "recipients",
    RefusalCode.INVALID_SENDER: "sender",
    RefusalCode.SENDER_NOT_ALLOWED: "sender",
    RefusalCode.EMPTY_TEXT: "text",
    RefusalCode.TEXT_TOO_LONG: "text",
    RefusalCode.TEXT_NOT_ENCODABLE: "text",
    RefusalCode.INVALID_SCHEDULE: "due",
}
_ABOUT_NUMBERS: Final = frozenset(
    {RefusalCode.INVALID_RECIPIENT, RefusalCode.RECIPIENT_NOT_ALLOWED, RefusalCode.NO_ROUTE}
)


class Preview(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a message would be, as texts; empty for what is not known yet."""

    length: str = ""
    alphabet: str = ""
    cost: str = ""
    route: str = ""
    problem: str = ""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A form as it was filled in."""

    recipients: str = ""
    sender: str = ""
    text: str = ""
    when: str = "now"
    due: str = ""
    mark: str = ""


async def show_form(request: PageRequest) -> Response:
    """An empty form, or one to a number or from a sender that is named in the query."""
    draft = Draft(
        recipients=request.query.get("to", "")[:40],
        sender=request.query.get("from", request.account.default_sender)[:20],
        mark=secrets.token_urlsafe(16),
    )
    return await _show(request, draft)


async def act_on_form(request: PageRequest) -> Response:
    """Sends the message, or only checks it."""
    draft = _read(request)
    submission = _submission(request, draft)
    checks = request.form.get("do") == "check"
    if submission is not None and not request.problems and not checks:
        try:
            batch_id = await request.context.repeats.once(
                request.account.account_id, draft.mark, lambda: _send(request, submission)
            )
        except Refused as refused:
            if refused.code is RefusalCode.UNAVAILABLE:
                raise
            request.problems[_FIELD_OF.get(refused.code, "")] = _describe(refused)
        else:
            done = "scheduled" if submission.due_ms is not None else "sent"
            return request.go(f"/messages?id={batch_id}", done)
    preview = await _preview(request, draft, submission)
    if not request.problems and preview.problem:
        request.problems[""] = preview.problem
    return await _show(request, draft, 200 if checks else 400, preview)


async def check(request: PageRequest) -> Response:
    """What the message in the form would be, for the script that asks as it is typed."""
    draft = _read(request)
    submission = _submission(request, draft)
    preview = await _preview(request, draft, submission)
    if problem := request.problems.get("recipients"):
        preview = msgspec.structs.replace(preview, problem=problem)
    return request.give_json(msgspec.json.encode(msgspec.structs.asdict(preview)))


def _read(request: PageRequest) -> Draft:
    fields = {name: request.form.get(name, "") for name in FIELDS}
    # Browsers send every line break as two characters, and phones want one.
    fields["text"] = fields["text"].replace("\r\n", "\n")
    if not _MARK.fullmatch(fields["mark"]):
        fields["mark"] = secrets.token_urlsafe(16)
    return Draft(**fields)


def _submission(request: PageRequest, draft: Draft) -> Submission | None:
    """What the form asks for; None where it cannot be read."""
    due_ms = None
    if draft.when == "later":
        try:
            due_ms = read_due(draft.due, request.zone, request.services.clock.now_ms())
        except Unreadable as unreadable:
            request.problems["due"] = str(unreadable)
    if len(draft.text) > MAX_TEXT or not is_storable(draft.text):
        request.problems["text"] = gettext(
            "At most {max_text} characters, without control characters."
        ).format(max_text=MAX_TEXT)
    if request.problems:
        return None
    return Submission(
        dialect=DIALECT,
        protocol=DIALECT,
        recipients=_read_recipients(request, draft.recipients),
        text=draft.text,
        sender=draft.sender.strip(),
        due_ms=due_ms,
    )


def _read_recipients(request: PageRequest, text: str) -> tuple[str, ...]:
    """The numbers of the form, none after a problem; what is no number is refused later."""
    region = region_of(request)
    found: list[str] = []
    for piece in filter(None, map(str.strip, _BETWEEN.split(text))):
        if piece.startswith(("+", "00")) or not read_written(piece, region):
            found.append(piece)
            continue
        try:
            found.append(f"+{read_recipient(piece, region)}")
        except Unreadable as unreadable:
            request.problems["recipients"] = f"{piece}: {unreadable}"
            return ()
    return tuple(found)


async def _send(request: PageRequest, submission: Submission) -> int:
    accepted = await request.services.submission.submit(request.account, submission)
    return accepted.batch_id


async def _preview(request: PageRequest, draft: Draft, submission: Submission | None) -> Preview:
    """What is known of a message, however little of it is there yet."""
    if submission is None:
        return Preview()
    shape = request.services.quotes.cut(request.account, draft.text) if draft.text else None
    preview = Preview(
        length=_describe_length(shape) if shape is not None else "",
        alphabet=_describe_alphabet(shape) if shape is not None else "",
    )
    if shape is None or not submission.recipients:
        return preview
    try:
        quote = await request.services.quotes.quote(request.account, submission)
    except Refused as refused:
        if refused.code is RefusalCode.UNAVAILABLE:
            raise
        return msgspec.structs.replace(preview, problem=_describe(refused))
    return msgspec.structs.replace(
        preview, cost=await _describe_cost(request, quote), route=_describe_route(quote)
    )


def _describe_length(shape: Cut) -> str:
    parts = ngettext("{count} part", "{count} parts", shape.parts)
    left = (
        ngettext("{count} character left", "{count} characters left", shape.units_left)
        if shape.parts <= 1
        else ngettext(
            "{count} character left in the last part",
            "{count} characters left in the last part",
            shape.units_left,
        )
    )
    return f"{_number(parts, shape.parts)}, {_number(left, shape.units_left)}"


def _number(text: str, count: int) -> str:
    return text.format(count=render_count(count))


def _describe_alphabet(shape: Cut) -> str:
    alphabet = str(ALPHABETS[shape.alphabet.value])
    if not shape.forced_by:
        return alphabet
    named = " ".join(name_of(character) for character in shape.forced_by[:MOST_NAMED])
    more = len(shape.forced_by) - MOST_NAMED
    said = gettext("{alphabet}, because of {named}")
    if more > 0:
        said = gettext("{alphabet}, because of {named} and {more} more")
    said = said.format(alphabet=alphabet, named=named, more=more)
    if not shape.replaced:
        return said
    return gettext("{said}; it would be {alphabet} with {replaced}").format(
        said=said,
        alphabet=ALPHABETS[Alphabet.GSM7],
        replaced=describe_replaced(shape.replaced),
    )


async def _describe_cost(request: PageRequest, quote: Quote) -> str:
    balance = await request.services.accounts.balance(request.account)
    credits = ngettext("{count} credit", "{count} credits", quote.credits)
    recipients = ngettext("{count} recipient", "{count} recipients", quote.recipients)
    cost = gettext("{credits} for {recipients}").format(
        credits=_number(credits, quote.credits), recipients=_number(recipients, quote.recipients)
    )
    if not balance.unlimited:
        cost += _number(gettext("; {count} available"), balance.available)
    if quote.opted_out:
        cost += _number(gettext("; {count} opted out, not sent to"), quote.opted_out)
    return cost


def _describe_route(quote: Quote) -> str:
    routes = quote.routes
    if len(routes) == 1:
        return next(iter(routes))
    return ", ".join(f"{name} ({render_count(count)})" for name, count in sorted(routes.items()))


def _describe(refused: Refused) -> str:
    sentence = describe_refusal(refused)
    if refused.code in _ABOUT_NUMBERS:
        return f"{refused.subject}: {sentence[0].lower()}{sentence[1:]}"
    return sentence


async def _show(
    request: PageRequest, draft: Draft, status: int = 200, preview: Preview | None = None
) -> Response:
    account = request.account
    senders = sorted(await request.services.accounts.approved_senders(account))
    return request.show(
        "compose.html",
        status,
        draft=draft,
        preview=preview or Preview(),
        senders=senders,
        pairs=[(sender, sender) for sender in senders],
        is_free=account.may(Permission.ANY_SENDER),
        zone_name=str(request.zone),
    )


PAGES: Final = (
    Page(
        "/compose",
        lazy("Compose a message"),
        menu=lazy("Compose"),
        show=show_form,
        act=act_on_form,
        needs=Permission.SEND,
    ),
    Page(
        "/compose/check",
        lazy("Compose a message"),
        section="Compose",
        act=check,
        needs=Permission.SEND,
    ),
)
