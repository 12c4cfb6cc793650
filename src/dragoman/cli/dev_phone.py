"""The phone of `dragoman dev --phone`: it registers by itself and sends what the account sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dragoman.gateway import Gateway
    from dragoman.testkit.fake_phone import FakePhone

NAME: Final = "Dragoman/fake"
STEP_S: Final = 0.5
"""Between the states of a message, so that a person can watch."""


async def start_phone(gateway: Gateway, username: str, base_url: str) -> FakePhone:
    """A started phone of an account, in place of the one of the last run."""
    from dragoman.core.devices.model.devices import DeviceSettings, Limits
    from dragoman.testkit.fake_phone import FakePhone

    for device in gateway.services.devices.all():
        if device.name == NAME:
            await gateway.services.devices.remove(device.device_id)
    account = await gateway.services.accounts.find(username)
    code = await gateway.services.device_registration.create_code(account)
    phone = FakePhone(f"{base_url}/api/mobile/v1", name=NAME, sims=2)
    phone.step_s = STEP_S
    await phone.register(code=code.code)
    no_limits = DeviceSettings(limits=Limits())
    await gateway.services.devices.change_settings(int(phone.device_id), no_limits)
    await phone.start()
    return phone
