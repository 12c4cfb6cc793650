"""What the app sends and is answered; absent and null are the same to it, both ways.

Unknown fields are ignored.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class SimCard(msgspec.Struct, kw_only=True, rename="camel"):
    """A SIM as the app lists it; number and carrier usually arrive with `*` for most of them."""

    sim_number: int | None = None
    slot_index: int | None = None
    phone_number: str | None = None
    carrier_name: str | None = None


class RegisterDevice(msgspec.Struct, kw_only=True, rename="camel"):
    """`POST /device`."""

    name: str | None = None
    push_token: str | None = None
    sim_cards: list[SimCard] | None = None


class RegisteredDevice(msgspec.Struct, kw_only=True):
    """The registration that a phone stores; without a password the app shows `hidden`."""

    id: str
    token: str
    login: str


class ChangeDevice(msgspec.Struct, kw_only=True, rename="camel"):
    """`PATCH /device`; a phone without a push token listens to events."""

    id: str
    push_token: str | None = None
    sim_cards: list[SimCard] | None = None


class DeviceView(msgspec.Struct, kw_only=True, rename="camel"):
    """A device as its phone sees it."""

    id: str
    name: str
    created_at: str
    updated_at: str
    last_seen: str


class ExternalAddress(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """`GET /device`."""

    external_ip: str
    device: DeviceView | UnsetType = UNSET


class TextMessage(msgspec.Struct, kw_only=True):
    """The content of a text."""

    text: str


class DataMessage(msgspec.Struct, kw_only=True):
    """Octets for a port, base64."""

    data: str
    port: int


class Message(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """One item of `GET /message`."""

    id: str
    device_id: str
    text_message: TextMessage | UnsetType = UNSET
    data_message: DataMessage | UnsetType = UNSET
    message: str | UnsetType = UNSET
    phone_numbers: list[str]
    sim_number: int | UnsetType = UNSET
    with_delivery_report: bool | UnsetType = UNSET
    is_encrypted: bool | UnsetType = UNSET
    valid_until: str
    state: str
    created_at: str
    priority: int | UnsetType = UNSET


class RecipientState(msgspec.Struct, kw_only=True, rename="camel"):
    """How far a message is with one recipient."""

    phone_number: str
    state: str
    error: str | None = None


class MessageState(msgspec.Struct, kw_only=True):
    """One item of `PATCH /message`: everything the phone knows of a message."""

    id: str
    state: str
    recipients: list[RecipientState] = []
    states: dict[str, Any] = {}


class Webhook(msgspec.Struct, kw_only=True, rename="camel"):
    """What the phone must call."""

    id: str
    url: str
    event: str
    device_id: str


class LoginCode(msgspec.Struct, kw_only=True, rename="camel"):
    """`GET /user/code`."""

    code: str
    valid_until: str


class ChangePassword(msgspec.Struct, kw_only=True, rename="camel"):
    """`PATCH /user/password`."""

    current_password: str
    new_password: str


class Event(msgspec.Struct, kw_only=True, rename="camel"):
    """A call of a webhook by a phone."""

    id: str
    event: str
    device_id: str | None = None
    payload: dict[str, Any] = {}


class Received(msgspec.Struct, kw_only=True, rename="camel"):
    """The payload of `sms:received` and `sms:data-received`."""

    message_id: str | int | None = None
    phone_number: str = ""
    sender: str | None = None
    recipient: str | None = None
    sim_number: int | None = None
    message: str | None = None
    data: str | None = None
    received_at: str | None = None


class Check(msgspec.Struct, kw_only=True, rename="camel"):
    """One observation of a phone's health."""

    status: str = ""
    observed_value: float | int | str | None = None


class HealthReport(msgspec.Struct, kw_only=True):
    """The health in `system:ping`."""

    status: str = ""
    checks: dict[str, Check] = {}


class Ping(msgspec.Struct, kw_only=True):
    """The payload of `system:ping`."""

    health: HealthReport = msgspec.field(default_factory=HealthReport)


class AppStarted(msgspec.Struct, kw_only=True, rename="camel"):
    """The payload of `app:started`, where numbers are not hidden."""

    sim_cards: list[SimCard] | None = None


class Problem(msgspec.Struct, kw_only=True):
    """Every refusal."""

    message: str
