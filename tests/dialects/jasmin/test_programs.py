"""Requests as well-known programs make them, read in their sources at these versions."""

from __future__ import annotations

from urllib.parse import quote_plus, urlencode

import pytest

from .conftest import Gate

FORM = "application/x-www-form-urlencoded"


def of_playsms(text: bytes, coding: str = "") -> str:
    """playSMS (38be8bdc, 2024-10): the parameters of its gateway plugin `jasmin`, in order.

    It posts them as a form, and has them in the URL as well.
    """
    url = "https://playsms.example/plugin/gateway/jasmin/callback.php?authcode=secret"
    return (
        f"username=tester&password=foobar&to=4512345678&from=Dragoman&content={quote_plus(text)}"
        f"{coding}&dlr=yes&dlr-level=2&dlr-method=POST&dlr-url={quote_plus(url)}"
    )


def of_courier(text: str) -> str:
    """nyaruka/courier, which RapidPro and TextIt send with (350e9350, 2026-08)."""
    plain = text.isascii()
    return urlencode(
        {
            "coding": "0" if plain else "8",
            **({"content": text} if plain else {"hex-content": text.encode("utf-16-be").hex()}),
            "dlr": "yes",
            "dlr-level": "2",
            "dlr-method": "POST",
            "dlr-url": "https://courier.example/c/js/8eb23e93/status",
            "from": "2020",
            "password": "foobar",
            "to": "4512345678",
            "username": "tester",
        }
    )


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (of_playsms(b"hello"), "hello"),
        (of_playsms("grüße 😀".encode("utf-16-be"), "&coding=8"), "grüße 😀"),
    ],
)
async def test_playsms_sends(gate: Gate, parameters: str, text: str) -> None:
    answer = await gate.post(f"/send?{parameters}", parameters.encode(), FORM)
    word, _, id_ = answer.body.decode().partition(" ")
    assert (answer.status, word) == (200, "Success")
    assert id_.strip('"')
    (message,) = await gate.accepted()
    assert (message.recipient, message.text) == ("4512345678", text)


@pytest.mark.parametrize("text", ["hello", "привет 😀"])
async def test_courier_sends(gate: Gate, text: str) -> None:
    answer = await gate.get(f"/send?{of_courier(text)}")
    assert (answer.status, answer.body[:9]) == (200, b'Success "')
    (message,) = await gate.accepted()
    assert (message.recipient, message.text) == ("4512345678", text)
