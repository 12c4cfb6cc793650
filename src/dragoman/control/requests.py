"""What can be asked of a house, as values; on the socket `command` says which one it is."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from dragoman.control.answers import (
    AccountList,
    AccountSecrets,
    AccountView,
    BatchStatus,
    Cancelled,
    CarrierSwitched,
    DeviceCode,
    DeviceList,
    DeviceToken,
    DeviceView,
    Diagnosis,
    EmailServiceView,
    FeedLines,
    KeywordList,
    KeywordView,
    MessageStatus,
    NewDevice,
    NumberList,
    NumberView,
    OptOutList,
    OptOutView,
    Overview,
    SenderList,
    SenderView,
    SentBatch,
    SigningKey,
    TypeBalances,
    WebhookList,
    WebhookView,
)
from dragoman.core.reporting.model.timeline import Timeline

A_co = TypeVar("A_co", covariant=True)


class Request(
    msgspec.Struct,
    Generic[A_co],
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="command",
):
    """One command; `answer_type` is what it is answered with."""

    answer_type: ClassVar[Any]


class CreateAccount(Request[AccountSecrets], frozen=True, kw_only=True, tag="account.create"):
    """Creates an account with a wallet; what is not given is made up."""

    answer_type: ClassVar[Any] = AccountSecrets
    username: str
    password: str | None = None
    api_key: str | None = None
    credits: int | None = None
    """None is unlimited."""
    allowed_addresses: str = ""
    legacy_md5: bool = False
    default_sender: str = ""
    parent: str = ""
    """User name of the account it lies below."""
    time_zone: str = ""
    prefixes: str = ""
    profile: str = ""
    grant: tuple[str, ...] = ()
    """Permissions beside the usual ones."""
    revoke: tuple[str, ...] = ()


class ChangeAccount(Request[AccountView], frozen=True, kw_only=True, tag="account.set"):
    """Changes what is given of an account; `credits` are added."""

    answer_type: ClassVar[Any] = AccountView
    username: str
    new_username: str | None = None
    allowed_addresses: str | None = None
    default_sender: str | None = None
    time_zone: str | None = None
    prefixes: str | None = None
    profile: str | None = None
    message_types: tuple[str, ...] | None = None
    """The only ones it may send, by name or alias; none of them for all."""
    credits: int = 0
    grant: tuple[str, ...] = ()
    revoke: tuple[str, ...] = ()


class ListAccounts(Request[AccountList], frozen=True, kw_only=True, tag="account.list"):
    """Lists every account with its wallet."""

    answer_type: ClassVar[Any] = AccountList


class SetEnabled(Request[AccountView], frozen=True, kw_only=True, tag="account.set_enabled"):
    """Lets an account in, or shuts it out."""

    answer_type: ClassVar[Any] = AccountView
    username: str
    enabled: bool


class RotateKey(Request[AccountSecrets], frozen=True, kw_only=True, tag="account.rotate_key"):
    """Ends every API key of an account and gives it a new one."""

    answer_type: ClassVar[Any] = AccountSecrets
    username: str
    api_key: str | None = None


class Send(Request[SentBatch], frozen=True, kw_only=True, tag="send"):
    """Sends a text; without an account, from the only one there is."""

    answer_type: ClassVar[Any] = SentBatch
    recipients: tuple[str, ...]
    text: str
    account: str = ""
    sender: str = ""


class Find(Request[MessageStatus | BatchStatus], frozen=True, kw_only=True, tag="find"):
    """Finds a message or a batch by any spelling of its identifier."""

    answer_type: ClassVar[Any] = MessageStatus | BatchStatus
    identifier: str


class ShowMessage(Request[Timeline], frozen=True, kw_only=True, tag="message.show"):
    """Tells the story of a message, by any spelling of its identifier."""

    answer_type: ClassVar[Any] = Timeline
    identifier: str


class ResendMessage(Request[SentBatch], frozen=True, kw_only=True, tag="message.resend"):
    """Sends a message again, as a new one that its account pays for."""

    answer_type: ClassVar[Any] = SentBatch
    identifier: str


class CancelMessage(Request[Cancelled], frozen=True, kw_only=True, tag="message.cancel"):
    """Stops a message that no carrier has been given."""

    answer_type: ClassVar[Any] = Cancelled
    identifier: str


class Tail(Request[FeedLines], frozen=True, kw_only=True, tag="tail"):
    """Tells what happens to messages, as it happens; answered again and again."""

    answer_type: ClassVar[Any] = FeedLines
    account: str = ""
    """With everything below it; empty for all."""
    states: tuple[str, ...] = ()
    recipient: str = ""
    """How the number begins."""
    route: str = ""
    dialect: str = ""


class AddNumber(Request[NumberView], frozen=True, kw_only=True, tag="number.add"):
    """Gives a number to an account; others may reserve keywords on a shared one."""

    answer_type: ClassVar[Any] = NumberView
    username: str
    number: str
    shared: bool = False


class ListNumbers(Request[NumberList], frozen=True, kw_only=True, tag="number.list"):
    """Lists every number."""

    answer_type: ClassVar[Any] = NumberList


class RemoveNumber(Request[NumberView], frozen=True, kw_only=True, tag="number.remove"):
    """Removes a number that has no keywords."""

    answer_type: ClassVar[Any] = NumberView
    number: str


class ReserveKeyword(Request[KeywordView], frozen=True, kw_only=True, tag="keyword.reserve"):
    """Reserves a keyword on a number, or below another keyword."""

    answer_type: ClassVar[Any] = KeywordView
    username: str
    number: str
    keyword: str
    below: str = ""
    url: str = ""
    """Where its texts are forwarded to."""
    charset: str = ""


class ListKeywords(Request[KeywordList], frozen=True, kw_only=True, tag="keyword.list"):
    """Lists the keywords of an account, or of all."""

    answer_type: ClassVar[Any] = KeywordList
    username: str = ""


class AttachKeyword(Request[KeywordView], frozen=True, kw_only=True, tag="keyword.attach"):
    """Forwards the texts of a keyword to a URL; without one, nowhere."""

    answer_type: ClassVar[Any] = KeywordView
    username: str
    number: str
    keyword: str
    below: str = ""
    url: str = ""
    charset: str = ""


class DeleteKeyword(Request[KeywordView], frozen=True, kw_only=True, tag="keyword.delete"):
    """Gives a keyword up; it stays its account's until the month ends."""

    answer_type: ClassVar[Any] = KeywordView
    username: str
    number: str
    keyword: str
    below: str = ""


class AddOptOut(Request[OptOutView], frozen=True, kw_only=True, tag="optout.add"):
    """Lets a number get nothing more of an account, or of one of its senders."""

    answer_type: ClassVar[Any] = OptOutView
    username: str
    recipient: str
    sender: str = ""


class RemoveOptOut(Request[OptOutView], frozen=True, kw_only=True, tag="optout.remove"):
    """Takes an opt-out back."""

    answer_type: ClassVar[Any] = OptOutView
    username: str
    recipient: str
    sender: str = ""


class ListOptOuts(Request[OptOutList], frozen=True, kw_only=True, tag="optout.list"):
    """Lists opt-outs of an account, oldest first."""

    answer_type: ClassVar[Any] = OptOutList
    username: str
    after: int = 0
    limit: int = 1000


class ListSenders(Request[SenderList], frozen=True, kw_only=True, tag="sender.list"):
    """Lists senders of an account, or of all, oldest first."""

    answer_type: ClassVar[Any] = SenderList
    username: str = ""
    pending: bool = False
    """Only those that nobody has decided on."""
    offset: int = 0
    limit: int = 1000


class DecideSender(Request[SenderView], frozen=True, kw_only=True, tag="sender.decide"):
    """Approves a sender of an account, or rejects it."""

    answer_type: ClassVar[Any] = SenderView
    username: str
    sender: str
    approved: bool
    by_authority: bool = False


class AddCredits(Request[TypeBalances], frozen=True, kw_only=True, tag="account.add_credits"):
    """Adds credits of a message type to an account, or takes them; 0 only shows them."""

    answer_type: ClassVar[Any] = TypeBalances
    username: str
    message_type: str = ""
    credits: int = 0


class RevokeTokens(Request[AccountView], frozen=True, kw_only=True, tag="account.revoke_tokens"):
    """Ends every token and every session of an account."""

    answer_type: ClassVar[Any] = AccountView
    username: str


class ChangeEmailService(Request[EmailServiceView], frozen=True, kw_only=True, tag="account.email"):
    """Writes down what is given of what an account bought of e-mail; without any, shows it."""

    answer_type: ClassVar[Any] = EmailServiceView
    username: str
    enabled: bool | None = None
    bandwidth: float | None = None
    purchased: str | None = None
    billing: str | None = None
    expiry: str | None = None


class SwitchCarrier(Request[CarrierSwitched], frozen=True, kw_only=True, tag="carrier.switch"):
    """Gives a carrier nothing new, over restarts, or lets it go on."""

    answer_type: ClassVar[Any] = CarrierSwitched
    carrier: str
    held: bool


class ShowOverview(Request[Overview], frozen=True, kw_only=True, tag="overview"):
    """Shows what the gateway is doing."""

    answer_type: ClassVar[Any] = Overview


class Diagnose(Request[Diagnosis], frozen=True, kw_only=True, tag="diagnose"):
    """Looks for what is wrong."""

    answer_type: ClassVar[Any] = Diagnosis


class CreateDeviceCode(Request[DeviceCode], frozen=True, kw_only=True, tag="device.code"):
    """Makes a code that registers one phone; without an account, of the only one there is."""

    answer_type: ClassVar[Any] = DeviceCode
    account: str = ""
    carrier: str = ""
    life_s: float | None = None


class CreateDeviceToken(Request[DeviceToken], frozen=True, kw_only=True, tag="device.token"):
    """Makes a token that registers any number of phones."""

    answer_type: ClassVar[Any] = DeviceToken
    account: str = ""
    carrier: str = ""


class AddDevice(Request[NewDevice], frozen=True, kw_only=True, tag="device.add"):
    """Enters a phone that polls one address, as CHT Gateway does, and does not register itself."""

    answer_type: ClassVar[Any] = NewDevice
    name: str
    account: str = ""
    carrier: str = ""


class ListDevices(Request[DeviceList], frozen=True, kw_only=True, tag="device.list"):
    """Lists every device."""

    answer_type: ClassVar[Any] = DeviceList


class ShowDevice(Request[DeviceView], frozen=True, kw_only=True, tag="device.show"):
    """Shows one device."""

    answer_type: ClassVar[Any] = DeviceView
    device_id: int


class ChangeDevice(Request[DeviceView], frozen=True, kw_only=True, tag="device.change"):
    """Names a device or changes its limits, or those, label and number of one SIM."""

    answer_type: ClassVar[Any] = DeviceView
    device_id: int
    name: str = ""
    slot: int | None = None
    label: str | None = None
    number: str | None = None
    limits: dict[str, int | float | str | None] = {}
    """Fields of `domain.devices.Limits`; None leaves one as it is."""


class ExportInbox(Request[DeviceView], frozen=True, kw_only=True, tag="device.export_inbox"):
    """Asks a device to hand in again what it received between two times."""

    answer_type: ClassVar[Any] = DeviceView
    device_id: int
    since_ms: int
    until_ms: int


class ShowSigningKey(Request[SigningKey], frozen=True, kw_only=True, tag="device.signing_key"):
    """Shows what an account's webhooks are signed with, and makes it where there is nothing."""

    answer_type: ClassVar[Any] = SigningKey
    account: str = ""


class SetDeviceEnabled(Request[DeviceView], frozen=True, kw_only=True, tag="device.set_enabled"):
    """Lets a device send, or takes it out of service."""

    answer_type: ClassVar[Any] = DeviceView
    device_id: int
    enabled: bool


class RemoveDevice(Request[DeviceView], frozen=True, kw_only=True, tag="device.remove"):
    """Forgets a device."""

    answer_type: ClassVar[Any] = DeviceView
    device_id: int


class ListWebhooks(Request[WebhookList], frozen=True, kw_only=True, tag="webhook.list"):
    """Lists the webhooks of an account, or of all."""

    answer_type: ClassVar[Any] = WebhookList
    username: str = ""


class SetWebhook(Request[WebhookView], frozen=True, kw_only=True, tag="webhook.set"):
    """Has an address called from now on, or nobody where it is empty."""

    answer_type: ClassVar[Any] = WebhookView
    username: str
    event: str
    url: str
    device_id: int | None = None


AnyRequest = (
    CreateAccount
    | ChangeAccount
    | ListAccounts
    | SetEnabled
    | RotateKey
    | Send
    | Find
    | ShowOverview
    | Diagnose
    | AddNumber
    | ListNumbers
    | RemoveNumber
    | ReserveKeyword
    | ListKeywords
    | AttachKeyword
    | DeleteKeyword
    | AddOptOut
    | RemoveOptOut
    | ListOptOuts
    | CreateDeviceCode
    | CreateDeviceToken
    | AddDevice
    | ListDevices
    | ShowDevice
    | ChangeDevice
    | SetDeviceEnabled
    | RemoveDevice
    | ExportInbox
    | ShowSigningKey
    | ListSenders
    | DecideSender
    | AddCredits
    | RevokeTokens
    | ShowMessage
    | ResendMessage
    | CancelMessage
    | Tail
    | ListWebhooks
    | SetWebhook
    | ChangeEmailService
    | SwitchCarrier
)
