"""GatewayAPI, classic API (mtsms)."""

from __future__ import annotations

from .shape import JSON, Answer, Call, Case, Request, jwt


def sign(call: Call) -> dict[str, str]:
    return {"X-Gwapi-Signature": jwt("secret", call.body)}


CASE = Case(
    credentials={"token": "TOKEN", "webhook_secret": "secret"},
    requests=(
        Request(
            line="POST https://gatewayapi.com/rest/mtsms",
            headers={"Authorization": "Token TOKEN"},
            content_type=JSON,
            body='{"sender":"Dragoman","message":"hello","recipients":[{"msisdn":4512345678}],"userref":"dabc","callback_url":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","validity_period":3600,"class":"standard","encoding":"UTF8"}',
        ),
        Request(
            line="POST https://gatewayapi.com/rest/mtsms",
            headers={"Authorization": "Token TOKEN"},
            content_type=JSON,
            body='{"sender":"Dragoman","message":"grüße 😀","recipients":[{"msisdn":4512345678}],"userref":"dabc","callback_url":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","validity_period":3600,"class":"standard","encoding":"UCS2","destaddr":"DISPLAY"}',
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            body='{"ids":[421332671],"usage":{"countries":{"DK":1},"currency":"DKK","total_cost":0.12}}',
            meaning="accepted",
            ids=("421332671",),
        ),
        Answer(
            status=401,
            body='{"code":"0x0213","incident_uuid":"d8127429","message":"Unauthorized","variables":null}',
            meaning="setup",
        ),
        Answer(
            status=403, body='{"code":"0x0216","message":"Insufficient credit"}', meaning="credit"
        ),
        Answer(status=403, body='{"code":"0x0215","message":"x"}', meaning="barred"),
        Answer(status=403, body='{"code":"0x0217","message":"x"}', meaning="not_allowed"),
        Answer(status=403, body='{"code":"0x022a","message":"x"}', meaning="setup"),
        Answer(status=500, body='{"code":"0x021E","message":"x"}', meaning="setup"),
        Answer(status=422, body='{"code":"0x0312","message":"x"}', meaning="invalid_content"),
        Answer(status=422, body='{"code":"0x0308","message":"x"}', meaning="refused_by_carrier"),
        Answer(status=400, body='{"code":"0x0301"}', meaning="refused_by_carrier"),
        Answer(status=500, body='{"code":"0x0300"}', meaning="unknown"),
    ),
    calls=(
        Call(
            query="ref=dabc",
            headers={"content-type": JSON},
            body=b'{"id":1000001,"msisdn":4512345678,"time":1790000000,"status":"DELIVERED","userref":"dabc","charge_status":"CAPTURED","country_code":"DK"}',
            sign=sign,
            reports=(("1000001", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"id":1000001,"msisdn":4512345678,"status":"UNDELIVERABLE","userref":"dabc","error":"x","code":"0x0402"}',
            sign=sign,
            reports=(("1000001", "dabc", "4512345678", "undeliverable", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"id":1000001,"msisdn":4512345678,"status":"UNDELIVERABLE","userref":"dabc","error":"Unknown subscriber","code":"0x1010"}',
            sign=sign,
            reports=(("1000001", "dabc", "4512345678", "undeliverable", "unknown_subscriber"),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"id":1000001,"msisdn":4512345678,"status":"ENROUTE","userref":"dabc"}',
            sign=sign,
            reports=(("1000001", "dabc", "4512345678", "accepted", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"id":1000002,"msisdn":4599999999,"receiver":451204,"message":"hello \xc3\xa6","senttime":1790000000,"webhook_label":"test"}',
            sign=sign,
            texts=(("4599999999", "451204", "hello æ", 1, 1),),
        ),
    ),
)
