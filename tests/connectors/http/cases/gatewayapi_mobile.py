"""GatewayAPI, new API (mobile)."""

from __future__ import annotations

from .shape import JSON, Answer, Call, Case, Request, jwt


def sign(call: Call) -> dict[str, str]:
    return {"X-Gwapi-Signature": jwt("secret", call.body)}


CASE = Case(
    credentials={"token": "TOKEN", "webhook_secret": "secret"},
    requests=(
        Request(
            line="POST https://messaging.gatewayapi.com/mobile/single",
            headers={"Authorization": "Token TOKEN"},
            content_type=JSON,
            body='{"sender":"Dragoman","message":"hello","recipient":4512345678,"reference":"dabc","expiration":"PT3600S"}',
        ),
        Request(
            line="POST https://messaging.gatewayapi.com/mobile/single",
            headers={"Authorization": "Token TOKEN"},
            content_type=JSON,
            body='{"sender":"Dragoman","message":"grüße 😀","recipient":4512345678,"reference":"dabc","expiration":"PT3600S"}',
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            status=202,
            body='{"msg_id":"01JA","recipient":4512345678,"reference":"dabc"}',
            meaning="accepted",
            ids=("01JA",),
        ),
        Answer(status=401, body='{"code":"unauthorized"}', meaning="setup"),
        Answer(status=422, body='{"detail":"x"}', meaning="refused_by_carrier"),
        Answer(status=429, meaning="throttled"),
    ),
    calls=(
        Call(
            headers={"content-type": JSON},
            body=b'{"msg_id":"01JA","recipient":4512345678,"reference":"dabc","status":"DELIVERED"}',
            sign=sign,
            reports=(("01JA", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"id":"in1","msisdn":4599999999,"receiver":451204,"message":"hello \xc3\xa6"}',
            sign=sign,
            texts=(("4599999999", "451204", "hello æ", 1, 1),),
        ),
    ),
)
