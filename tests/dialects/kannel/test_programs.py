"""Requests as well-known programs make them, read in their sources at these versions.

The requests of RapidSMS are made by RapidSMS itself, in tests/clients.
"""

from __future__ import annotations

from urllib.parse import quote_plus, urlencode

import pytest

from .conftest import Gate

DLR_URL = (
    "http://playsms.example/index.php?app=call&cat=gateway&plugin=kannel&access=dlr&type=%d"
    "&smslog_id=17&uid=1&smsc=kannel"
)


def of_playsms(text: bytes, more: str = "") -> str:
    """playSMS (38be8bdc, 2024-10): the parameters of its gateway plugin `kannel`, in order."""
    return (
        f"username=tester&password=foobar&from=Dragoman&to={quote_plus('+4512345678')}"
        f"&dlr-mask=31&dlr-url={quote_plus(DLR_URL)}{more}&account=admin&text={quote_plus(text)}"
        "&smsc=default"
    )


def of_sachet(text: str) -> str:
    """Sachet, Alertmanager's way to SMS (65fcbcb, 2022-12): old names of the login, sorted."""
    return urlencode(
        {"from": "Dragoman", "pass": "foobar", "text": text, "to": "4512345678", "user": "tester"}
    )


def of_courier(text: str) -> str:
    """nyaruka/courier, which RapidPro and TextIt send with (350e9350, 2026-08): no charset."""
    url = "https://courier.example/c/kn/8eb23e93/status?uuid=0191e180&status=%d"
    plain = text.isascii()
    return urlencode(
        {
            **({} if plain else {"coding": "2"}),
            "dlr-mask": "27",
            "dlr-url": url,
            "from": "Dragoman",
            "password": "foobar",
            "priority": "1",
            "text": text if plain else text.encode("utf-16-be"),
            "to": "+4512345678",
            "username": "tester",
        }
    )


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (of_playsms(b"hello"), "hello"),
        (
            of_playsms("grüße 😀".encode("utf-16-be"), "&charset=UTF-16BE&coding=2"),
            "grüße 😀",
        ),
        (of_playsms(b"now", "&mclass=0"), "now"),
        (of_sachet("disk full: 95 % & more"), "disk full: 95 % & more"),
        (of_sachet("диск"), "диск"),
        (of_courier("hello"), "hello"),
        (of_courier("привет 😀"), "привет 😀"),
    ],
)
async def test_a_program_sends(gate: Gate, query: str, text: str) -> None:
    answer = await gate.get(query)
    # playSMS compares each line that it reads with exactly this, without an end.
    assert (answer.status, answer.body) == (202, b"0: Accepted for delivery")
    (message,) = await gate.accepted()
    assert (message.recipient, message.text) == ("4512345678", text)


@pytest.mark.parametrize("query", [of_playsms(b"hello"), of_sachet("hello"), of_courier("hello")])
async def test_a_program_sees_a_wrong_login(gate: Gate, query: str) -> None:
    answer = await gate.get(query.replace("foobar", "wrong"))
    assert answer.status == 403
    assert await gate.accepted() == []
