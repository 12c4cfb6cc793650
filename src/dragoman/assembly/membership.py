"""What a gateway gets from the node whose partition it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dragoman.assembly.connecting import Connect
from dragoman.config.tables import CarrierTable
from dragoman.core.delivery.model.ports import CarrierEvents, Connector
from dragoman.core.delivery.resources import Resources
from dragoman.core.delivery.running import Reloaded
from dragoman.core.placement.model.views import Cluster
from dragoman.kit.clock import Clock
from dragoman.web.router import Call, HandOver

ConnectCarrier = Callable[[CarrierTable, CarrierEvents, Clock, Resources], Connector]


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """The node listens for it, holds the carriers, and takes the calls of other partitions."""

    connect: Connect
    """Makes what stands for the carriers, whose links the node has."""
    connect_carrier: ConnectCarrier
    """Makes what stands for one that comes while the gateway runs."""
    hand_over: HandOver
    """Takes the calls of other partitions' callers."""
    call_type: type[Call] = Call
    cluster: Cluster | None = None
    """For operators."""
    reload: Callable[[bool], Awaitable[Reloaded]] | None = None
    """Has all nodes take a changed configuration, or with True only checks it."""
