"""Jasmin's door over a real gateway on SQLite, asked in-process with the bytes a client sends."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.dialects.in_process import Answer, ask, nowhere

from dragoman.assembly import build_services, opened_services
from dragoman.config import Settings
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.views import MessageView
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.jasmin import build_jasmin
from dragoman.web.router import DialectApp

LOGIN = "username=tester&password=foobar"


class Gate:
    """The dialect as a client sees it, and the services behind it."""

    def __init__(self, services: Services, dialect: ProviderDialect, account: Account) -> None:
        self.services = services
        self.dialect = dialect
        self.account = account
        self._app = DialectApp([dialect.web], nowhere, body_timeout_s=30)

    async def get(self, target: str) -> Answer:
        return await ask(self._app, "GET", target)

    async def post(self, target: str, body: bytes, content_type: str) -> Answer:
        return await ask(
            self._app, "POST", target, body, [(b"content-type", content_type.encode())]
        )

    async def send(self, query: str) -> list[MessageView]:
        """Sends with a good login; what was accepted, oldest first."""
        answer = await self.get(f"/send?{LOGIN}&{query}")
        assert (answer.status, answer.body[:9]) == (200, b'Success "'), answer.body
        return await self.accepted()

    async def accepted(self) -> list[MessageView]:
        wanted = OutboxFilter(account_id=self.account.account_id)
        page = await self.services.queries.outbox(wanted, 0, 100)
        return list(reversed(page.messages))


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jasmin")

    async def create() -> None:
        async with opened_services(_settings(folder), migrate=True) as services:
            await services.accounts.create("tester", password="foobar", default_sender="Shop")
            await services.accounts.create("poor", password="foobar", credits=0)
            await services.accounts.create(
                "fenced", password="foobar", allowed_addresses="198.51.100.0/24"
            )

    asyncio.run(create())
    return folder


def _settings(folder: Path) -> Settings:
    return Settings.development(folder, http="127.0.0.1:8080", smsc="127.0.0.1:2775")


@pytest.fixture
async def gate(data_dir: Path, tmp_path: Path) -> AsyncIterator[Gate]:
    folder = tmp_path / "data"
    shutil.copytree(data_dir, folder)
    services = build_services(_settings(folder))
    await services.open(migrate=False)
    yield Gate(services, build_jasmin(services), await services.accounts.find("tester"))
    await services.close()
