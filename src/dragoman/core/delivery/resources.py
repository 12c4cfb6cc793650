"""What connectors may need of the core."""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.core.delivery.model.ports import AttachmentSource, UnreportedSource
from dragoman.core.devices.assignments import Assignments
from dragoman.core.devices.devices import Devices
from dragoman.kit.ids import IdSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Offered to every connector; most need none."""

    assignments: Assignments
    ids: IdSource
    devices: Devices
    attachments: AttachmentSource
    unreported: UnreportedSource
