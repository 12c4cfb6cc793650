"""What is configured about messages that recipients pay for: short codes, and carriers' billing."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dragoman.config.sections import Section
from dragoman.config.values import Prefix, checked, matching
from dragoman.core.messages.model.premium import (
    MAX_SERVICE_TYPE,
    BillingTerms,
    ContentKind,
    ContentType,
    Premium,
    ShortCode,
    ValueForm,
)

NEVER = "0000-00-00"
"""A day of expiry that does not come."""
_LOWEST_TAG = 0x1400
"""Tags below it have meanings of their own (SMPP 3.4 s. 5.3.2)."""


def _check_tag(tag: int) -> None:
    if tag and tag < _LOWEST_TAG:
        raise ValueError(f"{tag:#06x} has a meaning in SMPP 3.4; carriers' own begin at 0x1400")


def _check_service_type(text: str) -> None:
    least = BillingTerms(service_type=text).service_type_of(Premium(price=100, content_type=1))
    if not text.isascii() or len(least) > MAX_SERVICE_TYPE or "{" in least or "}" in least:
        raise ValueError(
            f"expected at most {MAX_SERVICE_TYPE} ASCII characters once {{price}} and"
            " {content_type} are filled in"
        )


def _check_day(text: str) -> None:
    if text != NEVER:
        try:
            date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a date such as 2027-12-31") from None


Tag = Annotated[int, Meta(ge=0, le=0xFFFF), checked(_check_tag)]
Day = Annotated[str, checked(_check_day)]
ShortCodeNumber = Annotated[
    str, matching("[0-9]{3,8}", "is not a short code of 3 to 8 digits, without the country")
]


class BillingTable(Section, frozen=True, kw_only=True):
    """How a carrier is told what the recipient of a premium message pays; each has its own way."""

    price_tag: Tag = 0
    """Tag of the optional parameter (TLV) that holds the price, 0x1400 or above; 0 for none.
    Without it, and without `{price}` in `service_type`, the carrier takes no premium messages."""
    content_type_tag: Tag = 0
    """Tag of the parameter that holds the content type; 0 for none."""
    invoice_text_tag: Tag = 0
    """Tag of the parameter that holds the invoice text; 0 for none."""
    form: ValueForm = ValueForm.C_STRING
    """How values are written: digits with a final NUL, digits alone, or four octets."""
    service_type: Annotated[
        str, Meta(extra={"check": _check_service_type}, examples=["P{price}"])
    ] = ""
    """Service type of premium messages, where `{price}` and `{content_type}` stand for those of the
    message."""

    def terms(self) -> BillingTerms:
        """The table as a value of the domain."""
        return BillingTerms(**msgspec.structs.asdict(self))


class ContentTypeTable(Section, frozen=True, kw_only=True):
    """Something that a premium message may be for."""

    id: Annotated[int, Meta(ge=1, le=999_999)]
    """The number programs name it by."""
    description: Annotated[str, Meta(min_length=1)]
    """What it is."""
    type: ContentKind = ContentKind.DIGITAL
    """What sort of thing is sold."""
    vat_exempt: bool = False
    """Whether no VAT is due."""
    expires: Day = NEVER
    """The last day on which it may be used; 0000-00-00 for no end."""

    def value(self) -> ContentType:
        """The table as a value of the domain."""
        return ContentType(
            content_type_id=self.id,
            description=self.description,
            kind=self.type,
            vat_exempt=self.vat_exempt,
            expires=None if self.expires == NEVER else date.fromisoformat(self.expires),
        )


class ShortCodeTable(Section, frozen=True, kw_only=True):
    """A short code that recipients are charged under, and who may use it.

    Prices are in the smallest unit of the country's currency, and only numbers of the country can
    be charged.
    """

    number: ShortCodeNumber
    """The code without its country, such as 1272."""
    country_code: Prefix
    """Calling code of its country; only numbers there are charged."""
    accounts: tuple[str, ...] = ()
    """User names of the accounts that use it; none for all accounts."""
    catalogue: Literal["danish", "norwegian"] = "danish"
    """Content types that come with Dragoman, where none are written."""
    content_types: tuple[ContentTypeTable, ...] = ()
    """The code's own content types."""

    def value(self) -> ShortCode:
        """The table as a value of the domain, its catalogue read."""
        own = tuple(table.value() for table in self.content_types)
        return ShortCode(
            number=self.number,
            country_code=self.country_code,
            accounts=frozenset(self.accounts),
            content_types=own or shipped_catalogue(self.catalogue),
        )


class _Catalogue(Section, frozen=True, kw_only=True):
    content_types: tuple[ContentTypeTable, ...]


@cache
def shipped_catalogue(name: str) -> tuple[ContentType, ...]:
    """The content types of a catalogue that comes with Dragoman."""
    text = (files(__package__) / "content_types" / f"{name}.toml").read_text(encoding="utf-8")
    catalogue = msgspec.convert(tomllib.loads(text), _Catalogue)
    return tuple(table.value() for table in catalogue.content_types)
