"""What the two calls take and answer; the order of the fields is the manual's."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from dragoman.web.operations import doc


class SendParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of `send_sms.php`, in any case."""

    key: Annotated[str, doc("Your API key.")]
    mobile: Annotated[str, doc("The number in international format, without leading 00 or +.")]
    sender: Annotated[str, doc("The originator: a number or up to 11 characters.")]
    msgtext: Annotated[str, doc("The text, in any language.")]
    ref: Annotated[str, doc("Your own reference; dlr.php finds the message by it.")]
    response: Annotated[str, doc("`json` for an answer in JSON, anything else for a number.")] = ""


class ReportParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of `dlr.php`, in any case."""

    key: Annotated[str, doc("Your API key.")]
    full_number: Annotated[str, doc("The number with its country code, without leading 00 or +.")]
    ref: Annotated[str, doc("The reference given when the message was sent.")]


class SendAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What `send_sms.php` says; `error` is 0 or says what is wrong."""

    status: bool
    error: int | str


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """The message is still in the queue."""

    status: bool = True
    queue_status: Literal["pending"] = "pending"
    queue_error: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The message has left the queue; `queue_error` is 0, or says why it was never sent."""

    status: bool = True
    queue_status: Literal["processed"] = "processed"
    queue_error: int | str = 0
    dlr_status: str
    dlr_error: str = ""
    sms_cost: str


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """The message was deleted by the user."""

    status: bool = True
    queue_status: Literal["processed"] = "processed"
    queue_error: int = 0
    dlr_exist: bool = False
    dlr_status: Literal["notfound"] = "notfound"


class NotFound(msgspec.Struct, frozen=True, kw_only=True):
    """There is no message with that number and reference."""

    status: bool = False
    queue_status: Literal["notfound"] = "notfound"


class ReportAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `dlr.php` may say; which fields are there depends on the message."""

    status: bool
    error: str | None = None
    queue_status: Literal["pending", "processed", "notfound"] | None = None
    queue_error: int | str | None = None
    dlr_exist: bool | None = None
    dlr_status: (
        Literal["sending", "delivered", "undelivered", "expired", "rejected", "notfound"] | None
    ) = None
    dlr_error: str | None = None
    sms_cost: str | None = None
