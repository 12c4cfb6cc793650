"""Answers in XML, for paths with `.xml` or with no ending."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from .conftest import OTHER_SID, OTHER_TOKEN, SID, basic

ENDINGS = ["", ".xml"]


async def get(gate: Any, path: str, form: dict[str, str] | None = None) -> tuple[int, Any]:
    answer = await gate.call("GET" if form is None else "POST", path, form)
    assert answer.content_type == "application/xml"
    root = ElementTree.fromstring(answer.body)
    assert root.tag == "TwilioResponse"
    return answer.status, root[0]


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_message_is_created_fetched_and_listed(gate: Any, ending: str) -> None:
    form = {"To": "+4512345678", "From": "Shop", "Body": "Fish & chips <1>"}
    status, message = await get(gate, f"/Messages{ending}", form)
    assert (status, message.tag) == (201, "Message")
    assert message.findtext("Body") == form["Body"]
    assert message.findtext("Status") == "queued"
    assert message.find("ErrorCode").text is None
    sid = message.findtext("Sid")
    assert message.findtext("Uri") == f"/2010-04-01/Accounts/{SID}/Messages/{sid}"
    assert message.findtext("SubresourceUris/Media") == message.findtext("Uri") + "/Media"
    status, fetched = await get(gate, f"/Messages/{sid}{ending}")
    assert (status, fetched.findtext("Sid")) == (200, sid)
    await gate.send()
    status, page = await get(gate, f"/Messages{ending}?PageSize=1")
    assert (status, page.tag, len(page)) == (200, "Messages", 1)
    assert page.attrib["pagesize"] == "1"
    assert re.fullmatch(r"/2010-04-01/Accounts/\w+/Messages\?.*", page.attrib["nextpageuri"])
    status, second = await get(gate, page.attrib["nextpageuri"])
    assert second[0].findtext("Sid") == sid


@pytest.mark.parametrize("ending", ENDINGS)
async def test_refusals(gate: Any, ending: str) -> None:
    for path, form, expected in (
        ("/Messages/SM" + "0" * 32, None, (404, "20404")),
        ("/Messages", {"To": "x", "From": "Shop", "Body": "Hi"}, (400, "21211")),
        ("/Nothing", None, (404, "20404")),
    ):
        status, problem = await get(gate, path + ending, form)
        assert problem.tag == "RestException"
        assert (status, problem.findtext("Code")) == expected
        assert problem.findtext("MoreInfo", "").endswith(expected[1])


async def test_other_lists_and_things(gate: Any) -> None:
    for path, tag in (
        ("/Keys", "Keys"),
        ("/IncomingPhoneNumbers", "IncomingPhoneNumbers"),
        ("/Balance", "Balance"),
        ("", "Account"),
    ):
        status, found = await get(gate, f"{path}.xml")
        assert (status, found.tag) == (200, tag)
    status, numbers = await get(gate, "/IncomingPhoneNumbers")
    assert numbers[0].tag == "IncomingPhoneNumber"
    assert numbers[0].findtext("Capabilities/Sms") == "true"


async def test_a_key_is_deleted_without_a_body(gate: Any) -> None:
    _, key = await get(gate, "/Keys", {"FriendlyName": "robot"})
    answer = await gate.call("DELETE", f"/Keys/{key.findtext('Sid')}")
    assert (answer.status, answer.body) == (204, b"")


async def test_a_strangers_message_is_not_found(gate: Any) -> None:
    sid = (await gate.send())["sid"]
    for ending in ENDINGS:
        path = f"/2010-04-01/Accounts/{OTHER_SID}/Messages/{sid}{ending}"
        answer = await gate.raw("GET", path, basic(OTHER_SID, OTHER_TOKEN))
        assert answer.status == 404
