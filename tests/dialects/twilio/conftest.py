"""Twilio's door over a real gateway on SQLite, asked in-process with the bytes a client sends."""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import pytest
from sqlalchemy import update
from tests.dialects.in_process import Answer, ask, nowhere

from dragoman.assembly import build_services, opened_services
from dragoman.config import Settings
from dragoman.config.dialects import Twilio
from dragoman.container import Services
from dragoman.core.accounts.auth_tokens import AuthToken
from dragoman.core.callbacks.sql.callbacks import CallbackState
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import InboundPartReport
from dragoman.core.messages.sql.tables import callbacks
from dragoman.core.model.errors import FailureCode
from dragoman.core.tables import metadata
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.twilio import build_twilio
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.storage.work import Operation
from dragoman.web.router import DialectApp

SID, TOKEN = "AC" + "a" * 32, "t0ken" * 6
OTHER_SID, OTHER_TOKEN = "AC" + "b" * 32, "0ther" * 6
POOR_SID, FENCED_SID, NAMED_SID = "AC" + "c" * 32, "AC" + "d" * 32, "AC" + "e" * 32
OWN_NUMBER = "4511112222"
OFFERED = ("+4520123401", "+4520123402", "+12025550143", "+4611112222")
FORM = (b"content-type", b"application/x-www-form-urlencoded")
MASKS: Final = (
    (re.compile(rb'"(date_\w+)":"[^"]*"'), rb'"\1":"DATE"'),
    (re.compile(rb"\b(SM|MM|MG|SK|ME|PN|AI|VA|VE)[0-9a-f]{32}"), rb"\1..."),
)


class Gate:
    """The dialect as a client sees it, and the services behind it."""

    def __init__(self, services: Services, dialect: ProviderDialect, token: AuthToken) -> None:
        self.services = services
        self.dialect = dialect
        self.token = token
        self._app = DialectApp([dialect.web], nowhere, body_timeout_s=30)

    async def call(
        self,
        method: str,
        path: str,
        form: dict[str, Any] | None = None,
        *,
        login: tuple[str, str] = (SID, TOKEN),
    ) -> Answer:
        """Calls a path, which may be that of something of the account."""
        if not path.startswith(("/20", "/v", "/api")):
            path = f"/2010-04-01/Accounts/{SID}{path}"
        headers = [basic(*login)]
        body = b""
        if form is not None:
            body = urlencode(form, doseq=True).encode()
            headers.append(FORM)
        return await ask(self._app, method, path, body, headers, masks=MASKS)

    async def raw(self, method: str, path: str, *headers: Any, body: bytes = b"") -> Answer:
        return await ask(self._app, method, path, body, headers, masks=MASKS)

    async def send(self, **form: Any) -> Any:
        """Sends a message, by default a short one; the answer."""
        form = {"To": "+4512345678", "From": "+4587654321", "Body": "Hello"} | form
        answer = await self.call("POST", "/Messages.json", form)
        assert answer.status == 201, answer.body
        return answer.json

    async def end(
        self, state: State = State.DELIVERED, failure: FailureCode = FailureCode.NONE
    ) -> None:
        """Lets every message that waits end so, as if a carrier had taken it."""
        change = self.services.delivery.change
        for message in list(self.services.live):
            for after in (State.SENDING, State.SENT, state):
                done = asyncio.get_running_loop().create_future()
                if message.state < after:
                    why = failure if after is state else FailureCode.NONE
                    change(message, after, done.set_result, failure=why)
                    await done

    async def service(self) -> str:
        """A messaging service with two senders; its SID."""
        answer = await self.call("POST", "/v1/Services", {"FriendlyName": "Shop"})
        sid = str(answer.json["sid"])
        for number in ("+4587654321", "+4587654322"):
            form = {"PhoneNumberSid": number}
            answer = await self.call("POST", f"/v1/Services/{sid}/PhoneNumbers", form)
            assert answer.status == 201, answer.body
        return sid

    async def end_callbacks(self) -> None:
        """Lets every call that waits be over."""

        def end(connection: Any, items: list[None]) -> list[None]:
            connection.execute(update(callbacks).values(state=CallbackState.DELIVERED.value))
            return items

        await self.services.storage.writer.write(Operation(end), None)

    async def dump(self) -> bytes:
        """All that stands in the tables, but for what the next write replaces."""

        def read(connection: Any) -> bytes:
            rows = [
                str(tuple(row))
                for table in metadata.tables.values()
                if table.name != "group_marks"
                for row in connection.execute(table.select())
            ]
            return "\n".join(rows).encode()

        return await self.services.storage.read(read)

    async def receive(self, text: str, sender: str = "4512345678", to: str = OWN_NUMBER) -> None:
        """A text arrives."""
        done = asyncio.get_running_loop().create_future()
        report = InboundPartReport(
            carrier="simulator", source=sender, destination=to, alphabet=Alphabet.GSM7, text=text
        )
        self.services.inbound.receive(report, done.set_result)
        assert await done


def basic(name: str, secret: str) -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + base64.b64encode(f"{name}:{secret}".encode())


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("twilio")

    async def create() -> None:
        async with opened_services(settings_of(folder), migrate=True) as services:
            create = services.accounts.create
            tester = (await create("tester", credits=1_000)).account
            accounts = {
                SID: tester,
                OTHER_SID: (await create("other")).account,
                POOR_SID: (await create("poor", credits=0)).account,
                FENCED_SID: (await create("fenced", allowed_addresses="198.51.100.0/24")).account,
                NAMED_SID: (await create("named", permissions=frozenset({"send"}))).account,
            }
            for sid, account in accounts.items():
                token = TOKEN if sid == SID else OTHER_TOKEN
                await services.auth_tokens.set(account, public_id=sid, token=token)
            await services.keywords.add_number(tester, OWN_NUMBER, shared=False)

    asyncio.run(create())
    return folder


def settings_of(folder: Path) -> Settings:
    settings = Settings.development(folder, http="127.0.0.1:8080", smsc="127.0.0.1:2775")
    dialects = msgspec.structs.replace(
        settings.dialects,
        twilio=Twilio(path_prefixes=("/api/laml",), available_numbers=OFFERED),
    )
    return msgspec.structs.replace(settings, dialects=dialects)


@pytest.fixture
async def gate(data_dir: Path, tmp_path: Path) -> AsyncIterator[Gate]:
    folder = tmp_path / "data"
    shutil.copytree(data_dir, folder)
    services = build_services(settings_of(folder))
    await services.open(migrate=False)
    token = await services.auth_tokens.find(SID)
    assert token is not None
    yield Gate(services, build_twilio(services), token)
    await services.close()
