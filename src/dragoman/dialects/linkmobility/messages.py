"""Sending, and what became of a batch (LINK v2 s. 08)."""

from __future__ import annotations

from typing import Final

from dragoman.dialects.contract import Services
from dragoman.dialects.linkmobility.mapping import BATCH_STATES, STATUSES, status_reason
from dragoman.dialects.linkmobility.paging import MAX_IDENTIFIER, Page, count_pages
from dragoman.dialects.linkmobility.schemas import (
    BatchMessage,
    BatchMessages,
    BatchPaging,
    BatchStatus,
    Details,
    ListedBatch,
    Message,
    NewestBatches,
    Stat,
)
from dragoman.dialects.linkmobility.submissions import read_message
from dragoman.dialects.linkmobility.times import render_batch_time, zone_of
from dragoman.domain.accounts import Account
from dragoman.domain.errors import RefusalCode, Refused
from dragoman.domain.lifecycle import BatchState
from dragoman.kit.ids import render_hex
from dragoman.storage.repositories.batches import BatchProgress
from dragoman.storage.repositories.outbox import MessageView
from dragoman.web.bodies import decode_body
from dragoman.web.requests import Request

MESSAGES_PER_PAGE: Final = 100
BATCHES_PER_PAGE: Final = 10
OK: Final = 200
CREATED: Final = 201


class Messages:
    """Answers the calls on messages and batches."""

    def __init__(self, services: Services) -> None:
        self._submission = services.submission
        self._queries = services.queries
        self._default_zone = services.settings.linkmobility.time_zone

    async def send(self, account: Account, request: Request) -> BatchStatus:
        """Accepts a message; raises `Refused`."""
        zone = zone_of(account, self._default_zone)
        submission = read_message(decode_body(request, Message), account, zone)
        accepted = await self._submission.submit(account, submission)
        sendtime = render_batch_time(accepted.due_ms, zone)
        return BatchStatus(
            stat=Stat(sendtime=sendtime, buffered=0, received=0, rejected=0),
            details=Details(
                sendtime=sendtime,
                batchid=str(accepted.batch_id),
                state=BATCH_STATES[BatchState.QUEUED],
            ),
            status=CREATED,
        )

    async def batch(self, account: Account, request: Request) -> BatchStatus | BatchMessages:
        """The status of a batch, and from page 1 on the messages of that page."""
        batch_id = int(request.path_params["batchid"][:20])
        if batch_id > MAX_IDENTIFIER:
            raise Refused(RefusalCode.NOT_FOUND, request.path_params["batchid"], "batch")
        progress = await self._queries.batch(account, batch_id)
        zone = zone_of(account, self._default_zone)
        stat, details = _stat(progress, zone), _details(progress, zone)
        page = Page.of(request, MESSAGES_PER_PAGE)
        if page.number == 0:
            return BatchStatus(stat=stat, details=details, status=OK)
        found = await self._queries.messages_of_batch(account, batch_id, page.offset, page.size)
        pages = count_pages(progress.recipients, page.size)
        return BatchMessages(
            message=tuple(map(_message, found)),
            stat=stat,
            details=details,
            paging=BatchPaging(current=page.number, pages=pages),
            status=OK,
        )

    async def newest(self, account: Account, request: Request) -> NewestBatches:
        """The account's batches, newest first, those that wait for their time included."""
        page = Page.of(request, BATCHES_PER_PAGE)
        found = await self._queries.batch_page(account, page.offset, page.size)
        zone = zone_of(account, self._default_zone)
        return NewestBatches(messages=tuple(_listed(one, zone) for one in found), status=OK)


def _stat(progress: BatchProgress, zone: str) -> Stat:
    return Stat(
        sendtime=render_batch_time(progress.due_ms, zone),
        buffered=progress.buffered,
        received=progress.received,
        rejected=progress.failed,
    )


def _details(progress: BatchProgress, zone: str) -> Details:
    return Details(
        sendtime=render_batch_time(progress.due_ms, zone),
        batchid=str(progress.batch_id),
        state=BATCH_STATES[progress.state],
    )


def _message(view: MessageView) -> BatchMessage:
    return BatchMessage(
        msgid=render_hex(view.message_id),
        status=STATUSES[view.state],
        recipient=view.recipient,
        statusreason=status_reason(view.state, view.failure),
    )


def _listed(progress: BatchProgress, zone: str) -> ListedBatch:
    return ListedBatch(
        batchid=str(progress.batch_id),
        time=render_batch_time(progress.due_ms, zone),
        state=BATCH_STATES[progress.state],
        sender=progress.sender,
        msg=progress.text,
        protocol=progress.protocol,
    )
