"""Every call of the API, in one tuple."""

from __future__ import annotations

from dragoman.container import Services
from dragoman.dialects.smsgate.calls import Calls
from dragoman.dialects.smsgate.devices import Phones
from dragoman.dialects.smsgate.health import Health
from dragoman.dialects.smsgate.inbox import Inbox
from dragoman.dialects.smsgate.messages import Messages
from dragoman.dialects.smsgate.settings import Settings
from dragoman.dialects.smsgate.tokens import Tokens
from dragoman.dialects.smsgate.webhooks import Webhooks
from dragoman.web.operations import Operation


def build_operations(services: Services) -> tuple[Operation, ...]:
    """The calls over the services."""
    calls = Calls(services)
    rooms = (
        Messages(services),
        Phones(services),
        Webhooks(services),
        Settings(services),
        Inbox(services),
        Tokens(services),
        Health(services),
    )
    return tuple(operation for room in rooms for operation in room.operations(calls))
