"""TPOA aliases: asked for, listed, decided on, given up."""

from typing import Any

import pytest
import pytest_asyncio

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.model.senders import APPROVED_STATES, SenderState
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import Refused
from dragoman.dialects.smsend.aliases import STATES

PRINTED = b"""
{
    "alias": {
        "alias": "MY ALIAS",
        "company-name": "company name",
        "contact-name": "name",
        "contact-surname": "surname",
        "cod-fiscale": "02367940224",
        "vat-number": "02367940224",
        "contact-address": "address",
        "contact-city": "city",
        "contact-pcode": "pcode",
        "contact-type": "WEB",
        "contact-info": "www.www.it"
    }
}
"""
LISTED = (
    b'{"contact-surname":"surname","notification-time":"20260921161320",'
    b'"cod-fiscale":"02367940224","alias-state":0,"contact-city":"city","id-alias":<id>,'
    b'"contact-pcode":"pcode","vat-number":"02367940224","alias":"MY ALIAS",'
    b'"company-name":"company name","contact-type":"WEB","contact-info":"www.www.it",'
    b'"contact-name":"name","is-numeric":false,"contact-address":"address"}'
)
ONE = (
    b'{"result":"OK","alias":{"id-alias":<id>,"alias":"MY ALIAS",'
    b'"notification-time":"20260921161320","alias-state":0,"is-numeric":false,'
    b'"company-name":"company name","contact-name":"name","contact-surname":"surname",'
    b'"cod-fiscale":"02367940224","vat-number":"02367940224","contact-address":"address",'
    b'"contact-city":"city","contact-pcode":"pcode","contact-type":"WEB",'
    b'"contact-info":"www.www.it"}}'
)


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("alias", b'{"result":"OK"}'),
        ("alias?getAlias=false", b'{"result":"OK"}'),
        ("/alias?getAlias=true", b'{"result":"OK","string":"MY ALIAS"}'),
    ],
)
async def test_printed_request_is_answered_as_printed(
    smsend: Any, target: str, body: bytes
) -> None:
    answer = await smsend.post(target, PRINTED)
    assert (answer.status, answer.body) == (200, body)
    assert answer.location.startswith("/alias/")
    one = await smsend.get(answer.location)
    assert (one.status, one.masked) == (200, ONE)
    page = await smsend.get("alias")
    head, tail = b'{"alias":[', b'],"total":1,"pageNumber":1,"result":"OK","pageSize":10}'
    assert (page.status, page.masked) == (200, head + LISTED + tail)
    gone = await smsend.delete(answer.location)
    assert (gone.status, gone.body) == (200, b'{"result":"OK"}')
    assert (await smsend.get(answer.location)).status == 404


@pytest.mark.parametrize("wanted", [True, "true"])
async def test_alias_is_returned_where_the_body_asks_for_it(smsend: Any, wanted: Any) -> None:
    answer = await smsend.post("alias", {"alias": ALIAS, "getAlias": wanted})
    assert (answer.status, answer.body) == (200, b'{"result":"OK","string":"Shop"}')


async def test_contact_type_is_any_text_as_in_the_manuals_answer(smsend: Any) -> None:
    entered = await smsend.post("alias", {"alias": ALIAS | {"contact-type": "123456789"}})
    found = await smsend.get(entered.location)
    assert found.json["alias"]["contact-type"] == "123456789"


async def test_number_is_an_alias_with_little_else(smsend: Any) -> None:
    answer = await smsend.post("alias", {"alias": {"alias": "+393458922223"}})
    alias = (await smsend.get(answer.location)).json["alias"]
    assert alias["is-numeric"] is True
    assert alias["company-name"] is None


async def test_list_comes_in_pages_and_hides_what_is_not_approved(smsend: Any) -> None:
    account = await smsend.services.accounts.find("username")
    for number in range(5):
        await smsend.post("alias", {"alias": {"alias": f"Alias{number}"}})
    await smsend.services.senders.decide(account, "Alias3", SenderState.APPROVED)
    page = (await smsend.get("alias?pageNumber=2&pageSize=2")).json
    assert [one["alias"] for one in page["alias"]] == ["Alias2", "Alias3"]
    assert (page["total"], page["pageNumber"], page["pageSize"]) == (5, 2, 2)
    assert (await smsend.get("alias?pageNumber=9")).json["alias"] == []
    hidden = (await smsend.get("alias?hide-not-approved=true")).json
    assert [one["alias"] for one in hidden["alias"]] == ["Alias3"]
    assert hidden["total"] == 1


@pytest.mark.parametrize("state", SenderState)
async def test_only_approved_aliases_send(smsend: Any, state: SenderState) -> None:
    services = smsend.services
    answer = await smsend.post("alias", {"alias": {"alias": "Shop"}})
    await services.accounts.change("username", revoke=frozenset({Permission.ANY_SENDER}))
    account = await services.accounts.find("username")
    await services.senders.decide(account, "Shop", state)
    one = (await smsend.get(answer.location)).json["alias"]
    assert one["alias-state"] == STATES[state]
    submission = Submission(
        dialect="smsend", recipients=("+393471234567",), text="x", sender="Shop"
    )
    if state in APPROVED_STATES:
        assert (await services.submission.submit(account, submission)).recipients == 1
    else:
        with pytest.raises(Refused, match="sender_not_allowed"):
            await services.submission.submit(account, submission)


async def test_alias_that_is_given_up_is_not_preferred_any_more(smsend: Any) -> None:
    answer = await smsend.post("alias", {"alias": {"alias": "Shop"}})
    await smsend.services.accounts.change("username", AccountFields(default_sender="Shop"))
    await smsend.delete(answer.location)
    assert (await smsend.services.accounts.find("username")).default_sender == ""


ALIAS = {"alias": "Shop"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def foreign(shared_smsend: Any) -> str:
    """The identifier of somebody else's alias; the customer has one too."""
    await shared_smsend.begin("other")
    alias = await shared_smsend.post("alias", {"alias": ALIAS})
    await shared_smsend.begin()
    await shared_smsend.post("alias", {"alias": {"alias": "Taken"}})
    return str(alias.location.rpartition("/")[2])


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("method", "target", "body", "status", "text"),
    [
        ("POST", "alias", b"", 400, "Bad Request: the body is not JSON"),
        ("POST", "alias", b"{", 400, "Bad Request: the body is not JSON"),
        ("POST", "alias", {}, 400, "Bad Request: Object missing required field `alias`"),
        ("POST", "alias", {"alias": {}}, 400, "Missing parameter [alias]"),
        ("POST", "alias", {"alias": {"alias": ""}}, 400, "Missing parameter [alias]"),
        (
            "POST",
            "alias",
            {"alias": {"alias": "longer than 11"}},
            400,
            "Invalid sender [longer than 11]: more than 11 characters",
        ),
        (
            "POST",
            "alias",
            {"alias": {"alias": "\u4f60"}},
            400,
            "Invalid sender [\u4f60]: characters outside the GSM alphabet",
        ),
        (
            "POST",
            "alias",
            {"alias": ALIAS | {"contact-type": "x" * 201}},
            400,
            "Invalid value for parameter [contact-type]: at most 200 characters",
        ),
        (
            "POST",
            "alias",
            {"alias": ALIAS, "getAlias": "maybe"},
            400,
            "Invalid value for parameter [getAlias]: true or false",
        ),
        (
            "POST",
            "alias",
            {"alias": ALIAS | {"company-name": "x" * 201}},
            400,
            "Invalid value for parameter [company-name]: at most 200 characters",
        ),
        (
            "POST",
            "alias",
            {"alias": ALIAS | {"contact-city": "a\0"}},
            400,
            "Invalid value for parameter [contact-city]: at most 200 characters",
        ),
        ("POST", "alias", {"alias": {"alias": "Taken"}}, 400, "[Taken] already exists"),
        (
            "POST",
            "alias?getAlias=maybe",
            {"alias": ALIAS},
            400,
            "Invalid value for parameter [getAlias]: true or false",
        ),
        ("GET", "alias?pageSize=0", b"", 400, "Invalid value for parameter [pageSize]: 1 to 500"),
        (
            "GET",
            "alias?pageNumber=x",
            b"",
            400,
            "Invalid value for parameter [pageNumber]: 1 to 1000000",
        ),
        ("GET", "alias/1", b"", 404, "Not found: alias [1]"),
        ("GET", "alias/x", b"", 404, "Not found: alias [x]"),
        ("GET", f"alias/{'9' * 30}", b"", 404, f"Not found: alias [{'9' * 30}]"),
        ("DELETE", "alias/1", b"", 404, "Not found: alias [1]"),
        ("GET", "alias/{foreign}", b"", 404, "Not found: alias [{foreign}]"),
        ("DELETE", "alias/{foreign}", b"", 404, "Not found: alias [{foreign}]"),
        (
            "PUT",
            "alias",
            {"alias": ALIAS},
            405,
            "Method [PUT] is not allowed on [/API/v1.0/REST/alias]",
        ),
    ],
)
async def test_bad_request_is_refused(
    smsend: Any,
    refused: Any,
    foreign: str,
    method: str,
    target: str,
    body: object,
    status: int,
    text: str,
) -> None:
    answer = await refused(smsend._send(method, target.format(foreign=foreign), body))
    text = text.format(foreign=foreign)
    assert answer.json == {"result": text, "error_code": status, "error_message": text}
    assert answer.status == status


def test_every_state_has_a_number_of_its_own() -> None:
    assert set(STATES) == set(SenderState)
    assert sorted(STATES.values()) == [0, 1, 2, 3, 4, 9]
