"""Messages between dialects, core and carriers: submissions, receipts and inbound texts."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NewType

import msgspec

from dragoman.core.billing.model.message_types import MessageType
from dragoman.core.billing.model.payments import Payment
from dragoman.core.messages.model.attachments import Multimedia
from dragoman.core.messages.model.audiences import Audience
from dragoman.core.messages.model.lifecycle import CANCELLABLE, ReceiptState, State
from dragoman.core.messages.model.premium import Premium
from dragoman.core.model.errors import FailureCode
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.gsm.segmentation import UserData
from dragoman.protocols.gsm.udh import parse_udh
from dragoman.protocols.smpp.message_ids import IdReading, id_spellings, likeliest_spelling

AccountId = NewType("AccountId", int)
BatchId = NewType("BatchId", int)
MessageId = NewType("MessageId", int)
WalletId = NewType("WalletId", int)


ALONE: Final = "single"
"""The `protocol` of batches that hold one text, whose identifier is the text's."""


class Format(StrEnum):
    """The format of a submission's text."""

    AUTO = "auto"
    """Text; GSM where it fits, UCS-2 where not."""
    GSM = "gsm"
    """The GSM alphabet; one part behind the caller's own user data header, where there is one. The
    same in `UNICODE`."""
    GSM_ALIKE = "gsm_alike"
    """GSM, with look-alikes where it lacks a character; UCS-2 where it has none of those."""
    UNICODE = "unicode"
    BINARY = "binary"
    """Hexadecimal octets with the caller's own user data header."""
    MMS = "mms"
    """Text, which may be empty, and attachments."""
    WAP_PUSH = "wap_push"
    """The label of the link."""


class Push(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The link of a WAP push."""

    url: str
    expires_ms: int | None = None
    """When the phone may forget it; a week after it is due where that is not said."""


class CallbackRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The URL for callbacks about a message's states."""

    url: str
    return_data: str = ""
    states: frozenset[State] = frozenset(
        {State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.REJECTED, State.UNKNOWN}
    )


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A request to send, independent of any dialect; `core/submission` decides on it."""

    dialect: str
    recipients: tuple[str, ...]
    """Numbers; may be empty beside an audience."""
    text: str
    """The text; with an audience, `[Name]` is a placeholder for a merge field."""
    sender: str
    allow_any_sender: bool = False
    """Whether the sender needs no approval, since the gateway chose it, not the customer."""
    texts: tuple[str, ...] = ()
    """The text of each recipient, where they differ; `text` is then what a listing shows."""
    audience: Audience | None = None
    push: Push | None = None
    """With `Format.WAP_PUSH`."""
    format: Format = Format.AUTO
    udh: bytes = b""
    due_ms: int | None = None
    validity_s: int | None = None
    expires_ms: int | None = None
    """When it may not be sent any more; in place of `validity_s`."""
    reference: str | None = None
    callback: CallbackRequest | None = None
    return_data: str = ""
    """What the customer wants shown with the messages, where there is no callback to hold it."""
    wants_receipt: bool = True
    message_class: int | None = None
    protocol_id: int = 0
    protocol: str = ""
    """How the request came in, as the dialect shows it (`REST`, `SMTP`)."""
    urgent: bool = False
    premium: Premium | None = None
    """What each recipient pays; None for messages that the account alone pays for."""
    attachment_urls: tuple[str, ...] = ()
    """With `Format.MMS`; fetched before the submission is accepted."""
    device_id: int | None = None
    """The phone that is to send it, where the customer names one."""
    sim: int | None = None
    """The slot of the SIM that is to send it, from 1."""
    payments: tuple[Payment, ...] = ()
    """The wallets that pay; empty leaves it to the account."""
    resend_of: int | None = None
    """The message that it repeats."""
    message_type: MessageType | None = None
    """Where the dialect has any: its credits and its route count."""
    ignored_sender: str = ""
    """What the customer wrote as sender of a type of messages that has none of its own."""
    tag: str = ""
    """What the customer calls messages of this kind, for routes that ask for it."""
    ignores_opt_outs: bool = False
    """Whether it goes to who opted out, as the answer that confirms an opt-out does."""


class Data(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Binary data for an application port on the recipient's phone, as phones can send it."""

    port: int
    octets: bytes


def data_of(parts: Sequence[UserData]) -> Data | None:
    """The data of parts; None unless it is a single part to a port, from port 0."""
    if len(parts) != 1:
        return None
    header = parse_udh(parts[0].udh) if parts[0].udh else None
    ports = header.ports if header is not None and len(header.elements) == 1 else None
    if ports is None or ports.source != 0 or not ports.destination:
        return None
    return Data(port=ports.destination, octets=parts[0].data)


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a carrier gets it: digits, encoded parts, and its options."""

    message_id: int
    sender: str
    recipient: str
    """Digits of the international number without `+`."""
    parts: tuple[UserData, ...]
    alphabet: Alphabet
    wants_receipt: bool = True
    validity_until_ms: int | None = None
    message_class: int | None = None
    protocol_id: int = 0
    attempt: int = 1
    premium: Premium | None = None
    multimedia: Multimedia | None = None
    """In place of `parts`, which are then without meaning."""
    account_id: int = 0
    text: str = ""
    """The whole text, for carriers that cut it themselves; empty where it is binary."""
    device_id: int | None = None
    sim: int | None = None
    urgent: bool = False
    """Whether it goes before all that is not."""


class ReceiptReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A carrier's receipt for a message or part."""

    carrier: str
    message_id: str
    reading: IdReading = IdReading.AUTO
    """How the carrier spells the submit's id in its reports."""
    known_keys: tuple[str, ...] | None = None
    """The keys, where they are not to be found by `reading`."""
    state: ReceiptState
    recipient: str = ""
    """The number the report is about, where the carrier names it; settles doubtful keys."""
    error: str = ""
    raw: str = ""
    done_date: str = ""
    failure: FailureCode = FailureCode.NONE
    """Why it failed, if the carrier has more than `error`."""
    device_id: int | None = None
    sim: int | None = None
    other_id: str = ""
    """A second ID that it names, which counts if the first is of no message."""
    text: InboundPartReport | None = None
    """Set where only the content looks like a receipt: the text it is if the ID is not ours."""
    is_joined: bool = False
    """Whether it is about a further part of a text of which the carrier made one; dropped where
    there is none."""
    put_off: int = 0
    """How often it was put off, as the ID may be of a message without an answer yet."""
    parked_id: int = 0
    """Its row, where it is parked and so acknowledged."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The spellings under which the ID may have been stored, most likely first."""
        if self.known_keys is not None:
            return self.known_keys
        keys = id_spellings(self.message_id, self.reading)
        if self.other_id:
            keys = tuple(dict.fromkeys(keys + id_spellings(self.other_id, self.reading)))
        return keys

    @property
    def likeliest_key(self) -> str:
        """The first of the keys, which nearly always matches; empty without an ID."""
        if self.known_keys is not None:
            return self.known_keys[0] if self.known_keys else ""
        return likeliest_spelling(self.message_id, self.reading)

    @property
    def exact_keys(self) -> tuple[str, ...]:
        """The IDs just as received, or as the carrier is known to convert them."""
        if not self.other_id:
            return (self.likeliest_key,)
        return self.likeliest_key, likeliest_spelling(self.other_id, self.reading)


class Holder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The account whose phone received a text, and the event that reported it."""

    account_id: int
    device_id: int
    event_id: str
    sim: int | None = None
    """The slot of the SIM it came to, from 1; None where it is not known."""
    digest: bytes = b""
    """Identifies the text, whichever event reports it; empty if the phone cannot."""
    vouched: bool = False
    """Whether the operator says that the number is the phone's own; what only the phone says never
    speaks for other accounts."""


class InboundPartReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An inbound text, or a part of one."""

    carrier: str
    source: str
    destination: str
    alphabet: Alphabet
    text: str
    """Decoded text, which in a part may hold half a surrogate pair; hexadecimal octets where
    `alphabet` is BINARY."""
    udh: bytes = b""
    reference: int | None = None
    total: int = 1
    number: int = 1
    holder: Holder | None = None
    """The phone that received it, if any; else `destination` alone decides the owner."""
    provider_id: str = ""
    """The carrier's own ID, another for each part: what comes again with it is not stored again."""


_ON_ITS_WAY: Final = CANCELLABLE | {State.SENDING}


def can_resend(state: State, format_: str, is_premium: bool) -> bool:
    """Whether a message may be resent: not while it is in progress, nor if it is premium.

    Attachments are stored with their submission, so multimedia messages are excluded.
    """
    return state not in _ON_ITS_WAY and format_ != Format.MMS and not is_premium
