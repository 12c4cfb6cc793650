"""The table of calls: where each one is, what it takes and answers, and who answers it."""

from __future__ import annotations

from typing import Final

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.dialects.linkmobility import schemas
from dragoman.dialects.linkmobility.auth import LEGACY
from dragoman.dialects.linkmobility.calls import Calls
from dragoman.dialects.linkmobility.contacts.routes import contact_calls
from dragoman.dialects.linkmobility.errors import problem_of_kit
from dragoman.dialects.linkmobility.keywords.calls import keyword_calls
from dragoman.dialects.linkmobility.keywords.services import service_calls
from dragoman.dialects.linkmobility.mapping import DIALECT
from dragoman.dialects.linkmobility.messages import Messages
from dragoman.dialects.linkmobility.premium.calls import build_premium_calls
from dragoman.dialects.linkmobility.queries import Inbox, Outbox
from dragoman.dialects.linkmobility.rendering import render
from dragoman.dialects.linkmobility.statistics.calls import statistics_calls
from dragoman.dialects.linkmobility.users.calls import build_user_calls
from dragoman.web.operations import Operation, Refuse
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import Response

MESSAGE_LIMIT_BYTES: Final = 4 << 20
"""Room for 100,000 recipients."""
S03: Final = "LINK v2 s. 03"
S08: Final = "LINK v2 s. 08"
S09: Final = "LINK v2 s. 09"


def build_operations(services: Services) -> tuple[Operation, ...]:
    """Builds the table over the services."""
    calls = Calls(services)
    return (
        calls.get("ping", _ping, schemas.Ping, "Whose key this is", S03),
        *contact_calls(calls, services),
        *_message_calls(calls, services),
        *_query_calls(calls, services),
        *build_user_calls(calls, services),
        *build_premium_calls(calls, services),
        *statistics_calls(calls, services),
        *keyword_calls(calls, services),
        *service_calls(calls, services),
    )


def _message_calls(calls: Calls, services: Services) -> tuple[Operation, ...]:
    messages = Messages(services)
    return (
        calls.post(
            "message",
            messages.send,
            schemas.Message,
            schemas.BatchStatus,
            "Send a message",
            S08,
            wrapper="message",
            body_limit_bytes=MESSAGE_LIMIT_BYTES,
        ),
        calls.get(
            "message/{batchid:int}/{page:int}",
            messages.batch,
            schemas.BatchMessages,
            "The status of a batch; from page 1 on, its messages",
            S08,
        ),
        calls.get(
            "message/expand/{batchid:int}",
            messages.expand,
            schemas.ExpandedBatch,
            "Whom a batch is for",
            S08,
            schemas.ExpandQuery,
        ),
        calls.get(
            "messages/{page:int}",
            messages.newest,
            schemas.NewestBatches,
            "The newest batches, waiting ones included",
            S08,
        ),
    )


def _query_calls(calls: Calls, services: Services) -> tuple[Operation, ...]:
    outbox, inbox = Outbox(services), Inbox(services)
    return (
        calls.get(
            "inbox/{page:int}",
            inbox.search,
            schemas.InboxPage,
            "Search received texts",
            S09,
            schemas.InboxQuery,
        ),
        calls.get(
            "inbox/lookup/{lookupid}", inbox.look_up, schemas.InboxLookup, "A received text", S09
        ),
        calls.get(
            "outbox/{page:int}",
            outbox.search,
            schemas.OutboxPage,
            "Search sent messages",
            S09,
            schemas.OutboxQuery,
        ),
        calls.get(
            "outbox/lookup/{lookupid}",
            outbox.look_up,
            schemas.OutboxLookup,
            "A message",
            S09,
            schemas.OutboxLookupQuery,
        ),
    )


def build_refuse(services: Services) -> Refuse:
    """Builds what answers requests that never reach a call of the table."""

    def refuse(request: Request, refusal: Refusal) -> Response:
        services.metrics.refused[DIALECT, refusal.kind.value] += 1
        return render(request, problem_of_kit(request, refusal))

    return refuse


async def _ping(account: Account, request: Request) -> schemas.Ping:
    key = request.query.get("apikey", "")
    return schemas.Ping(
        status=200,
        userid=str(account.account_id),
        username=account.username,
        iprange=account.allowed_addresses.text,
        # Keys are stored as digests: who logs in without one cannot be told it.
        apikey="" if key == LEGACY else key,
    )
