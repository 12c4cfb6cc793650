"""Campaigns on a real database, and a real SMTP server that receives their mails."""

from __future__ import annotations

import asyncio
import email
from collections.abc import AsyncIterator, Callable, Sequence
from email.message import EmailMessage
from email.policy import default
from typing import Any

import msgspec
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import Connection, select
from tests.passing_time import PATIENCE_S, MovableClock

from dragoman.campaigns.build import build_relay_share
from dragoman.campaigns.relay import RelayConnection
from dragoman.config.sections import Mailings as Settings
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.sql import accounts
from dragoman.core.campaigns.issues import Issues
from dragoman.core.campaigns.mailings import Mailings
from dragoman.core.campaigns.model.mailings import DeliveryState, Issue, ListState, MailingList
from dragoman.core.campaigns.sql.tables import deliveries, subscriptions
from dragoman.core.campaigns.worker import MailWorker
from dragoman.core.metrics import Metrics
from dragoman.core.placement.placement import Placement
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

SENDER = "bounces@relay.example"
PAGES = "https://example.com/mailings"


class Relay:
    """An SMTP server that keeps what it takes, and fails as it is told to.

    `recipients` and `contents` hold answers to give first, by address; `lost` are addresses whose
    next mail is taken, and the connection cut before the answer.
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.senders: list[str] = []
        self.recipients: dict[str, list[str]] = {}
        self.contents: dict[str, list[str]] = {}
        self.lost: set[str] = set()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._protocols: list[SMTP] = []

    def _accept(self) -> SMTP:
        self._protocols.append(SMTP(self, hostname="relay.test"))
        return self._protocols[-1]

    def transports(self) -> list[Any]:
        """The server's ends of its connections."""
        return [one.transport for one in self._protocols if one.transport is not None]

    async def start(self) -> None:
        self._protocols.clear()
        self._server = await asyncio.get_running_loop().create_server(
            self._accept,
            "127.0.0.1",
            self.port,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for transport in self.transports():
                transport.close()
            self._server = None

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        answers = self.recipients.get(address)
        if answers:
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        [address] = envelope.rcpt_tos
        answers = self.contents.get(address)
        if answers:
            return answers.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        self.raw.append(content)
        self.mails.append(email.message_from_bytes(content, policy=default))
        self.senders.append(envelope.mail_from or "")
        if address in self.lost:
            self.lost.discard(address)
            assert server.transport is not None
            server.transport.abort()
        return "250 2.0.0 OK"

    def to(self, address: str) -> list[EmailMessage]:
        """The mails that an address got."""
        return [mail for mail in self.mails if mail["To"] == address]


class Book:
    """An address book in memory."""

    def __init__(self) -> None:
        self.people: dict[int, str] = {}
        self.groups: dict[int, list[int]] = {}

    async def addresses(self, account: int, contact_ids: Sequence[int]) -> dict[int, str]:
        return {one: self.people[one] for one in contact_ids if one in self.people}

    async def members(self, account: int, group_id: int) -> Sequence[int]:
        return self.groups[group_id]


class Campaign:
    """An account with a list, and everything that sends its issues; `begin` starts the worker."""

    def __init__(self, storage: Storage, relay: Relay) -> None:
        self.storage = storage
        self.relay = relay
        self.clock = MovableClock()
        self.ids = IdSource(self.clock)
        self.book = Book()
        self.mailings = Mailings(
            storage=storage,
            placement=Placement(storage=storage, clock=self.clock),
            ids=self.ids,
            clock=self.clock,
            enabled=True,
            sender_domains=(),
            book=self.book,
        )
        self.issues = Issues(
            storage=storage, mailings=self.mailings, ids=self.ids, clock=self.clock
        )
        self.settings = Settings(
            enabled=True,
            relay=f"127.0.0.1:{relay.port}",
            security="none",
            sender=SENDER,
            base_url="https://example.com",
            rate_per_s=10_000,
            timeout_s=5,
            first_retry_s=300,
            max_hard_bounces=2,
        )
        self.worker: MailWorker | None = None
        self._task: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        await self.another_account("acme")

    async def another_account(self, username: str = "other") -> Account:
        """Makes an account with a list the campaign's."""
        self.account = Account(
            account_id=self.ids.next(), username=username, wallet_id=self.ids.next()
        )
        await self.storage.writer.write(
            accounts.create,
            accounts.NewAccount(
                account=self.account,
                unlimited=True,
                credentials=(),
                created_ms=self.clock.now_ms(),
            ),
        )
        self.list = await self.new_list()
        return self.account

    async def new_list(self, **changed: Any) -> MailingList:
        new = MailingList(
            list_id=0,
            account_id=self.account.account_id,
            title="News",
            language="eng",
            sender="news@acme.example",
            reply_to="office@acme.example",
            company_name="Acme",
            company_address="1 High Street",
            company_url="www.acme.example",
            company_phone="+44123",
            company_fax="+44124",
            state=ListState.ACTIVE,
        )
        return await self.mailings.create_list(
            self.account, msgspec.structs.replace(new, **changed)
        )

    async def new_issue(self, **changed: Any) -> Issue:
        new = Issue(
            issue_id=0,
            account_id=self.account.account_id,
            list_id=self.list.list_id,
            title="Title",
            subject="Hello world!",
            text="Test email",
            html="<body>Hello world!</body>",
        )
        return await self.issues.create(self.account, msgspec.structs.replace(new, **changed))

    async def send(self, issue: Issue, *contact_ids: int) -> None:
        """Sends an issue now, as far as making its mails."""
        await self.issues.send(
            self.account,
            issue.list_id,
            issue.issue_id,
            contact_ids=contact_ids or None,
            due_ms=0,
        )
        await self.issues.expand_due()

    async def begin(self) -> None:
        """Starts a worker, as a new process does."""
        self.worker = MailWorker(
            storage=self.storage,
            settings=self.settings,
            pages_url=PAGES,
            new_transport=lambda: RelayConnection(self.settings),
            clock=self.clock,
            metrics=Metrics(),
            relay=build_relay_share(self.settings, self.clock),
            new_token=self.mailings.new_token,
        )
        await self.worker.restore()
        self.mailings.mail_due.subscribe(self.worker.announce)
        self._task = asyncio.create_task(self.worker.run())

    async def end(self) -> None:
        """Stops the worker in order."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def rows(self) -> list[Any]:
        """Every mail."""

        def load(connection: Connection) -> list[Any]:
            return list(connection.execute(select(deliveries).order_by(deliveries.c.delivery_id)))

        return await self.storage.read(load)

    async def states(self) -> list[DeliveryState]:
        return [DeliveryState(row.state) for row in await self.rows()]

    async def subscription(self, address: str) -> Any:
        """What is stored of an address on the list."""

        def load(connection: Connection) -> Any:
            query = select(subscriptions).where(subscriptions.c.address == address)
            return connection.execute(query).one()

        return await self.storage.read(load)

    async def until(self, holds: Callable[[list[Any]], bool]) -> list[Any]:
        """The rows once they are as they should be."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds(rows := await self.rows()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return rows

    async def settled(self) -> list[Any]:
        """The rows once every mail has ended; asks for those that have not, which are few."""
        open_states = (DeliveryState.PENDING, DeliveryState.SENDING)
        any_open = select(deliveries.c.delivery_id).where(deliveries.c.state.in_(open_states))
        async with asyncio.timeout(PATIENCE_S):
            while await self.storage.read(lambda c: c.execute(any_open.limit(1)).first()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return await self.rows()


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    relay = Relay()
    await relay.start()
    yield relay
    await relay.stop()


@pytest.fixture
async def campaign(storage: Storage, relay: Relay) -> AsyncIterator[Campaign]:
    """A campaign on SQLite and on PostgreSQL; its worker is not started."""
    campaign = Campaign(storage, relay)
    await campaign.prepare()
    yield campaign
    await campaign.end()
