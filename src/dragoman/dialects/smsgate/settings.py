"""`/settings`: what an account sets on all of its phones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.devices.model.devices import Groups
from dragoman.core.devices.phone_settings import Changes
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsgate import schemas
from dragoman.dialects.smsgate.auth import Caller
from dragoman.dialects.smsgate.calls import render
from dragoman.dialects.smsgate.errors import Turned
from dragoman.web.bodies import decode_json
from dragoman.web.requests import Request
from dragoman.web.responses import Response

NOT_TAKEN: Final = (
    ("encryption", "passphrase"),
    ("gateway", "cloud_url"),
    ("gateway", "private_token"),
)
"""Settings that may not be set from here: they would cut the phone off, or give us its secret."""
SIGNING_KEY: Final = "signing_key"

Set = Callable[[Account, Changes], Awaitable[Groups]]


class Settings:
    """The handlers."""

    def __init__(self, services: Services) -> None:
        self._settings = services.phone_settings

    async def show(self, caller: Caller, _request: Request) -> Response:
        """Answers `GET /settings`."""
        return render(200, self._settings.of_account(caller.account.account_id))

    async def replace(self, caller: Caller, request: Request) -> Response:
        """Answers `PUT /settings`."""
        return await self._set(caller, request, self._settings.replace)

    async def change(self, caller: Caller, request: Request) -> Response:
        """Answers `PATCH /settings`; null takes a setting away."""
        return await self._set(caller, request, self._settings.change)

    async def _set(self, caller: Caller, request: Request, act: Set) -> Response:
        groups = _read(request.body)
        signing_key = groups.get("webhooks", {}).pop(SIGNING_KEY, None)
        if signing_key:
            await self._settings.set_signing_key(caller.account, signing_key)
        return render(200, await act(caller.account, groups))


def _read(body: bytes) -> dict[str, dict[str, Any]]:
    given = msgspec.to_builtins(decode_json(body, schemas.DeviceSettings))
    groups: dict[str, dict[str, Any]] = {
        name: values for name, values in given.items() if values is not None
    }
    for group, key in NOT_TAKEN:
        if groups.get(group, {}).pop(key, None):
            raise Refused(RefusalCode.NOT_SUPPORTED, f"{group}.{key}", "cannot be set from here")
    messages = groups.get("messages", {})
    shortest, longest = messages.get("send_interval_min"), messages.get("send_interval_max")
    if shortest is not None and longest is not None and longest < shortest:
        message = "send_interval_max must be greater than or equal to send_interval_min"
        raise Turned(RefusalCode.INVALID_FIELD, message)
    return groups
