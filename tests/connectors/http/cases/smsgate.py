"""SMSGate (sms-gate.app), client API v1."""

from __future__ import annotations

from .shape import JSON, Answer, Call, Case, Request, hmac_of

CASE = Case(
    credentials={"username": "user", "password": "pass", "signing_key": "secret12"},
    requests=(
        Request(
            line="POST https://api.sms-gate.app/3rdparty/v1/messages",
            headers={"Authorization": "Basic dXNlcjpwYXNz"},
            content_type=JSON,
            body='{"id":"dabc","textMessage":{"text":"hello"},"phoneNumbers":["+4512345678"],"withDeliveryReport":true,"ttl":3600}',
        ),
        Request(
            line="POST https://api.sms-gate.app/3rdparty/v1/messages",
            headers={"Authorization": "Basic dXNlcjpwYXNz"},
            content_type=JSON,
            body='{"id":"dabc","textMessage":{"text":"grüße 😀"},"phoneNumbers":["+4512345678"],"withDeliveryReport":true,"ttl":3600}',
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            status=202,
            body='{"id":"dabc","deviceId":"x","state":"Pending","recipients":[{"phoneNumber":"+4512345678","state":"Pending"}]}',
            meaning="accepted",
            ids=("dabc",),
        ),
        Answer(
            status=409,
            body='{"message":"message with the same ID already exists"}',
            meaning="accepted",
        ),
        Answer(status=401, body='{"message":"Unauthorized"}', meaning="setup"),
        Answer(status=402, body='{"message":"not enough credit"}', meaning="credit"),
        Answer(status=400, body='{"message":"x"}', meaning="refused_by_carrier"),
    ),
    calls=(
        Call(
            headers={"content-type": JSON},
            body=b'{"id":"1","webhookId":"w","event":"sms:sent","deviceId":"d","payload":{"messageId":"dabc","phoneNumber":"+4512345678","sentAt":"2026-09-21T14:13:20.000+00:00"}}',
            sign=lambda call: {
                "X-Timestamp": "1790000000",
                "X-Signature": hmac_of("secret12", call.body + b"1790000000").hex(),
            },
            reports=(("dabc", "", "4512345678", "accepted", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"id":"1","event":"sms:delivered","payload":{"messageId":"dabc","phoneNumber":"+4512345678"}}',
            sign=lambda call: {
                "X-Timestamp": "1790000000",
                "X-Signature": hmac_of("secret12", call.body + b"1790000000").hex(),
            },
            reports=(("dabc", "", "4512345678", "delivered", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"id":"1","event":"sms:failed","payload":{"messageId":"dabc","phoneNumber":"+4512345678","reason":"RESULT_ERROR_GENERIC_FAILURE"}}',
            sign=lambda call: {
                "X-Timestamp": "1790000000",
                "X-Signature": hmac_of("secret12", call.body + b"1790000000").hex(),
            },
            reports=(("dabc", "", "4512345678", "undeliverable", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"id":"1","event":"sms:received","payload":{"messageId":"m1","sender":"+4599999999","recipient":"+4512720000","message":"hello \xf0\x9f\x98\x80"}}',
            sign=lambda call: {
                "X-Timestamp": "1790000000",
                "X-Signature": hmac_of("secret12", call.body + b"1790000000").hex(),
            },
            texts=(("+4599999999", "+4512720000", "hello 😀", 1, 1),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"id":"1","event":"system:ping","payload":{}}',
            sign=lambda call: {
                "X-Timestamp": "1790000000",
                "X-Signature": hmac_of("secret12", call.body + b"1790000000").hex(),
            },
        ),
    ),
)
