"""Bird, Channels API (SMS)."""

from __future__ import annotations

from .shape import JSON, Answer, Call, Case, Request, hmac_of, in_base64, sha256


def sign(call: Call) -> dict[str, str]:
    signed = b"1790000000\n" + call.url.encode() + b"\n" + sha256(call.body)
    return {
        "messagebird-request-timestamp": "1790000000",
        "messagebird-signature": in_base64(hmac_of("secret", signed)),
    }


CASE = Case(
    credentials={
        "access_key": "KEY",
        "workspace_id": "W1",
        "channel_id": "C1",
        "signing_key": "secret",
        "number": "4512720000",
    },
    requests=(
        Request(
            line="POST https://api.bird.com/workspaces/W1/channels/C1/messages",
            headers={"Authorization": "AccessKey KEY"},
            content_type=JSON,
            body='{"receiver":{"contacts":[{"identifierValue":"+4512345678","identifierKey":"phonenumber"}]},"body":{"type":"text","text":{"text":"hello"}},"reference":"dabc","validity":3600}',
        ),
        Request(
            line="POST https://api.bird.com/workspaces/W1/channels/C1/messages",
            headers={"Authorization": "AccessKey KEY"},
            content_type=JSON,
            body='{"receiver":{"contacts":[{"identifierValue":"+4512345678","identifierKey":"phonenumber"}]},"body":{"type":"text","text":{"text":"grüße 😀"}},"reference":"dabc","validity":3600}',
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            status=202,
            body='{"id":"96a0b5fa-a986-453d-be5c-3117f989f025","channelId":"C1","status":"accepted","reference":"dabc"}',
            meaning="accepted",
            ids=("96a0b5fa-a986-453d-be5c-3117f989f025",),
        ),
        Answer(status=401, body='{"code":"Unauthorized","message":"x"}', meaning="setup"),
        Answer(
            status=422, body='{"code":"InvalidPayload","message":"x"}', meaning="refused_by_carrier"
        ),
        Answer(status=402, body='{"code":"InsufficientBalance"}', meaning="credit"),
    ),
    calls=(
        Call(
            headers={"content-type": JSON},
            body=b'{"service":"channels","event":"sms.outbound","payload":{"id":"96a","reference":"dabc","status":"delivered","direction":"outgoing","receiver":{"contacts":[{"identifierValue":"+4512345678"}]}}}',
            sign=sign,
            reports=(("96a", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"service":"channels","event":"sms.outbound","payload":{"id":"96a","reference":"dabc","status":"delivery_failed","receiver":{"contacts":[{"identifierValue":"+4512345678"}]},"failure":{"code":15001,"source":{"name":"sms-messagebird","code":"27"}}}}',
            sign=sign,
            reports=(("96a", "dabc", "4512345678", "undeliverable", "absent_subscriber"),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"service":"channels","event":"sms.inbound","payload":{"id":"in1","sender":{"contact":{"identifierKey":"phonenumber","identifierValue":"+4599999999"}},"body":{"type":"text","text":{"text":"hello \xc3\xa6"}},"status":"delivered","direction":"incoming"}}',
            sign=sign,
            texts=(("+4599999999", "4512720000", "hello æ", 1, 1),),
        ),
    ),
)
