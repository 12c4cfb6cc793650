"""What a node and its partitions keep in memory or on their disk, where there are several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec
import pytest

from dragoman.config import Settings
from dragoman.config.alerts import AlertTable
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.alerts.model.rules import Alert, AlertKind
from dragoman.core.messages.model.lifecycle import State
from dragoman.testkit.simulator import Simulator
from tests.cluster.conftest import PARTITIONS
from tests.cluster.test_nodes import create, name_in, owner, send, shared, states
from tests.passing_time import until

MakeNode = Callable[..., Any]


def _with_alerts(settings: Settings) -> Settings:
    alerts = (
        AlertTable(
            name="down", kind=AlertKind.CARRIER_DOWN, for_s=0, mails=("operator@example.org",)
        ),
        AlertTable(
            name="poor",
            kind=AlertKind.CREDITS,
            account=name_in(1),
            limit=10,
            for_s=0,
            mails=("customer@example.org",),
        ),
    )
    return msgspec.structs.replace(settings, alerts=alerts)


async def test_rules_of_the_configuration_are_looked_at_once(
    make_node: MakeNode, simulator: Simulator
) -> None:
    a, b = await make_node("a", _with_alerts), await make_node("b", _with_alerts)
    await shared(a, b)
    services = owner(1, a, b).owned[1].gateway.services
    await services.accounts.create(name_in(1), credits=5)
    (holder,) = (node for node in (a, b) if node.carriers.held)
    await simulator.stop()
    await until(lambda: not holder.carriers.is_up("smsc"), "the carrier is down")
    other = b if holder is a else a
    await until(lambda: not other.carriers.is_up("smsc"), "the other node hears of it")
    found: list[tuple[int, str]] = []
    for partition in range(PARTITIONS):
        gateway = owner(partition, a, b).owned[partition].gateway
        await gateway.services.alerts.look(gateway)
        operator = await gateway.services.accounts.create(
            name_in(partition, 5), permissions=frozenset(Permission)
        )
        page: list[Alert] = await gateway.services.alerts.page(operator.account, None, 10)
        found += [(partition, alert.rule) for alert in page]
    assert found == [(0, "config:down"), (1, "config:poor")]


async def test_files_of_one_partition_are_nobody_elses(make_node: MakeNode) -> None:
    a = await make_node("a")
    await shared(a)
    account = (await create(0, a)).account
    uploads = [a.owned[partition].gateway.services.uploads for partition in range(PARTITIONS)]
    upload = await uploads[0].begin(account, "contacts.csv")
    await uploads[0].add_piece(account, upload.key, 0, b"Number\n+4520000001\n")
    for others in uploads[1:]:  # as at the start of a partition: what was arriving is dropped
        await others._restore()
    whole = await uploads[0].complete(account, upload.key)
    assert whole.rows == 1


async def test_a_node_that_was_out_of_touch_sends_nothing(
    make_node: MakeNode, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may hold its carriers by then: what it sent they would send too."""
    a, b = await make_node("a"), await make_node("b")
    await shared(a, b)
    (holder,) = (node for node in (a, b) if node.carriers.held)
    own, elsewhere = (next(iter(n.front.places)) for n in (holder, b if holder is a else a))
    accounts = {partition: await create(partition, a, b) for partition in (own, elsewhere)}
    heard = True
    monkeypatch.setattr(holder.carriers.held["smsc"].connector.links[0], "_may_send", lambda: heard)
    heard = False
    async with aiohttp.ClientSession() as http:
        for created in accounts.values():
            for _ in range(5):
                assert (await send(http, a, created.api_key))[0] == 201
    link = holder.carriers.held["smsc"].connector.links[0]
    await until(lambda: link.load == 10, "all wait for the link")
    assert not simulator.submits
    heard = True
    await until(lambda: len(simulator.submits) == 10, "they go out once it is heard again")
    for partition in accounts:

        async def done(partition: int = partition) -> bool:
            return await states(partition, a, b) == [State.DELIVERED] * 5

        await until(done)
    assert len(simulator.submits) == 10
