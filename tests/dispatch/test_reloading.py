"""A changed configuration in a running gateway: checked first, at once, without losing a link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman.admin.reloading import Reloading, connect_carrier
from dragoman.config import ConfigError, Settings
from dragoman.config.errors import Mistake
from dragoman.config.tables import (
    PhonesTable,
    PriceListTable,
    PriceTable,
    QuotaTable,
    RouteTable,
    SmppTable,
)
from dragoman.config.values import Secret
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql.tables import messages
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.kit.supervisor import Supervisor

S = State


class Scene:
    """A harness whose configuration may change."""

    def __init__(self, harness: Any) -> None:
        self.harness = harness
        self.settings: Settings = harness.services.settings
        self.failures: list[str] = []
        self.reloading = Reloading(
            harness.services,
            load=lambda: self.settings,
            connect=lambda table: connect_carrier(harness.services, table),
            supervisor=Supervisor(self.failures.append),
        )

    def change(self, **tables: Any) -> None:
        self.settings = msgspec.structs.replace(self.settings, **tables)

    def carrier(self, name: str, port: int, **more: Any) -> SmppTable:
        one = self.settings.carriers[0]
        return msgspec.structs.replace(one, name=name, port=port, **more)  # type: ignore[return-value]

    async def reload(self, *, check: bool = False) -> Any:
        return await self.reloading.reload(check=check)


@pytest.fixture
async def scene(make_harness: Any, simulator: Any) -> Scene:
    harness = await make_harness(
        carriers={"main": simulator.port}, routes=[RouteTable(name="rest", carriers=("main",))]
    )
    return Scene(harness)


async def test_new_carrier_and_route_are_taken_and_other_links_stay_bound(
    scene: Scene, simulator: Any, make_simulator: Any, until: Callable[..., Any]
) -> None:
    second = await make_simulator()
    harness = scene.harness
    account = await harness.account(credits=10)
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED)
    link, wires = harness.carriers["main"].links[0], list(simulator.wires)
    scene.change(
        carriers=(*scene.settings.carriers, scene.carrier("second", second.port)),
        routes=(
            *scene.settings.routes,
            RouteTable(name="swedish", prefixes=("46",), carriers=("second",)),
        ),
        prices=(PriceTable(prefix="46", credits=3),),
    )
    told = await scene.reload(check=True)
    assert told.changes == ("carrier second: new", "route swedish: new", "price 46: new")
    assert not told.applied
    assert list(harness.router.routes) == ["rest"]
    assert (await scene.reload()).applied
    await harness.submit(account, "46700000000")
    await harness.submit(account, "4520000000")
    await harness.until_states(account, S.DELIVERED, count=3)
    assert (simulator.taken, second.taken) == (2, 1)
    assert await harness.balance(account) == (5, 0, 5)
    assert harness.carriers["main"].links[0] is link
    assert link.bound
    assert simulator.wires == wires  # the same connections, and no new one
    assert scene.failures == []
    assert (await scene.reload()).changes == ()


async def test_changed_carrier_finishes_what_it_has_and_binds_anew(
    scene: Scene, simulator: Any, make_simulator: Any, until: Callable[..., Any]
) -> None:
    second = await make_simulator()
    harness = scene.harness
    account = await harness.account(credits=10)
    old = harness.carriers["main"]
    await until(lambda: old.up)
    scene.change(carriers=(scene.carrier("main", second.port, password=Secret("new")),))
    told = await scene.reload()
    assert told.changes == (
        f"carrier main: port {simulator.port} -> {second.port}; password *** -> ***",
    )
    assert not old.up
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED)
    assert (simulator.taken, second.taken) == (0, 1)


async def test_what_waits_on_a_route_that_is_gone_is_routed_anew(
    scene: Scene, simulator: Any, make_simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.core.delivery.backlog.MAX_QUEUED", 4)
    second = await make_simulator()
    harness = scene.harness
    account = await harness.account(credits=20)
    harness.dispatcher.hold("main", True)
    for number in range(10):
        await harness.submit(account, f"452000000{number}")
    scene.change(
        carriers=(scene.carrier("second", second.port),),
        routes=(RouteTable(name="new", carriers=("second",)),),
    )
    told = await scene.reload()
    assert told.moved == 10
    await harness.until_states(account, S.DELIVERED, count=10)
    assert {row["route"] for row in await harness.rows(messages)} == {"new"}
    assert (simulator.taken, second.taken) == (0, 10)
    assert await harness.balance(account) == (10, 0, 10)
    assert list(harness.carriers) == ["second"]


async def test_messages_in_flight_at_a_carrier_that_is_gone_are_not_lost(
    scene: Scene, simulator: Any, make_simulator: Any, until: Callable[..., Any]
) -> None:
    second = await make_simulator()
    harness = scene.harness
    account = await harness.account(credits=20)
    simulator.answers.shut()
    for number in range(4):
        await harness.submit(account, f"452000000{number}")
    await until(lambda: harness.dispatcher.in_flight() == {"main": 4})
    scene.change(
        carriers=(scene.carrier("second", second.port),),
        routes=(RouteTable(name="rest", carriers=("second",)),),
    )
    reloading = asyncio.create_task(scene.reload())
    await until(lambda: "second" in harness.carriers)
    simulator.answers.open()
    await reloading
    await harness.until_states(account, S.DELIVERED, count=4)
    assert simulator.taken + second.taken == 4
    assert await harness.balance(account) == (16, 0, 4)


async def test_weights_and_limits_change_without_a_restart(
    scene: Scene, simulator: Any, make_simulator: Any, until: Callable[..., Any]
) -> None:
    second = await make_simulator()
    harness = scene.harness
    account = await harness.account(credits=100)
    scene.change(
        carriers=(*scene.settings.carriers, scene.carrier("second", second.port)),
        routes=(RouteTable(name="rest", carriers=("main", "second"), weights=(1, 1)),),
    )
    await scene.reload()
    await until(lambda: all(carrier.up for carrier in harness.carriers.values()))
    for number in range(20):
        await harness.submit(account, f"45200000{number:02}")
    await harness.until_states(account, S.DELIVERED, count=20)
    assert (simulator.taken, second.taken) == (10, 10)
    scene.change(quotas=(QuotaTable(carrier="second", parts_per_day=12),))
    assert (await scene.reload()).changes == ("quota second: new",)
    for number in range(20):
        await harness.submit(account, f"45300000{number:02}")
    await harness.until_states(account, S.DELIVERED, count=40)
    assert (simulator.taken, second.taken) == (28, 12)


async def test_mistakes_change_nothing(scene: Scene, tmp_path: Path) -> None:
    before = scene.harness.router.routes["rest"]
    wrong = tmp_path / "prices.csv"
    wrong.write_text("prefix,price\n45,free\n")
    good = scene.settings
    cases = [
        (
            msgspec.structs.replace(
                good, price_lists=(PriceListTable(carrier="main", file=str(wrong)),)
            ),
            "line 2: 'free' is not a price",
        ),
        (
            msgspec.structs.replace(good, carriers=(PhonesTable(name="main"),)),
            "carriers.main: phones and other carriers need different names",
        ),
    ]
    for settings, reason in cases:
        scene.settings = settings
        with pytest.raises(Refused) as raised:
            await scene.reload()
        assert raised.value.code is RefusalCode.INVALID_FIELD
        assert reason in raised.value.detail
        assert scene.harness.router.routes["rest"] is before

    def fail() -> Settings:
        raise ConfigError("dragoman.toml", [Mistake("routes.rest.carriers", "missing")])

    scene.reloading._load = fail
    with pytest.raises(Refused) as raised:
        await scene.reload()
    assert "routes.rest.carriers: missing" in raised.value.detail


async def test_tables_that_need_a_restart_are_named(scene: Scene) -> None:
    limits = msgspec.structs.replace(scene.settings.limits, max_parts=3)
    scene.change(limits=limits)
    told = await scene.reload()
    assert (told.changes, told.at_restart) == ((), ("limits",))


async def test_database_that_fails_in_a_reload_delays_only_the_move(
    scene: Scene, make_simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = await make_simulator()
    harness = scene.harness
    account = await harness.account(credits=20)
    harness.dispatcher.hold("main", True)
    for number in range(3):
        await harness.submit(account, f"452000000{number}")
    scene.change(
        carriers=(scene.carrier("second", second.port),),
        routes=(RouteTable(name="new", carriers=("second",)),),
    )

    async def fail(*_: Any) -> None:
        raise StorageUnavailable("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(harness.storage.writer, "write", fail)
        told = await scene.reload()
    assert (told.applied, told.moved) == (True, 0)
    assert set(await harness.states(account)) == {S.QUEUED}
    await harness.rerouting.check()
    await harness.until_states(account, S.DELIVERED, count=3)
    assert await harness.balance(account) == (17, 0, 3)


async def test_what_a_price_list_in_a_file_changes_is_told(scene: Scene, tmp_path: Path) -> None:
    listed = tmp_path / "prices.csv"
    scene.change(price_lists=(PriceListTable(carrier="main", file=str(listed)),))
    costs, told = scene.harness.services.selection.costs, []
    for text in ("45,0.03\n46,0.04\n", "45,0.05\n47,0.04\n", "45,0.05\n47,0.04\n"):
        listed.write_text(f"prefix,price\n{text}")
        told += [
            line for line in (await scene.reload()).changes if line.startswith("price list main: ")
        ]
    assert told == [
        "price list main: new",
        "price list main: 2 new",
        "price list main: 1 new, 1 changed, 1 removed",
    ]
    assert costs.cost_of("main", "4512345678", 0) == 50_000
