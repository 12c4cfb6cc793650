"""The dialect as a table of calls, below the paths of four hosts of the provider."""

from __future__ import annotations

from typing import Final

from dragoman.container import Services
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.twilio import schemas
from dragoman.dialects.twilio.accounts import Accounts
from dragoman.dialects.twilio.callbacks import Callbacks
from dragoman.dialects.twilio.calls import Calls, build_refuse
from dragoman.dialects.twilio.mapping import DIALECT
from dragoman.dialects.twilio.messages import Messages
from dragoman.web.operations import Dialect, Operation

PREFIXES: Final = ("/2010-04-01",)


def build_twilio(services: Services) -> ProviderDialect:
    callbacks = Callbacks(services)
    prefixes = services.settings.dialects.twilio.path_prefixes
    return ProviderDialect(
        name=DIALECT,
        web=Dialect(
            name=DIALECT,
            title="Twilio",
            description=(
                "Send and receive messages with the programs and libraries of Twilio. Sign in with "
                "HTTP Basic: the account SID and the auth token, or an API key and its secret."
            ),
            prefixes=PREFIXES,
            operations=(*_account(services), *_messages(services)),
            refuse=build_refuse(services),
            aliases={before + prefix: prefix for before in prefixes for prefix in PREFIXES},
        ),
        render_callback=callbacks.render_status,
    )


def _account(services: Services) -> tuple[Operation, ...]:
    accounts, declare = Accounts(services), Calls(services).declare
    own = "/2010-04-01/Accounts"
    return (
        declare(
            f"GET {own}.json", accounts.list_accounts, "List accounts: the own one",
            query=schemas.Paging, answer=schemas.AccountPage, tag="Accounts",
        ),
        declare(
            f"GET {own}/{{account}}.json", accounts.fetch, "Fetch the account",
            answer=schemas.Account, tag="Accounts",
        ),
        declare(
            "GET /Balance.json", accounts.balance, "Fetch the balance",
            answer=schemas.Balance, tag="Accounts",
        ),
        declare(
            "POST /Keys.json", accounts.create_key, "Create an API key",
            body=schemas.KeyRequest, answer=schemas.NewKey, status=201, tag="Keys",
            with_key=False,
        ),
        declare(
            "GET /Keys.json", accounts.list_keys, "List the API keys",
            query=schemas.Paging, answer=schemas.KeyPage, tag="Keys", with_key=False,
        ),
        declare(
            "GET /Keys/{key}.json", accounts.fetch_key, "Fetch an API key",
            answer=schemas.Key, tag="Keys", with_key=False,
        ),
        declare(
            "POST /Keys/{key}.json", accounts.change_key, "Rename an API key",
            body=schemas.KeyRequest, answer=schemas.Key, tag="Keys", with_key=False,
        ),
        declare(
            "DELETE /Keys/{key}.json", accounts.delete_key, "Delete an API key",
            status=204, tag="Keys", with_key=False,
        ),
    )  # fmt: skip


def _messages(services: Services) -> tuple[Operation, ...]:
    messages, declare = Messages(services), Calls(services).declare
    one = "/Messages/{message}"
    return (
        declare(
            "POST /Messages.json", messages.create, "Send a message",
            body=schemas.NewMessage, answer=schemas.Message, status=201, tag="Messages",
        ),
        declare(
            "GET /Messages.json", messages.search, "List messages",
            query=schemas.MessageQuery, answer=schemas.MessagePage, tag="Messages",
        ),
        declare(
            f"GET {one}.json", messages.fetch, "Fetch a message",
            answer=schemas.Message, tag="Messages",
        ),
        declare(
            f"POST {one}.json", messages.change, "Cancel or redact a message",
            body=schemas.MessageChange, answer=schemas.Message, tag="Messages",
        ),
        declare(
            f"DELETE {one}.json", messages.delete, "Delete a message", status=204, tag="Messages"
        ),
        declare(
            f"GET {one}/Media.json", messages.list_media, "List the files of a message",
            query=schemas.Paging, answer=schemas.MediaPage, tag="Media",
        ),
        declare(
            f"GET {one}/Media/{{media}}.json", messages.fetch_media, "Fetch a file's description",
            answer=schemas.Media, tag="Media",
        ),
        declare(f"GET {one}/Media/{{media}}", messages.download_media, "Get a file", tag="Media"),
    )  # fmt: skip
