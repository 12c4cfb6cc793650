"""E-mail addresses as mails are sent to them, and how two spellings are known to be one."""

from __future__ import annotations

from dragoman.core.model.email_addresses import MAX_ADDRESS, is_email_address


def parse_mail_address(text: str) -> str:
    """The address in ASCII, its domain in lower case; ValueError where nobody can write to it.

    Local parts that need quotes or SMTPUTF8 are refused: many servers do not take them.
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
    """What tells an address from others: no server in use tells `Ann@` from `ann@`."""
    return address.lower()


def domain_of(address: str) -> str:
    """What stands behind the `@`."""
    return address.rpartition("@")[2]
