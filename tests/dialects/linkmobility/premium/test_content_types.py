"""The content types of the account's short codes, as the manual prints them."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.config.premium import shipped_catalogue

OTHER = "b" * 64
SWEDISH = (
    b'{"contenttypes":['
    b'{"id":"1","description":"Biljetter","type":"digital","vatexempt":"off",'
    b'"expires":"2026-09-21"},'
    b'{"id":"2","description":"Lotteri","type":"digital","vatexempt":"on",'
    b'"expires":"0000-00-00"},'
    b'{"id":"3","description":"Glass","type":"digital","vatexempt":"off",'
    b'"expires":"2026-09-20"}],"shortcodes":["+4672272"]}'
)


async def test_content_types_are_listed_by_short_code(shop: Any) -> None:
    answer = await shop.get("premium/contenttypes.json")
    assert answer.status == 200
    assert answer.body.startswith(
        b'{"data":[{"contenttypes":[{"id":"1","description":"Ringetoner og billeder",'
        b'"type":"digital","vatexempt":"off","expires":"0000-00-00"},'
    )
    assert answer.body.endswith(SWEDISH + b'],"status":200}')
    assert [one["shortcodes"] for one in answer.json["data"]] == [
        ["+451272"],
        ["+472333"],
        ["+4672272"],
    ]


async def test_norwegian_list_is_as_printed(shop: Any) -> None:
    [_, norwegian, _] = (await shop.get("premium/contenttypes.json")).json["data"]
    assert norwegian["shortcodes"] == ["+472333"]
    listed = {one["id"]: one for one in norwegian["contenttypes"]}
    assert [int(key) for key in listed] == [*range(1, 33), 34, 35, *range(38, 43)]
    assert listed["1"] == {
        "id": "1",
        "description": "Ringetoner og billeder",
        "type": "digital",
        "vatexempt": "off",
        "expires": "2017-12-12",
    }
    assert listed["17"] == {
        "id": "17",
        "description": "Indsamling til humanitære organisationer (kræver godkendelse af"
        " “Stiftelsen Innsamlingskontrollen I Norge”)",
        "type": "donation",
        "vatexempt": "off",
        "expires": "0000-00-00",
    }
    assert listed["26"]["description"] == "Internet musik\t"
    kinds = {key: one["type"] for key, one in listed.items()}
    physical = {18, 19, 20, *range(28, 33), 34, 35, *range(38, 43)}
    assert {int(key) for key, kind in kinds.items() if kind == "physical"} == physical
    assert {key for key, kind in kinds.items() if kind == "donation"} == {"17"}


async def test_content_types_in_xml_repeat_their_elements(shop: Any) -> None:
    answer = await shop.get("premium/contenttypes.xml")
    text = answer.body.decode()
    assert text.startswith(
        '<?xml version="1.0"?>\n<response>\n  <data>\n    <contenttypes>\n      <id>1</id>\n'
        "      <description>Ringetoner og billeder</description>\n      <type>digital</type>\n"
        "      <vatexempt>off</vatexempt>\n      <expires>0000-00-00</expires>\n"
        "    </contenttypes>\n    <contenttypes>\n      <id>2</id>\n"
    )
    assert text.endswith(
        "    <shortcodes>+4672272</shortcodes>\n  </data>\n  <status>200</status>\n</response>\n"
    )
    assert text.count("<data>") == 3


async def test_short_codes_with_the_same_content_types_stand_together(shop: Any) -> None:
    shop.key = OTHER
    [danish] = (await shop.get("premium/contenttypes.json")).json["data"]
    assert danish["shortcodes"] == ["+451272", "+451919"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("json", b'{"data":[],"status":200}'),
        (
            "xml",
            b'<?xml version="1.0"?>\n<response>\n  <data/>\n  <status>200</status>\n</response>\n',
        ),
    ],
)
async def test_account_without_short_codes_has_an_empty_list(
    shop: Any, name: str, body: bytes
) -> None:
    shop.services.premium.short_codes = ()
    answer = await shop.get(f"premium/contenttypes.{name}")
    assert (answer.status, answer.body) == (200, body)


async def test_content_types_need_a_key(shop: Any) -> None:
    answer = await shop.ask("GET", "premium/contenttypes.json?apikey=x")
    text = "Access denied [x] authentication failed"
    assert (answer.status, answer.json) == (401, {"status": 401, "message": text})


@pytest.mark.parametrize(("name", "count"), [("danish", 15), ("norwegian", 39)])
def test_shipped_catalogue_names_every_content_type_once(name: str, count: int) -> None:
    identifiers = [one.content_type_id for one in shipped_catalogue(name)]
    assert len(set(identifiers)) == len(identifiers) == count
