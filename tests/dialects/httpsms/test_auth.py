"""Keys that are limited."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("scope", "sent"),
    [
        ("httpsms", 1),
        ("httpsms_get_api_sms_send_sms_php", 1),
        ("httpsms_post_api_sms_send_sms_php", 0),
    ],
)
async def test_a_key_sends_within_its_scopes(gate: Any, scope: str, sent: int) -> None:
    _, key = await gate.services.api_keys.create(gate.account, "shop", scopes=frozenset({scope}))
    body = await gate.send(key=key)
    assert len(await gate.stored()) == sent, body
