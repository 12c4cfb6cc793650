"""MessageBird SMS API."""

from __future__ import annotations

import json

from .shape import FORM, JSON, Answer, Call, Case, Request, jwt, sha256


def sign(call: Call) -> dict[str, str]:
    claims = {"iss": "MessageBird", "nbf": 1790000000, "url_hash": sha256(call.url.encode()).hex()}
    if call.body:
        claims["payload_hash"] = sha256(call.body).hex()
    return {"MessageBird-Signature-JWT": jwt("secret", json.dumps(claims).encode())}


def sign_with_sha512(call: Call) -> dict[str, str]:
    """As MessageBird's own libraries take it, too."""
    claims = {"iss": "MessageBird", "nbf": 1790000000, "url_hash": sha256(call.url.encode()).hex()}
    return {"MessageBird-Signature-JWT": jwt("secret", json.dumps(claims).encode(), "HS512")}


CASE = Case(
    credentials={"access_key": "KEY", "signing_key": "secret"},
    requests=(
        Request(
            line="POST https://rest.messagebird.com/messages",
            headers={"Authorization": "AccessKey KEY"},
            content_type=JSON,
            body='{"recipients":["4512345678"],"originator":"Dragoman","body":"hello","reference":"dabc","datacoding":"auto","validity":3600,"reportUrl":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc"}',
        ),
        Request(
            line="POST https://rest.messagebird.com/messages",
            headers={"Authorization": "AccessKey KEY"},
            content_type=JSON,
            body='{"recipients":["4512345678"],"originator":"Dragoman","body":"grüße 😀","reference":"dabc","datacoding":"auto","validity":3600,"reportUrl":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","mclass":0}',
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            status=201,
            body='{"id":"e8077d803532c0b5937c639b60216938","href":"https://rest.messagebird.com/messages/e80","direction":"mt","type":"sms","reference":"dabc","recipients":{"totalCount":1,"items":[{"recipient":4512345678,"status":"sent"}]}}',
            meaning="accepted",
            ids=("e8077d803532c0b5937c639b60216938",),
        ),
        Answer(
            status=401,
            body='{"errors":[{"code":2,"description":"Request not allowed (incorrect access_key)","parameter":"access_key"}]}',
            meaning="setup",
        ),
        Answer(
            status=402,
            body='{"errors":[{"code":25,"description":"Not enough balance","parameter":null}]}',
            meaning="credit",
        ),
        Answer(
            status=422,
            body='{"errors":[{"code":9,"description":"no (correct) recipients found","parameter":"recipients"}]}',
            meaning="refused_by_carrier",
        ),
        Answer(status=500, body='{"errors":[{"code":99}]}', meaning="temporary"),
        Answer(status=429, meaning="throttled"),
    ),
    calls=(
        Call(
            method="GET",
            query="ref=dabc&id=e80&mccmnc=23801&recipient=4512345678&reference=dabc&status=delivered&statusDatetime=2026-09-21T14%3A13%3A20%2B00%3A00",
            sign=sign,
            reports=(("e80", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            method="GET",
            query="ref=dabc&id=e80&mccmnc=23801&recipient=4512345678&reference=dabc&status=delivered&statusDatetime=2026-09-21T14%3A13%3A20%2B00%3A00",
            sign=sign_with_sha512,
            reports=(("e80", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            method="GET",
            query="ref=dabc&id=e80&recipient=4512345678&reference=dabc&status=delivery_failed&statusErrorCode=103",
            sign=sign,
            reports=(("e80", "dabc", "4512345678", "undeliverable", "opted_out"),),
        ),
        Call(
            headers={"content-type": FORM},
            body=b"originator=4599999999&recipient=4512720000&body=hello+%C3%A6&createdDatetime=2026-09-21T14%3A13%3A20%2B00%3A00",
            sign=sign,
            texts=(("4599999999", "4512720000", "hello æ", 1, 1),),
        ),
    ),
)
