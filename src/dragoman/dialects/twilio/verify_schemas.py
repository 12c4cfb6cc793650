"""What requests of Verify v2 may hold, and answers do hold."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dragoman.dialects.twilio.schemas import Meta, Parameters
from dragoman.web.operations import doc


class VerifyServiceRequest(Parameters, frozen=True, kw_only=True):
    """The settings of a service that sends codes."""

    friendly_name: Annotated[str | None, doc("Stands in the text with the code.")] = None
    code_length: Annotated[str | None, doc("4 to 10.")] = None


class VerifyService(msgspec.Struct, frozen=True, kw_only=True):
    """A service that sends codes."""

    sid: str
    account_sid: str
    friendly_name: str
    code_length: int
    lookup_enabled: bool
    psd2_enabled: bool
    skip_sms_to_landlines: bool
    dtmf_input_required: bool
    tts_name: None
    do_not_share_warning_enabled: bool
    custom_code_enabled: bool
    push: None = None
    totp: None = None
    whatsapp: None = None
    passkeys: None = None
    default_template_sid: None = None
    verify_event_subscription_enabled: bool = False
    date_created: str
    date_updated: str
    url: str
    links: dict[str, str]


class VerifyServicePage(msgspec.Struct, frozen=True, kw_only=True):
    meta: Meta
    services: tuple[VerifyService, ...]


class NewVerification(Parameters, frozen=True, kw_only=True):
    """A number to verify."""

    to: str = ""
    channel: Annotated[str, doc("`sms`.")] = ""
    custom_code: str = ""


class VerificationChange(Parameters, frozen=True, kw_only=True):
    """How to end a verification."""

    status: Annotated[str, doc("`canceled` or `approved`.")] = ""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """A code that was sent."""

    sid: str
    service_sid: str
    account_sid: str
    to: str
    channel: str
    status: str
    valid: bool
    lookup: dict[str, str]
    amount: None
    payee: None
    send_code_attempts: tuple[dict[str, str | None], ...]
    date_created: str
    date_updated: str
    sna: None
    url: str


class NewCheck(Parameters, frozen=True, kw_only=True):
    """A code that somebody has entered."""

    to: str = ""
    verification_sid: str = ""
    code: str = ""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a code was right."""

    sid: str
    service_sid: str
    account_sid: str
    to: str
    channel: str
    status: str
    valid: bool
    amount: None
    payee: None
    date_created: str
    date_updated: str
    sna_attempts_error_codes: tuple[str, ...]
