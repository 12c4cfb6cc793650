"""E-mail addresses: their validity (RFC 5321 s. 4.1.2), normal form and comparison."""

from __future__ import annotations

import re
from typing import Final


def parse_mail_address(text: str) -> str:
    """The address in ASCII, its domain in lower case; ValueError if it is invalid.

    Local parts that need quotes or SMTPUTF8 are refused: many servers do not accept them.
    """
    local_part, _, domain = text.strip().rpartition("@")
    if not domain.isascii() and len(domain) <= MAX_ADDRESS:
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError("not an e-mail address") from None
    address = f"{local_part}@{domain.lower()}"
    if not is_email_address(address):
        raise ValueError("not an e-mail address")
    return address


def key_of(address: str) -> str:
    """The key by which addresses are compared; `Ann@` and `ann@` are the same."""
    return address.lower()


def domain_of(address: str) -> str:
    """The domain of an address."""
    return address.rpartition("@")[2]


MAX_ADDRESS: Final = 254
"""Characters (RFC 5321 s. 4.5.3.1.3, less the brackets of a path)."""

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")


def is_email_address(text: str) -> bool:
    """Whether a text is an address at a domain with a dot; quoted local parts are not."""
    return len(text) <= MAX_ADDRESS and _ADDRESS.fullmatch(text) is not None
