"""What the calls on statistics take and answer (LINK v2 s. 10)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from dragoman.dialects.linkmobility.schemas import Credentials, Number, Text
from dragoman.web.operations import doc


class StatsQuery(Credentials, frozen=True, kw_only=True):
    """What to count."""

    group: Annotated[str, doc("sum, mcc:status (outbox), keyword:number (inbox).")] = "sum"
    starttime: Annotated[str, doc("dd-mm-YYYY HH:MM")] = ""
    endtime: Annotated[str, doc("dd-mm-YYYY HH:MM")] = ""
    advanced: Annotated[str, doc("The advanced key.")] = ""
    type_1: Annotated[
        str, doc("user or mcc; anything but the own user needs the advanced key.")
    ] = ""
    value_1: Annotated[str, doc("A user id or a mobile country code.")] = ""


class StatsRow(msgspec.Struct, frozen=True, kw_only=True):
    """A period and what was counted in it; which of its parts are given depends on the aggregate.

    `week` is that of ISO 8601, and `year` then the year it belongs to.
    """

    year: str
    month: str | UnsetType = UNSET
    week: str | UnsetType = UNSET
    day: str | UnsetType = UNSET
    hour: str | UnsetType = UNSET
    timestamp: str
    type_1: str
    value_1: str
    type_2: str
    value_2: str
    counter: str


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of a time, by period and value."""

    stats: tuple[StatsRow, ...]
    status: int


class InboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """A text that was received elsewhere."""

    msgid: Text = None
    userid: Number = None
    logtime: Text = None
    code: Annotated[Text, doc("The number it came to.")] = None
    keywordid: Text = None
    materialized_path: Annotated[Text, doc("No effect.")] = None
    topbruger: Annotated[Text, doc("No effect.")] = None


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was sent elsewhere."""

    msgid: Text = None
    userid: Number = None
    logtime: Text = None
    mcc: Text = None
    status: Annotated[str | None, doc("queued, buffered, received, rejected or expired.")] = None
    splitcount: Number = None
    materialized_path: Annotated[Text, doc("No effect.")] = None
    topbruger: Annotated[Text, doc("No effect.")] = None
    payout: Annotated[str | int | float | None, doc("No effect.")] = None
    price: Annotated[str | int | float | None, doc("No effect.")] = None
    group: Annotated[Text, doc("No effect.")] = None


class InboxRows(msgspec.Struct, frozen=True, kw_only=True):
    """Received texts to count."""

    stats: Annotated[list[InboxRow] | None, doc("Up to 10,000.")] = None
    advanced: Annotated[Text, doc("The advanced key; may stand in the query.")] = None


class OutboxRows(msgspec.Struct, frozen=True, kw_only=True):
    """Sent messages to count."""

    stats: Annotated[list[OutboxRow] | None, doc("Up to 10,000.")] = None
    advanced: Annotated[Text, doc("The advanced key; may stand in the query.")] = None


class IngestedStats(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows."""

    total: int
    counted: int
    repeated: int
    refused: int


class RowError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a row was not counted; `row` is its place, from 0."""

    row: int
    msgid: str
    message: str


class Ingested(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to rows that were to be counted."""

    stats: IngestedStats
    errors: tuple[RowError, ...]
    status: int
