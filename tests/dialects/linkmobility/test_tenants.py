"""Whatever call asks for it: what belongs to another account is not there."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from dragoman.config import Settings
from dragoman.container import Services
from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.metrics import Metrics
from dragoman.dialects.linkmobility.routes import build_operations

OTHER = "b" * 64
BODIES: dict[str, Any] = {
    "PUT list/{id}": {"list": {"name": "mine now"}},
    "PUT contact/{id}": {"contact": {"mobile": "+4512345678"}},
    "PUT import/{hash}": {"import": {"keys": ["Mobile"], "values": [["+4512345678"]]}},
    "PUT mergefield/{id}": {"field": {"name": "mine now"}},
    "PUT user/{id}": {"user": {"enabled": 0}},
    "PUT message/refund/{lookupid}": {"refund": {"message": "x"}},
    "PUT keywords/{id}": {"serviceid": "0"},
    "PUT services/{type}/{id}": {"url": "http://example.com/"},
}
OWN_ROWS_ONLY = {
    "GET contacts/{page}": "contacts",
    "GET messages/{page}": "messages",
    "GET inbox/{page}": "query",
    "GET outbox/{page}": "query",
    "GET services/{type}": "services",
    "GET stats/{type}/{aggregate}": "stats",
}
"""Searches: they answer, and find nothing."""
CREATE = {"POST services/{type}"}


def calls_about_something() -> list[str]:
    """Every call whose path says what it is about."""
    nothing: dict[str, Any] = {field.name: None for field in fields(Services)}
    services = Services(**nothing | {"settings": Settings(), "metrics": Metrics()})
    calls = []
    for operation in build_operations(services):
        path = re.sub(r":[^}]*", "", operation.path).removeprefix("/v2/").removesuffix(".{format}")
        calls += [f"{method} {path}" for method in operation.methods if "{" in path]
    return calls


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owned(shared_link: Any) -> dict[str, dict[str, str]]:
    """The values of placeholders under which `hn` has something, by the first word of the path."""
    link = shared_link

    async def made(target: str, body: Any, name: str) -> Any:
        answer = await link.ask("POST", f"{target}.json?apikey={{key}}", msgspec.json.encode(body))
        assert answer.status == 201, answer.body
        return answer.json[name]

    accounts, keywords = link.services.accounts, link.services.keywords
    hn = await accounts.find("hn")
    await accounts.change("hn", AccountFields(default_sender="TEST"))
    await keywords.add_number(hn, "1272", shared=False)
    listed = await made("list", {"list": {"name": "Kunder"}}, "list")
    contact = {"listid": listed["id"], "mobile": "+4512345678"}
    batch = await link.sent(recipients="+4512345678,+4587654321")
    await link.receive("4512345678", "1272", "HELLO there")
    outbox = (await link.get("outbox/1.json")).json["query"][0]["lookupid"]
    inbox = (await link.get("inbox/1.json")).json["query"][0]["lookupid"]
    service = await made("services/http", {"url": "http://example.com/"}, "service")
    keyword = await made("keywords", {"number": "1272", "keyword": "hello"}, "keyword")
    return {
        "list": {"id": listed["id"]},
        "contact": {"id": (await made("contact", {"contact": contact}, "contact"))["id"]},
        "import": {"hash": (await made("import", {"import": {"name": "x"}}, "import"))["hash"]},
        "mergefield": {"id": (await made("mergefield", {"field": {"name": "x"}}, "field"))["id"]},
        "message": {"batchid": batch, "lookupid": outbox},
        "outbox": {"lookupid": outbox},
        "inbox": {"lookupid": inbox},
        "user": {"id": str(hn.account_id)},
        "keywords": {"id": keyword["id"], "number": "1272", "keyword": "hello"},
        "services": {"type": "http", "id": service["id"]},
        "stats": {"type": "outbox", "aggregate": "daily"},
        "": {"page": "1"},
    }


@pytest.mark.stores_nothing
@pytest.mark.parametrize("call", calls_about_something())
async def test_what_belongs_to_another_account_is_not_there(
    link: Any, owned: dict[str, dict[str, str]], call: str
) -> None:
    method, path = call.split(" ")
    values = owned[""] | owned.get(path.partition("/")[0], {})
    target = f"{path.format(**values)}.json"
    own, key = link.key, OTHER
    body = msgspec.json.encode(BODIES[call]) if call in BODIES else b""
    before = await link.rows()
    query = "&group=sum" if path.startswith("stats") else ""
    answer = await link.ask(method, f"{target}?apikey={key}{query}", body)
    assert link.key == own
    if call in OWN_ROWS_ONLY:
        assert (answer.status, answer.json[OWN_ROWS_ONLY[call]]) == (200, [])
    elif call in CREATE:
        assert answer.status == 400  # an empty body creates nothing
    elif path.startswith("message/expand"):
        assert answer.status == 403  # not without the advanced key
    else:
        assert answer.status == 404, answer.body
    assert await link.rows() == before
