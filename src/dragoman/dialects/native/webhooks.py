"""Webhooks, and the calls to them: signed as Standard Webhooks does (its specification, v1)."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.pricing import render_price
from dragoman.core.callbacks.model.webhooks import StoredWebhook
from dragoman.core.callbacks.signing_secrets import SigningSecret
from dragoman.core.messages.model.callbacks import (
    CallbackCall,
    CallbackFacts,
    EventFacts,
    EventKind,
    TextFacts,
)
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.native import mapping, schemas
from dragoman.dialects.native.calls import CREATED, DONE, CallGroup, render
from dragoman.dialects.native.mapping import DIALECT, render_number, render_time
from dragoman.dialects.native.submissions import Note, check_url
from dragoman.kit.ids import time_of
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.web.bodies import decode_body
from dragoman.web.requests import Request
from dragoman.web.responses import Response

KEY_BYTES: Final = 12
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what every secret begins with
PREFIX: Final = "wh_"
"""Begins the identifier of every webhook."""
BETWEEN: Final = ":"
"""Stands between a webhook's identifier and the event of one of its rows."""
MAX_WEBHOOKS: Final = 16


class Webhooks(CallGroup):
    """Answers the calls on webhooks."""

    async def search(self, account: Account, request: Request) -> Response:
        """The account's webhooks, oldest first."""
        return render(schemas.Webhooks(data=tuple(_render_all(self._rows(account)))))

    async def create(self, account: Account, request: Request) -> Response:
        """Adds a webhook; raises `Refused`."""
        given = decode_body(request, schemas.NewWebhook)
        check_url("url", given.url)
        if len({_id_of(one) for one in self._rows(account)}) >= MAX_WEBHOOKS:
            raise Refused(RefusalCode.INVALID_FIELD, "", f"at most {MAX_WEBHOOKS} webhooks")
        await self._services.signing_secrets.ensure(account, DIALECT)
        webhook_id = f"{PREFIX}{secrets.token_hex(KEY_BYTES)}"
        added = [
            await self._services.webhooks.put(
                account,
                DIALECT,
                key=f"{webhook_id}{BETWEEN}{event}",
                event=mapping.KINDS[event],
                url=given.url,
                device_id=None,
            )
            for event in dict.fromkeys(given.events)
        ]
        return render(next(iter(_render_all(added))), CREATED)

    async def fetch(self, account: Account, request: Request) -> Response:
        """One webhook; raises `Refused`."""
        return render(next(iter(_render_all(self._find(account, request)))))

    async def remove(self, account: Account, request: Request) -> Response:
        """Removes a webhook; raises `Refused`."""
        for one in self._find(account, request):
            await self._services.webhooks.remove(account, DIALECT, one.key)
        return DONE

    async def secret(self, account: Account, request: Request) -> Response:
        """What calls are signed with, made if there is none; raises `Refused`."""
        return _render_secret(await self._services.signing_secrets.ensure(account, DIALECT))

    async def rotate(self, account: Account, request: Request) -> Response:
        """A new secret; for a day calls are signed with the one before it too."""
        return _render_secret(await self._services.signing_secrets.rotate(account, DIALECT))

    def _find(self, account: Account, request: Request) -> Sequence[StoredWebhook]:
        webhook_id = request.path_params["id"]
        found = [one for one in self._rows(account) if _id_of(one) == webhook_id]
        if not found:
            raise Refused(RefusalCode.NOT_FOUND, webhook_id, "no such webhook")
        return found

    def _rows(self, account: Account) -> Sequence[StoredWebhook]:
        """One for each event of each webhook, but not the account-wide URL for reports."""
        rows = self._services.webhooks.of_account(account, DIALECT)
        return [row for row in rows if row.key.startswith(PREFIX)]


class Calling:
    """Makes the calls."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def render_callback(self, url: str, facts: CallbackFacts) -> CallbackCall:
        """The call about a message that named a URL of its own."""
        note = Note.parse(facts.return_data)
        data: dict[str, Any] = {
            **_identify(note, facts.message_id, facts.batch_id),
            "to": f"+{facts.recipient}",
            "from": facts.sender,
            "state": mapping.STATES[facts.state],
            "failure": {"code": facts.failure, "detail": facts.detail} if facts.failure else None,
            "parts": facts.parts,
            "price": render_price(facts.price),
        }
        event = mapping.EVENTS_OF_STATES[facts.state]
        event_id = f"{facts.message_id}-{facts.state.name.lower()}"
        return await self._call(url, event_id, event, facts.at_ms, data, note.account_id)

    async def render_event(self, url: str, facts: EventFacts) -> CallbackCall:
        """The call of a webhook."""
        if facts.kind in (EventKind.TEXT_RECEIVED, EventKind.DATA_RECEIVED):
            data: dict[str, Any] = {
                "id": facts.key,
                "from": render_number(facts.sender),
                "to": render_number(facts.recipient),
                "text": facts.text,
                "binary": facts.is_data,
            }
        else:
            data = {
                **_identify(Note.parse(facts.return_data), facts.message_id, facts.batch_id),
                "to": f"+{facts.recipient}",
                "from": facts.sender,
                "state": mapping.EVENTS[facts.kind].removeprefix("message."),
                "failure": {"code": facts.reason, "detail": ""} if facts.reason else None,
                "parts": facts.parts,
            }
        event = mapping.EVENTS[facts.kind]
        event_id = str(facts.event_id)
        return await self._call(url, event_id, event, facts.at_ms, data, facts.account_id)

    async def render_text(self, url: str, facts: TextFacts) -> CallbackCall:
        """The call that forwards a text of a number or keyword."""
        binary = facts.alphabet == Alphabet.BINARY.value
        data = {
            "id": str(facts.inbound_id),
            "from": render_number(facts.sender),
            "to": render_number(facts.recipient),
            "text": facts.text,
            "binary": binary,
        }
        event = mapping.EVENTS[EventKind.DATA_RECEIVED if binary else EventKind.TEXT_RECEIVED]
        at_ms = time_of(facts.inbound_id)
        event_id = str(facts.inbound_id)
        return await self._call(url, event_id, event, at_ms, data, facts.account_id or None)

    async def _call(
        self,
        url: str,
        event_id: str,
        event: str,
        at_ms: int,
        data: dict[str, Any],
        account_id: int | None,
    ) -> CallbackCall:
        body = msgspec.json.encode({"type": event, "timestamp": render_time(at_ms), "data": data})
        now_s = str(self._services.clock.now_ms() // 1000)
        headers = [
            ("content-type", "application/json"),
            ("webhook-id", event_id),
            ("webhook-timestamp", now_s),
        ]
        if account_id is not None and (secret := await self._secret(account_id)) is not None:
            signed = f"{event_id}.{now_s}.".encode() + body
            headers.append(("webhook-signature", sign(secret, signed)))
        return CallbackCall(method="POST", url=url, headers=tuple(headers), body=body)

    async def _secret(self, account_id: int) -> SigningSecret | None:
        """The secret of an account, made where it has none; None where the account is gone."""
        secrets_ = self._services.signing_secrets
        found = await secrets_.find(account_id, DIALECT)
        if found is None:
            account = await self._services.accounts.find_by_id(account_id)
            found = await secrets_.ensure(account, DIALECT) if account is not None else None
        return found


def _identify(note: Note, message_id: int, batch_id: int) -> dict[str, str | None]:
    """The identifiers of a message, as its own call shows them."""
    return {
        "id": str(batch_id if note.alone else message_id),
        "batch_id": None if note.alone else str(batch_id),
        "reference": note.reference or None,
    }


def sign(secret: SigningSecret, signed: bytes) -> str:
    """The signatures by the secret and by the one before it, `v1,` and base64 each."""
    keys = [secret.current, *([secret.previous] if secret.previous is not None else [])]
    digests = [hmac.digest(key, signed, "sha256") for key in keys]
    return " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)


def _render_all(rows: Iterable[StoredWebhook]) -> list[schemas.Webhook]:
    by_id: defaultdict[str, list[StoredWebhook]] = defaultdict(list)
    for row in rows:
        by_id[_id_of(row)].append(row)
    return [
        schemas.Webhook(
            id=webhook_id,
            url=of_one[0].url,
            events=tuple(
                mapping.EVENTS[row.event] for row in of_one if row.event in mapping.EVENTS
            ),
            created_at=render_time(of_one[0].created_ms),
        )
        for webhook_id, of_one in by_id.items()
    ]


def _id_of(row: StoredWebhook) -> str:
    return row.key.partition(BETWEEN)[0]


def _render_secret(secret: SigningSecret) -> Response:
    until = secret.previous_until_ms if secret.previous is not None else None
    return render(
        schemas.WebhookSecret(
            secret=SECRET_PREFIX + base64.b64encode(secret.current).decode(),
            previous_valid_until=mapping.render_optional_time(until),
        )
    )
