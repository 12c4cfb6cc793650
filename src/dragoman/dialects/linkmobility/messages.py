"""Sending, and the status of a batch (LINK v2 s. 08)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.lifecycle import BatchState
from dragoman.core.messages.model.views import MessageView
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import MAX_DIGITS, drop_invisible
from dragoman.core.submission.model.batches import BatchProgress
from dragoman.dialects.linkmobility import schemas
from dragoman.dialects.linkmobility.errors import missing_contact, missing_list
from dragoman.dialects.linkmobility.mapping import BATCH_STATES, STATUSES, status_reason
from dragoman.dialects.linkmobility.paging import MAX_IDENTIFIER, Page, count_pages
from dragoman.dialects.linkmobility.reading import check_advanced
from dragoman.dialects.linkmobility.submissions import read_message
from dragoman.dialects.linkmobility.times import render_batch_time, zone_of
from dragoman.kit.ids import render_hex
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.requests import Request

MESSAGES_PER_PAGE: Final = 100
BATCHES_PER_PAGE: Final = 10
RECIPIENTS_PER_ANSWER: Final = 10_000
MOBILE: Final = "Mobile"
OK: Final = 200
CREATED: Final = 201

_MISSING: Final = MappingProxyType({"list": missing_list, "contact": missing_contact})


class Messages:
    """Answers the calls on messages and batches."""

    def __init__(self, services: Services) -> None:
        self._submission = services.submission
        self._queries = services.queries
        self._default_zone = services.settings.dialects.linkmobility.time_zone
        self._advanced_key = services.settings.dialects.linkmobility.advanced_key

    async def send(self, account: Account, request: Request) -> schemas.BatchStatus:
        """Accepts a message; raises `Refused`."""
        zone = zone_of(account, self._default_zone)
        message = decode_body(request, schemas.Message)
        submission = read_message(message, account, zone, self._advanced_key)
        try:
            accepted = await self._submission.submit(account, submission)
        except Refused as refused:
            if refused.code is RefusalCode.NOT_FOUND:
                raise _MISSING[refused.detail](refused.subject) from None
            raise
        sendtime = render_batch_time(accepted.due_ms, zone)
        return schemas.BatchStatus(
            stat=schemas.Stat(sendtime=sendtime, buffered=0, received=0, rejected=0),
            details=schemas.Details(
                sendtime=sendtime,
                batchid=str(accepted.batch_id),
                state=BATCH_STATES[BatchState.QUEUED],
            ),
            status=CREATED,
        )

    async def batch(
        self, account: Account, request: Request
    ) -> schemas.BatchStatus | schemas.BatchMessages:
        """The status of a batch, and from page 1 on the messages of that page."""
        batch_id = _batch_id(request)
        progress = await self._queries.batch(account, batch_id)
        zone = zone_of(account, self._default_zone)
        stat, details = _stat(progress, zone), _details(progress, zone)
        page = Page.of(request, MESSAGES_PER_PAGE)
        if page.number == 0:
            return schemas.BatchStatus(stat=stat, details=details, status=OK)
        found = await self._queries.messages_of_batch(account, batch_id, page.offset, page.size)
        pages = count_pages(progress.recipients, page.size)
        return schemas.BatchMessages(
            message=tuple(map(_message, found)),
            stat=stat,
            details=details,
            paging=schemas.BatchPaging(current=page.number, pages=pages),
            status=OK,
        )

    async def expand(self, account: Account, request: Request) -> schemas.ExpandedBatch:
        """Whom a batch is for; needs the advanced key."""
        asked = decode_query(request, schemas.ExpandQuery)
        check_advanced(self._advanced_key, asked.advanced, "expand")
        after = drop_invisible(asked.after).strip().removeprefix("+")
        if after and not (after.isascii() and after.isdigit()):
            raise Refused(RefusalCode.INVALID_FIELD, "after", "use a number")
        found = await self._queries.recipients(
            account, _batch_id(request), after[:MAX_DIGITS], RECIPIENTS_PER_ANSWER
        )
        return schemas.ExpandedBatch(
            header=(MOBILE, *found.fields),
            data=tuple((f"+{number}", *values) for number, *values in found.rows),
            status=OK,
        )

    async def newest(self, account: Account, request: Request) -> schemas.NewestBatches:
        """The account's batches, newest first, those that wait for their time included."""
        page = Page.of(request, BATCHES_PER_PAGE)
        found = await self._queries.batch_page(account, page.offset, page.size)
        zone = zone_of(account, self._default_zone)
        return schemas.NewestBatches(messages=tuple(_listed(one, zone) for one in found), status=OK)


def _batch_id(request: Request) -> int:
    batch_id = int(request.path_params["batchid"][:20])
    if batch_id > MAX_IDENTIFIER:
        raise Refused(RefusalCode.NOT_FOUND, request.path_params["batchid"], "batch")
    return batch_id


def _stat(progress: BatchProgress, zone: str) -> schemas.Stat:
    return schemas.Stat(
        sendtime=render_batch_time(progress.due_ms, zone),
        buffered=progress.buffered,
        received=progress.received,
        rejected=progress.failed,
    )


def _details(progress: BatchProgress, zone: str) -> schemas.Details:
    return schemas.Details(
        sendtime=render_batch_time(progress.due_ms, zone),
        batchid=str(progress.batch_id),
        state=BATCH_STATES[progress.state],
    )


def _message(view: MessageView) -> schemas.BatchMessage:
    return schemas.BatchMessage(
        msgid=render_hex(view.message_id),
        status=STATUSES[view.state],
        recipient=view.recipient,
        statusreason=status_reason(view.state, view.failure),
    )


def _listed(progress: BatchProgress, zone: str) -> schemas.ListedBatch:
    return schemas.ListedBatch(
        batchid=str(progress.batch_id),
        time=render_batch_time(progress.due_ms, zone),
        state=BATCH_STATES[progress.state],
        sender=progress.sender,
        msg=progress.text,
        protocol=progress.protocol,
    )
