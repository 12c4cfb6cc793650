"""The calls of the API; written by generate.py, so change that instead."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict, cast
from urllib.parse import quote

from dragoman_client._transport import UNSET, AsyncTransport, Call, SyncTransport, Unset


class Account(TypedDict):
    """Whose key it is."""

    id: str
    username: str
    credits: int
    reserved: int
    default_sender: str | None
    time_zone: str
    permissions: list[str]


Batch = TypedDict(
    "Batch",
    {
        "id": "str",
        "state": "Literal['cancelled', 'done', 'queued', 'running']",
        "from": "str",
        "text": "str",
        "recipients": "int",
        "waiting": "int",
        "under_way": "int",
        "delivered": "int",
        "failed": "int",
        "created_at": "str",
        "send_at": "str",
    },
)


class Batches(TypedDict):
    """Batches"""

    next_cursor: NotRequired[str | None]
    data: list[Batch]


class Contact(TypedDict):
    """A number that you keep, with values to merge into texts."""

    id: str
    number: str
    list_id: str | None
    fields: dict[str, str]
    created_at: str
    changed_at: str


class ContactChange(TypedDict):
    """What is not given stays."""

    number: NotRequired[str]
    list_id: NotRequired[str | None]
    fields: NotRequired[dict[str, str]]


class ContactList(TypedDict):
    """A list of contacts."""

    id: str
    name: str


class ContactLists(TypedDict):
    """ContactLists"""

    data: list[ContactList]


class Contacts(TypedDict):
    """Contacts"""

    next_cursor: NotRequired[str | None]
    data: list[Contact]


class Count(TypedDict):
    """How many messages of a country were in a state, in a period."""

    start: str
    mcc: str
    state: str
    messages: int


class Failure(TypedDict):
    """Why a message was not delivered."""

    code: str
    detail: NotRequired[str]


InboundText = TypedDict(
    "InboundText",
    {
        "id": "str",
        "from": "str",
        "to": "str",
        "text": "str",
        "binary": "bool",
        "keyword": "str",
        "parts": "int",
        "received_at": "str",
    },
)


class InboundTexts(TypedDict):
    """InboundTexts"""

    next_cursor: NotRequired[str | None]
    data: list[InboundText]


class Item(TypedDict):
    """One of a batch: a number, and its own text."""

    to: str
    text: str


class Key(TypedDict):
    """An API key without its secret."""

    id: str
    name: str
    scopes: list[str]
    allowed_addresses: list[str]
    created_at: str
    expires_at: str | None
    used_at: str | None
    is_current: NotRequired[bool]


class KeyChange(TypedDict):
    """What is not given stays."""

    name: NotRequired[str]
    scopes: NotRequired[list[str]]
    allowed_addresses: NotRequired[list[str]]
    expires_at: NotRequired[str | None]


class Keys(TypedDict):
    """Keys"""

    data: list[Key]


Message = TypedDict(
    "Message",
    {
        "id": "str",
        "batch_id": "str | None",
        "to": "str",
        "from": "str",
        "text": "str",
        "encoding": "str",
        "state": "Literal['cancelled', 'delivered', 'expired', 'queued', 'rejected', 'scheduled', 'sending', 'sent', 'undelivered', 'unknown']",
        "failure": "NotRequired[Failure | None]",
        "parts": "int",
        "credits": "int",
        "price": "str",
        "reference": "str | None",
        "possible_duplicate": "NotRequired[bool]",
        "api": "str",
        "created_at": "str",
        "send_at": "NotRequired[str | None]",
        "sent_at": "NotRequired[str | None]",
        "ended_at": "NotRequired[str | None]",
    },
)


class Messages(TypedDict):
    """Messages"""

    next_cursor: NotRequired[str | None]
    data: list[Message]


class MovedMessage(TypedDict):
    """Another time for what has not been sent."""

    send_at: str


NewBatch = TypedDict(
    "NewBatch",
    {
        "from": "NotRequired[str | None]",
        "encoding": "NotRequired[Literal['auto', 'binary', 'gsm', 'gsm_alike', 'unicode']]",
        "udh": "NotRequired[str | None]",
        "message_class": "NotRequired[int | None]",
        "send_at": "NotRequired[str | None]",
        "validity_s": "NotRequired[int | None]",
        "urgent": "NotRequired[bool]",
        "reference": "NotRequired[str | None]",
        "tag": "NotRequired[str | None]",
        "callback_url": "NotRequired[str | None]",
        "to": "NotRequired[list[str] | None]",
        "text": "NotRequired[str | None]",
        "messages": "NotRequired[list[Item] | None]",
    },
)


class NewContact(TypedDict):
    """NewContact"""

    number: str
    list_id: NotRequired[str | None]
    fields: NotRequired[dict[str, str]]


class NewKey(TypedDict):
    """NewKey"""

    name: str
    scopes: NotRequired[list[str]]
    allowed_addresses: NotRequired[list[str]]
    expires_at: NotRequired[str | None]


class NewList(TypedDict):
    """NewList"""

    name: str


NewMessage = TypedDict(
    "NewMessage",
    {
        "from": "NotRequired[str | None]",
        "encoding": "NotRequired[Literal['auto', 'binary', 'gsm', 'gsm_alike', 'unicode']]",
        "udh": "NotRequired[str | None]",
        "message_class": "NotRequired[int | None]",
        "send_at": "NotRequired[str | None]",
        "validity_s": "NotRequired[int | None]",
        "urgent": "NotRequired[bool]",
        "reference": "NotRequired[str | None]",
        "tag": "NotRequired[str | None]",
        "callback_url": "NotRequired[str | None]",
        "to": "str",
        "text": "str",
    },
)


class NewWebhook(TypedDict):
    """NewWebhook"""

    url: str
    events: list[
        Literal[
            "data.received",
            "message.cancelled",
            "message.delivered",
            "message.failed",
            "message.sent",
            "text.received",
        ]
    ]


class NewlyMadeKey(TypedDict):
    """A key and its secret."""

    id: str
    name: str
    scopes: list[str]
    allowed_addresses: list[str]
    created_at: str
    expires_at: str | None
    used_at: str | None
    is_current: NotRequired[bool]
    key: str


class OptOut(TypedDict):
    """A number that wants no messages, from you or from one of your senders."""

    number: str
    sender: NotRequired[str | None]
    origin: Literal["api", "stop", "web"]
    since: str


class OptOuts(TypedDict):
    """OptOuts"""

    next_cursor: NotRequired[str | None]
    data: list[OptOut]


class Problem(TypedDict):
    """Why a request was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: NotRequired[str]
    field: NotRequired[str]


class Quote(TypedDict):
    """What a message would take."""

    parts: int
    credits: int
    encoding: Literal["binary", "gsm", "unicode"]


class Report(TypedDict):
    """Report"""

    data: list[Count]


class Webhook(TypedDict):
    """A URL that is called for events."""

    id: str
    url: str
    events: list[
        Literal[
            "data.received",
            "message.cancelled",
            "message.delivered",
            "message.failed",
            "message.sent",
            "text.received",
        ]
    ]
    created_at: str


class WebhookSecret(TypedDict):
    """What calls are signed with, as Standard Webhooks writes it."""

    secret: str
    previous_valid_until: NotRequired[str | None]


class Webhooks(TypedDict):
    """Webhooks"""

    data: list[Webhook]


class Client(SyncTransport):
    """The API at a URL, such as `http://127.0.0.1:8080`, with a key."""

    def send_message(
        self,
        *,
        to: str,
        text: str,
        from_: str | Unset | None = UNSET,
        encoding: Literal["auto", "binary", "gsm", "gsm_alike", "unicode"] | Unset = UNSET,
        udh: str | Unset | None = UNSET,
        message_class: int | Unset | None = UNSET,
        send_at: str | Unset | None = UNSET,
        validity_s: int | Unset | None = UNSET,
        urgent: bool | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        tag: str | Unset | None = UNSET,
        callback_url: str | Unset | None = UNSET,
        idempotency_key: str | None = None,
    ) -> Message:
        """Send a message."""
        return cast(
            "Message",
            self._call(
                Call(
                    "POST",
                    "/api/v1/messages",
                    None,
                    {
                        "from": from_,
                        "encoding": encoding,
                        "udh": udh,
                        "message_class": message_class,
                        "send_at": send_at,
                        "validity_s": validity_s,
                        "urgent": urgent,
                        "reference": reference,
                        "tag": tag,
                        "callback_url": callback_url,
                        "to": to,
                        "text": text,
                    },
                    idempotency_key,
                    sends=True,
                )
            ),
        )

    def list_messages(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        to: str | None = None,
        from_: str | None = None,
        state: Literal[
            "cancelled",
            "delivered",
            "expired",
            "queued",
            "rejected",
            "scheduled",
            "sending",
            "sent",
            "undelivered",
            "unknown",
        ]
        | None = None,
        batch_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Messages:
        """List messages."""
        return cast(
            "Messages",
            self._call(
                Call(
                    "GET",
                    "/api/v1/messages",
                    {
                        "limit": limit,
                        "cursor": cursor,
                        "to": to,
                        "from": from_,
                        "state": state,
                        "batch_id": batch_id,
                        "since": since,
                        "until": until,
                    },
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    def quote_message(
        self,
        *,
        to: str,
        text: str,
        from_: str | Unset | None = UNSET,
        encoding: Literal["auto", "binary", "gsm", "gsm_alike", "unicode"] | Unset = UNSET,
        udh: str | Unset | None = UNSET,
        message_class: int | Unset | None = UNSET,
        send_at: str | Unset | None = UNSET,
        validity_s: int | Unset | None = UNSET,
        urgent: bool | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        tag: str | Unset | None = UNSET,
        callback_url: str | Unset | None = UNSET,
    ) -> Quote:
        """Tell what a message would take."""
        return cast(
            "Quote",
            self._call(
                Call(
                    "POST",
                    "/api/v1/messages/quote",
                    None,
                    {
                        "from": from_,
                        "encoding": encoding,
                        "udh": udh,
                        "message_class": message_class,
                        "send_at": send_at,
                        "validity_s": validity_s,
                        "urgent": urgent,
                        "reference": reference,
                        "tag": tag,
                        "callback_url": callback_url,
                        "to": to,
                        "text": text,
                    },
                    None,
                    sends=False,
                )
            ),
        )

    def get_message(self, id: str) -> Message:
        """Get a message."""
        return cast(
            "Message",
            self._call(
                Call("GET", f"/api/v1/messages/{quote(id, safe='')}", None, None, None, sends=False)
            ),
        )

    def move_message(self, id: str, *, send_at: str) -> Message:
        """Change the time of a scheduled message."""
        return cast(
            "Message",
            self._call(
                Call(
                    "PATCH",
                    f"/api/v1/messages/{quote(id, safe='')}",
                    None,
                    {"send_at": send_at},
                    None,
                    sends=False,
                )
            ),
        )

    def cancel_message(self, id: str) -> Message:
        """Cancel a message."""
        return cast(
            "Message",
            self._call(
                Call(
                    "POST",
                    f"/api/v1/messages/{quote(id, safe='')}/cancel",
                    None,
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    def send_batch(
        self,
        *,
        from_: str | Unset | None = UNSET,
        encoding: Literal["auto", "binary", "gsm", "gsm_alike", "unicode"] | Unset = UNSET,
        udh: str | Unset | None = UNSET,
        message_class: int | Unset | None = UNSET,
        send_at: str | Unset | None = UNSET,
        validity_s: int | Unset | None = UNSET,
        urgent: bool | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        tag: str | Unset | None = UNSET,
        callback_url: str | Unset | None = UNSET,
        to: list[str] | Unset | None = UNSET,
        text: str | Unset | None = UNSET,
        messages: list[Item] | Unset | None = UNSET,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Send a batch."""
        return cast(
            "Batch",
            self._call(
                Call(
                    "POST",
                    "/api/v1/batches",
                    None,
                    {
                        "from": from_,
                        "encoding": encoding,
                        "udh": udh,
                        "message_class": message_class,
                        "send_at": send_at,
                        "validity_s": validity_s,
                        "urgent": urgent,
                        "reference": reference,
                        "tag": tag,
                        "callback_url": callback_url,
                        "to": to,
                        "text": text,
                        "messages": messages,
                    },
                    idempotency_key,
                    sends=True,
                )
            ),
        )

    def list_batches(self, *, limit: int | None = None, cursor: str | None = None) -> Batches:
        """List batches."""
        return cast(
            "Batches",
            self._call(
                Call(
                    "GET",
                    "/api/v1/batches",
                    {"limit": limit, "cursor": cursor},
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    def get_batch(self, id: str) -> Batch:
        """Get a batch."""
        return cast(
            "Batch",
            self._call(
                Call("GET", f"/api/v1/batches/{quote(id, safe='')}", None, None, None, sends=False)
            ),
        )

    def list_batch_messages(
        self, id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Messages:
        """List the messages of a batch."""
        return cast(
            "Messages",
            self._call(
                Call(
                    "GET",
                    f"/api/v1/batches/{quote(id, safe='')}/messages",
                    {"limit": limit, "cursor": cursor},
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    def cancel_batch(self, id: str) -> Batch:
        """Cancel a batch."""
        return cast(
            "Batch",
            self._call(
                Call(
                    "POST",
                    f"/api/v1/batches/{quote(id, safe='')}/cancel",
                    None,
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    def list_inbound(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        to: str | None = None,
        from_: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> InboundTexts:
        """List received texts."""
        return cast(
            "InboundTexts",
            self._call(
                Call(
                    "GET",
                    "/api/v1/inbound",
                    {
                        "limit": limit,
                        "cursor": cursor,
                        "to": to,
                        "from": from_,
                        "since": since,
                        "until": until,
                    },
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    def get_inbound(self, id: str) -> InboundText:
        """Get a received text."""
        return cast(
            "InboundText",
            self._call(
                Call("GET", f"/api/v1/inbound/{quote(id, safe='')}", None, None, None, sends=False)
            ),
        )

    def list_opt_outs(self, *, limit: int | None = None, cursor: str | None = None) -> OptOuts:
        """List opt-outs."""
        return cast(
            "OptOuts",
            self._call(
                Call(
                    "GET",
                    "/api/v1/opt-outs",
                    {"limit": limit, "cursor": cursor},
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    def add_opt_out(self, number: str, *, sender: str | None = None) -> OptOut:
        """Add an opt-out."""
        return cast(
            "OptOut",
            self._call(
                Call(
                    "PUT",
                    f"/api/v1/opt-outs/{quote(number, safe='')}",
                    {"sender": sender},
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    def remove_opt_out(self, number: str, *, sender: str | None = None) -> None:
        """Remove an opt-out."""
        self._call(
            Call(
                "DELETE",
                f"/api/v1/opt-outs/{quote(number, safe='')}",
                {"sender": sender},
                None,
                None,
                sends=False,
            )
        )

    def list_contact_lists(
        self,
    ) -> ContactLists:
        """List contact lists."""
        return cast(
            "ContactLists", self._call(Call("GET", "/api/v1/lists", None, None, None, sends=False))
        )

    def create_contact_list(self, *, name: str) -> ContactList:
        """Create a list."""
        return cast(
            "ContactList",
            self._call(Call("POST", "/api/v1/lists", None, {"name": name}, None, sends=False)),
        )

    def rename_contact_list(self, id: str, *, name: str) -> ContactList:
        """Rename a list."""
        return cast(
            "ContactList",
            self._call(
                Call(
                    "PATCH",
                    f"/api/v1/lists/{quote(id, safe='')}",
                    None,
                    {"name": name},
                    None,
                    sends=False,
                )
            ),
        )

    def delete_contact_list(self, id: str) -> None:
        """Delete a list and its contacts."""
        self._call(
            Call("DELETE", f"/api/v1/lists/{quote(id, safe='')}", None, None, None, sends=False)
        )

    def list_contacts(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        list_id: str | None = None,
        number: str | None = None,
    ) -> Contacts:
        """List contacts."""
        return cast(
            "Contacts",
            self._call(
                Call(
                    "GET",
                    "/api/v1/contacts",
                    {"limit": limit, "cursor": cursor, "list_id": list_id, "number": number},
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    def create_contact(
        self,
        *,
        number: str,
        list_id: str | Unset | None = UNSET,
        fields: dict[str, str] | Unset = UNSET,
    ) -> Contact:
        """Create a contact."""
        return cast(
            "Contact",
            self._call(
                Call(
                    "POST",
                    "/api/v1/contacts",
                    None,
                    {"number": number, "list_id": list_id, "fields": fields},
                    None,
                    sends=False,
                )
            ),
        )

    def get_contact(self, id: str) -> Contact:
        """Get a contact."""
        return cast(
            "Contact",
            self._call(
                Call("GET", f"/api/v1/contacts/{quote(id, safe='')}", None, None, None, sends=False)
            ),
        )

    def change_contact(
        self,
        id: str,
        *,
        number: str | Unset = UNSET,
        list_id: str | Unset | None = UNSET,
        fields: dict[str, str] | Unset = UNSET,
    ) -> Contact:
        """Change a contact."""
        return cast(
            "Contact",
            self._call(
                Call(
                    "PATCH",
                    f"/api/v1/contacts/{quote(id, safe='')}",
                    None,
                    {"number": number, "list_id": list_id, "fields": fields},
                    None,
                    sends=False,
                )
            ),
        )

    def delete_contact(self, id: str) -> None:
        """Delete a contact."""
        self._call(
            Call("DELETE", f"/api/v1/contacts/{quote(id, safe='')}", None, None, None, sends=False)
        )

    def list_webhooks(
        self,
    ) -> Webhooks:
        """List webhooks."""
        return cast(
            "Webhooks", self._call(Call("GET", "/api/v1/webhooks", None, None, None, sends=False))
        )

    def create_webhook(
        self,
        *,
        url: str,
        events: list[
            Literal[
                "data.received",
                "message.cancelled",
                "message.delivered",
                "message.failed",
                "message.sent",
                "text.received",
            ]
        ],
    ) -> Webhook:
        """Add a webhook."""
        return cast(
            "Webhook",
            self._call(
                Call(
                    "POST",
                    "/api/v1/webhooks",
                    None,
                    {"url": url, "events": events},
                    None,
                    sends=False,
                )
            ),
        )

    def get_webhook_secret(
        self,
    ) -> WebhookSecret:
        """Get the signing secret."""
        return cast(
            "WebhookSecret",
            self._call(Call("GET", "/api/v1/webhooks/secret", None, None, None, sends=False)),
        )

    def rotate_webhook_secret(
        self,
    ) -> WebhookSecret:
        """Make a new signing secret."""
        return cast(
            "WebhookSecret",
            self._call(
                Call("POST", "/api/v1/webhooks/secret/rotate", None, None, None, sends=False)
            ),
        )

    def get_webhook(self, id: str) -> Webhook:
        """Get a webhook."""
        return cast(
            "Webhook",
            self._call(
                Call("GET", f"/api/v1/webhooks/{quote(id, safe='')}", None, None, None, sends=False)
            ),
        )

    def delete_webhook(self, id: str) -> None:
        """Remove a webhook."""
        self._call(
            Call("DELETE", f"/api/v1/webhooks/{quote(id, safe='')}", None, None, None, sends=False)
        )

    def list_keys(
        self,
    ) -> Keys:
        """List API keys."""
        return cast("Keys", self._call(Call("GET", "/api/v1/keys", None, None, None, sends=False)))

    def create_key(
        self,
        *,
        name: str,
        scopes: list[str] | Unset = UNSET,
        allowed_addresses: list[str] | Unset = UNSET,
        expires_at: str | Unset | None = UNSET,
    ) -> NewlyMadeKey:
        """Make an API key."""
        return cast(
            "NewlyMadeKey",
            self._call(
                Call(
                    "POST",
                    "/api/v1/keys",
                    None,
                    {
                        "name": name,
                        "scopes": scopes,
                        "allowed_addresses": allowed_addresses,
                        "expires_at": expires_at,
                    },
                    None,
                    sends=False,
                )
            ),
        )

    def get_key(self, id: str) -> Key:
        """Get an API key."""
        return cast(
            "Key",
            self._call(
                Call("GET", f"/api/v1/keys/{quote(id, safe='')}", None, None, None, sends=False)
            ),
        )

    def change_key(
        self,
        id: str,
        *,
        name: str | Unset = UNSET,
        scopes: list[str] | Unset = UNSET,
        allowed_addresses: list[str] | Unset = UNSET,
        expires_at: str | Unset | None = UNSET,
    ) -> Key:
        """Change what an API key is good for."""
        return cast(
            "Key",
            self._call(
                Call(
                    "PATCH",
                    f"/api/v1/keys/{quote(id, safe='')}",
                    None,
                    {
                        "name": name,
                        "scopes": scopes,
                        "allowed_addresses": allowed_addresses,
                        "expires_at": expires_at,
                    },
                    None,
                    sends=False,
                )
            ),
        )

    def revoke_key(self, id: str) -> None:
        """Revoke an API key."""
        self._call(
            Call("DELETE", f"/api/v1/keys/{quote(id, safe='')}", None, None, None, sends=False)
        )

    def rotate_key(self, id: str, *, overlap_s: int | None = None) -> NewlyMadeKey:
        """Make an API key in place of another."""
        return cast(
            "NewlyMadeKey",
            self._call(
                Call(
                    "POST",
                    f"/api/v1/keys/{quote(id, safe='')}/rotate",
                    {"overlap_s": overlap_s},
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    def get_account(
        self,
    ) -> Account:
        """Get the account."""
        return cast(
            "Account", self._call(Call("GET", "/api/v1/account", None, None, None, sends=False))
        )

    def count_messages(
        self,
        *,
        by: Literal["day", "hour", "month", "week"] | None = None,
        since: str | None = None,
        until: str | None = None,
        time_zone: str | None = None,
    ) -> Report:
        """Count messages by period, country and state."""
        return cast(
            "Report",
            self._call(
                Call(
                    "GET",
                    "/api/v1/reports/messages",
                    {"by": by, "since": since, "until": until, "time_zone": time_zone},
                    None,
                    None,
                    sends=False,
                )
            ),
        )


class AsyncClient(AsyncTransport):
    """The API at a URL, such as `http://127.0.0.1:8080`, with a key."""

    async def send_message(
        self,
        *,
        to: str,
        text: str,
        from_: str | Unset | None = UNSET,
        encoding: Literal["auto", "binary", "gsm", "gsm_alike", "unicode"] | Unset = UNSET,
        udh: str | Unset | None = UNSET,
        message_class: int | Unset | None = UNSET,
        send_at: str | Unset | None = UNSET,
        validity_s: int | Unset | None = UNSET,
        urgent: bool | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        tag: str | Unset | None = UNSET,
        callback_url: str | Unset | None = UNSET,
        idempotency_key: str | None = None,
    ) -> Message:
        """Send a message."""
        return cast(
            "Message",
            await self._call(
                Call(
                    "POST",
                    "/api/v1/messages",
                    None,
                    {
                        "from": from_,
                        "encoding": encoding,
                        "udh": udh,
                        "message_class": message_class,
                        "send_at": send_at,
                        "validity_s": validity_s,
                        "urgent": urgent,
                        "reference": reference,
                        "tag": tag,
                        "callback_url": callback_url,
                        "to": to,
                        "text": text,
                    },
                    idempotency_key,
                    sends=True,
                )
            ),
        )

    async def list_messages(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        to: str | None = None,
        from_: str | None = None,
        state: Literal[
            "cancelled",
            "delivered",
            "expired",
            "queued",
            "rejected",
            "scheduled",
            "sending",
            "sent",
            "undelivered",
            "unknown",
        ]
        | None = None,
        batch_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Messages:
        """List messages."""
        return cast(
            "Messages",
            await self._call(
                Call(
                    "GET",
                    "/api/v1/messages",
                    {
                        "limit": limit,
                        "cursor": cursor,
                        "to": to,
                        "from": from_,
                        "state": state,
                        "batch_id": batch_id,
                        "since": since,
                        "until": until,
                    },
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    async def quote_message(
        self,
        *,
        to: str,
        text: str,
        from_: str | Unset | None = UNSET,
        encoding: Literal["auto", "binary", "gsm", "gsm_alike", "unicode"] | Unset = UNSET,
        udh: str | Unset | None = UNSET,
        message_class: int | Unset | None = UNSET,
        send_at: str | Unset | None = UNSET,
        validity_s: int | Unset | None = UNSET,
        urgent: bool | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        tag: str | Unset | None = UNSET,
        callback_url: str | Unset | None = UNSET,
    ) -> Quote:
        """Tell what a message would take."""
        return cast(
            "Quote",
            await self._call(
                Call(
                    "POST",
                    "/api/v1/messages/quote",
                    None,
                    {
                        "from": from_,
                        "encoding": encoding,
                        "udh": udh,
                        "message_class": message_class,
                        "send_at": send_at,
                        "validity_s": validity_s,
                        "urgent": urgent,
                        "reference": reference,
                        "tag": tag,
                        "callback_url": callback_url,
                        "to": to,
                        "text": text,
                    },
                    None,
                    sends=False,
                )
            ),
        )

    async def get_message(self, id: str) -> Message:
        """Get a message."""
        return cast(
            "Message",
            await self._call(
                Call("GET", f"/api/v1/messages/{quote(id, safe='')}", None, None, None, sends=False)
            ),
        )

    async def move_message(self, id: str, *, send_at: str) -> Message:
        """Change the time of a scheduled message."""
        return cast(
            "Message",
            await self._call(
                Call(
                    "PATCH",
                    f"/api/v1/messages/{quote(id, safe='')}",
                    None,
                    {"send_at": send_at},
                    None,
                    sends=False,
                )
            ),
        )

    async def cancel_message(self, id: str) -> Message:
        """Cancel a message."""
        return cast(
            "Message",
            await self._call(
                Call(
                    "POST",
                    f"/api/v1/messages/{quote(id, safe='')}/cancel",
                    None,
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    async def send_batch(
        self,
        *,
        from_: str | Unset | None = UNSET,
        encoding: Literal["auto", "binary", "gsm", "gsm_alike", "unicode"] | Unset = UNSET,
        udh: str | Unset | None = UNSET,
        message_class: int | Unset | None = UNSET,
        send_at: str | Unset | None = UNSET,
        validity_s: int | Unset | None = UNSET,
        urgent: bool | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        tag: str | Unset | None = UNSET,
        callback_url: str | Unset | None = UNSET,
        to: list[str] | Unset | None = UNSET,
        text: str | Unset | None = UNSET,
        messages: list[Item] | Unset | None = UNSET,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Send a batch."""
        return cast(
            "Batch",
            await self._call(
                Call(
                    "POST",
                    "/api/v1/batches",
                    None,
                    {
                        "from": from_,
                        "encoding": encoding,
                        "udh": udh,
                        "message_class": message_class,
                        "send_at": send_at,
                        "validity_s": validity_s,
                        "urgent": urgent,
                        "reference": reference,
                        "tag": tag,
                        "callback_url": callback_url,
                        "to": to,
                        "text": text,
                        "messages": messages,
                    },
                    idempotency_key,
                    sends=True,
                )
            ),
        )

    async def list_batches(self, *, limit: int | None = None, cursor: str | None = None) -> Batches:
        """List batches."""
        return cast(
            "Batches",
            await self._call(
                Call(
                    "GET",
                    "/api/v1/batches",
                    {"limit": limit, "cursor": cursor},
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    async def get_batch(self, id: str) -> Batch:
        """Get a batch."""
        return cast(
            "Batch",
            await self._call(
                Call("GET", f"/api/v1/batches/{quote(id, safe='')}", None, None, None, sends=False)
            ),
        )

    async def list_batch_messages(
        self, id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Messages:
        """List the messages of a batch."""
        return cast(
            "Messages",
            await self._call(
                Call(
                    "GET",
                    f"/api/v1/batches/{quote(id, safe='')}/messages",
                    {"limit": limit, "cursor": cursor},
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    async def cancel_batch(self, id: str) -> Batch:
        """Cancel a batch."""
        return cast(
            "Batch",
            await self._call(
                Call(
                    "POST",
                    f"/api/v1/batches/{quote(id, safe='')}/cancel",
                    None,
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    async def list_inbound(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        to: str | None = None,
        from_: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> InboundTexts:
        """List received texts."""
        return cast(
            "InboundTexts",
            await self._call(
                Call(
                    "GET",
                    "/api/v1/inbound",
                    {
                        "limit": limit,
                        "cursor": cursor,
                        "to": to,
                        "from": from_,
                        "since": since,
                        "until": until,
                    },
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    async def get_inbound(self, id: str) -> InboundText:
        """Get a received text."""
        return cast(
            "InboundText",
            await self._call(
                Call("GET", f"/api/v1/inbound/{quote(id, safe='')}", None, None, None, sends=False)
            ),
        )

    async def list_opt_outs(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> OptOuts:
        """List opt-outs."""
        return cast(
            "OptOuts",
            await self._call(
                Call(
                    "GET",
                    "/api/v1/opt-outs",
                    {"limit": limit, "cursor": cursor},
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    async def add_opt_out(self, number: str, *, sender: str | None = None) -> OptOut:
        """Add an opt-out."""
        return cast(
            "OptOut",
            await self._call(
                Call(
                    "PUT",
                    f"/api/v1/opt-outs/{quote(number, safe='')}",
                    {"sender": sender},
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    async def remove_opt_out(self, number: str, *, sender: str | None = None) -> None:
        """Remove an opt-out."""
        await self._call(
            Call(
                "DELETE",
                f"/api/v1/opt-outs/{quote(number, safe='')}",
                {"sender": sender},
                None,
                None,
                sends=False,
            )
        )

    async def list_contact_lists(
        self,
    ) -> ContactLists:
        """List contact lists."""
        return cast(
            "ContactLists",
            await self._call(Call("GET", "/api/v1/lists", None, None, None, sends=False)),
        )

    async def create_contact_list(self, *, name: str) -> ContactList:
        """Create a list."""
        return cast(
            "ContactList",
            await self._call(
                Call("POST", "/api/v1/lists", None, {"name": name}, None, sends=False)
            ),
        )

    async def rename_contact_list(self, id: str, *, name: str) -> ContactList:
        """Rename a list."""
        return cast(
            "ContactList",
            await self._call(
                Call(
                    "PATCH",
                    f"/api/v1/lists/{quote(id, safe='')}",
                    None,
                    {"name": name},
                    None,
                    sends=False,
                )
            ),
        )

    async def delete_contact_list(self, id: str) -> None:
        """Delete a list and its contacts."""
        await self._call(
            Call("DELETE", f"/api/v1/lists/{quote(id, safe='')}", None, None, None, sends=False)
        )

    async def list_contacts(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        list_id: str | None = None,
        number: str | None = None,
    ) -> Contacts:
        """List contacts."""
        return cast(
            "Contacts",
            await self._call(
                Call(
                    "GET",
                    "/api/v1/contacts",
                    {"limit": limit, "cursor": cursor, "list_id": list_id, "number": number},
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    async def create_contact(
        self,
        *,
        number: str,
        list_id: str | Unset | None = UNSET,
        fields: dict[str, str] | Unset = UNSET,
    ) -> Contact:
        """Create a contact."""
        return cast(
            "Contact",
            await self._call(
                Call(
                    "POST",
                    "/api/v1/contacts",
                    None,
                    {"number": number, "list_id": list_id, "fields": fields},
                    None,
                    sends=False,
                )
            ),
        )

    async def get_contact(self, id: str) -> Contact:
        """Get a contact."""
        return cast(
            "Contact",
            await self._call(
                Call("GET", f"/api/v1/contacts/{quote(id, safe='')}", None, None, None, sends=False)
            ),
        )

    async def change_contact(
        self,
        id: str,
        *,
        number: str | Unset = UNSET,
        list_id: str | Unset | None = UNSET,
        fields: dict[str, str] | Unset = UNSET,
    ) -> Contact:
        """Change a contact."""
        return cast(
            "Contact",
            await self._call(
                Call(
                    "PATCH",
                    f"/api/v1/contacts/{quote(id, safe='')}",
                    None,
                    {"number": number, "list_id": list_id, "fields": fields},
                    None,
                    sends=False,
                )
            ),
        )

    async def delete_contact(self, id: str) -> None:
        """Delete a contact."""
        await self._call(
            Call("DELETE", f"/api/v1/contacts/{quote(id, safe='')}", None, None, None, sends=False)
        )

    async def list_webhooks(
        self,
    ) -> Webhooks:
        """List webhooks."""
        return cast(
            "Webhooks",
            await self._call(Call("GET", "/api/v1/webhooks", None, None, None, sends=False)),
        )

    async def create_webhook(
        self,
        *,
        url: str,
        events: list[
            Literal[
                "data.received",
                "message.cancelled",
                "message.delivered",
                "message.failed",
                "message.sent",
                "text.received",
            ]
        ],
    ) -> Webhook:
        """Add a webhook."""
        return cast(
            "Webhook",
            await self._call(
                Call(
                    "POST",
                    "/api/v1/webhooks",
                    None,
                    {"url": url, "events": events},
                    None,
                    sends=False,
                )
            ),
        )

    async def get_webhook_secret(
        self,
    ) -> WebhookSecret:
        """Get the signing secret."""
        return cast(
            "WebhookSecret",
            await self._call(Call("GET", "/api/v1/webhooks/secret", None, None, None, sends=False)),
        )

    async def rotate_webhook_secret(
        self,
    ) -> WebhookSecret:
        """Make a new signing secret."""
        return cast(
            "WebhookSecret",
            await self._call(
                Call("POST", "/api/v1/webhooks/secret/rotate", None, None, None, sends=False)
            ),
        )

    async def get_webhook(self, id: str) -> Webhook:
        """Get a webhook."""
        return cast(
            "Webhook",
            await self._call(
                Call("GET", f"/api/v1/webhooks/{quote(id, safe='')}", None, None, None, sends=False)
            ),
        )

    async def delete_webhook(self, id: str) -> None:
        """Remove a webhook."""
        await self._call(
            Call("DELETE", f"/api/v1/webhooks/{quote(id, safe='')}", None, None, None, sends=False)
        )

    async def list_keys(
        self,
    ) -> Keys:
        """List API keys."""
        return cast(
            "Keys", await self._call(Call("GET", "/api/v1/keys", None, None, None, sends=False))
        )

    async def create_key(
        self,
        *,
        name: str,
        scopes: list[str] | Unset = UNSET,
        allowed_addresses: list[str] | Unset = UNSET,
        expires_at: str | Unset | None = UNSET,
    ) -> NewlyMadeKey:
        """Make an API key."""
        return cast(
            "NewlyMadeKey",
            await self._call(
                Call(
                    "POST",
                    "/api/v1/keys",
                    None,
                    {
                        "name": name,
                        "scopes": scopes,
                        "allowed_addresses": allowed_addresses,
                        "expires_at": expires_at,
                    },
                    None,
                    sends=False,
                )
            ),
        )

    async def get_key(self, id: str) -> Key:
        """Get an API key."""
        return cast(
            "Key",
            await self._call(
                Call("GET", f"/api/v1/keys/{quote(id, safe='')}", None, None, None, sends=False)
            ),
        )

    async def change_key(
        self,
        id: str,
        *,
        name: str | Unset = UNSET,
        scopes: list[str] | Unset = UNSET,
        allowed_addresses: list[str] | Unset = UNSET,
        expires_at: str | Unset | None = UNSET,
    ) -> Key:
        """Change what an API key is good for."""
        return cast(
            "Key",
            await self._call(
                Call(
                    "PATCH",
                    f"/api/v1/keys/{quote(id, safe='')}",
                    None,
                    {
                        "name": name,
                        "scopes": scopes,
                        "allowed_addresses": allowed_addresses,
                        "expires_at": expires_at,
                    },
                    None,
                    sends=False,
                )
            ),
        )

    async def revoke_key(self, id: str) -> None:
        """Revoke an API key."""
        await self._call(
            Call("DELETE", f"/api/v1/keys/{quote(id, safe='')}", None, None, None, sends=False)
        )

    async def rotate_key(self, id: str, *, overlap_s: int | None = None) -> NewlyMadeKey:
        """Make an API key in place of another."""
        return cast(
            "NewlyMadeKey",
            await self._call(
                Call(
                    "POST",
                    f"/api/v1/keys/{quote(id, safe='')}/rotate",
                    {"overlap_s": overlap_s},
                    None,
                    None,
                    sends=False,
                )
            ),
        )

    async def get_account(
        self,
    ) -> Account:
        """Get the account."""
        return cast(
            "Account",
            await self._call(Call("GET", "/api/v1/account", None, None, None, sends=False)),
        )

    async def count_messages(
        self,
        *,
        by: Literal["day", "hour", "month", "week"] | None = None,
        since: str | None = None,
        until: str | None = None,
        time_zone: str | None = None,
    ) -> Report:
        """Count messages by period, country and state."""
        return cast(
            "Report",
            await self._call(
                Call(
                    "GET",
                    "/api/v1/reports/messages",
                    {"by": by, "since": since, "until": until, "time_zone": time_zone},
                    None,
                    None,
                    sends=False,
                )
            ),
        )
