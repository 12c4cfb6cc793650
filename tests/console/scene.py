"""A whole gateway with a console, a simulated SMSC and some traffic, for browsers to look at."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from dragoman.app import Gateway
from dragoman.config import Settings
from dragoman.config.tables import SmppTable
from dragoman.domain.accounts import DEFAULT_PERMISSIONS, Account, Permission
from dragoman.testkit.simulator import Behaviour, Simulator

CHROMIUM: Final = Path("/usr/bin/chromium")
USERNAME: Final = "demo"
PASSWORD: Final = "correct horse battery"
DESKTOP: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 390, "height": 844}


class Scene:
    """What the browser finds: where, and the accounts."""

    def __init__(self, gateway: Gateway, simulator: Simulator, url: str, account: Account) -> None:
        self.gateway = gateway
        self.simulator = simulator
        self.url = url
        self.account = account


@asynccontextmanager
async def running_scene(folder: Path) -> AsyncIterator[Scene]:
    """A gateway that listens on a free port, and an operator called `demo`."""
    http, smsc = _free_port(), _free_port()
    settings = Settings.development(folder, http=f"127.0.0.1:{http}", smsc=f"127.0.0.1:{smsc}")
    carrier = settings.carriers[0]
    assert isinstance(carrier, SmppTable)
    simulator = Simulator(carrier.host, carrier.port)
    simulator.default = Behaviour(receipt_delay_s=0.05)
    gateway = Gateway(settings)
    await simulator.start()
    await gateway.start(migrate=True)
    try:
        created = await gateway.accounts.create(
            USERNAME,
            password=PASSWORD,
            credits=25_000,
            default_sender="Dragoman",
            permissions=DEFAULT_PERMISSIONS | {Permission.ADMINISTER, Permission.OPERATE},
            time_zone="Europe/Copenhagen",
        )
        for name in ("harbour-cafe", "city-library"):
            await gateway.accounts.create(
                name,
                password=PASSWORD,
                credits=500,
                parent=created.account,
                giver=created.account,
                permissions=DEFAULT_PERMISSIONS,
            )
        yield Scene(gateway, simulator, f"http://127.0.0.1:{http}", created.account)
    finally:
        await gateway.stop()
        await simulator.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
