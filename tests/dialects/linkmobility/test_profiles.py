"""The two editions of the API: who is answered in which, and in what they differ."""

from dataclasses import replace
from typing import Any, get_args

import msgspec
import pytest

from dragoman.config.dialects import Dialects, LinkHost, LinkMobility, LinkProfile
from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.messages.model.lifecycle import State
from dragoman.dialects.linkmobility import build_linkmobility
from dragoman.dialects.linkmobility.profiles import (
    PROFILES,
    CallRule,
    drop_fields,
    name_call,
)
from dragoman.web.router import DialectApp

HOSTS = (LinkHost(host="api.ZUMOSMS.com", profile="zumosms"),)
ONLY_LINK = ("users.json", "user/1.json", "users.xml")


def configure(link: Any, **changed: Any) -> None:
    dialects = Dialects(linkmobility=LinkMobility(**changed))
    settings = msgspec.structs.replace(link.services.settings, dialects=dialects)
    link.dialect = build_linkmobility(replace(link.services, settings=settings))
    link.app = DialectApp([link.dialect.web], link.app, body_timeout_s=30)


async def profile_of(link: Any, host: str = "sms.example.com") -> str:
    answer = await link.ask("GET", "users.json?apikey={key}", host=host)
    return {200: "link", 404: "zumosms"}[answer.status]


@pytest.mark.parametrize(
    ("own", "host", "configured", "expected"),
    [
        ("", "", "link", "link"),
        ("", "", "zumosms", "zumosms"),
        ("", "sms.example.com", "zumosms", "zumosms"),
        ("", "api.zumosms.com", "link", "zumosms"),
        ("", "API.zumosms.com:8080", "link", "zumosms"),
        ("", "api.zumosms.com.example.com", "link", "link"),
        ("link", "api.zumosms.com", "zumosms", "link"),
        ("zumosms", "sms.example.com", "link", "zumosms"),
        ("gone", "api.zumosms.com", "link", "zumosms"),
    ],
)
async def test_account_beats_host_beats_configuration(
    link: Any, own: str, host: str, configured: str, expected: str
) -> None:
    configure(link, profile=configured, hosts=HOSTS)
    await link.services.accounts.change("hn", AccountFields(profile=own))
    assert await profile_of(link, host) == expected


def test_every_profile_can_be_configured() -> None:
    assert set(get_args(LinkProfile)) == set(PROFILES)


@pytest.mark.stores_nothing
@pytest.mark.parametrize("suffix", ["json", "xml"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "users"),
        ("GET", "user/1"),
        ("POST", "user"),
        ("PUT", "user/1"),
        ("DELETE", "user/1"),
    ],
)
async def test_zumosms_has_no_users(
    link: Any, refused: Any, method: str, path: str, suffix: str
) -> None:
    configure(link, profile="zumosms")
    answer = await refused(link.ask(method, f"{path}.{suffix}?apikey={{key}}", b"{}"))
    assert answer.status == 404
    assert f"Resource [/v2/{path}.{suffix}] not found".encode() in answer.body


ITEM = (
    "lookupid msgid batchid status statusreason recipient sender logtime protocol message"
    " statuscode mcc splitcount"
)
DETAILS = (
    "msgid batchid status statusreason recipient sender logtime protocol message returndata"
    " statusurl statusresponse statuscode push_price"
)


async def test_zumosms_outbox_has_the_fields_of_its_manual(link: Any) -> None:
    configure(link, profile="zumosms")
    await link.sent()
    [message] = link.live()
    await link.accept(message)
    await link.report(message, State.DELIVERED)
    page = await link.get("outbox/1.json?subusers=1")
    [item] = page.json["query"]
    assert list(item) == ITEM.split()
    assert list(page.json) == ["query", "paging", "stats", "status"]
    found = await link.get(f"outbox/lookup/{item['lookupid']}.json")
    assert list(found.json["query"]) == DETAILS.split()
    xml = await link.get(f"outbox/lookup/{item['lookupid']}.xml")
    assert xml.headers[b"content-type"] == b"text/xml; charset=utf-8"
    assert b"<userid>" not in xml.body
    assert b"<push_price>0</push_price>" in xml.body
    configure(link, profile="link")
    page = await link.get("outbox/1.json")
    assert set(page.json["query"][0]) > set(item)


async def test_problem_is_the_same_in_both(link: Any) -> None:
    for profile in PROFILES:
        configure(link, profile=profile)
        answer = await link.get("outbox/lookup/1-2.json")
        assert (answer.status, answer.json) == (
            404,
            {"status": 404, "message": "Lookup id [1-2] not found"},
        )


@pytest.mark.parametrize("profile", sorted(PROFILES))
@pytest.mark.parametrize("fields", [{"class": 0}, {"class": None}, {}], ids=str)
async def test_message_is_created_alike_in_both(link: Any, profile: str, fields: Any) -> None:
    configure(link, profile=profile)
    assert (await link.send(**fields)).status == 201


@pytest.mark.parametrize(
    ("call", "absent"),
    [
        ("GET users", True),
        ("GET user/{}", True),
        ("POST keywords", True),
        ("GET services/{}", True),
        ("GET premium/contenttypes", True),
        ("GET message/expand/{}", True),
        ("PUT message/refund/{}", False),
        ("GET message/{}/{}", False),
        ("GET usersettings", False),
    ],
)
def test_zumosms_lacks_what_its_manual_does(call: str, absent: bool) -> None:
    assert CallRule(PROFILES["zumosms"], call).is_absent is absent
    assert not CallRule(PROFILES["link"], call).is_absent


def test_call_is_known_whatever_its_placeholders_are_called() -> None:
    assert name_call("GET", "message/{batchid:int}/{page:int}") == "GET message/{}/{}"


def test_fields_are_dropped_through_lists() -> None:
    tree = {"query": [{"a": 1, "b": {"c": 2}}, {"b": {}}], "stats": 1}
    drop_fields(tree, (("query", "a"), ("query", "b", "c"), ("stats",), ("none", "x")))
    assert tree == {"query": [{"b": {}}, {"b": {}}]}
