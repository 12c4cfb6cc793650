"""Whose address counts, directly and behind proxies."""

from ipaddress import ip_network

import pytest

from dragoman.web.client_address import ClientAddressReader

PROXIES = tuple(map(ip_network, ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32")))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["1.1.1.1"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["9.9.9.9, 1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["9.9.9.9, 1.1.1.1, 10.2.3.4"], "1.1.1.1"),
        ("10.0.0.1", ["9.9.9.9", "1.1.1.1", "192.0.2.7"], "1.1.1.1"),
        ("10.0.0.1", ["10.9.9.9, 10.8.8.8"], "10.9.9.9"),
        ("10.0.0.1", ["1.1.1.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1, , 10.2.2.2"], "10.2.2.2"),
        ("10.0.0.1", ["1.1.1.1:5678"], "1.1.1.1"),
        ("10.0.0.1", ["[2a00::1]:443"], "2a00::1"),
        ("10.0.0.1", ["2a00::1"], "2a00::1"),
        ("10.0.0.1", ["::ffff:1.1.1.1"], "1.1.1.1"),
        ("2001:db8::1", ["1.1.1.1"], "1.1.1.1"),
        ("::ffff:10.0.0.1", ["1.1.1.1"], "1.1.1.1"),
    ],
)
def test_rightmost_address_that_is_no_proxy_counts(peer, forwarded, expected) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope = {"client": (peer, 1234), "headers": headers}
    assert ClientAddressReader(PROXIES).read(scope) == expected


@pytest.mark.parametrize(
    ("client", "expected"),
    [(("::ffff:1.2.3.4", 1), "1.2.3.4"), (("2a00::1", 1), "2a00::1"), (None, "")],
)
def test_without_proxies_headers_count_for_nothing(client, expected) -> None:
    scope = {"client": client, "headers": [(b"x-forwarded-for", b"9.9.9.9")]}
    assert ClientAddressReader().read(scope) == expected
