"""Texts to be sent: every call in every way, and what is refused."""

from __future__ import annotations

import pytest
from tests.dialects.smsgateway24.conftest import NUMBER, TOKEN, WAYS, Gate


@pytest.mark.parametrize("way", WAYS)
async def test_text_is_stored_in_every_way_of_calling(gate: Gate, way: str) -> None:
    device = await gate.phone()
    answer = await gate.call(
        "addsms", way, token=TOKEN, sendto=NUMBER, body="Hello", device_id=device.device_id
    )
    sms_id = answer.json["sms_id"]
    assert answer == (
        200,
        "application/json",
        b'{"error":0,"sms_id":%d,"message":"Sms has been saved successfully"}' % sms_id,
    )
    found = await gate.sms(sms_id)
    assert (found["sendto"], found["body"], found["deviceid"]) == (
        NUMBER,
        "Hello",
        device.device_id,
    )
    assert await gate.status(sms_id) == (1, "New")
