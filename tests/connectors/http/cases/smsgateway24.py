"""SMSGateway24."""

from __future__ import annotations

from .shape import FORM, JSON, Answer, Call, Case, Request

CASE = Case(
    credentials={
        "email": "a@b.example",
        "password": "pass",
        "device_id": "260",
        "number": "4512720000",
    },
    session={"token": "TOKEN"},
    requests=(
        Request(
            line="POST https://smsgateway24.com/getdata/addsms",
            content_type=FORM,
            body="token=TOKEN&sendto=%2B4512345678&body=hello&device_id=260",
        ),
        Request(
            line="POST https://smsgateway24.com/getdata/addsms",
            content_type=FORM,
            body="token=TOKEN&sendto=%2B4512345678&body=gr%C3%BC%C3%9Fe+%F0%9F%98%80&device_id=260",
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            body='{"error":0,"sms_id":62807347,"message":"Sms has been saved successfully"}',
            meaning="accepted",
            ids=("62807347",),
        ),
        Answer(body='{"error":1,"message":"Login or password incorrect"}', meaning="setup"),
        Answer(body='{"error":1,"message":"Token is not valid"}', meaning="session"),
        Answer(body='{"error":1,"message":"Not enough credits"}', meaning="credit"),
        Answer(body='{"error":1,"message":"Something new"}', meaning="refused_by_carrier"),
        Answer(
            body='{"error":1,"message":"The service is not available now, try again later"}',
            meaning="temporary",
        ),
    ),
    calls=(
        Call(
            headers={"content-type": JSON},
            body=b'{"sms_id":62807347,"status_id":7,"status_message":"delivered","sendto":"+4512345678","senttime":"2026-09-21 14:13:20","channel_id":0,"device_id":260}',
            reports=(("62807347", "", "4512345678", "delivered", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"sms_id":62807347,"status_id":6,"sendto":"+4512345678"}',
            reports=(("62807347", "", "4512345678", "accepted", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"sms_id":62807347,"status_id":10,"sendto":"+4512345678"}',
            reports=(("62807347", "", "4512345678", "undeliverable", "network"),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"sms_id":62807347,"status_id":100,"sendto":"+4512345678"}',
            reports=(("62807347", "", "4512345678", "rejected", "not_allowed"),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"address":"+4599999999","date":1790000000000,"date_sent":1790000000000,"body":"hello \xc3\xa6","internal_id":5,"channel_id":0,"sms_id":77,"device_id":260,"device_name":"x"}',
            texts=(("+4599999999", "4512720000", "hello æ", 1, 1),),
        ),
    ),
)
