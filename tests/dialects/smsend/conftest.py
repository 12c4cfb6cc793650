"""The dialect over a real house on a SQLite file, asked in process as a server asks it."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.dialects.in_process import Answer, ask, count_rows, nowhere, own_or_shared

from dragoman.assembly import build_services
from dragoman.config import Settings
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Permission
from dragoman.dialects.smsend import build_smsend
from dragoman.dialects.smsend.mapping import PREFIX
from dragoman.kit.clock import FixedClock
from dragoman.web.router import DialectApp

USERNAME, PASSWORD = "username", "password"
OTHER = "other"
NOW_MS = 1_790_000_000_000  # 2026-09-21 16:13:20 in Rome
CREDITS = 1_000

_MASKS = (
    (re.compile(rb"\b[0-9a-f]{64}\b"), b"<token>"),
    (re.compile(rb"\b[0-9a-f]{32}\b"), b"<key>"),
    (re.compile(rb"\b[0-9]{15,16}\b"), b"<id>"),
    (re.compile(rb'("id[-_](?:alias|user|purchase|list|template|group)":"?)[0-9]+'), rb"\1<id>"),
    (re.compile(rb"^[0-9]+(?=;)"), b"<id>"),
)


class Customer:
    """A logged-in customer of the dialect: `get`, `post`, `put`, `delete` carry its keys."""

    def __init__(self, services: Services, clock: FixedClock) -> None:
        self.services = services
        self.clock = clock
        self.dialect = build_smsend(services)
        self.app = DialectApp([self.dialect.web], nowhere, body_timeout_s=30)
        self.keys: list[tuple[str, str]] = []
        self.user_key = ""

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: list[tuple[str, str]] | None = None,
        client: str = "192.0.2.1",
    ) -> Answer:
        """Calls `/API/v1.0/REST/<target>` with these headers, as a server passes them on."""
        given = [
            (b"content-length", b"%d" % len(body)),
            *((name.lower().encode(), value.encode()) for name, value in headers or []),
        ]
        return await ask(
            self.app, method, f"{PREFIX}/{target}", body, given, client=client, masks=_MASKS
        )

    async def begin(self, username: str = USERNAME) -> None:
        """Begins a session without the price of a password."""
        account = await self.services.accounts.find(username)
        self.user_key = str(account.account_id)
        session_key = self.services.sessions.open(account.account_id)
        self.keys = [("user_key", self.user_key), ("Session_key", session_key)]

    async def log_in(self, username: str = USERNAME, password: str = PASSWORD) -> None:
        """Begins a session, whose keys go with the calls from now on."""
        answer = await self.ask("GET", f"login?username={username}&password={password}")
        assert answer.status == 200, answer.body
        self.user_key, session_key = answer.body.decode().split(";")
        self.keys = [("user_key", self.user_key), ("Session_key", session_key)]

    async def get(self, target: str) -> Answer:
        return await self.ask("GET", target, headers=self.keys)

    async def post(self, target: str, body: object = b"") -> Answer:
        return await self._send("POST", target, body)

    async def put(self, target: str, body: object = b"") -> Answer:
        return await self._send("PUT", target, body)

    async def delete(self, target: str, body: object = b"") -> Answer:
        return await self._send("DELETE", target, body)

    async def subaccount(self, login: str, mode: int = 0, **fields: Any) -> str:
        """Makes a subaccount and returns its identifier."""
        body = {
            "address": "via xxx",
            "cell": "+393393939393",
            "city": "myCity",
            "company": False,
            "credit-eat-mode": mode,
            "email": "em@a.il",
            "login": login,
            "name": "myNome",
            "password": "myPassword",
            "province": "TN",
            "surname": "mySurname",
            "zip-code": "38010",
        }
        answer = await self.post("subaccount", body | fields)
        assert answer.status == 200, answer.body
        return answer.location.removeprefix("/subaccount/")

    async def rows(self) -> dict[str, int]:
        """How many rows every table has, and the credits in all wallets."""
        return await count_rows(self.services.storage)

    async def _send(self, method: str, target: str, body: object) -> Answer:
        """Sends bytes as they are and anything else as JSON."""
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        headers = [("Content-type", "application/json"), *self.keys]
        return await self.ask(method, target, data, headers)


def _settings(folder: Path) -> Settings:
    return Settings.development(folder, http="127.0.0.1:0", smsc="127.0.0.1:2775")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that has a superaccount with credits, and another account."""
    folder = tmp_path_factory.mktemp("prepared")

    async def prepare() -> None:
        services = build_services(_settings(folder), FixedClock(NOW_MS))
        await services.open(migrate=True)
        await services.accounts.create(
            USERNAME,
            password=PASSWORD,
            credits=CREDITS,
            permissions=DEFAULT_PERMISSIONS | {Permission.ADMINISTER},
        )
        await services.accounts.create(OTHER, password=PASSWORD)
        await services.close()

    asyncio.run(prepare())
    return folder


@pytest.fixture(scope="module")
def configure() -> Callable[[Settings], Settings]:
    """What the tests of a room change in the settings; nothing here."""
    return lambda settings: settings


@asynccontextmanager
async def _opened(settings: Settings, prepared: Path) -> AsyncIterator[Customer]:
    """A customer with a session."""
    clock = FixedClock(NOW_MS)
    shutil.copytree(prepared, settings.data_path)
    services = build_services(settings, clock)
    await services.open(migrate=False)
    try:
        customer = Customer(services, clock)
        await customer.begin()
        yield customer
    finally:
        await services.close()


@pytest.fixture
async def own_smsend(
    prepared: Path, tmp_path: Path, configure: Callable[[Settings], Settings]
) -> AsyncIterator[Customer]:
    async with _opened(configure(_settings(tmp_path / "data")), prepared) as customer:
        yield customer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_smsend(
    prepared: Path,
    tmp_path_factory: pytest.TempPathFactory,
    configure: Callable[[Settings], Settings],
) -> AsyncIterator[Customer]:
    folder = tmp_path_factory.mktemp("shared") / "data"
    async with _opened(configure(_settings(folder)), prepared) as customer:
        yield customer


@pytest.fixture
def smsend(request: pytest.FixtureRequest) -> Any:
    return own_or_shared(request, "smsend")


@pytest.fixture
def refused(smsend: Customer) -> Callable[[Awaitable[Answer]], Awaitable[Answer]]:
    """Checks that a call is refused, stores nothing and moves no credit."""

    async def check(asking: Awaitable[Answer]) -> Answer:
        before, meter = await smsend.rows(), sum(smsend.services.metrics.refused.values())
        answer = await asking
        assert 400 <= answer.status < 500
        assert await smsend.rows() == before
        assert sum(smsend.services.metrics.refused.values()) == meter + 1
        return answer

    return check
