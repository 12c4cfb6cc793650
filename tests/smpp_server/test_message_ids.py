"""The message_id of programs that speak SMPP 3.3."""

from __future__ import annotations

import pytest

from dragoman.smpp_server import requests


@pytest.mark.parametrize("short_id", [1, 99_999_999, 100_000_000, 2**31 - 1])
def test_an_id_of_version_3_3_fits_and_is_found_again(short_id: int) -> None:
    message_id = requests._render_short(short_id)
    assert len(message_id) <= 8
    assert requests._parse_short(message_id) == short_id
    assert requests._parse_short(message_id.upper()) == short_id
