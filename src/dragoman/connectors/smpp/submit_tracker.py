"""Combines the answers to the parts of one message into its outcome."""

from __future__ import annotations

import math

import msgspec

from dragoman.connectors.smpp.statuses import TEMPORARY, describe_status, failure_of_status
from dragoman.core.messages.model.messages import Outgoing
from dragoman.core.messages.model.outcomes import Accepted, Deferred, Outcome, Rejected, Unknown
from dragoman.core.model.errors import FailureCode, RetryCode
from dragoman.protocols.smpp.pdus import SubmitSm

RETRY_IN_S = 5.0


class SubmitTracker:
    """Collects the result of each part; `outcome` is valid once `done`."""

    __slots__ = (
        "_carrier_ids", "_deferred", "_open", "_rejected", "_unknown", "expires_at", "in_window",
        "link", "message",
    )  # fmt: skip

    def __init__(
        self, message: Outgoing, parts: int, link: str = "", expires_at: float = math.inf
    ) -> None:
        self.message = message
        self.link = link
        """The connection that all its parts go over."""
        self.expires_at = expires_at
        """When it need not be sent any more, on the clock of the link."""
        self.in_window = 0
        """Its parts that are sent and not answered."""
        self._open = parts
        self._carrier_ids: list[str | None] = [None] * parts
        self._rejected: Rejected | None = None
        self._deferred: Deferred | None = None
        self._unknown: str | None = None

    @property
    def failed(self) -> bool:
        """Whether more parts need not be sent: the message cannot arrive complete."""
        return self._rejected is not None or self._deferred is not None

    @property
    def untouched(self) -> bool:
        """Whether the SMSC has no part of it, for certain."""
        known = self._unknown is None and not self.in_window
        return known and all(carrier_id is None for carrier_id in self._carrier_ids)

    @property
    def done(self) -> bool:
        """Whether every part has a result."""
        return self._open == 0

    def accept(self, index: int, carrier_id: str) -> None:
        """The SMSC took the part under this id."""
        self._open -= 1
        self._carrier_ids[index] = carrier_id

    def refuse(self, status: int) -> None:
        """The SMSC did not take the part."""
        if status in TEMPORARY:
            self.defer(RetryCode.CARRIER_BUSY, RETRY_IN_S, describe_status(status))
        else:
            self.reject(failure_of_status(status), describe_status(status))

    def reject(self, code: FailureCode, detail: str) -> None:
        """The part cannot be sent; the first reason is the message's."""
        self._open -= 1
        if self._rejected is None:
            self._rejected = Rejected(code=code, detail=detail)

    def defer(self, code: RetryCode, retry_in_s: float, detail: str = "") -> None:
        """The part was not sent, or the SMSC wants it later."""
        self._open -= 1
        if self._deferred is None:
            self._deferred = Deferred(
                code=code, retry_in_s=retry_in_s, detail=detail, link=self.link
            )

    def lose(self, detail: str) -> None:
        """The part was sent and no answer came."""
        self._open -= 1
        self._unknown = detail

    def skip(self) -> None:
        """The part was not sent because another had failed."""
        self._open -= 1

    def outcome(self) -> Outcome:
        """The outcome of the whole message.

        A message of which some parts were taken is never deferred: sending it again would
        duplicate them, which is for the carrier's policy on unknown outcomes to decide.
        """
        carrier_ids = tuple(self._carrier_ids)
        if self._rejected is not None:
            return Rejected(
                code=self._rejected.code,
                detail=self._rejected.detail,
                carrier_ids=carrier_ids,
                link=self.link,
            )
        if self._unknown is not None:
            return Unknown(detail=self._unknown, carrier_ids=carrier_ids, link=self.link)
        if self._deferred is not None:
            if any(carrier_id is not None for carrier_id in carrier_ids):
                return Unknown(
                    detail=f"some parts were taken, then {self._deferred.detail}",
                    carrier_ids=carrier_ids,
                    link=self.link,
                )
            return self._deferred
        taken = [one for one in carrier_ids if one is not None]
        return Accepted(carrier_ids=tuple(taken), link=self.link)


class Part(msgspec.Struct, kw_only=True, gc=False):
    """One submit_sm of a message; `order` is its place in the link's line."""

    tracker: SubmitTracker
    index: int
    submit: SubmitSm
    order: int = 0
    refusals: int = 0
    """How often the SMSC has throttled it."""
