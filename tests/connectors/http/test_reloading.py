"""Carriers over HTTP come, change and go while the gateway runs."""

from __future__ import annotations

from typing import Any

import msgspec
from tests.passing_time import until

from dragoman.admin.reloading import Reloading, connect_carrier
from dragoman.config.tables import RouteTable
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
