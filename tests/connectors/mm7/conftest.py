"""MM7 carriers before an MMSC that answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest
from tests.passing_time import PATIENCE_S

from dragoman.config.tables import Mm7Table
from dragoman.connectors.mm7.build import build_mm7_carrier
from dragoman.connectors.mm7.carrier import Mm7Carrier
from dragoman.core.messages.model.attachments import Attachment, Multimedia
from dragoman.core.messages.model.messages import Outgoing, ReceiptReport
from dragoman.core.messages.model.outcomes import Outcome
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.stored import OnStored
from dragoman.kit.clock import FixedClock
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.testkit.mmsc import Mmsc

NOW_MS = 1_790_000_000_000
PNG = Attachment(name="sms.png", content_type="image/png", content=b"\x89PNG\r\n\x1a\n\0\r\r\n--")


class RecordedEvents:
    """What the connector tells, and the attachments it asks for."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[int, Outcome]] = []
        self.changed = asyncio.Event()
        self.reports: list[ReceiptReport] = []
        self.stores = True
        self.away = False

    def outcome(self, carrier: str, message: Outgoing, outcome: Outcome) -> None:
        assert carrier == "pictures"
        self.outcomes.append((message.message_id, outcome))
        self.changed.set()

    def receipt(self, report: ReceiptReport, on_stored: OnStored) -> None:
        self.reports.append(report)
        on_stored(self.stores)

    def outcomes_came(self, carrier: str, outcomes: Sequence[tuple[Outgoing, Outcome]]) -> None:
        raise AssertionError("one at a time")

    def receipts_came(self, receipts: Sequence[tuple[ReceiptReport, OnStored]]) -> None:
        raise AssertionError("one at a time")

    def inbound(self, report: Any, on_stored: OnStored) -> None:
        raise AssertionError("MM7 brings no texts")

    def availability(self, carrier: str) -> None:
        self.changed.set()

    async def load(self, batch_id: int) -> tuple[Attachment, ...]:
        if self.away:
            raise Refused(RefusalCode.UNAVAILABLE)
        assert batch_id == 1
        return (PNG,)

    async def next_outcome(self) -> Outcome:
        async with asyncio.timeout(PATIENCE_S):
            while not self.outcomes:
                self.changed.clear()
                await self.changed.wait()
        return self.outcomes.pop(0)[1]


def outgoing(message_id: int = 0xABC, **more: Any) -> Outgoing:
    message = Outgoing(
        message_id=message_id,
        sender="1272",
        recipient="4512345678",
        parts=(),
        alphabet=Alphabet.BINARY,
        validity_until_ms=NOW_MS + 3_600_000,
        multimedia=Multimedia(batch_id=1, text="MMS test"),
    )
    return msgspec.structs.replace(message, **more)


@pytest.fixture
def events() -> RecordedEvents:
    return RecordedEvents()


@pytest.fixture
async def mmsc() -> AsyncIterator[Mmsc]:
    mmsc = Mmsc()
    await mmsc.start()
    yield mmsc
    await mmsc.stop()
    assert mmsc.mistakes == []


@pytest.fixture
async def make_carrier(events: RecordedEvents, mmsc: Mmsc) -> AsyncIterator[Any]:
    made: list[Mm7Carrier] = []

    async def make(**settings: Any) -> Mm7Carrier:
        table = Mm7Table(
            **{"name": "pictures", "url": mmsc.url, "retry_s": 0.05, "vasp_id": "dragoman"}
            | settings
        )
        carrier = build_mm7_carrier(table, events, FixedClock(NOW_MS), events)
        await carrier.start()
        made.append(carrier)
        return carrier

    yield make
    for carrier in made:
        await carrier.stop(1)


MakeCarrier = Callable[..., Awaitable[Mm7Carrier]]
