"""What programs send and are answered; fields that are not known are passed over."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Key = Annotated[str, Meta(max_length=36)]
DeviceKey = Annotated[str, Meta(max_length=21)]
Number = Annotated[str, Meta(min_length=1, max_length=128)]
Positive = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Scalar = Annotated[str, Meta(max_length=16)] | int | bool


class TextMessage(msgspec.Struct, kw_only=True):
    """A text."""

    text: Annotated[str, Meta(min_length=1, max_length=65_535)]


class DataMessage(msgspec.Struct, kw_only=True):
    """Octets for a port, base64."""

    data: Annotated[str, Meta(min_length=4, max_length=65_535)]
    port: Annotated[int, Meta(ge=1, le=65_535)]


class Message(msgspec.Struct, kw_only=True, rename="camel"):
    """`POST /messages`; exactly one of `message`, `textMessage` and `dataMessage`."""

    id: Key | None = None
    device_id: DeviceKey | None = None
    message: Annotated[str, Meta(max_length=65_535)] | None = None
    text_message: TextMessage | None = None
    data_message: DataMessage | None = None
    phone_numbers: Annotated[list[Number], Meta(min_length=1, max_length=100)]
    is_encrypted: bool | None = None
    sim_number: Annotated[int, Meta(ge=1, le=3)] | None = None
    with_delivery_report: bool | None = None
    priority: Annotated[int, Meta(ge=-128, le=127)] | None = None
    ttl: Annotated[int, Meta(ge=5)] | None = None
    valid_until: str | None = None
    schedule_at: str | None = None


class RecipientState(msgspec.Struct, kw_only=True, rename="camel"):
    """How far a message is with one recipient."""

    phone_number: str
    state: str
    error: str | UnsetType = UNSET


class MessageState(msgspec.Struct, kw_only=True, rename="camel"):
    """How far a message is."""

    id: str
    device_id: str
    state: str
    is_hashed: bool = False
    is_encrypted: bool = False
    recipients: list[RecipientState]
    states: dict[str, str]
    text_message: TextMessage | UnsetType = UNSET
    data_message: DataMessage | UnsetType = UNSET


class SendQuery(msgspec.Struct, kw_only=True, rename="camel"):
    """The query of `POST /messages`."""

    skip_phone_validation: bool = False
    device_active_within: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class ListQuery(msgspec.Struct, kw_only=True, rename="camel"):
    """The query of `GET /messages`."""

    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    state: str | None = None
    device_id: str | None = None
    limit: Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)] = 50
    offset: Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)] = 0
    include_content: bool = False
    sort: Literal["created_at", "-created_at"] = "-created_at"


class SimCard(msgspec.Struct, kw_only=True, rename="camel"):
    """A SIM of a phone."""

    slot_index: int
    sim_number: int
    phone_number: str | UnsetType = UNSET
    carrier_name: str | UnsetType = UNSET


class Device(msgspec.Struct, kw_only=True, rename="camel"):
    """A phone."""

    id: str
    name: str
    created_at: str
    updated_at: str
    last_seen: str
    sim_cards: list[SimCard] | UnsetType = UNSET


class NewWebhook(msgspec.Struct, kw_only=True, rename="camel"):
    """`POST /webhooks`."""

    id: Key | None = None
    device_id: DeviceKey | None = None
    url: Annotated[str, Meta(max_length=2_000)]
    event: Annotated[str, Meta(max_length=64)]


class Webhook(msgspec.Struct, kw_only=True, rename="camel"):
    """A webhook."""

    id: str
    device_id: str | None
    url: str
    event: str


class InboxRefresh(msgspec.Struct, kw_only=True, rename="camel"):
    """`POST /inbox/refresh` and `POST /messages/inbox/export`."""

    device_id: DeviceKey | None = None
    since: str
    until: str
    message_types: Annotated[list[Literal["SMS", "MMS"]], Meta(max_length=8)] | None = None
    trigger_webhooks: bool | None = None
    webhook_delivery: Literal["Disabled", "Individual", "Batch"] | None = None


class TokenRequest(msgspec.Struct, kw_only=True):
    """`POST /auth/token`; no `ttl`, or 0, is as long as allowed."""

    ttl: Annotated[int, Meta(ge=0)] | None = None
    scopes: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=64)
    ]


class Token(msgspec.Struct, kw_only=True):
    """A pair of tokens, in the server's spelling and in the one its Python client reads."""

    id: str
    token_type: str
    access_token: str
    refresh_token: str
    expires_at: str
    token_type_again: str = msgspec.field(name="tokenType")
    access_token_again: str = msgspec.field(name="accessToken")
    refresh_token_again: str = msgspec.field(name="refreshToken")
    expires_at_again: str = msgspec.field(name="expiresAt")


class HealthCheck(msgspec.Struct, kw_only=True, rename="camel"):
    """One thing that was looked at."""

    description: str
    observed_value: int
    status: str


class Health(msgspec.Struct, kw_only=True, rename="camel"):
    """`GET /health`."""

    status: str
    version: str
    release_id: int
    checks: dict[str, HealthCheck]


class EncryptionSettings(msgspec.Struct, kw_only=True):
    """Settings that are not taken."""

    passphrase: str | UnsetType | None = UNSET


class MessagesSettings(msgspec.Struct, kw_only=True):
    """How the phone sends."""

    send_interval_min: Positive | UnsetType | None = UNSET
    send_interval_max: Positive | UnsetType | None = UNSET
    limit_period: Literal["Disabled", "PerMinute", "PerHour", "PerDay"] | UnsetType | None = UNSET
    limit_value: Positive | UnsetType | None = UNSET
    sim_selection_mode: Literal["OSDefault", "RoundRobin", "Random"] | UnsetType | None = UNSET
    log_lifetime_days: Positive | UnsetType | None = UNSET
    processing_order: Literal["LIFO", "FIFO"] | UnsetType | None = UNSET
    work_hours_enabled: bool | UnsetType | None = UNSET
    work_hours_start: Scalar | UnsetType | None = UNSET
    work_hours_end: Scalar | UnsetType | None = UNSET


class PingSettings(msgspec.Struct, kw_only=True):
    """How often the phone looks in."""

    interval_seconds: Positive | UnsetType | None = UNSET


class LogsSettings(msgspec.Struct, kw_only=True):
    """How long the phone keeps its log."""

    lifetime_days: Positive | UnsetType | None = UNSET


class WebhooksSettings(msgspec.Struct, kw_only=True):
    """How webhooks are called."""

    internet_required: bool | UnsetType | None = UNSET
    retry_count: Positive | UnsetType | None = UNSET
    signing_key: Annotated[str, Meta(max_length=256)] | UnsetType | None = UNSET


class GatewaySettings(msgspec.Struct, kw_only=True):
    """How the phone reaches us."""

    cloud_url: str | UnsetType | None = UNSET
    private_token: str | UnsetType | None = UNSET
    notification_channel: Literal["AUTO", "SSE_ONLY"] | UnsetType | None = UNSET


class ReceiverSettings(msgspec.Struct, kw_only=True):
    """How the phone receives."""

    content_provider_enabled: bool | UnsetType | None = UNSET


class DeviceSettings(msgspec.Struct, kw_only=True):
    """`PUT` and `PATCH /settings`; a group that is null changes nothing."""

    encryption: EncryptionSettings | UnsetType | None = UNSET
    messages: MessagesSettings | UnsetType | None = UNSET
    ping: PingSettings | UnsetType | None = UNSET
    logs: LogsSettings | UnsetType | None = UNSET
    webhooks: WebhooksSettings | UnsetType | None = UNSET
    gateway: GatewaySettings | UnsetType | None = UNSET
    receiver: ReceiverSettings | UnsetType | None = UNSET
