"""The tables that turn our words into this API's are complete."""

from __future__ import annotations

import msgspec
import pytest

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode, RefusalCode
from dragoman.dialects.twilio import errors, mapping, schemas, verify_schemas
from dragoman.web.refusals import RefusalKind

STATUSES = {
    "queued", "sending", "sent", "failed", "delivered", "undelivered", "receiving", "received",
    "accepted", "scheduled", "read", "partially_delivered", "canceled",
}  # fmt: skip


PROPERTIES = {
    schemas.Message: "account_sid api_version body date_created date_sent date_updated direction"
    " error_code error_message from messaging_service_sid num_media num_segments price price_unit"
    " sid status subresource_uris to uri",
    schemas.Media: "account_sid content_type date_created date_updated parent_sid sid uri",
    schemas.Feedback: "account_sid date_created date_updated message_sid outcome uri",
    schemas.Problem: "code message more_info status",
    schemas.Number: "account_sid address_requirements address_sid api_version beta bundle_sid"
    " capabilities date_created date_updated emergency_address_sid emergency_address_status"
    " emergency_status friendly_name identity_sid origin phone_number sid sms_application_sid"
    " sms_fallback_method sms_fallback_url sms_method sms_url status status_callback"
    " status_callback_method trunk_sid type uri voice_application_sid voice_caller_id_lookup"
    " voice_fallback_method voice_fallback_url voice_method voice_receive_mode voice_url",
    schemas.Service: "account_sid area_code_geomatch date_created date_updated"
    " fallback_method fallback_to_long_code fallback_url friendly_name inbound_method"
    " inbound_request_url links mms_converter scan_message_content sid smart_encoding"
    " status_callback sticky_sender synchronous_validation url us_app_to_person_registered"
    " use_inbound_webhook_on_number usecase validity_period",
    verify_schemas.VerifyService: "account_sid code_length custom_code_enabled date_created"
    " date_updated default_template_sid do_not_share_warning_enabled dtmf_input_required"
    " friendly_name links lookup_enabled passkeys psd2_enabled push sid skip_sms_to_landlines"
    " totp tts_name url verify_event_subscription_enabled whatsapp",
    verify_schemas.Verification: "account_sid amount channel date_created date_updated lookup"
    " payee send_code_attempts service_sid sid sna status to url valid",
    verify_schemas.Check: "account_sid amount channel date_created date_updated payee service_sid"
    " sid sna_attempts_error_codes status to valid",
}
"""As Twilio's OpenAPI documents name them; `tests/peers/twilio_answers.py` reads those."""


@pytest.mark.parametrize("kind", PROPERTIES)
def test_an_answer_has_the_properties_of_twilios(kind: type[msgspec.Struct]) -> None:
    assert " ".join(sorted(kind.__struct_encode_fields__)) == PROPERTIES[kind]


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_a_code_with_a_text(code: RefusalCode) -> None:
    wording = errors.WORDINGS[errors.REFUSALS[code]]
    assert wording.text
    assert 400 <= wording.status < 600


@pytest.mark.parametrize("kind", RefusalKind)
def test_everything_unreadable_has_a_code(kind: RefusalKind) -> None:
    number = errors.UNREADABLE.get(kind) or errors.REFUSALS[errors.CODES_OF_KIND[kind]]
    assert number in errors.WORDINGS


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("left", [False, True])
def test_every_state_has_a_status(state: State, left: bool) -> None:
    assert mapping.outcome_of(state, FailureCode.NONE, left=left).status in STATUSES


@pytest.mark.parametrize("failure", FailureCode)
def test_every_failure_has_a_code_with_a_text(failure: FailureCode) -> None:
    outcome = mapping.outcome_of(State.UNDELIVERED, failure, left=True)
    assert outcome.error_code == mapping.ERRORS[failure]
    assert bool(outcome.error_message) == (outcome.error_code is not None)
    without = {FailureCode.NONE, FailureCode.CANCELLED}
    assert (outcome.error_code is None) == (failure in without)


def test_what_went_well_has_no_error() -> None:
    assert mapping.outcome_of(State.DELIVERED, FailureCode.NETWORK, left=True).error_code is None


PRICES = {0: None, 1: "-0.00010", 75: "-0.00750", 12_345: "-1.23450"}


@pytest.mark.parametrize("price", PRICES)
def test_a_price_is_taken_away(price: int) -> None:
    assert mapping.render_price(price) == PRICES[price]
