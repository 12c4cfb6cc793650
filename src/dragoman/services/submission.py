"""The only door in: decides on a request to send, stores it whole, and lets it go.

A batch of a few recipients that is due becomes messages at once; a larger or a scheduled one is
stored with its recipients and becomes messages in chunks when it runs (`services.batches`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from dragoman.domain.accounts import Account, Permission
from dragoman.domain.errors import RefusalCode, Refused
from dragoman.domain.lifecycle import BatchState, State
from dragoman.domain.messages import Lane, Submission
from dragoman.domain.phone_numbers import mobile_country_code, normalise
from dragoman.domain.pricing import Price, PriceList
from dragoman.domain.routing import Route, Router
from dragoman.domain.senders import normalise_sender
from dragoman.domain.texts import is_storable
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.protocols.gsm.alphabet import NotEncodable
from dragoman.protocols.gsm.segmentation import InvalidHeader, Segmentation, TooManyParts
from dragoman.queue.port import WorkQueue
from dragoman.services.accounts import Accounts
from dragoman.services.backlog import Backlog
from dragoman.services.devices import Devices
from dragoman.services.live import LiveBatch, LiveMessage, segment
from dragoman.services.meters import Meters
from dragoman.storage.records import (
    BatchOptions,
    NewBatch,
    Reservation,
    StoredBatch,
    StoredMessage,
)
from dragoman.storage.repositories import submissions
from dragoman.storage.writer import Writer

DEFAULT_VALIDITY_S = 48 * 3600
MIN_VALIDITY_S = 60
MAX_VALIDITY_S = 14 * 24 * 3600
MAX_SCHEDULE_S = 2 * 366 * 24 * 3600
MAX_URL = 2_000
MAX_REFERENCE = 255


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
        router: Router,
        prices: PriceList,
        ids: IdSource,
        clock: Clock,
        meters: Meters,
        inline_recipients: int,
        max_parts: int,
        max_recipients: int,
        devices: Devices | None = None,
    ) -> None:
        self._writer = writer
        self._queue = queue
        self._backlog = backlog
        self._accounts = accounts
        self._router = router
        self._prices = prices
        self._ids = ids
        self._clock = clock
        self._meters = meters
        self._inline_recipients = inline_recipients
        self._max_parts = max_parts
        self._max_recipients = max_recipients
        self._devices = devices
        self._orphans: set[asyncio.Task[None]] = set()

    async def submit(self, account: Account, submission: Submission) -> AcceptedBatch:
        """Stores a submission whole and queues it; raises `Refused`."""
        if not account.may(Permission.SEND):
            raise Refused(RefusalCode.PERMISSION_DENIED, Permission.SEND)
        sender = await self._check_sender(account, submission.sender)
        recipients = _check_recipients(
            submission.recipients, min(self._max_recipients, account.max_recipients)
        )
        _check_storable(submission)
        segmentation = _check_text(submission, min(self._max_parts, account.max_parts))
        callback = submission.callback
        if callback is not None:
            _check_url(callback.url)
        if submission.reference is not None and len(submission.reference) > MAX_REFERENCE:
            raise Refused(RefusalCode.INVALID_FIELD, "reference", "too long")
        now_ms = self._clock.now_ms()
        due_ms = _check_schedule(submission.due_ms, now_ms)
        expires_ms = due_ms + _check_validity(submission.validity_s) * 1000
        inline = due_ms <= now_ms and len(recipients) <= self._inline_recipients

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
                device_id=submission.device_id,
                sim=submission.sim,
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
        tariffs = self._tariffs(account, recipients, self._device_route(account, submission))
        credits = sum(price.credits for _, price in tariffs) * segmentation.count
        messages = self._make_messages(live_batch, recipients, tariffs) if inline else ()
        await self._store(account, live_batch, messages, credits)
        self._meters.accepted[submission.dialect] += len(recipients)
        if inline:
            await self._publish(live_batch, messages)
        return AcceptedBatch(
            batch_id=batch.batch_id,
            due_ms=due_ms,
            recipients=len(recipients),
            parts=segmentation.count,
            credits=credits,
        )

    def route_of(self, account: Account, recipient: str) -> str:
        """The name of the route to a recipient; empty where there is none (any more)."""
        route = self._router.choose(account.username, recipient)
        return route.name if route is not None else ""

    def make_messages(
        self, account: Account, batch: LiveBatch, recipients: Sequence[str]
    ) -> tuple[StoredMessage, ...]:
        """The messages of a batch to some of its recipients, as they are to be stored."""
        device_id = batch.stored.options.device_id
        named = None if device_id is None else self._route_to_device(device_id)
        tariffs = [
            (
                self.route_of(account, recipient) if named is None else named,
                self._prices.price_of(recipient),
            )
            for recipient in recipients
        ]
        return self._make_messages(batch, recipients, tariffs)

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
    ) -> None:
        claimed = [m for m in messages if self._queue.claim(m.route)]
        for message in claimed:
            message.state = State.SENDING  # a link takes it as soon as it is on disk
        new = NewBatch(
            batch=batch.stored,
            messages=tuple(messages),
            reservation=Reservation(
                wallet_id=account.wallet_id, entry_id=self._ids.next(), amount=credits
            ),
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
                self._adopt(batch, messages)

        self._writer.submit(submissions.accept, new, stored)
        try:
            await waiting
        except asyncio.CancelledError:
            # It may have been on disk already when the caller went away.
            if not waiting.cancelled() and waiting.exception() is None:
                self._adopt(batch, messages)
            raise

    async def _publish(self, batch: LiveBatch, messages: Sequence[StoredMessage]) -> None:
        await self._backlog.publish([LiveMessage(message, batch) for message in messages])

    def _adopt(self, batch: LiveBatch, messages: Sequence[StoredMessage]) -> None:
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

    def _device_route(self, account: Account, submission: Submission) -> Route | None:
        """The route to the device that is named, None where none is; raises `Refused`."""
        device_id = submission.device_id
        if device_id is None:
            return None
        if self._devices is None:
            raise Refused(RefusalCode.NOT_SUPPORTED, "device", "no carrier is of type phones")
        carrier = self._devices.check_target(account, device_id, submission.sim)
        route = self._router.to_device(carrier)
        if route is None:
            raise Refused(RefusalCode.NO_ROUTE, str(device_id))
        return route

    def _route_to_device(self, device_id: int) -> str:
        """The name of the route to a device; empty where the device is no more."""
        device = self._devices.get(device_id) if self._devices is not None else None
        route = self._router.to_device(device.carrier) if device is not None else None
        return route.name if route is not None else ""

    def _tariffs(
        self, account: Account, recipients: Sequence[str], named: Route | None = None
    ) -> list[tuple[str, Price]]:
        """The route and price of each recipient; `Refused` where one cannot be reached."""
        tariffs = []
        for recipient in recipients:
            route = named or self._router.choose(account.username, recipient)
            if route is None:
                raise Refused(RefusalCode.NO_ROUTE, recipient)
            tariffs.append((route.name, self._prices.price_of(recipient)))
        return tariffs

    def _lane(self, submission: Submission, recipients: int) -> Lane:
        if submission.urgent:
            return Lane.URGENT
        return Lane.SINGLE if recipients <= self._inline_recipients else Lane.BULK


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
    if not submission.text:
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
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or len(url) > MAX_URL or not url.isprintable() or " " in url:
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
