"""The SMTP listener: one mail in, one batch stored, and only then 250.

It relays nothing and sends no mail. A mail is accepted for all its recipients or for none: if one
was refused, DATA is refused too and names it. Recipients with another key or other options are
refused temporarily and need a mail of their own (RFC 5321 s. 4.5.3.1.10).
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from typing import Any, Final, cast

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from dragoman.config.sections import Mail as MailSection
from dragoman.kit.clock import Clock
from dragoman.mail.contract import Mailbox, MailRefused, Recipient, Reply
from dragoman.mail.limits import RateLimit
from dragoman.mail.texts import UnreadableMail, read_mail

DEFAULT_HOSTNAME: Final = "dragoman"
MAX_REFUSALS: Final = 10
"""Refused recipients after which a connection is closed."""
FLOOD_FACTOR: Final = 4
"""A connection is cut after this many times the size of the largest mail."""

_RELAYING = Reply(550, "5.7.1", "Relaying denied")
_OTHER_BATCH = Reply(452, "4.5.3", "Other keys and options in a mail of their own")
_TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients")
_TOO_MANY_MAILS = Reply(451, "4.7.1", "Too many mails, try again in a minute")
_TOO_MANY_CONNECTIONS = Reply(421, "4.7.0", "Too many connections")
_TOO_MANY_REFUSALS = Reply(421, "4.7.0", "Too many refused recipients")
_NULL_SENDER = Reply(550, "5.7.1", "Bounces are not taken")
_INTERNAL = Reply(451, "4.3.0", "Internal error")
_STOPPING = Reply(421, "4.3.2", "Stopping")

log = structlog.get_logger(__name__)


class MailListener:
    """Listens for SMTP and hands mail to a mailbox."""

    def __init__(self, settings: MailSection, mailbox: Mailbox, clock: Clock) -> None:
        """Builds it without listening; OSError for a certificate that cannot be read."""
        self.settings = settings
        self.hostname = settings.domains[0] if settings.domains else DEFAULT_HOSTNAME
        self.tls = _tls_context(settings.tls_certificate_file)
        self.connections: set[SmtpConnection] = set()
        self.clients: Counter[str] = Counter()
        self._handler = _Handler(settings, mailbox, clock)
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on, which differs from the settings' where that is 0."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Begins to listen; OSError where it cannot."""
        host, port = self.settings.address
        self._server = await asyncio.get_running_loop().create_server(
            lambda: SmtpConnection(self, self._handler), host, port
        )

    async def stop(self, timeout_s: float) -> None:
        """Accepts no more connections, answers mails that are being stored, and closes."""
        if self._server is None:
            return
        self._server.close()
        self._handler.stopping = True
        try:
            async with asyncio.timeout(timeout_s):
                await self._handler.idle.wait()
                await asyncio.sleep(0)  # their answers are written
        except TimeoutError:
            pass
        for connection in list(self.connections):
            connection.dismiss(_STOPPING)


class SmtpConnection(SMTP):
    """One connection; counted, and cut if it sends too much."""

    def __init__(self, listener: MailListener, handler: _Handler) -> None:
        settings = listener.settings
        self._listener = listener
        self._peer = ""
        self._received = 0
        self._rejected = False
        self._refusals = 0
        super().__init__(
            handler,
            data_size_limit=settings.max_bytes,
            hostname=listener.hostname,
            ident="ESMTP",
            tls_context=listener.tls,
            require_starttls=settings.require_tls,
            timeout=settings.timeout_s,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins a session, again after STARTTLS, unless there are too many."""
        listener, settings = self._listener, self._listener.settings
        if self not in listener.connections:
            self._peer = client_of(transport.get_extra_info("peername"))
            if (
                len(listener.connections) >= settings.max_connections
                or listener.clients[self._peer] >= settings.max_connections_per_client
            ):
                self._rejected = True
                _reply_and_close(transport, _TOO_MANY_CONNECTIONS)
                return
            listener.connections.add(self)
            listener.clients[self._peer] += 1
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Reads up to a limit: the library drops an overlong mail but reads all of it."""
        if self._rejected:
            return
        self._received += len(data)
        if self._received > FLOOD_FACTOR * self._listener.settings.max_bytes:
            cast(asyncio.Transport, self.transport).abort()
            return
        super().data_received(data)

    def eof_received(self) -> bool | None:
        """Ends the session."""
        return None if self._rejected else super().eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        """Ends the session and frees its place."""
        if self._rejected:
            return
        self._listener.connections.discard(self)
        self._listener.clients[self._peer] -= 1
        if not self._listener.clients[self._peer]:
            del self._listener.clients[self._peer]
        super().connection_lost(error)

    def dismiss(self, reply: Reply) -> None:
        """Sends a reply, and closes."""
        if self.transport is not None and not self.transport.is_closing():
            _reply_and_close(self.transport, reply)

    def count_refusal(self) -> None:
        """Counts a refused recipient; closes the connection after too many."""
        self._refusals += 1
        if self._refusals >= MAX_REFUSALS:
            self.dismiss(_TOO_MANY_REFUSALS)

    def _create_envelope(self) -> Envelope:
        self._received = 0
        return _Transaction()


def client_of(peer: Any) -> str:
    """The address in a peer name; empty where there is none."""
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""


class _Transaction(Envelope):
    """One mail while it is being received."""

    def __init__(self) -> None:
        super().__init__()
        self.recipients: list[Recipient] = []
        self.refusal: Reply | None = None


class _Handler:
    """Answers the commands of all connections; its methods' names are the library's."""

    def __init__(self, settings: MailSection, mailbox: Mailbox, clock: Clock) -> None:
        self.stopping = False
        self.idle = asyncio.Event()
        """Whether no mail is being stored."""
        self.idle.set()
        self._settings = settings
        self._domains = frozenset(domain.lower() for domain in settings.domains)
        self._mailbox = mailbox
        self._storing = 0
        self._of_client = RateLimit(settings.mails_per_minute_per_client, clock.monotonic)
        self._of_key = RateLimit(settings.mails_per_minute_per_key, clock.monotonic)

    async def handle_EHLO(
        self,
        _connection: SMTP,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Lists the extensions: pipelining, and no AUTH, as the key is in the address."""
        session.host_name = hostname
        kept = [line for line in responses if not line.startswith("250-AUTH")]
        return [*kept[:-1], "250-PIPELINING", kept[-1]]

    async def handle_MAIL(
        self,
        _connection: SMTP,
        session: Session,
        envelope: _Transaction,
        address: str,
        options: list[str],
    ) -> str:
        """Accepts any sender; it has no meaning."""
        if self.stopping:
            return str(_STOPPING)
        if address in ("", "<>"):
            return str(_NULL_SENDER)
        if not self._of_client.take(client_of(session.peer)):
            return str(_TOO_MANY_MAILS)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self,
        connection: SmtpConnection,
        session: Session,
        envelope: _Transaction,
        address: str,
        _options: list[str],
    ) -> str:
        """Accepts a recipient that the mailbox admits and that fits the mail's others."""
        try:
            recipient = await self._admit(envelope, address, client_of(session.peer))
        except MailRefused as refused:
            if refused.reply.code == _TOO_MANY_RECIPIENTS.code:
                return str(refused.reply)  # the others stay valid
            if envelope.refusal is None or envelope.refusal.temporary:
                envelope.refusal = refused.reply
            connection.count_refusal()
            return str(refused.reply)
        envelope.recipients.append(recipient)
        envelope.rcpt_tos.append(recipient.number)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _connection: SMTP, session: Session, envelope: _Transaction) -> str:
        """Stores the mail, and answers once it is on disk."""
        if (refusal := envelope.refusal) is not None:
            return str(
                Reply(
                    451 if refusal.temporary else 554,
                    "4.5.0" if refusal.temporary else "5.5.0",
                    f"Nothing was stored, a recipient was refused: {refusal.text}",
                )
            )
        if self.stopping:
            return str(_STOPPING)
        self._storing += 1
        self.idle.clear()
        try:
            batch_id = await self._deliver(envelope, client_of(session.peer))
        except MailRefused as refused:
            return str(refused.reply)
        finally:
            self._storing -= 1
            if not self._storing:
                self.idle.set()
        return f"250 2.0.0 Stored as batch {batch_id}"

    async def handle_exception(self, error: Exception) -> str:
        """Answers an unexpected error as temporary, so that the client sends the mail again."""
        log.error("mail_not_handled", reason=type(error).__name__)
        return str(_INTERNAL)

    async def _admit(self, envelope: _Transaction, address: str, client: str) -> Recipient:
        local_part, _, domain = address.rpartition("@")
        if self._domains and domain.lower() not in self._domains:
            raise MailRefused(_RELAYING)
        if len(envelope.recipients) >= self._settings.max_recipients:
            raise MailRefused(_TOO_MANY_RECIPIENTS)
        recipient = await self._mailbox.admit(local_part, client)
        if not envelope.recipients:
            if not self._of_key.take(recipient.account_id):
                raise MailRefused(_TOO_MANY_MAILS)
        elif not recipient.shares_batch_with(envelope.recipients[0]):
            raise MailRefused(_OTHER_BATCH)
        return recipient

    async def _deliver(self, envelope: _Transaction, client: str) -> int:
        content = envelope.original_content
        assert isinstance(content, bytes)
        try:
            mail = await asyncio.to_thread(read_mail, content)
        except UnreadableMail as error:
            raise MailRefused(Reply(554, "5.6.0", f"The mail cannot be read: {error}")) from None
        return await self._mailbox.deliver(envelope.recipients, mail, client)


def _reply_and_close(transport: asyncio.BaseTransport, reply: Reply) -> None:
    # uvloop's transports are no subclass of asyncio.Transport.
    cast(asyncio.Transport, transport).write(f"{reply}\r\n".encode())
    transport.close()


def _tls_context(certificate_file: str | None) -> ssl.SSLContext | None:
    if certificate_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate_file)
    return context
