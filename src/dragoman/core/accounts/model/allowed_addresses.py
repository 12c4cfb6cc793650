"""The IP addresses an account may be used from, in every notation of the provider manuals.

`192.168.0.1`, comma-separated lists, `192.168.0.1-192.168.0.15`, lists of ranges, `192.168.0.*`,
CIDR, and combinations; empty allows every address (LINK v2 s. 11, "iprange").
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import msgspec


class AllowedAddresses(msgspec.Struct, frozen=True):
    """Ranges of addresses, and the text they were written as."""

    text: str = ""
    ranges: tuple[tuple[int, int, int], ...] = ()
    """(IP version, first, last), both ends included."""

    def allow(self, address: str) -> bool:
        """Whether callers from `address` are allowed; an unparsable address only if all are."""
        if not self.ranges:
            return True
        try:
            caller = ip_address(address)
        except ValueError:
            return False
        if isinstance(caller, IPv6Address) and caller.ipv4_mapped is not None:
            caller = caller.ipv4_mapped
        number = int(caller)
        return any(
            version == caller.version and first <= number <= last
            for version, first, last in self.ranges
        )


def parse_allowed_addresses(text: str) -> AllowedAddresses:
    """Parses a list of addresses and ranges; ValueError names the invalid part."""
    parts = [part.strip() for part in text.split(",")]
    return AllowedAddresses(
        text=text.strip(), ranges=tuple(_parse_part(part) for part in parts if part)
    )


def _parse_part(part: str) -> tuple[int, int, int]:
    try:
        if part.endswith("*"):
            return _parse_wildcard(part)
        if "-" in part:
            first, last = (ip_address(end.strip()) for end in part.split("-", 1))
            if first.version != last.version or int(first) > int(last):
                raise ValueError
            return first.version, int(first), int(last)
        network = ip_network(part, strict=False)
    except ValueError:
        raise ValueError(f"{part!r} is not an IP address or a range of them") from None
    return network.version, int(network.network_address), int(network.broadcast_address)


def _parse_wildcard(part: str) -> tuple[int, int, int]:
    octets = part.split(".")
    fixed = [octet for octet in octets if octet != "*"]
    if len(octets) != 4 or octets != fixed + ["*"] * (4 - len(fixed)):
        raise ValueError
    first: IPv4Address | IPv6Address = ip_address(".".join(fixed + ["0"] * (4 - len(fixed))))
    return 4, int(first), int(first) + 256 ** (4 - len(fixed)) - 1
