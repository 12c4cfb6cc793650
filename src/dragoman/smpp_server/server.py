"""The listener: takes connections, admits binds within their limits, and ends in order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Collection, Sequence
from typing import Final

import structlog

from dragoman.config.sections import SmppServer as Section
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.smpp_logins import Admitted
from dragoman.core.delivery.running import BindView
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.signal import Signal
from dragoman.protocols.smpp.constants import CommandStatus
from dragoman.protocols.smpp.pdus import Bind, Pdu
from dragoman.protocols.smpp.session_settings import SessionSettings
from dragoman.smpp_server.binds import Binds
from dragoman.smpp_server.connection import Connection
from dragoman.smpp_server.listening import BindListeners
from dragoman.smpp_server.requests import Requests
from dragoman.smpp_server.statuses import BIND_STATUSES
from dragoman.smpp_server.submissions import Submit, count_parts
from dragoman.smpp_server.throttle import Throttle
from dragoman.smpp_server.wire_log import Piece

SYSTEM_ID: Final = "Dragoman"
"""What the server calls itself in its answer to a bind."""
MAX_UNBOUND: Final = 1_000
"""Connections that have not bound; further ones are cut at once."""
MAX_UNBOUND_OF_ADDRESS: Final = 100
"""Of one address, unless it is a proxy: whoever cannot bind must not keep others from it."""
PROBE_S: Final = 2.0
"""How long the binds of an account that has its most are given to show that they are alive."""
SILENT_S: Final = 1.0
"""A bind that was heard of in so long a time is alive."""
UNBIND_S: Final = 5.0

log = structlog.get_logger(__name__)


class SmppServer:
    """Listens for customers' programs; what they may do is decided by the use cases."""

    def __init__(self, services: Services) -> None:
        self.settings: Section = services.settings.smpp_server
        self.clock = services.clock
        self.system_id = SYSTEM_ID
        self.session_settings = SessionSettings(
            window=self.settings.window,
            response_timeout_s=self.settings.response_timeout_s,
            bind_timeout_s=self.settings.bind_timeout_s,
            enquire_interval_s=self.settings.enquire_interval_s,
            enquire_timeout_s=self.settings.response_timeout_s,
            session_init_timeout_s=self.settings.bind_timeout_s,
            unbind_timeout_s=UNBIND_S,
            silent_while_unbinding=True,
        )
        self.binds = Binds()
        self.answers = services.metrics.bind_answers
        self._services = services
        self.receiver_bound: Signal[[int]] = Signal()
        """After a receiver or transceiver of an account was bound."""
        self._requests = Requests(services)
        self._throttles: dict[int, Throttle] = {}
        self._connections: set[Connection] = set()
        self._unbound: Counter[str] = Counter()
        """Connections that have not bound, by the address they come from."""
        self._listeners = BindListeners(self.settings, self._accept)
        self._stopping = False
        self._closing: set[asyncio.Task[None]] = set()
        services.smpp_logins.changed.subscribe(self._login_changed)
        services.inbound_routing.accounts_loaded.subscribe(self._accounts_loaded)

    # Start and stop

    async def start(self) -> None:
        """Begins to listen where the settings say; OSError where it cannot."""
        await self._listeners.start()

    @property
    def ports(self) -> Sequence[int]:
        """The ports it listens on: plain, then TLS."""
        return self._listeners.ports

    def adopt(self, transport: asyncio.Transport, data: bytes, *, tls: bool, address: str) -> None:
        """Takes over a connection that somebody else accepted, and what was read from it."""
        connection = Connection(self, tls=tls, address=address, is_announced=True)
        transport.set_protocol(connection)
        connection.connection_made(transport)
        connection.data_received(data)

    async def stop(self, timeout_s: float) -> None:
        """Takes no further requests, answers those taken, unbinds, and closes.

        What was delivered and not answered is delivered again after the next start.
        """
        self._stopping = True
        self._listeners.close()
        deadline = asyncio.get_running_loop().time() + timeout_s
        for connection in list(self._connections):
            connection.stop_reading()
        try:
            async with asyncio.timeout_at(deadline - timeout_s / 2):
                for connection in list(self._connections):
                    await connection.drained.wait()
        except TimeoutError:
            pass
        for connection in list(self._connections):
            connection.unbind()
            connection.resume_for_unbind()
        try:
            async with asyncio.timeout_at(deadline):
                for connection in list(self._connections):
                    await connection.gone.wait()
        except TimeoutError:
            pass
        for connection in list(self._connections):
            connection.abort()

    def _accept(self, tls: bool, address: str) -> Connection:
        return Connection(self, tls=tls, address=address)

    # What connections ask

    def opened(self, connection: Connection) -> bool:
        """Whether a new connection may stay."""
        peer = connection.address
        most = MAX_UNBOUND if self.is_proxy(peer) else MAX_UNBOUND_OF_ADDRESS
        if (
            self._stopping
            or len(self._connections) >= self.settings.max_connections
            or self._unbound.total() >= MAX_UNBOUND
            or self._unbound[peer] >= most
        ):
            return False
        self._connections.add(connection)
        self._unbound[peer] += 1
        connection.unbound_from = peer
        return True

    def _no_more_unbound(self, connection: Connection) -> None:
        peer, connection.unbound_from = connection.unbound_from, None
        if peer is not None:
            self._unbound[peer] -= 1
            if not self._unbound[peer]:
                del self._unbound[peer]

    def closed(self, connection: Connection) -> None:
        """A connection has ended."""
        self._connections.discard(connection)
        self._no_more_unbound(connection)
        self.binds.remove(connection)

    def is_proxy(self, address: str) -> bool:
        """Whether connections from an address begin with a PROXY header."""
        return self._listeners.is_proxy(address)

    async def bind(self, connection: Connection, request: Bind) -> CommandStatus:
        """Whether a program may bind, as a command_status; if so it counts from now on."""
        try:
            admitted = await self._services.smpp_logins.authenticate(
                request.system_id, request.password, connection.address
            )
            status = await self._admit(connection, admitted)
        except Refused as refused:
            status = BIND_STATUSES.get(refused.code, CommandStatus.ESME_RBINDFAIL)
            self._services.metrics.refused["smpp", refused.code] += 1
        except Exception as error:
            log.error("smpp_bind_failed", reason=type(error).__name__)
            status = CommandStatus.ESME_RBINDFAIL
        self._services.metrics.binds_asked[f"0x{status.value:08x}"] += 1
        if status:
            log.info("smpp_bind_refused", address=connection.address, status=status.name)
        return status

    async def _admit(self, connection: Connection, admitted: Admitted) -> CommandStatus:
        account, login = admitted
        most = login.options.max_binds or self.settings.max_binds
        binds = self.binds.of(account.account_id)
        if len(binds.connections) >= most:
            await self._drop_silent(binds.connections)
        if self._stopping or connection.gone.is_set():
            return CommandStatus.ESME_RBINDFAIL
        if len(self.binds.of(account.account_id).connections) >= most:
            return CommandStatus.ESME_RBINDFAIL
        connection.generation = -1
        self.binds.add(connection, account, login)
        self._no_more_unbound(connection)
        return CommandStatus.ESME_ROK

    async def _drop_silent(self, connections: Sequence[Connection]) -> None:
        """Cuts those of which nothing is heard although they are asked.

        A program whose connection was lost on the way would else be locked out by its own past.
        """
        now = self.clock.monotonic()
        asked = [c for c in connections if now - c.session.heard_at > SILENT_S]
        if not asked:
            return
        for connection in asked:
            connection.ask()
        try:
            async with asyncio.timeout(PROBE_S):
                for connection in asked:
                    await connection.heard.wait()
        except TimeoutError:
            pass
        for connection in asked:
            if not connection.heard.is_set():
                log.info("smpp_silent_bind_cut", address=connection.address)
                connection.abort()
                await connection.gone.wait()

    def bound(self, connection: Connection) -> None:
        """A bind was accepted, and its program was told."""
        account, login = connection.account, connection.login
        assert account is not None
        assert login is not None
        if connection.receives:
            if not login.receives:
                self._spawn(self._services.smpp_logins.note_receiver(account.account_id))
            self.receiver_bound(account.account_id)

    def room(self, connection: Connection) -> None:
        """A connection takes deliveries again."""
        if connection.account is not None:
            self.binds.of(connection.account.account_id).pump()

    def delay_s(self, connection: Connection, request: Pdu) -> float | None:
        """Seconds to wait before a request is handled; None where it comes too fast."""
        account, login = connection.account, connection.login
        if account is None or login is None or not isinstance(request, Submit):
            return 0.0
        rate_per_s = login.options.rate_per_s
        if rate_per_s is None:
            rate_per_s = self.settings.rate_per_s
        if not rate_per_s:
            return 0.0
        now = self.clock.monotonic()
        throttle = self._throttles.get(account.account_id)
        if throttle is None:
            throttle = self._throttles[account.account_id] = Throttle(rate_per_s, now)
        elif throttle.rate_per_s != rate_per_s:
            throttle.change_rate(rate_per_s, now)
        return throttle.take(now, count_parts(request))

    async def handle(self, connection: Connection, request: Pdu) -> None:
        """Answers a request, now or later."""
        await self._requests.handle(connection, request)

    # What operators ask

    def mark(self, number: int) -> int:
        """The number of a bind, which tells in a cluster whose it is."""
        return self._services.placement.mark(number)

    def views(self) -> tuple[BindView, ...]:
        """Every bind as it is now, oldest first."""
        return tuple(sorted((c.view() for c in self.binds), key=lambda bind: bind.bind_id))

    def unbind(self, bind_id: int) -> BindView:
        """Ends a bind; raises `Refused`."""
        connection = self._find(bind_id)
        view = connection.view()
        connection.unbind()
        return view

    def start_wire_log(self, bind_id: int) -> BindView:
        """Keeps what is read from and written to a bind for an hour; raises `Refused`."""
        connection = self._find(bind_id)
        if connection.wire_log is None or not connection.view().logged:
            connection.start_wire_log()
        return connection.view()

    def wire_log(self, bind_id: int) -> Sequence[Piece]:
        """What was read and written since the log of a bind was asked for; raises `Refused`."""
        wire_log = self._find(bind_id).wire_log
        if wire_log is None or self.clock.monotonic() >= wire_log.until:
            raise Refused(RefusalCode.NOT_FOUND, str(bind_id), "no wire log was asked for")
        return tuple(wire_log.pieces)

    def _find(self, bind_id: int) -> Connection:
        for connection in self.binds:
            if connection.bind_id == bind_id:
                return connection
        raise Refused(RefusalCode.NOT_FOUND, str(bind_id), "bind")

    # What changes

    def _login_changed(self, account_id: int, ends: bool) -> None:
        """Ends the binds of a login that is no more, or has others follow its new limits."""
        login = self._services.smpp_logins.of_account(account_id)
        for connection in self.binds:
            if connection.account is None or connection.account.account_id != account_id:
                continue
            if ends or login is None:
                connection.unbind()
            else:
                connection.login = login

    def _accounts_loaded(self, accounts: Sequence[Account], gone: Collection[int]) -> None:
        """Ends the binds of accounts that may not use them any more."""
        living = {account.account_id: account for account in accounts}
        for connection in self.binds:
            account = connection.account
            if account is None:
                continue
            now = living.get(account.account_id)
            if account.account_id in gone or (
                now is not None
                and not (now.enabled and now.allowed_addresses.allow(connection.address))
            ):
                connection.unbind()

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.get_running_loop().create_task(_quietly(work))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _quietly(work: Awaitable[None]) -> None:
    try:
        await work
    except Exception as error:  # tried again with the next bind or change
        log.error("smpp_server_task_failed", reason=type(error).__name__)
