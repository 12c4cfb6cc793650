"""The whole API as a table: each call, who answers it, what it answers and what it takes."""

from __future__ import annotations

from functools import partial
from typing import Final

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.dialects.linkmobility import keywords as keyword
from dragoman.dialects.linkmobility import premium, schemas
from dragoman.dialects.linkmobility import users as user
from dragoman.dialects.linkmobility.calls import LEGACY, Calls, render
from dragoman.dialects.linkmobility.contacts import schemas as contacts
from dragoman.dialects.linkmobility.contacts.book import Book, ContactLists, MergeFields
from dragoman.dialects.linkmobility.contacts.imports import ContactImports
from dragoman.dialects.linkmobility.errors import problem_of_kit
from dragoman.dialects.linkmobility.keywords import ForwardingServices, Keywords
from dragoman.dialects.linkmobility.mapping import DIALECT
from dragoman.dialects.linkmobility.messages import Messages
from dragoman.dialects.linkmobility.premium import Charges
from dragoman.dialects.linkmobility.queries import Inbox, Outbox
from dragoman.dialects.linkmobility.statistics import answers, ingestion
from dragoman.dialects.linkmobility.users import Users
from dragoman.web.operations import Operation, Refuse
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import Response

MESSAGE_LIMIT: Final = 4 << 20
"""Bytes; room for 100,000 recipients."""
IMPORT_LIMIT: Final = 32 << 20
"""Room for 100,000 rows; `http.max_body_bytes` may leave less."""
ROWS_LIMIT: Final = 8 << 20
"""Room for 10,000 rows."""


# fmt: off
def build_operations(services: Services) -> tuple[Operation, ...]:
    """Builds the table over the services, by the sections of the manual."""
    declare = Calls(services).declare
    s03, s04, s05, s06, s07, s08, s09, s10, s11, s12, s13, s14 = (
        partial(declare, source=f"LINK v2 s. {number:02}") for number in range(3, 15)
    )
    ours = partial(declare, source="not in the manual")
    lists, book = ContactLists(services), Book(services)
    imports, fields = ContactImports(services), MergeFields(services)
    messages, outbox, inbox = Messages(services), Outbox(services), Inbox(services)
    users, charges = Users(services), Charges(services)
    counts, ingesting = answers.Counts(services), ingestion.Ingesting(services)
    keywords, forwardings = Keywords(services), ForwardingServices(services)
    return (
        s03("GET ping", _ping, "Whose key this is", schemas.Ping),

        s04("GET lists", lists.all, "All lists", contacts.Lists),
        s04("GET list/{id:int}", lists.one, "A list and its contacts", contacts.ListAnswer,
            in_thread=True),
        s04("POST list", lists.create, "Create a list", contacts.ListAnswer, contacts.ListBody,
            wrapper="list"),
        s04("PUT list/{id:int}", lists.change, "Change a list", contacts.ListAnswer,
            contacts.ListBody, status=201, wrapper="list", in_thread=True),
        s04("DELETE list/{id:int}", lists.delete, "Delete a list and its contacts",
            contacts.Deleted),

        s05("GET contacts/{page:int}", book.search, "Search contacts", contacts.ContactsPage,
            query=contacts.ContactQuery),
        s05("GET contact/{id:int}", book.one, "A contact", contacts.ContactAnswer),
        s05("POST contact", book.create, "Create a contact", contacts.ContactAnswer,
            contacts.ContactBody, wrapper="contact"),
        s05("PUT contact/{id:int}", book.change, "Change a contact", contacts.ContactAnswer,
            contacts.ContactBody, status=201, wrapper="contact"),
        s05("DELETE contact/{id:int}", book.delete, "Delete a contact", contacts.Deleted),

        s06("POST import", imports.create, "Open an import of contacts", contacts.ImportAnswer,
            contacts.ImportBody, wrapper="import"),
        s06("PUT import/{hash}", imports.add_rows, "Import rows", contacts.RowsAnswer,
            contacts.RowsBody, wrapper="import", body_limit_bytes=IMPORT_LIMIT, in_thread=True),
        s06("GET import/{hash}", imports.one, "How far an import is", contacts.ImportAnswer),

        s07("GET mergefields", fields.all, "All merge fields", contacts.Fields),
        s07("POST mergefield", fields.create, "Create a merge field", contacts.FieldAnswer,
            contacts.FieldBody, wrapper="field"),
        s07("PUT mergefield/{id:int}", fields.change, "Rename a merge field",
            contacts.FieldAnswer, contacts.FieldBody, wrapper="field"),
        s07("DELETE mergefield/{id:int}", fields.delete, "Delete a merge field and its values",
            contacts.Deleted),

        s08("POST message", messages.send, "Send a message", schemas.BatchStatus,
            schemas.Message, wrapper="message", body_limit_bytes=MESSAGE_LIMIT, is_prompt=True),
        s08("GET message/{batchid:int}/{page:int}", messages.batch,
            "The status of a batch; from page 1 on, its messages", schemas.BatchMessages),
        s08("GET message/expand/{batchid:int}", messages.expand, "Whom a batch is for",
            schemas.ExpandedBatch, query=schemas.ExpandQuery),
        s08("GET messages/{page:int}", messages.newest,
            "The newest batches, waiting ones included", schemas.NewestBatches),

        s09("GET inbox/{page:int}", inbox.search, "Search received texts", schemas.InboxPage,
            query=schemas.InboxQuery),
        s09("GET inbox/lookup/{lookupid}", inbox.look_up, "A received text", schemas.InboxLookup),
        s09("GET outbox/{page:int}", outbox.search, "Search sent messages", schemas.OutboxPage,
            query=schemas.OutboxQuery),
        s09("GET outbox/lookup/{lookupid}", outbox.look_up, "A message", schemas.OutboxLookup,
            query=schemas.OutboxLookupQuery),

        s11("GET users", users.list_below, "The caller and all users below", user.ManyUsers),
        s11("GET user/{id}", users.find, "A user", user.OneUser),
        s11("POST user", users.create, "Create a user", user.OneUser, user.NewUser,
            wrapper="user", message_first=True),
        s11("PUT user/{id}", users.change, "Change a user", user.OneUser, user.UserUpdate,
            wrapper="user"),
        s11("DELETE user/{id}", users.delete, "Delete a user", user.DeletedUser),

        s08("PUT message/refund/{lookupid}", charges.refund,
            "Give back what the recipient of a premium message paid", premium.Refunded,
            premium.Refund, wrapper="refund"),
        s14("GET premium/contenttypes", charges.content_types,
            "What premium messages may be for, by short code", premium.Catalogues),

        s10("GET stats/{type:inbox|outbox}/{aggregate:hourly|daily|weekly|monthly}",
            counts.answer, "How much was received or sent", answers.Stats,
            query=answers.StatsQuery),
        s10("POST stats/inbox", ingesting.take_inbox, "Count texts that were received elsewhere",
            ingestion.Ingested, ingestion.InboxRows, body_limit_bytes=ROWS_LIMIT),
        s10("POST stats/outbox", ingesting.take_outbox, "Count messages that were sent elsewhere",
            ingestion.Ingested, ingestion.OutboxRows, body_limit_bytes=ROWS_LIMIT),

        s12("GET keywords", keywords.list_all, "The account's keywords", keyword.KeywordList),
        s12("GET keywords/{number}/{keyword}", keywords.show_on_number, "A keyword on a number",
            keyword.KeywordAnswer),
        s12("GET keywords/{id}", keywords.show, "A keyword", keyword.KeywordAnswer),
        s12("POST keywords", keywords.reserve, "Reserve a keyword", keyword.KeywordAnswer,
            keyword.NewKeyword, message_first=True),
        ours("PUT keywords/{id}", keywords.attach, "Forward the texts of a keyword to a service",
             keyword.KeywordAnswer, keyword.KeywordChange),
        s12("DELETE keywords/{id}", keywords.delete, "Give a keyword up at the end of the month",
            keyword.KeywordAnswer, status=201, message_first=True),

        s13("GET services/{type}", forwardings.list_all, "The account's services",
            keyword.ServiceList),
        ours("GET services/{type}/{id}", forwardings.show, "A service", keyword.ServiceAnswer),
        s13("POST services/{type}", forwardings.create, "Create a service", keyword.ServiceAnswer,
            keyword.NewService),
        s13("PUT services/{type}/{id}", forwardings.change, "Change a service",
            keyword.ServiceAnswer, keyword.NewService),
    )
# fmt: on


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
        # Only digests of keys are stored, so a caller that logged in without one is shown none.
        apikey="" if key == LEGACY else key,
    )
