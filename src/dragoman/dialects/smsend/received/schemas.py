"""What the calls on received texts take and answer, with the names and the order of the manual."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dragoman.web.operations import doc

Time = Annotated[str, doc("yyyyMMddHHmmss, or `now`.")]
Zone = Annotated[str, doc("The IANA zone of all times; the account's if left out.")]
Limit = Annotated[int, doc("How many at most, up to 100.")]


class LimitQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How many are wanted."""

    limit: Limit = 100
    timezone: Zone = ""


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which texts are wanted."""

    from_: Time = msgspec.field(name="from")
    to: Time = "now"
    timezone: Zone = ""
    page_number: int = msgspec.field(default=1, name="pageNumber")
    page_size: int = msgspec.field(default=10, name="pageSize")


class KindQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which kind of texts is wanted."""

    type: Annotated[str, doc("STOP, CONTACT or OTHER.")]
    from_: Time = msgspec.field(default="", name="from")
    to: Time = "now"
    timezone: Zone = ""
    page_number: int = msgspec.field(default=1, name="pageNumber")
    page_size: int = msgspec.field(default=10, name="pageSize")


class ReceivedText(msgspec.Struct, frozen=True, kw_only=True):
    """A text that a phone sent."""

    id_message: str
    id_sim: str
    sender: str
    message: str
    sms_date: str
    keyword: str


class NewTexts(msgspec.Struct, frozen=True, kw_only=True):
    """Texts."""

    result: str = "OK"
    srsmshistory: tuple[ReceivedText, ...]


class TextHistory(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of texts."""

    result: str = "OK"
    srsmshistory: tuple[ReceivedText, ...]
    page_number: int
    page_size: int
    total: int


class KindHistory(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of texts of one kind."""

    result: str = "OK"
    mosmshistory: tuple[ReceivedText, ...]
    page_number: int
    page_size: int
    total: int
