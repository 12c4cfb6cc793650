"""The links of carriers close with the claim, whatever a changed configuration does meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from dragoman.cluster import carriers as carriers_module
from dragoman.cluster.carriers import Carriers
from dragoman.config import Settings
from dragoman.config.tables import SmppTable
from dragoman.core.delivery.resources import LinkResources
from dragoman.kit.clock import SystemClock
from dragoman.kit.supervisor import Supervisor

TABLE = SmppTable(name="smsc", host="127.0.0.1", port=2775, system_id="a")


class Links:
    """A connector that closes when it is told to."""

    def __init__(self, *_: Any) -> None:
        self.name = "smsc"
        self.up = False
        self.capacity = 1
        self.is_open = False
        self.may_close = asyncio.Event()

    async def start(self, _spawn: Any) -> None:
        self.is_open = True

    async def stop(self, _timeout_s: float) -> None:
        await self.may_close.wait()
        self.is_open = False


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Links]:
    """Every connector that is made, in order."""
    made: list[Links] = []

    def make(*_: Any) -> Links:
        made.append(Links())
        return made[-1]

    monkeypatch.setattr(carriers_module, "LINKED", {"smpp": make})
    return made


def _carriers(*tables: SmppTable) -> Carriers:
    async def look_here(_: Any) -> Any:
        return []

    unused: Any = None
    return Carriers(
        Settings(carriers=tables),
        SystemClock(),
        Supervisor(lambda _reason: None),
        LinkResources(attachments=unused, unreported=unused),
        look_here=look_here,
        find_text=lambda _: None,
    )


async def test_no_links_stay_open_where_a_configuration_changed_them_meanwhile(
    made: list[Links],
) -> None:
    """Bug: those of the new configuration were opened and forgotten; nobody held the carrier."""
    carriers = _carriers(TABLE)
    await carriers.take("smsc", 1)
    changed = Settings(carriers=(msgspec.structs.replace(TABLE, port=2776),))
    changing = asyncio.create_task(carriers.change(changed))
    await asyncio.sleep(0)
    letting_go = asyncio.create_task(carriers.let_go("smsc", 0.5))
    await asyncio.sleep(0)
    for links in made:
        links.may_close.set()
    await changing
    assert await letting_go == 1
    assert not carriers.held
    assert not [links for links in made if links.is_open]


async def test_links_of_a_new_claim_outlive_who_closed_the_last(made: list[Links]) -> None:
    """Bug: who was told later that the last had closed forgot the new claim."""
    carriers = _carriers(TABLE)
    await carriers.take("smsc", 1)
    soon, late = made[0].may_close, asyncio.Event()
    first = asyncio.create_task(carriers.let_go("smsc", 0.5))
    await asyncio.sleep(0)
    made[0].may_close = late
    second = asyncio.create_task(carriers.let_go("smsc", 0.5))
    await asyncio.sleep(0)
    soon.set()
    assert await first == 1
    await carriers.take("smsc", 2)
    late.set()
    assert await second is None
    assert carriers.held["smsc"].epoch == 2


async def test_a_partition_that_is_lost_before_it_has_carriers_sends_nothing(
    made: list[Links],
) -> None:
    """Bug: it was cut off by the next look at the cluster, a second later."""
    carriers = _carriers(TABLE)
    carriers.cut(1)
    sink: Any = None
    carriers.connect_carrier(1)(TABLE, sink, SystemClock(), sink)
    carriers.connect_carrier(2)(TABLE, sink, SystemClock(), sink)
    cut = [carriers.shared("smsc", number) for number in (1, 2)]
    assert [shared is not None and shared.is_cut for shared in cut] == [True, False]
    carriers.drop(1)
    carriers.connect_carrier(1)(TABLE, sink, SystemClock(), sink)
    shared = carriers.shared("smsc", 1)
    assert shared is not None
    assert not shared.is_cut
