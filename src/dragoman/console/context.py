"""What views may use: the services, and what can be read off the running gateway."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from dragoman.console.exports import Exports
from dragoman.console.flows import Flows
from dragoman.console.notices import Notices
from dragoman.console.openid import OpenIdProvider
from dragoman.console.repeats import Repeats
from dragoman.container import Services
from dragoman.core.delivery.running import Running


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleContext:
    """The services, and what only the console needs besides."""

    services: Services
    machine: Running
    notices: Notices | None = None
    """Mails people; None where there is no relay for mail."""
    openid: OpenIdProvider | None = None
    """Where people can sign in instead; None where none is configured."""
    flows: Flows = field(default_factory=Flows)
    repeats: Repeats = field(default_factory=Repeats)
    exports: Exports = field(default_factory=Exports)
    editing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by who looks whether something is still as its editor read it, and changes it."""
