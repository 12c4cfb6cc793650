"""Clickatell, HTTP API of the SMS platform."""

from __future__ import annotations

from .shape import FORM, JSON, Answer, Call, Case, Request

CASE = Case(
    credentials={"api_key": "KEY"},
    requests=(
        Request(
            line="POST https://platform.clickatell.com/messages/http/send?apiKey=KEY",
            content_type=FORM,
            body="to=4512345678&content=hello&from=Dragoman&validityPeriod=60",
        ),
        Request(
            line="POST https://platform.clickatell.com/messages/http/send?apiKey=KEY",
            content_type=FORM,
            body="to=4512345678&content=gr%C3%BC%C3%9Fe+%F0%9F%98%80&from=Dragoman&validityPeriod=60&charset=UTF-8",
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            status=202,
            body='{"messages":[{"apiMessageId":"02ca87d5","accepted":true,"to":"4512345678","error":null}],"error":null}',
            meaning="accepted",
            ids=("02ca87d5",),
        ),
        Answer(
            status=207,
            body='{"messages":[{"apiMessageId":null,"accepted":false,"to":"4512345678","error":{"code":105,"description":"Invalid Destination Address"}}],"error":null}',
            meaning="invalid_destination",
        ),
        Answer(
            status=402,
            body='{"messages":[],"errorCode":301,"error":"No Credit Left"}',
            meaning="credit",
        ),
        Answer(
            status=402,
            body='{"messages":[{"apiMessageId":null,"accepted":false,"to":"4512345678","error":{"code":20,"description":"x"}}],"error":null}',
            meaning="credit",
        ),
        Answer(
            status=400,
            body='{"messages":[{"apiMessageId":null,"accepted":false,"to":"4512345678","error":{"code":26,"description":"x"}}],"error":null}',
            meaning="opted_out",
        ),
        Answer(status=400, body='{"messages":[],"error":{"code":2}}', meaning="setup"),
        Answer(status=400, body='{"messages":[],"error":{"code":43}}', meaning="throttled"),
        Answer(status=500, body='{"messages":[],"error":{"code":18}}', meaning="unknown"),
        Answer(status=401, body='{"messages":[],"error":{"code":401}}', meaning="setup"),
        Answer(status=429, body='{"messages":[],"error":{"code":429}}', meaning="throttled"),
        Answer(status=503, body='{"error":{"code":503}}', meaning="temporary"),
    ),
    calls=(
        Call(
            headers={"content-type": JSON},
            body=b'{"integrationId":"i","messageId":"02ca","requestId":"r","clientMessageId":null,"statusCode":4,"status":"RECEIVED_BY_RECIPIENT","statusDescription":"x","timestamp":1790000000000,"fromNumber":"4511","toNumber":"4512345678"}',
            reports=(("02ca", "", "4512345678", "delivered", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"messageId":"02ca","statusCode":7,"toNumber":"4512345678"}',
            reports=(("02ca", "", "4512345678", "undeliverable", "unspecified"),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"messageId":"02ca","statusCode":10,"toNumber":"4512345678"}',
            reports=(("02ca", "", "4512345678", "expired", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"integrationId":"i","messageId":"in1","fromNumber":"4599999999","toNumber":"4512720000","timestamp":1790000000000,"text":"hello","charset":"UTF-8"}',
            texts=(("4599999999", "4512720000", "hello", 1, 1),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"messageId":"in2","fromNumber":"4599999999","toNumber":"4512720000","text":"%00h%00%E9%00+%D8%3D%DE%00","charset":"UTF-16BE"}',
            texts=(("4599999999", "4512720000", "hé 😀", 1, 1),),
        ),
    ),
)
