"""The query interface: what was sent and what was received (LINK v2 s. 09)."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from msgspec import UNSET

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.senders import SHORT_CODE_DIGITS
from dragoman.core.inbound.model.inbound import Handling, InboxFilter, StoredInbound
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.premium import Charge
from dragoman.core.messages.model.views import MessageView
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import as_typed
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.dialects.linkmobility import mapping, reading, schemas
from dragoman.dialects.linkmobility.callbacks import UNKNOWN_NETWORK
from dragoman.dialects.linkmobility.calls import OK, CallGroup
from dragoman.dialects.linkmobility.errors import WordedRefusal
from dragoman.dialects.linkmobility.premium import STATES as PREMIUM_STATES
from dragoman.dialects.wording import quoted
from dragoman.kit.ids import parse_dashed, parse_hex, render_dashed, render_hex, time_of
from dragoman.web.bodies import decode_query
from dragoman.web.requests import Request

ITEMS_PER_PAGE: Final = 10
NO_ID: Final = -1
"""An identifier that nothing has, for a search that can find nothing."""
FREE: Final = 0
"""The price of a message that its recipient does not pay for."""

_INTEGER: Final = re.compile(r"[0-9]{1,16}", re.ASCII)
_WILDCARDS: Final = re.compile(r"[*%]+")
_COUNTRY: Final = re.compile(r"[0-9]{1,3}", re.ASCII)
_SUBUSERS: Final = MappingProxyType({"": False, "0": False, "1": True})
MAX_PIECES: Final = 10
MAX_TEXT: Final = 500
MAX_COUNTRIES: Final = 100
_COMPARISONS: Final = frozenset({"<", ">", "="})
_LAST_MS: Final = 999
"""The end of a second, so that a search up to a time finds what happened in that second."""


class Outbox(CallGroup):
    """Answers questions about what was sent."""

    async def search(self, account: Account, request: Request) -> schemas.OutboxPage:
        """A page of the messages that fit the filters, newest first."""
        zone = self._zone_of(account)
        page = reading.Page.of(request, ITEMS_PER_PAGE)
        query = decode_query(request, schemas.OutboxQuery)
        below = await self._below(account, query.subusers)
        wanted = _outbox_filter(account, below, query, zone)
        found = await self._services.queries.outbox(wanted, page.offset, page.size)
        charges = await self._services.queries.charges(found.messages)
        return schemas.OutboxPage(
            query=tuple(
                _outbox_item(view, charges.get(view.message_id), zone) for view in found.messages
            ),
            paging=reading.render_paging(page, found.total),
            stats=schemas.OutboxStats(total=found.total, splitcount=found.parts),
            status=OK,
        )

    async def look_up(self, account: Account, request: Request) -> schemas.OutboxLookup:
        """All about one message; raises `Refused`."""
        lookup_id = request.path_params["lookupid"]
        message_id = parse_dashed(lookup_id)
        if message_id is None:
            raise _unknown_lookup(lookup_id)
        subusers = decode_query(request, schemas.OutboxLookupQuery).subusers
        below = await self._below(account, subusers)
        try:
            view = await self._services.queries.message(account, message_id, below)
        except Refused:
            raise _unknown_lookup(lookup_id) from None
        answer = await self._services.queries.last_callback_answer(message_id)
        charge = (await self._services.queries.charges((view,))).get(message_id)
        details = _outbox_details(view, charge, answer, self._zone_of(account))
        return schemas.OutboxLookup(query=details, status=OK)

    async def _below(self, account: Account, subusers: str) -> tuple[int, ...]:
        """The accounts that `subusers` extends a search to."""
        extends = _SUBUSERS.get(subusers.strip())
        if extends is None:
            raise Refused(RefusalCode.INVALID_FIELD, "subusers", "use 0 or 1")
        return await self._services.queries.accounts_below(account) if extends else ()


class Inbox(CallGroup):
    """Answers questions about what was received."""

    async def search(self, account: Account, request: Request) -> schemas.InboxPage:
        """A page of the texts that fit the filters, newest first."""
        zone = self._zone_of(account)
        page = reading.Page.of(request, ITEMS_PER_PAGE)
        wanted = _inbox_filter(account, decode_query(request, schemas.InboxQuery), zone)
        found = await self._services.queries.inbox(wanted, page.offset, page.size)
        return schemas.InboxPage(
            query=tuple(_inbox_item(text, zone) for text in found.texts),
            paging=reading.render_paging(page, found.total),
            stats=schemas.InboxStats(total=found.total),
            status=OK,
        )

    async def look_up(self, account: Account, request: Request) -> schemas.InboxLookup:
        """All about one text; raises `Refused`."""
        lookup_id = request.path_params["lookupid"]
        inbound_id = parse_dashed(lookup_id)
        if inbound_id is None:
            raise _unknown_lookup(lookup_id)
        wanted = InboxFilter(account_id=account.account_id, inbound_id=inbound_id)
        found = await self._services.queries.inbox(wanted, 0, 1)
        if not found.texts:
            raise _unknown_lookup(lookup_id)
        zone = self._zone_of(account)
        return schemas.InboxLookup(query=_inbox_details(found.texts[0], zone), status=OK)


def _outbox_filter(
    account: Account, below: tuple[int, ...], query: schemas.OutboxQuery, zone: str
) -> OutboxFilter:
    return OutboxFilter(
        account_id=account.account_id,
        below=below,
        recipient=_digits(query.recipient),
        sender=_sender(query.sender),
        from_ms=read_time("starttime", query.starttime, zone),
        to_ms=read_end_time("endtime", query.endtime, zone),
        premium_price=_integer("price", query.price),
        price_comparison=_comparison(query.price_expression),
        batch_id=_integer("batchid", query.batchid),
        message_id=_message_id(query.msgid),
        text=_pieces(query.message),
        states=_states(query.status),
        mccs=_countries(query.mcc),
    )


def _inbox_filter(account: Account, query: schemas.InboxQuery, zone: str) -> InboxFilter:
    return InboxFilter(
        account_id=account.account_id,
        recipient=_digits(query.recipient),
        sender=_digits(query.sender),
        from_ms=read_time("starttime", query.starttime, zone),
        to_ms=read_end_time("endtime", query.endtime, zone),
        inbound_id=_message_id(query.msgid),
        text=_pieces(query.message),
        keyword=query.keyword,
    )


def _comparison(expression: str) -> str:
    comparison = expression.strip() or "="
    if comparison not in _COMPARISONS:
        raise Refused(RefusalCode.INVALID_FIELD, "price_expression", "use <, > or =")
    return comparison


def _shown_number(number: str) -> str:
    """A number of ours as the inbox shows it: with `+`, unless it is a short code."""
    digits = _digits(number)
    return digits if len(digits) <= SHORT_CODE_DIGITS else f"+{digits}"


def _digits(number: str) -> str:
    return as_typed(number).strip().removeprefix("+")


def _sender(sender: str) -> str:
    # A plus that was not escaped arrives as a space.
    if sender.startswith(" ") and sender[1:].isdigit():
        return f"+{sender[1:]}"
    return sender.strip()


def read_time(field: str, text: str, zone: str) -> int | None:
    """A time of a filter, if it is given; raises `Refused`."""
    if not text.strip():
        return None
    try:
        return reading.parse_time(text, zone)
    except ValueError as error:
        raise Refused(RefusalCode.INVALID_FIELD, field, str(error)) from None


def read_end_time(field: str, text: str, zone: str) -> int | None:
    """The end of the second that a filter gives; raises `Refused`."""
    at_ms = read_time(field, text, zone)
    return None if at_ms is None else at_ms + _LAST_MS


def _integer(field: str, text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not _INTEGER.fullmatch(text) or int(text) > reading.MAX_IDENTIFIER:
        raise Refused(RefusalCode.INVALID_FIELD, field, "use a number")
    return int(text)


def _pieces(message: str) -> tuple[str, ...]:
    """What stands between the wildcards of a `message` filter."""
    pieces = tuple(filter(None, _WILDCARDS.split(message)))
    if len(message) > MAX_TEXT or len(pieces) > MAX_PIECES:
        detail = f"up to {MAX_TEXT} characters and {MAX_PIECES - 1} wildcards"
        raise Refused(RefusalCode.INVALID_FIELD, "message", detail)
    return pieces


def _countries(mcc: str) -> tuple[str, ...]:
    countries = tuple(filter(None, (one.strip() for one in mcc.split(","))))
    if len(countries) > MAX_COUNTRIES or not all(map(_COUNTRY.fullmatch, countries)):
        raise Refused(RefusalCode.INVALID_FIELD, "mcc", "use codes of three digits")
    return countries


def _message_id(msgid: str) -> int | None:
    if not msgid:
        return None
    found = parse_hex(msgid.strip())
    return NO_ID if found is None else found


def _states(status: str) -> tuple[State, ...]:
    if not status:
        return ()
    states = mapping.STATES_OF_STATUS.get(status.strip().lower())
    if states is None:
        raise WordedRefusal(RefusalCode.INVALID_FIELD, f"Status [{quoted(status)}] is not valid")
    return states


def _unknown_lookup(lookup_id: str) -> Refused:
    return Refused(RefusalCode.NOT_FOUND, lookup_id, "lookup")


def _outbox_item(view: MessageView, charge: Charge | None, zone: str) -> schemas.OutboxItem:
    return schemas.OutboxItem(
        **_message(view, zone),
        lookupid=render_dashed(view.message_id),
        statusreason=mapping.status_reason(view.state, view.failure) or None,
        mcc=view.mcc,
        mnc=UNKNOWN_NETWORK,
        push_price=UNSET if charge is None else charge.price,
        contenttype=UNSET if charge is None else str(charge.content_type),
        state=UNSET if charge is None else PREMIUM_STATES[charge.state],
    )


def _outbox_details(
    view: MessageView, charge: Charge | None, answer: str, zone: str
) -> schemas.OutboxDetails:
    return schemas.OutboxDetails(
        **_message(view, zone),
        statusreason=mapping.status_reason(view.state, view.failure),
        returndata=view.options.return_data,
        statusurl=view.options.callback_url,
        statusresponse=answer,
        push_price=str(FREE if charge is None else charge.price),
        state="" if charge is None else PREMIUM_STATES[charge.state],
    )


def _message(view: MessageView, zone: str) -> dict[str, str]:
    """What both answers say of a message."""
    return {
        "msgid": render_hex(view.message_id),
        "batchid": str(view.batch_id),
        "status": mapping.STATUSES[view.state],
        "recipient": view.recipient,
        "sender": view.sender,
        "logtime": reading.render_log_time(view.created_ms, zone),
        "protocol": view.protocol,
        "message": view.text,
        "statuscode": str(mapping.status_code(view.state, view.failure)),
        "userid": str(view.account_id),
        "splitcount": str(view.parts),
    }


def _inbox_item(text: StoredInbound, zone: str) -> schemas.InboxItem:
    return schemas.InboxItem(**_text(text, zone), lookupid=render_dashed(text.inbound_id))


def _inbox_details(text: StoredInbound, zone: str) -> schemas.InboxDetails:
    function = mapping.FUNCTIONS[Handling(text.handling)]
    return schemas.InboxDetails(**_text(text, zone), keyword=text.keyword, function=function)


def _text(text: StoredInbound, zone: str) -> dict[str, str]:
    """What both answers say of a received text."""
    return {
        "msgid": render_hex(text.inbound_id),
        "recipient": _shown_number(text.recipient),
        "sender": text.sender,
        "logtime": reading.render_batch_time(time_of(text.inbound_id), zone),
        "message": text.text,
    }
