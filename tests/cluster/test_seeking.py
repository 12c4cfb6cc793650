"""Whose receipts and texts are, where no partition may be wrong about it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import pytest

from dragoman.cluster import seeking
from dragoman.cluster.seeking import SOUGHT_TIMES, SPELLED_TIMES, Seeker
from dragoman.cluster.wire import Look
from dragoman.core.messages.model.lifecycle import ReceiptState
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.core.messages.model.outcomes import Accepted
from dragoman.core.model.errors import StorageUnavailable
from dragoman.protocols.gsm.alphabet import Alphabet
from tests.passing_time import until

PARTITIONS = 4
HERE, THERE = (0, 1), (2, 3)
TEXT = InboundPartReport(
    carrier="smsc", source="45", destination="1204", alphabet=Alphabet.GSM7, text="id:20 stat:x"
)


class World:
    """Partitions here and in another node, and how well a receipt fits each."""

    def __init__(self) -> None:
        self.fits: dict[int, int] = {}
        self.silent: set[int] = set()
        """Partitions that cannot be asked."""
        self.number: int | Exception | None = None
        self.is_ours = True
        self.looks = 0
        self.together: list[int] = []
        """About how many receipts partitions were asked, each time."""
        self.failures: list[Exception] = []
        self.receipts: list[int] = []
        self.texts: list[int] = []
        self.stored: list[bool] = []
        self.seeker = Seeker(
            PARTITIONS,
            look_here=self.look_here,
            find_text=lambda _text: None,
            give_receipt=lambda partition, _report, _stored: self.receipts.append(partition),
            give_text=lambda partition, _report, _stored: self.texts.append(partition),
            is_ours=lambda _carrier: self.is_ours,
        )
        self.seeker.others = self

    async def look_here(self, reports: Sequence[ReceiptReport]) -> list[Look]:
        await asyncio.sleep(0)
        self.looks += 1
        self.together.append(len(reports))
        if self.failures:
            raise self.failures.pop()
        return [self._look(HERE)] * len(reports)

    async def look(
        self, reports: Sequence[ReceiptReport], partitions: Collection[int]
    ) -> list[Look]:
        return [self._look(partitions)] * len(reports)

    async def find_number(self, _number: str) -> int | None:
        if isinstance(self.number, Exception):
            raise self.number
        return self.number

    def _look(self, partitions: Collection[int]) -> Look:
        look = Look()
        for partition in partitions:
            if partition not in self.silent:
                fit = self.fits.get(partition, 0)
                look = look.with_another(Look((partition,), fit, partition))
        return look


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeking, "SOUGHT_EVERY_S", 0.0)


def receipt(**more: Any) -> ReceiptReport:
    return ReceiptReport(carrier="smsc", message_id="20", state=ReceiptState.DELIVERED, **more)


@pytest.mark.parametrize(
    ("fits", "partition", "looks"),
    [
        ({1: 2}, 1, 1),
        ({1: 1, 3: 2}, 3, 1),  # hexadecimal for the ID of another, and the ID of one
        ({3: 1}, 3, SPELLED_TIMES),
        ({}, seeking.FIRST, SOUGHT_TIMES),  # nobody's: parked, in case it overtook its message
    ],
)
async def test_the_id_as_it_came_wins(fits: dict[int, int], partition: int, looks: int) -> None:
    world = World()
    world.fits = fits
    world.seeker.receipt(receipt(), world.stored.append)
    await until(lambda: world.receipts)
    assert (world.receipts, world.looks) == ([partition], looks)


async def test_who_sent_it_knows_by_the_id_alone_and_not_by_a_spelling() -> None:
    world = World()
    world.seeker.note_ids("smsc", Accepted(carrier_ids=("32",)), 1)  # 0x20
    world.seeker.note_ids("smsc", Accepted(carrier_ids=("20",)), 2)
    world.seeker.receipt(receipt(), world.stored.append)
    assert (world.receipts, world.looks) == ([2], 0)


@pytest.mark.parametrize("fit", [0, 1])
async def test_a_receipt_waits_for_a_partition_that_cannot_be_asked(fit: int) -> None:
    world = World()
    world.fits, world.silent = {1: fit}, {3}
    world.seeker.receipt(receipt(), world.stored.append)
    await until(lambda: world.looks > 2 * SOUGHT_TIMES)
    assert not world.receipts
    world.fits, world.silent = {1: fit, 3: 2}, set()
    await until(lambda: world.receipts)
    assert world.receipts == [3]


async def test_a_receipt_of_a_carrier_that_has_another_holder_is_not_acknowledged() -> None:
    world = World()
    world.silent, world.is_ours = {3}, False
    world.seeker.receipt(receipt(), world.stored.append)
    await until(lambda: world.stored)
    assert (world.stored, world.receipts) == ([False], [])


async def test_many_receipts_are_looked_for_together() -> None:
    """Bug: each asked all nodes for itself, and thousands at once got no answer in time, ever."""
    world = World()
    world.fits = {3: 2}
    for _ in range(2 * seeking.SOUGHT_TOGETHER + 1):
        world.seeker.receipt(receipt(), world.stored.append)
    await until(lambda: len(world.receipts) == 2 * seeking.SOUGHT_TOGETHER + 1)
    assert world.together == [seeking.SOUGHT_TOGETHER, seeking.SOUGHT_TOGETHER, 1]


async def test_a_look_that_fails_is_made_again() -> None:
    world = World()
    world.fits, world.failures = {1: 2}, [ZeroDivisionError()]
    world.seeker.receipt(receipt(), world.stored.append)
    await until(lambda: world.receipts)
    assert (world.receipts, world.looks) == ([1], 2)


async def test_too_many_receipts_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeking, "MAX_SOUGHT", 2)
    world = World()
    for _ in range(3):
        world.seeker.receipt(receipt(), world.stored.append)
    assert world.stored == [False]


async def test_what_only_looks_like_a_receipt_is_a_text_once_all_were_asked() -> None:
    world = World()
    world.number = 3
    world.seeker.receipt(receipt(text=TEXT), world.stored.append)
    await until(lambda: world.texts)
    assert (world.receipts, world.texts, world.looks) == ([], [3], 1)


async def test_a_text_is_not_acknowledged_while_nobody_knows_whose_it_is() -> None:
    world = World()
    world.number = StorageUnavailable("away")
    world.seeker.inbound(TEXT, world.stored.append)
    await until(lambda: world.stored)
    assert (world.stored, world.texts) == ([False], [])
