"""Whatever a program sends, it is answered in the shape of the API, and nothing breaks."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from .conftest import FORM, JSON, NUMBER, TOKEN, Gate

pytestmark = pytest.mark.stores_beside

NONSENSE: tuple[Any, ...] = (
    None,
    "",
    " ",
    "\0",
    "\n",
    "é" * 5_000,
    "😀",
    "9" * 5_000,
    "-1",
    "1e9",
    "+",
    ",",
    "%",
    "null",
    "٣",
    0,
    -1,
    1 << 63,
    1.5,
    1e300,
    True,
    [],
    [[]],
    ["1"],
    {},
    {"a": {"b": []}},
)
GOOD: dict[str, dict[str, Any]] = {
    "gettoken": {"email": "nobody", "pass": "x"},
    "addsms": {"sendto": NUMBER, "body": "x"},
    "smstosend": {"sendto": NUMBER, "body": "x"},
    "addalotofsms": {"smsdata": [{"sendto": NUMBER, "body": "x"}]},
    "getallsms": {},
    "savetag": {"title": "t"},
    "savecontact": {"phone": NUMBER, "ctag_id": 1, "fullname": "N"},
    "savepaket": {"title": "t", "body": "x", "tags": "1"},
    "getalldevices": {},
    "getsmsstatus": {"sms_id": 1},
    "getdevicestatus": {"device_id": 1},
}
MORE: dict[str, tuple[str, ...]] = {
    "addsms": ("device_id", "timetosend", "sim", "customerid", "urgent"),
    "addalotofsms": ("datajson",),
    "getallsms": (
        *("device_id", "status", "begindate", "enddate", "sim", "customerid"),
        *("onlycount", "phone", "orderbydesc", "timezone"),
    ),
    "savepaket": ("device_id", "sim", "time_to_send"),
}


@pytest.mark.parametrize("name", [name for name in GOOD if name != "gettoken"])
async def test_nonsense_in_any_parameter_is_answered(gate: Gate, name: str) -> None:
    good = {"token": TOKEN, **GOOD[name]}
    for parameter in (*GOOD[name], *MORE.get(name, ())):
        for value in NONSENSE:
            body = msgspec.json.encode(good | {parameter: value})
            await check(gate, name, body, JSON)
            if name == "addalotofsms":
                item = GOOD["addsms"] | {parameter: value}
                await check(gate, name, msgspec.json.encode(good | {"smsdata": [item]}), JSON)


RAW = (
    b'{"token":"%s","sendto":"\\ud800","body":"x"}',
    b'{"token":"%s","sendto":"+4915752982212","body":"\\ud800"}',
    b'{"token":"%s","sendto":"+4915752982212","body":"x","device_id":"\\udfff"}',
    b'{"token":"%s","sendto":' + b"[" * 5_000,
    b'{"token":"%s","datajson":"' + b"[" * 5_000 + b'"}',
    b"token=%s&sendto=%%ff%%fe&body=%%80",
    b"token=%s&sendto=%%00&body=%%00",
    b"token=%s&datajson=%%7B%%22smsdata%%22:%%5B1%%5D%%7D&smsdata=%%5B",
    b"token=%s&&&==&=&sendto",
)


@pytest.mark.parametrize("raw", RAW)
async def test_broken_bodies_are_answered(gate: Gate, raw: bytes) -> None:
    body = raw % TOKEN.encode()
    for name in GOOD:
        if name == "gettoken":  # wrong logins are answered ever more slowly
            continue
        await check(gate, name, body, FORM)
        await check(gate, name, body, JSON)


async def check(gate: Gate, name: str, body: bytes, content_type: str) -> None:
    answer = await gate.ask("POST", f"/getdata/{name}", body, content_type)
    assert (answer.status, answer.content_type) == (200, "application/json"), body[:200]
    said = answer.json
    assert said.get("error", 0) in (0, 1)
    assert "not available" not in said["message"], (body[:200], said)
