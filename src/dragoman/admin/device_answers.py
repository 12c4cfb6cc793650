"""What operations answer about phones."""

from __future__ import annotations

import msgspec

from dragoman.core.devices.model.devices import Limits


class SimView(msgspec.Struct, frozen=True, kw_only=True):
    """A SIM of a device."""

    slot: int
    present: bool
    label: str
    number: str
    carrier: str
    limits: Limits


class DeviceView(msgspec.Struct, frozen=True, kw_only=True):
    """A device as its operator sees it; only a running gateway knows whether it is online."""

    device_id: int
    account: str
    carrier: str
    protocol: str
    name: str
    enabled: bool
    online: bool
    stream: bool
    """Whether it hears at once of what there is to do."""
    app_version: str
    created_ms: int
    seen_ms: int
    limits: Limits
    health: dict[str, float | int | str]
    sims: tuple[SimView, ...]


class DeviceList(msgspec.Struct, frozen=True, kw_only=True):
    """Every device, oldest first."""

    devices: tuple[DeviceView, ...]


class DeviceCode(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time code, and the address to type in beside it; empty where none is configured."""

    code: str
    expires_ms: int
    account: str
    api_url: str


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """What an account's webhooks are signed with."""

    account: str
    signing_key: str


class NewDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A phone that was entered, and the address with its secret to type into it, shown this once.

    Where no public address is configured, `<this server>` stands in its place.
    """

    device_id: int
    name: str
    account: str
    url: str


class DeviceToken(msgspec.Struct, frozen=True, kw_only=True):
    """A private token for an account's phones."""

    token: str
    account: str
    api_url: str
