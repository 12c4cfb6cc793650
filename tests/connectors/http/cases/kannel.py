"""Kannel."""

from __future__ import annotations

from .shape import Answer, Call, Case, Request

CASE = Case(
    credentials={"username": "user", "password": "pass"},
    base_url="http://127.0.0.1:13013",
    requests=(
        Request(
            line="GET http://127.0.0.1:13013/cgi-bin/sendsms?username=user&password=pass&to=4512345678&from=Dragoman&validity=60&dlr-mask=27&dlr-url=https%3A%2F%2Fsms.example.org%2Fcarriers%2Fprovider%2Ftoken-of-the-callback-address%3Ftype%3D%25d%26answer%3D%25A%26ref%3Ddabc&coding=0&charset=UTF-8&text=hello"
        ),
        Request(
            line="GET http://127.0.0.1:13013/cgi-bin/sendsms?username=user&password=pass&to=4512345678&from=Dragoman&validity=60&dlr-mask=27&dlr-url=https%3A%2F%2Fsms.example.org%2Fcarriers%2Fprovider%2Ftoken-of-the-callback-address%3Ftype%3D%25d%26answer%3D%25A%26ref%3Ddabc&coding=2&text=%00g%00r%00%FC%00%DF%00e%00%20%D8%3D%DE%00&mclass=0",
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(status=202, body="0: Accepted for delivery", meaning="accepted"),
        Answer(status=202, body="3: Queued for later delivery", meaning="accepted"),
        Answer(status=202, body="Sent.", meaning="accepted"),
        Answer(status=403, body="Authorization failed for sendsms", meaning="setup"),
        Answer(status=403, body="Not routable. Do not try again.", meaning="no_route"),
        Answer(status=503, body="Temporal failure, try again later.", meaning="temporary"),
        Answer(status=500, body="Sending failed.", meaning="temporary"),
        Answer(
            status=400,
            body="Number(s) has/have been denied by white- and/or black-lists.",
            meaning="invalid_destination",
        ),
        Answer(status=400, body="Charset or body misformed, rejected", meaning="invalid_content"),
        Answer(body="hello", meaning="unknown"),
    ),
    calls=(
        Call(
            method="GET",
            query="type=1&answer=id%3A1+sub%3A001+dlvrd%3A001+stat%3ADELIVRD+err%3A000&ref=dabc",
            reports=(("dabc", "", "", "delivered", ""),),
        ),
        Call(
            method="GET",
            query="type=8&answer=ACK%2F&ref=dabc",
            reports=(("dabc", "", "", "accepted", ""),),
        ),
        Call(
            method="GET",
            query="type=16&answer=NACK%2F0x0000000b%2FInvalid+Destination+Address&ref=dabc",
            reports=(("dabc", "", "", "rejected", ""),),
        ),
        Call(
            method="GET",
            query="type=2&answer=x&ref=dabc",
            reports=(("dabc", "", "", "undeliverable", ""),),
        ),
        Call(
            method="GET",
            query="type=4&answer=&ref=dabc",
            reports=(("dabc", "", "", "enroute", ""),),
        ),
        Call(method="GET", query="type=1&answer=x"),
        Call(
            method="GET",
            query="from=%2B4599999999&to=4512720000&text=hello+%C3%A6&id=5f",
            texts=(("+4599999999", "4512720000", "hello æ", 1, 1),),
        ),
    ),
)
