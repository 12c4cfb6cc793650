"""Where customers' programs connect to: plain, with TLS, behind proxies that say whose they are."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from dragoman.config.sections import SmppServer as Section
from dragoman.smpp_server.proxied_tls import ProxiedTlsListener

Make = Callable[[bool, str], asyncio.Protocol]
"""From whether it came with TLS, and the client's address if a proxy said it already."""


class BindListeners:
    """Listens where the settings say."""

    def __init__(self, settings: Section, make: Make) -> None:
        self._settings = settings
        self._make = make
        self._listening: list[asyncio.Server | ProxiedTlsListener] = []

    async def start(self) -> None:
        """Begins to listen; OSError where it cannot."""
        loop, settings = asyncio.get_running_loop(), self._settings
        if settings.listen is not None:
            host, port = settings.address
            self._listening.append(
                await loop.create_server(lambda: self._make(False, ""), host, port)
            )
        if settings.tls_certificate_file is not None:
            context = _tls_context(settings.tls_certificate_file)
            self._listening.append(await self._listen_with_tls(context))

    async def _listen_with_tls(
        self, context: ssl.SSLContext
    ) -> asyncio.Server | ProxiedTlsListener:
        timeout_s = self._settings.bind_timeout_s
        if self._settings.proxy_networks:
            return ProxiedTlsListener(
                lambda address: self._make(True, address),
                self._settings.tls_address,
                context,
                is_proxy=self.is_proxy,
                timeout_s=timeout_s,
            )
        host, port = self._settings.tls_address
        return await asyncio.get_running_loop().create_server(
            lambda: self._make(True, ""),
            host,
            port,
            ssl=context,
            ssl_handshake_timeout=timeout_s,
        )

    @property
    def ports(self) -> Sequence[int]:
        """The ports it listens on: plain, then TLS."""
        return [server.sockets[0].getsockname()[1] for server in self._listening]

    def close(self) -> None:
        """Listens no more."""
        for server in self._listening:
            server.close()

    def is_proxy(self, address: str) -> bool:
        """Whether connections from an address begin with a PROXY header."""
        networks = self._settings.proxy_networks
        if not networks:
            return False
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in networks)


def _tls_context(certificate_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate_file)
    return context
