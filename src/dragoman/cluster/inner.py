"""What nodes ask the partitions of each other for themselves, not for a caller.

The calls go where a caller's would: to the partition in this process, or over HTTP to its owner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec
import structlog

from dragoman.cluster.front import INNER, Front
from dragoman.container import Services
from dragoman.core.delivery.model.ports import SentMessage
from dragoman.core.messages.model.attachments import Attachment
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.ids import partition_of
from dragoman.mail.contract import Mail, Mailbox, MailRefused, Recipient, Reply
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import TEXT, Response

T = TypeVar("T")

PREFIX: Final = "/inner"
MSGPACK: Final = b"application/msgpack"
MAIL_LIMIT_BYTES: Final = 32 << 20
REFUSED: Final = 422
AWAY: Final = Reply(451, "4.3.0", "Not available at the moment, try again")

log = structlog.get_logger(__name__)

_encode: Final = msgspec.msgpack.Encoder().encode


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient of a mail, and who sends it."""

    local_part: str
    client: str


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A mail for some recipients."""

    recipients: tuple[Recipient, ...]
    mail: Mail
    client: str


def build_inner(services: Services, mailbox: Mailbox | None) -> Dialect:
    """The calls that a partition answers to nodes."""

    async def attachments(request: Request) -> Response:
        try:
            found = await services.attachments.load(int(request.path_params["batch"]))
        except Refused as refused:
            return Response(503, refused.code.value.encode(), TEXT)
        return Response(200, _encode(found), MSGPACK)

    async def unreported(request: Request) -> Response:
        limit = int(request.path_params["limit"])
        try:
            found = await services.resources.unreported.of(request.path_params["carrier"], limit)
        except Refused as refused:
            return Response(503, refused.code.value.encode(), TEXT)
        return Response(200, _encode(found), MSGPACK)

    async def admit(request: Request) -> Response:
        asked = msgspec.msgpack.decode(request.body, type=Address)
        try:
            recipient = await _must_have(mailbox).admit(asked.local_part, asked.client)
        except MailRefused as refused:
            return Response(REFUSED, _encode(refused.reply), MSGPACK)
        return Response(200, _encode(recipient), MSGPACK)

    async def deliver(request: Request) -> Response:
        given = msgspec.msgpack.decode(request.body, type=Delivery)
        try:
            batch_id = await _must_have(mailbox).deliver(given.recipients, given.mail, given.client)
        except MailRefused as refused:
            return Response(REFUSED, _encode(refused.reply), MSGPACK)
        return Response(200, _encode(batch_id), MSGPACK)

    return Dialect(
        name="inner",
        title="",
        description="What nodes ask partitions for themselves.",
        prefixes=(PREFIX,),
        operations=(
            Operation(
                methods=("GET",),
                path=f"{PREFIX}/attachments/{{batch:int}}",
                handler=attachments,
                summary="The attachments of a batch",
            ),
            Operation(
                methods=("GET",),
                path=f"{PREFIX}/unreported/{{limit:int}}/{{carrier}}",
                handler=unreported,
                summary="A carrier's messages whose end is not known",
            ),
            Operation(
                methods=("POST",),
                path=f"{PREFIX}/mail/recipient",
                handler=admit,
                summary="Whether a mailbox admits a recipient",
            ),
            Operation(
                methods=("POST",),
                path=f"{PREFIX}/mail",
                handler=deliver,
                summary="Store a mail",
                body_limit_bytes=MAIL_LIMIT_BYTES,
            ),
        ),
        refuse=_refuse,
    )


def _must_have(mailbox: Mailbox | None) -> Mailbox:
    if mailbox is None:
        raise MailRefused(AWAY)
    return mailbox


def _refuse(_request: Request, refusal: Refusal) -> Response:
    return Response(refusal.status, f"{refusal.reason}\n".encode(), TEXT)


class FarReads:
    """Reads what connectors need from the partitions that have it."""

    def __init__(self, front: Front, partitions: int) -> None:
        self._front = front
        self._partitions = partitions

    async def load(self, batch_id: int) -> tuple[Attachment, ...]:
        """The attachments of a batch, in order; raises `Refused` while they are away."""
        path = f"{PREFIX}/attachments/{batch_id}"
        likely = partition_of(batch_id) % self._partitions
        others = (one for one in range(self._partitions) if one != likely)
        for partition in (likely, *others):  # one that was brought from elsewhere is anywhere
            found = await self._get(partition, path, tuple[Attachment, ...])
            if found:
                return found
        return ()

    async def of(self, carrier: str, limit: int) -> Sequence[SentMessage]:
        """The latest of a carrier's messages, of every partition, whose end is not known."""
        path = f"{PREFIX}/unreported/{limit}/{carrier}"
        gets = (
            self._get(partition, path, tuple[SentMessage, ...])
            for partition in range(self._partitions)
        )
        found: list[SentMessage] = []
        for answer in await asyncio.gather(*gets, return_exceptions=True):
            if isinstance(answer, Refused):
                log.warning("unreported_not_read", carrier=carrier)  # their reports may still come
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found += answer
        found.sort(key=lambda sent: sent.message_id)
        return found[-limit:]

    async def _get(self, partition: int, path: str, kind: type[T]) -> T:
        answer = await self._front.hand_over(INNER, _request("GET", path), partition)
        if answer is None or answer.status != 200:
            raise Refused(RefusalCode.UNAVAILABLE, detail=f"partition {partition}")
        return msgspec.msgpack.decode(answer.body, type=kind)


class FarMailbox:
    """The mailbox of all partitions: each mail goes to that of the key in its addresses."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def admit(self, local_part: str, client: str) -> Recipient:
        """The recipient that a local part names; raises `MailRefused`."""
        asked = _encode(Address(local_part=local_part, client=client))
        return await self._post(self._any(), "/mail/recipient", asked, Recipient)

    async def deliver(self, recipients: Sequence[Recipient], mail: Mail, client: str) -> int:
        """Stores a mail for all its recipients and returns the batch; raises `MailRefused`."""
        given = _encode(Delivery(recipients=tuple(recipients), mail=mail, client=client))
        return await self._post(self._any(), "/mail", given, int)

    def _any(self) -> int:
        """A partition to ask first, which finds out whose key it is: one of this node's, if any."""
        return next(iter(self._front.places), 0)

    async def _post(self, partition: int, path: str, body: bytes, kind: type[T]) -> T:
        request = _request("POST", PREFIX + path, body)
        answer = await self._front.hand_over(INNER, request, partition)
        if answer is not None and answer.status == REFUSED:
            raise MailRefused(msgspec.msgpack.decode(answer.body, type=Reply))
        if answer is None or answer.status != 200:
            raise MailRefused(AWAY)
        return msgspec.msgpack.decode(answer.body, type=kind)


def _request(method: str, path: str, body: bytes = b"") -> Request:
    request = Request(
        method, path, dialect=_INNER, headers=[(b"host", b"node")], raw_path=path.encode()
    )
    request.body = body
    return request


_INNER: Final = Dialect(
    name="inner", title="", description="", prefixes=(), operations=(), refuse=_refuse
)
