"""The API as a table of calls."""

from __future__ import annotations

from dragoman.container import Services
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.native import schemas
from dragoman.dialects.native.account import Account
from dragoman.dialects.native.batches import Batches
from dragoman.dialects.native.calls import ACCEPTED, BODY_LIMIT_BYTES, CREATED, Calls, build_refuse
from dragoman.dialects.native.contacts import Contacts
from dragoman.dialects.native.inbound import Inbound, OptOuts
from dragoman.dialects.native.keys import Keys
from dragoman.dialects.native.mapping import DIALECT
from dragoman.dialects.native.messages import Messages
from dragoman.dialects.native.problems import PREFIX
from dragoman.dialects.native.webhooks import Calling, Webhooks
from dragoman.web.operations import Dialect, Operation

OTHER_VERSIONS = tuple(f"/api/v{number}" for number in range(100) if f"/api/v{number}" != PREFIX)
"""Answered with a problem that says which there is."""


def build_native(services: Services) -> ProviderDialect:
    calling = Calling(services)
    calls = Calls(services)
    return ProviderDialect(
        name=DIALECT,
        web=Dialect(
            name=DIALECT,
            title="Dragoman API",
            description=(
                "Send messages, follow them and receive texts. The account's key goes into "
                "`Authorization: Bearer KEY`. What has an `Idempotency-Key` is accepted once, "
                "however often it is sent. Lists are read with `limit` and `cursor`. Refusals are "
                "problem details (RFC 9457)."
            ),
            login='-H "Authorization: Bearer $KEY"',
            prefixes=(PREFIX, *OTHER_VERSIONS),
            operations=(
                *_sending(services, calls),
                *_receiving(services, calls),
                *_keeping(services, calls),
                *_telling(services, calls),
            ),
            refuse=build_refuse(services),
            problem=schemas.Problem,
            bearer=True,
        ),
        render_callback=calling.render_callback,
        render_event=calling.render_event,
        render_text=calling.render_text,
    )


def _sending(services: Services, calls: Calls) -> tuple[Operation, ...]:
    messages, batches = Messages(services), Batches(services)
    declare = calls.declare
    return (
        declare(
            "POST /messages",
            messages.send,
            "send_message",
            "Send a message",
            body=schemas.NewMessage,
            answer=schemas.Message,
            status=CREATED,
            keyed=True,
            is_prompt=True,
        ),
        declare(
            "GET /messages",
            messages.search,
            "list_messages",
            "List messages",
            description=(
                "Newest first. Messages that are due later are only listed with "
                "`state=scheduled`, the first due first."
            ),
            query=schemas.MessageQuery,
            answer=schemas.Messages,
        ),
        declare(
            "POST /messages/quote",
            messages.quote,
            "quote_message",
            "Tell what a message would take",
            body=schemas.NewMessage,
            answer=schemas.Quote,
        ),
        declare(
            "GET /messages/{id}",
            messages.fetch,
            "get_message",
            "Get a message",
            answer=schemas.Message,
        ),
        declare(
            "PATCH /messages/{id}",
            messages.move,
            "move_message",
            "Change the time of a scheduled message",
            body=schemas.MovedMessage,
            answer=schemas.Message,
        ),
        declare(
            "POST /messages/{id}/cancel",
            messages.cancel,
            "cancel_message",
            "Cancel a message",
            description="What no carrier was given is cancelled, and its credits return.",
            answer=schemas.Message,
        ),
        declare(
            "POST /batches",
            batches.send,
            "send_batch",
            "Send a batch",
            description="It is accepted as a whole, or nothing of it.",
            body=schemas.NewBatch,
            body_limit_bytes=BODY_LIMIT_BYTES,
            answer=schemas.Batch,
            status=ACCEPTED,
            keyed=True,
        ),
        declare(
            "GET /batches",
            batches.search,
            "list_batches",
            "List batches",
            query=schemas.Paging,
            answer=schemas.Batches,
        ),
        declare(
            "GET /batches/{id}", batches.fetch, "get_batch", "Get a batch", answer=schemas.Batch
        ),
        declare(
            "GET /batches/{id}/messages",
            batches.messages,
            "list_batch_messages",
            "List the messages of a batch",
            query=schemas.Paging,
            answer=schemas.Messages,
        ),
        declare(
            "POST /batches/{id}/cancel",
            batches.cancel,
            "cancel_batch",
            "Cancel a batch",
            answer=schemas.Batch,
        ),
    )


def _receiving(services: Services, calls: Calls) -> tuple[Operation, ...]:
    inbound, opt_outs = Inbound(services), OptOuts(services)
    declare = calls.declare
    return (
        declare(
            "GET /inbound",
            inbound.search,
            "list_inbound",
            "List received texts",
            query=schemas.InboundQuery,
            answer=schemas.InboundTexts,
        ),
        declare(
            "GET /inbound/{id}",
            inbound.fetch,
            "get_inbound",
            "Get a received text",
            answer=schemas.InboundText,
        ),
        declare(
            "GET /opt-outs",
            opt_outs.search,
            "list_opt_outs",
            "List opt-outs",
            query=schemas.Paging,
            answer=schemas.OptOuts,
        ),
        declare(
            "PUT /opt-outs/{number}",
            opt_outs.add,
            "add_opt_out",
            "Add an opt-out",
            query=schemas.SenderQuery,
            answer=schemas.OptOut,
        ),
        declare(
            "DELETE /opt-outs/{number}",
            opt_outs.remove,
            "remove_opt_out",
            "Remove an opt-out",
            query=schemas.SenderQuery,
            status=204,
        ),
    )


def _keeping(services: Services, calls: Calls) -> tuple[Operation, ...]:
    contacts = Contacts(services)
    declare = calls.declare
    return (
        declare(
            "GET /lists",
            contacts.lists,
            "list_contact_lists",
            "List contact lists",
            answer=schemas.ContactLists,
        ),
        declare(
            "POST /lists",
            contacts.create_list,
            "create_contact_list",
            "Create a list",
            body=schemas.NewList,
            answer=schemas.ContactList,
            status=CREATED,
        ),
        declare(
            "PATCH /lists/{id}",
            contacts.rename_list,
            "rename_contact_list",
            "Rename a list",
            body=schemas.NewList,
            answer=schemas.ContactList,
        ),
        declare(
            "DELETE /lists/{id}",
            contacts.delete_list,
            "delete_contact_list",
            "Delete a list and its contacts",
            status=204,
        ),
        declare(
            "GET /contacts",
            contacts.search,
            "list_contacts",
            "List contacts",
            query=schemas.ContactQuery,
            answer=schemas.Contacts,
        ),
        declare(
            "POST /contacts",
            contacts.create,
            "create_contact",
            "Create a contact",
            body=schemas.NewContact,
            answer=schemas.Contact,
            status=CREATED,
        ),
        declare(
            "GET /contacts/{id}",
            contacts.fetch,
            "get_contact",
            "Get a contact",
            answer=schemas.Contact,
        ),
        declare(
            "PATCH /contacts/{id}",
            contacts.change,
            "change_contact",
            "Change a contact",
            body=schemas.ContactChange,
            answer=schemas.Contact,
        ),
        declare(
            "DELETE /contacts/{id}",
            contacts.delete,
            "delete_contact",
            "Delete a contact",
            status=204,
        ),
    )


def _telling(services: Services, calls: Calls) -> tuple[Operation, ...]:
    webhooks, account, keys = Webhooks(services), Account(services), Keys(services)
    declare = calls.declare
    return (
        declare(
            "GET /webhooks",
            webhooks.search,
            "list_webhooks",
            "List webhooks",
            answer=schemas.Webhooks,
        ),
        declare(
            "POST /webhooks",
            webhooks.create,
            "create_webhook",
            "Add a webhook",
            body=schemas.NewWebhook,
            answer=schemas.Webhook,
            status=CREATED,
        ),
        declare(
            "GET /webhooks/secret",
            webhooks.secret,
            "get_webhook_secret",
            "Get the signing secret",
            answer=schemas.WebhookSecret,
        ),
        declare(
            "POST /webhooks/secret/rotate",
            webhooks.rotate,
            "rotate_webhook_secret",
            "Make a new signing secret",
            description="For a day calls carry a signature by the secret before, too.",
            answer=schemas.WebhookSecret,
        ),
        declare(
            "GET /webhooks/{id}",
            webhooks.fetch,
            "get_webhook",
            "Get a webhook",
            answer=schemas.Webhook,
        ),
        declare(
            "DELETE /webhooks/{id}",
            webhooks.remove,
            "delete_webhook",
            "Remove a webhook",
            status=204,
        ),
        declare("GET /keys", keys.search, "list_keys", "List API keys", answer=schemas.Keys),
        declare(
            "POST /keys",
            keys.create,
            "create_key",
            "Make an API key",
            description="It is shown this once. Only a key without limits of its own makes one.",
            body=schemas.NewKey,
            answer=schemas.NewlyMadeKey,
            status=CREATED,
        ),
        declare("GET /keys/{id}", keys.fetch, "get_key", "Get an API key", answer=schemas.Key),
        declare(
            "PATCH /keys/{id}",
            keys.change,
            "change_key",
            "Change what an API key is good for",
            body=schemas.KeyChange,
            answer=schemas.Key,
        ),
        declare(
            "POST /keys/{id}/rotate",
            keys.rotate,
            "rotate_key",
            "Make an API key in place of another",
            description="It has the same limits and is shown this once. A key may rotate itself.",
            query=schemas.RotationQuery,
            answer=schemas.NewlyMadeKey,
            status=CREATED,
        ),
        declare("DELETE /keys/{id}", keys.revoke, "revoke_key", "Revoke an API key", status=204),
        declare(
            "GET /account", account.fetch, "get_account", "Get the account", answer=schemas.Account
        ),
        declare(
            "GET /reports/messages",
            account.report,
            "count_messages",
            "Count messages by period, country and state",
            query=schemas.ReportQuery,
            answer=schemas.Report,
        ),
    )
