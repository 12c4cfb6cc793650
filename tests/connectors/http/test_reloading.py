"""Carriers over HTTP come, change and go while the gateway runs."""

from __future__ import annotations

from typing import Any

import aiohttp
import msgspec
from tests.passing_time import until

from dragoman.admin.carriers import TryOut, try_carrier
from dragoman.admin.reloading import Reloading, connect_carrier
from dragoman.config.tables import Mm7Table, RouteTable
from dragoman.config.values import Secret
from dragoman.core.messages.model.lifecycle import State

from .conftest import KEY, OUR_NUMBER, Provider

POOR_KEY = "00000000000000000000000000000000"


async def test_carrier_over_http_is_changed_and_added_without_a_restart(
    provider: Provider, make_ours: Any
) -> None:
    ours = await make_ours("linkmobility", provider.url, credentials={"apikey": POOR_KEY})
    gateway = ours.gateway
    wanted = settings = gateway.services.settings
    reloading = Reloading(
        gateway.services,
        load=lambda: wanted,
        connect=lambda table: connect_carrier(gateway.services, table),
        supervisor=gateway._supervisor,
    )
    (table,) = settings.carriers
    good = msgspec.structs.replace(table, credentials={"apikey": Secret(KEY)})
    wanted = msgspec.structs.replace(settings, carriers=(good,))
    told = await reloading.reload(check=False)
    assert told.changes == ("carrier provider: credentials … -> …",)
    tested = await try_carrier(gateway.admin, "provider", TryOut(to="4511111110"))
    assert tested.meaning == "accepted", "it is tried as it is now"
    await ours.send("4511111111")
    await ours.until_states(State.DELIVERED)  # its report came by a call to the same address

    second = msgspec.structs.replace(good, name="second")
    wanted = msgspec.structs.replace(
        settings, carriers=(second,), routes=(RouteTable(name="all", carriers=("second",)),)
    )
    assert (await reloading.reload(check=False)).changes == (
        "carrier provider: removed",
        "carrier second: new",
        "route all: carriers provider -> second",
    )
    await ours.send("4511111112")
    await ours.until_states(State.DELIVERED, State.DELIVERED)
    assert [message.carrier for message in await ours.outbox()] == ["provider", "second"]
    await provider.forward("linkmobility", ours.callback_url.replace("/provider/", "/second/"))
    await provider.smsc.send_text("4599999999", OUR_NUMBER, "hello there")
    await until(ours.texts, "a text in the inbox")
    assert await ours.texts() == [("4599999999", OUR_NUMBER, "hello there")]
    assert gateway.ready


async def test_carrier_over_mm7_comes_changes_and_goes_without_a_restart(
    provider: Provider, make_ours: Any
) -> None:
    ours = await make_ours("linkmobility", provider.url, credentials={"apikey": KEY})
    gateway = ours.gateway
    wanted = settings = gateway.services.settings
    reloading = Reloading(
        gateway.services,
        load=lambda: wanted,
        connect=lambda table: connect_carrier(gateway.services, table),
        supervisor=gateway._supervisor,
    )
    base = ours.callback_url.partition("/carriers/")[0]
    mmsc = Mm7Table(name="mmsc", url=f"{provider.url}/mm7", report_secret=Secret("s-1"))

    async def report(secret: str) -> int:
        url = f"{base}/mm7/mmsc/{secret}"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=b"no envelope") as answer,
        ):
            return answer.status

    async def reload(*carriers: Any) -> tuple[str, ...]:
        nonlocal wanted
        routes = [RouteTable(name="texts", carriers=("provider",))]
        routes += [RouteTable(name="mms", carriers=(one.name,)) for one in carriers]
        wanted = msgspec.structs.replace(
            settings, carriers=(*settings.carriers, *carriers), routes=tuple(routes)
        )
        changes: tuple[str, ...] = (await reloading.reload(check=False)).changes
        return changes

    assert await report("s-1") == 404
    assert "carrier mmsc: new" in await reload(mmsc)
    assert gateway.connectors["mmsc"].up
    assert [await report("s-1"), await report("s-2")] == [400, 404]
    other = msgspec.structs.replace(mmsc, report_secret=Secret("s-2"))
    assert await reload(other) == ("carrier mmsc: report_secret *** -> ***",)
    assert [await report("s-1"), await report("s-2")] == [404, 400]
    assert "carrier mmsc: removed" in await reload()
    assert await report("s-2") == 404
