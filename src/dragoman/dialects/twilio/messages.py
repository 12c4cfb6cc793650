"""Messages: create, fetch, list, cancel, redact, delete; and their files."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from dragoman.container import Services
from dragoman.core.messages.attachments import FIELD
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.records import BatchOptions
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.reporting.model.single_texts import SingleFilter, SingleText
from dragoman.dialects.twilio import errors, paging, schemas, sids
from dragoman.dialects.twilio.calls import CREATED, DONE, Caller, CallGroup, render
from dragoman.dialects.twilio.mapping import (
    ACCEPTED,
    API_VERSION,
    DIALECT,
    RECEIVED,
    outcome_of,
    render_date,
    render_number,
    render_price,
)
from dragoman.dialects.twilio.submissions import Note, Reader, read_sender
from dragoman.dialects.twilio.times import parse_instant, parse_span
from dragoman.dialects.twilio.xml_answers import XML_ENDING
from dragoman.dialects.twilio.xml_answers import render as render_xml
from dragoman.dialects.wording import instead_of, reworded
from dragoman.kit.ids import time_of
from dragoman.web.bodies import decode_body, decode_form, decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response

CANCELED: Final = "canceled"
OUTCOMES: Final = frozenset({"confirmed", "unconfirmed"})
INBOUND: Final = "inbound"


class _File(NamedTuple):
    """A file of a message: its number there, what is said of it, and itself."""

    number: int
    media: schemas.Media
    content: bytes


class Messages(CallGroup):
    """Answers the calls on messages."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._reader = Reader(services)

    async def create(self, caller: Caller, request: Request) -> Response:
        """Accepts a message; raises `Refused`."""
        given = decode_body(request, schemas.NewMessage)
        media_urls = [url for url in decode_form(request).all("MediaUrl") if url.strip()]
        submission = await self._reader.read(caller.account, given, media_urls)
        with reworded(_word):
            accepted = await self._services.single_messages.submit(caller.account, submission)
        scheduled = submission.due_ms is not None
        text = SingleText(
            text_id=accepted.batch_id,
            account_id=caller.account_id,
            recipient=submission.recipients[0],
            sender=submission.sender,
            text=submission.text,
            state=State.SCHEDULED if scheduled else State.QUEUED,
            format=submission.format,
            options=BatchOptions(return_data=submission.return_data),
            parts=accepted.parts,
            due_ms=accepted.due_ms,
            attachments=len(media_urls),
        )
        message = self._render(caller, text)
        if given.messaging_service_sid:
            status = message.status if scheduled else ACCEPTED
            message = msgspec.structs.replace(message, sender=None, num_segments="0", status=status)
        return render(message, CREATED)

    async def fetch(self, caller: Caller, request: Request) -> Response:
        """One message, sent or received; raises `Refused`."""
        return render(self._render(caller, await self._find(caller, request)))

    async def search(self, caller: Caller, request: Request) -> Response:
        """A page of messages, newest first; raises `Refused`."""
        query = decode_query(request, schemas.MessageQuery)
        at = paging.read_position(query)
        wanted = self._read_filter(caller, query)
        edge = sids.parse_sid(at.sid, sids.SMS, sids.MMS) if at.sid else None
        if at.sid and edge is None:
            raise Refused(RefusalCode.INVALID_FIELD, "PageToken", "take it from an answer")
        side = {"after": edge} if at.backwards else {"before": edge}
        wanted = msgspec.structs.replace(wanted, **side)
        found = await self._services.single_texts.search(wanted, at.size + 1)
        more = len(found) > at.size or at.backwards
        found = found[-at.size :] if at.backwards else found[: at.size]
        messages = tuple(self._render(caller, text) for text in found)
        links = paging.links(
            request,
            caller.uri("/Messages.json"),
            at,
            [message.sid for message in messages],
            more=more,
        )
        return render(schemas.MessagePage(messages=messages, **links))

    async def change(self, caller: Caller, request: Request) -> Response:
        """Cancels a scheduled message, or redacts one; raises `Refused`."""
        change = decode_body(request, schemas.MessageChange)
        text = await self._find(caller, request)
        if change.status is not None:
            if change.status != CANCELED:
                raise Refused(RefusalCode.INVALID_FIELD, "Status", "use canceled")
            await self._cancel(caller, text)
        if change.body is not None:
            if change.body:
                raise Refused(RefusalCode.INVALID_FIELD, "Body", "it can only be emptied")
            if text.state is not None and text.state < State.SENT:
                raise errors.CodedRefusal(20009)
            await self._services.privacy.forget_single(text, wholly=False)
        return await self.fetch(caller, request)

    async def delete(self, caller: Caller, request: Request) -> Response:
        """Forgets a message with its number, its text and its files; raises `Refused`."""
        text = await self._find(caller, request)
        if text.state is not None and text.state < State.UNKNOWN:
            raise errors.CodedRefusal(20009)
        await self._services.privacy.forget_single(text, wholly=True)
        return DONE

    async def give_feedback(self, caller: Caller, request: Request) -> Response:
        """Notes with a message what the customer says of it; raises `Refused`."""
        outcome = decode_body(request, schemas.FeedbackRequest).outcome
        if outcome not in OUTCOMES:
            raise Refused(RefusalCode.INVALID_FIELD, "Outcome", "confirmed or unconfirmed")
        text = await self._find(caller, request)
        if text.message_id is None or text.state is None:
            raise Refused(RefusalCode.INVALID_FIELD, "MessageSid", "it was not sent")
        await self._services.message_events.note_feedback(text.message_id, outcome)
        now, sid = render_date(self._services.clock.now_ms()), _sid_of(text)
        return render(
            schemas.Feedback(
                account_sid=caller.sid,
                message_sid=sid,
                outcome=outcome,
                date_created=now,
                date_updated=now,
                uri=caller.uri(f"/Messages/{sid}/Feedback.json"),
            )
        )

    async def _cancel(self, caller: Caller, text: SingleText) -> None:
        in_service = _note_of(text).service_sid
        if text.state is not State.SCHEDULED and not (in_service and text.state is State.QUEUED):
            raise errors.CodedRefusal(30409)
        await self._services.batches.cancel(caller.account, text.text_id)

    # Files

    async def list_media(self, caller: Caller, request: Request) -> Response:
        """The files of a message; raises `Refused`."""
        text = await self._find(caller, request)
        at = paging.read_position(decode_query(request, schemas.Paging))
        files = await self._media(caller, text)
        page, more = paging.page_of(files, [file.media.sid for file in files], at)
        path = caller.uri(f"/Messages/{_sid_of(text)}/Media.json")
        shown = tuple(file.media for file in page)
        links = paging.links(request, path, at, [one.sid for one in shown], more=more)
        return render(schemas.MediaPage(media_list=shown, **links))

    async def fetch_media(self, caller: Caller, request: Request) -> Response:
        """What is known of a file; raises `Refused`."""
        file = await self._find_media(caller, await self._find(caller, request), request)
        return render(file.media)

    async def download_media(self, caller: Caller, request: Request) -> Response:
        """A file itself, or what is known of it in XML; raises `Refused`."""
        sid, dot, ending = request.path_params["media"].partition(".")
        if dot + ending == XML_ENDING:
            request.path_params = {**request.path_params, "media": sid}
            return render_xml(await self.fetch_media(caller, request), "Media")
        file = await self._find_media(caller, await self._find(caller, request), request)
        content_type = file.media.content_type.encode()
        return Response(200, file.content, content_type, ((b"x-content-type-options", b"nosniff"),))

    async def delete_media(self, caller: Caller, request: Request) -> Response:
        """Deletes a file of a message that has left; raises `Refused`."""
        text = await self._find(caller, request)
        file = await self._find_media(caller, text, request)
        if text.state is not None and text.state < State.SENT:
            raise errors.CodedRefusal(20009)
        await self._services.attachments.remove(text.text_id, file.number)
        return DONE

    async def _find_media(self, caller: Caller, text: SingleText, request: Request) -> _File:
        wanted = request.path_params["media"]
        for file in await self._media(caller, text):
            if file.media.sid == wanted:
                return file
        raise errors.not_found()

    async def _media(self, caller: Caller, text: SingleText) -> list[_File]:
        if not text.attachments:
            return []
        files = await self._services.attachments.numbered(text.text_id)
        parent, date = _sid_of(text), render_date(time_of(text.text_id))
        found = []
        for number, one in files.items():
            sid = sids.derived_sid(sids.MEDIA, parent, number)
            media = schemas.Media(
                sid=sid,
                account_sid=caller.sid,
                parent_sid=parent,
                content_type=one.content_type,
                date_created=date,
                date_updated=date,
                uri=caller.uri(f"/Messages/{parent}/Media/{sid}.json"),
            )
            found.append(_File(number, media, one.content))
        return found

    # Reading and rendering

    async def _find(self, caller: Caller, request: Request) -> SingleText:
        sid = request.path_params["message"]
        text_id = sids.parse_sid(sid, sids.SMS, sids.MMS)
        if text_id is None:
            raise errors.not_found()
        with instead_of(RefusalCode.NOT_FOUND, errors.not_found()):
            text = await self._services.single_texts.find(caller.account, DIALECT, text_id)
        if _sid_of(text) != sid:
            raise errors.not_found()
        return text

    def _read_filter(self, caller: Caller, query: schemas.MessageQuery) -> SingleFilter:
        spans = [
            _read_time("DateSent", query.date_sent),
            _read_time("DateSent<", query.date_sent_before),
            _read_time("DateSent>", query.date_sent_after),
        ]
        day, before, after = spans
        froms = [span[0] for span in (day, after) if span is not None]
        untils = [day[1]] if day is not None else []
        if before is not None:
            untils.append(before[0] + 1)
        return SingleFilter(
            account_id=caller.account_id,
            dialect=DIALECT,
            recipient=read_sender(query.to).removeprefix("+"),
            sender=read_sender(query.sender),
            from_ms=max(froms) if froms else None,
            until_ms=min(untils) if untils else None,
        )

    def _render(self, caller: Caller, text: SingleText) -> schemas.Message:
        note = _note_of(text)
        sid = _sid_of(text)
        status, error_code, error_message = RECEIVED, None, None
        if text.state is not None:
            outcome = outcome_of(text.state, text.failure, left=text.sent_ms is not None)
            status, error_code = outcome.status, outcome.error_code
            error_message = outcome.error_message
        waits = text.state is State.SCHEDULED and bool(note.service_sid)
        created_ms = time_of(text.text_id)
        changed_ms = max(created_ms, text.sent_ms or 0, text.final_ms or 0)
        uri = caller.uri(f"/Messages/{sid}.json")
        left = text.sent_ms is not None
        return schemas.Message(
            account_sid=caller.sid,
            api_version=API_VERSION,
            body=text.text,
            date_created=render_date(created_ms),
            date_sent=render_date(text.sent_ms) if text.sent_ms is not None else None,
            date_updated=render_date(changed_ms),
            direction=note.direction,
            error_code=error_code,
            error_message=error_message,
            sender=None if waits else render_number(text.sender),
            num_media=str(text.attachments),
            num_segments="0" if waits else str(text.parts),
            price=render_price(text.price) if left and text.state is not None else None,
            price_unit=self._settings.price_unit,
            messaging_service_sid=note.service_sid or None,
            sid=sid,
            status=status,
            subresource_uris={"media": f"{uri.removesuffix('.json')}/Media.json"},
            to=render_number(text.recipient),
            uri=uri,
        )


def _sid_of(text: SingleText) -> str:
    return sids.render_sid(_note_of(text).kind, text.text_id)


def _note_of(text: SingleText) -> Note:
    if text.state is None:
        return Note(text.account_id, "", INBOUND)
    return Note.parse(text.options.return_data)


def _read_time(name: str, text: str) -> tuple[int, int] | None:
    if not text.strip():
        return None
    try:
        return parse_span(text) if name == "DateSent" else (parse_instant(text),) * 2
    except ValueError:
        raise Refused(RefusalCode.INVALID_FIELD, name, "use YYYY-MM-DD or ISO 8601") from None


def _word(refused: Refused) -> Refused:
    """The refusal of a message, where this API tells it otherwise."""
    code, subject, detail = refused.code, refused.subject, refused.detail
    if code is RefusalCode.RECIPIENT_NOT_ALLOWED and subject == FailureCode.OPTED_OUT.value:
        return errors.CodedRefusal(21610)
    if code is RefusalCode.NO_ROUTE and detail:
        return Refused(code, detail)
    if code is RefusalCode.INVALID_FIELD and subject == FIELD:
        return errors.CodedRefusal(21620, "", detail)
    return refused
