"""E-mail addresses as mail is sent to them, and their comparison."""

from __future__ import annotations

from dragoman.core.model.email_addresses import MAX_ADDRESS, is_email_address


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
