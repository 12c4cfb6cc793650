"""What links report to the carrier that they belong to."""

from __future__ import annotations

from typing import Protocol

from dragoman.connectors.smpp.submit_tracker import Part
from dragoman.core.model.stored import OnStored
from dragoman.protocols.smpp.errors import EncodeError
from dragoman.protocols.smpp.pdus import DataSm, DeliverSm, Pdu


class LinkEvents(Protocol):
    """What a link reports to its carrier; every call is on the loop and cheap."""

    def part_answered(self, part: Part, response: Pdu, elapsed_s: float) -> None:
        """The SMSC took or refused the part; throttling never comes here."""
        ...

    def part_lost(self, part: Part, detail: str) -> None:
        """The part was handed to the network and no answer will come."""
        ...

    def part_returned(self, part: Part, *, draining: bool) -> None:
        """The part was never written."""
        ...

    def part_set_aside(self, part: Part, status: int, retry_in_s: float) -> None:
        """The SMSC throttles this number alone, or the message has expired; the other parts of the
        message are skipped."""
        ...

    def part_skipped(self, part: Part) -> None:
        """The part was left out because its message had failed."""
        ...

    def part_unsendable(self, part: Part, error: EncodeError) -> None:
        """A field of the part does not fit the protocol."""
        ...

    def delivered(self, pdu: DeliverSm | DataSm, on_stored: OnStored) -> None:
        """A receipt or a text arrived."""
        ...

    def link_changed(self) -> None:
        """A link came up or went down."""
        ...
