"""Decisions of recipients to get no messages."""

from __future__ import annotations

import msgspec

from dragoman.core.inbound.model.inbound import OptOutKey, OptOutOrigin


class OptOut(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `opt_outs`."""

    opt_out_id: int
    account_id: int
    sender: str
    recipient: str
    inbound_id: int | None = None
    origin: OptOutOrigin = OptOutOrigin.WEB

    @property
    def key(self) -> OptOutKey:
        """The recipient, and the account or sender it has opted out of."""
        return OptOutKey(account_id=self.account_id, sender=self.sender, recipient=self.recipient)


class OptOutFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to search for among opt-outs; what is not given does not restrict it."""

    account_id: int
    from_ms: int | None = None
    before_ms: int | None = None
    digits: str = ""
    """Some that follow each other in the number."""
    origins: tuple[OptOutOrigin, ...] | None = None
    with_senders: bool = False
    """Those from one sender too; else only those from all senders of the account."""
