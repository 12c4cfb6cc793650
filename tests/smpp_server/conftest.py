"""A gateway that listens for binds, over a simulated SMSC, and a program that binds to it."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.passing_time import PATIENCE_S, until

from dragoman.config import Settings
from dragoman.config.sections import SmppServer as Section
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.smpp_logins import SmppOptions
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.views import MessageView
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.gateway import Gateway
from dragoman.protocols.smpp.codec import Framer, decode, encode
from dragoman.protocols.smpp.pdus import (
    Bind,
    BindTransceiver,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    Pdu,
    SubmitSm,
    Unbind,
    UnbindResp,
)
from dragoman.storage.engine import Storage
from dragoman.testkit.simulator import Simulator

SYSTEM_ID, PASSWORD = "acme", "Passw0rd"
NUMBER = "4512345678"


class Esme:
    """A customer's program over a socket; every PDU that it reads is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._framer = Framer()
        self._sequence = 0
        self.answers: dict[int, Pdu] = {}
        self.delivered: list[DeliverSm] = []
        self.raw = b""
        """Everything that was read."""
        self.statuses: list[int] = []
        """What the next deliver_sm are answered with; 0 once there are none."""
        self.silent = False
        """Whether deliver_sm and enquire_link are not answered."""
        self.unbound = False
        self.closed = False
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(65536):
                self.raw += data
                for frame in self._framer.feed(data):
                    self._take(decode(frame))
        except OSError:
            pass
        self.closed = True

    def _take(self, pdu: Pdu) -> None:
        number = pdu.sequence_number
        if isinstance(pdu, DeliverSm):
            self.delivered.append(pdu)
            if not self.silent:
                status = self.statuses.pop(0) if self.statuses else 0
                self.write(DeliverSmResp(command_status=status, sequence_number=number))
        elif isinstance(pdu, EnquireLink):
            if not self.silent:
                self.write(EnquireLinkResp(sequence_number=number))
        elif isinstance(pdu, Unbind):
            self.unbound = True
            self.write(UnbindResp(sequence_number=number))
        else:
            self.answers[number] = pdu

    def write(self, *pdus: Pdu) -> None:
        self._writer.write(b"".join(map(encode, pdus)))

    def write_octets(self, octets: bytes) -> None:
        self._writer.write(octets)

    def send(self, pdu: Pdu) -> int:
        """Sends a request under a sequence number of its own."""
        self._sequence += 1
        self.write(msgspec.structs.replace(pdu, sequence_number=self._sequence))
        return self._sequence

    async def ask(self, pdu: Pdu) -> Any:
        """Sends a request and returns its answer."""
        number = self.send(pdu)
        await until(lambda: number in self.answers or self.closed, f"answer to {pdu}")
        return self.answers[number]

    async def until_delivered(self, count: int) -> list[DeliverSm]:
        await until(lambda: len(self.delivered) >= count, f"{count} deliver_sm")
        return self.delivered

    async def until_closed(self) -> None:
        await until(lambda: self.closed, "the end of the connection")

    async def close(self) -> None:
        self._writer.close()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


class Site:
    """A gateway with an account that binds."""

    def __init__(self, gateway: Gateway, simulator: Simulator, account: Account) -> None:
        self.gateway = gateway
        self.services = gateway.services
        self.simulator = simulator
        self.account = account
        self.esmes: list[Esme] = []

    @property
    def port(self) -> int:
        return self.gateway.smpp_server.ports[0]

    async def connect(self, *, context: ssl.SSLContext | None = None, before: bytes = b"") -> Esme:
        port = self.gateway.smpp_server.ports[-1 if context else 0]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        if before:
            writer.write(before)
        esme = Esme(reader, writer)
        self.esmes.append(esme)
        return esme

    async def bind(
        self, kind: type[Bind] = BindTransceiver, *, version: int = 0x34, **more: Any
    ) -> Esme:
        """A program that is bound."""
        esme = await self.connect()
        given = {"system_id": SYSTEM_ID, "password": PASSWORD, **more}
        answer = await esme.ask(kind(interface_version=version, **given))
        assert answer.command_status == 0, answer
        return esme

    async def account_with_login(
        self, name: str, credits: int | None = None, **options: Any
    ) -> Account:
        created = await self.services.accounts.create(name, credits=credits)
        await self.services.smpp_logins.put(
            created.account, password=PASSWORD, options=SmppOptions(**options)
        )
        return created.account

    async def messages(self, account: Account | None = None) -> list[MessageView]:
        """What an account has sent, oldest first."""
        wanted = OutboxFilter(account_id=(account or self.account).account_id)
        page = await self.services.queries.outbox(wanted, 0, 10_000)
        return list(reversed(page.messages))

    async def until_states(self, *states: State, account: Account | None = None) -> None:
        async def reached() -> bool:
            return [one.state for one in await self.messages(account)] == list(states)

        await until(reached, f"states {states}")

    async def stop(self) -> None:
        for esme in self.esmes:
            await esme.close()
        await self.gateway.stop()


def submit(text: bytes = b"Hello", **more: Any) -> SubmitSm:
    """A usual submit_sm."""
    fields = {
        "source_addr_ton": 5,
        "source_addr": "Dragoman",
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "destination_addr": NUMBER,
        "short_message": text,
        **more,
    }
    return SubmitSm(**fields)


@pytest.fixture(scope="session")
def smpp_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that has an account with a login."""
    folder = tmp_path_factory.mktemp("smpp")
    settings = Settings.development(folder, http="127.0.0.1:0", smsc="127.0.0.1:1")
    storage = Storage(settings.database_url)
    storage.migrate()
    storage.close()
    return folder


MakeSite = Callable[..., Awaitable[Site]]


@pytest.fixture
async def make_site(smpp_data_dir: Path, tmp_path: Path) -> AsyncIterator[MakeSite]:
    """Returns a maker of sites over one folder; settings of the SMPP server are keywords."""
    made: list[Site] = []
    simulators: list[Simulator] = []
    folder = tmp_path / "data"
    shutil.copytree(smpp_data_dir, folder)

    async def make(*, simulator: Simulator | None = None, **section: Any) -> Site:
        if simulator is None:
            simulator = Simulator(port=0)
            await simulator.start()
            simulators.append(simulator)
        base = Settings.development(folder, http="127.0.0.1:0", smsc=f"127.0.0.1:{simulator.port}")
        settings = msgspec.structs.replace(
            base, smpp_server=Section(**{"listen": "127.0.0.1:0", **section})
        )
        gateway = Gateway(settings)
        await gateway.start()
        accounts = await gateway.services.accounts.list_all()
        if accounts:
            account = accounts[0]
        else:
            account = (await gateway.services.accounts.create(SYSTEM_ID)).account
            await gateway.services.smpp_logins.put(account, password=PASSWORD)
        site = Site(gateway, simulator, account)
        made.append(site)
        return site

    yield make
    async with asyncio.timeout(PATIENCE_S):
        for site in made:
            await site.stop()
        for simulator in simulators:
            await simulator.stop()


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    return await make_site()
