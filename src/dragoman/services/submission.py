"""The only door in: decides on a request to send, stores it whole, and lets it go.

A batch of a few recipients that is due becomes messages at once; a larger or a scheduled one is
stored with its recipients and becomes messages in chunks when it runs (`services.batches`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache

import msgspec

from dragoman.domain.accounts import Account, Permission
from dragoman.domain.attachments import Attachment
from dragoman.domain.errors import FailureCode, RefusalCode, Refused
from dragoman.domain.lifecycle import BatchState, State
from dragoman.domain.message_types import MessageType
from dragoman.domain.messages import Format, Lane, Submission
from dragoman.domain.payments import Payer, Payment
from dragoman.domain.phone_numbers import mobile_country_code, normalise
from dragoman.domain.pricing import Price, PriceList
from dragoman.domain.routing import Router
from dragoman.domain.senders import normalise_sender
from dragoman.domain.texts import is_storable
from dragoman.domain.urls import is_http_address
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.protocols.gsm.alphabet import NotEncodable
from dragoman.protocols.gsm.segmentation import InvalidHeader, Segmentation, TooManyParts
from dragoman.queue.port import WorkQueue
from dragoman.services.accounts import Accounts
from dragoman.services.attachments import Attachments
from dragoman.services.backlog import Backlog
from dragoman.services.delivery import Delivery
from dragoman.services.live import LiveBatch, LiveMessage, segment
from dragoman.services.meters import Meters
from dragoman.services.opt_outs import OptOuts
from dragoman.services.premium import PremiumRules
from dragoman.storage.records import (
    BatchOptions,
    NewBatch,
    Reservation,
    StateChange,
    StoredBatch,
    StoredMessage,
)
from dragoman.storage.repositories import submissions
from dragoman.storage.writer import Writer

DEFAULT_VALIDITY_S = 48 * 3600
MIN_VALIDITY_S = 60
MAX_VALIDITY_S = 14 * 24 * 3600
MAX_SCHEDULE_S = 2 * 366 * 24 * 3600
MAX_REFERENCE = 255
MAX_MULTIMEDIA_TEXT = 5_000
"""Characters."""

Store = Callable[[NewBatch, Callable[[Exception | None], None]], None]
"""Stores a batch and tells, once it is on disk or refused, what came of it."""


FindPayments = Callable[[Account], Awaitable[tuple[Payment, ...]]]
"""Finds the wallets that pay for an account that does not pay by itself alone."""


class AcceptedBatch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a customer can rely on: the batch is on disk."""

    batch_id: int
    due_ms: int
    recipients: int
    parts: int
    """Of one message."""
    credits: int


class SubmissionService:
    """Accepts or refuses; a refusal stores nothing and moves no credit."""

    def __init__(
        self,
        *,
        writer: Writer,
        queue: WorkQueue,
        backlog: Backlog,
        accounts: Accounts,
        attachments: Attachments | None = None,
        router: Router,
        prices: PriceList,
        opt_outs: OptOuts,
        delivery: Delivery,
        ids: IdSource,
        clock: Clock,
        meters: Meters,
        inline_recipients: int,
        max_parts: int,
        max_recipients: int,
        premium: PremiumRules | None = None,
        find_payments: FindPayments | None = None,
    ) -> None:
        self._writer = writer
        self._queue = queue
        self._backlog = backlog
        self._accounts = accounts
        self._attachments = attachments
        self._router = router
        self._prices = prices
        self._opt_outs = opt_outs
        self._delivery = delivery
        self._ids = ids
        self._clock = clock
        self._meters = meters
        self._inline_recipients = inline_recipients
        self._max_parts = max_parts
        self._max_recipients = max_recipients
        self._premium = premium or PremiumRules()
        self._find_payments = find_payments or _own_payments
        self._orphans: set[asyncio.Task[None]] = set()

    async def submit(
        self, account: Account, submission: Submission, *, store: Store | None = None
    ) -> AcceptedBatch:
        """Stores a submission whole and queues it; raises `Refused`.

        `store` is for callers that store something else together with the batch.
        """
        if not account.may(Permission.SEND):
            raise Refused(RefusalCode.PERMISSION_DENIED, Permission.SEND)
        sender = await self._check_sender(account, submission.sender)
        recipients = _check_recipients(
            submission.recipients, min(self._max_recipients, account.max_recipients)
        )
        _check_prefixes(account, recipients)
        _check_storable(submission)
        segmentation = _check_text(submission, min(self._max_parts, account.max_parts))
        callback = submission.callback
        if callback is not None:
            _check_url(callback.url)
        if submission.reference is not None and len(submission.reference) > MAX_REFERENCE:
            raise Refused(RefusalCode.INVALID_FIELD, "reference", "too long")
        attachments = await self._collect_attachments(account, submission, sender, recipients)
        now_ms = self._clock.now_ms()
        due_ms = _check_schedule(submission.due_ms, now_ms)
        expires_ms = due_ms + _check_validity(submission.validity_s) * 1000
        inline = due_ms <= now_ms and len(recipients) <= self._inline_recipients
        if submission.premium is not None:
            sender = self._premium.check(
                account,
                submission.premium,
                sender=sender,
                recipients=recipients,
                parts=segmentation.count,
                due_ms=due_ms,
            )

        message_type, payments = submission.message_type, submission.payments
        if not payments and account.payer is not Payer.OWN:
            payments = await self._find_payments(account)
        batch = StoredBatch(
            batch_id=self._ids.next(),
            account_id=account.account_id,
            dialect=submission.dialect,
            protocol=submission.protocol,
            reference=submission.reference,
            sender=sender,
            text=submission.text,
            format=submission.format.value,
            options=BatchOptions(
                udh=submission.udh.hex(),
                wants_receipt=submission.wants_receipt,
                message_class=submission.message_class,
                protocol_id=submission.protocol_id,
                callback_url=callback.url if callback else "",
                return_data=callback.return_data if callback else "",
                callback_states=tuple(sorted(callback.states)) if callback else (),
                premium=submission.premium,
                payments=payments,
                credits_per_part=message_type.credits if message_type is not None else 0,
                route=message_type.route if message_type is not None else "",
                message_type=message_type.name if message_type is not None else "",
            ),
            lane=self._lane(submission, len(recipients)).value,
            due_ms=due_ms,
            expires_ms=expires_ms,
            state=BatchState.RUNNING if inline else BatchState.QUEUED,
            recipients=len(recipients),
            waiting_recipients=None if inline else ",".join(recipients).encode(),
            expanded=len(recipients) if inline else 0,
            unsent=len(recipients),
        )
        live_batch = LiveBatch(batch, account.wallet_id, segmentation)
        tariffs = self._tariffs(
            account, recipients, live_batch.multimedia is not None, message_type
        )
        credits = sum(price.credits for _, price in tariffs) * segmentation.count
        messages = self._make_messages(live_batch, recipients, tariffs) if inline else ()
        rejections = self.reject_opted_out(live_batch, messages)
        sendable = without_rejected(messages, rejections)
        await self._store(
            account,
            live_batch,
            messages,
            credits,
            sendable,
            rejections,
            attachments,
            store or self._accept,
        )
        self._meters.accepted[submission.dialect] += len(recipients)
        if inline:
            await self._publish(live_batch, sendable)
            self._delivery.tell_rejections(rejections)
        return AcceptedBatch(
            batch_id=batch.batch_id,
            due_ms=due_ms,
            recipients=len(recipients),
            parts=segmentation.count,
            credits=credits,
        )

    def route_of(self, account: Account, recipient: str, multimedia: bool) -> str:
        """The name of the route to a recipient; empty where there is none (any more)."""
        route = self._router.choose(account.username, recipient, multimedia=multimedia)
        return route.name if route is not None else ""

    def make_messages(
        self, account: Account, batch: LiveBatch, recipients: Sequence[str]
    ) -> tuple[StoredMessage, ...]:
        """The messages of a batch to some of its recipients, as they are to be stored."""
        multimedia = batch.multimedia is not None
        options = batch.stored.options
        tariffs = [
            (
                options.route or self.route_of(account, recipient, multimedia),
                self._priced(recipient, options.credits_per_part),
            )
            for recipient in recipients
        ]
        return self._make_messages(batch, recipients, tariffs)

    def reject_opted_out(
        self, batch: LiveBatch, messages: Sequence[StoredMessage]
    ) -> tuple[StateChange, ...]:
        """The end of the messages whose recipients want none, to be stored together with them."""
        refusers = self._opt_outs.among(
            batch.account_id, batch.stored.sender, (message.recipient for message in messages)
        )
        if not refusers:
            return ()
        return tuple(
            self._delivery.rejection(LiveMessage(message, batch), FailureCode.OPTED_OUT)
            for message in messages
            if message.recipient in refusers
        )

    def _make_messages(
        self, batch: LiveBatch, recipients: Sequence[str], tariffs: Sequence[tuple[str, Price]]
    ) -> tuple[StoredMessage, ...]:
        parts = batch.segmentation.count
        identifiers = self._ids.take(len(recipients))
        return tuple(
            StoredMessage(
                message_id=message_id,
                batch_id=batch.batch_id,
                account_id=batch.account_id,
                recipient=recipient,
                route=route,
                mcc=mobile_country_code(recipient),
                parts=parts,
                credits=price.credits * parts,
                price=price.price * parts,
                state=State.QUEUED,
            )
            for message_id, recipient, (route, price) in zip(
                identifiers, recipients, tariffs, strict=True
            )
        )

    async def _store(
        self,
        account: Account,
        batch: LiveBatch,
        messages: Sequence[StoredMessage],
        credits: int,
        sendable: Sequence[StoredMessage],
        rejections: tuple[StateChange, ...],
        attachments: tuple[Attachment, ...],
        store: Store,
    ) -> None:
        claimed = [m for m in sendable if self._queue.claim(m.route)]
        for message in claimed:
            message.state = State.SENDING  # a link takes it as soon as it is on disk
        new = NewBatch(
            batch=batch.stored,
            messages=tuple(messages),
            reservation=self._reservation(batch, credits),
            rejections=rejections,
            attachments=attachments,
        )
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def stored(result: Exception | None) -> None:
            for message in claimed:
                self._queue.release(message.route)
            if not waiting.cancelled():
                if result is None:
                    waiting.set_result(None)
                else:
                    waiting.set_exception(result)
            elif result is None:
                # The caller is gone, the rows are not: they must not wait for a restart.
                self._adopt(batch, sendable, rejections)

        store(new, stored)
        try:
            await waiting
        except asyncio.CancelledError:
            # It may have been on disk already when the caller went away.
            if not waiting.cancelled() and waiting.exception() is None:
                self._adopt(batch, sendable, rejections)
            raise

    def _reservation(self, batch: LiveBatch, credits: int) -> Reservation:
        return Reservation(
            wallet_id=batch.wallet_id,
            entry_id=self._ids.next(),
            amount=credits * batch.per_credit,
            also=tuple(
                Reservation(
                    wallet_id=payment.wallet_id,
                    entry_id=self._ids.next(),
                    amount=credits * payment.per_credit,
                )
                for payment in batch.also
            )
            if batch.also
            else (),
        )

    def _accept(self, new: NewBatch, stored: Callable[[Exception | None], None]) -> None:
        self._writer.submit(submissions.accept, new, stored)

    async def _publish(self, batch: LiveBatch, messages: Sequence[StoredMessage]) -> None:
        await self._backlog.publish([LiveMessage(message, batch) for message in messages])

    def _adopt(
        self,
        batch: LiveBatch,
        messages: Sequence[StoredMessage],
        rejections: Sequence[StateChange],
    ) -> None:
        self._delivery.tell_rejections(rejections)
        if messages:
            orphans = asyncio.create_task(self._publish(batch, messages))
            self._orphans.add(orphans)
            orphans.add_done_callback(self._orphans.discard)

    async def _check_sender(self, account: Account, sender: str) -> str:
        sender = _cached_sender(sender or account.default_sender)
        if not account.may(Permission.ANY_SENDER):
            approved = await self._accounts.approved_senders(account)
            if sender not in approved:
                raise Refused(RefusalCode.SENDER_NOT_ALLOWED, sender)
        return sender

    async def _collect_attachments(
        self, account: Account, submission: Submission, sender: str, recipients: Sequence[str]
    ) -> tuple[Attachment, ...]:
        """Fetches the attachments of a multimedia message that can be sent."""
        if submission.format is not Format.MMS:
            return ()
        if self._attachments is None:
            raise Refused(RefusalCode.NOT_SUPPORTED, "format")
        if not sender.removeprefix("+").isdigit():
            raise Refused(RefusalCode.INVALID_SENDER, sender, "an MMS needs a number or short code")
        self._tariffs(account, recipients, multimedia=True)  # not fetched for nothing
        return await self._attachments.collect(submission.attachment_urls)

    def _tariffs(
        self,
        account: Account,
        recipients: Sequence[str],
        multimedia: bool,
        message_type: MessageType | None = None,
    ) -> list[tuple[str, Price]]:
        """The route and price of each recipient; `Refused` where one cannot be reached."""
        if message_type is not None and message_type.route:
            route_name, credits = message_type.route, message_type.credits
            return [(route_name, self._priced(recipient, credits)) for recipient in recipients]
        credits = message_type.credits if message_type is not None else 0
        tariffs = []
        for recipient in recipients:
            route = self._router.choose(account.username, recipient, multimedia=multimedia)
            if route is None:
                raise Refused(RefusalCode.NO_ROUTE, recipient)
            tariffs.append((route.name, self._priced(recipient, credits)))
        return tariffs

    def _priced(self, recipient: str, credits: int) -> Price:
        """The tariff of a number, with the credits of a message type where there is one."""
        price = self._prices.price_of(recipient)
        return msgspec.structs.replace(price, credits=credits) if credits else price

    def _lane(self, submission: Submission, recipients: int) -> Lane:
        if submission.urgent:
            return Lane.URGENT
        return Lane.SINGLE if recipients <= self._inline_recipients else Lane.BULK


def without_rejected(
    messages: Sequence[StoredMessage], rejections: Sequence[StateChange]
) -> Sequence[StoredMessage]:
    """The messages that are to be sent."""
    if not rejections:
        return messages
    rejected = {rejection.message_id for rejection in rejections}
    return [message for message in messages if message.message_id not in rejected]


async def _own_payments(account: Account) -> tuple[Payment, ...]:
    return (Payment(wallet_id=account.wallet_id),)


@lru_cache(maxsize=1_000)
def _cached_sender(sender: str) -> str:
    return normalise_sender(sender)


def _check_recipients(recipients: Sequence[str], maximum: int) -> list[str]:
    """The digits of each recipient once, in the order given."""
    if not recipients:
        raise Refused(RefusalCode.MISSING_FIELD, "recipients")
    if len(recipients) > maximum:
        raise Refused(RefusalCode.TOO_MANY_RECIPIENTS, str(len(recipients)), f"at most {maximum}")
    if len(recipients) == 1:
        return [normalise(recipients[0])]
    return list(dict.fromkeys(normalise(recipient) for recipient in recipients))


def _check_prefixes(account: Account, recipients: Sequence[str]) -> None:
    if account.prefixes.prefixes is not None:
        for recipient in recipients:
            if not account.prefixes.allow(recipient):
                raise Refused(RefusalCode.RECIPIENT_NOT_ALLOWED, recipient)


def _check_storable(submission: Submission) -> None:
    """Refuses what no database keeps: NUL, and halves of surrogate pairs."""
    callback = submission.callback
    texts = {
        "text": submission.text,
        "reference": submission.reference or "",
        "callback": callback.url + callback.return_data if callback else "",
    }
    for field, text in texts.items():
        if not is_storable(text):
            raise Refused(RefusalCode.INVALID_FIELD, field, "not valid Unicode text")


def _check_text(submission: Submission, max_parts: int) -> Segmentation:
    if submission.format is Format.MMS and len(submission.text) > MAX_MULTIMEDIA_TEXT:
        raise Refused(RefusalCode.INVALID_FIELD, "text", "too long for an MMS")
    if not submission.text and submission.format is not Format.MMS:
        raise Refused(RefusalCode.EMPTY_TEXT, "text")
    try:
        return segment(submission.text, submission.format, submission.udh, max_parts)
    except TooManyParts as error:
        raise Refused(
            RefusalCode.TEXT_TOO_LONG, str(error.count), f"at most {max_parts} parts"
        ) from None
    except NotEncodable:
        raise Refused(RefusalCode.TEXT_NOT_ENCODABLE, "text") from None
    except InvalidHeader as error:
        raise Refused(RefusalCode.INVALID_FIELD, "udh", str(error)) from None
    except ValueError:
        code = RefusalCode.INVALID_FIELD
        raise Refused(code, "text", "not hexadecimal octets") from None


def _check_url(url: str) -> None:
    if not is_http_address(url):
        raise Refused(RefusalCode.INVALID_CALLBACK_URL, "", "not an http or https address")


def _check_schedule(due_ms: int | None, now_ms: int) -> int:
    if due_ms is None or due_ms <= now_ms:
        return now_ms
    if due_ms > now_ms + MAX_SCHEDULE_S * 1000:
        raise Refused(RefusalCode.INVALID_SCHEDULE, "", "more than two years ahead")
    return due_ms


def _check_validity(validity_s: int | None) -> int:
    if validity_s is None:
        return DEFAULT_VALIDITY_S
    if not MIN_VALIDITY_S <= validity_s <= MAX_VALIDITY_S:
        raise Refused(RefusalCode.INVALID_VALIDITY, str(validity_s), "one minute to 14 days")
    return validity_s
