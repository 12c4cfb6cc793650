"""Path templates, and what a path leads to."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.web.operations import parse_template, plain_paths
from dragoman.web.paths import PathTable

TEMPLATES = (
    "/v2/ping.{format:json|xml}",
    "/v2/message/{batchid}/{page:int}.{format:json|xml}",
    "/v2/message/expand/{batchid:int}.{format:json|xml}",
    "/v2/message/{batchid}.{format:json|xml}",
    "/v2/stats/{box:inbox|outbox}/daily.{format:json|xml}",
    "/API/v1.0/REST/sms/{order_id}",
    "/api/sms/send_sms.php",
)


@pytest.fixture
def table() -> PathTable[str, str]:
    table: PathTable[str, str] = PathTable()
    for prefix in ("/v2", "/API/v1.0/REST", "/api/sms"):
        table.own(prefix, prefix)
    for template in TEMPLATES:
        table.add(template, lambda template=template: template)
    return table


@pytest.mark.parametrize(
    ("path", "template", "params"),
    [
        (b"/v2/ping.json", 0, {"format": "json"}),
        (b"/v2//ping.xml", 0, {"format": "xml"}),
        (b"/v2/ping.xml/", 0, {"format": "xml"}),
        (b"/v2/p%69ng.xml", 0, {"format": "xml"}),
        (b"/v2/message/a.b/12.xml", 1, {"batchid": "a.b", "page": "12", "format": "xml"}),
        (b"/v2/message/a%2Fb/1.json", 1, {"batchid": "a/b", "page": "1", "format": "json"}),
        (b"/v2/message/expand/7.json", 2, {"batchid": "7", "format": "json"}),
        (b"/v2/message/expand/7.json/", 2, {"batchid": "7", "format": "json"}),
        (b"/v2/message/7.8.json", 3, {"batchid": "7.8", "format": "json"}),
        (b"/v2/stats/outbox/daily.json", 4, {"box": "outbox", "format": "json"}),
        (b"/API/v1.0/REST//sms/A-1_2.3", 5, {"order_id": "A-1_2.3"}),
        (b"/API/v1.0/REST/sms/bl%C3%A5%0A", 5, {"order_id": "blå\n"}),
        (b"/api/sms/send_sms.php", 6, {}),
    ],
)
def test_path_leads_to_its_template(table, path, template, params) -> None:
    found = table.find(path)
    assert (found.value, dict(found.params)) == (TEMPLATES[template], params)


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        (b"/v2/ping.yaml", "/v2"),
        (b"/v2/message/1/x.json", "/v2"),
        (b"/v2/message/1/\xd9\xa3.json", "/v2"),
        (b"/v2/message//1.json/2", "/v2"),
        (b"/v2", "/v2"),
        (b"/v2/" + b"a/" * 5000, "/v2"),
        (b"/API/v1.0/REST/", "/API/v1.0/REST"),
        (b"/api/v1.0/REST/sms/1", None),
        (b"/v22/ping.json", None),
        (b"/", None),
        (b"*", None),
        (b"", None),
    ],
)
def test_path_without_template_still_has_its_owner(table, path, owner) -> None:
    found = table.find(path)
    assert (found.value, found.owner) == (None, owner)


def test_plain_holds_every_path_without_free_placeholders(table) -> None:
    assert set(table.plain) == {
        "/v2/ping.json",
        "/v2/ping.xml",
        "/v2/stats/inbox/daily.json",
        "/v2/stats/inbox/daily.xml",
        "/v2/stats/outbox/daily.json",
        "/v2/stats/outbox/daily.xml",
        "/api/sms/send_sms.php",
    }
    for path, (value, params) in table.plain.items():
        found = table.find(path.encode())
        assert (found.value, found.params) == (value, params)


@given(st.binary(max_size=60))
def test_any_bytes_lead_somewhere_or_nowhere(path: bytes) -> None:
    table: PathTable[str, str] = PathTable()
    table.own("/v2", "owner")
    table.add("/v2/{a}/{b:int}.{c:json|xml}", lambda: "value")
    found = table.find(b"/v2/" + path)
    assert found.value in (None, "value")


@given(batch=st.text(min_size=1).filter(lambda text: text.isprintable()), page=st.integers(0))
def test_parameters_come_back_as_they_were_quoted(batch: str, page: int) -> None:
    table: PathTable[str, str] = PathTable()
    table.add("/v2/{batch}/{page:int}.{format:json|xml}", lambda: "value")
    found = table.find(f"/v2/{quote(batch, safe='')}/{page}.json".encode())
    assert found.params == {"batch": batch, "page": str(page), "format": "json"}


@pytest.mark.parametrize(
    "template",
    ["v2/x", "/{a}{b}", "/{a", "/a}", "/{a:}", "/{a:x|}", "/{a:[0-9]+}", "/{a}/{a}", "/{A}"],
)
def test_bad_template_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_template(template)


def test_two_names_for_one_place_are_refused(table) -> None:
    with pytest.raises(ValueError, match="two names"):
        table.add("/v2/message/{id}/{page:int}.{format:json|xml}", lambda: "other")


def test_two_owners_of_one_prefix_are_refused(table) -> None:
    with pytest.raises(ValueError, match="two owners"):
        table.own("/v2/", "other")


def test_plain_paths_of_a_free_template_are_none() -> None:
    assert plain_paths(parse_template("/a/{b}.{c:json|xml}")) is None


def test_literal_template_wins_over_a_listed_word() -> None:
    table: PathTable[str, str] = PathTable()
    table.add("/a.{c:json|xml}", lambda: "listed")
    table.add("/a.json", lambda: "literal")
    assert table.plain["/a.json"][0] == table.find(b"/a.json").value == "literal"
