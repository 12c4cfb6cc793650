"""The account's phones: listing and removing them, their settings and inboxes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.devices.inbox_exports import InboxExport
from dragoman.core.devices.model.devices import Groups
from dragoman.core.devices.phone_settings import Changes
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsgate import mapping, schemas
from dragoman.dialects.smsgate.auth import Caller
from dragoman.dialects.smsgate.calls import DONE, CallGroup, render
from dragoman.dialects.smsgate.errors import WordedRefusal, render_problem
from dragoman.kit.ids import parse_number
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

NOT_IMPLEMENTED: Final = 501
NO_INBOX: Final = render_problem(NOT_IMPLEMENTED, "Inbox API is not implemented yet")
NO_LOGS: Final = render_problem(
    NOT_IMPLEMENTED, "For privacy reasons, logs of phones are not accessible through the server"
)


class Phones(CallGroup):
    """The handlers."""

    async def list(self, caller: Caller, _request: Request) -> Response:
        """Answers `GET /devices`."""
        found = self._services.devices.of_account(caller.account)
        heard_ms = self._services.devices.presence.heard_ms
        answer = [mapping.render_device(one, heard_ms(one.device_id)) for one in found]
        return render(200, answer)

    async def remove(self, caller: Caller, request: Request) -> Response:
        """Answers `DELETE /devices/{id}`: the phone has to register anew."""
        device_id = parse_number(request.path_params["id"])
        if device_id is None:
            raise Refused(RefusalCode.NOT_FOUND, "", "device not found")
        await self._services.devices.remove(
            self._services.devices.find(caller.account, device_id).device_id
        )
        return DONE


class Settings(CallGroup):
    """The handlers."""

    async def show(self, caller: Caller, _request: Request) -> Response:
        """Answers `GET /settings`."""
        return render(200, self._services.phone_settings.of_account(caller.account.account_id))

    async def replace(self, caller: Caller, request: Request) -> Response:
        """Answers `PUT /settings`."""
        return await self._set(caller, request, self._services.phone_settings.replace)

    async def change(self, caller: Caller, request: Request) -> Response:
        """Answers `PATCH /settings`; null takes a setting away."""
        return await self._set(caller, request, self._services.phone_settings.change)

    async def _set(self, caller: Caller, request: Request, act: Set) -> Response:
        groups = _read(request.body)
        signing_key = groups.get("webhooks", {}).pop(SIGNING_KEY, None)
        if signing_key:
            await self._services.phone_settings.set_signing_key(caller.account, signing_key)
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
        raise WordedRefusal(RefusalCode.INVALID_FIELD, message)
    return groups


class Inbox(CallGroup):
    """The handlers."""

    async def export(self, caller: Caller, request: Request) -> Response:
        """Answers `POST /messages/inbox/export`."""
        self._request(caller, request)
        return render(202, {}, [(b"deprecation", b"true")])

    async def refresh(self, caller: Caller, request: Request) -> Response:
        """Answers `POST /inbox/refresh`."""
        self._request(caller, request)
        return render(202, {})

    async def list(self, _caller: Caller, _request: Request) -> Response:
        """Answers `GET /inbox`."""
        return NO_INBOX

    async def show_logs(self, _caller: Caller, _request: Request) -> Response:
        """Answers `GET /logs`."""
        return NO_LOGS

    def _request(self, caller: Caller, request: Request) -> None:
        given = decode_json(request.body, schemas.InboxRefresh)
        wanted = InboxExport(
            since_ms=mapping.read_date(given.since, "since"),
            until_ms=mapping.read_date(given.until, "until"),
            types=tuple(dict.fromkeys(given.message_types or ["SMS"])),
        )
        if wanted.since_ms > wanted.until_ms:
            raise WordedRefusal(RefusalCode.INVALID_FIELD, "since must not be later than until")
        device_id = None
        if given.device_id:
            device_id = parse_number(given.device_id)
            if device_id is None:
                raise WordedRefusal(RefusalCode.NOT_FOUND, "device not found")
        self._services.inbox_exports.request(caller.account, device_id, wanted)
