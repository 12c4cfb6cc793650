"""E-mail addresses: which can be written to, and how two spellings are known to be one."""

from __future__ import annotations

import re
from typing import Final

MAX_ADDRESS: Final = 254
MAX_LOCAL_PART: Final = 64
"""Octets (RFC 5321 s. 4.5.3.1)."""

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART: Final = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_DOMAIN: Final = re.compile(r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}")


def parse_mail_address(text: str) -> str:
    """The address in ASCII, its domain in lower case; ValueError where nobody can write to it.

    Quoted local parts and such as need SMTPUTF8 are refused: many servers do not take them.
    """
    local_part, at, domain = text.strip().rpartition("@")
    if not at or len(text) > 2 * MAX_ADDRESS:
        raise ValueError("not an e-mail address")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError("not an e-mail address") from None
    address = f"{local_part}@{domain.lower()}"
    fits = len(local_part) <= MAX_LOCAL_PART and len(address) <= MAX_ADDRESS
    if not (fits and _LOCAL_PART.fullmatch(local_part) and _DOMAIN.fullmatch(domain)):
        raise ValueError("not an e-mail address")
    return address


def key_of(address: str) -> str:
    """What tells an address from others: no server in use tells `Ann@` from `ann@`."""
    return address.lower()


def domain_of(address: str) -> str:
    """What stands behind the `@`."""
    return address.rpartition("@")[2]
