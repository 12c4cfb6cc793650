"""Batches: one text to many, or many texts in one call."""

from __future__ import annotations

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.model.errors import Refused
from dragoman.core.submission.model.progress import BatchProgress
from dragoman.dialects.native import cursors, mapping, schemas
from dragoman.dialects.native.calls import ACCEPTED, CallGroup, render
from dragoman.dialects.native.mapping import BATCH_STATES, render_time
from dragoman.dialects.native.messages import REPLAYED, earlier_batch, keyed, render_message
from dragoman.dialects.native.submissions import read_batch, read_key
from dragoman.kit.ids import time_of
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response


class Batches(CallGroup):
    """Answers the calls on batches."""

    async def send(self, account: Account, request: Request) -> Response:
        """Accepts a batch as a whole, or nothing of it; raises `Refused`."""
        given = decode_body(request, schemas.NewBatch)
        submission = read_batch(account, given, self._report_url(account))
        key = read_key(request)
        if not key:
            accepted = await self._services.submission.submit(account, submission)
            return await self._answer(account, accepted.batch_id)
        try:
            decision = await self._services.submission.decide(account, keyed(submission, request))
            accepted = await self._services.idempotency_keys.store(decision, key)
        except Refused as refused:
            batch_id = await earlier_batch(self._services, account, request, key, refused)
            progress = await self._services.queries.batch(account, batch_id)
            return render(_batch(progress), ACCEPTED, REPLAYED)
        return await self._answer(account, accepted.batch_id)

    async def _answer(self, account: Account, batch_id: int) -> Response:
        return render(_batch(await self._services.queries.batch(account, batch_id)), ACCEPTED)

    async def search(self, account: Account, request: Request) -> Response:
        """A page of the account's batches, newest first, whatever API they came by."""
        query = decode_query(request, schemas.Paging)
        question = cursors.question_of(account.account_id, request.path, request.query)
        position = cursors.read_cursor(query.cursor, question)
        offset = position[0] if position is not None else 0
        found = await self._services.queries.batch_page(account, offset, query.limit + 1)
        more = len(found) > query.limit
        following = cursors.render_cursor(question, offset + query.limit) if more else None
        data = tuple(map(_batch, found[: query.limit]))
        return render(schemas.Batches(data=data, next_cursor=following))

    async def fetch(self, account: Account, request: Request) -> Response:
        """One batch; raises `Refused`."""
        return render(_batch(await self._services.queries.batch(account, _id_of(request))))

    async def messages(self, account: Account, request: Request) -> Response:
        """A page of the messages of a batch, in the order of its recipients; raises `Refused`."""
        query = decode_query(request, schemas.Paging)
        batch_id = _id_of(request)
        question = cursors.question_of(account.account_id, request.path, request.query)
        position = cursors.read_cursor(query.cursor, question)
        offset = position[0] if position is not None else 0
        queries = self._services.queries
        await queries.batch(account, batch_id)
        found = await queries.messages_of_batch(account, batch_id, offset, query.limit + 1)
        more = len(found) > query.limit
        following = cursors.render_cursor(question, offset + query.limit) if more else None
        data = tuple(map(render_message, found[: query.limit]))
        return render(schemas.Messages(data=data, next_cursor=following))

    async def cancel(self, account: Account, request: Request) -> Response:
        """Cancels a batch none of whose messages a carrier was given; raises `Refused`."""
        batch_id = _id_of(request)
        await self._services.batches.cancel(account, batch_id)
        return render(_batch(await self._services.queries.batch(account, batch_id)))


def _batch(progress: BatchProgress) -> schemas.Batch:
    return schemas.Batch(
        id=str(progress.batch_id),
        state=BATCH_STATES[progress.state],
        sender=progress.sender,
        text=progress.text,
        recipients=progress.recipients,
        waiting=progress.unsent,
        under_way=progress.buffered,
        delivered=progress.received,
        failed=progress.failed,
        created_at=render_time(time_of(progress.batch_id)),
        send_at=render_time(progress.due_ms),
    )


def _id_of(request: Request) -> int:
    return mapping.read_id(request.path_params["id"], "batch")
