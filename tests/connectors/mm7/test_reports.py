"""Delivery reports: what the MMSC says, and what it is answered."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from dragoman.connectors.mm7.carrier import Mm7Carrier
from dragoman.connectors.mm7.reports import build_reports
from dragoman.core.messages.model.lifecycle import ReceiptState
from dragoman.testkit.mmsc import Mmsc
from dragoman.web.router import DialectApp

from .conftest import MakeCarrier, RecordedEvents

SECRET = "s3cret"


async def call(
    carrier: Mm7Carrier,
    body: bytes,
    path: str = f"/mm7/pictures/{SECRET}",
    client: str = "192.0.2.9",
) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"text/xml"), (b"content-length", b"%d" % len(body))],
        "client": (client, 40000),
    }
    reports = build_reports({carrier.name: carrier}.get)
    await DialectApp([reports], None, body_timeout_s=30)(scope, receive, send)  # type: ignore[arg-type]
    return sent[0]["status"], sent[1]["body"]


def status_of(body: bytes) -> tuple[str, str]:
    root = etree.fromstring(body)
    (element,) = root.find("{*}Body")
    assert root.findtext("{*}Header/{*}TransactionID") == "report-1"
    return etree.QName(element).localname, element.findtext("{*}Status/{*}StatusCode")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Retrieved", ReceiptState.DELIVERED),
        ("Expired", ReceiptState.EXPIRED),
        ("Rejected", ReceiptState.UNDELIVERABLE),
        ("Unreachable", ReceiptState.UNDELIVERABLE),
        ("Unrecognised", ReceiptState.UNDELIVERABLE),
        ("Deferred", ReceiptState.ENROUTE),
        ("Forwarded", ReceiptState.ENROUTE),
        ("Indeterminate", ReceiptState.UNKNOWN),
        ("Whatever", ReceiptState.UNKNOWN),
    ],
)
async def test_a_report_is_handed_up_and_answered(
    make_carrier: MakeCarrier, events: RecordedEvents, mmsc: Mmsc, status: str, state: ReceiptState
) -> None:
    carrier = await make_carrier(report_secret=SECRET)
    code, body = await call(carrier, mmsc.report("MMS-0001", status))
    assert (code, status_of(body)) == (200, ("DeliveryReportRsp", "1000"))
    (report,) = events.reports
    assert (report.message_id, report.state, report.recipient) == ("MMS-0001", state, "4512345678")
    assert report.keys[0] == "MMS-0001"


async def test_a_report_that_is_not_stored_is_asked_for_again(
    make_carrier: MakeCarrier, events: RecordedEvents, mmsc: Mmsc
) -> None:
    carrier = await make_carrier(report_secret=SECRET)
    events.stores = False
    _, body = await call(carrier, mmsc.report("MMS-0001", "Retrieved"))
    assert status_of(body) == ("DeliveryReportRsp", "3000")


async def test_other_requests_are_not_supported(
    make_carrier: MakeCarrier, events: RecordedEvents, mmsc: Mmsc
) -> None:
    carrier = await make_carrier(report_secret=SECRET)
    body = mmsc.report("x", "Retrieved").replace(b"DeliveryReportReq", b"DeliverReq")
    _, answer = await call(carrier, body)
    assert status_of(answer) == ("VASPErrorRsp", "4003")
    assert events.reports == []


@pytest.mark.parametrize(
    ("settings", "path", "client", "status"),
    [
        ({"report_secret": SECRET}, "/mm7/pictures/wrong", "192.0.2.9", 404),
        ({"report_secret": SECRET}, f"/mm7/other/{SECRET}", "192.0.2.9", 404),
        ({"report_secret": SECRET}, "/mm7/pictures", "192.0.2.9", 404),
        ({"report_addresses": ("192.0.2.0/24",)}, "/mm7/pictures/-", "192.0.2.9", 200),
        ({"report_addresses": ("192.0.2.0/24",)}, "/mm7/pictures/-", "198.51.100.1", 404),
        ({"report_addresses": ("192.0.2.0/24",)}, "/mm7/pictures/-", "", 404),
    ],
)
async def test_who_may_report(
    make_carrier: MakeCarrier, mmsc: Mmsc, settings: Any, path: str, client: str, status: int
) -> None:
    carrier = await make_carrier(**settings)
    assert (await call(carrier, mmsc.report("M", "Retrieved"), path, client))[0] == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<",
        b"<a/>",
        b"<Envelope/>",
        b"<Envelope><Body/></Envelope>",
        b"<!DOCTYPE a><Envelope/>",
    ],
)
async def test_what_is_no_envelope_is_refused(make_carrier: MakeCarrier, body: bytes) -> None:
    carrier = await make_carrier(report_secret=SECRET)
    assert (await call(carrier, body))[0] == 400
