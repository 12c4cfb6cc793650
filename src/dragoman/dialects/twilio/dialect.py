"""The dialect as a table of calls, below the paths of four hosts of the provider."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from dragoman.container import Services
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.twilio import schemas, verify_schemas
from dragoman.dialects.twilio.accounts import Accounts
from dragoman.dialects.twilio.available import Available
from dragoman.dialects.twilio.callbacks import Callbacks
from dragoman.dialects.twilio.calls import ACCOUNT, Calls, build_refuse
from dragoman.dialects.twilio.inbound import Inbound
from dragoman.dialects.twilio.lookup import Lookups
from dragoman.dialects.twilio.mapping import DIALECT
from dragoman.dialects.twilio.messages import Messages
from dragoman.dialects.twilio.numbers import Numbers
from dragoman.dialects.twilio.pools import Pools
from dragoman.dialects.twilio.services import MessagingServices
from dragoman.dialects.twilio.subaccounts import Subaccounts
from dragoman.dialects.twilio.verify import Verify
from dragoman.dialects.twilio.xml_answers import xml_variants
from dragoman.web.operations import Dialect, Operation

PREFIXES: Final = ("/2010-04-01", "/v1/Services", "/v2/Services", "/v2/PhoneNumbers")


def build_twilio(services: Services) -> ProviderDialect:
    pools = Pools(services)
    callbacks, inbound = Callbacks(services), Inbound(services, pools)
    prefixes = services.settings.dialects.twilio.path_prefixes
    operations = (
        *_account(services),
        *_messages(services),
        *_numbers(services, pools),
        *_services(services, pools),
        *_verify(services),
    )
    older = tuple(_older(operations))
    return ProviderDialect(
        name=DIALECT,
        web=Dialect(
            name=DIALECT,
            title="Twilio",
            description=(
                "Send and receive messages with the programs and libraries of Twilio. Sign in with "
                "HTTP Basic: the account SID and the auth token, or an API key and its secret."
            ),
            login='-u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN"',
            prefixes=PREFIXES,
            operations=operations,
            unlisted=(*older, *xml_variants((*operations, *older))),
            refuse=build_refuse(services),
            aliases={before + prefix: prefix for before in prefixes for prefix in PREFIXES},
        ),
        render_callback=callbacks.render_status,
        render_text=inbound.render_text,
        take_answer=inbound.take_answer,
    )


def _older(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Messages under their first name, which old programs still use."""
    names = {f"{ACCOUNT}/Messages.json", f"{ACCOUNT}/Messages/{{message}}.json"}
    for operation in operations:
        if operation.path in names:
            path = operation.path.replace("/Messages", "/SMS/Messages", 1)
            yield replace(operation, path=path)


def _account(services: Services) -> tuple[Operation, ...]:
    accounts, declare = Accounts(services), Calls(services).declare
    subaccounts = Subaccounts(services)
    own = "/2010-04-01/Accounts"
    return (
        declare(
            f"GET {own}.json", subaccounts.search, "List the account and its subaccounts",
            query=schemas.AccountQuery, answer=schemas.AccountPage, tag="Accounts",
        ),
        declare(
            f"POST {own}.json", subaccounts.create, "Create a subaccount",
            body=schemas.AccountChange, answer=schemas.Account, status=201, tag="Accounts",
            with_key=False,
        ),
        declare(
            f"GET {own}/{{account}}.json", subaccounts.fetch, "Fetch an account",
            answer=schemas.Account, tag="Accounts", even_closed=True,
        ),
        declare(
            f"POST {own}/{{account}}.json", subaccounts.change,
            "Rename an account, or suspend, resume or close a subaccount",
            body=schemas.AccountChange, answer=schemas.Account, tag="Accounts",
            with_key=False, even_closed=True,
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
            f"POST {one}/Feedback.json", messages.give_feedback, "Say whether a message arrived",
            body=schemas.FeedbackRequest, answer=schemas.Feedback, tag="Messages",
        ),
        declare(
            f"GET {one}/Media.json", messages.list_media, "List the files of a message",
            query=schemas.Paging, answer=schemas.MediaPage, tag="Media",
        ),
        declare(
            f"GET {one}/Media/{{media}}.json", messages.fetch_media, "Fetch a file's description",
            answer=schemas.Media, tag="Media",
        ),
        declare(
            f"DELETE {one}/Media/{{media}}.json", messages.delete_media, "Delete a file",
            status=204, tag="Media",
        ),
        declare(f"GET {one}/Media/{{media}}", messages.download_media, "Get a file", tag="Media"),
    )  # fmt: skip


def _numbers(services: Services, pools: Pools) -> tuple[Operation, ...]:
    numbers, declare = Numbers(services, pools), Calls(services).declare
    available = Available(services)
    return (
        declare(
            "GET /IncomingPhoneNumbers.json", numbers.search, "List numbers",
            query=schemas.NumberQuery, answer=schemas.NumberPage, tag="Numbers",
        ),
        declare(
            "POST /IncomingPhoneNumbers.json", numbers.create, "Take up a number",
            body=schemas.NumberChange, answer=schemas.Number, status=201, tag="Numbers",
        ),
        declare(
            "GET /IncomingPhoneNumbers/{number}.json", numbers.fetch, "Fetch a number",
            answer=schemas.Number, tag="Numbers",
        ),
        declare(
            "POST /IncomingPhoneNumbers/{number}.json", numbers.change,
            "Set where the texts to a number go",
            body=schemas.NumberChange, answer=schemas.Number, tag="Numbers",
        ),
        declare(
            "DELETE /IncomingPhoneNumbers/{number}.json", numbers.delete, "Give a number back",
            status=204, tag="Numbers",
        ),
        declare(
            "GET /AvailablePhoneNumbers.json", available.countries,
            "List the countries that there are numbers of",
            answer=schemas.CountryPage, tag="Numbers",
        ),
        declare(
            "GET /AvailablePhoneNumbers/{country}.json", available.country, "Fetch a country",
            answer=schemas.Country, tag="Numbers",
        ),
        declare(
            "GET /AvailablePhoneNumbers/{country}/{kind:Local|Mobile|TollFree}.json",
            available.search, "List numbers that can be had",
            query=schemas.AvailableQuery, answer=schemas.AvailablePage, tag="Numbers",
        ),
    )  # fmt: skip


def _services(services: Services, pools: Pools) -> tuple[Operation, ...]:
    own, declare = MessagingServices(services, pools), Calls(services).declare
    one, tag = "/v1/Services/{service}", "Messaging v1"
    return (
        declare(
            "POST /v1/Services", own.create, "Create a messaging service",
            body=schemas.ServiceRequest, answer=schemas.Service, status=201, tag=tag,
        ),
        declare(
            "GET /v1/Services", own.search, "List messaging services",
            query=schemas.Paging, answer=schemas.ServicePage, tag=tag,
        ),
        declare(
            f"GET {one}", own.fetch, "Fetch a messaging service",
            answer=schemas.Service, tag=tag,
        ),
        declare(
            f"POST {one}", own.change, "Change a messaging service",
            body=schemas.ServiceRequest, answer=schemas.Service, tag=tag,
        ),
        declare(f"DELETE {one}", own.delete, "Delete a messaging service", status=204, tag=tag),
        declare(
            f"POST {one}/PhoneNumbers", own.add_number, "Add a number to a service",
            body=schemas.PoolNumberRequest, answer=schemas.PoolNumber, status=201, tag=tag,
        ),
        declare(
            f"GET {one}/PhoneNumbers", own.list_numbers, "List the numbers of a service",
            query=schemas.Paging, answer=schemas.PoolNumberPage, tag=tag,
        ),
        declare(
            f"GET {one}/PhoneNumbers/{{number}}", own.fetch_number,
            "Fetch a number of a service", answer=schemas.PoolNumber, tag=tag,
        ),
        declare(
            f"DELETE {one}/PhoneNumbers/{{number}}", own.remove_number,
            "Take a number out of a service", status=204, tag=tag,
        ),
        declare(
            f"POST {one}/AlphaSenders", own.add_name, "Add a name to a service",
            body=schemas.AlphaSenderRequest, answer=schemas.AlphaSender, status=201, tag=tag,
        ),
        declare(
            f"GET {one}/AlphaSenders", own.list_names, "List the names of a service",
            query=schemas.Paging, answer=schemas.AlphaSenderPage, tag=tag,
        ),
        declare(
            f"GET {one}/AlphaSenders/{{sender}}", own.fetch_name, "Fetch a name of a service",
            answer=schemas.AlphaSender, tag=tag,
        ),
        declare(
            f"DELETE {one}/AlphaSenders/{{sender}}", own.remove_name,
            "Take a name out of a service", status=204, tag=tag,
        ),
    )  # fmt: skip


def _verify(services: Services) -> tuple[Operation, ...]:
    verify, declare = Verify(services), Calls(services).declare
    one, tag = "/v2/Services/{service}", "Verify v2"
    return (
        declare(
            "POST /v2/Services", verify.create_service, "Create a service that sends codes",
            body=verify_schemas.VerifyServiceRequest, answer=verify_schemas.VerifyService,
            status=201, tag=tag,
        ),
        declare(
            "GET /v2/Services", verify.list_services, "List services that send codes",
            query=schemas.Paging, answer=verify_schemas.VerifyServicePage, tag=tag,
        ),
        declare(
            f"GET {one}", verify.fetch_service, "Fetch a service that sends codes",
            answer=verify_schemas.VerifyService, tag=tag,
        ),
        declare(
            f"POST {one}", verify.change_service, "Change a service that sends codes",
            body=verify_schemas.VerifyServiceRequest, answer=verify_schemas.VerifyService, tag=tag,
        ),
        declare(
            f"DELETE {one}", verify.delete_service, "Delete a service that sends codes",
            status=204, tag=tag,
        ),
        declare(
            f"POST {one}/Verifications", verify.send, "Send a code",
            body=verify_schemas.NewVerification, answer=verify_schemas.Verification,
            status=201, tag=tag,
        ),
        declare(
            f"GET {one}/Verifications/{{verification}}", verify.fetch, "Fetch a verification",
            answer=verify_schemas.Verification, tag=tag,
        ),
        declare(
            f"POST {one}/Verifications/{{verification}}", verify.change, "End a verification",
            body=verify_schemas.VerificationChange, answer=verify_schemas.Verification, tag=tag,
        ),
        declare(
            f"POST {one}/VerificationCheck", verify.check, "Check a code",
            body=verify_schemas.NewCheck, answer=verify_schemas.Check, tag=tag,
        ),
        declare(
            "GET /v2/PhoneNumbers/{number}", Lookups(services).fetch, "Look up a number",
            query=schemas.LookupQuery, answer=schemas.Lookup, tag="Lookup v2",
        ),
    )  # fmt: skip
