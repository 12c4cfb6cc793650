"""Reloading: the changed configuration in a running gateway."""

from __future__ import annotations

from typing import Final

from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.core.delivery.running import Reloaded
from dragoman.core.model.errors import RefusalCode, Refused


class Reload(Body, frozen=True, kw_only=True):
    """Whether only to tell what would change."""

    check: bool = False


async def reload_configuration(admin: Admin, body: Reload) -> Reloaded:
    """Read the configuration again and take changed carriers, routes and prices at once.

    A mistake in it changes nothing. Links of carriers that did not change stay bound.
    """
    if admin.running is None:
        raise Refused(RefusalCode.NOT_SUPPORTED, "reload", "no gateway is running")
    return await admin.running.reload(check=body.check)


CALLS: Final = (Call("POST", "/reload", reload_configuration),)
