"""`/webhooks`: which events a program is called for, and where."""

from __future__ import annotations

from typing import Final

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.dialects.smsgate import mapping, schemas
from dragoman.dialects.smsgate.auth import Caller
from dragoman.dialects.smsgate.calls import DONE, CallGroup, render
from dragoman.dialects.smsgate.errors import Turned
from dragoman.dialects.smsgate.mapping import DIALECT
from dragoman.dialects.wording import instead_of
from dragoman.kit.ids import parse_number
from dragoman.web.bodies import decode_json
from dragoman.web.requests import Request
from dragoman.web.responses import Response

SECURE: Final = "https://"


class Webhooks(CallGroup):
    """The handlers."""

    async def list(self, caller: Caller, _request: Request) -> Response:
        """Answers `GET /webhooks`."""
        found = self._services.webhooks.of_account(caller.account, DIALECT)
        return render(200, [mapping.render_webhook(webhook) for webhook in found])

    async def put(self, caller: Caller, request: Request) -> Response:
        """Answers `POST /webhooks`."""
        given = decode_json(request.body, schemas.NewWebhook)
        kind = mapping.KINDS.get(given.event)
        if kind is None:
            raise Refused(RefusalCode.INVALID_FIELD, "event", "invalid event type")
        if not self._settings.plain_webhooks and not given.url.lower().startswith(SECURE):
            raise Refused(RefusalCode.INVALID_CALLBACK_URL, "url", "must start with https://")
        key = given.id or ""
        if not key.isprintable() or not is_storable(key):
            raise Refused(RefusalCode.INVALID_FIELD, "id", "characters that cannot be shown")
        await self._services.phone_settings.ensure_signing_key(caller.account)
        unknown = Turned(RefusalCode.INVALID_FIELD, "deviceId: no such device")
        with instead_of(RefusalCode.NOT_FOUND, unknown):
            webhook = await self._services.webhooks.put(
                caller.account,
                DIALECT,
                key=key,
                event=kind,
                url=given.url,
                device_id=_read_device(given.device_id),
            )
        return render(201, mapping.render_webhook(webhook))

    async def remove(self, caller: Caller, request: Request) -> Response:
        """Answers `DELETE /webhooks/{id}`; one that is not there is gone too."""
        key = request.path_params["id"]
        if len(key) <= 36 and is_storable(key):
            await self._services.webhooks.remove(caller.account, DIALECT, key)
        return DONE


def _read_device(text: str | None) -> int | None:
    if not text:
        return None
    device_id = parse_number(text)
    if device_id is None:
        raise Refused(RefusalCode.NOT_FOUND, "", "no such device")
    return device_id
