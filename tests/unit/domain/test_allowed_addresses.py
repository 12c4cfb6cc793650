"""Allow-lists in every form that is written let in whom they name and nobody else."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.accounts.model.allowed_addresses import parse_allowed_addresses

MIXED = "10.0.0.1, 192.168.0.0-192.168.0.15,172.16.*.*,2001:db8::/32"

CASES = [
    ("", "203.0.113.9", True),
    ("  ", "anything", True),
    (",", "203.0.113.9", True),
    ("192.168.0.1", "192.168.0.1", True),
    ("192.168.0.1", "192.168.0.2", False),
    ("192.168.0.1", "::ffff:192.168.0.1", True),
    ("192.168.0.1", "::c0a8:1", False),
    ("192.168.0.1,192.168.0.3", "192.168.0.3", True),
    ("192.168.0.1,192.168.0.3", "192.168.0.2", False),
    ("192.168.0.1-192.168.0.15", "192.168.0.0", False),
    ("192.168.0.1-192.168.0.15", "192.168.0.1", True),
    ("192.168.0.1 - 192.168.0.15", "192.168.0.15", True),
    ("192.168.0.1-192.168.0.15", "192.168.0.16", False),
    ("192.168.0.9-192.168.1.2", "192.168.1.0", True),
    ("192.168.0.*", "192.168.0.0", True),
    ("192.168.0.*", "192.168.0.255", True),
    ("192.168.0.*", "192.168.1.0", False),
    ("10.*.*.*", "10.255.255.255", True),
    ("10.*.*.*", "11.0.0.0", False),
    ("*.*.*.*", "203.0.113.9", True),
    ("*.*.*.*", "2001:db8::1", False),
    ("10.0.0.0/8", "10.1.2.3", True),
    ("10.0.0.7/8", "10.1.2.3", True),
    ("10.0.0.0/8", "11.1.2.3", False),
    ("2001:db8::1-2001:db8::f", "2001:db8::a", True),
    ("2001:db8::1-2001:db8::f", "2001:db8::10", False),
    (MIXED, "10.0.0.1", True),
    (MIXED, "192.168.0.15", True),
    (MIXED, "172.16.9.9", True),
    (MIXED, "2001:db8:1::1", True),
    (MIXED, "172.17.0.0", False),
    (MIXED, "2001:db9::1", False),
    ("10.0.0.1", "", False),
    ("10.0.0.1", "nonsense", False),
    ("10.0.0.1", "testclient", False),
]


@pytest.mark.parametrize(("text", "caller", "expected"), CASES)
def test_a_caller_is_let_in_or_not(text: str, caller: str, expected: bool) -> None:
    assert parse_allowed_addresses(text).allow(caller) is expected


WRONG = [
    ("300.0.0.1", "300.0.0.1"),
    ("10.0.0.1, nonsense", "nonsense"),
    ("10.0.0.9-10.0.0.1", "10.0.0.9-10.0.0.1"),
    ("10.0.0.1-2001:db8::1", "10.0.0.1-2001:db8::1"),
    ("10.0.0.1-", "10.0.0.1-"),
    ("10.*.0.*", "10.*.0.*"),
    ("10.*", "10.*"),
    ("1*.*.*.*", "1*.*.*.*"),
    ("10.0.0.0/33", "10.0.0.0/33"),
    ("010.0.0.1", "010.0.0.1"),
]


@pytest.mark.parametrize(("text", "part"), WRONG)
def test_the_wrong_part_is_named(text: str, part: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        parse_allowed_addresses(text)
    assert repr(part) in str(raised.value)


def test_the_text_is_kept_as_written() -> None:
    assert parse_allowed_addresses(f" {MIXED} ").text == MIXED


@given(
    st.ip_addresses(v=4), st.ip_addresses(v=4), st.ip_addresses(v=4), st.sampled_from(["-", " - "])
)
def test_a_range_lets_in_what_lies_between(
    one: object, two: object, who: object, dash: str
) -> None:
    first, last = sorted((int(ip_address(str(one))), int(ip_address(str(two)))))
    allowed = parse_allowed_addresses(f"{ip_address(first)}{dash}{ip_address(last)}")
    assert allowed.allow(str(who)) == (first <= int(ip_address(str(who))) <= last)
