"""Tags, contacts, and newsletters to the contacts of tags."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.passing_time import PATIENCE_S, MovableClock

from dragoman.core.contacts.model.contacts import ListKind
from dragoman.core.messages.model.audiences import Audience
from dragoman.core.messages.sql.tables import audiences, batches
from dragoman.core.reporting.model.correspondence import TextFilter

from .conftest import NUMBER, OTHER_TOKEN, TOKEN, WAYS, Gate


@pytest.fixture
async def running(gate: Gate) -> AsyncIterator[Gate]:
    """The gate of a house that runs its batches."""
    task = asyncio.create_task(gate.services.batches.run())
    yield gate
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def wait_for(gate: Gate, fits: Callable[[list[Any]], bool], **given: Any) -> list[Any]:
    """The texts, once they fit."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            shown = list((await gate.ok("getallsms", **given))["smss"].values())
            if fits(shown):
                return shown
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("way", WAYS)
async def test_a_tag_is_stored(gate: Gate, way: str) -> None:
    answer = await gate.call("savetag", way, token=TOKEN, title="Kunden & Freunde")
    tag_id = answer.json["tag_id"]
    assert answer.body == b'{"error":0,"tag_id":%d,"message":"OK"}' % tag_id
    tag = await gate.services.groups.group(gate.account, tag_id, ListKind.TAG)
    assert tag.name == "Kunden & Freunde"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("spelling", ["ctag_id", "tag_id", "CTAG_ID"])
async def test_a_contact_is_stored_with_its_tag(gate: Gate, way: str, spelling: str) -> None:
    tag_id = (await gate.ok("savetag", title="Clients"))["tag_id"]
    given = {"phone": "+49 157 52982212", "fullname": "Anna Käse", spelling: tag_id}
    answer = await gate.call("savecontact", way, token=TOKEN, **given)
    contact_id = answer.json["contact_id"]
    assert answer.body == b'{"error":0,"contact_id":%d,"message":"ok"}' % contact_id
    identifier = await gate.services.short_ids.identifier_of(contact_id)
    contact = await gate.services.contact_profiles.contact(gate.account, identifier)
    assert (contact.mobile, contact.profile.name) == ("4915752982212", "Anna Käse")
    members = [
        m async for some in gate.services.groups.members(gate.account, [tag_id]) for m in some
    ]
    assert [member.contact_id for member in members] == [identifier]


async def test_a_long_name_is_kept_in_two_pieces(gate: Gate) -> None:
    tag_id = (await gate.ok("savetag", title="Clients"))["tag_id"]
    name = "Maximilian Alexander Johannes Freiherr von Hohenstein"
    saved = await gate.ok("savecontact", phone=NUMBER, fullname=name, ctag_id=tag_id)
    contact_id = await gate.services.short_ids.identifier_of(saved["contact_id"])
    contact = await gate.services.contact_profiles.contact(gate.account, contact_id)
    assert f"{contact.profile.name} {contact.profile.surname}" == name


BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "tag without a name": ("savetag", {}, "Parameter title is required"),
    "tag of blanks": ("savetag", {"title": "  "}, "Parameter title is required"),
    "tag with a line break": (
        "savetag",
        {"title": "a\nb"},
        "Parameter title is not valid: it holds characters that do not print",
    ),
    "tag with a long name": (
        "savetag",
        {"title": "x" * 101},
        "Parameter title is not valid: more than 100 characters",
    ),
    "contact without a number": ("savecontact", {}, "Parameter phone is required"),
    "contact without a tag": (
        "savecontact",
        {"phone": NUMBER},
        "Parameter ctag_id is required",
    ),
    "contact with an unknown tag": (
        "savecontact",
        {"phone": NUMBER, "ctag_id": 8303},
        "Tag not found",
    ),
    "contact with a bad number": (
        "savecontact",
        {"phone": "0157", "ctag_id": "own"},
        "Phone number 0157 is not valid: write it with + and its country code",
    ),
    "contact with an endless name": (
        "savecontact",
        {"phone": NUMBER, "ctag_id": "own", "fullname": "x" * 41},
        "Parameter fullname is not valid: too long, or not a name",
    ),
    "newsletter without a title": ("savepaket", {}, "Parameter title is required"),
    "newsletter without a text": (
        "savepaket",
        {"title": "News"},
        "Parameter body is required",
    ),
    "newsletter without tags": (
        "savepaket",
        {"title": "News", "body": "x"},
        "Parameter tags is required",
    ),
    "newsletter to an unknown tag": (
        "savepaket",
        {"title": "News", "body": "x", "tags": "own,13"},
        "Tag not found",
    ),
    "newsletter to nonsense": (
        "savepaket",
        {"title": "News", "body": "x", "tags": "all"},
        "Tag not found",
    ),
    "newsletter to too many tags": (
        "savepaket",
        {"title": "News", "body": "x", "tags": ",".join(map(str, range(101)))},
        "Parameter tags is not valid: at most 100",
    ),
    "newsletter at no time": (
        "savepaket",
        {"title": "News", "body": "x", "tags": "own", "time_to_send": "31.02.2027 10:00:00"},
        "Parameter time_to_send is not valid: no such date",
    ),
    "newsletter at what is no time": (
        "savepaket",
        {"title": "News", "body": "x", "tags": "own", "time_to_send": "soon"},
        "Parameter time_to_send is not valid: not of the form DD.MM.YYYY HH:MM:SS",
    ),
    "newsletter with a title beyond all": (
        "savepaket",
        {"title": "x" * 256, "body": "x", "tags": "own"},
        "Parameter title is not valid: at most 255 characters",
    ),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_call_is_refused_and_nothing_is_stored(gate: Gate, case: str) -> None:
    name, given, expected = BAD[case]
    tag_id = (await gate.ok("savetag", title="Clients"))["tag_id"]
    before = await gate.rows()
    own = {key: str(value).replace("own", str(tag_id)) for key, value in given.items()}
    assert await gate.refused(name, **own) == expected
    assert await gate.rows() == before


async def test_tags_of_another_account_are_unknown(gate: Gate) -> None:
    tag_id = (await gate.ok("savetag", title="Clients", token=OTHER_TOKEN))["tag_id"]
    contact = {"phone": NUMBER, "ctag_id": tag_id}
    assert await gate.refused("savecontact", **contact) == "Tag not found"
    newsletter = {"title": "News", "body": "x", "tags": tag_id}
    assert await gate.refused("savepaket", **newsletter) == "Tag not found"


TAGS = {
    "text": lambda ids: ",".join(map(str, ids)),
    "text with blanks": lambda ids: ", ".join(map(str, ids)),
    "list": lambda ids: list(ids),
    "list of texts": lambda ids: [str(one) for one in ids],
}


@pytest.mark.parametrize("spelling", TAGS)
async def test_a_newsletter_reaches_each_contact_of_its_tags_once(
    running: Gate, spelling: str
) -> None:
    tags = [(await running.ok("savetag", title=title))["tag_id"] for title in ("a", "b", "c")]
    people = [
        ("+4915752982212", tags[0]),
        ("+4915752982212", tags[1]),
        ("+4917642111111", tags[1]),
        ("+4917642111112", tags[2]),
    ]
    for phone, tag in people:
        await running.ok("savecontact", phone=phone, fullname="N", tag_id=tag)
    given = {"title": "News", "body": "Hello all", "tags": TAGS[spelling](tags[:2])}
    answer = await running.call("savepaket", "json", token=TOKEN, **given)
    paket_id = answer.json["paket_id"]
    assert answer.body == b'{"error":0,"paket_id":%d,"message":"OK"}' % paket_id
    shown = await wait_for(running, lambda shown: len(shown) == 2)
    assert sorted(sms["sendto"] for sms in shown) == ["+4915752982212", "+4917642111111"]
    for sms in shown:
        assert (sms["paketid"], sms["pakettitle"], sms["paketbody"]) == (
            paket_id,
            "News",
            "Hello all",
        )
        assert await running.status(sms["id"]) == (1, "New")


@pytest.mark.parametrize("way", ["get", "form", "multipart"])
async def test_tags_of_a_form_may_be_many_parameters(running: Gate, way: str) -> None:
    tags = [(await running.ok("savetag", title=title))["tag_id"] for title in ("a", "b")]
    for number, tag in enumerate(tags):
        await running.ok("savecontact", phone=f"+49176421111{number:02d}", tag_id=tag)
    given = {f"tags[{at}]": tag for at, tag in enumerate(tags)}
    await running.call("savepaket", way, token=TOKEN, title="News", body="Hi", **given)
    await wait_for(running, lambda shown: len(shown) == 2)


async def test_a_newsletter_waits_for_its_time_and_meets_who_has_the_tag_then(
    running: Gate,
) -> None:
    device = await running.phone(sims=2)
    tag_id = (await running.ok("savetag", title="a"))["tag_id"]
    soon = datetime.now(UTC) + timedelta(hours=1)
    await running.ok(
        "savepaket",
        title="News",
        body="Later",
        tags=tag_id,
        device_id=device.device_id,
        sim=1,
        time_to_send=soon.strftime("%d.%m.%Y %H:%M:%S"),
    )
    await running.ok("savecontact", phone=NUMBER, tag_id=tag_id)
    assert (await running.ok("getallsms"))["smss"] == {}
    assert isinstance(running.services.clock, MovableClock)
    running.services.clock.advance(3600)
    [sms] = await wait_for(running, lambda shown: len(shown) == 1)
    assert (sms["deviceid"], sms["sim"], sms["body"]) == (device.device_id, 1, "Later")
    assert sms["timetosend"]["date"] == soon.strftime("%Y-%m-%d %H:%M:%S.000000")


async def test_newsletters_are_found_by_the_filters_of_the_list(running: Gate) -> None:
    tag_id = (await running.ok("savetag", title="a"))["tag_id"]
    await running.ok("savecontact", phone=NUMBER, tag_id=tag_id)
    device = await running.phone()
    await running.ok(
        "savepaket", title="N", body="x", tags=tag_id, device_id=device.device_id, sim=0
    )
    await wait_for(running, lambda shown: len(shown) == 1)
    for given in ({"device_id": device.device_id}, {"sim": 0}, {"phone": NUMBER}, {"status": 1}):
        assert len((await running.ok("getallsms", **given))["smss"]) == 1, given
    for given in ({"sim": 1}, {"phone": "+4917642111111"}, {"status": 7}, {"customerid": 1}):
        assert (await running.ok("getallsms", **given))["smss"] == {}, given
    wanted = TextFilter(account_id=running.account.account_id, dialect="httpsms")
    assert await running.services.correspondence.count(wanted) == 0


async def test_a_refused_newsletter_leaves_nothing_behind(gate: Gate) -> None:
    tag_id = (await gate.ok("savetag", title="a"))["tag_id"]
    given = {"title": "News", "body": "x" * 1_600, "tags": tag_id}
    assert await gate.refused("savepaket", **given) == (
        "Parameter body is too long: at most 10 parts"
    )

    def stored(connection: Any) -> int:
        return sum(len(connection.execute(t.select()).all()) for t in (audiences, batches))

    assert await gate.services.storage.read(stored) == 0


def test_an_audience_of_an_earlier_version_is_read() -> None:
    assert msgspec.json.decode(b'{"lists":[1]}', type=Audience).groups == ()
