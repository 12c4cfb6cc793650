"""`/messages`: sending, asking, listing, cancelling."""

from __future__ import annotations

import base64
import binascii
from typing import Final
from urllib.parse import quote

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.messages import Format, Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.core.model.texts import is_storable
from dragoman.core.submission.model.idempotency_keys import KeyedFilter
from dragoman.core.submission.model.progress import Progress
from dragoman.dialects.smsgate import mapping, schemas
from dragoman.dialects.smsgate.auth import Caller
from dragoman.dialects.smsgate.calls import CallGroup, prefix_of, render
from dragoman.dialects.smsgate.errors import WordedRefusal
from dragoman.dialects.smsgate.mapping import DIALECT
from dragoman.kit.clock import render_milliseconds
from dragoman.kit.ids import parse_number
from dragoman.web.bodies import decode_json, decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response

MAX_LIMIT: Final = 100
URGENT: Final = 100
"""From this priority on a message goes before others."""
MAX_LIFE_MS: Final = 14 * 24 * 3600 * 1000
"""The longest validity; what asks for more gets this much."""


class Messages(CallGroup):
    """The handlers."""

    async def send(self, caller: Caller, request: Request) -> Response:
        """Answers `POST /messages`."""
        query = decode_query(request, schemas.SendQuery)
        given = decode_json(request.body, schemas.Message)
        account, key = caller.account, given.id or ""
        if key:
            if not is_storable(key) or not key.isprintable():
                raise Refused(RefusalCode.INVALID_FIELD, "id", "characters that cannot be shown")
            # First of all: a repeated message has to be answered as a duplicate.
            await self._services.idempotency_keys.check_free(account, DIALECT, key)
        submission = self._read(account, given, query)
        accepted = await self._services.idempotency_keys.submit(account, submission, key)
        answer = schemas.MessageState(
            id=accepted.key,
            device_id=str(submission.device_id or ""),
            state=mapping.STATES[Progress.PENDING],
            recipients=[
                schemas.RecipientState(phone_number=f"+{number}", state="Pending")
                for number in submission.recipients
            ],
            states={"Pending": render_milliseconds(accepted.created_ms)},
        )
        if given.data_message is not None:
            answer.data_message = given.data_message
        else:
            answer.text_message = schemas.TextMessage(text=submission.text)
        location = f"{prefix_of(request)}/messages/{quote(accepted.key, safe='')}".encode()
        return render(202, answer, [(b"location", location)])

    async def list(self, caller: Caller, request: Request) -> Response:
        """Answers `GET /messages`."""
        query = decode_query(request, schemas.ListQuery)
        wanted = KeyedFilter(
            account_id=caller.account.account_id,
            dialect=DIALECT,
            from_ms=mapping.read_date(query.from_, "from") if query.from_ else None,
            until_ms=mapping.read_date(query.to, "to") if query.to else None,
            progress=_read_state(query.state) if query.state else None,
            device_id=_device_to_find(query.device_id),
            oldest_first=query.sort == "created_at",
        )
        limit = max(1, min(query.limit, MAX_LIMIT))
        page = await self._services.idempotency_keys.search(wanted, max(0, query.offset), limit)
        answer = [
            mapping.render_message(view, with_content=query.include_content)
            for view in page.submissions
        ]
        return render(200, answer, [(b"x-total-count", b"%d" % page.total)])

    async def show(self, caller: Caller, request: Request) -> Response:
        """Answers `GET /messages/{id}`."""
        view = await self._services.idempotency_keys.find(caller.account, DIALECT, _key_of(request))
        return render(200, mapping.render_message(view, with_content=True))

    async def cancel(self, caller: Caller, request: Request) -> Response:
        """Answers `DELETE /messages/{id}`."""
        view = await self._services.idempotency_keys.cancel(
            caller.account, DIALECT, _key_of(request)
        )
        return render(200, mapping.render_message(view, with_content=True))

    def _read(
        self, account: Account, given: schemas.Message, query: schemas.SendQuery
    ) -> Submission:
        if given.is_encrypted:
            detail = "end-to-end encryption is not supported"
            raise Refused(RefusalCode.NOT_SUPPORTED, "isEncrypted", detail)
        now_ms = self._services.clock.now_ms()
        due_ms, expires_ms = _read_times(given, now_ms)
        device_id = self._choose_device(account, given, query)
        submission = Submission(
            dialect=DIALECT,
            recipients=_read_numbers(given.phone_numbers),
            text="",
            sender=account.default_sender or self._settings.sender,
            due_ms=due_ms,
            expires_ms=expires_ms,
            wants_receipt=given.with_delivery_report is not False,
            urgent=(given.priority or 0) >= URGENT,
            protocol="HTTP",
            device_id=device_id,
            sim=given.sim_number,
        )
        return _with_content(submission, given)

    def _choose_device(
        self, account: Account, given: schemas.Message, query: schemas.SendQuery
    ) -> int | None:
        """The phone that a message asks for; None leaves it to the account's route."""
        devices, slot = self._services.devices, given.sim_number
        try:
            if given.device_id:
                device_id = parse_number(given.device_id)
                if device_id is None:
                    raise Refused(RefusalCode.NOT_FOUND, "", "no such device")
                devices.check_target(account, device_id, slot)
                return device_id
            if not query.device_active_within and slot is None:
                return None
            within_s = query.device_active_within * 3600.0 or None
            return devices.pick(account, within_s=within_s, slot=slot).device_id
        except Refused as refused:  # a 404 would say that the call does not exist
            raise WordedRefusal(RefusalCode.INVALID_FIELD, f"deviceId: {refused.detail}") from None


def _with_content(submission: Submission, given: schemas.Message) -> Submission:
    contents = [given.message or None, given.text_message, given.data_message]
    if sum(content is not None for content in contents) != 1:
        message = "must specify exactly one of: textMessage or dataMessage"
        raise WordedRefusal(RefusalCode.INVALID_FIELD, message)
    if given.data_message is None:
        text = given.text_message.text if given.text_message is not None else given.message
        return msgspec.structs.replace(submission, text=text or "")
    try:
        octets = base64.b64decode(given.data_message.data, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(RefusalCode.INVALID_FIELD, "dataMessage.data", "not base64") from None
    return msgspec.structs.replace(
        submission,
        text=octets.hex(),
        format=Format.BINARY,
        udh=mapping.render_ports(given.data_message.port),
    )


def _read_numbers(numbers: list[str]) -> tuple[str, ...]:
    """The digits of each; `Refused` for one that is not international, or comes twice."""
    read = []
    for row, number in enumerate(numbers, 1):
        try:
            read.append(normalise(number))
        except Refused as refused:
            message = f"failed to use phone in row {row}: {refused.detail}"
            raise WordedRefusal(refused.code, message) from None
    if len(set(read)) != len(read):
        raise WordedRefusal(RefusalCode.INVALID_RECIPIENT, "phone numbers must be unique")
    return tuple(read)


def _read_times(given: schemas.Message, now_ms: int) -> tuple[int | None, int | None]:
    """When a message is due, and until when it may be sent."""
    if given.ttl is not None and given.valid_until:
        raise WordedRefusal(RefusalCode.INVALID_FIELD, "conflicting fields: ttl and validUntil")
    due_ms = mapping.read_date(given.schedule_at, "scheduleAt") if given.schedule_at else None
    if due_ms is not None and due_ms <= now_ms:
        raise WordedRefusal(RefusalCode.INVALID_SCHEDULE, "scheduleAt must be in the future")
    expires_ms = None
    if given.ttl is not None:
        expires_ms = now_ms + min(given.ttl * 1000, mapping.MAX_TIME_MS)
    elif given.valid_until:
        expires_ms = mapping.read_date(given.valid_until, "validUntil")
        if expires_ms <= now_ms:
            raise WordedRefusal(RefusalCode.INVALID_VALIDITY, "validUntil must be in the future")
    if expires_ms is not None:
        begins_ms = due_ms or now_ms
        if begins_ms >= expires_ms:
            message = "scheduleAt must be less than or equal to validUntil"
            raise WordedRefusal(RefusalCode.INVALID_SCHEDULE, message)
        expires_ms = min(expires_ms, begins_ms + MAX_LIFE_MS)
    return due_ms, expires_ms


def _read_state(name: str) -> Progress:
    progress = mapping.PROGRESS.get(name)
    if progress is None:
        raise Refused(RefusalCode.INVALID_FIELD, "state", "no such state")
    return progress


def _device_to_find(text: str | None) -> int | None:
    """An identifier to look for; one that no device has finds nothing."""
    if not text:
        return None
    device_id = parse_number(text)
    return 0 if device_id is None else device_id


def _key_of(request: Request) -> str:
    key = request.path_params["id"]
    if len(key) > 36 or not is_storable(key):
        raise Refused(RefusalCode.NOT_FOUND, "", "message not found")
    return key
