"""The mail of a development gateway, which is written to a folder and never delivered."""

from __future__ import annotations

import asyncio
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import msgspec

MAX_MAILS: Final = 200
MAX_MAIL_BYTES: Final = 4 << 20
MAX_TEXT: Final = 20_000
POLL_S: Final = 0.1

_LINK: Final = re.compile(r"https?://[^\s\"'<>)\]]+")


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as its recipient would see it."""

    mail_id: str
    at_ms: int
    sender: str
    recipient: str
    subject: str
    text: str
    """The plain part; empty if there is none."""
    html: str
    links: tuple[str, ...]
    """Every address in it once, the unsubscribe link of its header first."""


class MailOutbox:
    """Reads the folder that the mails of campaigns are written to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def mails(self, recipient: str = "", *, limit: int = MAX_MAILS) -> list[Mail]:
        """The newest mails, those to a recipient if one is named; the newest first."""
        return await asyncio.to_thread(self._read, recipient, min(limit, MAX_MAILS))

    async def wait(self, recipient: str = "", *, wait_s: float = 0.0) -> list[Mail]:
        """Mails; if there is none yet, waits up to `wait_s` for one."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        while True:
            found = await self.mails(recipient)
            if found or loop.time() >= end:
                return found
            await asyncio.sleep(POLL_S)

    def _read(self, recipient: str, limit: int) -> list[Mail]:
        files = [(path.stat().st_mtime_ns, path) for path in self._folder.glob("*.eml")]
        mails: list[Mail] = []
        for written_ns, path in sorted(files, reverse=True):
            if len(mails) >= limit:
                break
            with path.open("rb") as file:
                mail = _read_mail(path.stem, written_ns // 1_000_000, file.read(MAX_MAIL_BYTES))
            if not recipient or recipient.lower() in mail.recipient.lower():
                mails.append(mail)
        return mails


def _read_mail(mail_id: str, at_ms: int, content: bytes) -> Mail:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    text, html = _part(message, "plain"), _part(message, "html")
    places = (str(message.get("List-Unsubscribe", "")), text, html.replace("&amp;", "&"))
    links = [link for place in places for link in _LINK.findall(place)]
    return Mail(
        mail_id=mail_id,
        at_ms=at_ms,
        sender=str(message.get("From", "")),
        recipient=str(message.get("To", "")),
        subject=str(message.get("Subject", "")),
        text=text,
        html=html,
        links=tuple(dict.fromkeys(links)),
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content())[:MAX_TEXT] if part is not None else ""
