"""Subaccounts: made, edited, locked, listed, given credits, sold credits to."""

import asyncio
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from dragoman.config import Settings
from dragoman.config.dialects import Dialects, SmSend, SubaccountProfile
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.sql import credits
from dragoman.core.messages.live import LiveMessages
from dragoman.core.messages.loader import MessageLoader
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Submission
from dragoman.core.messages.sql import pending
from dragoman.core.model.errors import FailureCode, Refused

PRINTED = b"""
{
    "address": "via xxx",
    "cell": "+393393939393",
    "city": "myCity",
    "fiscal-code": "BRGRJM87J89JH907E",
    "company": true,
    "company-name": "myCompany",
    "credit-eat-mode": 1,
    "dfeu": true,
    "email": "em@a.il",
    "fax": "0461686868",
    "invoicing-email": "em@a.il",
    "language": "ita",
    "login": "myLogin",
    "name": "myNome",
    "num-cell-for-test-sms": "+393393939393",
    "password": "myPassword",
    "phone": "0461656565",
    "piva": "104456015145",
    "province": "TN",
    "superaccount": false,
    "surname": "mySurname",
    "use24": true,
    "zip-code": "38010",
    "id-subaccount-profile": 1
}
"""
OBJECT = (
    b'{"activation-time":"20260921","active":true,"address":"via xxx",'
    b'"allowtpoavalidation":true,"cell":"+393393939393","city":"myCity",'
    b'"fiscal-code":"BRGRJM87J89JH907E","pa-code":null,"company":true,'
    b'"company-name":"myCompany","create-time":"20260921","credit-eat-mode":1,'
    b'"credits-sum":null,"default-message-type":"N","default-nation":"ita","dfeu":true,'
    b'"email":"em@a.il","fax":"0461686868","foreign":false,"id-user":<id>,'
    b'"invoicing-email":"em@a.il","language":"ita","legal-agreement-time":"20260921",'
    b'"legalAgreementVersion":0,"login":"myLogin","max-subaccounts":-1,"name":"myNome",'
    b'"num-cell-for-test-sms":"+393393939393","partner":false,"partner-code":null,'
    b'"phone":"0461656565","piva":"104456015145","preferred-tpoa":null,"private":false,'
    b'"province":"TN","referral":false,"shop_cart_check":true,"split-payment":false,'
    b'"subaccount":true,"subaccount-types":0,"super-account-name":"","superaccount":false,'
    b'"surname":"mySurname","use24":true,"user-nation":"ita","zip-code":"38010","credits":[]}'
)
PAGE = b'{"result":"OK","pageNumber":1,"pageSize":10,"total":1,"subaccount":[%b]}'


@pytest.fixture(scope="module")
def configure() -> Any:
    profiles = (
        SubaccountProfile(id=1, name="all"),
        SubaccountProfile(id=2, message_types=("LL", "L"), without=("receive",)),
    )

    def change(settings: Settings) -> Settings:
        smsend = SmSend(subaccount_profiles=profiles)
        return msgspec.structs.replace(settings, dialects=Dialects(smsend=smsend))

    return change


async def test_printed_request_makes_the_printed_object(smsend: Any) -> None:
    answer = await smsend.post("subaccount", PRINTED)
    assert (answer.status, answer.body) == (200, b'""')
    assert answer.location.startswith("/subaccount/")
    one = await smsend.get(answer.location)
    assert (one.status, one.masked) == (200, OBJECT)
    assert (await smsend.get("subaccount/myLogin")).masked == OBJECT
    page = await smsend.get("subaccounts")
    assert (page.status, page.masked) == (200, PAGE % OBJECT)
    await smsend.log_in("myLogin", "myPassword")


async def test_printed_edit_answers_where_the_subaccount_is(smsend: Any) -> None:
    path = (await smsend.post("subaccount", PRINTED)).location
    answer = await smsend.put(path, PRINTED.replace(b"myCity", b"Citt\xe0"))  # Java on Windows
    assert (answer.status, answer.body, answer.location) == (200, b'""', path)
    assert (await smsend.get(path)).json["city"] == "Citt\u00e0"
    await smsend.put(path, {"login": "newLogin", "superaccount": True, "phone": ""})
    one = (await smsend.get(path)).json
    assert (one["login"], one["superaccount"], one["phone"]) == ("newLogin", True, "")
    assert one["address"] == "via xxx"
    await smsend.log_in("newLogin", "myPassword")  # an edit without a password keeps it


async def test_locked_subaccount_is_out_at_once_and_comes_back(smsend: Any) -> None:
    identifier = await smsend.subaccount("sub")
    keys = list(smsend.keys)
    await smsend.begin("sub")
    theirs = list(smsend.keys)
    smsend.keys = keys
    await smsend.put(f"subaccount/{identifier}?lock-subaccount=true", {})
    assert (await smsend.get(f"subaccount/{identifier}")).json["active"] is False
    assert (await smsend.ask("GET", "status", headers=theirs)).status == 401
    await smsend.put(f"subaccount/{identifier}", {"city": "Trento"})  # says nothing of the lock
    assert (await smsend.get(f"subaccount/{identifier}")).json["active"] is False
    await smsend.put(f"subaccount/{identifier}?lock-subaccount=false", {})
    await smsend.log_in("sub", "myPassword")


async def test_password_is_changed_and_sessions_end(smsend: Any) -> None:
    identifier = await smsend.subaccount("sub")
    keys = list(smsend.keys)
    await smsend.begin("sub")
    theirs = list(smsend.keys)
    smsend.keys = keys
    answer = await smsend.post(f"subaccount/{identifier}/changepwd", {"passwd": "password"})
    assert (answer.status, answer.body) == (201, b'""')
    assert answer.location == f"/subaccount/{identifier}/changepwd"
    assert (await smsend.ask("GET", "status", headers=theirs)).status == 401
    await smsend.log_in("sub", "password")


async def test_list_holds_only_those_right_below_in_pages(smsend: Any) -> None:
    for number in range(3):
        await smsend.subaccount(f"sub{number}", superaccount=True)
    keys = list(smsend.keys)
    await smsend.begin("sub0")
    below = await smsend.subaccount("below")
    smsend.keys = keys
    page = (await smsend.get("subaccounts?pageNumber=2&pageSize=2")).json
    assert [one["login"] for one in page["subaccount"]] == ["sub2"]
    assert page["total"] == 3
    assert (await smsend.get(f"subaccount/{below}")).status == 400


async def test_profile_narrows_what_a_subaccount_may_do(smsend: Any) -> None:
    await smsend.subaccount("sub", **{"id-subaccount-profile": 2, "superaccount": True})
    account = await smsend.services.accounts.find("sub")
    assert account.may(Permission.SEND)
    assert not account.may(Permission.RECEIVE)
    assert account.message_types == {"L", "LL"}
    await smsend.begin("sub")
    assert [one["type"] for one in (await smsend.get("status")).json["sms"]] == ["GS", "SI"]
    await smsend.subaccount("below", **{"id-subaccount-profile": 1})
    below = await smsend.services.accounts.find("below")
    assert not below.may(Permission.RECEIVE)
    assert below.message_types == {"L", "LL"}


MOVES = {
    "credits": [
        {"message-type": "GP", "amount": 5, "super-to-sub": True},
        {"message-type": "SI", "amount": 50, "super-to-sub": True},
    ]
}


async def test_credits_move_both_ways(smsend: Any) -> None:
    identifier = await smsend.subaccount("sub", 0)
    answer = await smsend.post(f"subaccount/{identifier}/credit", MOVES)
    assert (answer.status, answer.body) == (201, b'""')
    assert answer.location == f"/subaccount/{identifier}/credit"
    left = await smsend.get("subaccount/sub/credit")
    assert (left.status, left.body) == (
        200,
        b'{"result":"OK","credits":[{"message-type":"GP","amount":5},'
        b'{"message-type":"GS","amount":0},{"message-type":"SI","amount":50},'
        b'{"message-type":"EE","amount":0}]}',
    )
    assert (await smsend.get("status")).json["sms"][0]["quantity"] == 945
    back = {"credits": [{"message-type": "LL", "amount": 20, "super-to-sub": False}]}
    assert (await smsend.post("subaccount/sub/credit", back)).status == 201
    assert (await smsend.get("status")).json["sms"][0]["quantity"] == 965
    await smsend.begin("sub")
    assert (await smsend.get("status?typeAliases=true")).json["sms"][2] == {
        "type": "LL",
        "quantity": 30,
    }


PURCHASES = {
    "purchases": [
        {
            "super-to-sub": True,
            "price": 25.0,
            "message-types": [
                {"message-type": "GP", "unit-price": 1.1},
                {"message-type": "SI", "unit-price": 0.7},
            ],
        },
        {
            "super-to-sub": True,
            "price": 37.0,
            "message-types": [
                {"message-type": "GP", "unit-price": 1.2},
                {"message-type": "SI", "unit-price": 0.8},
            ],
        },
    ]
}
BOUGHT = (
    b'{"super-to-sub":true,"amount":%d,"create-time":"20260921161320","id_purchase":<id>,'
    b'"price":%d,"available":%b,"message-types":[{"message-type":"N","unit-price":%b},'
    b'{"message-type":"LL","unit-price":%b}]}'
)
PURCHASED = b'{"result":"OK","purchases":[%b],"pageNumber":1,"pageSize":10,"total":%d}'


async def test_purchases_are_entered_listed_and_undone(smsend: Any) -> None:
    identifier = await smsend.subaccount("sub", 2)
    answer = await smsend.post(f"subaccount/{identifier}/purchase", PURCHASES)
    assert (answer.status, answer.body) == (200, b'""')
    assert answer.location == f"/subaccount/{identifier}/purchase"
    newest = BOUGHT % (37, 37, b"37", b"1.2", b"0.8")
    oldest = BOUGHT % (25, 25, b"25", b"1.1", b"0.7")
    page = await smsend.get("subaccount/sub/purchase")
    assert (page.status, page.masked) == (200, PURCHASED % (newest + b"," + oldest, 2))
    sub = (await smsend.get("subaccount/sub")).json
    assert sub["credits-sum"] == "&euro; 62,000"
    assert {one["id"]: one["qty"] for one in sub["credits"]} == {"N": 51, "L": 0, "LL": 77, "EE": 0}
    first = page.json["purchases"][0]["id_purchase"]
    gone = await smsend.delete(f"subaccount/{identifier}/purchase/{first}")
    assert (gone.status, gone.body) == (200, b'{"result":"OK"}')
    page = await smsend.get("subaccount/sub/purchase?pageSize=10")
    assert page.masked == PURCHASED % (oldest, 1)
    assert (await smsend.get("subaccount/sub")).json["credits-sum"] == "&euro; 25,000"


async def sent(smsend: Any, username: str, count: int = 1, *, due_ms: int | None = None) -> int:
    """Sends texts of type N to so many numbers; the identifier of the batch."""
    services = smsend.services
    account = await services.accounts.find(username)
    message_type = services.credits.types.find("N")
    submission = Submission(
        dialect="smsend",
        recipients=tuple(f"+39347000{number:04}" for number in range(count)),
        text="x",
        sender="Shop",
        due_ms=due_ms,
        message_type=message_type,
        payments=await services.credits.payments(account, message_type),
    )
    accepted = await services.submission.submit(account, submission)
    batch_id: int = accepted.batch_id
    return batch_id


async def rejected(services: Any, messages: list[Any]) -> None:
    """The carrier takes none of the messages."""
    for message in messages:
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        services.delivery.change(
            message, State.REJECTED, done.set_result, failure=FailureCode.REFUSED_BY_CARRIER
        )
        assert await done


async def left(smsend: Any, username: str) -> int | None:
    account = await smsend.services.accounts.find(username)
    amount: int | None = (await smsend.services.credits.own(account))["N"]
    return amount


async def test_mode_decides_who_pays(smsend: Any) -> None:
    for mode in (0, 1, 2):
        await smsend.subaccount(f"sub{mode}", mode)
    for mode in (0, 2):
        moves = {"credits": [{"message-type": "N", "amount": 10, "super-to-sub": True}]}
        await smsend.post(f"subaccount/sub{mode}/credit", moves)
    assert await left(smsend, "username") == 980
    await sent(smsend, "sub0", 3)
    assert (await left(smsend, "sub0"), await left(smsend, "username")) == (7, 980)
    await sent(smsend, "sub1", 3)
    assert (await left(smsend, "sub1"), await left(smsend, "username")) == (0, 977)
    await sent(smsend, "sub2", 3)
    assert (await left(smsend, "sub2"), await left(smsend, "username")) == (7, 974)
    for name in ("sub0", "sub2"):
        with pytest.raises(Refused, match="insufficient_credit"):
            await sent(smsend, name, 8)
    assert (await left(smsend, "sub2"), await left(smsend, "username")) == (7, 974)


async def test_superaccount_of_a_superaccount_pays_where_the_one_between_does_not(
    smsend: Any,
) -> None:
    await smsend.subaccount("middle", 1, superaccount=True)
    await smsend.begin("middle")
    await smsend.subaccount("lowest", 1)
    await sent(smsend, "lowest", 4)
    assert await left(smsend, "username") == 996


async def test_purchases_pay_at_their_price_and_come_back_with_a_refund(smsend: Any) -> None:
    await smsend.subaccount("sub", 2)
    await smsend.post("subaccount/sub/purchase", PURCHASES)
    account = await smsend.services.accounts.find("sub")
    await sent(smsend, "sub", 10)
    assert await smsend.services.credits.purchased(account.account_id) == 500_000
    assert await left(smsend, "username") == 990
    page = (await smsend.get("subaccount/sub/purchase")).json["purchases"]
    assert [one["available"] for one in page] == [37, 13]  # the oldest is used up first
    keys = smsend.keys
    await smsend.begin("sub")
    assert (await smsend.get("status?getMoney=true")).json["money"] == 50.0
    smsend.keys = keys
    await rejected(smsend.services, list(smsend.services.live))
    assert await smsend.services.credits.purchased(account.account_id) == 620_000
    assert await left(smsend, "username") == 1000


async def test_scheduled_batch_that_is_cancelled_gives_back_to_all_who_paid(smsend: Any) -> None:
    await smsend.subaccount("sub", 2)
    await smsend.post("subaccount/sub/purchase", PURCHASES)
    batch_id = await sent(smsend, "sub", 10, due_ms=smsend.clock.now_ms() + 3_600_000)
    account = await smsend.services.accounts.find("sub")
    assert await smsend.services.credits.purchased(account.account_id) == 500_000
    assert await left(smsend, "username") == 990
    await smsend.services.batches.cancel(account, batch_id)
    assert await smsend.services.credits.purchased(account.account_id) == 620_000
    assert await left(smsend, "username") == 1000


async def test_who_paid_is_known_after_a_restart(smsend: Any) -> None:
    await smsend.subaccount("sub", 2)
    await smsend.post("subaccount/sub/purchase", PURCHASES)
    await sent(smsend, "sub", 10)
    account = await smsend.services.accounts.find("sub")
    ids = {message.message_id for message in smsend.services.live}
    loader = MessageLoader(smsend.services.storage, LiveMessages())
    recalled = await loader.read(lambda c: pending.load_messages(c, ids))
    assert len(recalled.live) == 10
    await rejected(smsend.services, recalled.live)
    assert await smsend.services.credits.purchased(account.account_id) == 620_000
    assert await left(smsend, "username") == 1000


async def test_account_below_pays_through_other_dialects_as_well(smsend: Any) -> None:
    await smsend.subaccount("sub", 1)
    account = await smsend.services.accounts.find("sub")
    submission = Submission(
        dialect="linkmobility", recipients=("+393471234567",), text="x", sender="Shop"
    )
    await smsend.services.submission.submit(account, submission)
    assert await left(smsend, "username") == 999


async def test_account_that_is_deleted_leaves_its_credits_of_types(smsend: Any) -> None:
    services = smsend.services
    identifier = await smsend.subaccount("sub", 2)
    await smsend.post("subaccount/sub/credit", MOVES)
    await smsend.post("subaccount/sub/purchase", PURCHASES)
    assert await left(smsend, "username") == 945
    await services.account_tree.delete(await services.accounts.find("username"), int(identifier))
    assert await left(smsend, "username") == 1000
    balances = await services.storage.read(lambda c: credits.load_balances(c, int(identifier)))
    assert {kind: one.available for kind, one in balances.items()} == {
        "credits": 0,
        "N": 0,
        "LL": 0,
        "purchased": 0,
    }


NEW = msgspec.json.decode(PRINTED) | {"login": "fresh"}
MOVE = {"message-type": "N", "amount": 1, "super-to-sub": True}
BUY = PURCHASES["purchases"][0]


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in NEW.items() if key != name}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def with_subaccounts(shared_smsend: Any) -> None:
    """A subaccount of each way to pay."""
    for mode, login in enumerate(("own", "supers", "both")):
        await shared_smsend.subaccount(login, mode)


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("method", "target", "body", "status", "text"),
    [
        *(
            ("POST", "subaccount", without(name), 400, f"Missing parameter [{name}]")
            for name in (
                "address",
                "cell",
                "city",
                "company-name",
                "credit-eat-mode",
                "email",
                "login",
                "name",
                "piva",
                "province",
                "surname",
                "zip-code",
            )
        ),
        (
            "POST",
            "subaccount",
            NEW | {"login": "my login"},
            400,
            "Invalid value for parameter [login]: no spaces",
        ),
        ("POST", "subaccount", NEW | {"login": "own"}, 400, "[own] already exists"),
        ("POST", "subaccount", NEW | {"login": "other"}, 400, "[other] already exists"),
        (
            "POST",
            "subaccount",
            NEW | {"password": "short"},
            400,
            "Invalid value for parameter [password]: 8 to 16 characters",
        ),
        (
            "POST",
            "subaccount",
            NEW | {"password": "x" * 17},
            400,
            "Invalid value for parameter [password]: 8 to 16 characters",
        ),
        (
            "POST",
            "subaccount",
            NEW | {"email": "nobody"},
            400,
            "Invalid value for parameter [email]: no mail address",
        ),
        (
            "POST",
            "subaccount",
            NEW | {"city": "a\0"},
            400,
            "Invalid value for parameter [city]: at most 256 characters",
        ),
        (
            "POST",
            "subaccount",
            NEW | {"credit-eat-mode": 3},
            400,
            "Bad Request: credit-eat-mode: Expected `int` <= 2",
        ),
        (
            "POST",
            "subaccount",
            NEW | {"id-subaccount-profile": 7},
            400,
            "Invalid value for parameter [id-subaccount-profile]: no such profile",
        ),
        ("POST", "subaccount", b"[]", 400, "Bad Request: Expected `object`, got `array`"),
        ("GET", "subaccount/18107", b"", 400, "Not found: subaccount [18107]"),
        ("GET", "subaccount/other", b"", 400, "Not found: subaccount [other]"),
        ("GET", "subaccount/username", b"", 400, "Not found: subaccount [username]"),
        ("GET", "subaccount/%00", b"", 400, "Not found: subaccount [?]"),
        ("PUT", "subaccount/other", {}, 400, "Not found: subaccount [other]"),
        (
            "PUT",
            "subaccount/own?lock-subaccount=perhaps",
            {},
            400,
            "Invalid value for parameter [lock-subaccount]: true or false",
        ),
        ("PUT", "subaccount/own", {"login": "other"}, 400, "[other] already exists"),
        (
            "POST",
            "subaccount/own/changepwd",
            {"passwd": "1234567"},
            400,
            "Invalid value for parameter [passwd]: 8 to 16 characters",
        ),
        (
            "POST",
            "subaccount/own/changepwd",
            {},
            400,
            "Bad Request: Object missing required field `passwd`",
        ),
        (
            "POST",
            "subaccount/other/changepwd",
            {"passwd": "12345678"},
            400,
            "Not found: subaccount [other]",
        ),
        (
            "POST",
            "subaccount/own/credit",
            {"credits": [MOVE | {"message-type": "XX"}]},
            400,
            "Invalid value for parameter [message-type]: no such type",
        ),
        (
            "POST",
            "subaccount/own/credit",
            {"credits": [MOVE, MOVE | {"amount": 1000}]},
            400,
            "Insufficient credit",
        ),
        (
            "POST",
            "subaccount/own/credit",
            {"credits": [MOVE, MOVE | {"amount": 2, "super-to-sub": False}]},
            400,
            "Insufficient credit",
        ),
        (
            "POST",
            "subaccount/own/credit",
            {"credits": [MOVE | {"amount": 0}]},
            400,
            f"Invalid value for parameter [amount]: 1 to {2**53}",
        ),
        (
            "POST",
            "subaccount/own/credit",
            {"credits": [MOVE | {"amount": 2**53 + 1}]},
            400,
            f"Invalid value for parameter [amount]: 1 to {2**53}",
        ),
        (
            "POST",
            "subaccount/supers/credit",
            {"credits": [MOVE]},
            400,
            "Invalid value for parameter [credit-eat-mode]: it has no credits",
        ),
        ("POST", "subaccount/other/credit", {"credits": [MOVE]}, 400, None),
        ("GET", "subaccount/other/credit", b"", 400, None),
        ("GET", "subaccount/other/purchase", b"", 400, None),
        ("POST", "subaccount/other/purchase", {"purchases": [BUY]}, 400, None),
        (
            "POST",
            "subaccount/own/purchase",
            {"purchases": [BUY]},
            400,
            "Invalid value for parameter [credit-eat-mode]:"
            " only accounts that pay out of their own and the parent's buy",
        ),
        (
            "POST",
            "subaccount/both/purchase",
            {"purchases": [BUY, BUY | {"price": -1}]},
            400,
            "Invalid value for parameter [price]: 0 to 1000000000",
        ),
        (
            "POST",
            "subaccount/both/purchase",
            {"purchases": [BUY, BUY | {"price": 1e300}]},
            400,
            "Invalid value for parameter [price]: 0 to 1000000000",
        ),
        (
            "POST",
            "subaccount/both/purchase",
            {"purchases": [BUY, BUY | {"price": 0.00001}]},
            400,
            "Invalid value for parameter [price]: at least 0.0001",
        ),
        (
            "POST",
            "subaccount/both/purchase",
            {"purchases": [BUY, BUY | {"price": 26, "super-to-sub": False}]},
            400,
            "Insufficient credit",
        ),
        ("DELETE", "subaccount/both/purchase/1", b"", 400, "Not found: purchase [1]"),
        ("DELETE", "subaccount/both/purchase/x", b"", 400, "Not found: purchase [x]"),
    ],
)
@pytest.mark.usefixtures("with_subaccounts")
async def test_bad_request_is_refused(
    smsend: Any,
    refused: Any,
    method: str,
    target: str,
    body: object,
    status: int,
    text: str | None,
) -> None:
    answer = await refused(smsend._send(method, target, body))
    text = text or "Not found: subaccount [other]"
    assert answer.json == {"result": text, "error_code": status, "error_message": text}
    assert answer.status == status


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "subaccounts", b""),
        ("POST", "subaccount", NEW),
        ("GET", "subaccount/1", b""),
        ("PUT", "subaccount/1", {}),
        ("POST", "subaccount/1/changepwd", {"passwd": "12345678"}),
        ("POST", "subaccount/1/credit", {"credits": [MOVE]}),
        ("GET", "subaccount/1/credit", b""),
        ("GET", "subaccount/1/purchase", b""),
        ("POST", "subaccount/1/purchase", {"purchases": [BUY]}),
        ("DELETE", "subaccount/1/purchase/1", b""),
    ],
)
async def test_only_superaccounts_have_subaccounts(
    smsend: Any, refused: Any, method: str, target: str, body: object
) -> None:
    await smsend.begin("other")
    answer = await refused(smsend._send(method, target, body))
    text = "Not allowed: [superaccount]"
    assert answer.json == {"result": text, "error_code": 400, "error_message": text}
