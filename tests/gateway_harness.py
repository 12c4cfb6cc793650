"""A gateway without HTTP, over real SMPP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

from sqlalchemy import Table, select

from dragoman.assembly import build_services
from dragoman.config import Settings
from dragoman.config.premium import BillingTable, ShortCodeTable
from dragoman.config.sections import Inbound as InboundSection
from dragoman.config.sections import Limits
from dragoman.config.sections import Receipts as ReceiptsSection
from dragoman.config.sections import Storage as StorageSection
from dragoman.config.tables import NumberTable, PriceTable, RouteTable, SmppTable
from dragoman.config.values import Secret
from dragoman.connectors import connect_carriers
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.sql import accounts
from dragoman.core.delivery.model.ports import CarrierEvents, Connector
from dragoman.core.delivery.resources import Resources
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Submission
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.messages.model.views import MessageView
from dragoman.core.messages.sql.tables import messages
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.core.submission.decisions import AcceptedBatch
from dragoman.kit.clock import Clock
from tests.passing_time import PATIENCE_S, until


class GatewayHarness:
    """A gateway without HTTP: the services over a database, and carriers on loopback.

    `carriers` maps names to ports. Whatever the services have may be asked by its name.
    """

    def __init__(
        self,
        url: str,
        *,
        carriers: Mapping[str, int],
        on_unknown: Literal["resend", "hold"] = "resend",
        routes: Sequence[RouteTable] = (),
        prices: Sequence[PriceTable] = (),
        clock: Clock | None = None,
        inline_recipients: int = 100,
        horizon_s: float = 3600.0,
        short_codes: Sequence[ShortCodeTable] = (),
        billing: BillingTable | None = None,
        numbers: Mapping[str, str] | None = None,
        **carrier: Any,
    ) -> None:
        tables = tuple(
            SmppTable(
                **{
                    "name": name,
                    "host": "127.0.0.1",
                    "port": port,
                    "system_id": "dragoman",
                    "reconnect_min_s": 0.05,
                    "reconnect_max_s": 0.1,
                    "on_unknown": on_unknown,
                    "premium": billing or BillingTable(),
                    **carrier,
                }
            )
            for name, port in carriers.items()
        )
        default = (RouteTable(name="default", carriers=tuple(carriers)),) if carriers else ()
        settings = Settings(
            storage=StorageSection(url=Secret(url)),
            carriers=tables,
            routes=tuple(routes) or default,
            prices=tuple(prices),
            numbers=tuple(
                NumberTable(number=number, account=owner)
                for number, owner in (numbers or {}).items()
            ),
            short_codes=tuple(short_codes),
            inbound=InboundSection(stop_words=("STOP",), start_words=("START",)),
            receipts=ReceiptsSection(park_s=3600.0, horizon_s=horizon_s),
            limits=Limits(inline_recipients=inline_recipients, max_parts=10),
        )
        self.services = build_services(settings, clock, connect=self._connect)
        self.stored_callbacks: list[NewCallback] = []
        """The callbacks that were stored, in order."""
        self.services.callback_stored.subscribe(self.stored_callbacks.append)
        self._tasks: list[asyncio.Task[None]] = []
        self._ended = False

    def __getattr__(self, name: str) -> Any:
        if name == "services":  # not built yet
            raise AttributeError(name)
        return getattr(self.services, name)

    @property
    def carriers(self) -> dict[str, Any]:
        """The carriers by name; more may be put in before the start."""
        return cast("dict[str, Any]", self.services.connectors)

    def _connect(
        self, settings: Settings, sink: CarrierEvents, clock: Clock, resources: Resources
    ) -> Mapping[str, Connector]:
        self._events = _Mortal(sink)
        return connect_carriers(settings, cast("CarrierEvents", self._events), clock, resources)

    async def open(self) -> None:
        """Starts storage only: what is submitted stays queued."""
        await self.services.open()

    async def start(self) -> None:
        """Takes up what an earlier harness left, and sends."""
        services = self.services
        await self.open()
        with services.storage.reading_together():
            await asyncio.gather(
                services.inbound.restore(),
                services.receipts.restore(),
                services.backlog.restore(services.ids.last),
                services.selection.quotas.restore(services.storage),
            )
        services.dispatcher.start(self.carriers, services.router.routes.values())
        workers = (services.receipts.run(), services.backlog.run(), services.batches.run())
        self._tasks = [asyncio.create_task(worker) for worker in workers]
        for carrier in self.carriers.values():
            await carrier.start()

    async def stop(self) -> None:
        """The orderly end, in the order of `Gateway.stop`."""
        if self._ended:
            return
        self._ended = True
        await self.services.dispatcher.stop()
        await asyncio.gather(*(carrier.stop(1.0) for carrier in self.carriers.values()))
        async with asyncio.timeout(PATIENCE_S):
            await self.services.dispatcher.settled()
        await self.services.dispatcher.take_back()
        await self._end()

    def die(self) -> None:
        """From here on nothing that carriers report is heard."""
        self._events.dead = True

    async def crash(self) -> None:
        """Ends as a killed process does: nothing more is decided; what was given is written."""
        self._ended = True
        self.die()
        await self.services.dispatcher.stop()
        await asyncio.gather(*(carrier.stop(0) for carrier in self.carriers.values()))
        await self._end()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.services.close()

    async def account(self, username: str = "acme", credits: int | None = None) -> Account:
        """An account without secrets, stored without the cost of hashing passwords."""
        account = Account(account_id=self.ids.next(), username=username, wallet_id=self.ids.next())
        new = accounts.NewAccount(
            account=account,
            unlimited=credits is None,
            credentials=(),
            created_ms=self.clock.now_ms(),
        )
        await self.storage.writer.write(accounts.create, new)
        if credits:
            await self.accounts.top_up(account, credits, "")
        return account

    async def submit(
        self, account: Account, *recipients: str, text: str = "hello", **more: Any
    ) -> AcceptedBatch:
        """Submits to numbers, by default to one."""
        return await self.submission.submit(
            account,
            Submission(
                **{
                    "dialect": "test",
                    "recipients": recipients or ("4511111111",),
                    "text": text,
                    "sender": "Dragoman",
                    **more,
                }
            ),
        )

    async def outbox(self, account: Account) -> list[MessageView]:
        """All messages of an account, oldest first."""
        wanted = OutboxFilter(account_id=account.account_id)
        page = await self.queries.outbox(wanted, 0, 100_000)
        return list(reversed(page.messages))

    async def states(self, account: Account) -> list[State]:
        """The stored states of all messages of an account, oldest first; cheap enough to poll."""
        query = (
            select(messages.c.state)
            .where(messages.c.account_id == account.account_id)
            .order_by(messages.c.message_id)
        )
        stored = await self.storage.read(lambda c: c.execute(query).scalars().all())
        return [State(state) for state in stored]

    async def balance(self, account: Account) -> tuple[int, int, int]:
        """(available, held, spent)."""
        balance = await self.accounts.balance(account)
        return balance.available, balance.held, balance.spent

    async def rows(self, table: Table) -> list[dict[str, Any]]:
        """Every row of a table, by its primary key."""
        return await self.storage.read(
            lambda c: [
                dict(row._mapping)
                for row in c.execute(select(table).order_by(*table.primary_key.columns))
            ]
        )

    async def until_forgotten(self) -> None:
        """Waits until memory holds no message."""
        await until(lambda: len(self.live) == 0)

    async def until_states(self, account: Account, *expected: State, count: int = 1) -> None:
        """Waits until the messages of an account are in states; one state stands for `count`."""
        wanted = list(expected) * count if len(expected) == 1 else list(expected)
        found: list[State] = []

        async def reached() -> bool:
            found[:] = await self.states(account)
            return found == wanted

        try:
            await until(reached)
        except AssertionError:
            raise AssertionError(f"{found[:20]} never became {wanted[:20]}") from None


class _Mortal:
    """Passes on what carriers tell, until the process is said to be dead."""

    def __init__(self, events: CarrierEvents) -> None:
        self.dead = False
        self._events = events

    def __getattr__(self, name: str) -> Callable[..., None]:
        return _nothing if self.dead else getattr(self._events, name)


def _nothing(*_: object) -> None:
    """A dead process hears nothing."""
