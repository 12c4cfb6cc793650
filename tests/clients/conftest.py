"""A gateway that listens, with a simulated carrier and a phone, for programs of other people."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.passing_time import PATIENCE_S

from dragoman.config import Settings
from dragoman.config.dialects import Twilio
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Permission
from dragoman.core.devices.model.devices import DeviceSettings, Limits
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.views import MessageView
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.gateway import Gateway
from dragoman.storage.engine import Storage
from dragoman.testkit.fake_phone import FakePhone
from dragoman.testkit.simulator import Simulator

NPM_FILES = Path(__file__).parent / "npm"
INSTALLING_S = 120
USERNAME, PASSWORD = "acme", "myPassword"
OFFERED = "+4520123401"


class Running:
    """A gateway with one account, which may have subaccounts, and its only phone."""

    def __init__(self, gateway: Gateway, url: str, phone: FakePhone) -> None:
        self.gateway = gateway
        self.url = url
        self.phone = phone

    async def messages(self) -> list[MessageView]:
        """What the account has sent, oldest first."""
        account = await self.gateway.services.accounts.find(USERNAME)
        wanted = OutboxFilter(account_id=account.account_id)
        page = await self.gateway.services.queries.outbox(wanted, 0, 1_000)
        return list(reversed(page.messages))

    async def until(self, *states: State) -> MessageView:
        """The newest message, once it is in one of the states."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                newest = (await self.messages())[-1]
                if newest.state in states:
                    return newest
                await asyncio.sleep(0.02)


async def call(act: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Calls a program that blocks, while the gateway runs."""
    return await asyncio.to_thread(act, *given, **named)


@pytest.fixture(scope="session")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clients from npm.

    Without npm their tests are skipped, or fail with REQUIRE_NODE=1.
    """
    if shutil.which("npm") is None or shutil.which("node") is None:
        complain = pytest.fail if os.environ.get("REQUIRE_NODE") == "1" else pytest.skip
        complain("there is no Node.js with npm; install them (Debian: apt install nodejs npm)")
    folder = tmp_path_factory.mktemp("npm") / "npm"
    shutil.copytree(NPM_FILES, folder)
    subprocess.run(("npm", "ci", "--silent"), cwd=folder, check=True, timeout=INSTALLING_S)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        http = f"127.0.0.1:{probe.getsockname()[1]}"
    simulator = Simulator(port=0)
    await simulator.start()
    folder = tmp_path_factory.mktemp("clients")
    settings = Settings.development(
        folder, http=http, smsc=f"127.0.0.1:{simulator.port}", phones=True
    )
    twilio = Twilio(available_numbers=(OFFERED,))
    settings = msgspec.structs.replace(
        settings, dialects=msgspec.structs.replace(settings.dialects, twilio=twilio)
    )
    storage = Storage(settings.database_url)
    storage.migrate()
    storage.close()
    gateway = Gateway(settings)
    await gateway.start()
    made = await gateway.services.accounts.create(
        USERNAME, password=PASSWORD, permissions=DEFAULT_PERMISSIONS | {Permission.ADMINISTER}
    )
    phone = FakePhone(f"http://{http}/api/mobile/v1", sims=2)
    code = await gateway.services.device_registration.create_code(made.account)
    await phone.register(code=code.code)
    no_limits = DeviceSettings(limits=Limits())  # or it waits three seconds before each text
    await gateway.services.devices.change_settings(int(phone.device_id), no_limits)
    await phone.start()
    try:
        yield Running(gateway, f"http://{http}", phone)
    finally:
        await phone.kill()
        await gateway.stop()
        await simulator.stop()
