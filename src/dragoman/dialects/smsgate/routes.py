"""The whole API as a table: each call, who answers it, its scope, what it takes and answers."""

from __future__ import annotations

from dragoman.container import Services
from dragoman.dialects.smsgate import schemas
from dragoman.dialects.smsgate.calls import Calls, Open
from dragoman.dialects.smsgate.devices import Inbox, Phones, Settings
from dragoman.dialects.smsgate.health import Health
from dragoman.dialects.smsgate.messages import Messages
from dragoman.dialects.smsgate.tokens import Tokens
from dragoman.dialects.smsgate.webhooks import Webhooks
from dragoman.web.operations import Operation


# fmt: off
def build_operations(services: Services) -> tuple[Operation, ...]:
    """Builds the table over the services."""
    declare = Calls(services).declare
    messages, phones, webhooks = Messages(services), Phones(services), Webhooks(services)
    settings, inbox = Settings(services), Inbox(services)
    tokens, health = Tokens(services), Health(services)
    message, phone = "/{path:messages|message}", "/{path:devices|device}"
    return (
        declare(f"POST {message}", messages.send, "Send a message", scope="messages:send",
                query=schemas.SendQuery, body=schemas.Message, answer=schemas.MessageState,
                status=202),
        declare(f"GET {message}", messages.list, "List messages", scope="messages:list",
                query=schemas.ListQuery),
        declare(f"GET {message}/{{id}}", messages.show, "Get a message's state",
                scope="messages:read", answer=schemas.MessageState),
        declare(f"DELETE {message}/{{id}}", messages.cancel, "Cancel a message",
                scope="messages:cancel", answer=schemas.MessageState),

        declare(f"GET {phone}", phones.list, "List phones", scope="devices:list"),
        declare(f"DELETE {phone}/{{id}}", phones.remove, "Remove a phone", scope="devices:delete",
                status=204),

        declare("GET /webhooks", webhooks.list, "List webhooks", scope="webhooks:list"),
        declare("POST /webhooks", webhooks.put, "Register a webhook, or replace one",
                scope="webhooks:write", body=schemas.NewWebhook, answer=schemas.Webhook,
                status=201),
        declare("DELETE /webhooks/{id}", webhooks.remove, "Remove a webhook",
                scope="webhooks:delete", status=204),

        declare("GET /settings", settings.show, "Show settings", scope="settings:read"),
        declare("PUT /settings", settings.replace, "Replace settings", scope="settings:write",
                body=schemas.DeviceSettings),
        declare("PATCH /settings", settings.change, "Change settings", scope="settings:write",
                body=schemas.DeviceSettings),

        declare(f"POST {message}/inbox/export", inbox.export,
                "Ask phones for their inbox (deprecated)", scope="messages:export",
                body=schemas.InboxRefresh, status=202),
        declare("POST /inbox/export", inbox.export, "Ask phones for their inbox (deprecated)",
                scope="messages:export", body=schemas.InboxRefresh, status=202),
        declare("POST /inbox/refresh", inbox.refresh, "Ask phones to upload their inbox",
                scope="inbox:refresh", body=schemas.InboxRefresh, status=202),
        declare("GET /inbox", inbox.list, "Not implemented", scope="inbox:list", status=501),
        declare("GET /logs", inbox.show_logs, "Not implemented", scope="logs:read", status=501),

        declare("POST /auth/token", tokens.issue, "Create a token", scope="tokens:manage",
                body=schemas.TokenRequest, answer=schemas.Token, status=201),
        declare("POST /auth/token/refresh", Open(tokens.refresh),
                "Exchange a refresh token for a new token", tag="tokens", answer=schemas.Token,
                status=201),
        declare("DELETE /auth/token/{jti}", tokens.revoke, "Revoke a token",
                scope="tokens:manage", status=204),

        declare("GET /health/live", Open(health.live), "Whether it runs", tag="health",
                answer=schemas.Health),
        *(
            declare(f"GET {path}", Open(health.ready), "Whether it takes traffic", tag="health",
                    answer=schemas.Health)
            for path in ("/health", "/health/ready", "/health/startup")
        ),
    )
# fmt: on
