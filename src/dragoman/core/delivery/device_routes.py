"""Routes to the device a message names; what no phone can send is refused."""

from __future__ import annotations

from typing import Final

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.devices.devices import Devices
from dragoman.core.messages.live import segment
from dragoman.core.messages.model.messages import Format, Submission, data_of
from dragoman.core.messages.model.routing import Route, Router
from dragoman.core.model.errors import RefusalCode, Refused, existing

NOT_TEXT: Final = frozenset({Format.BINARY, Format.MMS, Format.WAP_PUSH})


class DeviceRoutes:
    """Finds routes to devices; without `devices` there are none."""

    def __init__(self, router: Router, devices: Devices | None = None) -> None:
        self._router = router
        self._devices = devices

    def check(self, account: Account, submission: Submission) -> Route | None:
        """The route to the device of a submission, None without one; raises `Refused`."""
        device_id = submission.device_id
        if device_id is None:
            return None
        if self._devices is None:
            raise Refused(RefusalCode.NOT_SUPPORTED, "device", "no carrier is of type phones")
        if submission.format in NOT_TEXT and not _is_data(submission):
            detail = "phones send texts and data for a port"
            raise Refused(RefusalCode.NOT_SUPPORTED, "device", detail)
        if submission.premium is not None:
            raise Refused(RefusalCode.NOT_SUPPORTED, "device", "phones cannot charge recipients")
        carrier = self._devices.check_target(account, device_id, submission.sim)
        route = self._router.to_device(carrier)
        return existing(route, Refused(RefusalCode.NO_ROUTE, str(device_id)))

    def find(self, device_id: int) -> Route | None:
        """The route to a device; None for a removed one."""
        device = self._devices.get(device_id) if self._devices is not None else None
        return self._router.to_device(device.carrier) if device is not None else None


def _is_data(submission: Submission) -> bool:
    """Whether it is a single part for an application port, which phones can send."""
    if submission.format is not Format.BINARY or not submission.udh:
        return False
    try:
        cut = segment(submission.text, Format.BINARY, submission.udh)
    except ValueError:  # refused where texts are checked
        return True
    return data_of(cut.user_data(0)) is not None
