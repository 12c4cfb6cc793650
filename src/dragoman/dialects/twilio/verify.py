"""Codes that verify who reads the texts to a number (Twilio Verify v2)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.core.accounts.dialect_records import Record
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.verifications import CodeRequest
from dragoman.dialects.twilio import errors, paging, schemas, sids, verify_schemas
from dragoman.dialects.twilio.calls import CREATED, DONE, Caller, CallGroup, render
from dragoman.dialects.twilio.mapping import DIALECT, render_iso_date, render_number
from dragoman.dialects.twilio.numbers import read_changes
from dragoman.dialects.twilio.stored import VERIFY_SERVICES, VerifyServiceRecord
from dragoman.dialects.twilio.submissions import read_recipient
from dragoman.kit.ids import time_of
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PATH: Final = "/v2/Services"
LIFETIME_S: Final = 600
SMS: Final = "sms"
DEFAULT_SENDER: Final = "Verify"
LENGTHS: Final = range(4, 11)
MAX_NAME: Final = 32
PENDING, APPROVED, CANCELED = "pending", "approved", "canceled"
SERVICE_SID: Final = "service"


class Verify(CallGroup):
    """Answers the calls on services, codes and tries."""

    # Services

    async def create_service(self, caller: Caller, request: Request) -> Response:
        """Makes a service; raises `Refused`."""
        changes = _changes(decode_body(request, verify_schemas.VerifyServiceRequest))
        if not changes.get("friendly_name"):
            raise errors.CodedRefusal(60200, "FriendlyName")
        record = VerifyServiceRecord(**changes)
        sid = sids.new_sid(sids.VERIFY_SERVICE)
        return render(self._render(caller, request, await self._put(caller, sid, record)), CREATED)

    async def list_services(self, caller: Caller, request: Request) -> Response:
        """A page of the services; raises `Refused`."""
        at = paging.read_position(decode_query(request, schemas.Paging))
        found = await self._services.dialect_records.of_account(
            caller.account, DIALECT, VERIFY_SERVICES
        )
        page, more = paging.page_of(found, [record.name for record in found], at)
        shown = tuple(self._render(caller, request, record) for record in page)
        url, names = self._settings.public_url, [one.sid for one in shown]
        meta = paging.meta(request, url, PATH, at, names, "services", more=more)
        return render(verify_schemas.VerifyServicePage(meta=meta, services=shown))

    async def fetch_service(self, caller: Caller, request: Request) -> Response:
        """One service; raises `Refused`."""
        return render(self._render(caller, request, await self._find(caller, request)))

    async def change_service(self, caller: Caller, request: Request) -> Response:
        """Changes a service; raises `Refused`."""
        changes = _changes(decode_body(request, verify_schemas.VerifyServiceRequest))
        known = await self._find(caller, request)
        changed = msgspec.structs.replace(VerifyServiceRecord.read(known), **changes)
        return render(self._render(caller, request, await self._put(caller, known.name, changed)))

    async def delete_service(self, caller: Caller, request: Request) -> Response:
        """Deletes a service, and so all codes that it sent; raises `Refused`."""
        known = await self._find(caller, request)
        records = self._services.dialect_records
        await records.remove(caller.account, DIALECT, VERIFY_SERVICES, known.name)
        return DONE

    # Codes

    async def send(self, caller: Caller, request: Request) -> Response:
        """Sends a code; raises `Refused`."""
        service = await self._find(caller, request)
        settings = VerifyServiceRecord.read(service)
        given = decode_body(request, verify_schemas.NewVerification)
        if given.channel.lower() != SMS:
            raise errors.CodedRefusal(60200, "Channel")
        if given.custom_code:
            raise errors.CodedRefusal(60200, "CustomCode")
        recipient = _read_to(given.to)

        def text_of(code: str) -> str:
            return f"Your {settings.friendly_name} verification code is: {code}"

        own = caller.account.default_sender
        wanted = CodeRequest(
            recipient=recipient,
            text_of=text_of,
            sender=own or DEFAULT_SENDER,
            allow_any_sender=not own,
            lifetime_s=LIFETIME_S,
            dialect=DIALECT,
            digits=settings.code_length,
            scope=service.name,
            again=True,
        )
        try:
            sent = await self._services.verifications.send(caller.account, wanted)
        except Refused as refused:
            raise _word(refused) from None
        shown = self._verification(
            caller, request, service.name, sent.verification_id, recipient, PENDING, sent.sends
        )
        return render(shown, CREATED)

    async def fetch(self, caller: Caller, request: Request) -> Response:
        """A code that can still be entered, by its SID or number; raises `Refused`."""
        service = await self._find(caller, request)
        verification_id, recipient, sends = await self._alive(
            caller, service.name, request.path_params["verification"]
        )
        return render(
            self._verification(
                caller, request, service.name, verification_id, recipient, PENDING, sends
            )
        )

    async def change(self, caller: Caller, request: Request) -> Response:
        """Ends a code, as if it had been entered or given up; raises `Refused`."""
        service = await self._find(caller, request)
        status = decode_body(request, verify_schemas.VerificationChange).status
        if status not in (CANCELED, APPROVED):
            raise errors.CodedRefusal(60200, "Status")
        verification_id, recipient, sends = await self._alive(
            caller, service.name, request.path_params["verification"]
        )
        await self._services.verifications.end(caller.account, verification_id)
        return render(
            self._verification(
                caller, request, service.name, verification_id, recipient, status, sends
            )
        )

    async def check(self, caller: Caller, request: Request) -> Response:
        """Whether a code is right, which it is once; raises `Refused`."""
        service = await self._find(caller, request)
        given = decode_body(request, verify_schemas.NewCheck)
        if not given.code:
            raise errors.CodedRefusal(60200, "Code")
        which = given.verification_sid or given.to
        if not which:
            raise errors.CodedRefusal(60200, "To")
        verification_id, recipient, _ = await self._alive(caller, service.name, which)
        verdict = await self._services.verifications.verify(
            caller.account, recipient, given.code, service.name
        )
        if verdict.exhausted:
            raise errors.CodedRefusal(60202)
        if not verdict.right and not verdict.was_alive:
            raise errors.not_found()
        created_ms = time_of(verification_id)
        return render(
            verify_schemas.Check(
                sid=sids.render_sid(sids.VERIFICATION, verification_id),
                service_sid=service.name,
                account_sid=caller.sid,
                to=render_number(recipient),
                channel=SMS,
                status=APPROVED if verdict.right else PENDING,
                valid=verdict.right,
                amount=None,
                payee=None,
                date_created=render_iso_date(created_ms),
                date_updated=render_iso_date(self._services.clock.now_ms()),
                sna_attempts_error_codes=(),
            )
        )

    async def _alive(self, caller: Caller, scope: str, which: str) -> tuple[int, str, int]:
        """The newest code for a number, or one by its SID; raises `Refused`.

        Its identifier, its number, and how often it was sent.
        """
        verifications = self._services.verifications
        verification_id = sids.parse_sid(which, sids.VERIFICATION)
        if verification_id is not None:
            found = await verifications.find(caller.account, verification_id)
        else:
            found = await verifications.find_newest(caller.account, _read_to(which), scope)
        if found is None or found.scope != scope or not verifications.is_alive(found):
            raise errors.not_found()
        return found.verification_id, found.recipient, found.sends

    # Keeping and rendering

    async def _find(self, caller: Caller, request: Request) -> Record:
        sid = request.path_params[SERVICE_SID]
        record = None
        if sids.is_sid(sid, sids.VERIFY_SERVICE):
            record = await self._services.dialect_records.find(DIALECT, VERIFY_SERVICES, sid)
        if record is None or record.account_id != caller.account_id:
            raise errors.not_found()
        return record

    async def _put(self, caller: Caller, sid: str, record: VerifyServiceRecord) -> Record:
        stamped = msgspec.structs.replace(record, updated_ms=self._services.clock.now_ms())
        return await self._services.dialect_records.put(
            caller.account, DIALECT, VERIFY_SERVICES, sid, stamped.write()
        )

    def _url(self, request: Request, path: str) -> str:
        return f"{paging.base_url(request, self._settings.public_url)}{PATH}{path}"

    def _render(
        self, caller: Caller, request: Request, kept: Record
    ) -> verify_schemas.VerifyService:
        record = VerifyServiceRecord.read(kept)
        url = self._url(request, f"/{kept.name}")
        return verify_schemas.VerifyService(
            sid=kept.name,
            account_sid=caller.sid,
            friendly_name=record.friendly_name,
            code_length=record.code_length,
            lookup_enabled=False,
            psd2_enabled=False,
            skip_sms_to_landlines=False,
            dtmf_input_required=True,
            tts_name=None,
            do_not_share_warning_enabled=False,
            custom_code_enabled=False,
            date_created=render_iso_date(time_of(kept.position)),
            date_updated=render_iso_date(record.updated_ms),
            url=url,
            links={
                "verifications": f"{url}/Verifications",
                "verification_checks": f"{url}/VerificationCheck",
            },
        )

    def _verification(
        self,
        caller: Caller,
        request: Request,
        service_sid: str,
        verification_id: int,
        recipient: str,
        status: str,
        sends: int = 1,
    ) -> verify_schemas.Verification:
        sid = sids.render_sid(sids.VERIFICATION, verification_id)
        date = render_iso_date(time_of(verification_id))
        return verify_schemas.Verification(
            sid=sid,
            service_sid=service_sid,
            account_sid=caller.sid,
            to=render_number(recipient),
            channel=SMS,
            status=status,
            valid=status == APPROVED,
            lookup={},
            amount=None,
            payee=None,
            send_code_attempts=tuple(
                {"time": date, "channel": SMS, "attempt_sid": None} for _ in range(sends)
            ),
            date_created=date,
            date_updated=date,
            sna=None,
            url=self._url(request, f"/{service_sid}/Verifications/{sid}"),
        )


def _changes(given: verify_schemas.VerifyServiceRequest) -> dict[str, Any]:
    try:
        changes = read_changes(given, VerifyServiceRecord)
    except Refused as refused:
        raise errors.CodedRefusal(60200, refused.subject) from None
    if changes.get("code_length", LENGTHS[0]) not in LENGTHS:
        raise errors.CodedRefusal(60200, "CodeLength")
    if len(changes.get("friendly_name", "")) > MAX_NAME:
        raise errors.CodedRefusal(60200, "FriendlyName")
    return changes


def _read_to(to: str) -> str:
    try:
        return read_recipient(to)
    except Refused:
        raise errors.CodedRefusal(60200, "To") from None


def _word(refused: Refused) -> Refused:
    """The refusal of a code, where this API tells it otherwise."""
    if refused.code is RefusalCode.INVALID_FIELD and refused.subject == "recipient":
        return errors.CodedRefusal(60203)
    if refused.code is RefusalCode.RECIPIENT_NOT_ALLOWED:
        return errors.CodedRefusal(21610)
    return refused
