"""The arguments and answers of the calls, for their documentation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from dragoman.web.operations import doc


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking."""

    username: Annotated[str, doc("The account's user name.")]
    password: Annotated[str, doc("Its password.")]


class Message(Login, frozen=True, kw_only=True, rename="kebab"):
    """A message."""

    to: Annotated[str, doc("One number; a leading `+` is allowed.")]
    from_: Annotated[str, doc("The sender.")] = msgspec.field(default="", name="from")
    coding: Annotated[str, doc("`data_coding`: 0 to 10, 13 or 14.")] = "0"
    priority: Annotated[str, doc("0 to 3; 2 and 3 go ahead of all others.")] = "0"
    validity_period: Annotated[str, doc("Minutes until the message expires.")] = ""
    tags: Annotated[str, doc("Routes may ask for the first one.")] = ""
    content: Annotated[str, doc("UTF-8 for `coding` 0, else octets.")] = ""
    hex_content: Annotated[str, doc("The octets, in place of `content`.")] = ""


class SendArguments(Message, frozen=True, kw_only=True, rename="kebab"):
    """The arguments of `/send`."""

    sdt: Annotated[str, doc("When to send it (SMPP 3.4 s. 7.1.1).")] = ""
    dlr: Annotated[str, doc("`yes` or `no`; a URL or a level is a yes.")] = "no"
    dlr_url: Annotated[str, doc("The URL to call about the message.")] = ""
    dlr_level: Annotated[str, doc("1: the carrier's answer, 2: the end, 3: both.")] = "1"
    dlr_method: Annotated[str, doc("GET or POST.")] = "POST"
    custom_tlvs: Annotated[str, doc("Taken and ignored.")] = msgspec.field(
        default="", name="custom_tlvs"
    )


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What a message costs."""

    unit_rate: Annotated[float | int, doc("Credits of a part.")]
    submit_sm_count: Annotated[int, doc("Parts.")]


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What an account has left."""

    balance: Annotated[int | Literal["ND"], doc("Credits; `ND` is no limit.")]
    sms_count: Literal["ND"] = "ND"


class RestMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message to rate; names may have `-` for `_`."""

    to: Annotated[str | int, doc("One number; a leading `+` is allowed.")]
    content: Annotated[str, doc("The text.")] = ""


class RestSend(RestMessage, frozen=True, kw_only=True):
    """A message; the arguments of `/send`, but for user name and password."""

    from_: Annotated[str, doc("The sender.")] = msgspec.field(default="", name="from")
    coding: Annotated[int, doc("`data_coding`: 0 to 10, 13 or 14.")] = 0
    hex_content: Annotated[str, doc("The octets, in place of `content`.")] = ""
    dlr: Annotated[str, doc("`yes` or `no`; a URL or a level is a yes.")] = "no"
    dlr_url: Annotated[str, doc("The URL to call about the message.")] = ""
    dlr_level: Annotated[int, doc("1: the carrier's answer, 2: the end, 3: both.")] = 1


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Messages to send."""

    messages: Annotated[tuple[dict[str, Any], ...], doc("Messages; `to` may be a list of numbers.")]
    globals: Annotated[dict[str, Any], doc("Arguments of all messages.")] = {}
    batch_config: Annotated[
        dict[str, Any], doc("`callback_url`, `errback_url`, `schedule_at`.")
    ] = {}


class SendData(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a message."""

    data: Annotated[str, doc('`Success "<id>`, without the closing mark.')]


class RateData(msgspec.Struct, frozen=True, kw_only=True):
    """What a message costs."""

    data: Rate


class BalanceData(msgspec.Struct, frozen=True, kw_only=True):
    """What an account has left."""

    data: Balance


class BatchTaken(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A batch."""

    batch_id: Annotated[str, doc("Names the batch in calls about it.")]
    message_count: Annotated[int, doc("Messages.")]


class BatchData(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a batch."""

    data: BatchTaken
