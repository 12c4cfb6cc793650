"""Delivers mails: to a relay over SMTP, or to a folder."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path
from typing import Final

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from dragoman.config.sections import Mailings
from dragoman.core.campaigns.outcomes import MAX_ANSWER, Answer, Stage
from dragoman.core.campaigns.ports import Transport

WRITTEN: Final = 250


class RelayConnection:
    """One connection to the relay, reused while mails follow each other."""

    def __init__(self, settings: Mailings) -> None:
        self._settings = settings
        self._client: SMTP | None = None

    async def hand_over(self, name: str, sender: str, recipient: str, mail: bytes) -> Answer:
        stage = Stage.CONNECTION
        fresh = self._client is None or not self._client.is_connected
        try:
            client = await self._connected()
            try:
                await client.mail(sender)
            except (SMTPException, OSError):
                # The relay may have closed an idle connection, which is harmless.
                if fresh:
                    raise
                await self.close()
                client = await self._connected()
                await client.mail(sender)
            stage = Stage.RECIPIENT
            await client.rcpt(recipient)
            stage = Stage.CONTENT
            response = await client.data(mail)
            return Answer(stage=stage, code=response.code, text=_short(response.message))
        except SMTPResponseException as error:
            await self._forget_mail()
            code = error.code if 400 <= error.code < 600 else None
            return Answer(stage=stage, code=code, text=_short(error.message))
        except (SMTPException, OSError, ValueError) as error:
            await self.close()
            return Answer(stage=stage, code=None, text=type(error).__name__)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None and client.is_connected:
            try:
                await client.quit(timeout=2)
            except (SMTPException, OSError):
                client.close()

    async def _connected(self) -> SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        settings = self._settings
        host, port = settings.address
        plain = settings.security == "none"
        client = SMTP(
            hostname=host,
            port=port,
            timeout=settings.timeout_s,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=None if plain else ssl.create_default_context(cafile=settings.ca_file),
            username=settings.user or None,
            password=str(settings.password) if settings.user else None,
            local_hostname=settings.sender.rpartition("@")[2] or "localhost",
        )
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        self._client = client
        return client

    async def _forget_mail(self) -> None:
        """Resets the session for another mail after a refusal."""
        if self._client is None:
            return
        try:
            await self._client.rset()
        except (SMTPException, OSError):
            await self.close()


class Outbox:
    """A folder that gets every mail as a file, for development gateways."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def hand_over(self, name: str, sender: str, recipient: str, mail: bytes) -> Answer:
        try:
            await asyncio.to_thread(self._write, name, mail)
        except OSError as error:
            return Answer(stage=Stage.CONNECTION, code=None, text=type(error).__name__)
        return Answer(stage=Stage.CONTENT, code=WRITTEN, text="written")

    async def close(self) -> None:
        """Nothing is held."""

    def _write(self, name: str, mail: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f".{name}.part"
        unfinished.write_bytes(mail)
        os.replace(unfinished, self._folder / f"{name}.eml")


def new_transport(settings: Mailings) -> Transport:
    """What mails are delivered to: a folder, if one is set, or a relay."""
    if settings.outbox is not None:
        return Outbox(Path(settings.outbox))
    return RelayConnection(settings)


def _short(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:MAX_ANSWER])
