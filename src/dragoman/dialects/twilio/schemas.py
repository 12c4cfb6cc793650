"""What requests may hold and answers do hold; parameters that are not named here are ignored."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dragoman.web.operations import doc


class Parameters(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Parameters of a request; what is None was not given."""


class Paging(Parameters, frozen=True, kw_only=True):
    """Which page of a list; only answers say what `PageToken` is."""

    page_size: Annotated[str, doc("1 to 1000; 50 without it.")] = ""
    page: str = ""
    page_token: str = ""


class NewMessage(Parameters, frozen=True, kw_only=True):
    """A message to send."""

    to: Annotated[str, doc("The recipient in E.164, `+` first.")] = ""
    sender: Annotated[str, doc("A number, a short code or a name.")] = msgspec.field(
        name="From", default=""
    )
    messaging_service_sid: Annotated[str, doc("In place of `From`, or beside it.")] = ""
    body: Annotated[str, doc("Up to 1600 characters.")] = ""
    media_url: Annotated[str, doc("Up to ten, the name repeated.")] = ""
    content_sid: str = ""
    status_callback: str = ""
    validity_period: Annotated[str, doc("Seconds, 1 to 36000.")] = ""
    schedule_type: Annotated[str, doc("`fixed`, with `SendAt` and a service.")] = ""
    send_at: Annotated[str, doc("ISO 8601, 15 minutes to 35 days ahead.")] = ""
    smart_encoded: Annotated[str, doc("`true` for look-alikes that spare UCS-2.")] = ""


class MessageChange(Parameters, frozen=True, kw_only=True):
    """What can be changed of a message."""

    body: Annotated[str | None, doc("Empty, which redacts the text.")] = None
    status: Annotated[str | None, doc("`canceled`, while it is scheduled.")] = None


class FeedbackRequest(Parameters, frozen=True, kw_only=True):
    """Whether a message arrived."""

    outcome: Annotated[str, doc("`confirmed`, or `unconfirmed`.")] = "unconfirmed"


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer says of a message."""

    account_sid: str
    message_sid: str
    outcome: str
    date_created: str
    date_updated: str
    uri: str


class MessageQuery(Paging, frozen=True, kw_only=True):
    """Filters of a list of messages."""

    to: str = ""
    sender: str = msgspec.field(name="From", default="")
    date_sent: Annotated[str, doc("A day or an instant, in GMT.")] = ""
    date_sent_before: str = msgspec.field(name="DateSent<", default="")
    date_sent_after: str = msgspec.field(name="DateSent>", default="")


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was refused."""

    code: int
    message: str
    more_info: str
    status: int


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message, sent or received."""

    account_sid: str
    api_version: str
    body: str
    date_created: str
    date_sent: str | None
    date_updated: str
    direction: str
    error_code: int | None
    error_message: str | None
    sender: str | None = msgspec.field(name="from")
    num_media: str
    num_segments: str
    price: str | None
    price_unit: str | None
    messaging_service_sid: str | None
    sid: str
    status: str
    subresource_uris: dict[str, str]
    to: str
    uri: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list; the list itself is under one key more."""

    first_page_uri: str
    end: int
    previous_page_uri: str | None
    uri: str
    page_size: int
    start: int
    next_page_uri: str | None
    page: int


class MessagePage(Page, frozen=True, kw_only=True):
    messages: tuple[Message, ...]


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a message."""

    sid: str
    account_sid: str
    parent_sid: str
    content_type: str
    date_created: str
    date_updated: str
    uri: str


class MediaPage(Page, frozen=True, kw_only=True):
    media_list: tuple[Media, ...]


class AccountQuery(Paging, frozen=True, kw_only=True):
    """Filters of a list of accounts."""

    friendly_name: str = ""
    status: Annotated[str, doc("`active`, `suspended` or `closed`.")] = ""


class AccountChange(Parameters, frozen=True, kw_only=True):
    """What an account is called, and whether it may be used."""

    friendly_name: Annotated[str | None, doc("Up to 64 characters.")] = None
    status: Annotated[str | None, doc("`active`, `suspended`, or `closed`, which is for good.")] = (
        None
    )


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account: the caller's, or one below it."""

    auth_token: Annotated[str | None, doc("Only for who has authenticated with it.")]
    date_created: str
    date_updated: str
    friendly_name: str
    owner_account_sid: str
    sid: str
    status: str
    subresource_uris: dict[str, str]
    type: str
    uri: str


class AccountPage(Page, frozen=True, kw_only=True):
    accounts: tuple[Account, ...]


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to send with."""

    account_sid: str
    balance: str
    currency: str


class KeyRequest(Parameters, frozen=True, kw_only=True):
    """What a key is called."""

    friendly_name: Annotated[str, doc("Up to 64 characters.")] = ""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key."""

    sid: str
    friendly_name: str
    date_created: str
    date_updated: str


class NewKey(Key, frozen=True, kw_only=True):
    """A new API key with its secret."""

    secret: str


class KeyPage(Page, frozen=True, kw_only=True):
    keys: tuple[Key, ...]


class NumberQuery(Paging, frozen=True, kw_only=True):
    """Filters of a list of numbers."""

    phone_number: Annotated[str, doc("Digits that follow each other in it.")] = ""
    friendly_name: str = ""


class NumberChange(Parameters, frozen=True, kw_only=True):
    """Where the texts to a number go."""

    phone_number: Annotated[
        str, doc("Of a new one, which the operator has given to the account, or offers.")
    ] = ""
    area_code: Annotated[str, doc("In place of a number: any that begins with it.")] = ""
    friendly_name: str | None = None
    sms_url: str | None = None
    sms_method: str | None = None
    sms_fallback_url: str | None = None
    sms_fallback_method: str | None = None
    status_callback: str | None = None


class Number(msgspec.Struct, frozen=True, kw_only=True):
    """A number that texts come to."""

    account_sid: str
    api_version: str
    beta: bool
    capabilities: dict[str, bool]
    date_created: str
    date_updated: str
    friendly_name: str
    phone_number: str
    origin: str
    sid: str
    sms_application_sid: None = None
    sms_fallback_method: str
    sms_fallback_url: str
    sms_method: str
    sms_url: str
    status: str
    status_callback: str
    status_callback_method: str
    uri: str
    # Of calls, faxes and registered addresses, which this gateway has none of.
    address_requirements: str = "none"
    address_sid: None = None
    bundle_sid: None = None
    emergency_address_sid: None = None
    emergency_address_status: str = "unregistered"
    emergency_status: str = "Inactive"
    identity_sid: None = None
    trunk_sid: None = None
    type: None = None
    voice_application_sid: None = None
    voice_caller_id_lookup: bool = False
    voice_fallback_method: str = "POST"
    voice_fallback_url: None = None
    voice_method: str = "POST"
    voice_receive_mode: str = "voice"
    voice_url: None = None


class NumberPage(Page, frozen=True, kw_only=True):
    incoming_phone_numbers: tuple[Number, ...]


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page of the newer APIs lies."""

    page: int
    page_size: int
    first_page_url: str
    previous_page_url: str | None
    url: str
    next_page_url: str | None
    key: str


class AvailableQuery(Parameters, frozen=True, kw_only=True):
    """Filters of numbers that can be had."""

    area_code: Annotated[str, doc("Digits that the national number begins with.")] = ""
    contains: Annotated[str, doc("Digits in a row; `*` is any digit.")] = ""
    page_size: str = ""


class AvailableNumber(msgspec.Struct, frozen=True, kw_only=True):
    """A number that can be had."""

    friendly_name: str
    phone_number: str
    lata: None = None
    locality: None = None
    rate_center: None = None
    latitude: None = None
    longitude: None = None
    region: None = None
    postal_code: None = None
    iso_country: str
    address_requirements: str = "none"
    beta: bool = False
    capabilities: dict[str, bool]


class AvailablePage(msgspec.Struct, frozen=True, kw_only=True):
    available_phone_numbers: tuple[AvailableNumber, ...]
    uri: str


class Country(msgspec.Struct, frozen=True, kw_only=True):
    """A country that there are numbers of."""

    country_code: str
    country: str
    beta: bool
    uri: str
    subresource_uris: dict[str, str]


class CountryPage(msgspec.Struct, frozen=True, kw_only=True):
    countries: tuple[Country, ...]
    uri: str


class ServiceRequest(Parameters, frozen=True, kw_only=True):
    """The settings of a messaging service."""

    friendly_name: str | None = None
    inbound_request_url: str | None = None
    inbound_method: str | None = None
    fallback_url: str | None = None
    fallback_method: str | None = None
    status_callback: str | None = None
    sticky_sender: str | None = None
    smart_encoding: str | None = None
    mms_converter: str | None = None
    fallback_to_long_code: str | None = None
    area_code_geomatch: str | None = None
    synchronous_validation: str | None = None
    scan_message_content: str | None = None
    validity_period: str | None = None
    usecase: str | None = None
    use_inbound_webhook_on_number: str | None = None


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A messaging service."""

    sid: str
    account_sid: str
    friendly_name: str
    date_created: str
    date_updated: str
    inbound_request_url: str | None
    inbound_method: str
    fallback_url: str | None
    fallback_method: str
    status_callback: str | None
    sticky_sender: bool
    mms_converter: bool
    smart_encoding: bool
    scan_message_content: str
    fallback_to_long_code: bool
    area_code_geomatch: bool
    synchronous_validation: bool
    validity_period: int
    usecase: str
    us_app_to_person_registered: bool
    use_inbound_webhook_on_number: bool
    url: str
    links: dict[str, str]


class ServicePage(msgspec.Struct, frozen=True, kw_only=True):
    meta: Meta
    services: tuple[Service, ...]


class PoolNumberRequest(Parameters, frozen=True, kw_only=True):
    """A number to add to a pool."""

    phone_number_sid: Annotated[str, doc("Or the number itself.")] = ""


class PoolNumber(msgspec.Struct, frozen=True, kw_only=True):
    """A number of a pool."""

    sid: str
    account_sid: str
    service_sid: str
    date_created: str
    date_updated: str
    phone_number: str
    country_code: str
    capabilities: tuple[str, ...]
    url: str


class PoolNumberPage(msgspec.Struct, frozen=True, kw_only=True):
    meta: Meta
    phone_numbers: tuple[PoolNumber, ...]


class AlphaSenderRequest(Parameters, frozen=True, kw_only=True):
    """A name to add to a pool."""

    alpha_sender: str = ""


class AlphaSender(msgspec.Struct, frozen=True, kw_only=True):
    """A name of a pool."""

    sid: str
    account_sid: str
    service_sid: str
    date_created: str
    date_updated: str
    alpha_sender: str
    capabilities: tuple[str, ...]
    url: str


class AlphaSenderPage(msgspec.Struct, frozen=True, kw_only=True):
    meta: Meta
    alpha_senders: tuple[AlphaSender, ...]


class LookupQuery(Parameters, frozen=True, kw_only=True):
    """What to look up of a number."""

    country_code: Annotated[str, doc("Of a number in national format.")] = ""
    fields: Annotated[str, doc("`validation`, `line_type_intelligence`.")] = ""


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """What its numbering plan says of a number."""

    calling_country_code: str | None
    country_code: str | None
    phone_number: str
    national_format: str | None
    valid: bool
    validation_errors: tuple[str, ...]
    caller_name: None = None
    sim_swap: None = None
    call_forwarding: None = None
    line_status: None = None
    line_type_intelligence: dict[str, str | int | None] | None = None
    identity_match: None = None
    reassigned_number: None = None
    sms_pumping_risk: None = None
    phone_number_quality_score: None = None
    pre_fill: None = None
    url: str
