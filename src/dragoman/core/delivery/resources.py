"""What connectors may need of the core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dragoman.core.delivery.model.ports import AttachmentSource, UnreportedSource
from dragoman.core.devices.assignments import Assignments
from dragoman.core.devices.devices import Devices
from dragoman.kit.ids import IdSource


def always() -> bool:
    """A single gateway may always send."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkResources:
    """Offered to connectors that send over links or calls of their own; most need none."""

    attachments: AttachmentSource
    unreported: UnreportedSource
    may_send: Callable[[], bool] = always
    """Whether the links are still this process's: asked right before anything is sent. A node of a
    cluster that was out of touch for long may have lost them to another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources(LinkResources):
    """Offered to every connector."""

    assignments: Assignments
    ids: IdSource
    devices: Devices
