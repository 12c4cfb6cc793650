"""Providers with send_sms.php and dlr.php."""

from __future__ import annotations

from .shape import FORM, Answer, Case, Request

CASE = Case(
    credentials={"key": "KEY"},
    base_url="https://sms.example.com",
    requests=(
        Request(
            line="POST https://sms.example.com/api/sms/send_sms.php",
            content_type=FORM,
            body="key=KEY&mobile=4512345678&sender=Dragoman&msgtext=hello&ref=dabc&response=json",
        ),
        Request(
            line="POST https://sms.example.com/api/sms/send_sms.php",
            content_type=FORM,
            body="key=KEY&mobile=4512345678&sender=Dragoman&msgtext=gr%C3%BC%C3%9Fe+%F0%9F%98%80&ref=dabc&response=json",
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(body='{"status":true,"error":0}', meaning="accepted"),
        Answer(
            body='{"status":false,"error":"Message not accepted"}', meaning="refused_by_carrier"
        ),
        Answer(body='{"status":false,"error":"Not Enough Credit"}', meaning="credit"),
        Answer(body='{"status":false,"error":"Invalid API Key"}', meaning="setup"),
        Answer(
            body='{"status":false,"error":"Missing Mobile Parameter"}',
            meaning="invalid_destination",
        ),
        Answer(body="<html>", meaning="unknown"),
    ),
    calls=(),
)
