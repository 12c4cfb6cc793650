"""`/devices`: the account's phones."""

from __future__ import annotations

from dragoman.container import Services
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsgate import mapping
from dragoman.dialects.smsgate.auth import Caller
from dragoman.dialects.smsgate.calls import DONE, render
from dragoman.kit.ids import parse_number
from dragoman.web.requests import Request
from dragoman.web.responses import Response


class Phones:
    def __init__(self, services: Services) -> None:
        self._devices = services.devices

    async def list(self, caller: Caller, _request: Request) -> Response:
        found = self._devices.of_account(caller.account)
        heard_ms = self._devices.presence.heard_ms
        answer = [mapping.render_device(one, heard_ms(one.device_id)) for one in found]
        return render(200, answer)

    async def remove(self, caller: Caller, request: Request) -> Response:
        """Removes a phone, which then has to register again."""
        device_id = parse_number(request.path_params["id"])
        if device_id is None:
            raise Refused(RefusalCode.NOT_FOUND, "", "device not found")
        await self._devices.remove(self._devices.find(caller.account, device_id).device_id)
        return DONE
