"""Delivery reports: an MMSC calls us, and is answered once the report is stored.

Inbound multimedia messages (DeliverReq) and read replies are not taken: they are answered with
4003, unsupported operation.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from dragoman.connectors.mm7.carrier import Mm7Carrier
from dragoman.connectors.mm7.soap import (
    Envelope,
    NotMm7,
    add,
    new_envelope,
    parse_envelope,
    render_envelope,
)
from dragoman.connectors.mm7.statuses import (
    RECEIPT_STATES,
    SERVER_ERROR,
    SUCCESS,
    UNSUPPORTED_OPERATION,
)
from dragoman.core.messages.model.lifecycle import ReceiptState
from dragoman.core.messages.model.messages import ReceiptReport
from dragoman.protocols.smpp.message_ids import IdReading
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import TEXT, XML, Response

PREFIX: Final = "/mm7"
BODY_LIMIT_BYTES: Final = 64 * 1024
STORING_TIMEOUT_S: Final = 30.0
_UNPROTECTED: Final = "-"
_TEXTS: Final = {
    SUCCESS: "Success",
    SERVER_ERROR: "Not stored, send it again",
    UNSUPPORTED_OPERATION: "Unsupported operation",
}


def build_reports(find: Callable[[str], Mm7Carrier | None]) -> Dialect:
    """The calls that MMSCs make: `POST /mm7/<carrier>/<secret>`, `-` where there is no secret.

    `find` gives the carrier with a name.
    """
    reports = _Reports(find)
    return Dialect(
        name="mm7",
        title="MM7",
        description="Delivery reports of MMSCs.",
        prefixes=(PREFIX,),
        operations=(
            Operation(
                methods=("POST",),
                path=f"{PREFIX}/{{carrier}}/{{secret}}",
                handler=reports.receive,
                summary="A delivery report",
                source="3GPP TS 23.140 s. 8.7.4",
                body_limit_bytes=BODY_LIMIT_BYTES,
                answer_formats=("xml",),
            ),
        ),
        refuse=_refuse,
    )


class _Reports:
    def __init__(self, find: Callable[[str], Mm7Carrier | None]) -> None:
        self._find = find

    async def receive(self, request: Request) -> Response:
        carrier = self._find(request.path_params["carrier"])
        if carrier is None or not _is_admitted(carrier, request):
            return Response(404, b"not found\n", TEXT)
        try:
            envelope = parse_envelope(request.body)
        except NotMm7 as error:
            return Response(400, f"{error}\n".encode(), TEXT)
        if envelope.name != "DeliveryReportReq":
            return _answer(carrier, envelope, "VASPErrorRsp", UNSUPPORTED_OPERATION)
        report = _read_report(carrier.name, envelope)
        stored = not report.keys or await _hand_over(carrier, report)
        return _answer(carrier, envelope, "DeliveryReportRsp", SUCCESS if stored else SERVER_ERROR)


async def _hand_over(carrier: Mm7Carrier, report: ReceiptReport) -> bool:
    """Whether the report is on disk."""
    acknowledged: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def on_stored(stored: bool) -> None:
        if not acknowledged.done():
            acknowledged.set_result(stored)

    carrier.sink.receipt(report, on_stored)
    try:
        async with asyncio.timeout(STORING_TIMEOUT_S):
            return await acknowledged
    except TimeoutError:
        return False


def _read_report(carrier: str, envelope: Envelope) -> ReceiptReport:
    message_id, status = envelope.value("MessageID"), envelope.value("MMStatus")
    digits = envelope.value("Number").partition("/")[0].removeprefix("+")
    return ReceiptReport(
        carrier=carrier,
        message_id=message_id,
        reading=IdReading.AS_SENT,
        state=RECEIPT_STATES.get(status.lower(), ReceiptState.UNKNOWN),
        error=status,
        recipient=digits if digits.isascii() and digits.isdigit() else "",
        done_date=envelope.value("Date"),
    )


def _is_admitted(carrier: Mm7Carrier, request: Request) -> bool:
    settings = carrier.settings
    expected = settings.report_secret or _UNPROTECTED
    given = request.path_params["secret"]
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass")):
        return False
    if not settings.report_networks:
        return True
    try:
        address = ip_address(request.client)
    except ValueError:
        return False
    return any(address in network for network in settings.report_networks)


def _answer(carrier: Mm7Carrier, request: Envelope, name: str, status: int) -> Response:
    root, content = new_envelope(carrier.settings.schema, request.transaction_id, name)
    add(content, "MM7Version", carrier.settings.version)
    element = add(content, "Status")
    add(element, "StatusCode", str(status))
    add(element, "StatusText", _TEXTS[status])
    return Response(200, render_envelope(root), XML)


def _refuse(_request: Request, refusal: Refusal) -> Response:
    return Response(refusal.status, f"{refusal.reason}\n".encode(), TEXT)
