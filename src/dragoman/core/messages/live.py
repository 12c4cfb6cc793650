"""Messages in progress, in memory, as their rows say or are about to say.

One process owns the database, so every change of a message is decided here, on the event loop, and
stored from here. SQL is read only for messages that are not here: after a restart, or for a late
receipt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Set
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain

from dragoman.core.billing.model.reservations import Reservation
from dragoman.core.messages.model.attachments import Multimedia
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Format, Outgoing, Push
from dragoman.core.messages.model.records import StoredBatch, StoredMessage, StoredPart
from dragoman.core.model.errors import FailureCode
from dragoman.kit.ids import IdSource
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.gsm.look_alikes import fit_gsm
from dragoman.protocols.gsm.segmentation import (
    PLAIN,
    Repertoire,
    Segmentation,
    UserData,
    segment_binary,
    segment_headed,
    segment_text,
)
from dragoman.protocols.gsm.wap_push import PUSH_UDH, encode_service_indication
from dragoman.work_queue.port import Lane, Work

ALPHABET_OF_FORMAT = {Format.GSM: Alphabet.GSM7, Format.UNICODE: Alphabet.UCS2}

MULTIMEDIA = Segmentation(alphabet=Alphabet.BINARY, texts=(), bodies=(b"",), units=0)
"""A multimedia message is one part, whatever its size."""

MAX_AWAITING_REPORT = 200_000
"""Messages kept in memory only for their report; older ones are found through SQL."""

# Members that every message asks for: looking one up in its class costs more than the rest.
_HEXADECIMAL = Format.BINARY
_WAP_PUSH = Format.WAP_PUSH
_URGENT = Lane.URGENT
_NO_FAILURE = FailureCode.NONE
_GSM_ALIKE = Format.GSM_ALIKE
_MMS = Format.MMS
_BINARY = Alphabet.BINARY
_DELIVERED = State.DELIVERED
_UNKNOWN = State.UNKNOWN


def segment(
    text: str,
    format_: Format,
    udh: bytes,
    max_parts: int = 255,
    push: Push | None = None,
    repertoire: Repertoire = PLAIN,
) -> Segmentation:
    """Cuts a submission's text into parts as its format asks."""
    if format_ is _MMS:
        return MULTIMEDIA
    if format_ is _HEXADECIMAL:
        return segment_binary(bytes.fromhex(text), udh=udh, max_parts=max_parts)
    if format_ is _WAP_PUSH and push is not None:
        return segment_binary(_encode_push(text, push), udh=PUSH_UDH, max_parts=max_parts)
    if format_ is _GSM_ALIKE:
        text = fit_gsm(text)
    alphabet = ALPHABET_OF_FORMAT.get(format_)
    if udh and alphabet is not None:
        return segment_headed(text, udh=udh, alphabet=alphabet)
    return segment_text(text, alphabet=alphabet, max_parts=max_parts, repertoire=repertoire)


def _encode_push(text: str, push: Push) -> bytes:
    expires = None
    if push.expires_ms is not None:
        expires = datetime.fromtimestamp(push.expires_ms // 1000, UTC)
    return encode_service_indication(push.url, text, expires=expires)


class LiveBatch:
    """What the messages of a batch share."""

    __slots__ = (
        "_segmentation",
        "account_id",
        "also",
        "batch_id",
        "counted",
        "is_premium",
        "multimedia",
        "per_credit",
        "stored",
        "wallet_id",
    )

    def __init__(
        self, stored: StoredBatch, wallet_id: int, segmentation: Segmentation | None = None
    ) -> None:
        self.stored = stored
        self.batch_id = stored.batch_id
        self.account_id = stored.account_id
        payments = stored.options.payments
        self.wallet_id = payments[0].wallet_id if payments else wallet_id
        self.per_credit = payments[0].per_credit if payments else 1
        self.also = payments[1:]
        """The further wallets that pay."""
        self.multimedia = (
            Multimedia(batch_id=stored.batch_id, text=stored.text)
            if stored.format == _MMS
            else None
        )
        self.counted = stored.recipients > 1 or stored.options.audience
        """Whether the batch counts its messages; one with a single message does not."""
        self.is_premium = stored.options.premium is not None
        """Whether the recipients pay."""
        self._segmentation = segmentation

    @property
    def segmentation(self) -> Segmentation:
        """The parts of the text, for messages without one of their own."""
        if self._segmentation is None:
            self._segmentation = self.segment(self.stored.text)
        return self._segmentation

    def reservation(self, ids: IdSource, credits: int, now_ms: int | None = None) -> Reservation:
        """Credits to hold in the wallets that pay, in all or in none."""
        return Reservation(
            wallet_id=self.wallet_id,
            entry_id=ids.next(now_ms),
            amount=credits * self.per_credit,
            also=tuple(
                Reservation(
                    wallet_id=payment.wallet_id,
                    entry_id=ids.next(),
                    amount=credits * payment.per_credit,
                )
                for payment in self.also
            )
            if self.also
            else (),
        )

    def segment(self, text: str, max_parts: int = 255) -> Segmentation:
        """Splits a text like that of the batch; raises as the segmentation does."""
        options, format_ = self.stored.options, Format(self.stored.format)
        udh = bytes.fromhex(options.udh)
        return segment(text, format_, udh, max_parts, options.push, options.repertoire)

    def multimedia_with(self, text: str | None) -> Multimedia | None:
        """The multimedia content of a message, with its own text if it has one."""
        if self.multimedia is None or text is None:
            return self.multimedia
        return Multimedia(batch_id=self.batch_id, text=text)


class LiveMessage:
    """A message in progress."""

    __slots__ = (
        "attempts",
        "batch",
        "carrier",
        "credits",
        "device_id",
        "failure",
        "in_flight",
        "joined",
        "mcc",
        "message_id",
        "notes",
        "part_count",
        "parts",
        "possible_duplicate",
        "price",
        "recipient",
        "route",
        "sent_ms",
        "sim",
        "state",
        "text",
        "writes",
    )

    def __init__(
        self, stored: StoredMessage, batch: LiveBatch, parts: Iterable[StoredPart] = ()
    ) -> None:
        self.batch = batch
        self.message_id = stored.message_id
        self.recipient = stored.recipient
        self.route = stored.route
        self.mcc = stored.mcc
        self.part_count = stored.parts
        self.credits = stored.credits
        self.price = stored.price
        self.state = stored.state
        self.carrier = stored.carrier
        self.failure = FailureCode(stored.failure) if stored.failure else _NO_FAILURE
        self.attempts = stored.attempts
        self.possible_duplicate = stored.possible_duplicate
        self.sent_ms = stored.sent_ms
        self.text = stored.text
        """Its own text, if it has one."""
        self.parts: list[StoredPart] | None = list(parts) or None
        """What is known of each part; None for a message in one part."""
        self.device_id = batch.stored.options.device_id
        """The phone that sent it, or is to, where one is known; and the slot of its SIM."""
        self.sim = batch.stored.options.sim
        self.in_flight = False
        """Whether a connector has it and has not reported its outcome."""
        self.joined: tuple[LiveMessage, ...] = ()
        """The further parts of a text that its customer cut, which go with this one and share its
        fate until a carrier has it."""
        self.notes = 0
        """Rows in the journal."""
        self.writes = 0
        """Changes that are decided but not on disk yet."""

    @property
    def is_premium(self) -> bool:
        """Whether its recipient pays for it."""
        return self.batch.is_premium

    @property
    def work(self) -> Work:
        """The queue's item for this message."""
        return Work(self.message_id, self.batch.account_id, self.batch.stored.lane)

    @property
    def size(self) -> int:
        """How many parts go to a carrier with it."""
        own = self.part_count
        return own + sum(one.part_count for one in self.joined) if self.joined else own

    def own_parts(self) -> tuple[UserData, ...]:
        """Its own parts as a carrier that takes parts gets them."""
        cut = self.batch.segmentation if self.text is None else self.batch.segment(self.text)
        # The identifier's time and sequence bits both vary; a handset needs only that two long
        # texts from one sender differ (3GPP 23.040 s. 9.2.3.24.1).
        return cut.user_data((self.message_id ^ self.message_id >> 12) & 0xFFFF)

    def outgoing(self) -> Outgoing:
        """The message as a carrier gets it, with all that is joined to it."""
        stored = self.batch.stored
        options = stored.options
        own = self.text
        text = stored.text if own is None else own
        if stored.format == _GSM_ALIKE:
            text = fit_gsm(text)
        segmentation = self.batch.segmentation if own is None else self.batch.segment(own)
        reference = (self.message_id ^ self.message_id >> 12) & 0xFFFF
        parts = segmentation.user_data(reference)
        if self.joined:
            parts += tuple(chain.from_iterable(one.own_parts() for one in self.joined))
            text = join_texts(segmentation.alphabet, parts, self)
        return Outgoing(
            message_id=self.message_id,
            sender=stored.sender,
            recipient=self.recipient,
            parts=parts,
            alphabet=segmentation.alphabet,
            wants_receipt=options.wants_receipt,
            validity_until_ms=stored.expires_ms,
            message_class=options.message_class,
            protocol_id=options.protocol_id,
            attempt=self.attempts + 1,
            premium=options.premium,
            multimedia=self.batch.multimedia_with(own),
            account_id=stored.account_id,
            text="" if segmentation.alphabet is _BINARY else text,
            device_id=options.device_id,
            sim=options.sim,
            urgent=stored.lane == _URGENT,
        )


def join_texts(alphabet: Alphabet, parts: Iterable[UserData], first: LiveMessage) -> str:
    """The text of parts that were cut by a customer, perhaps within a character."""
    if alphabet is Alphabet.UCS2:
        return b"".join(part.data for part in parts).decode("utf-16-be", "replace")
    messages = (first, *first.joined)
    return "".join(m.batch.stored.text if m.text is None else m.text for m in messages)


class LiveMessages:
    """The messages by identifier, and by the message IDs that carriers assigned."""

    def __init__(self) -> None:
        self._messages: dict[int, LiveMessage] = {}
        self._keys: dict[tuple[str, str], tuple[LiveMessage, int]] = {}
        self._keys_of: dict[int, list[tuple[str, str]]] = {}
        self._watches: list[set[int]] = []
        self._withheld: set[int] = set()
        self._in_flight: dict[str, dict[int, LiveMessage]] = {}

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[LiveMessage]:
        return iter(list(self._messages.values()))

    def in_slices(self, size: int) -> Iterator[list[LiveMessage]]:
        """All of them, some at a time, so that others have their turn between two slices.

        Those that are added or removed meanwhile are left out.
        """
        message_ids = list(self._messages)
        for first in range(0, len(message_ids), size):
            some = map(self._messages.get, message_ids[first : first + size])
            yield [message for message in some if message is not None]

    def get(self, message_id: int) -> LiveMessage | None:
        return self._messages.get(message_id)

    def add(self, message: LiveMessage) -> None:
        self._messages[message.message_id] = message

    def add_key(self, carrier: str, key: str, message: LiveMessage, part: int) -> None:
        """Maps a carrier's message ID to the message (and part, from 1)."""
        self._keys[carrier, key] = (message, part)
        self._keys_of.setdefault(message.message_id, []).append((carrier, key))

    def find(self, carrier: str, key: str) -> tuple[LiveMessage, int] | None:
        """The message and part with a key at a carrier."""
        return self._keys.get((carrier, key))

    def take_off(self, message: LiveMessage, carrier: str) -> None:
        """Notes that a carrier is about to get a message."""
        message.in_flight = True
        at_carrier = self._in_flight.get(carrier)
        if at_carrier is None:
            at_carrier = self._in_flight[carrier] = {}
        at_carrier[message.message_id] = message

    def land(self, message: LiveMessage, carrier: str) -> None:
        """Notes that a carrier's outcome for a message is known and on disk."""
        message.in_flight = False
        at_carrier = self._in_flight.get(carrier)
        if at_carrier is not None:
            at_carrier.pop(message.message_id, None)

    def in_flight_at(self, carrier: str) -> Collection[LiveMessage]:
        """The messages that a carrier has and has not answered yet."""
        return self._in_flight.get(carrier, {}).values()

    def in_flight(self) -> Iterator[LiveMessage]:
        """The messages that any carrier has and has not answered yet."""
        for messages in self._in_flight.values():
            yield from messages.values()

    def remove(self, message: LiveMessage) -> None:
        """Removes a message whose last change is on disk."""
        self._messages.pop(message.message_id, None)
        for watch in self._watches:
            watch.add(message.message_id)
        for key in self._keys_of.pop(message.message_id, ()):
            if self._keys.get(key, (None,))[0] is message:
                del self._keys[key]

    @contextmanager
    def watch(self) -> Iterator[Set[int]]:
        """Collects the identifiers of messages that are removed meanwhile."""
        forgotten: set[int] = set()
        self._watches.append(forgotten)
        try:
            yield forgotten
        finally:
            self._watches = [watch for watch in self._watches if watch is not forgotten]

    @contextmanager
    def withhold(self, batch_id: int) -> Iterator[None]:
        """Keeps messages of a batch from being loaded meanwhile."""
        self._withheld.add(batch_id)
        try:
            yield
        finally:
            self._withheld.discard(batch_id)

    def is_withheld(self, batch_id: int) -> bool:
        """Whether messages of a batch must not be loaded now."""
        return batch_id in self._withheld

    def settle(self, message: LiveMessage) -> None:
        """Removes a message without pending writes, unless it is still needed in memory."""
        state = message.state
        if state >= _DELIVERED or (state is _UNKNOWN and message.message_id not in self._keys_of):
            self.remove(message)

    def shed(self) -> None:
        """Removes the oldest messages that only wait for a receipt, beyond the limit."""
        surplus = len(self._keys_of) - MAX_AWAITING_REPORT
        if surplus <= 0:
            return
        settled = (
            message
            for message_id in self._keys_of
            if (message := self._messages.get(message_id)) is not None
            and message.state >= State.SENT
            and not message.writes
        )
        for message in [message for message, _ in zip(settled, range(surplus), strict=False)]:
            self.remove(message)
