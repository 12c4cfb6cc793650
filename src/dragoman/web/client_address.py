"""The address of the caller: the connection's peer, or the one that a trusted proxy names."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_FORWARDED_FOR: Final = b"x-forwarded-for"
_MAPPED: Final = "::ffff:"


class ClientAddressReader:
    """Finds the caller's address of a request; `X-Forwarded-For` counts only from listed proxies.

    Each proxy appends the address it was called from, so the list is read from its right end: the
    first address that is not a listed proxy is the caller's; those left of it are not trusted.
    """

    def __init__(self, proxies: Sequence[Network] = ()) -> None:
        self._proxies = tuple(proxies)

    def read(self, scope: Mapping[str, Any]) -> str:
        """Returns the address as text, IPv4 where it is IPv4 in IPv6 clothes, "" if unknown."""
        return self.read_of(scope.get("client"), scope["headers"])

    def read_of(self, peer: tuple[str, int] | None, headers: Sequence[tuple[bytes, bytes]]) -> str:
        """The same, from the address of the connection and the headers."""
        if peer is None:
            return ""
        host = peer[0]
        if self._proxies:
            return self._behind_proxies(host, headers)
        return host if not host.startswith(_MAPPED) else str(_parse(host) or host)

    def _behind_proxies(self, host: str, headers: Sequence[tuple[bytes, bytes]]) -> str:
        caller = _parse(host)
        if caller is None:
            return host
        forwarded = b",".join(value for name, value in headers if name == _FORWARDED_FOR)
        hops = forwarded.decode("latin-1").split(",") if forwarded else []
        while hops and self._is_proxy(caller):
            hop = _parse(_without_port(hops.pop().strip()))
            if hop is None:
                break
            caller = hop
        return str(caller)

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self._proxies)


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _without_port(hop: str) -> str:
    """Strips what some proxies write around an address: `1.2.3.4:5678`, `[2001:db8::1]:443`."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
