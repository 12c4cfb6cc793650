"""The OpenID provider of the configuration, and the client that calls it."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final

from dragoman import __version__
from dragoman.console.openid import ANSWER_LIMIT_BYTES, OpenIdProvider
from dragoman.container import Services
from dragoman.web.outgoing import GuardedClient

_ANYWHERE: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))
"""The operator configures the provider, which may well be on a private network."""
_CONNECTIONS: Final = 8


def build_openid(services: Services) -> OpenIdProvider | None:
    """The provider; None where the configuration names none."""
    settings = services.settings.openid
    if not settings.issuer:
        return None
    client = GuardedClient(
        version=__version__,
        allow=_ANYWHERE,
        ports=(range(1, 65536),),
        timeout_s=settings.timeout_s,
        answer_limit_bytes=ANSWER_LIMIT_BYTES,
        connections=_CONNECTIONS,
        connections_per_host=_CONNECTIONS,
    )
    return OpenIdProvider(settings, client, services.clock)
