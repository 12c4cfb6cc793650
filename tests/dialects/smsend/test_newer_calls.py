"""Calls newer than the manual: profiles, what subaccounts can have, passwords, landing pages."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.config import Settings
from dragoman.config.dialects import Dialects, SmSend, SubaccountProfile

pytestmark = pytest.mark.usefixtures("configure")  # which takes a test's own `profiles`

PROFILES = (
    SubaccountProfile(id=1, name="all"),
    SubaccountProfile(id=2, name="low", message_types=("SI", "L"), without=("receive",)),
)
ALL = (
    b'{"id-subaccount-profile":1,"name":"all","message-types":["N","L","LL","EE"],'
    b'"services":["send","receive","any_sender","inbox"]}'
)
LOW = (
    b'{"id-subaccount-profile":2,"name":"low","message-types":["L","LL"],'
    b'"services":["send","any_sender","inbox"]}'
)


@pytest.fixture
def profiles() -> tuple[SubaccountProfile, ...]:
    return PROFILES


@pytest.fixture
def configure(profiles: tuple[SubaccountProfile, ...]) -> Any:
    def change(settings: Settings) -> Settings:
        smsend = SmSend(subaccount_profiles=profiles)
        return msgspec.structs.replace(settings, dialects=Dialects(smsend=smsend))

    return change


async def test_profiles_are_listed_when_they_are_configured(smsend: Any) -> None:
    answer = await smsend.get("subaccount/profile")
    assert answer.body == b'{"result":"OK","profiles":[' + ALL + b"," + LOW + b"]}"
    assert (await smsend.get("subaccount/profile/2")).body == LOW


@pytest.mark.parametrize("profiles", [()])
async def test_default_profile_is_listed_when_none_is_configured(smsend: Any) -> None:
    answer = await smsend.get("subaccount/profile/1")
    assert (answer.status, answer.body) == (200, ALL.replace(b'"all"', b'"default"'))


async def test_profile_and_services_show_what_a_narrower_account_has(smsend: Any) -> None:
    identifier = await smsend.subaccount(
        "narrow", **{"superaccount": True, "id-subaccount-profile": 2}
    )
    assert identifier
    await smsend.begin("narrow")
    assert (await smsend.get("subaccount/profile/1")).body == LOW.replace(
        b'2,"name":"low"', b'1,"name":"all"'
    )
    assert (await smsend.get("subaccount/activableservices")).body == (
        b'{"result":"OK","message-types":[{"id":"L","name":"GS"},{"id":"LL","name":"SI"}],'
        b'"services":["send","any_sender","inbox"]}'
    )


async def test_subaccount_may_send_a_type_that_its_profile_names_by_an_alias(smsend: Any) -> None:
    """It once could send no such type: the alias was stored for the name."""
    await smsend.subaccount("aliased", **{"id-subaccount-profile": 2})
    account = await smsend.services.accounts.find("aliased")
    assert account.message_types == {"LL", "L"}


async def test_services_are_all_when_nothing_is_narrowed(smsend: Any) -> None:
    assert (await smsend.get("subaccount/activableservices")).body == (
        b'{"result":"OK","message-types":[{"id":"N","name":"GP"},{"id":"L","name":"GS"},'
        b'{"id":"LL","name":"SI"},{"id":"EE","name":"EE"}],'
        b'"services":["send","receive","any_sender","inbox"]}'
    )


async def test_password_of_programs_is_the_password_when_it_is_changed(smsend: Any) -> None:
    identifier = await smsend.subaccount("sub")
    answer = await smsend.post(f"subaccount/{identifier}/changepwd/api", {"passwd": "password"})
    assert (answer.status, answer.body) == (201, b'""')
    assert answer.location == f"/subaccount/{identifier}/changepwd/api"
    await smsend.log_in("sub", "password")


async def test_no_landing_pages_are_listed(smsend: Any) -> None:
    answer = await smsend.get("landings")
    assert (answer.status, answer.body) == (200, b'{"landings":[]}')


BAD = [
    ("GET", "subaccount/profile/3", 404, "Not found: profile [3]"),
    ("GET", "subaccount/profile/01", 404, "Not found: profile [01]"),
    ("GET", "subaccount/profile/x", 404, "Not found: profile [x]"),
    ("POST", "subaccount/nobody/changepwd/api", 404, "Not found: subaccount [nobody]"),
    ("PATCH", "landings", 405, "Method [PATCH] is not allowed on [/API/v1.0/REST/landings]"),
]


@pytest.mark.parametrize(("method", "target", "status", "reason"), BAD)
async def test_call_is_refused_when_there_is_no_such_thing(
    smsend: Any, method: str, target: str, status: int, reason: str
) -> None:
    answer = await smsend._send(method, target, {"passwd": "password"})
    assert answer.json == {"result": reason, "error_code": status, "error_message": reason}


@pytest.mark.parametrize(
    "target", ["subaccount/profile", "subaccount/profile/1", "subaccount/activableservices"]
)
async def test_call_is_refused_when_the_account_has_no_subaccounts(
    smsend: Any, target: str
) -> None:
    await smsend.begin("other")
    answer = await smsend.get(target)
    assert (answer.status, answer.json["error_message"]) == (400, "Not allowed: [superaccount]")
