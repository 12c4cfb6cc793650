"""Rows that were counted elsewhere, sent to us to be counted too (LINK v2 s. 10)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Annotated, Final, TypeVar

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.core.reporting.model.ingestion import IngestedRow
from dragoman.core.reporting.statistics import Ingestion
from dragoman.dialects.linkmobility import mapping, reading
from dragoman.dialects.linkmobility.calls import CREATED, CallGroup
from dragoman.dialects.linkmobility.errors import WordedRefusal, problem_of
from dragoman.dialects.linkmobility.schemas import Number, Text
from dragoman.dialects.linkmobility.statistics.answers import KEYWORD_NUMBER, MCC_STATUS, SUM
from dragoman.dialects.wording import quoted
from dragoman.web.bodies import decode_body
from dragoman.web.operations import doc
from dragoman.web.requests import Request

MAX_ROWS: Final = 10_000
MAX_PARTS: Final = 255
MAX_WORD: Final = 32
"""Characters of a number or keyword."""
_NUMBER: Final = re.compile(r"[0-9]{1,16}", re.ASCII)
_COUNTRY: Final = re.compile(r"[0-9]{1,3}", re.ASCII)

COUNTS_OF_STATUSES: Final = MappingProxyType(
    {
        mapping.QUEUED: mapping.QUEUED,
        mapping.BUFFERED: State.SENT.name.lower(),
        mapping.RECEIVED: State.DELIVERED.name.lower(),
        mapping.REJECTED: State.REJECTED.name.lower(),
        mapping.EXPIRED: State.EXPIRED.name.lower(),
    }
)
"""What a `status` is counted as."""

_REASONS: Final = MappingProxyType[Ingestion, Callable[[IngestedRow], Refused]](
    {
        Ingestion.UNKNOWN_ACCOUNT: lambda row: Refused(
            RefusalCode.NOT_FOUND, str(row.account_id), "user"
        ),
        Ingestion.INVALID_TIME: lambda _: Refused(
            RefusalCode.INVALID_FIELD, "logtime", "before 2000 or in the future"
        ),
        Ingestion.INVALID_REFERENCE: lambda _: Refused(
            RefusalCode.INVALID_FIELD, "msgid", "1 to 64 characters"
        ),
    }
)
"""Why a row is not counted that could be read."""


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


_Row = TypeVar("_Row", InboxRow, OutboxRow)


class Ingesting(CallGroup):
    """Takes rows to count from callers with the advanced key."""

    async def take_inbox(self, account: Account, request: Request) -> Ingested:
        """Counts texts that were received elsewhere; raises `Refused`."""
        body = decode_body(request, InboxRows)
        self._check(request, body.advanced)
        return await self._take(account, body.stats or (), _read_inbox_row)

    async def take_outbox(self, account: Account, request: Request) -> Ingested:
        """Counts messages that were sent elsewhere; raises `Refused`."""
        body = decode_body(request, OutboxRows)
        self._check(request, body.advanced)
        return await self._take(account, body.stats or (), _read_outbox_row)

    def _check(self, request: Request, advanced: Text) -> None:
        given = request.query.get("advanced", "") or reading.read_text(advanced)
        reading.check_advanced(self._settings.advanced_key, given, "stats")

    async def _take(
        self, account: Account, rows: Sequence[_Row], read: Callable[[_Row, str], IngestedRow]
    ) -> Ingested:
        if not rows:
            raise Refused(RefusalCode.MISSING_FIELD, "stats")
        if len(rows) > MAX_ROWS:
            raise Refused(RefusalCode.INVALID_FIELD, "stats", f"more than {MAX_ROWS} rows")
        zone = self._zone_of(account)
        fit: dict[int, IngestedRow] = {}
        refusals: dict[int, Refused] = {}
        for place, row in enumerate(rows):
            try:
                fit[place] = read(row, zone)
            except Refused as refused:
                refusals[place] = refused
        results = await self._services.statistics.ingest(account, list(fit.values()))
        for (place, ingested), result in zip(fit.items(), results, strict=True):
            if result in _REASONS:
                refusals[place] = _REASONS[result](ingested)
        counted = Counter(results)
        return Ingested(
            stats=IngestedStats(
                total=len(rows),
                counted=counted[Ingestion.COUNTED],
                repeated=counted[Ingestion.REPEATED],
                refused=len(refusals),
            ),
            errors=tuple(
                RowError(
                    row=place,
                    msgid=quoted(reading.read_text(rows[place].msgid)),
                    message=problem_of(refusals[place]).message,
                )
                for place in sorted(refusals)
            ),
            status=CREATED,
        )


def _read_inbox_row(row: InboxRow, zone: str) -> IngestedRow:
    keyword = f"{_word('keywordid', row.keywordid)}:{_word('code', row.code).removeprefix('+')}"
    return _read_row(row, zone, "inbox", (KEYWORD_NUMBER, keyword), 1)


def _read_outbox_row(row: OutboxRow, zone: str) -> IngestedRow:
    status = COUNTS_OF_STATUSES.get((row.status or "").strip().lower())
    if status is None:
        text = f"Status [{quoted(row.status or '')}] is not valid"
        raise WordedRefusal(RefusalCode.INVALID_FIELD, text)
    mcc = reading.read_text(row.mcc) or "0"
    if not _COUNTRY.fullmatch(mcc):
        raise Refused(RefusalCode.INVALID_FIELD, "mcc", "use a code of three digits")
    parts = _number("splitcount", 1 if row.splitcount in (None, "") else row.splitcount)
    if not 1 <= parts <= MAX_PARTS:
        raise Refused(RefusalCode.INVALID_FIELD, "splitcount", f"1 to {MAX_PARTS}")
    return _read_row(row, zone, "outbox", (MCC_STATUS, f"{mcc}:{status}"), parts)


def _read_row(
    row: InboxRow | OutboxRow,
    zone: str,
    direction: str,
    count: tuple[str, str],
    parts: int,
) -> IngestedRow:
    try:
        at_ms = reading.parse_log_time(reading.read_text(row.logtime), zone)
    except ValueError as error:
        raise Refused(RefusalCode.INVALID_FIELD, "logtime", str(error)) from None
    return IngestedRow(
        account_id=_number("userid", row.userid),
        direction=direction,
        reference=reading.read_text(row.msgid),
        at_ms=at_ms,
        counts=((SUM, SUM), count),
        parts=parts,
    )


def _word(field: str, value: Text) -> str:
    word = reading.read_text(value)
    if not word:
        raise Refused(RefusalCode.MISSING_FIELD, field)
    if len(word) > MAX_WORD or ":" in word or not is_storable(word):
        raise Refused(RefusalCode.INVALID_FIELD, field, f"up to {MAX_WORD} characters")
    return word


def _number(field: str, value: Text) -> int:
    digits = reading.read_text(value)
    if not _NUMBER.fullmatch(digits) or int(digits) > reading.MAX_IDENTIFIER:
        raise Refused(RefusalCode.INVALID_FIELD, field, "use a number")
    return int(digits)
