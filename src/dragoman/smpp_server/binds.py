"""Who is bound, by account; and what is delivered to whichever bind of an account takes it.

A delivery goes round robin over the receivers and transceivers of its account, within their
windows. If its bind ends first it goes to another one; without any, whoever gave it keeps it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.smpp_logins import SmppLogin
from dragoman.core.callbacks.calling import Called
from dragoman.core.messages.model.records import NewCallback
from dragoman.protocols.smpp.pdus import DeliverSm
from dragoman.smpp_server.connection import Connection
from dragoman.smpp_server.deliveries import make_pdus
from dragoman.smpp_server.statuses import LATER
from dragoman.smpp_server.throttle import Throttle

MAX_TRIES: Final = 3
"""Binds that a delivery goes to before it waits again, where each ends without an answer."""
DONE, LATER_AGAIN, FINAL = 200, 503, 410
"""What an answer comes to, in the words of the callbacks' worker: 200 is delivered, after 503 it is
tried again, after 410 never."""

log = structlog.get_logger(__name__)

OnCalled = Callable[[Called], None]


class AccountBinds:
    """The binds of one account."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.waiting: deque[BindDelivery] = deque()
        self.throttle: Throttle | None = None
        self._next = 0

    def __bool__(self) -> bool:
        return bool(self.connections or self.waiting)

    @property
    def receivers(self) -> bool:
        """Whether any bind takes deliveries."""
        return any(connection.receives for connection in self.connections)

    def deliver(self, delivery: BindDelivery) -> None:
        """Sends a delivery over the next bind with room, or as soon as one has room."""
        connection = None if self.waiting else self._with_room()
        if connection is not None:
            delivery.send(connection)
            return
        self.waiting.append(delivery)
        self.pump()

    def pump(self) -> None:
        """Sends what waits, as far as there is room."""
        while self.waiting:
            connection = self._with_room()
            if connection is None:
                break
            self.waiting.popleft().send(connection)
        if self.waiting and not self.receivers:
            waiting, self.waiting = self.waiting, deque()
            for delivery in waiting:
                delivery.give_back("no receiver is bound")

    def _with_room(self) -> Connection | None:
        connections = self.connections
        count = len(connections)
        index = self._next
        for _ in range(count):
            connection = connections[index % count]
            index += 1
            if connection.has_room:
                self._next = index % count
                return connection
        return None


class BindDelivery:
    """One receipt or text on its way to a customer."""

    __slots__ = ("_binds", "_callback", "_on_called", "_pdus", "_sent", "_tries")

    def __init__(self, binds: AccountBinds, callback: NewCallback, on_called: OnCalled) -> None:
        self._binds = binds
        self._callback = callback
        self._on_called = on_called
        self._pdus: list[DeliverSm] = []
        self._sent = 0
        self._tries = 0

    def send(self, connection: Connection) -> None:
        """Sends its first PDU over a bind."""
        account, login = connection.account, connection.login
        assert account is not None
        assert login is not None
        self._tries += 1
        try:
            self._pdus = make_pdus(
                self._callback.dialect,
                self._callback.payload,
                zone=_zone_of(account),
                with_tlvs=connection.with_tlvs,
                payload=login.options.payload,
            )
            self._sent = 0
            self._send_next(connection)
        except Exception as error:  # a defect of ours; the others go on
            log.error("delivery_not_made", reason=type(error).__name__)
            self._report_soon(Called(status=None, answer="not rendered", ours=True))

    def _send_next(self, connection: Connection) -> None:
        pdu = self._pdus[self._sent]
        self._sent += 1
        connection.deliver(pdu, self)

    def answered(self, connection: Connection, status: int) -> None:
        """A deliver_sm was answered; the next part follows over the same bind."""
        if not status and self._sent < len(self._pdus):
            if connection.has_room:
                self._send_next(connection)
                return
            self.unanswered(connection, "the bind ended between two parts")
            return
        came_to = FINAL
        if not status:
            came_to = DONE
        elif status in LATER:
            came_to = LATER_AGAIN
        self._on_called(_called(came_to, status, connection.address))
        if self._binds.waiting:
            self._binds.pump()

    def unanswered(self, connection: Connection, reason: str) -> None:
        """Its bind ended, or did not answer in time: it goes to another one."""
        others = any(c.receives for c in self._binds.connections if c is not connection)
        if others and self._tries < MAX_TRIES:
            self._binds.waiting.appendleft(self)
            asyncio.get_running_loop().call_soon(self._binds.pump)
        else:
            self.give_back(reason)

    def give_back(self, reason: str) -> None:
        """Leaves it to whoever gave it."""
        self._report_soon(Called(status=None, answer=f"SMPP: {reason}"))

    def _report_soon(self, called: Called) -> None:
        asyncio.get_running_loop().call_soon(self._on_called, called)


class Binds:
    """All binds of the gateway."""

    def __init__(self) -> None:
        self._accounts: dict[int, AccountBinds] = {}

    def __iter__(self) -> Iterator[Connection]:
        for binds in list(self._accounts.values()):
            yield from list(binds.connections)

    def __len__(self) -> int:
        return sum(len(binds.connections) for binds in self._accounts.values())

    def of(self, account_id: int) -> AccountBinds:
        """The binds of an account; an empty one is kept while somebody has it."""
        binds = self._accounts.get(account_id)
        if binds is None:
            binds = self._accounts[account_id] = AccountBinds()
        return binds

    def add(self, connection: Connection, account: Account, login: SmppLogin) -> None:
        """Notes a bind that is being accepted."""
        connection.account, connection.login = account, login
        self.of(account.account_id).connections.append(connection)

    def remove(self, connection: Connection) -> None:
        """Forgets a bind that has ended."""
        if connection.account is None:
            return
        account_id = connection.account.account_id
        binds = self._accounts.get(account_id)
        if binds is None or connection not in binds.connections:
            return
        binds.connections.remove(connection)
        binds.pump()
        if not binds:
            del self._accounts[account_id]

    def reachable(self, account_id: int) -> bool:
        """Whether anything can be delivered to an account now."""
        binds = self._accounts.get(account_id)
        return binds is not None and binds.receivers

    def deliver(self, callback: NewCallback, on_called: OnCalled) -> None:
        """Delivers a receipt or text to the account whose callback it is."""
        binds = self.of(callback.account_id)
        binds.deliver(BindDelivery(binds, callback, on_called))


@lru_cache(maxsize=1_000)
def _called(came_to: int, status: int, address: str) -> Called:
    return Called(status=came_to, answer=f"deliver_sm_resp 0x{status:08x} from {address}")


def _zone_of(account: Account) -> tzinfo:
    return ZoneInfo(account.time_zone) if account.time_zone else UTC
