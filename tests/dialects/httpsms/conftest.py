"""The dialect over a real house on SQLite, asked in-process with the bytes a client sends."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from tests.dialects.in_process import ask, nowhere

from dragoman.assembly import build_services, opened_services
from dragoman.config import Settings
from dragoman.config.settings import SIMULATOR
from dragoman.config.tables import PriceTable, RouteTable
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.httpsms import build_httpsms
from dragoman.web.router import DialectApp

HERE = "192.0.2.7"
KEY = "0123456789abcdef0123456789abcdef"
POOR_KEY = "poor-customers-key"
FENCED_KEY = "fenced-customers-key"
SHUT_KEY = "shut-customers-key"
CREDITS = 10
FORM = "application/x-www-form-urlencoded"


class Answer(NamedTuple):
    status: int
    content_type: str
    body: bytes


class Gate:
    """The dialect as a client sees it, and the house behind it."""

    def __init__(self, services: Services, dialect: ProviderDialect, account: Account) -> None:
        self.services = services
        self.dialect = dialect
        self.account = account
        self._app = DialectApp([dialect.web], nowhere, body_timeout_s=30)

    async def ask(
        self, method: str, target: str, body: bytes = b"", content_type: str = FORM
    ) -> Answer:
        headers = [(b"content-type", content_type.encode())] if body else []
        answer = await ask(self._app, method, target, body, headers, client=HERE)
        return Answer(answer.status, answer.content_type, answer.body)

    async def send(self, **changes: str) -> bytes:
        """Sends a good message with some parameters changed."""
        given = {
            "key": KEY,
            "mobile": "447483938220",
            "sender": "InfoSMS",
            "msgtext": "Hello",
            "ref": "h01txyo25k",
        } | changes
        query = "&".join(f"{name}={value}" for name, value in given.items())
        return (await self.ask("GET", f"/api/sms/send_sms.php?{query}")).body

    async def report(self, ref: str = "h01txyo25k", number: str = "447483938220") -> bytes:
        target = f"/api/sms/dlr.php?key={KEY}&full_number={number}&ref={ref}"
        return (await self.ask("GET", target)).body

    async def move(self, *states: State, failure: FailureCode = FailureCode.NONE) -> None:
        """Lets things happen to the newest message."""
        message = max(self.services.live, key=lambda live: live.message_id)
        for state in states:
            stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            carrier = "simulator" if state is not State.CANCELLED else None
            self.services.delivery.change(
                message,
                state,
                stored.set_result,
                carrier=carrier,
                failure=failure if state is states[-1] else FailureCode.NONE,
            )
            assert await stored

    async def stored(self) -> list[tuple[str, str, str, str]]:
        """What the house has accepted, oldest first: recipient, sender, text, protocol."""
        wanted = OutboxFilter(account_id=self.account.account_id)
        page = await self.services.queries.outbox(wanted, 0, 100)
        return [(m.recipient, m.sender, m.text, m.protocol) for m in reversed(page.messages)]

    async def available(self) -> int:
        return (await self.services.accounts.balance(self.account)).available


def settings_in(folder: Path) -> Settings:
    return msgspec.structs.replace(
        Settings.development(folder, http="127.0.0.1:8080", smsc="127.0.0.1:2775"),
        prices=(PriceTable(price="0.05"),),
        routes=(RouteTable(name="north", prefixes=("44", "45"), carriers=(SIMULATOR,)),),
    )


async def create_accounts(settings: Settings) -> None:
    async with opened_services(settings, migrate=True) as services:
        accounts = services.accounts
        await accounts.create("customer", password="p", api_key=KEY, credits=CREDITS)
        await accounts.create("poor", password="p", api_key=POOR_KEY, credits=0)
        await accounts.create(
            "fenced", password="p", api_key=FENCED_KEY, allowed_addresses="198.51.100.0/24"
        )
        await accounts.create("shut", password="p", api_key=SHUT_KEY)
        await accounts.set_enabled("shut", enabled=False)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of accounts; hashing their passwords takes a while."""
    folder = tmp_path_factory.mktemp("httpsms")
    asyncio.run(create_accounts(settings_in(folder)))
    return folder


@pytest.fixture
async def gate(data_dir: Path, tmp_path: Path) -> AsyncIterator[Gate]:
    folder = tmp_path / "data"
    shutil.copytree(data_dir, folder)
    services = build_services(settings_in(folder))
    await services.open(migrate=False)
    yield Gate(services, build_httpsms(services), await services.accounts.find("customer"))
    await services.close()
