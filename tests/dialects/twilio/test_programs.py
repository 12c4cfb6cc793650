"""Requests as well-known programs make them, read in their sources at these versions."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from .conftest import FORM, SID, TOKEN, Gate, basic

NUMBERS = {"To": "+4512345678", "From": "+4587654321"}
BOUNDARY = "------------------------d74496d66958873e"


def multipart(fields: dict[str, str]) -> bytes:
    """The body that curl makes of an array in PHP."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, f"--{BOUNDARY}--\r\n"]).encode()


async def test_playsms_sends_under_the_first_name_of_messages(gate: Gate) -> None:
    """playSMS (38be8bdc, 2024-10), its gateway plugin `twilio`, whose URL is a setting."""
    fields = {**NUMBERS, "Body": "grüße 😀", "StatusCallback": "https://playsms.example/callback"}
    answer = await gate.raw(
        "POST",
        f"/2010-04-01/Accounts/{SID}/SMS/Messages.json",
        basic(SID, TOKEN),
        (b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode()),
        body=multipart(fields),
    )
    assert answer.status == 201, answer.body
    assert (answer.json["status"], answer.json["body"]) == ("queued", "grüße 😀")
    again = await gate.call("GET", f"/SMS/Messages/{answer.json['sid']}.json")
    assert (again.status, again.json["sid"]) == (200, answer.json["sid"])


async def test_goalert_sends_and_asks(gate: Gate) -> None:
    """GoAlert (2458b9d7, 2026-08) with `--twilio-base-url`: it signs what it sends, too."""
    url = "https://goalert.example/api/v2/twilio/message/status?msgID=5e7c&type=sms"
    fields = {**NUMBERS, "Body": "Alert #1", "StatusCallback": url, "ValidityPeriod": "10"}
    signature = (b"x-twilio-signature", b"RSOYDt4T1cUTdK1PDd93/VVr8B8=")
    body = urlencode(sorted(fields.items())).encode()
    path = f"/2010-04-01/Accounts/{SID}/Messages"
    answer = await gate.raw("POST", f"{path}.json", basic(SID, TOKEN), FORM, signature, body=body)
    assert answer.status == 201, answer.body
    assert (answer.json["error_code"], answer.json["error_message"]) == (None, None)
    sid = answer.json["sid"]
    found = await gate.raw("GET", f"{path}/{sid}.json", basic(SID, TOKEN), FORM, signature)
    assert (found.status, found.json["status"]) == (200, "queued")


@pytest.mark.parametrize("sender", [{"From": "+4587654321"}, {"MessagingServiceSid": ""}])
async def test_courier_sends(gate: Gate, sender: dict[str, str]) -> None:
    """nyaruka/courier, which RapidPro and TextIt send with (350e9350, 2026-08), by `base_url`."""
    if "MessagingServiceSid" in sender:
        sender = {"MessagingServiceSid": await gate.service()}
    url = "https://courier.example/c/tw/8eb23e93/status?uuid=0191e180&action=callback"
    form = {"To": "+4512345678", "Body": "hello", "StatusCallback": url, **sender}
    answer = await gate.call("POST", "/Messages.json", form)
    assert (answer.status, answer.json["sid"][:2]) == (201, "SM")
