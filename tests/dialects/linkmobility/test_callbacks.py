"""Delivery reports: one GET for each change of the status, exactly as programs parse it."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from dragoman.core.messages.model.callbacks import CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode
from dragoman.dialects.linkmobility.callbacks import render_callback
from dragoman.kit.ids import render_hex

FACTS = CallbackFacts(
    message_id=869_020_467_200_010,
    batch_id=869_020_467_200_009,
    state=State.DELIVERED,
    at_ms=1_790_000_000_500,
    recipient="4512345678",
    sender="TEST",
    return_data="my-own-data",
    mcc="238",
)


def test_report_is_a_get_with_every_parameter_in_order() -> None:
    call = render_callback("http://example.com/dlr.php", FACTS, zone="Europe/Copenhagen")
    assert (call.method, call.body, call.headers) == ("GET", b"", ())
    assert call.url == (
        "http://example.com/dlr.php?status=received&reason=&receivetime=1790000000"
        f"&msgid={render_hex(FACTS.message_id)}&to=4512345678&statuscode=0"
        "&returndata=my-own-data&logdate=2026_09_21&mcc=238&mnc=0"
        "&batchid=869020467200009&push_price=0"
    )


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("http://example.com", "http://example.com?status="),
        ("http://example.com/?id=7&a=b+c", "http://example.com/?id=7&a=b+c&status="),
        ("http://example.com/?", "http://example.com/?status="),
        ("http://example.com/?a=%20&", "http://example.com/?a=%20&status="),
        ("http://example.com/a#top", "http://example.com/a?status="),
        ("http://example.com/a?b=1#top", "http://example.com/a?b=1&status="),
        ("https://example.com:8443/a;b", "https://example.com:8443/a;b?status="),
    ],
)
def test_own_query_of_the_url_is_kept(url: str, start: str) -> None:
    assert render_callback(url, FACTS, zone="UTC").url.startswith(start)


@pytest.mark.parametrize(
    ("state", "failure", "status", "code", "reason"),
    [
        (State.SENT, FailureCode.NONE, "buffered", "0", ""),
        (State.DELIVERED, FailureCode.NONE, "received", "0", ""),
        (State.UNDELIVERED, FailureCode.ABSENT_SUBSCRIBER, "rejected", "107", "Absent subscriber"),
        (State.REJECTED, FailureCode.DUPLICATE, "rejected", "207", "Duplicate message submit"),
        (State.EXPIRED, FailureCode.EXPIRED, "expired", "108", "Delivery fail"),
        (State.UNKNOWN, FailureCode.NO_REPORT, "expired", "10", "Network time-out"),
        (State.UNDELIVERED, FailureCode.NONE, "rejected", "108", "Delivery fail"),
    ],
)  # fmt: skip
def test_report_says_what_became_of_the_message(
    state: State, failure: FailureCode, status: str, code: str, reason: str
) -> None:
    facts = msgspec.structs.replace(FACTS, state=state, failure=failure)
    url = render_callback("http://example.com/", facts, zone="UTC").url
    said = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    assert (said["status"], said["statuscode"], said["reason"]) == (status, code, reason)


def test_log_date_is_the_day_in_the_given_zone() -> None:
    facts = msgspec.structs.replace(FACTS, at_ms=1_790_028_000_000)
    assert "logdate=2026_09_22" in render_callback("http://x/", facts, zone="Europe/Copenhagen").url
    assert "logdate=2026_09_21" in render_callback("http://x/", facts, zone="UTC").url


@pytest.mark.parametrize("return_data", ["a&b=c", "æøå +%", "line\nbreak", "日本 😀", "#"])
def test_return_data_comes_back_as_it_was_given(return_data: str) -> None:
    facts = msgspec.structs.replace(FACTS, return_data=return_data)
    url = render_callback("http://example.com/?x=1", facts, zone="UTC").url
    assert url.isascii()
    pairs = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    assert (pairs["returndata"], pairs["x"]) == (return_data, "1")


async def test_every_change_of_the_status_is_reported_once(link: Any) -> None:
    batch_id = await link.sent(
        recipients="+4512345678,+4587654321",
        status=True,
        statusurl="http://example.com/dlr.php",
        returndata="my-own-data",
    )
    first, second = link.live()
    for message in (first, second):
        await link.accept(message)
    await link.report(first, State.DELIVERED)
    await link.report(second, State.UNDELIVERED, FailureCode.UNKNOWN_SUBSCRIBER)
    said = [dict(parse_qsl(urlsplit(call.url).query)) for call in link.calls()]
    assert [(s["to"], s["status"], s["statuscode"]) for s in said] == [
        ("4512345678", "buffered", "0"),
        ("4587654321", "buffered", "0"),
        ("4512345678", "received", "0"),
        ("4587654321", "rejected", "101"),
    ]
    assert {(s["batchid"], s["returndata"]) for s in said} == {(batch_id, "my-own-data")}


@pytest.mark.parametrize(
    "fields",
    [{"status": True}, {"statusurl": "http://example.com/"}, {"status": True, "statusurl": 0}],
)
async def test_nobody_is_called_without_status_and_statusurl(link: Any, fields: Any) -> None:
    await link.sent(**fields)
    [message] = link.live()
    await link.accept(message)
    await link.report(message, State.DELIVERED)
    assert link.calls() == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["account.example"] * 2),
        ({"status": False}, ["account.example"] * 2),
        ({"status": True, "statusurl": "http://own.example/"}, ["own.example"] * 2),
        ({"status": False, "statusurl": "http://own.example/"}, []),
        ({"status": True, "statusurl": 0}, ["account.example"] * 2),
    ],
)
async def test_url_of_the_account_is_called_for_messages_without_one(
    link: Any, fields: Any, expected: list[str]
) -> None:
    account = await link.services.accounts.find("hn")
    await link.services.webhooks.put_report_url(
        account, "linkmobility", "http://account.example/dlr"
    )
    batch_id = await link.sent(recipients="+4512345678", returndata="my-own-data", **fields)
    (message,) = link.live()
    await link.accept(message)
    await link.report(message, State.DELIVERED)
    urls = [urlsplit(call.url) for call in link.calls()]
    assert [url.hostname for url in urls] == expected
    for url in urls:
        said = dict(parse_qsl(url.query))
        assert (said["batchid"], said["returndata"]) == (batch_id, "my-own-data")
