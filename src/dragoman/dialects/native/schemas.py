"""What programs send and are answered; a field that is not known is refused."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dragoman.web.operations import doc

DAY_S = 86_400

Number = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=65_535)]
Time = Annotated[str, Meta(max_length=40), doc("RFC 3339 with a zone: `2026-12-01T08:00:00Z`.")]
Url = Annotated[str, Meta(max_length=2_000)]
Encoding = Literal["auto", "gsm", "gsm_alike", "unicode", "binary"]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
Sender = Annotated[str, Meta(max_length=64)]
Identifier = Annotated[str, Meta(max_length=20)]
Hexadecimal = Annotated[str, Meta(max_length=280)]
Reference = Annotated[str, Meta(max_length=255)]
Word = Annotated[str, Meta(max_length=64)]
MessageClass = Annotated[int, Meta(ge=0, le=3)]
Seconds = Annotated[int, Meta(ge=1, le=14 * DAY_S)]
KeyName = Annotated[str, Meta(min_length=1, max_length=64)]
Scopes = Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=100)]
Addresses = Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=100)]
Overlap = Annotated[int, Meta(ge=0, le=365 * DAY_S)]
Fields = Annotated[dict[str, str], Meta(max_length=100)]
Limit = Annotated[int, Meta(ge=1, le=1_000), doc("Items of a page; 50 unless given.")]
Cursor = Annotated[str, Meta(max_length=200), doc("`next_cursor` of the page before.")]
Event = Literal[
    "message.sent",
    "message.delivered",
    "message.failed",
    "message.cancelled",
    "text.received",
    "data.received",
]
StateName = Literal[
    "scheduled",
    "queued",
    "sending",
    "sent",
    "unknown",
    "delivered",
    "undelivered",
    "expired",
    "rejected",
    "cancelled",
]

MAX_ITEMS = 10_000
"""Messages of one batch."""


class Options(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What messages and batches have in common."""

    sender: Annotated[
        Sender | None,
        doc("Number, short code or name; the account's default sender unless given."),
    ] = msgspec.field(default=None, name="from")
    encoding: Annotated[
        Encoding,
        doc(
            "`auto` takes the GSM alphabet where the text fits it, Unicode where not; `gsm_alike`"
            " replaces look-alikes first; `binary` reads `text` as hexadecimal octets."
        ),
    ] = "auto"
    udh: Annotated[Hexadecimal | None, doc("User data header in hexadecimal, with `binary`.")] = (
        None
    )
    message_class: Annotated[MessageClass | None, doc("0 is flash.")] = None
    send_at: Annotated[Time | None, doc("When to send it; at once unless given.")] = None
    validity_s: Annotated[Seconds | None, doc("Seconds after which it is not sent any more.")] = (
        None
    )
    urgent: Annotated[bool, doc("Goes before all that is not, such as one-time codes.")] = False
    reference: Annotated[Reference | None, doc("Yours; shown and reported with the message.")] = (
        None
    )
    tag: Annotated[Word | None, doc("What you call messages of this kind, for routes.")] = None
    callback_url: Annotated[
        Url | None, doc("Called when a message is sent and when it has ended, as webhooks are.")
    ] = None


class NewMessage(Options, kw_only=True, forbid_unknown_fields=True):
    """A message to one number."""

    to: Annotated[Number, doc("International number: `+4520123456`.")]
    text: Text


class Item(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One of a batch: a number, and its own text."""

    to: Number
    text: Text


class NewBatch(Options, kw_only=True, forbid_unknown_fields=True):
    """The same text to many (`to` and `text`), or each its own (`messages`)."""

    to: Annotated[list[Number], Meta(min_length=1, max_length=100_000)] | None = None
    text: Text | None = None
    messages: Annotated[list[Item], Meta(min_length=1, max_length=MAX_ITEMS)] | None = None


class Failure(msgspec.Struct, kw_only=True):
    """Why a message was not delivered."""

    code: str
    detail: Annotated[str, doc("What the carrier said, if anything.")] = ""


class Message(msgspec.Struct, kw_only=True):
    """A message, and how far it is."""

    id: str
    batch_id: str | None
    to: str
    sender: str = msgspec.field(name="from")
    text: str
    encoding: str
    state: StateName
    failure: Failure | None = None
    parts: int
    credits: int
    price: Annotated[str, doc("A decimal amount, in the operator's currency.")]
    reference: str | None
    possible_duplicate: bool = False
    api: Annotated[str, doc("The API that it was submitted by.")]
    created_at: str
    send_at: str | None = None
    sent_at: str | None = None
    ended_at: str | None = None


class Batch(msgspec.Struct, kw_only=True):
    """A batch, and how far its messages are."""

    id: str
    state: Literal["queued", "running", "done", "cancelled"]
    sender: str = msgspec.field(name="from")
    text: str
    recipients: int
    waiting: Annotated[int, doc("Not yet handed to a carrier.")]
    under_way: Annotated[int, doc("Handed over, without an end that is known.")]
    delivered: int
    failed: int
    created_at: str
    send_at: str


class Page(msgspec.Struct, kw_only=True):
    """A part of a list."""

    next_cursor: Annotated[str | None, doc("For the next page; null on the last one.")] = None


class Messages(Page, kw_only=True):
    data: tuple[Message, ...]


class Batches(Page, kw_only=True):
    data: tuple[Batch, ...]


class Paging(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where in a list."""

    limit: Limit = 50
    cursor: Cursor = ""


class MessageQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    """Which messages to list, newest first."""

    to: Number | None = None
    sender: Sender | None = msgspec.field(default=None, name="from")
    state: StateName | None = None
    batch_id: Identifier | None = None
    since: Annotated[Time | None, doc("Accepted at this time or later.")] = None
    until: Annotated[Time | None, doc("Accepted before this time.")] = None


class MovedMessage(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Another time for what has not been sent."""

    send_at: Time


class Quote(msgspec.Struct, kw_only=True):
    """What a message would take."""

    parts: int
    credits: int
    encoding: Literal["gsm", "unicode", "binary"]


class InboundText(msgspec.Struct, kw_only=True):
    """A text that came in."""

    id: str
    sender: str = msgspec.field(name="from")
    to: str
    text: Annotated[str, doc("Hexadecimal octets where `binary` is true.")]
    binary: bool
    keyword: str
    parts: int
    received_at: str


class InboundTexts(Page, kw_only=True):
    data: tuple[InboundText, ...]


class InboundQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    """Which received texts to list, newest first."""

    to: Number | None = None
    sender: Sender | None = msgspec.field(default=None, name="from")
    since: Time | None = None
    until: Time | None = None


class OptOut(msgspec.Struct, kw_only=True):
    """A number that wants no messages, from you or from one of your senders."""

    number: str
    sender: Annotated[str | None, doc("Null for all of your senders.")] = None
    origin: Literal["stop", "web", "api"]
    since: str


class OptOuts(Page, kw_only=True):
    data: tuple[OptOut, ...]


class SenderQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    sender: Annotated[str, Meta(max_length=64), doc("One of your senders; all unless given.")] = ""


class ContactList(msgspec.Struct, kw_only=True):
    """A list of contacts."""

    id: str
    name: str


class ContactLists(msgspec.Struct, kw_only=True):
    data: tuple[ContactList, ...]


class NewList(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    name: Name


class Contact(msgspec.Struct, kw_only=True):
    """A number that you keep, with values to merge into texts."""

    id: str
    number: str
    list_id: str | None
    fields: dict[str, str]
    created_at: str
    changed_at: str


class Contacts(Page, kw_only=True):
    data: tuple[Contact, ...]


class NewContact(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    number: Number
    list_id: Identifier | None = None
    fields: Fields = {}


class ContactChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is not given stays."""

    number: Number | msgspec.UnsetType = msgspec.UNSET
    list_id: Identifier | msgspec.UnsetType | None = msgspec.UNSET
    fields: Fields | msgspec.UnsetType = msgspec.UNSET


class ContactQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    list_id: Identifier | None = None
    number: Number | None = None


class Webhook(msgspec.Struct, kw_only=True):
    """A URL that is called for events."""

    id: str
    url: str
    events: tuple[Event, ...]
    created_at: str


class Webhooks(msgspec.Struct, kw_only=True):
    data: tuple[Webhook, ...]


class NewWebhook(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    url: Url
    events: Annotated[list[Event], Meta(min_length=1, max_length=10)]


class WebhookSecret(msgspec.Struct, kw_only=True):
    """What calls are signed with, as Standard Webhooks writes it."""

    secret: Annotated[str, doc("`whsec_` and base64.")]
    previous_valid_until: Annotated[
        str | None, doc("Until then calls carry a signature by the secret before, too.")
    ] = None


class Key(msgspec.Struct, kw_only=True):
    """An API key without its secret."""

    id: str
    name: str
    scopes: Annotated[
        tuple[str, ...], doc("APIs and calls that it is good for; all of them if empty.")
    ]
    allowed_addresses: Annotated[tuple[str, ...], doc("Where it works; anywhere if empty.")]
    created_at: str
    expires_at: str | None
    used_at: Annotated[str | None, doc("To about a minute; null if it was never used.")]
    is_current: Annotated[bool, doc("Whether the call was made with it.")] = False


class NewlyMadeKey(Key, kw_only=True):
    """A key and its secret."""

    key: Annotated[str, doc("The secret. It is not stored, so it is shown this once.")]


class Keys(msgspec.Struct, kw_only=True):
    data: tuple[Key, ...]


class NewKey(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[KeyName, doc("The program that uses it.")]
    scopes: Annotated[Scopes, doc("APIs and calls that it is good for; all unless given.")] = []
    allowed_addresses: Annotated[
        Addresses, doc("IP addresses and ranges from which it works; anywhere unless given.")
    ] = []
    expires_at: Annotated[Time | None, doc("When it ends; never unless given.")] = None


class KeyChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is not given stays."""

    name: KeyName | msgspec.UnsetType = msgspec.UNSET
    scopes: Scopes | msgspec.UnsetType = msgspec.UNSET
    allowed_addresses: Addresses | msgspec.UnsetType = msgspec.UNSET
    expires_at: Annotated[Time | msgspec.UnsetType | None, doc("Null for never.")] = msgspec.UNSET


class RotationQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    overlap_s: Annotated[
        Overlap, doc("Seconds for which the old key works besides the new one.")
    ] = DAY_S


class Account(msgspec.Struct, kw_only=True):
    """Whose key it is."""

    id: str
    username: str
    credits: int
    reserved: Annotated[int, doc("Credits of what has been accepted and not been sent yet.")]
    default_sender: str | None
    time_zone: str
    permissions: tuple[str, ...]


class Count(msgspec.Struct, kw_only=True):
    """How many messages of a country were in a state, in a period."""

    start: str
    mcc: str
    state: str
    messages: int


class Report(msgspec.Struct, kw_only=True):
    data: tuple[Count, ...]


class ReportQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which time to count."""

    by: Annotated[Literal["hour", "day", "week", "month"], doc("Length of a period.")] = "day"
    since: Time | None = None
    until: Time | None = None
    time_zone: Annotated[Word | None, doc("IANA zone; the account's unless given.")] = None


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Why a request was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = ""
    field: Annotated[str, doc("The field or parameter that it is about.")] = ""
