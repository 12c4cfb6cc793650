"""Where inbound texts belong, and what is done with them."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Handling(StrEnum):
    """What was done with an inbound text, besides keeping it."""

    KEPT = "kept"
    FORWARDED = "forwarded"
    OPTED_OUT = "opted_out"
    """Its sender wants no more messages."""
    OPTED_IN = "opted_in"
    """Its sender wants messages again."""


class Number(msgspec.Struct, frozen=True, kw_only=True):
    """A number or short code that texts come to."""

    number: str
    """Digits without `+`."""
    account_id: int
    """Its owner, who gets what no keyword claims."""
    shared: bool = False
    """Whether other accounts may reserve keywords on it."""
    number_id: int = 0
    """0 for a number that the configuration names."""


class Keyword(msgspec.Struct, frozen=True, kw_only=True):
    """A first word on a number, or a second one below it, and whose texts with it are."""

    keyword_id: int
    account_id: int
    number: str
    main_keyword_id: int
    """0 for a first word."""
    keyword: str
    forwarding_id: int | None
    free_ms: int
    """When a deleted keyword may be anybody's; 0 while it is not deleted."""


class Forwarding(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's URL that texts are sent on to."""

    forwarding_id: int
    account_id: int
    kind: str
    dialect: str
    url: str
    charset: str
    continuous: bool


class OptOutOrigin(StrEnum):
    """How an opt-out came to us."""

    STOP = "stop"
    """The recipient sent a text."""
    WEB = "web"
    """A person entered it."""
    API = "api"
    """A program of the account entered it."""


class OptOutKey(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants nothing of whom."""

    account_id: int
    sender: str
    """A sender of the account; empty for all."""
    recipient: str
