"""A house that only takes notes, and carriers with short times for real sockets on loopback."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from tests.passing_time import PATIENCE_S, MovableClock

from dragoman.config import Secret
from dragoman.config.tables import SmppTable
from dragoman.connectors.smpp.build import settings_of
from dragoman.connectors.smpp.carrier import SmppCarrier
from dragoman.connectors.smpp.settings import UNACKNOWLEDGED, CarrierSettings
from dragoman.core.messages.model.messages import InboundPartReport, Outgoing, ReceiptReport
from dragoman.core.messages.model.outcomes import Outcome
from dragoman.core.model.stored import OnStored
from dragoman.kit.backoff import Backoff
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.gsm.segmentation import segment_text
from dragoman.testkit.simulator import Simulator

RESPONSE_TIMEOUT_S = 5.0


class RecordedEvents:
    """Takes notes of what a carrier tells; acknowledges at once unless told otherwise."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.order: list[int] = []
        self.receipts: list[ReceiptReport] = []
        self.texts: list[InboundPartReport] = []
        self.reported: list[tuple[int, int]] = []
        """How many outcomes, or receipts, came at once."""
        self.availability_changes = 0
        self.kept: list[OnStored] | None = None
        self.clock = MovableClock()
        self._changed = asyncio.Event()

    def outcome(self, carrier: str, message: Outgoing, outcome: Outcome) -> None:
        assert message.message_id not in self.outcomes, "an outcome is told exactly once"
        self.outcomes[message.message_id] = outcome
        self.order.append(message.message_id)
        self._changed.set()

    def outcomes_came(self, carrier: str, outcomes: Sequence[tuple[Outgoing, Outcome]]) -> None:
        self.reported.append((len(outcomes), 0))
        for message, outcome in outcomes:
            self.outcome(carrier, message, outcome)

    def receipt(self, report: ReceiptReport, on_stored: OnStored) -> None:
        self.receipts.append(report)
        self._acknowledge(on_stored)

    def receipts_came(self, receipts: Sequence[tuple[ReceiptReport, OnStored]]) -> None:
        self.reported.append((0, len(receipts)))
        for report, on_stored in receipts:
            self.receipt(report, on_stored)

    def inbound(self, report: InboundPartReport, on_stored: OnStored) -> None:
        self.texts.append(report)
        self._acknowledge(on_stored)

    def availability(self, carrier: str) -> None:
        self.availability_changes += 1
        self._changed.set()

    def _acknowledge(self, on_stored: OnStored) -> None:
        if self.kept is None:
            on_stored(True)
        else:
            self.kept.append(on_stored)
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._changed.clear()
                try:
                    async with asyncio.timeout(0.01):
                        await self._changed.wait()
                except TimeoutError:
                    pass


def build_outgoing(
    message_id: int, text: str = "hello", recipient: str = "4511111111", **more: Any
) -> Outgoing:
    segmentation = segment_text(text)
    return Outgoing(
        message_id=message_id,
        sender=more.pop("sender", "Dragoman"),
        recipient=recipient,
        parts=segmentation.user_data(message_id),
        alphabet=more.pop("alphabet", Alphabet(segmentation.alphabet)),
        **more,
    )


def settings_for(
    port: int, *, unbind_timeout_s: float = 5.0, unacknowledged: int = UNACKNOWLEDGED, **table: Any
) -> CarrierSettings:
    """What an operator would have with these keys in the carrier's table."""
    written = {
        "response_timeout_s": RESPONSE_TIMEOUT_S,
        "password": Secret("secret"),
        **table,
    }
    settings = settings_of(
        SmppTable(
            name="test",
            host="127.0.0.1",
            port=port,
            system_id="dragoman",
            **written,
        )
    )
    return replace(
        settings,
        session=replace(settings.session, unbind_timeout_s=unbind_timeout_s),
        reconnect=Backoff(first_s=0.05, longest_s=0.2, jitter=0.0),
        unacknowledged=unacknowledged,
    )


def carrier_for(settings: CarrierSettings, events: RecordedEvents) -> SmppCarrier:
    return SmppCarrier(
        settings,
        events,
        clock=events.clock.monotonic,
        wall_clock_ms=events.clock.now_ms,
        random=random.Random(1).random,
    )


@pytest.fixture
def outgoing() -> Callable[..., Outgoing]:
    """Returns the builder of outgoing messages."""
    return build_outgoing


@pytest.fixture
def make_events() -> Callable[[], RecordedEvents]:
    """Returns a maker of houses, for tests that run a loop of their own."""
    return RecordedEvents


@pytest.fixture
def make_carrier() -> Callable[..., SmppCarrier]:
    """Returns a maker of carriers that are not started."""
    return lambda events, port, **more: carrier_for(settings_for(port, **more), events)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    smsc = Simulator()
    await smsc.start()
    yield smsc
    await smsc.stop()


@pytest.fixture
async def events() -> RecordedEvents:
    return RecordedEvents()


@pytest.fixture
async def connect(
    simulator: Simulator, events: RecordedEvents
) -> AsyncIterator[Callable[..., Any]]:
    """Returns a function that makes a started carrier, by default to the simulator."""
    carriers: list[SmppCarrier] = []

    async def make(*, port: int | None = None, wait: bool = True, **more: Any) -> SmppCarrier:
        carrier = carrier_for(settings_for(port or simulator.port, **more), events)
        carriers.append(carrier)
        await carrier.start()
        if wait:
            await events.until(lambda: all(link.bound for link in carrier.links))
        return carrier

    yield make
    for carrier in carriers:
        await carrier.stop(0.5)
