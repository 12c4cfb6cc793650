"""A gateway without carriers that answers the admin interface on its socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlencode

import msgspec
import pytest

from dragoman.admin.client import Failed, local_client
from dragoman.admin.context import Admin
from dragoman.admin.server import AdminServer, build_admin_app
from dragoman.assembly import opened_services
from dragoman.config import Settings
from dragoman.container import Services
from dragoman.core.callbacks.model.held_hosts import HeldHost
from dragoman.core.callbacks.model.hosts import CallbackHost
from dragoman.core.messages.feed import Feed
from dragoman.core.metrics import Metrics


class IdleGateway:
    """A gateway without carriers."""

    def __init__(self, services: Services) -> None:
        self.metrics: Metrics = services.metrics
        self.feed: Feed = services.feed
        self.hosts: tuple[HeldHost, ...] = ()
        self.callback_hosts_now: tuple[CallbackHost, ...] = ()
        self.retried: list[tuple[int | None, str, int | None]] = []
        """What was asked to be tried now."""

    def carriers(self) -> tuple[()]:
        return ()

    def problems(self) -> list[str]:
        return []

    def warnings(self) -> list[str]:
        return []

    def carriers_up(self) -> dict[str, bool]:
        return {}

    def free_bytes(self) -> int | None:
        return None

    def waiting(self) -> dict[str, int]:
        return {"default": 0}

    def oldest_waiting_s(self) -> dict[str, float]:
        return {}

    def callbacks_waiting(self) -> int:
        return sum(host.waiting for host in self.hosts)

    def held_hosts(self) -> tuple[HeldHost, ...]:
        return self.hosts

    def callback_hosts(self) -> tuple[CallbackHost, ...]:
        return self.callback_hosts_now

    def retry_callbacks(
        self, account_id: int | None, host: str = "", message_id: int | None = None
    ) -> list[tuple[int, str, int]]:
        self.retried.append((account_id, host, message_id))
        return [(held.account_id, held.origin, held.waiting) for held in self.hosts]


class Caller:
    """Calls the operations over the socket, as the command line does."""

    def __init__(self, services: Services, admin: Admin) -> None:
        self.services = services
        self.admin = admin
        self.running = cast("IdleGateway", admin.running)
        self.client = local_client(services.settings.data_path, timeout_s=10)

    async def __call__(self, method: str, *path: str, **given: Any) -> Any:
        """What is answered to a body, or to a query for methods that have none."""
        target = "/".join(["/admin/v1", *(quote(part, safe="") for part in path)])
        body = None
        if method in ("GET", "DELETE"):
            target += f"?{urlencode(given)}" if given else ""
        else:
            body = msgspec.json.encode(given)
        return msgspec.json.decode(await asyncio.to_thread(self.client.call, method, target, body))

    async def refused(self, method: str, *path: str, **given: Any) -> str:
        """The code of the refusal of a call."""
        with pytest.raises(Failed) as caught:
            await self(method, *path, **given)
        assert str(caught.value)
        return caught.value.code


@pytest.fixture
async def call(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Caller]:
    settings = Settings.development(tmp_path, http="127.0.0.1:1", smsc="127.0.0.1:1", phones=True)
    assert settings.database_url == sqlite_url  # its tables are there already
    async with opened_services(settings) as services:
        running = IdleGateway(services)
        admin = Admin(services=services, running=running, started_ms=services.clock.now_ms())
        server = AdminServer(build_admin_app(admin), admin.services.settings.data_path)
        await server.start()
        yield Caller(services, admin)
        await server.stop()
        assert not server.path.exists()


@pytest.fixture
def services(call: Caller) -> Services:
    return call.services
