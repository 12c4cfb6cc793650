"""Inbound texts, numbers, keywords and opt-outs, and searches for them."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Handling(StrEnum):
    """How an inbound text was handled, besides being stored."""

    KEPT = "kept"
    FORWARDED = "forwarded"
    OPTED_OUT = "opted_out"
    """Its sender wants no more messages."""
    OPTED_IN = "opted_in"
    """Its sender wants messages again."""


class Number(msgspec.Struct, frozen=True, kw_only=True):
    """A number or short code that texts are sent to."""

    number: str
    """Digits without `+`."""
    account_id: int
    """Its owner, who gets what no keyword claims."""
    shared: bool = False
    """Whether other accounts may reserve keywords on it."""
    number_id: int = 0
    """0 for a number that the configuration names."""


class Keyword(msgspec.Struct, frozen=True, kw_only=True):
    """A first word on a number, or a second one below it, and the account it belongs to."""

    keyword_id: int
    account_id: int
    number: str
    main_keyword_id: int
    """0 for a first word."""
    keyword: str
    forwarding_id: int | None
    free_ms: int
    """When a deleted keyword becomes available; 0 while it is not deleted."""


class Forwarding(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's URL that texts are forwarded to."""

    forwarding_id: int
    account_id: int
    kind: str
    dialect: str
    url: str
    charset: str
    continuous: bool


class OptOutOrigin(StrEnum):
    """The source of an opt-out."""

    STOP = "stop"
    """The recipient sent a text."""
    WEB = "web"
    """A person entered it."""
    API = "api"
    """A program of the account entered it."""


class OptOutKey(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient, and the account or sender it has opted out of."""

    account_id: int
    sender: str
    """A sender of the account; empty for all."""
    recipient: str


class StoredInbound(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `inbound_texts`."""

    inbound_id: int
    account_id: int | None
    carrier: str
    sender: str
    recipient: str
    text: str
    alphabet: str
    keyword: str
    parts: int
    complete: bool
    handling: str = Handling.KEPT.value
    header: str = ""
    """Its user data header in hexadecimal, without its place as a part of others."""


class InboxFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to search for among received texts; what is not given does not restrict it."""

    account_id: int
    recipient: str = ""
    sender: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    """Both ends included."""
    inbound_id: int | None = None
    text: tuple[str, ...] = ()
    """Pieces of the text in this order, in any case, with anything around them."""
    keyword: str = ""


class InboxPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the results, and the total."""

    texts: tuple[StoredInbound, ...]
    total: int
    has_more: bool = False
    """Whether there is more than `total`."""


class OptOut(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `opt_outs`."""

    opt_out_id: int
    account_id: int
    sender: str
    recipient: str
    inbound_id: int | None = None
    origin: OptOutOrigin = OptOutOrigin.WEB

    @property
    def key(self) -> OptOutKey:
        """The recipient, and the account or sender it has opted out of."""
        return OptOutKey(account_id=self.account_id, sender=self.sender, recipient=self.recipient)


class OptOutFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to search for among opt-outs; what is not given does not restrict it."""

    account_id: int
    from_ms: int | None = None
    before_ms: int | None = None
    digits: str = ""
    """Some that follow each other in the number."""
    origins: tuple[OptOutOrigin, ...] | None = None
    with_senders: bool = False
    """Those from one sender too; else only those from all senders of the account."""


class TextKind(StrEnum):
    """The kind of a received text, as French operators distinguish them."""

    STOP = "stop"
    """Its sender opted out."""
    CONTACT = "contact"
    """Its sender asks who writes."""
    OTHER = "other"


class TextSearch(msgspec.Struct, frozen=True, kw_only=True):
    """Which texts of an account to return; what is not given does not restrict it."""

    account_id: int
    numbers: tuple[str, ...] = ()
    from_ms: int | None = None
    to_ms: int | None = None
    """Both ends included."""
    kind: TextKind | None = None
