"""What a gateway gets from the node whose partition it is."""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.assembly.connecting import Connect
from dragoman.core.placement.model.views import Cluster
from dragoman.web.router import Call, HandOver


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """The node listens for it, holds the carriers, and takes the calls of other partitions."""

    connect: Connect
    """Makes what stands for the carriers, whose links the node has."""
    hand_over: HandOver
    """Takes the calls of other partitions' callers."""
    call_type: type[Call] = Call
    cluster: Cluster | None = None
    """For operators."""
