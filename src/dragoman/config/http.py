"""An HTTP carrier as data: the tables that presets are written in, and operators complete.

A preset is a TOML file of these tables (`connectors/http/presets`); what a carrier's own table says
about the same thing wins. `Any` stands where the shape is the provider's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dragoman.config.sections import Section

Values = dict[str, tuple[str, ...]]
"""Paths, each with the values that may stand there; none for any value."""


class PresetTable(Section, frozen=True, kw_only=True):
    """A table that presets fill; empty values are those that it does not change."""


class RequestTable(PresetTable, frozen=True, kw_only=True):
    """The request that sends a message.

    `{to}`, `{text}` and others stand for what the message has, `{api_key}` and its like for the
    credentials; docs/howto/send-over-your-providers-http-api.md lists them.
    """

    method: Literal["", "GET", "POST", "PUT"] = ""
    """Method; POST if not said."""
    path: str = ""
    """Path behind the base URL."""
    query: dict[str, str] = msgspec.field(default_factory=dict)
    """Parameters in the URL."""
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    """Headers beside those that the body's format needs."""
    basic: tuple[str, ...] = ()
    """User name and password of HTTP Basic authentication."""
    body: Literal["", "json", "form", "xml", "text", "none"] = ""
    """Format of the body; JSON if not said."""
    fields: dict[str, Any] = msgspec.field(default_factory=dict)
    """What the body has: by name, nested for JSON. With "none", parameters in the URL."""
    gsm: dict[str, Any] = msgspec.field(default_factory=dict)
    """Fields of texts in the GSM alphabet alone."""
    ucs2: dict[str, Any] = msgspec.field(default_factory=dict)
    """Fields of texts in UCS-2 alone."""
    flash: dict[str, Any] = msgspec.field(default_factory=dict)
    """Fields of texts that are shown at once (class 0)."""
    from_name: dict[str, Any] = msgspec.field(default_factory=dict)
    """Fields of texts whose sender is a name alone."""
    from_number: dict[str, Any] = msgspec.field(default_factory=dict)
    """Fields of texts whose sender is a number or a short code alone."""
    template: str = ""
    """The body as one text, in place of `fields`; values are escaped as its format needs."""
    content_type: str = ""
    """Content-Type, if not that of the format."""
    aws_service: str = ""
    """Amazon's name of the service, where requests are signed as Amazon wants it."""


class AnswerTable(PresetTable, frozen=True, kw_only=True):
    """How the answer to it is read.

    A path such as `messages[0].id` leads to a value in JSON or XML; `[*]` to that of each item.
    """

    format: Literal["", "json", "xml", "text"] = ""
    """Format of the answer; JSON if not said."""
    status: tuple[int, ...] = ()
    """HTTP statuses under which a message may be accepted; 200, 201 and 202 if none."""
    success: Values = msgspec.field(default_factory=dict)
    """Paths that must have one of some values besides."""
    pattern: str = ""
    """Regular expression that a plain text must match; the group `id` is the message's ID, the
    group `code` of a text that does not, the refusal's code."""
    refusal_pattern: str = ""
    """Regular expression whose group `code` is the code of a refusal in plain text."""
    id: str = ""
    """Path of the provider's ID, or of one for each part."""
    code: tuple[str, ...] = ()
    """Paths of the code of a refusal; the first that is there counts."""
    wait_pattern: str = ""
    """Regular expression whose only group is how long to wait, in ms, before the next message."""


class StatusTable(PresetTable, frozen=True, kw_only=True):
    """How a delivery report of the provider is read."""

    when: Values = msgspec.field(default_factory=dict)
    """Paths that show a call to be such a report."""
    list: str = ""
    """Path of the reports where one call has several."""
    id: str = ""
    """Path of the provider's ID."""
    ref: str = ""
    """Path of our reference, beside `ref` in the URL."""
    recipient: str = ""
    """Path of the recipient's number."""
    state: str = ""
    """Path of the word for the state; of several with `|` between them, the first that `states`
    knows."""
    code: str = ""
    """Path of the reason of a failure, likewise."""
    states: dict[str, str] = msgspec.field(default_factory=dict)
    """Our state for each word, in any case: enroute, accepted, delivered, expired, deleted,
    undeliverable, rejected or unknown."""
    failures: dict[str, str] = msgspec.field(default_factory=dict)
    """Our failure code for a reason."""
    append: str = ""
    """What stands at the end of the callback URL, for providers that fill in their values there."""
    reply_status: int = 0
    """HTTP status of the answer; 200 if not said."""
    reply: str = ""
    """Body of the answer."""
    reply_type: str = ""
    """Its Content-Type; plain text if not said."""


class InboundTable(PresetTable, frozen=True, kw_only=True):
    """How an inbound text is read."""

    when: Values = msgspec.field(default_factory=dict)
    """Paths that show a call to be such a text."""
    list: str = ""
    """Path of the texts where one call has several."""
    id: str = ""
    """Path of the provider's ID; the same text again is not stored twice."""
    source: str = ""
    """Path of the sender's number."""
    destination: str = ""
    """Path of the number it was sent to; what begins with `=` is the number itself."""
    text: str = ""
    """Path of the text."""
    coded: str = ""
    """Path of the text where `coding` says so, if another."""
    text_form: Literal["", "plain", "hex", "percent"] = ""
    """Plain; or UTF-16BE in hexadecimal, or percent-coded, where `coding` says so."""
    coding: Values = msgspec.field(default_factory=dict)
    """Paths whose values say that the text has that form; none for always."""
    reference: str = ""
    """Path of what the parts of a long text share."""
    total: str = ""
    """Path of the number of parts."""
    number: str = ""
    """Path of the part's number, from 1."""
    reply_status: int = 0
    """HTTP status of the answer; 200 if not said."""
    reply: str = ""
    """Body of the answer. Some providers send it back as a text."""
    reply_type: str = ""
    """Its Content-Type; plain text if not said."""


class SignatureTable(PresetTable, frozen=True, kw_only=True):
    """How the provider signs its calls."""

    kind: Literal["", "none", "token", "basic", "hmac", "jwt", "ed25519", "sns"] = ""
    """A secret in a header, HTTP Basic, HMAC, a JWT with an HMAC, Ed25519, Amazon SNS, or none."""
    header: str = ""
    """Header with the signature, or several apart by `|`; or the name of the query or body value
    with `?` before it."""
    key: str = ""
    """The secret or public key, nearly always a credential such as `{auth_token}`."""
    algorithm: Literal["", "md5", "sha1", "sha256", "sha512"] = ""
    """Hash of an HMAC; SHA-256 if not said."""
    encoding: Literal["", "hex", "base64"] = ""
    """How the signature is written; in hexadecimal if not said."""
    over: tuple[str, ...] = ()
    """What is signed, joined: `url`, `call.sorted`, `body`, `body.sha256`, `form.sorted`,
    `fields.sorted`, `header:<name>`, or any other text as it is."""
    either_port: bool = False
    """Whether an HMAC may also be over the URL with its port left out or written out."""
    other_header: str = ""
    """Header that a call has where an HMAC is made with another key; it says
    `algorithm=HMAC_SHA256`, or another hash."""
    other_key: str = ""
    """That key."""
    missing_status: int = 0
    """HTTP status of the answer to a call without a signature; 403 if not said."""
    optional: bool = False
    """Whether calls are checked only where the key is given."""
    claims: dict[str, str] = msgspec.field(default_factory=dict)
    """Claims of a JWT that must equal something: `url.sha256`, `body.sha256` or a text."""
    body_claim: bool = False
    """Whether the JWT holds the report itself, which is then read in place of the body."""


class PollTable(PresetTable, frozen=True, kw_only=True):
    """How the state of messages is asked for, where the provider reports none by itself."""

    every_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    """Time between two questions about the same message; 0 for none. It doubles up to 32 times
    that."""
    at_a_time: Annotated[int, Meta(ge=0, le=100)] = 0
    """Questions that may be unanswered at a time; 4 if 0."""
    messages: Annotated[int, Meta(ge=0, le=200)] = 0
    """Messages that one question may be about; 1 if 0. With more, `{ids}` in it are their IDs, and
    `status` has the path of the ID that each state in the answer is for."""
    request: RequestTable = RequestTable()
    """The question; `{id}` is the provider's ID, `{ids}` are those of several with commas between
    them, `{ids:list}` those in JSON."""
    status: StatusTable = StatusTable()
    """How its answer is read."""


class LookupTable(PresetTable, frozen=True, kw_only=True):
    """How a message whose answer never came is looked for at the provider, before `on_unknown`
    decides; it only does where it is not found."""

    off: bool = False
    """Whether nobody is asked."""
    after_s: tuple[Annotated[float, Meta(ge=0, le=600)], ...] = ()
    """When it is looked for, in seconds after it became unknown, each later than the one before."""
    request: RequestTable = RequestTable()
    """The question; `{ref}` is our reference, `{to}` and the like are the message's."""
    list: str = ""
    """Path of the messages in the answer, where it has several."""
    match: dict[str, str] = msgspec.field(default_factory=dict)
    """Paths in such a message, each with the text that must stand there: `{ref}`, or `{to_plus}`
    and `{text}`."""
    created: str = ""
    """Path of the time it was made, where the provider does not know our reference."""
    id: str = ""
    """Path of its ID; our reference if not said."""


class LoginTable(PresetTable, frozen=True, kw_only=True):
    """How a session is opened, where the provider wants one."""

    request: RequestTable = RequestTable()
    """The request that opens it."""
    pattern: str = ""
    """Regular expression on its answer; the groups are what `{group}` stands for in requests. That
    the session has ended is the refusal `session`."""


class Preset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider: what its API wants and says."""

    title: str
    """Name of the provider and of the API."""
    manual: str = ""
    """Address of the manual."""
    notes: tuple[str, ...] = ()
    """What an operator should know, a sentence or two each."""
    base_url: str = ""
    """Scheme and host; empty where each customer has its own."""
    credentials: dict[str, str] = {}
    """What each required credential is, by the provider's name for it."""
    optional: dict[str, str] = {}
    """What each further one is."""
    defaults: dict[str, str] = {}
    """Values of those that are not given."""
    callbacks: Literal["url", "panel", "none"] = "url"
    """Whether the URL for reports goes along with each message, is set at the provider, or there
    are none."""
    request: RequestTable = RequestTable()
    answer: AnswerTable = AnswerTable()
    refusals: dict[str, str] = {}
    """What a code, or `http 429` or `http 5xx`, means: a failure code, or `temporary`, `throttled`,
    `credit`, `setup` (nobody's message is at fault), `session` (it has ended), `accepted`,
    `unknown`."""
    status: StatusTable = StatusTable()
    inbound: InboundTable = InboundTable()
    signature: SignatureTable = SignatureTable()
    poll: PollTable = PollTable()
    login: LoginTable = LoginTable()
    lookup: LookupTable = LookupTable()
