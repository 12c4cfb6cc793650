"""Calls to customers' URLs: the statuses of messages, as signed forms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
from yarl import URL

from dragoman.container import Services
from dragoman.core.messages.model.callbacks import CallbackCall, CallbackFacts
from dragoman.core.model.errors import FailureCode
from dragoman.core.model.urls import split_user
from dragoman.dialects.twilio import sids
from dragoman.dialects.twilio.mapping import (
    API_VERSION,
    outcome_of,
    render_number,
)
from dragoman.dialects.twilio.signing import HEADER, sign, with_digest
from dragoman.dialects.twilio.submissions import Note

FORM: Final = "application/x-www-form-urlencoded; charset=utf-8"
JSON: Final = "application/json"
IDEMPOTENCY: Final = "I-Twilio-Idempotency-Token"


class Callbacks:
    """Renders calls over what is known of accounts."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def render_status(self, url: str, facts: CallbackFacts) -> CallbackCall:
        """The call about a message's new status."""
        note = Note.parse(facts.return_data)
        token = await self._services.auth_tokens.of_account(note.account_id)
        if token is None:
            raise LookupError("the account has no auth token")
        outcome = outcome_of(facts.state, FailureCode(facts.failure), left=facts.sent)
        sid = sids.render_sid(note.kind, facts.batch_id)
        parameters = {
            "SmsSid": sid,
            "SmsStatus": outcome.status,
            "MessageStatus": outcome.status,
            "To": render_number(facts.recipient),
            "MessageSid": sid,
            "AccountSid": token.public_id,
            "From": render_number(facts.sender),
            "ApiVersion": API_VERSION,
        }
        if note.service_sid:
            parameters["MessagingServiceSid"] = note.service_sid
        if outcome.error_code is not None:
            parameters["ErrorCode"] = str(outcome.error_code)
        if outcome.status == "delivered":
            done = datetime.fromtimestamp(facts.at_ms // 1000, UTC)
            parameters["RawDlrDoneDate"] = done.strftime("%y%m%d%H%M")
        key = f"{facts.message_id}-{facts.state.value}"
        return render_call("POST", url, parameters, token.token, key)


def render_call(
    method: str, url: str, parameters: Mapping[str, str], token: str, key: str
) -> CallbackCall:
    """A signed call; `key` is the same whenever it is repeated.

    The fragment of a URL is no part of the call: it says how to make it. `#body=json` asks for JSON
    in place of a form.
    """
    address, _, fragment = url.partition("#")
    address, login = split_user(_as_called(address))
    headers = [*login, (IDEMPOTENCY, key)]
    if method == "GET":
        address = _with_query(address, urlencode(parameters))
        headers.append((HEADER, sign(token, address, {})))
        return CallbackCall(method="GET", url=address, headers=tuple(headers))
    if parse_qs(fragment).get("body") == ["json"]:
        body = msgspec.json.encode(parameters)
        address = with_digest(address, body)
        headers += [("Content-Type", JSON), (HEADER, sign(token, address, {}))]
    else:
        body = urlencode(parameters).encode("ascii")
        headers += [("Content-Type", FORM), (HEADER, sign(token, address, parameters))]
    return CallbackCall(method="POST", url=address, headers=tuple(headers), body=body)


def _as_called(address: str) -> str:
    """The URL as the customer's server sees it, which is what is signed."""
    if not address.isascii():
        address = str(URL(address))
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{at}{host.lower()}", path=parts.path or "/").geturl()


def _with_query(address: str, query: str) -> str:
    joint = "&" if urlsplit(address).query else "" if address.endswith("?") else "?"
    return f"{address}{joint}{query}"
