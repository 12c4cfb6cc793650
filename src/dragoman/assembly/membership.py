"""What a gateway gets from the node whose partition it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from dragoman.assembly.connecting import Connect
from dragoman.config.tables import CarrierTable
from dragoman.core.callbacks.calling import Caller
from dragoman.core.campaigns.relay_share import RelayShare
from dragoman.core.delivery.model.ports import CarrierEvents, Connector
from dragoman.core.delivery.resources import Resources
from dragoman.core.delivery.running import Reloaded
from dragoman.core.placement.model.views import Cluster, Node
from dragoman.kit.clock import Clock
from dragoman.web.requests import Request
from dragoman.web.responses import Response
from dragoman.web.router import Call, HandOver

ConnectCarrier = Callable[[CarrierTable, CarrierEvents, Clock, Resources], Connector]


class Others(Protocol):
    """The partitions of a cluster, this one among them, wherever they are."""

    @property
    def partition(self) -> int: ...

    @property
    def partitions(self) -> int: ...

    async def ask(self, request: Request, partition: int) -> Response | None:
        """What a partition answers to an operation; None where nobody owns it at the moment."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """The node listens for it, holds the carriers, and takes the calls of other partitions."""

    connect: Connect
    """Makes what stands for the carriers, whose links the node has."""
    connect_carrier: ConnectCarrier
    """Makes what stands for one that comes while the gateway runs."""
    hand_over: HandOver
    """Takes the calls of other partitions' callers."""
    may_send: Callable[[], bool]
    """Whether no other node can have taken over from this one by now."""
    relay: RelayShare
    """What its partitions share of the relay of mails."""
    call_type: type[Call] = Call
    cluster: Cluster | None = None
    """For operators."""
    others: Others | None = None
    """For operators' questions about all accounts."""
    wrap_caller: Callable[[Caller], Caller] | None = None
    """What stands between callbacks and their calls; in development only."""
    kill: Callable[[Node], None] | None = None
    """Ends the process of a node at once; in development only."""
    reload: Callable[[bool], Awaitable[Reloaded]] | None = None
    """Has all nodes take a changed configuration, or with True only checks it."""
