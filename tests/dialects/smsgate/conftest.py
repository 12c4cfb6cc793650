"""The dialect over a real house on a SQLite file, asked with the bytes a client sends."""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import select
from tests.dialects.in_process import Answer, ask, count_rows, nowhere, own_or_shared

from dragoman.assembly import build_services
from dragoman.config import Settings
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.devices.devices import ReportedSim
from dragoman.core.devices.model.devices import Device
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode
from dragoman.core.tables import metadata
from dragoman.dialects.smsgate import build_smsgate
from dragoman.dialects.smsgate.calls import PREFIX
from dragoman.kit.clock import FixedClock
from dragoman.web.router import DialectApp

USERNAME, PASSWORD = "acme", "secret"
OTHER = "other"
NOW_MS = 1_790_000_000_000  # 2026-09-21T14:13:20Z
NUMBER = "+447483938220"

_MASKS = (
    (re.compile(rb'"[A-Za-z0-9_-]{43}"'), b'"<token>"'),
    (re.compile(rb"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{20}(?=\")"), b"<key>"),
    (re.compile(rb'("deviceId":"|^\[\{"id":")[0-9]+'), rb"\1<device>"),
)


class Program:
    """A program of one account, with a token for everything."""

    def __init__(self, services: Services, clock: FixedClock) -> None:
        self.services = services
        self.clock = clock
        self.dialect = build_smsgate(services)
        self.app = DialectApp([self.dialect.web], nowhere, body_timeout_s=30)
        self.authorization = ""

    async def ask(
        self,
        method: str,
        target: str,
        body: object = b"",
        *,
        authorization: str | None = None,
        prefix: str = PREFIX,
    ) -> Answer:
        """Calls `/api/3rdparty/v1/<target>`; bytes go as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        given = self.authorization if authorization is None else authorization
        headers = [(b"content-length", b"%d" % len(data))]
        if data:
            headers.append((b"content-type", b"application/json"))
        if given:
            headers.append((b"authorization", given.encode("latin-1")))
        return await ask(self.app, method, f"{prefix}/{target}", data, headers, masks=_MASKS)

    async def log_in(self, username: str = USERNAME, *scopes: str) -> Account:
        account = await self.services.accounts.find(username)
        issued = await self.services.scoped_tokens.issue(account, scopes or ("all:any",))
        self.authorization = f"Bearer {issued.access_token}"
        return account

    async def send(self, key: str = "", *numbers: str, **more: Any) -> Answer:
        body = {"textMessage": {"text": "Hello"}, "phoneNumbers": list(numbers or (NUMBER,))}
        body |= {"id": key} if key else {}
        return await self.ask("POST", "messages", body | more)

    async def phone(self, username: str = USERNAME, sims: int = 1) -> Device:
        """A phone that has registered; nothing of it runs."""
        account = await self.services.accounts.find(username)
        cards = [ReportedSim(slot=n, number=f"****{n:04d}") for n in range(1, sims + 1)]
        device, _ = await self.services.devices.add(
            account, "phones", protocol="smsgate", name="Maker/model", sims=cards
        )
        return device

    async def move(
        self,
        *states: State,
        recipient: str = NUMBER,
        failure: FailureCode = FailureCode.NONE,
        detail: str = "",
    ) -> None:
        """Lets things happen to the newest message to a number."""
        live = [m for m in self.services.live if m.recipient == recipient.removeprefix("+")]
        message = max(live, key=lambda one: one.message_id)
        for state in states:
            self.clock.advance(1.5)
            stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            last = state is states[-1]
            self.services.delivery.change(
                message,
                state,
                stored.set_result,
                carrier="simulator",
                failure=failure if last else FailureCode.NONE,
                detail=detail if last else "",
            )
            assert await stored

    async def rows(self) -> dict[str, int]:
        """How many rows every table has, and the credits in all wallets."""
        return await count_rows(self.services.storage)

    async def told(self) -> list[tuple[str, str]]:
        """The callbacks that wait, oldest first: URL and facts."""
        table = metadata.tables["callbacks"]
        query = select(table.c.url, table.c.payload).order_by(table.c.callback_id)
        return await self.services.storage.read(
            lambda c: [(row[0], row[1]) for row in c.execute(query)]
        )


def basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def _settings(folder: Path) -> Settings:
    return Settings.development(folder, http="127.0.0.1:0", smsc="127.0.0.1:2775", phones=True)


@pytest.fixture(scope="session")
def prepared_smsgate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of two accounts."""
    folder = tmp_path_factory.mktemp("smsgate")

    async def prepare() -> None:
        services = build_services(_settings(folder), FixedClock(NOW_MS))
        await services.open(migrate=True)
        for username in (USERNAME, OTHER):
            await services.accounts.create(username, password=PASSWORD)
        await services.close()

    asyncio.run(prepare())
    return folder


@asynccontextmanager
async def _opened(folder: Path, prepared_smsgate: Path) -> AsyncIterator[Program]:
    shutil.copytree(prepared_smsgate, folder)
    clock = FixedClock(NOW_MS)
    services = build_services(_settings(folder), clock)
    await services.open(migrate=False)
    try:
        made = Program(services, clock)
        await made.log_in()
        yield made
    finally:
        await services.close()


@pytest.fixture
async def own_program(prepared_smsgate: Path, tmp_path: Path) -> AsyncIterator[Program]:
    async with _opened(tmp_path / "data", prepared_smsgate) as program:
        yield program


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_program(
    prepared_smsgate: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Program]:
    folder = tmp_path_factory.mktemp("shared") / "data"
    async with _opened(folder, prepared_smsgate) as program:
        yield program


@pytest.fixture
def program(request: pytest.FixtureRequest) -> Any:
    return own_or_shared(request, "program")


@pytest.fixture
def refused(program: Program) -> Callable[[Awaitable[Answer]], Awaitable[Answer]]:
    """Checks that a call is refused and stores nothing."""

    async def check(asking: Awaitable[Answer]) -> Answer:
        before = await program.rows()
        answer = await asking
        assert 400 <= answer.status < 500
        assert answer.headers[b"content-type"] == b"application/json"
        assert list(answer.json) == ["message"]
        assert answer.json["message"]
        assert await program.rows() == before
        return answer

    return check
