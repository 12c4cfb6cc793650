"""What connectors may need of the house besides their sink and the time."""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.core.delivery.model.ports import AttachmentSource
from dragoman.core.devices.devices import Devices
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Offered to every connector; most need none."""

    storage: Storage
    ids: IdSource
    devices: Devices
    attachments: AttachmentSource
