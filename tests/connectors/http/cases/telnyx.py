"""Telnyx Messaging, v2."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .shape import JSON, Answer, Call, Case, Request, in_base64

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC_KEY = "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="


def sign(call: Call) -> dict[str, str]:
    return {
        "telnyx-timestamp": "1790000000",
        "telnyx-signature-ed25519": in_base64(KEY.sign(b"1790000000|" + call.body)),
    }


CASE = Case(
    credentials={"api_key": "KEY", "public_key": "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="},
    requests=(
        Request(
            line="POST https://api.telnyx.com/v2/messages",
            headers={"Authorization": "Bearer KEY", "Idempotency-Key": "dabc"},
            content_type=JSON,
            body='{"from":"Dragoman","to":"+4512345678","text":"hello","webhook_url":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","use_profile_webhooks":false}',
        ),
        Request(
            line="POST https://api.telnyx.com/v2/messages",
            headers={"Authorization": "Bearer KEY", "Idempotency-Key": "dabc"},
            content_type=JSON,
            body='{"from":"Dragoman","to":"+4512345678","text":"grüße 😀","webhook_url":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","use_profile_webhooks":false}',
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            body='{"data":{"record_type":"message","id":"40385f64-5717-4562-b3fc-2c963f66afa6","to":[{"phone_number":"+4512345678","status":"queued"}],"errors":[]}}',
            meaning="accepted",
            ids=("40385f64-5717-4562-b3fc-2c963f66afa6",),
        ),
        Answer(
            status=400,
            body='{"errors":[{"code":"10002","title":"Invalid phone number","detail":"x"}]}',
            meaning="invalid_destination",
        ),
        Answer(
            status=429,
            body='{"errors":[{"code":"10011","title":"Too many requests"}]}',
            meaning="throttled",
        ),
        Answer(
            status=401,
            body='{"errors":[{"code":"10009","title":"Authentication failed"}]}',
            meaning="setup",
        ),
        Answer(
            status=400,
            body='{"errors":[{"code":"40300","title":"Blocked due to STOP message"}]}',
            meaning="opted_out",
        ),
        Answer(status=402, body='{"errors":[{"code":"20100"}]}', meaning="credit"),
        Answer(status=422, body='{"errors":[{"code":"10015"}]}', meaning="refused_by_carrier"),
        Answer(status=409, body='{"errors":[{"code":"40320"}]}', meaning="temporary"),
        Answer(status=403, body='{"errors":[{"code":"10039"}]}', meaning="not_allowed"),
        Answer(status=403, body='{"errors":[{"code":"40333"}]}', meaning="credit"),
        Answer(status=400, body='{"errors":[{"code":"40331"}]}', meaning="setup"),
        Answer(status=400, body='{"errors":[{"code":"49999"}]}', meaning="refused_by_carrier"),
        Answer(status=503, body='{"errors":[{"code":"49999"}]}', meaning="temporary"),
        Answer(status=500, body='{"errors":[{"code":"10007"}]}', meaning="unknown"),
    ),
    calls=(
        Call(
            query="ref=dabc",
            headers={"content-type": JSON},
            body=b'{"data":{"event_type":"message.finalized","id":"e1","payload":{"id":"40385f64","to":[{"phone_number":"+4512345678","status":"delivered"}],"errors":[]},"record_type":"event"},"meta":{"attempt":1}}',
            sign=sign,
            reports=(("40385f64", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": JSON},
            body=b'{"data":{"event_type":"message.finalized","payload":{"id":"40385f64","to":[{"phone_number":"+4512345678","status":"delivery_failed"}],"errors":[{"code":"40001","title":"Landline"}]}}}',
            sign=sign,
            reports=(("40385f64", "dabc", "4512345678", "undeliverable", "invalid_destination"),),
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": JSON},
            body=b'{"data":{"event_type":"message.finalized","payload":{"id":"40385f64","to":[{"phone_number":"+4512345678","status":"delivery_unconfirmed"}]}}}',
            sign=sign,
            reports=(("40385f64", "dabc", "4512345678", "accepted", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"data":{"event_type":"message.received","payload":{"id":"m1","from":{"phone_number":"+4599999999"},"to":[{"phone_number":"+4512720000"}],"text":"hello \xc3\xa6"}}}',
            sign=sign,
            texts=(("+4599999999", "+4512720000", "hello æ", 1, 1),),
        ),
    ),
)
