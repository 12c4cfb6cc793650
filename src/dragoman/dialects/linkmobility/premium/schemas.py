"""What the calls on premium messages take and answer."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dragoman.dialects.linkmobility.schemas import Text
from dragoman.web.operations import doc


class Refund(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes with a refund."""

    message: Annotated[Text, doc("A text to the recipient; nothing is sent without one.")] = None


class Refunded(msgspec.Struct, frozen=True, kw_only=True):
    """A refund was accepted."""

    status: int
    statusreason: str


class ContentType(msgspec.Struct, frozen=True, kw_only=True):
    """What a premium message may be for."""

    id: str
    description: str
    type: Annotated[str, doc("digital, donation or physical.")]
    vatexempt: Annotated[str, doc("on or off.")]
    expires: Annotated[str, doc("YYYY-mm-dd; 0000-00-00 for no end.")]


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Content types, and the short codes they are for."""

    contenttypes: tuple[ContentType, ...]
    shortcodes: Annotated[tuple[str, ...], doc("With `+` and the country's calling code.")]


class Catalogues(msgspec.Struct, frozen=True, kw_only=True):
    """The content types of every short code that the account may use."""

    data: tuple[Catalogue, ...]
    status: int
