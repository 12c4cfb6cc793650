"""Vonage Messages API (SMS)."""

from __future__ import annotations

import json

from .shape import JSON, Answer, Call, Case, Request, jwt, sha256


def sign(call: Call) -> dict[str, str]:
    claims = {"iss": "Vonage", "api_key": "KEY", "payload_hash": sha256(call.body).hex()}
    return {"Authorization": f"Bearer {jwt('secret', json.dumps(claims).encode())}"}


CASE = Case(
    credentials={"api_key": "KEY", "api_secret": "SECRET", "signature_secret": "secret"},
    requests=(
        Request(
            line="POST https://api.nexmo.com/v1/messages",
            headers={"Authorization": "Basic S0VZOlNFQ1JFVA==", "Accept": "application/json"},
            content_type=JSON,
            body='{"message_type":"text","channel":"sms","from":"Dragoman","to":"4512345678","text":"hello","client_ref":"dabc","ttl":3600,"webhook_url":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","webhook_version":"v1","sms":{"encoding_type":"text"}}',
        ),
        Request(
            line="POST https://api.nexmo.com/v1/messages",
            headers={"Authorization": "Basic S0VZOlNFQ1JFVA==", "Accept": "application/json"},
            content_type=JSON,
            body='{"message_type":"text","channel":"sms","from":"Dragoman","to":"4512345678","text":"grüße 😀","client_ref":"dabc","ttl":3600,"webhook_url":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","webhook_version":"v1","sms":{"encoding_type":"unicode"}}',
            message={"text": "grüße 😀"},
        ),
    ),
    answers=(
        Answer(
            status=202,
            body='{"message_uuid":"aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"}',
            meaning="accepted",
            ids=("aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab",),
        ),
        Answer(
            status=422,
            body='{"type":"https://developer.vonage.com/api-errors/messages#1120","title":"Illegal Sender Address - rejected","detail":"x","instance":"y"}',
            meaning="invalid_sender",
        ),
        Answer(
            status=422,
            body='{"type":"https://developer.vonage.com/api-errors/messages#1150","title":"Invalid params","detail":"x"}',
            meaning="refused_by_carrier",
        ),
        Answer(
            status=402,
            body='{"type":"https://developer.nexmo.com/api-errors/#low-balance","title":"Low balance","detail":"x"}',
            meaning="credit",
        ),
        Answer(
            status=401,
            body='{"type":"https://developer.vonage.com/api-errors/#unauthorized","title":"Unauthorized"}',
            meaning="setup",
        ),
        Answer(status=429, body='{"title":"Rate Limit Hit"}', meaning="throttled"),
        Answer(status=500, meaning="unknown"),
    ),
    calls=(
        Call(
            query="ref=dabc",
            headers={"content-type": JSON},
            body=b'{"message_uuid":"aaaaaaaa","to":"4512345678","from":"Dragoman","timestamp":"2026-09-21T14:13:20Z","status":"delivered","client_ref":"dabc","channel":"sms"}',
            sign=sign,
            reports=(("aaaaaaaa", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"message_uuid":"aaaaaaaa","to":"4512345678","status":"submitted","client_ref":"dabc"}',
            sign=sign,
            reports=(("aaaaaaaa", "dabc", "4512345678", "accepted", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"message_uuid":"aaaaaaaa","to":"4512345678","status":"rejected","error":{"type":"https://developer.vonage.com/api-errors/messages#1050","title":"1050","detail":"x"},"client_ref":"dabc"}',
            sign=sign,
            reports=(("aaaaaaaa", "dabc", "4512345678", "rejected", "barred"),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"message_uuid":"in1","to":"4512720000","from":"4599999999","channel":"sms","message_type":"text","text":"hello \xc3\xa6","timestamp":"2026-09-21T14:13:20Z","sms":{"num_messages":"1","keyword":"HELLO"}}',
            sign=sign,
            texts=(("4599999999", "4512720000", "hello æ", 1, 1),),
        ),
    ),
)
