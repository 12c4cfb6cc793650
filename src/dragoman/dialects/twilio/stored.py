"""What accounts make in this API and keep: the shapes of the records."""

from __future__ import annotations

from typing import Final, Self

import msgspec

from dragoman.core.accounts.dialect_records import Record

SERVICES: Final = "services"
NUMBERS: Final = "numbers"
VERIFY_SERVICES: Final = "verify_services"
SUBACCOUNTS: Final = "subaccounts"


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The content of a record, as JSON."""

    @classmethod
    def read(cls, record: Record) -> Self:
        return msgspec.json.decode(record.content, type=cls)

    def write(self) -> bytes:
        return msgspec.json.encode(self)


class SubaccountRecord(Kept, frozen=True, kw_only=True):
    """What this API calls an account, and whether it was closed in it."""

    friendly_name: str
    closed: bool = False
    updated_ms: int = 0


class NumberRecord(Kept, frozen=True, kw_only=True):
    """The settings of a number that texts come to."""

    friendly_name: str = ""
    sms_url: str = ""
    sms_method: str = "POST"
    sms_fallback_url: str = ""
    sms_fallback_method: str = "POST"
    status_callback: str = ""
    service_sid: str = ""
    updated_ms: int = 0


class ServiceRecord(Kept, frozen=True, kw_only=True):
    """A messaging service: a pool of senders and its settings."""

    friendly_name: str
    inbound_request_url: str = ""
    inbound_method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"
    status_callback: str = ""
    sticky_sender: bool = True
    smart_encoding: bool = True
    mms_converter: bool = True
    fallback_to_long_code: bool = True
    area_code_geomatch: bool = True
    synchronous_validation: bool = False
    scan_message_content: str = "inherit"
    validity_period: int = 36_000
    usecase: str = "undeclared"
    use_inbound_webhook_on_number: bool = False
    numbers: dict[str, int] = {}
    """Digits, and when each was added."""
    names: dict[str, int] = {}
    """Alphabetic senders, likewise."""
    updated_ms: int = 0


class VerifyServiceRecord(Kept, frozen=True, kw_only=True):
    """A service that sends codes under a name."""

    friendly_name: str
    code_length: int = 6
    updated_ms: int = 0
