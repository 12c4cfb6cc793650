"""Carriers held by an operator: stored across restarts, effective at once."""

from __future__ import annotations

from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.delivery.sql import held_carriers
from dragoman.core.delivery.sql.held_carriers import CarrierSwitch
from dragoman.kit.clock import Clock
from dragoman.kit.signal import Signal
from dragoman.storage.engine import Storage


class CarrierSwitches:
    """Holds carriers, which then get nothing new and finish what they have."""

    def __init__(self, *, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self.changed: Signal[[str, bool]] = Signal()
        """A carrier, and whether it is held from now on."""

    async def restore(self) -> None:
        """Holds the carriers that were held in an earlier run."""
        for name in await self._storage.read(held_carriers.load):
            self.changed(name, True)

    async def held(self) -> frozenset[str]:
        """The held carriers."""
        return frozenset(await self._storage.read(held_carriers.load))

    async def is_held(self, carrier: str) -> bool:
        """Whether a carrier is held."""
        return carrier in await self.held()

    async def switch(self, carrier: str, held: bool, audit: tuple[AuditEntry, ...] = ()) -> None:
        """Holds or releases a carrier; raises `StorageUnavailable` without any change."""
        item = CarrierSwitch(carrier=carrier, held=held, at_ms=self._clock.now_ms(), audit=audit)
        await self._storage.writer.write(held_carriers.switch, item)
        self.changed(carrier, held)
