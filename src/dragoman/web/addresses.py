"""Which network addresses the gateway may be sent to by a customer's URL."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from dragoman.web.client_address import Address, Network

GLOBAL_UNICAST: Final = IPv6Network("2000::/3")  # RFC 4291 s. 2.4
NAT64: Final = IPv6Network("64:ff9b::/96")  # RFC 6052 s. 2.1
TEREDO: Final = IPv6Network("2001::/32")  # RFC 4380 s. 2.6
NOT_GLOBAL: Final = (
    IPv4Network("192.88.99.0/24"),  # the anycast of 6to4, which is no more: RFC 7526
    IPv6Network("3fff::/20"),  # documentation: RFC 9637
)
"""What `ipaddress` of some Python versions takes for global."""

_DOTTED_QUAD: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
# A host whose last label is a number is an address to the system resolver (WHATWG URL s. 3.5).
_ENDS_IN_NUMBER: Final = re.compile(r"(?:^|\.)(?:\d+|0[xX][0-9a-fA-F]*)\.?$")


def is_public(address: Address) -> bool:
    """Whether an address, and the IPv4 address embedded in it, is on the open internet.

    IPv4-mapped, 6to4 and NAT64 addresses count as what they lead to; Teredo never counts.
    """
    if any(address in network for network in NOT_GLOBAL):
        return False
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    inner = embedded_ipv4(address)
    if inner is not None:
        return is_public(inner)
    return address in GLOBAL_UNICAST and address not in TEREDO and address.is_global


def embedded_ipv4(address: IPv6Address) -> IPv4Address | None:
    """Returns the IPv4 address that an IPv6 address leads to, if any."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def is_permitted(address: Address, allow: Sequence[Network]) -> bool:
    """Whether an address may be called: public, or within a network that the operator lists."""
    if is_public(address):
        return True
    inner = embedded_ipv4(address) if isinstance(address, IPv6Address) else None
    return any(address in network or (inner or address) in network for network in allow)


def parse_literal(host: str) -> Address | None:
    """Reads a URL's host as an address; None where it is a name.

    Raises ValueError for the short, octal, hexadecimal and decimal spellings that the system
    resolver would take for an address, and for IPv6 zones.
    """
    if ":" in host:
        if "%" in host:
            raise ValueError("an IPv6 zone is not accepted")
        return ip_address(host)
    if _DOTTED_QUAD.fullmatch(host):
        return ip_address(host)
    if _ENDS_IN_NUMBER.search(host):
        raise ValueError("an unusual spelling of an address")
    return None
