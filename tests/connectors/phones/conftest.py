"""Whole gateways with phones, over real HTTP on loopback, and phones that call them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.passing_time import PATIENCE_S, MovableClock
from tests.ports import free_port

from dragoman.config import Settings
from dragoman.config.dialects import Dialects
from dragoman.config.sections import Callbacks, Devices, Http
from dragoman.config.settings import Settings as _Settings
from dragoman.config.tables import CarrierTable, PhonesTable, RouteTable
from dragoman.connectors import phones_of
from dragoman.connectors.phones import carrier as carrier_module
from dragoman.connectors.phones.carrier import PhonesCarrier
from dragoman.core.accounts.accounts import digest_of_key
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.accounts.sql import accounts
from dragoman.core.inbound.model.inbound import InboxFilter
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Submission
from dragoman.core.messages.model.views import MessageView
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.gateway import Gateway
from dragoman.testkit.fake_phone import FakePhone, wire

KEY = "0123456789abcdef0123456789abcdef"
PASSWORD = "correct horse battery"
NO_LIMITS = {"per_minute": 0, "gap_s": 0.0}


class PhoneGateway:
    """A gateway with phones as its users see it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = MovableClock()
        self.gateway = Gateway(settings, self.clock)
        self.phones: list[FakePhone] = []

    @property
    def base_url(self) -> str:
        return f"http://{self.settings.http.listen}/api/mobile/v1"

    @property
    def carrier(self) -> PhonesCarrier:
        return next(iter(phones_of(self.gateway.connectors).values()))

    async def account(self, username: str = "acme", *, password: bool = False) -> Account:
        """An account; `acme` has the well-known key. Hashing a password takes a while."""
        gateway = self.gateway
        key = KEY if username == "acme" else f"{username}-{KEY}"
        if password:
            made = await gateway.services.accounts.create(username, password=PASSWORD, api_key=key)
            return made.account
        now_ms, ids = gateway.services.clock.now_ms(), gateway.services.ids
        account = Account(account_id=ids.next(), username=username, wallet_id=ids.next())
        credential = accounts.NewCredential(
            credential_id=ids.next(),
            account_id=account.account_id,
            kind=CredentialKind.API_KEY.value,
            digest=digest_of_key(key),
            created_ms=now_ms,
        )
        new = accounts.NewAccount(
            account=account, unlimited=True, credentials=(credential,), created_ms=now_ms
        )
        await gateway.services.accounts.write(accounts.create, new)
        return account

    async def phone(
        self,
        account: Account,
        *,
        limits: dict[str, Any] | None = None,
        start: bool = True,
        **more: Any,
    ) -> FakePhone:
        """A phone that registers by code and starts; without limits unless some are given."""
        phone = FakePhone(self.base_url, **more)
        self.phones.append(phone)
        code = await self.gateway.services.device_registration.create_code(account)
        answer = await phone.register(code=code.code)
        assert answer.status == 201, answer
        await self.limit(phone, **(NO_LIMITS if limits is None else limits))
        if start:
            await phone.start()
        return phone

    async def limit(self, phone: FakePhone, **limits: Any) -> None:
        devices = self.gateway.services.devices
        device = devices.get(int(phone.device_id))
        assert device is not None
        settings = msgspec.structs.replace(
            device.settings, limits=msgspec.structs.replace(device.settings.limits, **limits)
        )
        await devices.change_settings(device.device_id, settings)

    async def send(self, account: Account, *numbers: str, text: str = "hello", **more: Any) -> int:
        accepted = await self.gateway.services.submission.submit(
            account,
            Submission(dialect="httpsms", recipients=numbers, text=text, sender="Dragoman", **more),
        )
        return accepted.batch_id

    async def send_over_http(self, number: str, text: str, ref: str) -> bytes:
        url = f"http://{self.settings.http.listen}/api/sms/send_sms.php"
        query = f"key={KEY}&mobile={number}&sender=Dragoman&msgtext={text}&ref={ref}"
        return (await wire.call("GET", f"{url}?{query}", {})).body

    async def ask_over_http(self, number: str, ref: str) -> Any:
        url = f"http://{self.settings.http.listen}/api/sms/dlr.php"
        return (await wire.call("GET", f"{url}?key={KEY}&full_number={number}&ref={ref}", {})).json

    async def outbox(self, account: Account) -> list[MessageView]:
        wanted = OutboxFilter(account_id=account.account_id)
        page = await self.gateway.services.queries.outbox(wanted, 0, 1000)
        return list(reversed(page.messages))

    async def inbox(self, account: Account) -> list[tuple[str, str, str]]:
        wanted = InboxFilter(account_id=account.account_id)
        page = await self.gateway.services.queries.inbox(wanted, 0, 1000)
        return [(text.sender, text.recipient, text.text) for text in reversed(page.texts)]

    async def until_states(self, account: Account, *states: State, count: int = 1) -> None:
        wanted = list(states) * count if len(states) == 1 else list(states)
        found: list[State] = []
        try:
            async with asyncio.timeout(PATIENCE_S):
                while found != wanted:
                    await asyncio.sleep(0.01)
                    found = [message.state for message in await self.outbox(account)]
        except TimeoutError:
            raise AssertionError(f"{found} never became {wanted}") from None

    async def stop(self) -> None:
        for phone in self.phones:
            await phone.kill()
        await self.gateway.stop()


@pytest.fixture
async def make_phone_gateway(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Any]]:
    """Returns a maker of started gateways over one database, which must not overlap."""

    monkeypatch.setattr(carrier_module, "TICK_S", 0.05)
    monkeypatch.setattr(carrier_module, "BUSY_RETRY_S", 0.02)
    monkeypatch.setattr(carrier_module, "ABSENT_RETRY_S", 0.05)
    made: list[PhoneGateway] = []

    async def make(
        *,
        url: str = sqlite_url,
        carriers: tuple[CarrierTable, ...] = (),
        routes: tuple[RouteTable, ...] = (),
        on_unknown: Any = "resend",
        dialects: Dialects = Dialects(),  # noqa: B008 - it is frozen
        callbacks: Callbacks = Callbacks(),  # noqa: B008
        **phones: Any,
    ) -> PhoneGateway:
        settings = _Settings(
            data_dir=str(Path(url.removeprefix("sqlite:///")).parent),
            http=Http(listen=f"127.0.0.1:{free_port()}", shutdown_timeout_s=1.0),
            storage=msgspec.structs.replace(_Settings().storage, url=url),
            carriers=(
                PhonesTable(name="android", on_unknown=on_unknown, **phones),
                *carriers,
            ),
            routes=routes,
            devices=Devices(),
            dialects=dialects,
            callbacks=callbacks,
        )
        phone_gateway = PhoneGateway(settings)
        made.append(phone_gateway)
        phone_gateway.carrier._notices._gap_s = 0.05
        await phone_gateway.gateway.start()
        return phone_gateway

    yield make
    for phone_gateway in made:
        if phone_gateway.gateway.ready:
            await phone_gateway.stop()


@pytest.fixture
async def phone_gateway(make_phone_gateway: Any) -> PhoneGateway:
    return await make_phone_gateway()  # type: ignore[no-any-return]
