"""What the calls under `/dev` take and answer."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from dragoman.development.forwarding import ForwardedCall
from dragoman.development.outbox import Mail
from dragoman.development.phones import Fate, PhoneText, PhoneView

Number = Annotated[str, Meta(max_length=40, description="A number with its country code.")]
Wait = Annotated[
    str,
    Meta(
        pattern=r"^\d{1,5}(\.\d{1,3})?(s|ms)?$",
        description="How long to wait if there is nothing yet: `5s`, `500ms`; at most 60s.",
    ),
]


class MessagesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which texts, and how long to wait for one."""

    to: Number = ""
    wait: Wait = "0s"
    after: Annotated[int, Meta(ge=0, lt=1 << 53, description="Only texts after this one.")] = 0


class Messages(msgspec.Struct, frozen=True, kw_only=True):
    """Texts that phones received, oldest first."""

    code: Annotated[
        str | None, Meta(description="The likeliest one-time code of the newest text that has one.")
    ]
    messages: tuple[PhoneText, ...]
    after: Annotated[int, Meta(description="Pass this as `after` to get the texts that follow.")]


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """How many texts were forgotten."""

    forgotten: int


class Phones(msgspec.Struct, frozen=True, kw_only=True):
    """Every phone, the one with the newest text first."""

    phones: tuple[PhoneView, ...]


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """What a phone received and sent, oldest first."""

    texts: tuple[PhoneText, ...]


class NewText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text that a phone is to send."""

    text: Annotated[str, Meta(min_length=1, max_length=2000)]
    to: Annotated[
        str,
        Meta(
            max_length=40,
            description="Default: the last number that texted this phone, or else 1204.",
        ),
    ] = ""


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to the next messages to a phone."""

    fate: Fate
    times: Annotated[
        int | None,
        Meta(description="Number of messages it applies to; null is all, until changed."),
    ] = 1
    code: Annotated[
        int | None,
        Meta(description="The error of `failed` (0 to 999), or the SMPP status of `refused`."),
    ] = None
    delay_s: Annotated[
        float | None, Meta(description="Receipt delay of `late` in seconds; default 30.")
    ] = None


class FaultChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes to the faults of the carrier; omitted ones stay."""

    reset: Annotated[bool, Meta(description="First removes all faults.")] = False
    throttle_per_s: (
        Annotated[
            float | None,
            Meta(description="Messages per second that the carrier accepts; null is no limit."),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    slow_s: Annotated[float, Meta(description="Response delay in seconds.")] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    cut_links: Annotated[bool, Meta(description="Closes every connection.")] = False
    lose_responses: Annotated[
        int, Meta(ge=0, description="Number of next messages to accept without a response.")
    ] = 0


class DemoAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo account signs in with, by the names that `dev.env` has for it."""

    variables: dict[str, str]


class MailQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which mails, and how long to wait for one."""

    to: Annotated[str, Meta(max_length=320, description="An address, or a part of one.")] = ""
    wait: Wait = "0s"


class Mails(msgspec.Struct, frozen=True, kw_only=True):
    """Mails of campaigns, newest first."""

    mails: tuple[Mail, ...]


class CallsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait for a callback."""

    wait: Wait = "20s"


class Calls(msgspec.Struct, frozen=True, kw_only=True):
    """Callbacks to be made elsewhere; each is to be answered."""

    calls: tuple[ForwardedCall, ...]


class CallAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outcome of a callback."""

    status: Annotated[int, Meta(ge=100, le=599)] | None
    """None where there was no answer."""
    body: Annotated[str, Meta(max_length=65536)] = ""
    reason: Annotated[str, Meta(max_length=200)] = ""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a call was refused."""

    code: str
    message: str
