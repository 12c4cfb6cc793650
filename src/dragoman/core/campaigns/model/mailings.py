"""E-mail campaigns: lists, subscriptions, issues and deliveries."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from dragoman.core.messages.model.attachments import Attachment

MAX_TITLE: Final = 255
MAX_SUBJECT: Final = 255
"""Characters."""
MAX_CONTENT: Final = 1_000_000
"""Characters of a text or of an HTML document."""
MAX_ATTACHMENTS: Final = 10
MAX_ATTACHMENT_BYTES: Final = 7 * 1024 * 1024
"""Of all attachments of an issue; in Base64 about 10 MB, what many servers take at most."""


class ListState(IntEnum):
    """Whether a mailing list can be used; the numbers are stored."""

    ACTIVE = 0
    ARCHIVED = 1
    TO_ACTIVATE = 2


class SubscriptionState(IntEnum):
    """Whether a subscriber gets issues; the numbers are stored."""

    SUBSCRIBED = 0
    PENDING = 1
    """The opt-in mail is not answered; nothing but that mail is sent."""
    UNSUBSCRIBED = 2
    STOPPED = 3
    """The address does not exist, as far as servers said."""


class EndedBy(StrEnum):
    """How a subscription ended."""

    LINK = "link"
    ONE_CLICK = "one_click"
    """The button of a mail program (RFC 8058)."""
    BOUNCES = "bounces"


class DeliveryKind(IntEnum):
    """The purpose of a mail; the numbers are stored."""

    ISSUE = 0
    OPT_IN = 1


class DeliveryState(IntEnum):
    """The stage of a mail; the numbers are stored."""

    PENDING = 0
    SENDING = 1
    SENT = 2
    """The relay has it."""
    FAILED = 3
    BOUNCED = 4
    """The address does not exist, as a server said."""
    SUPPRESSED = 5
    """The subscription had ended before it was sent."""


class TokenPurpose(IntEnum):
    """What the link with a token does; the numbers are stored."""

    UNSUBSCRIBE = 0
    CONFIRM = 1


class MailingList(msgspec.Struct, frozen=True, kw_only=True):
    """A list, and how its mails identify themselves."""

    list_id: int
    account_id: int
    title: str
    language: str
    """As the customer spells it, such as `ita`."""
    sender: str
    reply_to: str
    company_name: str
    company_address: str
    company_url: str
    company_phone: str
    company_fax: str
    state: ListState = ListState.ACTIVE
    created_ms: int = 0


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to a list; immutable once stored."""

    issue_id: int
    account_id: int
    list_id: int
    title: str
    subject: str
    text: str
    html: str
    share_social: bool = False
    web_analytics: str = ""
    attachments: tuple[Attachment, ...] = ()


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """Content that issues are created from."""

    template_id: int
    account_id: int
    name: str
    subject: str
    text: str
    html: str


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to one recipient; stored before it is sent."""

    delivery_id: int
    account_id: int
    kind: DeliveryKind
    list_id: int
    issue_id: int | None
    subscription_id: int
    address: str
    attempts: int
    next_attempt_ms: int
    possible_duplicate: bool


class EmailService(msgspec.Struct, frozen=True, kw_only=True):
    """The e-mail service an account has bought; dates are `yyyy-MM-dd`."""

    enabled: bool = True
    bandwidth: float = 0.0
    """Mails an hour; 0 knows no bound but the relay's."""
    purchased: str = ""
    billing: str = ""
    expiry: str = ""
    """The last day; empty: never."""


class MailingListChange(msgspec.Struct, frozen=True, kw_only=True):
    """New values for a list; unset ones are unchanged."""

    list_id: int
    account_id: int
    title: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    sender: str | UnsetType = UNSET
    reply_to: str | UnsetType = UNSET
    company_name: str | UnsetType = UNSET
    company_address: str | UnsetType = UNSET
    company_url: str | UnsetType = UNSET
    company_phone: str | UnsetType = UNSET
    company_fax: str | UnsetType = UNSET
    state: ListState | UnsetType = UNSET
