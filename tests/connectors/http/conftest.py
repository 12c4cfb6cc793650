"""Two gateways on loopback: ours sends over HTTP to a provider, which is a gateway of ours too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.passing_time import until
from tests.ports import free_port

from dragoman.config import Settings
from dragoman.config.dialects import Dialects, SmsGate
from dragoman.config.sections import Callbacks, Http
from dragoman.config.tables import HttpTable, NumberTable, RouteTable, SmppTable
from dragoman.config.values import Secret
from dragoman.connectors.http.carrier import HttpCarrier
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.callbacks import worker as worker_module
from dragoman.core.inbound.model.inbound import InboxFilter
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Submission
from dragoman.core.messages.model.views import MessageView
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.gateway import Gateway
from dragoman.testkit.simulator import Simulator

from .cases.shape import basic

KEY = "0123456789abcdef0123456789abcdef"
PASSWORD = "correct horse battery"
TOKEN = "token-of-the-callback-address"
DIALECTS = (
    "httpsms",
    "jasmin",
    "kannel",
    "linkmobility",
    "smsend",
    "smsgate",
    "smsgateway24",
    "twilio",
)
OUR_NUMBER = "4512720000"


class Provider:
    """A gateway that serves every dialect and delivers to a simulated SMSC."""

    def __init__(self, folder: Path, smsc: Simulator) -> None:
        self.smsc = smsc
        self.port = free_port()
        self.gateway = Gateway(
            Settings(
                data_dir=str(folder),
                http=Http(listen=f"127.0.0.1:{self.port}"),
                carriers=(
                    SmppTable(name="smsc", host="127.0.0.1", port=smsc.port, system_id="dragoman"),
                ),
                dialects=Dialects(enabled=DIALECTS, smsgate=SmsGate(plain_webhooks=True)),
                callbacks=Callbacks(allow_private=("127.0.0.0/8",), first_retry_s=0.05),
            )
        )
        self.account: Account

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        await self.gateway.start()
        await until(lambda: self.gateway.connectors["smsc"].up)
        made = await self.gateway.services.accounts.create(
            "reseller", password=PASSWORD, api_key=KEY, default_sender="Dragoman"
        )
        self.account = made.account
        await self.gateway.services.keywords.add_number(made.account, OUR_NUMBER, shared=False)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        form: Any = None,
        login: tuple[str, str] = ("reseller", PASSWORD),
    ) -> None:
        """Makes a call of an API with a password."""
        headers = {"Authorization": basic(*login)}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, f"{self.url}{path}", json=body, data=form) as answer,
        ):
            assert answer.status < 300, await answer.text()

    async def forward(self, dialect: str, url: str) -> None:
        """Has texts to our number forwarded."""
        keywords = self.gateway.services.keywords
        forwarding = await keywords.add_forwarding(
            self.account, dialect=dialect, url=url, charset="", continuous=False
        )
        await keywords.reserve(
            self.account, OUR_NUMBER, "hello", forwarding_id=forwarding.forwarding_id
        )


class Ours:
    """The gateway under test, with one HTTP carrier, or more."""

    def __init__(self, folder: Path, port: int, *carriers: HttpTable) -> None:
        self.folder = folder
        self.port = port
        names = tuple(carrier.name for carrier in carriers)
        self.gateway = Gateway(
            Settings(
                data_dir=str(folder),
                http=Http(listen=f"127.0.0.1:{port}"),
                carriers=carriers,
                routes=(RouteTable(name="all", carriers=names),),
                numbers=(NumberTable(number=OUR_NUMBER, account="shop"),),
            )
        )
        self.account: Account

    @property
    def carrier(self) -> HttpCarrier:
        carrier = next(iter(self.gateway.connectors.values()))
        assert isinstance(carrier, HttpCarrier)
        return carrier

    @property
    def callback_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/carriers/provider/{TOKEN}"

    async def start(self) -> None:
        await self.gateway.start()
        if not await self.gateway.services.accounts.list_all():
            made = await self.gateway.services.accounts.create("shop", password=PASSWORD)
            self.account = made.account

    async def stop(self) -> None:
        if self.gateway.ready:
            await self.gateway.stop()

    async def send(self, *numbers: str, text: str = "hello", **more: Any) -> None:
        await self.gateway.services.submission.submit(
            self.account,
            Submission(
                dialect="httpsms",
                recipients=numbers or ("4511111111",),
                text=text,
                **{"sender": "Dragoman", **more},
            ),
        )

    async def outbox(self) -> Sequence[MessageView]:
        wanted = OutboxFilter(account_id=self.account.account_id)
        page = await self.gateway.services.queries.outbox(wanted, 0, 1000)
        return tuple(reversed(page.messages))

    async def until_states(self, *states: State) -> Sequence[MessageView]:
        found: list[MessageView] = []

        async def reached() -> bool:
            found[:] = await self.outbox()
            return [message.state for message in found] == list(states)

        try:
            await until(reached)
        except AssertionError:
            shown = [(one.state, one.failure, one.detail) for one in found]
            raise AssertionError(f"{shown} never became {states}") from None
        return found

    async def until_all(self, *states: State, count: int) -> Sequence[MessageView]:
        """Waits until there are so many messages, each in one of these states."""
        found: list[MessageView] = []

        async def reached() -> bool:
            found[:] = await self.outbox()
            return len(found) == count and all(message.state in states for message in found)

        await until(reached)
        return found

    async def texts(self) -> list[tuple[str, str, str]]:
        """Sender, number and text of what arrived."""
        wanted = InboxFilter(account_id=self.account.account_id)
        page = await self.gateway.services.queries.inbox(wanted, 0, 100)
        return [(one.sender, one.recipient, one.text) for one in page.texts]


def _fill(folder: Path, migrated: bytes) -> None:
    """Makes the folder of a gateway whose tables are there already."""
    folder.mkdir()
    (folder / "dragoman.db").write_bytes(migrated)


@pytest.fixture
async def provider(
    tmp_path: Path,
    simulator: Simulator,
    sqlite_template: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Provider]:
    monkeypatch.setattr(worker_module, "FIRST_PAUSE_S", 0.05)
    _fill(tmp_path / "provider", sqlite_template)
    provider = Provider(tmp_path / "provider", simulator)
    await provider.start()
    yield provider
    await provider.gateway.stop()


@pytest.fixture
async def make_ours(tmp_path: Path, sqlite_template: bytes) -> AsyncIterator[Any]:
    """Returns a maker of started gateways with one HTTP carrier, `provider`."""
    made: list[Ours] = []

    async def make(
        preset: str,
        base_url: str,
        *,
        others: Sequence[HttpTable] = (),
        folder: Path | None = None,
        **more: Any,
    ) -> Ours:
        port = free_port()
        credentials = {name: Secret(value) for name, value in more.pop("credentials", {}).items()}
        carrier = HttpTable(
            **{
                "name": "provider",
                "preset": preset,
                "base_url": base_url,
                "public_url": f"http://127.0.0.1:{port}",
                "callback_token": Secret(TOKEN),
                "credentials": credentials,
                "retry_s": 0.05,
                **more,
            }
        )
        folder = folder or tmp_path / f"ours-{len(made)}"
        if not folder.exists():
            _fill(folder, sqlite_template)
        ours = Ours(folder, port, carrier, *others)
        await ours.start()
        made.append(ours)
        return ours

    yield make
    for ours in made:
        await ours.stop()
