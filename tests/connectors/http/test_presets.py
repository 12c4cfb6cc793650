"""Each preset by its table: the exact request of a message, what answers mean, what calls say."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from typing import Any

import pytest

from dragoman.connectors.http.build import build_http_carrier
from dragoman.connectors.http.carrier import HttpCarrier
from dragoman.connectors.http.presets import PRESETS
from dragoman.core.messages.model.lifecycle import ReceiptState
from dragoman.core.model.errors import FailureCode
from dragoman.kit.clock import FixedClock
from dragoman.web.outgoing import Fetched

from . import cases
from .cases import twilio
from .cases.shape import FORM, Call, Case, hmac_of
from .peers import NOW_MS, TOKEN, RecordedEvents, Unreported, call, outgoing, table

CASES: dict[str, Case] = {
    module.name.replace("_", "-").removeprefix("p-"): importlib.import_module(
        f"{cases.__name__}.{module.name}"
    ).CASE
    for module in pkgutil.iter_modules(cases.__path__)
    if module.name != "shape"
}


def build(name: str, events: Any = None) -> HttpCarrier:
    case = CASES[name]
    settings = table(name, credentials=case.credentials, base_url=case.base_url)
    return build_http_carrier(
        settings, events or RecordedEvents(), FixedClock(NOW_MS), Unreported()
    )


def test_each_preset_has_its_table() -> None:
    assert set(CASES) == set(PRESETS) - {"generic"}


REQUESTS = [(name, index) for name, case in CASES.items() for index in range(len(case.requests))]
ANSWERS = [(name, index) for name, case in CASES.items() for index in range(len(case.answers))]
CALLS = [(name, index) for name, case in CASES.items() for index in range(len(case.calls))]


@pytest.mark.parametrize(("name", "index"), REQUESTS)
async def test_a_message_is_this_request(name: str, index: int) -> None:
    case = CASES[name]
    wanted = case.requests[index]
    request = build(name).render(outgoing(**wanted.message), case.session)
    body = request.body.decode()
    assert f"{request.method} {request.url}" == wanted.line
    headers = {key: value for key, value in request.headers if key != "Content-Type"}
    kind = dict(request.headers).get("Content-Type", "")
    assert (kind, headers) == (wanted.content_type, wanted.headers)
    assert body == wanted.body


@pytest.mark.parametrize(("name", "index"), ANSWERS)
async def test_an_answer_means_this(name: str, index: int) -> None:
    wanted = CASES[name].answers[index]
    answer = build(name).read(Fetched(wanted.status, wanted.headers, wanted.body.encode()))
    assert (str(answer.meaning), answer.ids, answer.wait_s) == (
        wanted.meaning,
        wanted.ids,
        wanted.wait_s,
    )


@pytest.mark.parametrize(("name", "index"), CALLS)
async def test_a_call_says_this(name: str, index: int) -> None:
    wanted = CASES[name].calls[index]
    events = RecordedEvents()
    carrier = build(name, events)
    answer = await call(carrier, wanted)
    assert (answer.status, answer.body) == (wanted.answer_status, wanted.answer)
    reports = [
        (one.message_id, one.other_id, one.recipient, one.state.name.lower(), one.failure.value)
        for one in events.reports
    ]
    texts = [(one.source, one.destination, one.text, one.number, one.total) for one in events.texts]
    assert (reports, texts) == (list(wanted.reports), list(wanted.texts))


SIGNED = [name for name, case in CASES.items() if any(one.signed for one in case.calls)]
BODY_IS_NOT_SIGNED = {"bandwidth"}
BODY_IS_NOT_READ = {"gatewayapi", "gatewayapi-mobile"}
"""The signature has the report itself, and that is read."""


@pytest.mark.parametrize(
    ("name", "forged"),
    [
        (name, forged)
        for name in SIGNED
        for forged in ("signature", "body", "missing")
        if forged != "body" or name not in BODY_IS_NOT_SIGNED | BODY_IS_NOT_READ
    ],
)
async def test_a_forged_call_is_refused(name: str, forged: str) -> None:
    events = RecordedEvents()
    carrier = build(name, events)
    wanted = next(one for one in CASES[name].calls if one.signed)
    answer = await call(carrier, wanted.forged(forged))
    missing = PRESETS[name].signature.missing_status if forged == "missing" else 0
    assert answer.status == (missing or 403)
    assert events.reports == []
    assert events.texts == []


async def test_an_unsigned_call_of_vonage_is_asked_for_again() -> None:
    """Its manual: a rare internal error leaves the signature out, and a 5xx has it call again."""
    wanted = next(one for one in CASES["vonage-messages"].calls if one.signed)
    answer = await call(build("vonage-messages"), wanted.forged("missing"))
    assert answer.status == 503


@pytest.mark.parametrize(
    ("shared_key", "settings"),
    [
        ("", "key=SK1,algorithm=HMAC_SHA256"),
        ("SHARED", "key=SK1,algorithm=NONE"),
        ("SHARED", "key=SK1,algorithm=HMAC_SHA1"),
        ("TOKEN", "key=SK1,algorithm=HMAC_SHA256"),
    ],
)
async def test_another_key_of_twilio_is_checked_as_its_header_says(
    shared_key: str, settings: str
) -> None:
    case = CASES["twilio"]
    events = RecordedEvents()
    credentials = {**case.credentials, "shared_key": shared_key}
    carrier = build_http_carrier(
        table("twilio", credentials=credentials), events, FixedClock(NOW_MS), Unreported()
    )
    signed = next(one for one in case.calls if one.sign is twilio.sign_as_a_rule_says)
    headers = {**signed.all_headers(), "x-twilio-webhooks-signature-settings": settings}
    answer = await call(carrier, replace(signed, headers=headers, sign=None))
    assert (answer.status, events.reports) == (403, [])


@pytest.mark.parametrize("signed", ["ref=dabc&", ""])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_vonage_may_sign_what_our_url_has_or_not(method: str, signed: str) -> None:
    fields = "messageId=0A1&msisdn=4512345678&status=delivered"
    pairs = sorted(f"{signed}{fields}".split("&"))
    secret = {"api_key": "k", "api_secret": "s", "signature_secret": "SECRET"}
    signature = hmac_of("SECRET", "".join(f"&{one}" for one in pairs).encode()).hex()
    for given, status in ((signature, 200), (signature[::-1], 403)):
        events = RecordedEvents()
        carrier = build_http_carrier(
            table("vonage", credentials=secret), events, FixedClock(NOW_MS), Unreported()
        )
        form = f"{fields}&sig={given}"
        made = (
            Call(method="GET", query=f"ref=dabc&{form}")
            if method == "GET"
            else Call(query="ref=dabc", headers={"content-type": FORM}, body=form.encode())
        )
        assert (await call(carrier, made)).status == status
        assert [one.other_id for one in events.reports] == ["dabc"] * (status == 200)


@pytest.mark.parametrize("name", sorted(BODY_IS_NOT_READ))
async def test_what_is_read_is_what_is_signed(name: str) -> None:
    events = RecordedEvents()
    wanted = next(one for one in CASES[name].calls if one.signed and one.reports)
    forged = wanted.forged("body")
    assert forged.body != wanted.body
    await call(build(name, events), forged)
    (report,) = events.reports
    assert report.message_id == wanted.reports[0][0]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.calls])
async def test_without_the_token_nobody_is_heard(name: str) -> None:
    events = RecordedEvents()
    answer = await call(build(name, events), CASES[name].calls[0], token=TOKEN[:-1] + "x")
    assert (answer.status, events.reports, events.texts) == (404, [], [])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", b""),
        (b"{", b"application/json"),
        (b"[]", b"application/json"),
        (b"null", b"application/json"),
        (b'{"a": {"a": ' * 5_000, b"application/json"),
        (b"<html>", b"text/html"),
        (b"\xff\xfe%%%=&&&", b"application/x-www-form-urlencoded"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"text/xml"),
    ],
)
async def test_nonsense_stores_nothing(name: str, body: bytes, kind: bytes) -> None:
    events = RecordedEvents()
    answer = await call(
        build(name, events), Call(body=body, headers={"content-type": kind.decode()})
    )
    assert answer.status in (200, 400, 403, PRESETS[name].signature.missing_status)
    assert (events.reports, events.texts) == ([], [])


@pytest.mark.parametrize("name", PRESETS)
def test_the_words_of_a_preset_are_ours(name: str) -> None:
    preset = PRESETS[name]
    for status in (preset.status, preset.poll.status):
        assert {one.upper() for one in status.states.values()} <= {one.name for one in ReceiptState}
        assert set(status.failures.values()) <= {one.value for one in FailureCode}
    assert preset.title
    assert all(
        text.endswith(".")
        for text in (*preset.notes, *preset.credentials.values())
        if "…" not in text
    )
