"""What was sent, newest first (smSend v1.0, "SMS History API")."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.core.submission.model.orders import OrderView, RecipientView
from dragoman.dialects.smsend.calls import CallGroup
from dragoman.dialects.smsend.mapping import render_time
from dragoman.dialects.smsend.reading import Page, read_page
from dragoman.dialects.smsend.sending import schemas
from dragoman.dialects.smsend.sending.statuses import history_code_of
from dragoman.dialects.smsend.times import NOW, parse_time
from dragoman.web.requests import Parameters, Request

MAX_SIZE: Final = 1_000
"""Of a page; a client asks for as many."""
SECOND_MS: Final = 1_000


class HistoryCalls(CallGroup):
    """Answers the calls on what was sent."""

    async def orders(self, account: Account, request: Request) -> schemas.History:
        """A page of the account's orders; raises `Refused`."""
        page, zone, from_ms, to_ms = self._read(account, request.query)
        found = await self._services.orders.page(account, from_ms, to_ms, page.offset, page.size)
        return schemas.History(
            total=found.total,
            pageNumber=page.number,
            pageSize=page.size,
            smshistory=[_entry(order, zone) for order in found.orders],
        )

    async def recipient(self, account: Account, request: Request) -> schemas.RecipientHistory:
        """A page of the texts to a number; raises `Refused`."""
        query = request.query
        page, zone, from_ms, to_ms = self._read(account, query)
        written = query.get("recipient", "").strip()
        if not written:
            raise Refused(RefusalCode.MISSING_FIELD, "recipient")
        # A `+` that is not escaped is a blank in a query.
        digits = normalise(written)
        found = await self._services.orders.page_of_recipient(
            account, digits, from_ms, to_ms, page.offset, page.size
        )
        return schemas.RecipientHistory(
            total=found.total,
            pageNumber=page.number,
            pageSize=page.size,
            rcpthistory=[_recipient_entry(view, zone) for view in found.messages],
        )

    def _read(self, account: Account, query: Parameters) -> tuple[Page, ZoneInfo, int, int | None]:
        """The page, the zone, and the time from the first second to the last one's end."""
        page = read_page(query, max_size=MAX_SIZE)
        zone = self._zone_of(account, query)
        from_ms = _read_time(query, "from", zone)
        if from_ms is None:
            raise Refused(RefusalCode.MISSING_FIELD, "from")
        to_ms = None
        if query.get("to", "").strip().lower() != NOW:
            to_ms = _read_time(query, "to", zone)
        return page, zone, from_ms, None if to_ms is None else to_ms + SECOND_MS - 1


def _read_time(query: Parameters, name: str, zone: ZoneInfo) -> int | None:
    written = query.get(name, "").strip()
    if not written:
        return None
    try:
        return parse_time(written, zone)
    except ValueError as error:
        raise Refused(RefusalCode.INVALID_FIELD, name, str(error)) from None


def _entry(order: OrderView, zone: ZoneInfo) -> schemas.HistoryEntry:
    return schemas.HistoryEntry(**_head(order, zone), num_recipients=order.recipients)


def _recipient_entry(view: RecipientView, zone: ZoneInfo) -> schemas.RecipientHistoryEntry:
    message = view.message
    delivered = message.state is State.DELIVERED and message.final_ms is not None
    return schemas.RecipientHistoryEntry(
        **_head(view.order, zone),
        recipient=f"+{message.recipient}",
        status=history_code_of(message.state, message.failure, wants_receipt=view.wants_receipt),
        delivery_date=render_time(message.final_ms or 0, zone) if delivered else "",
    )


def _head(order: OrderView, zone: ZoneInfo) -> dict[str, str]:
    return {
        "order_id": order.order_id,
        "create_time": render_time(order.created_ms, zone),
        "schedule_time": render_time(order.due_ms, zone),
        "message_type": order.message_type,
        "sender": order.sender,
    }
