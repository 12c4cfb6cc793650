"""What requests may hold and answers do hold; parameters that are not named here are ignored."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dragoman.web.operations import doc


class Parameters(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Parameters of a request; what is None was not given."""


class Paging(Parameters, frozen=True, kw_only=True):
    """Which page of a list; only answers say what `PageToken` is."""

    page_size: Annotated[str, doc("1 to 1000; 50 without it.")] = ""
    page: str = ""
    page_token: str = ""


class NewMessage(Parameters, frozen=True, kw_only=True):
    """A message to send."""

    to: Annotated[str, doc("The recipient in E.164, `+` first.")] = ""
    sender: Annotated[str, doc("A number, a short code or a name.")] = msgspec.field(
        name="From", default=""
    )
    messaging_service_sid: Annotated[str, doc("In place of `From`, or beside it.")] = ""
    body: Annotated[str, doc("Up to 1600 characters.")] = ""
    media_url: Annotated[str, doc("Up to ten, the name repeated.")] = ""
    content_sid: str = ""
    status_callback: str = ""
    validity_period: Annotated[str, doc("Seconds, 1 to 36000.")] = ""
    schedule_type: Annotated[str, doc("`fixed`, with `SendAt` and a service.")] = ""
    send_at: Annotated[str, doc("ISO 8601, 15 minutes to 35 days ahead.")] = ""
    smart_encoded: Annotated[str, doc("`true` for look-alikes that spare UCS-2.")] = ""


class MessageChange(Parameters, frozen=True, kw_only=True):
    """What can be changed of a message."""

    body: Annotated[str | None, doc("Empty, which redacts the text.")] = None
    status: Annotated[str | None, doc("`canceled`, while it is scheduled.")] = None


class MessageQuery(Paging, frozen=True, kw_only=True):
    """Filters of a list of messages."""

    to: str = ""
    sender: str = msgspec.field(name="From", default="")
    date_sent: Annotated[str, doc("A day or an instant, in GMT.")] = ""
    date_sent_before: str = msgspec.field(name="DateSent<", default="")
    date_sent_after: str = msgspec.field(name="DateSent>", default="")


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was refused."""

    code: int
    message: str
    more_info: str
    status: int


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message, sent or received."""

    account_sid: str
    api_version: str
    body: str
    date_created: str
    date_sent: str | None
    date_updated: str
    direction: str
    error_code: int | None
    error_message: str | None
    sender: str | None = msgspec.field(name="from")
    num_media: str
    num_segments: str
    price: str | None
    price_unit: str | None
    messaging_service_sid: str | None
    sid: str
    status: str
    subresource_uris: dict[str, str]
    to: str
    uri: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list; the list itself is under one key more."""

    first_page_uri: str
    end: int
    previous_page_uri: str | None
    uri: str
    page_size: int
    start: int
    next_page_uri: str | None
    page: int


class MessagePage(Page, frozen=True, kw_only=True):
    messages: tuple[Message, ...]


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a message."""

    sid: str
    account_sid: str
    parent_sid: str
    content_type: str
    date_created: str
    date_updated: str
    uri: str


class MediaPage(Page, frozen=True, kw_only=True):
    media_list: tuple[Media, ...]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The account of the caller."""

    auth_token: Annotated[str | None, doc("Only for who has authenticated with it.")]
    date_created: str
    date_updated: str
    friendly_name: str
    owner_account_sid: str
    sid: str
    status: str
    subresource_uris: dict[str, str]
    type: str
    uri: str


class AccountPage(Page, frozen=True, kw_only=True):
    accounts: tuple[Account, ...]


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to send with."""

    account_sid: str
    balance: str
    currency: str


class KeyRequest(Parameters, frozen=True, kw_only=True):
    """What a key is called."""

    friendly_name: Annotated[str, doc("Up to 64 characters.")] = ""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key."""

    sid: str
    friendly_name: str
    date_created: str
    date_updated: str


class NewKey(Key, frozen=True, kw_only=True):
    """A new API key with its secret."""

    secret: str


class KeyPage(Page, frozen=True, kw_only=True):
    keys: tuple[Key, ...]
