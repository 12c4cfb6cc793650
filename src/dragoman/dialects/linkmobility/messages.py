"""Sending, and the status of a batch (LINK v2 s. 08)."""

from __future__ import annotations

from typing import Final

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.lifecycle import BatchState
from dragoman.core.messages.model.views import MessageView
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import MAX_DIGITS, as_typed
from dragoman.core.submission.model.progress import BatchProgress
from dragoman.dialects.linkmobility import reading, schemas
from dragoman.dialects.linkmobility.calls import CREATED, OK, CallGroup
from dragoman.dialects.linkmobility.errors import missing_contact, missing_list
from dragoman.dialects.linkmobility.mapping import BATCH_STATES, DIALECT, STATUSES, status_reason
from dragoman.dialects.linkmobility.submissions import read_message
from dragoman.kit.ids import render_hex
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.requests import Request

MESSAGES_PER_PAGE: Final = 100
BATCHES_PER_PAGE: Final = 10
RECIPIENTS_PER_ANSWER: Final = 10_000
MOBILE: Final = "Mobile"
_ACCEPTED: Final = BATCH_STATES[BatchState.QUEUED]


class Messages(CallGroup):
    """Answers the calls on messages and batches."""

    async def send(self, account: Account, request: Request) -> schemas.BatchStatus:
        """Accepts a message; raises `Refused`."""
        zone = self._zone_of(account)
        message = decode_body(request, schemas.Message)
        report_url = self._services.webhooks.report_url(account.account_id, DIALECT)
        submission = read_message(message, account, zone, self._settings, report_url)
        try:
            accepted = await self._services.submission.submit(account, submission)
        except Refused as refused:
            raise _reworded(refused) from None
        sendtime = reading.render_batch_time(accepted.due_ms, zone)
        return schemas.BatchStatus(
            stat=schemas.Stat(sendtime=sendtime, buffered=0, received=0, rejected=0),
            details=schemas.Details(
                sendtime=sendtime,
                batchid=str(accepted.batch_id),
                state=_ACCEPTED,
            ),
            status=CREATED,
        )

    async def batch(
        self, account: Account, request: Request
    ) -> schemas.BatchStatus | schemas.BatchMessages:
        """The status of a batch, and from page 1 on the messages of that page."""
        batch_id = _batch_id(request)
        progress = await self._services.queries.batch(account, batch_id)
        zone = self._zone_of(account)
        stat, details = _stat(progress, zone), _details(progress, zone)
        page = reading.Page.of(request, MESSAGES_PER_PAGE)
        if page.number == 0:
            return schemas.BatchStatus(stat=stat, details=details, status=OK)
        found = await self._services.queries.messages_of_batch(
            account, batch_id, page.offset, page.size
        )
        pages = reading.count_pages(progress.recipients, page.size)
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
        reading.check_advanced(self._settings.advanced_key, asked.advanced, "expand")
        after = as_typed(asked.after).strip().removeprefix("+")
        if after and not (after.isascii() and after.isdigit()):
            raise Refused(RefusalCode.INVALID_FIELD, "after", "use a number")
        found = await self._services.queries.recipients(
            account, _batch_id(request), after[:MAX_DIGITS], RECIPIENTS_PER_ANSWER
        )
        return schemas.ExpandedBatch(
            header=(MOBILE, *found.fields),
            data=tuple((f"+{number}", *values) for number, *values in found.rows),
            status=OK,
        )

    async def newest(self, account: Account, request: Request) -> schemas.NewestBatches:
        """The account's batches, newest first, those that wait for their time included."""
        page = reading.Page.of(request, BATCHES_PER_PAGE)
        found = await self._services.queries.batch_page(account, page.offset, page.size)
        zone = self._zone_of(account)
        return schemas.NewestBatches(messages=tuple(_listed(one, zone) for one in found), status=OK)


def _reworded(refused: Refused) -> Refused:
    """The refusal of a list or contact that is not there, as the manual words it."""
    if refused.code is not RefusalCode.NOT_FOUND:
        return refused
    return (missing_list if refused.detail == "list" else missing_contact)(refused.subject)


def _batch_id(request: Request) -> int:
    batch_id = int(request.path_params["batchid"][:20])
    if batch_id > reading.MAX_IDENTIFIER:
        raise Refused(RefusalCode.NOT_FOUND, request.path_params["batchid"], "batch")
    return batch_id


def _stat(progress: BatchProgress, zone: str) -> schemas.Stat:
    return schemas.Stat(
        sendtime=reading.render_batch_time(progress.due_ms, zone),
        buffered=progress.buffered,
        received=progress.received,
        rejected=progress.failed,
    )


def _details(progress: BatchProgress, zone: str) -> schemas.Details:
    return schemas.Details(
        sendtime=reading.render_batch_time(progress.due_ms, zone),
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
        time=reading.render_batch_time(progress.due_ms, zone),
        state=BATCH_STATES[progress.state],
        sender=progress.sender,
        msg=progress.text,
        protocol=progress.protocol,
    )
