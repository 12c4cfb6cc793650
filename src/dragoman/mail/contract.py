"""What the SMTP listener and a dialect that takes mail expect of each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

MAX_REPLY: Final = 400
"""Characters of a reply's text; a line may have 512 octets (RFC 5321 s. 4.5.3.1.5)."""


class Reply(msgspec.Struct, frozen=True):
    """An answer to an SMTP command, with its enhanced status (RFC 3463)."""

    code: int
    status: str
    text: str

    def __str__(self) -> str:
        shown = "".join(c if c.isprintable() and c.isascii() else "?" for c in self.text)
        return f"{self.code} {self.status} {shown[:MAX_REPLY]}"

    @property
    def temporary(self) -> bool:
        """Whether the same mail may be taken later."""
        return self.code < 500


class MailRefused(Exception):
    """A recipient or a mail is refused; nothing was stored."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.code, reply.status)
        self.reply = reply


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient that a mailbox accepts: the paying account, and the options in its address."""

    account_id: int
    key: str
    options: tuple[tuple[str, str], ...] = ()
    number: str

    def shares_batch_with(self, other: Recipient) -> bool:
        """Whether one batch can have both."""
        return self.key == other.key and self.options == other.options


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a mail."""

    subject: str
    text: str


class Mailbox(Protocol):
    """The dialect behind the listener."""

    async def admit(self, local_part: str, client: str) -> Recipient:
        """The recipient that a local part names; raises `MailRefused`."""
        ...

    async def deliver(self, recipients: Sequence[Recipient], mail: Mail, client: str) -> int:
        """Stores a mail for all its recipients and returns the batch; raises `MailRefused`.

        All recipients share a batch; when it returns, the batch is on disk.
        """
        ...
