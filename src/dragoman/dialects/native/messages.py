"""Messages: send, list, look up, move, cancel and quote."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.pricing import render_price
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import ALONE, Format, Submission
from dragoman.core.messages.model.views import MessageView
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.core.reporting.model.message_search import MessageFilter
from dragoman.core.submission.decisions import AcceptedBatch
from dragoman.core.submission.model.scheduled import Position, ScheduledBatch, ScheduledFilter
from dragoman.dialects.native import cursors, mapping, schemas
from dragoman.dialects.native.calls import CREATED, CallGroup, render
from dragoman.dialects.native.mapping import render_optional_time, render_time
from dragoman.dialects.native.problems import key_reused
from dragoman.dialects.native.submissions import Note, digest_of, read_key, read_message
from dragoman.kit.ids import time_of
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Header, Response

REPLAYED: Final[tuple[Header, ...]] = ((b"idempotency-replayed", b"true"),)


class Messages(CallGroup):
    """Answers the calls on messages."""

    async def send(self, account: Account, request: Request) -> Response:
        """Accepts a message; raises `Refused`."""
        given = decode_body(request, schemas.NewMessage)
        submission = read_message(account, given, self._report_url(account))
        key = read_key(request)
        if key:
            submission = keyed(submission, request)
        try:
            accepted = await self._services.single_messages.submit(account, submission, key)
        except Refused as refused:
            batch_id = await earlier_batch(self._services, account, request, key, refused)
            return render(await self._find(account, batch_id), CREATED, REPLAYED)
        return render(_accepted(given, submission, accepted), CREATED)

    async def search(self, account: Account, request: Request) -> Response:
        """A page of the account's messages, newest first; raises `Refused`."""
        query = decode_query(request, schemas.MessageQuery)
        question = cursors.question_of(account.account_id, request.path, request.query)
        if query.state == mapping.STATES[State.SCHEDULED]:
            return await self._search_scheduled(account, query, question)
        position = cursors.read_cursor(query.cursor, question)
        until_ms = mapping.read_optional_time("until", query.until)
        wanted = MessageFilter(
            account_ids=(account.account_id,),
            recipients=(normalise(query.to),) if query.to else (),
            sender=query.sender or "",
            states=(mapping.STATES_BY_NAME[query.state],) if query.state else (),
            batch_ids=_batch_ids(query.batch_id),
            from_ms=mapping.read_optional_time("since", query.since),
            to_ms=None if until_ms is None else until_ms - 1,
        )
        before = position[0] if position is not None else None
        found = await self._services.message_search.page(wanted, before, query.limit)
        following = found.before
        return render(
            schemas.Messages(
                data=tuple(map(render_message, found.messages)),
                next_cursor=(
                    None if following is None else cursors.render_cursor(question, following)
                ),
            )
        )

    async def _search_scheduled(
        self, account: Account, query: schemas.MessageQuery, question: str
    ) -> Response:
        """What is due later, the first due first; batches of several recipients are not in it."""
        position = cursors.read_cursor(query.cursor, question, 2)
        wanted = ScheduledFilter(
            account_ids=(account.account_id,),
            recipient=normalise(query.to) if query.to else "",
            sender=query.sender or "",
        )
        after = Position(*position) if position is not None else None
        found = await self._services.scheduled_batches.page(wanted, after, query.limit)
        return render(
            schemas.Messages(
                data=tuple(_scheduled(one) for one in found.batches if one.recipients == 1),
                next_cursor=(
                    None if found.next is None else cursors.render_cursor(question, *found.next)
                ),
            )
        )

    async def fetch(self, account: Account, request: Request) -> Response:
        """One message; raises `Refused`."""
        return render(await self._find(account, _id_of(request)))

    async def move(self, account: Account, request: Request) -> Response:
        """Gives a scheduled message another time; raises `Refused`."""
        given = decode_body(request, schemas.MovedMessage)
        message_id = _id_of(request)
        due_ms = mapping.read_time("send_at", given.send_at)
        scheduled = self._services.scheduled_batches
        batch = await scheduled.find(account, message_id)
        if batch.account_id != account.account_id:
            raise _no_message(request)
        await scheduled.move(account, message_id, due_ms, batch.due_ms)
        return render(await self._find(account, message_id))

    async def cancel(self, account: Account, request: Request) -> Response:
        """Cancels a message that no carrier was given; raises `Refused`."""
        message_id = _id_of(request)
        view = await self._view(account, message_id)
        if view is None:
            await self._services.batches.cancel(account, message_id)
        else:
            await self._services.message_actions.cancel(account, view.message_id)
        return render(await self._find(account, message_id))

    async def quote(self, account: Account, request: Request) -> Response:
        """What a message would take, without sending it; raises `Refused`."""
        given = decode_body(request, schemas.NewMessage)
        submission = read_message(account, given, self._report_url(account))
        quote = await self._services.quotes.quote(account, submission)
        if submission.format is Format.BINARY:
            return render(schemas.Quote(parts=1, credits=quote.credits, encoding="binary"))
        cut = self._services.quotes.cut(account, given.text)
        is_gsm = not cut.forced_by and submission.format is not Format.UNICODE
        return render(
            schemas.Quote(
                parts=cut.parts, credits=quote.credits, encoding="gsm" if is_gsm else "unicode"
            )
        )

    async def _find(self, account: Account, message_id: int) -> schemas.Message:
        view = await self._view(account, message_id)
        if view is not None:
            return render_message(view)
        text = await self._services.single_texts.find(account, mapping.DIALECT, message_id)
        if text.state is None:
            raise Refused(RefusalCode.NOT_FOUND, str(message_id), "no such message")
        return schemas.Message(
            id=str(message_id),
            batch_id=None,
            to=f"+{text.recipient.removeprefix('+')}",
            sender=text.sender,
            text=text.text,
            encoding=text.format,
            state=mapping.STATES[text.state],
            parts=text.parts,
            credits=0,
            price=render_price(0),
            reference=Note.parse(text.options.return_data).reference or None,
            api=mapping.DIALECT,
            created_at=render_time(time_of(message_id)),
            send_at=render_time(text.due_ms),
            ended_at=render_optional_time(text.final_ms),
        )

    async def _view(self, account: Account, message_id: int) -> MessageView | None:
        """A message by its own identifier, or by that of its batch if it is alone in it."""
        try:
            view = await self._services.queries.message(account, message_id)
        except Refused as refused:
            if refused.code is not RefusalCode.NOT_FOUND:
                raise
        else:
            return view if view.protocol != ALONE else None
        wanted = MessageFilter(account_ids=(account.account_id,), batch_ids=(message_id,))
        found = (await self._services.message_search.page(wanted, None, 1)).messages
        return found[0] if found and found[0].protocol == ALONE else None


async def earlier_batch(
    services: Services, account: Account, request: Request, key: str, refused: Refused
) -> int:
    """The batch that the same request with the same key made; raises what `refused` says if none.

    Raises `Refused` where the key had another request.
    """
    if refused.code is not RefusalCode.ALREADY_EXISTS or not key:
        raise refused
    known = await services.idempotency_keys.find(account, mapping.DIALECT, key)
    if known.reference != digest_of(request):
        raise key_reused()
    return known.batch_id


def keyed(submission: Submission, request: Request) -> Submission:
    """A submission that remembers which request it came with."""
    return msgspec.structs.replace(submission, reference=digest_of(request))


def render_message(view: MessageView) -> schemas.Message:
    """A message as this API shows it."""
    alone = view.protocol == ALONE
    failure = None
    if view.failure is not FailureCode.NONE:
        failure = schemas.Failure(code=view.failure.value, detail=view.detail)
    return schemas.Message(
        id=str(view.batch_id if alone else view.message_id),
        batch_id=None if alone else str(view.batch_id),
        to=f"+{view.recipient}",
        sender=view.sender,
        text=view.text,
        encoding=view.format,
        state=mapping.STATES[view.state],
        failure=failure,
        parts=view.parts,
        credits=view.credits,
        price=render_price(view.price),
        reference=_reference_of(view),
        possible_duplicate=view.possible_duplicate,
        api=view.dialect,
        created_at=render_time(view.created_ms),
        sent_at=render_optional_time(view.sent_ms),
        ended_at=render_optional_time(view.final_ms),
    )


def _reference_of(view: MessageView) -> str | None:
    text = view.options.return_data
    return (Note.parse(text).reference if view.dialect == mapping.DIALECT else text) or None


def _accepted(
    given: schemas.NewMessage, submission: Submission, accepted: AcceptedBatch
) -> schemas.Message:
    scheduled = submission.due_ms is not None and accepted.message_id is None
    return schemas.Message(
        id=str(accepted.batch_id),
        batch_id=None,
        to=f"+{normalise(submission.recipients[0])}",
        sender=submission.sender,
        text=submission.text,
        encoding=submission.format.value,
        state=mapping.STATES[State.SCHEDULED if scheduled else State.QUEUED],
        parts=accepted.parts,
        credits=accepted.credits,
        price=render_price(0),
        reference=given.reference or None,
        api=mapping.DIALECT,
        created_at=render_time(time_of(accepted.batch_id)),
        send_at=render_time(accepted.due_ms) if scheduled else None,
    )


def _scheduled(batch: ScheduledBatch) -> schemas.Message:
    return schemas.Message(
        id=str(batch.batch_id),
        batch_id=None,
        to=f"+{batch.recipient}",
        sender=batch.sender,
        text=batch.text,
        encoding=batch.format,
        state=mapping.STATES[State.SCHEDULED],
        parts=0,
        credits=0,
        price=render_price(0),
        reference=None,
        api=batch.dialect,
        created_at=render_time(time_of(batch.batch_id)),
        send_at=render_time(batch.due_ms),
    )


def _batch_ids(text: str | None) -> tuple[int, ...] | None:
    if not text:
        return None
    try:
        return (mapping.read_id(text, "batch"),)
    except Refused:
        return ()


def _id_of(request: Request) -> int:
    return mapping.read_id(request.path_params["id"], "message")


def _no_message(request: Request) -> Refused:
    return Refused(RefusalCode.NOT_FOUND, request.path_params["id"], "no such message")
