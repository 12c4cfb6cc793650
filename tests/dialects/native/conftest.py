"""The API over a real gateway on SQLite, asked in process; one gateway for each module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.dialects.in_process import Answer, ask, nowhere

from dragoman.assembly import opened_services
from dragoman.config import Settings
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.native import build_native
from dragoman.web.router import DialectApp

KEY = "native-test-key-0001"
POOR = "native-test-key-0002"
DEAF = "native-test-key-0003"


class Gate:
    """The API as a program sees it, and the services behind it."""

    def __init__(self, services: Services, dialect: ProviderDialect, account: Account) -> None:
        self.services = services
        self.dialect = dialect
        self.account = account
        self._app = DialectApp([dialect.web], nowhere, body_timeout_s=30)

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str = KEY, idempotency: str = ""
    ) -> Answer:
        headers = [(b"authorization", b"Bearer " + key.encode())]
        if idempotency:
            headers.append((b"idempotency-key", idempotency.encode()))
        content = body if isinstance(body, bytes) else b""
        if body is not None:
            headers.append((b"content-type", b"application/json"))
            content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return await ask(self._app, method, f"/api/v1{path}", content, headers)

    async def ask(self, method: str, target: str, *headers: tuple[bytes, bytes]) -> Answer:
        return await ask(self._app, method, target, b"", headers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("native")
    settings = Settings.development(folder, http="127.0.0.1:8080", smsc="127.0.0.1:2775")
    async with opened_services(settings, migrate=True) as services:
        accounts = services.accounts
        await accounts.create("tester", api_key=KEY, default_sender="Shop")
        await accounts.create("poor", api_key=POOR, credits=0, default_sender="Shop")
        await accounts.create("deaf", api_key=DEAF, permissions=frozenset({Permission.SEND}))
        yield Gate(services, build_native(services), await accounts.find("tester"))
