"""`/inbox` and `/logs`: asking phones for what they have received; what is not kept is refused."""

from __future__ import annotations

from typing import Final

from dragoman.container import Services
from dragoman.core.devices.inbox_exports import InboxExport
from dragoman.core.model.errors import RefusalCode
from dragoman.dialects.smsgate import mapping, schemas
from dragoman.dialects.smsgate.auth import Caller
from dragoman.dialects.smsgate.calls import render
from dragoman.dialects.smsgate.errors import WordedRefusal, render_problem
from dragoman.kit.ids import parse_number
from dragoman.web.bodies import decode_json
from dragoman.web.requests import Request
from dragoman.web.responses import Response

NOT_IMPLEMENTED: Final = 501
NO_INBOX: Final = render_problem(NOT_IMPLEMENTED, "Inbox API is not implemented yet")
NO_LOGS: Final = render_problem(
    NOT_IMPLEMENTED, "For privacy reasons, logs of phones are not accessible through the server"
)


class Inbox:
    def __init__(self, services: Services) -> None:
        self._exports = services.inbox_exports

    async def export(self, caller: Caller, request: Request) -> Response:
        self._request(caller, request)
        return render(202, {}, [(b"deprecation", b"true")])

    async def refresh(self, caller: Caller, request: Request) -> Response:
        self._request(caller, request)
        return render(202, {})

    async def list(self, _caller: Caller, _request: Request) -> Response:
        return NO_INBOX

    async def show_logs(self, _caller: Caller, _request: Request) -> Response:
        return NO_LOGS

    def _request(self, caller: Caller, request: Request) -> None:
        given = decode_json(request.body, schemas.InboxRefresh)
        wanted = InboxExport(
            since_ms=mapping.read_date(given.since, "since"),
            until_ms=mapping.read_date(given.until, "until"),
            types=tuple(dict.fromkeys(given.message_types or ["SMS"])),
        )
        if wanted.since_ms > wanted.until_ms:
            raise WordedRefusal(RefusalCode.INVALID_FIELD, "since must not be later than until")
        device_id = None
        if given.device_id:
            device_id = parse_number(given.device_id)
            if device_id is None:
                raise WordedRefusal(RefusalCode.NOT_FOUND, "device not found")
        self._exports.request(caller.account, device_id, wanted)
