"""Sending, the status of orders, and what was sent (smSend v1.0, "SMS Send" and "SMS History")."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import UNSET, UnsetType

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.message_types import MessageType
from dragoman.core.billing.model.payments import Payer, Payment
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.core.model.texts import is_storable
from dragoman.core.submission.model.orders import OrderView, RecipientView
from dragoman.core.submission.orders import OrderProgress
from dragoman.dialects.smsend import mapping
from dragoman.dialects.smsend.calls import CallGroup
from dragoman.dialects.smsend.errors import BAD_REQUEST, NOT_FOUND, WordedRefusal
from dragoman.dialects.smsend.schemas import Done
from dragoman.dialects.smsend.sending import reading, schemas
from dragoman.dialects.smsend.sending.reading import MAX_RECIPIENTS, OrderTerms, read_terms
from dragoman.dialects.smsend.sending.statuses import DELIVERED, history_code_of, status_of
from dragoman.dialects.smsend.sending.texts import Template, TextLimit
from dragoman.dialects.smsend.times import NOW, parse_time
from dragoman.dialects.wording import instead_of, quoted, reworded
from dragoman.kit.ids import parse_number
from dragoman.web.requests import Parameters, Request

PROTOCOL: Final = "REST"
MAX_GROUPS: Final = 100
MANY: Final = 200
"""Recipients from which on an answer is made away from the event loop."""
NOT_REMOVED: Final = (
    "The given order_id was not found, or the message sending could not be removed"
    ' (e.g. Message status is not "SCHEDULED")'
)
MAX_SIZE: Final = 1_000
"""Of a page; a client asks for as many."""
SECOND_MS: Final = 1_000


class Content(NamedTuple):
    """Whom an order is for, and what they get."""

    numbers: tuple[str, ...]
    text: str
    texts: tuple[str, ...] = ()
    """Of each recipient, where they differ."""


class OrderCalls(CallGroup):
    """Answers the calls on orders."""

    async def send(self, account: Account, request: Request) -> schemas.Sent:
        """Accepts a text to numbers; raises `Refused`."""
        message = mapping.read_body(request, schemas.Message)
        terms = self._read_terms(message, account)
        text = reading.read_message(message.message)
        numbers = reading.read_list(message.recipient, "recipient")
        if terms.allows_invalid:
            numbers = self._reachable(account, terms, numbers)
        text = self._limit(account, terms, numbers).fit(text)
        return await self._place(account, terms, Content(tuple(numbers), text))

    async def send_parametric(self, account: Account, request: Request) -> schemas.Sent:
        """Accepts a text with places; raises `Refused`."""
        message = mapping.read_body(request, schemas.ParametricMessage)
        terms = self._read_terms(message, account)
        text = reading.read_message(message.message)
        recipients = reading.read_parametric(message.recipients)
        if terms.allows_invalid:
            values = dict(reversed(recipients))
            reachable = self._reachable(account, terms, [number for number, _ in recipients])
            recipients = [(number, values[number]) for number in dict.fromkeys(reachable)]
        template = Template(text)
        fit = self._limit(account, terms, [number for number, _ in recipients]).fit
        content = Content(
            numbers=tuple(number for number, _ in recipients),
            text=text,
            texts=tuple(fit(template.render(values)) for _, values in recipients),
        )
        return await self._place(account, terms, content)

    async def send_to_groups(self, account: Account, request: Request) -> schemas.Sent:
        """Accepts a text to the contacts that are in groups now; raises `Refused`."""
        message = mapping.read_body(request, schemas.GroupMessage)
        terms = self._read_terms(message, account)
        text = reading.read_message(message.message)
        group_ids = await self._find_groups(account, message)
        numbers = await self._numbers_of(account, group_ids)
        if terms.allows_invalid:
            numbers = self._reachable(account, terms, numbers)
        text = self._limit(account, terms, numbers).fit(text)
        return await self._place(account, terms, Content(tuple(numbers), text))

    async def status(self, account: Account, request: Request) -> schemas.OrderStatus:
        """The status of an order; raises `Refused`."""
        progress = await self._services.orders.progress(account, _order_id(request))
        zone = self._zone_of(account)
        if len(progress.messages) <= MANY:
            return _render_status(progress, zone)
        return await asyncio.to_thread(_render_status, progress, zone)

    async def cancel(self, account: Account, request: Request) -> Done:
        """Cancels an order that is due later; raises `Refused`."""
        try:
            await self._services.orders.cancel(account, _order_id(request))
        except Refused as refused:
            if refused.code in {RefusalCode.NOT_FOUND, RefusalCode.NOT_CANCELLABLE}:
                raise WordedRefusal(refused.code, NOT_REMOVED, NOT_FOUND) from None
            raise
        return Done()

    async def cancel_all(self, account: Account, _request: Request) -> Done:
        """Cancels all orders that are due later."""
        await self._services.orders.cancel_all(account)
        return Done()

    def _read_terms(self, fields: schemas.OrderFields, account: Account) -> OrderTerms:
        zone = self._zone_of(account)
        return read_terms(fields, account, self._services.credits.types, zone, self._settings)

    async def _place(self, account: Account, terms: OrderTerms, content: Content) -> schemas.Sent:
        order_id = terms.order_id or self._services.orders.new_order_id()
        message_type = terms.message_type
        submission = Submission(
            dialect=mapping.DIALECT,
            recipients=content.numbers,
            text=content.text,
            texts=content.texts,
            sender=terms.sender,
            allow_any_sender=terms.has_default_sender,
            format=terms.limit.format,
            due_ms=terms.due_ms,
            validity_s=terms.validity_s,
            callback=terms.callback(
                order_id,
                self._zone_of(account),
                self._services.webhooks.report_url(account.account_id, mapping.DIALECT),
            ),
            wants_receipt=message_type.receipts,
            protocol=PROTOCOL,
            payments=await self._payments(account, message_type),
            message_type=message_type,
            ignored_sender=terms.ignored_sender,
        )
        code, text = RefusalCode.ALREADY_EXISTS, f"Order [{quoted(order_id)}] already exists"
        with instead_of(code, WordedRefusal(code, text)):
            accepted = await self._services.orders.place(
                account, submission, order_id, terms.called, is_new=not terms.order_id
            )
        remaining: int | UnsetType = UNSET
        if terms.answers_remaining:
            left = (await self._services.credits.available(account))[message_type.name]
            remaining = mapping.render_quantity(left)
        return schemas.Sent(
            order_id=order_id,
            total_sent=accepted.credits if terms.answers_credits else accepted.recipients,
            remaining_credits=remaining,
            internal_order_id=str(accepted.batch_id) if terms.answers_remaining else UNSET,
        )

    async def _payments(self, account: Account, message_type: MessageType) -> tuple[Payment, ...]:
        """The wallets that pay; none where they go without saying, which keeps rows short."""
        payments = await self._services.credits.payments(account, message_type)
        if account.payer is Payer.OWN and payments == (Payment(wallet_id=account.wallet_id),):
            return ()
        return payments

    def _reachable(self, account: Account, terms: OrderTerms, numbers: Sequence[str]) -> list[str]:
        """Those of the numbers that can be sent to; raises `Refused` where there are none."""
        found = [number for number in numbers if self._reaches(account, terms, number)]
        if not found:
            raise Refused(RefusalCode.INVALID_RECIPIENT, numbers[0])
        return found

    def _limit(self, account: Account, terms: OrderTerms, numbers: Iterable[str]) -> TextLimit:
        """The limit, counted in what the carriers of the numbers take."""
        digits = []
        for number in numbers:
            with suppress(Refused):  # `_place` refuses it
                digits.append(normalise(number))
        taken = self._services.submission.repertoire(account, digits, terms.message_type)
        return terms.limit._replace(repertoire=taken)

    def _reaches(self, account: Account, terms: OrderTerms, number: str) -> bool:
        try:
            digits = normalise(number)
        except Refused:
            return False
        return self._services.submission.reaches(account, digits, terms.message_type)

    async def _find_groups(self, account: Account, message: schemas.GroupMessage) -> list[int]:
        """The groups that a body names, once each; raises `Refused`."""
        name = "recipientsGroupdIds" if message.recipientsGroupdIds else "recipient"
        names = list(dict.fromkeys(reading.read_list(getattr(message, name), name)))
        if len(names) > MAX_GROUPS:
            raise Refused(RefusalCode.INVALID_FIELD, name, f"at most {MAX_GROUPS} groups")
        if name == "recipient":
            with reworded(_missing_group):
                return [one.list_id for one in await self._services.groups.named(account, names)]
        found = []
        for text in names:
            group_id = parse_number(text)
            with reworded(partial(_missing_group, name=text)):
                asked = -1 if group_id is None else group_id
                found.append((await self._services.groups.group(account, asked)).list_id)
        return found

    async def _numbers_of(self, account: Account, group_ids: Sequence[int]) -> list[str]:
        numbers: list[str] = []
        async for members in self._services.groups.recipients(account, group_ids):
            numbers += [f"+{member.mobile}" for member in members if member.mobile]
            if len(numbers) > MAX_RECIPIENTS:
                raise reading.too_many(len(numbers))
        if not numbers:
            raise Refused(RefusalCode.MISSING_FIELD, "recipient")
        return numbers


def _render_status(progress: OrderProgress, zone: ZoneInfo) -> schemas.OrderStatus:
    recipients = []
    for message in progress.messages:
        status = status_of(message.state, message.failure, wants_receipt=progress.wants_receipt)
        delivered = status == DELIVERED and message.final_ms is not None
        recipients.append(
            schemas.RecipientStatus(
                status=status,
                destination=f"+{message.recipient}",
                delivery_date=mapping.render_time(message.final_ms or 0, zone) if delivered else "",
            )
        )
    return schemas.OrderStatus(recipient_number=len(recipients), recipients=recipients)


def _order_id(request: Request) -> str:
    order_id = request.path_params["order_id"]
    if not is_storable(order_id):
        raise Refused(RefusalCode.NOT_FOUND, order_id, "order")
    return order_id


def _missing_group(refused: Refused, name: str | None = None) -> Refused:
    if refused.code is not RefusalCode.NOT_FOUND:
        return refused
    text = f"Groups could not be found: [{quoted(refused.subject if name is None else name)}]"
    return WordedRefusal(RefusalCode.NOT_FOUND, text, BAD_REQUEST)


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

    def _read(
        self, account: Account, query: Parameters
    ) -> tuple[mapping.Page, ZoneInfo, int, int | None]:
        """The page, the zone, and the time from the first second to the last one's end."""
        page = mapping.read_page(query, max_size=MAX_SIZE)
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
        delivery_date=mapping.render_time(message.final_ms or 0, zone) if delivered else "",
    )


def _head(order: OrderView, zone: ZoneInfo) -> dict[str, str]:
    return {
        "order_id": order.order_id,
        "create_time": mapping.render_time(order.created_ms, zone),
        "schedule_time": mapping.render_time(order.due_ms, zone),
        "message_type": order.message_type,
        "sender": order.sender,
    }
