"""The dialect over a real house on SQLite, with phones, asked with the bytes a client sends."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
import pytest
import pytest_asyncio
from tests.dialects.in_process import ask, nowhere, own_or_shared
from tests.passing_time import MovableClock

from dragoman.assembly import build_services, opened_services
from dragoman.config import Settings
from dragoman.config.settings import SIMULATOR
from dragoman.config.tables import PhonesTable, RouteTable
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.accounts.sql import accounts
from dragoman.core.contacts.sql.tables import contacts
from dragoman.core.devices.devices import ReportedSim
from dragoman.core.devices.model.devices import AssignmentState, Device, StoredAssignment
from dragoman.core.devices.sql import assignments
from dragoman.core.messages.live import LiveMessage
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql.tables import batches, messages
from dragoman.core.model.errors import FailureCode
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.smsgateway24 import build_smsgateway24
from dragoman.web.router import DialectApp

HERE = "192.0.2.7"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
BOUNDARY = "----form-data-b0undary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
PASSWORD = "correct horse battery"
NUMBER = "+4915752982212"
TOKEN = "df427bfcf113c9a21c67718035076b5b"
POOR_TOKEN = "00427bfcf113c9a21c67718035076b5b"
OTHER_TOKEN = "11427bfcf113c9a21c67718035076b5b"
TOKENS = {"acme": TOKEN, "poor": POOR_TOKEN, "other": OTHER_TOKEN}
CARRIER = "android"
DEFAULT_SENDER = "Dragoman"


class Answer(NamedTuple):
    status: int
    content_type: str
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Gate:
    """The dialect as a client sees it, and the house behind it."""

    def __init__(self, services: Services, dialect: ProviderDialect, account: Account) -> None:
        self.services = services
        self.dialect = dialect
        self.account = account
        self._app = DialectApp([dialect.web], nowhere, body_timeout_s=30)

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        content_type: str = FORM,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        piece: int = 0,
    ) -> Answer:
        """Asks with exact bytes; `piece` cuts the body as a chunked transfer does."""
        given = [(b"content-type", content_type.encode())] if body else []
        answer = await ask(
            self._app, method, target, body, [*given, *headers], client=HERE, piece=piece
        )
        return Answer(answer.status, answer.content_type, answer.body)

    async def call(self, name: str, way: str = "form", **given: Any) -> Answer:
        """Calls in one of the ways of `WAYS`."""
        return await WAYS[way](self, f"/getdata/{name}", given)

    async def ok(self, name: str, **given: Any) -> Any:
        """The answer to a good call with the token."""
        answer = await self.call(name, **{"token": TOKEN} | given)
        assert answer.status == 200, answer
        assert answer.json.get("error", 0) == 0, answer
        return answer.json

    async def refused(self, name: str, **given: Any) -> str:
        """What a bad call is told; everything else of its answer is checked here."""
        answer = await self.call(name, **{"token": TOKEN} | given)
        assert answer.status == 200, answer
        assert answer.content_type == "application/json"
        problem = answer.json
        assert list(problem) == ["error", "message"]
        assert problem["error"] == 1
        return str(problem["message"])

    async def send(self, **given: Any) -> int:
        """Sends a good text with some parameters changed; its `sms_id`."""
        answer = await self.ok("addsms", **{"sendto": NUMBER, "body": "Hello"} | given)
        sms_id: int = answer["sms_id"]
        return sms_id

    async def sms(self, sms_id: int, **given: Any) -> dict[str, Any]:
        """A text as `getallsms` shows it."""
        found: dict[str, Any] = (await self.ok("getallsms", **given))["smss"][str(sms_id)]
        return found

    async def status(self, sms_id: int) -> tuple[int, str]:
        answer = await self.ok("getsmsstatus", sms_id=sms_id)
        return answer["status"], answer["status_description"]

    async def phone(
        self, account: Account | None = None, *, sims: int = 1, name: str = ""
    ) -> Device:
        """A phone that is there, as it has registered."""
        device, _token = await self.services.devices.add(
            account or self.account,
            CARRIER,
            protocol="smsgate",
            name=name or "SM-F NIK!",
            sims=[ReportedSim(slot=slot, carrier="o2") for slot in range(1, sims + 1)],
            app_version="1.68",
        )
        return device

    async def message(self, sms_id: int) -> LiveMessage:
        batch_id = await self.services.short_ids.identifier_of(sms_id)
        return next(one for one in self.services.live if one.batch.batch_id == batch_id)

    async def move(
        self,
        message: LiveMessage,
        *states: State,
        failure: FailureCode = FailureCode.NONE,
        detail: str = "",
    ) -> None:
        """Lets things happen to a message."""
        for state in states:
            stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            last = state is states[-1]
            self.services.delivery.change(
                message,
                state,
                stored.set_result,
                carrier=CARRIER if state is not State.CANCELLED else None,
                failure=failure if last else FailureCode.NONE,
                detail=detail if last else "",
            )
            assert await stored

    async def hand_over(
        self, message: LiveMessage, device: Device, state: AssignmentState, slot: int = 1
    ) -> None:
        """Gives a message to a phone, as the connector writes it down."""
        now_ms = self.services.clock.now_ms()
        row = StoredAssignment(
            assignment_id=self.services.ids.next(),
            message_id=message.message_id,
            device_id=device.device_id,
            carrier=CARRIER,
            slot=slot,
            parts=1,
            state=state,
            cancelling=0,
            recipient=f"+{message.recipient}",
            valid_until_ms=now_ms + 1000,
            assigned_ms=now_ms,
            changed_ms=now_ms,
        )
        await self.services.storage.writer.write(assignments.assign, row)

    async def rows(self) -> tuple[int, int, int]:
        """How many batches, messages and contacts there are."""

        def count(connection: Any) -> tuple[int, int, int]:
            found = [
                len(connection.execute(table.select()).all())
                for table in (batches, messages, contacts)
            ]
            return found[0], found[1], found[2]

        return await self.services.storage.read(count)


async def _get(gate: Gate, path: str, given: Mapping[str, Any]) -> Answer:
    return await gate.ask("GET", f"{path}?{urlencode(_texts(given))}")


async def _post_query(gate: Gate, path: str, given: Mapping[str, Any]) -> Answer:
    return await gate.ask("POST", f"{path}?{urlencode(_texts(given))}")


async def _post_form(gate: Gate, path: str, given: Mapping[str, Any]) -> Answer:
    return await gate.ask("POST", path, urlencode(_texts(given)).encode())


async def _post_multipart(gate: Gate, path: str, given: Mapping[str, Any]) -> Answer:
    return await gate.ask("POST", path, multipart(_texts(given)), MULTIPART)


async def _post_chunked(gate: Gate, path: str, given: Mapping[str, Any]) -> Answer:
    headers = ((b"transfer-encoding", b"chunked"),)
    return await gate.ask("POST", path, multipart(_texts(given)), MULTIPART, headers, piece=37)


async def _post_json(gate: Gate, path: str, given: Mapping[str, Any]) -> Answer:
    return await gate.ask("POST", path, msgspec.json.encode(given), JSON)


WAYS = {
    "get": _get,
    "query": _post_query,
    "form": _post_form,
    "multipart": _post_multipart,
    "chunked": _post_chunked,
    "json": _post_json,
}


def _texts(given: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in given.items()
        if value is not None
    }


def multipart(given: Mapping[str, str]) -> bytes:
    """A body as npm's form-data and PHP's curl write it."""
    parts = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in given.items()
    )
    return f"{parts}--{BOUNDARY}--\r\n".encode()


def settings_in(folder: Path) -> Settings:
    development = Settings.development(folder, http="127.0.0.1:8080", smsc="127.0.0.1:2775")
    return msgspec.structs.replace(
        development,
        carriers=(*development.carriers, PhonesTable(name=CARRIER)),
        routes=(RouteTable(name="north", prefixes=("44", "45", "49", "1"), carriers=(SIMULATOR,)),),
    )


async def create_accounts(settings: Settings) -> None:
    async with opened_services(settings, migrate=True) as services:
        made = services.accounts
        await made.create("acme", password=PASSWORD, default_sender=DEFAULT_SENDER)
        await made.create("poor", password="p", credits=1, default_sender=DEFAULT_SENDER)
        await made.create("other", password="p", default_sender=DEFAULT_SENDER)
        for username, token in TOKENS.items():
            account = await made.find(username)
            credential = made.credentials.of_token(
                account.account_id, token, CredentialKind.LOGIN_TOKEN
            )
            await services.storage.writer.write(
                accounts.issue_token, accounts.TokenIssue(credential=credential, most=9)
            )


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of accounts; hashing their passwords takes a while."""
    folder = tmp_path_factory.mktemp("smsgateway24")
    asyncio.run(create_accounts(settings_in(folder)))
    return folder


@asynccontextmanager
async def _opened(data_dir: Path, folder: Path) -> AsyncIterator[Gate]:
    shutil.copytree(data_dir, folder)
    services = build_services(settings_in(folder), MovableClock())
    await services.open(migrate=False)
    try:
        yield Gate(services, build_smsgateway24(services), await services.accounts.find("acme"))
    finally:
        await services.close()


@pytest.fixture
async def own_gate(data_dir: Path, tmp_path: Path) -> AsyncIterator[Gate]:
    async with _opened(data_dir, tmp_path / "data") as gate:
        yield gate


async def _of_module(
    data_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gate]:
    async with _opened(data_dir, tmp_path_factory.mktemp("shared") / "data") as gate:
        yield gate


shared_gate = pytest_asyncio.fixture(_of_module, scope="module", loop_scope="module")
common_gate = pytest_asyncio.fixture(_of_module, scope="module", loop_scope="module")


@pytest.fixture
def gate(request: pytest.FixtureRequest) -> Any:
    return own_or_shared(request, "gate")
