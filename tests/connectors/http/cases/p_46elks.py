"""46elks."""

from __future__ import annotations

from .shape import FORM, Answer, Call, Case, Request

CASE = Case(
    credentials={"username": "u1", "password": "pass"},
    requests=(
        Request(
            line="POST https://api.46elks.com/a1/sms",
            headers={"Authorization": "Basic dTE6cGFzcw=="},
            content_type=FORM,
            body="from=Dragoman&to=%2B4512345678&message=hello&whendelivered=https%3A%2F%2Fsms.example.org%2Fcarriers%2Fprovider%2Ftoken-of-the-callback-address%3Fref%3Ddabc",
        ),
        Request(
            line="POST https://api.46elks.com/a1/sms",
            headers={"Authorization": "Basic dTE6cGFzcw=="},
            content_type=FORM,
            body="from=Dragoman&to=%2B4512345678&message=gr%C3%BC%C3%9Fe+%F0%9F%98%80&whendelivered=https%3A%2F%2Fsms.example.org%2Fcarriers%2Fprovider%2Ftoken-of-the-callback-address%3Fref%3Ddabc&flashsms=yes",
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            body='{"status":"created","direction":"outgoing","from":"Dragoman","created":"2026-09-21T14:13:20.1","parts":1,"to":"+4512345678","cost":3500,"message":"hello","id":"s70df59406a1b4643b96f3f91e0bfb7b0"}',
            meaning="accepted",
            ids=("s70df59406a1b4643b96f3f91e0bfb7b0",),
        ),
        Answer(status=401, body="API access requires Basic HTTP authentication", meaning="setup"),
        Answer(status=403, body="Not enough credits to send", meaning="credit"),
        Answer(status=400, body="Invalid to number", meaning="invalid_destination"),
        Answer(status=400, body="Missing key message", meaning="refused_by_carrier"),
        Answer(status=500, meaning="unknown"),
    ),
    calls=(
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"id=s70&status=delivered&delivered=2026-09-21T14%3A13%3A25",
            reports=(("s70", "dabc", "", "delivered", ""),),
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"id=s70&status=failed",
            reports=(("s70", "dabc", "", "undeliverable", ""),),
        ),
        Call(
            headers={"content-type": FORM},
            body=b"direction=incoming&id=in1&from=%2B4599999999&to=%2B4512720000&created=2026-09-21T14%3A13%3A20&message=hello+%C3%A6",
            texts=(("+4599999999", "+4512720000", "hello æ", 1, 1),),
        ),
    ),
)
