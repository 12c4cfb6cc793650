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
from dragoman.core.inbound.model.inbound import StoredInbound
from dragoman.core.inbound.sql.inbound import NewInbound, store_texts
from dragoman.core.messages.live import LiveMessage
from dragoman.core.messages.model.callbacks import CallbackCall, CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.outcomes import Accepted
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.model.errors import FailureCode
from dragoman.dialects.linkmobility import build_linkmobility
from dragoman.kit.clock import FixedClock
from dragoman.web.router import DialectApp

KEY = "a1bd9f58b7d6a45b48fa92c427132c4ad3744afdebf8b99af207de991f78f9d4"
OTHER_KEY = "b" * 64
NOW_MS = 1_790_000_000_000  # 21-09-2026 16:13:20 in Copenhagen
CREDITS = 1_000

_MASKS = (
    (re.compile(rb"\b[0-9a-f]{32}\b"), b"<msgid>"),
    (re.compile(rb"\b[0-9]{10}-[0-9]+\b"), b"<lookupid>"),
    (re.compile(rb"\b[0-9]{15,16}\b"), b"<id>"),
    (re.compile(rb'("userid":"?|"list":{"id":"|"type_1":"user","value_1":")[0-9]+'), rb"\1<id>"),
    (re.compile(rb"(<userid>|<list>\n    <id>|user</type_1>\n    <value_1>)[0-9]+"), rb"\1<id>"),
)


class Link:
    """A customer of the dialect, and the carrier behind it."""

    def __init__(self, services: Services, clock: FixedClock) -> None:
        self.services = services
        self.announced: list[NewCallback] = []
        services.callback_stored.subscribe(self.announced.append)
        self.clock = clock
        self.key = KEY
        self.dialect = build_linkmobility(services)
        self.app = DialectApp([self.dialect.web], nowhere, body_timeout_s=30)

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        content_type: bytes = b"application/json",
        client: str = "192.0.2.1",
        **headers: str,
    ) -> Answer:
        """Calls `/v2/<target>`; `{key}` in it is the account's key."""
        path = f"/v2/{target}".replace("{key}", self.key)
        given = [
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(body)),
            *((n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()),
        ]
        return await ask(self.app, method, path, body, given, client=client, masks=_MASKS)

    async def get(self, target: str) -> Answer:
        return await self.ask("GET", f"{target}{'&' if '?' in target else '?'}apikey={{key}}")

    async def post(self, body: bytes, content_type: bytes = b"application/json") -> Answer:
        return await self.ask("POST", "message.json?apikey={key}", body, content_type)

    async def send(self, **fields: Any) -> Answer:
        """Sends a message of these fields beside the usual ones."""
        message = {"recipients": "+4512721272", "sender": "TEST", "message": "Hello world!"}
        return await self.post(msgspec.json.encode({"message": message | fields}))

    async def sent(self, **fields: Any) -> str:
        """Sends a message and returns its batch id."""
        answer = await self.send(**fields)
        assert answer.status == 201, answer.body
        batch_id: str = answer.json["details"]["batchid"]
        return batch_id

    async def rows(self) -> dict[str, int]:
        """How many rows every table has, and the credits in all wallets."""
        return await count_rows(self.services.storage)

    def live(self) -> list[LiveMessage]:
        return sorted(self.services.live, key=lambda message: message.message_id)

    async def accept(self, message: LiveMessage) -> None:
        """The carrier takes a message."""
        ids = tuple(f"{message.message_id:x}-{n}" for n in range(message.part_count))
        await self._stored(
            lambda done: self.services.delivery.accepted(
                message, "simulator", Accepted(carrier_ids=ids), done
            )
        )

    async def report(
        self, message: LiveMessage, state: State, failure: FailureCode = FailureCode.NONE
    ) -> None:
        """The carrier reports on a message."""
        await self._stored(
            lambda done: self.services.delivery.change(message, state, done, failure=failure)
        )

    async def receive(self, sender: str, recipient: str, text: str) -> None:
        """A phone sends a text to the account."""
        account = await self.services.accounts.find("hn")
        row = StoredInbound(
            inbound_id=self.services.ids.next(),
            account_id=account.account_id,
            carrier="simulator",
            sender=sender,
            recipient=recipient,
            text=text,
            alphabet="gsm7",
            keyword=text.split()[0].upper(),
            parts=1,
            complete=True,
        )
        await self.services.storage.writer.write(store_texts, NewInbound(text=row))

    def calls(self) -> list[CallbackCall]:
        """The callbacks that would be made, as the dialect renders them."""
        return [
            self.dialect.render_callback(new.url, new.payload)
            for new in self.announced
            if isinstance(new.payload, CallbackFacts)
        ]

    async def _stored(self, act: Callable[[Callable[[bool], None]], Any]) -> None:
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        act(done.set_result)
        assert await done


def _settings(folder: Path) -> Settings:
    return Settings.development(folder, http="127.0.0.1:0", smsc="127.0.0.1:2775")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that has the account `hn` with credits, and `other`."""
    folder = tmp_path_factory.mktemp("prepared")

    async def prepare() -> None:
        services = build_services(_settings(folder), FixedClock(NOW_MS))
        await services.open(migrate=True)
        await services.accounts.create(
            "hn", api_key=KEY, password="secret", credits=CREDITS, legacy_md5=True
        )
        await services.accounts.create("other", api_key=OTHER_KEY, password="secret")
        await services.close()

    asyncio.run(prepare())
    return folder


@pytest.fixture(scope="module")
def configure() -> Callable[[Settings], Settings]:
    """What the tests of a room change in the settings; nothing here."""
    return lambda settings: settings


@asynccontextmanager
async def _opened(settings: Settings, prepared: Path) -> AsyncIterator[Link]:
    clock = FixedClock(NOW_MS)
    shutil.copytree(prepared, settings.data_path)
    services = build_services(settings, clock)
    await services.open(migrate=False)
    try:
        yield Link(services, clock)
    finally:
        await services.close()


@pytest.fixture
async def own_link(
    prepared: Path, tmp_path: Path, configure: Callable[[Settings], Settings]
) -> AsyncIterator[Link]:
    async with _opened(configure(_settings(tmp_path / "data")), prepared) as link:
        yield link


async def _of_module(
    prepared: Path,
    tmp_path_factory: pytest.TempPathFactory,
    configure: Callable[[Settings], Settings],
) -> AsyncIterator[Link]:
    folder = tmp_path_factory.mktemp("shared") / "data"
    async with _opened(configure(_settings(folder)), prepared) as link:
        yield link


shared_link = pytest_asyncio.fixture(_of_module, scope="module", loop_scope="module")
common_link = pytest_asyncio.fixture(_of_module, scope="module", loop_scope="module")


@pytest.fixture
def link(request: pytest.FixtureRequest) -> Any:
    return own_or_shared(request, "link")


@pytest.fixture
def refused(link: Link) -> Callable[[Awaitable[Answer]], Awaitable[Answer]]:
    """Checks that a call is refused, stores nothing and moves no credit."""

    async def check(asking: Awaitable[Answer]) -> Answer:
        before, meter = await link.rows(), sum(link.services.metrics.refused.values())
        answer = await asking
        assert await link.rows() == before
        assert sum(link.services.metrics.refused.values()) == meter + 1
        assert not link.announced
        assert list(link.services.live) == []
        return answer

    return check
