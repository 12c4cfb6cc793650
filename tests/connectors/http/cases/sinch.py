"""Sinch SMS REST API."""

from __future__ import annotations

from .shape import JSON, Answer, Call, Case, Request, hmac_of, in_base64

CASE = Case(
    credentials={"service_plan_id": "plan", "api_token": "TOKEN", "callback_secret": "secret"},
    requests=(
        Request(
            line="POST https://eu.sms.api.sinch.com/xms/v1/plan/batches",
            headers={"Authorization": "Bearer TOKEN"},
            content_type=JSON,
            body='{"from":"Dragoman","to":["+4512345678"],"body":"hello","delivery_report":"per_recipient","callback_url":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","client_reference":"dabc","expire_at":"2026-09-21T15:13:20Z"}',
        ),
        Request(
            line="POST https://eu.sms.api.sinch.com/xms/v1/plan/batches",
            headers={"Authorization": "Bearer TOKEN"},
            content_type=JSON,
            body='{"from":"Dragoman","to":["+4512345678"],"body":"grüße 😀","delivery_report":"per_recipient","callback_url":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","client_reference":"dabc","expire_at":"2026-09-21T15:13:20Z","flash_message":true}',
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            status=201,
            body='{"id":"01FC66621XXXXX119Z8PMV1QPQ","to":["4512345678"],"from":"Dragoman","canceled":false,"body":"hello","type":"mt_text"}',
            meaning="accepted",
            ids=("01FC66621XXXXX119Z8PMV1QPQ",),
        ),
        Answer(status=401, body='{"code":"unauthorized","text":"x"}', meaning="setup"),
        Answer(
            status=400,
            body='{"code":"syntax_invalid_parameter_format","text":"x"}',
            meaning="refused_by_carrier",
        ),
        Answer(status=429, meaning="throttled"),
        Answer(status=500, meaning="unknown"),
    ),
    calls=(
        Call(
            query="ref=dabc",
            headers={"content-type": JSON},
            body=b'{"type":"recipient_delivery_report_sms","batch_id":"01FC","client_reference":"dabc","recipient":"4512345678","code":0,"status":"Delivered","at":"2026-09-21T14:13:20.000Z"}',
            sign=lambda call: {
                "x-sinch-webhook-signature-nonce": "01FJ",
                "x-sinch-webhook-signature-timestamp": "1790000000",
                "x-sinch-webhook-signature-algorithm": "HmacSHA256",
                "x-sinch-webhook-signature": in_base64(
                    hmac_of("secret", call.body + b".01FJ.1790000000")
                ),
            },
            reports=(("01FC", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"type":"recipient_delivery_report_sms","batch_id":"01FC","client_reference":"dabc","recipient":"4512345678","code":401,"status":"Dispatched"}',
            sign=lambda call: {
                "x-sinch-webhook-signature-nonce": "01FJ",
                "x-sinch-webhook-signature-timestamp": "1790000000",
                "x-sinch-webhook-signature-algorithm": "HmacSHA256",
                "x-sinch-webhook-signature": in_base64(
                    hmac_of("secret", call.body + b".01FJ.1790000000")
                ),
            },
            reports=(("01FC", "dabc", "4512345678", "accepted", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"type":"recipient_delivery_report_sms","batch_id":"01FC","client_reference":"dabc","recipient":"4512345678","code":402,"status":"Aborted"}',
            sign=lambda call: {
                "x-sinch-webhook-signature-nonce": "01FJ",
                "x-sinch-webhook-signature-timestamp": "1790000000",
                "x-sinch-webhook-signature-algorithm": "HmacSHA256",
                "x-sinch-webhook-signature": in_base64(
                    hmac_of("secret", call.body + b".01FJ.1790000000")
                ),
            },
            reports=(("01FC", "dabc", "4512345678", "undeliverable", "no_route"),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"type":"mo_text","id":"in1","from":"+4599999999","to":"4512720000","body":"hello \xc3\xa6","received_at":"2026-09-21T14:13:20.000Z"}',
            sign=lambda call: {
                "x-sinch-webhook-signature-nonce": "01FJ",
                "x-sinch-webhook-signature-timestamp": "1790000000",
                "x-sinch-webhook-signature-algorithm": "HmacSHA256",
                "x-sinch-webhook-signature": in_base64(
                    hmac_of("secret", call.body + b".01FJ.1790000000")
                ),
            },
            texts=(("+4599999999", "4512720000", "hello æ", 1, 1),),
        ),
    ),
)
