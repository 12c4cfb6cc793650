"""Users: what the manual prints in and out, and what nobody gets at."""

import re
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Permission

BOSS_KEY = "c" * 64
OTHER_KEY = "b" * 64
EVERYTHING = DEFAULT_PERMISSIONS | {
    Permission.ADMINISTER,
    Permission.PREMIUM,
    Permission.PREMIUM_HIGH,
    Permission.CHARITY,
    Permission.NUMBER_LOOKUP,
}
_VARYING = (
    (re.compile(rb"\b[0-9a-f]{64}\b"), b"<key>"),
    (re.compile(rb'("parent":|"id":|<parent>|<id>)[1-9][0-9]*'), rb"\1<id>"),
    (re.compile(rb'(_path":"|_path>)[1-9a-z][0-9a-z]/[1-9a-z][0-9a-z](?=["<])'), rb"\1<36>/<36>"),
    (re.compile(rb'(_path":"|_path>)[1-9a-z][0-9a-z](?=["<])'), rb"\1<36>"),
)
NEW = {"username": "test", "password": "test", "credits": 0}


def masked(body: bytes) -> str:
    for pattern, mask in _VARYING:
        body = pattern.sub(mask, body)
    return body.decode()


def payload(**fields: Any) -> bytes:
    return msgspec.json.encode({"user": fields})


@pytest.fixture
async def boss(link: Any) -> Any:
    return await become_boss(link)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_boss(shared_link: Any) -> Any:
    return await become_boss(shared_link)


async def become_boss(link: Any) -> Any:
    """The customer is a reseller with every permission and no limit."""
    made = await link.services.accounts.create("boss", api_key=BOSS_KEY, permissions=EVERYTHING)
    link.key = BOSS_KEY
    return made.account


async def created(link: Any, **fields: Any) -> Any:
    answer = await link.ask("POST", "user.json?apikey={key}", payload(**(NEW | fields)))
    assert answer.status == 201, answer.body
    return answer.json["user"]


async def change(link: Any, user_id: int, **fields: Any) -> Any:
    return await link.ask("PUT", f"user/{user_id}.json?apikey={{key}}", payload(**fields))


POST_ANSWER = (
    '{"user":{"integration_id":null,"company":null,"integration":"","defaultsender":null,'
    '"balance":null,"use_currency":0,"max_forbrug":"0","forbrug":"0","deactivated":null,'
    '"created":"21-09-2026 16:13:20","parent":<id>,"id":<id>,"username":"api-example-test",'
    '"apikey":"<key>","materialized_path":"<36>/<36>","prefixes":"","iprange":null,'
    '"aclBilling":true,"aclBillingHigh":true,"aclCharity":true,"aclIncoming":true,'
    '"aclSmsinbox":true,"aclHlr":true,"aclAdmin":false,"enabled":true,"credits":0},"status":201}'
)


async def test_user_is_created_as_printed(link: Any, boss: Any) -> None:
    body = (
        b'{\n    "user": {\n        "username": "api-example-test",\n        "password": "test",\n'
        b'        "credits":0\n    }\n}\n'
    )
    answer = await link.ask("POST", "user.json?apikey={key}", body)
    assert (answer.status, masked(answer.body)) == (201, POST_ANSWER)
    user = answer.json["user"]
    assert user["parent"] == boss.account_id
    assert [int(part, 36) for part in user["materialized_path"].split("/")] == [
        boss.account_id,
        user["id"],
    ]
    ping = await link.ask("GET", f"ping.json?apikey={user['apikey']}")
    assert ping.json["username"] == "api-example-test"
    login = "apikey=legacy&username=api-example-test&password=test&type=plain"
    assert (await link.ask("GET", f"ping.json?{login}")).status == 200


async def test_user_is_created_by_xml(link: Any, boss: Any) -> None:
    body = (
        b'<?xml version="1.0" encoding="UTF-8"?><user><username>xml</username>'
        b"<password>test</password><credits>0</credits><aclHlr>0</aclHlr>"
        b"<prefixes>45</prefixes></user>"
    )
    answer = await link.ask("POST", "user.xml?apikey={key}", body, b"text/xml; charset=utf-8")
    assert answer.status == 201
    assert masked(answer.body) == (
        '<?xml version="1.0"?>\n<response>\n  <user>\n    <integration_id/>\n    <company/>\n'
        "    <integration/>\n    <defaultsender/>\n    <balance/>\n"
        "    <use_currency>0</use_currency>\n    <max_forbrug>0</max_forbrug>\n"
        "    <forbrug>0</forbrug>\n    <deactivated/>\n"
        "    <created>21-09-2026 16:13:20</created>\n    <parent><id></parent>\n"
        "    <id><id></id>\n    <username>xml</username>\n    <apikey><key></apikey>\n"
        "    <materialized_path><36>/<36></materialized_path>\n    <prefixes>45</prefixes>\n"
        "    <iprange/>\n    <aclBilling>true</aclBilling>\n"
        "    <aclBillingHigh>true</aclBillingHigh>\n    <aclCharity>true</aclCharity>\n"
        "    <aclIncoming>true</aclIncoming>\n    <aclSmsinbox>true</aclSmsinbox>\n"
        "    <aclHlr>false</aclHlr>\n    <aclAdmin>false</aclAdmin>\n"
        "    <enabled>true</enabled>\n    <credits>0</credits>\n  </user>\n"
        "  <status>201</status>\n</response>\n"
    )


async def test_users_are_the_caller_and_all_below_it(link: Any, boss: Any) -> None:
    child = await created(link, username="child", credits=10)
    await created(link, username="closed")
    closed = (await link.get("users.json")).json["users"][2]
    link.clock.advance(60)
    await change(link, closed["id"], enabled=0)
    answer = await link.get("users.json")
    users = answer.json["users"]
    assert [user["username"] for user in users] == ["boss", "child", "closed"]
    assert {user["apikey"] for user in users} == {"---"}
    assert masked(answer.body).startswith(
        '{"users":[{"integration_id":null,"company":null,"integration":null,"defaultsender":null,'
        '"balance":null,"use_currency":0,"max_forbrug":"0","forbrug":"0","deactivated":null,'
        '"created":"21-09-2026 16:13:20","parent":0,"id":<id>,"username":"boss","apikey":"---",'
        '"materialized_path":"<36>","prefixes":"","iprange":"","aclBilling":true,'
        '"aclBillingHigh":true,"aclCharity":true,"aclIncoming":true,"aclSmsinbox":true,'
        '"aclHlr":true,"aclAdmin":true,"enabled":true,"credits":0},'
    )
    assert [user["max_forbrug"] for user in users] == ["0", "10", "0"]
    assert [user["enabled"] for user in users] == [True, True, False]
    assert [user["deactivated"] for user in users] == [None, None, "21-09-2026 16:14:20"]
    one = await link.get(f"user/{child['id']}.json")
    assert (one.status, one.json) == (200, {"user": users[1], "status": 200})
    xml = await link.get("users.xml")
    assert xml.body.count(b"<users>") == 3


async def test_user_is_changed_as_printed(link: Any, boss: Any) -> None:
    child = await created(link, username="old_username")
    body = (
        b'{"user": {"username":"new_username","password":"new_password","credits":100,'
        b'"iprange":"","newapikey":true,"enabled":1}}'
    )
    answer = await link.ask("PUT", f"user/{child['id']}.json?apikey={{key}}", body)
    expected = (
        POST_ANSWER.replace("api-example-test", "new_username")
        .replace('"iprange":null', '"iprange":""')
        .replace('"max_forbrug":"0"', '"max_forbrug":100')
        .replace('"credits":0', '"credits":100')
        .replace('"status":201', '"status":200')
    )
    assert (answer.status, masked(answer.body)) == (200, expected)
    key = answer.json["user"]["apikey"]
    assert (await link.ask("GET", f"ping.json?apikey={child['apikey']}")).status == 401
    assert (await link.ask("GET", f"ping.json?apikey={key}")).json["username"] == "new_username"
    for password, status in (("test", 401), ("new_password", 200)):
        login = f"apikey=legacy&username=new_username&password={password}"
        assert (await link.ask("GET", f"ping.json?{login}")).status == status


async def test_only_given_fields_change(link: Any, boss: Any) -> None:
    first = {
        "company": "Acme",
        "integration": "EC",
        "integration_id": 101,
        "iprange": "192.168.0.*, 192.168.10.15",
        "prefixes": [45, "+46"],
        "defaultsender": "Acme",
        "credits": 5,
    }
    child = await created(link, username="child", **first)
    assert child["integration_id"] == "101"
    assert child["prefixes"] == "45,+46"
    expected = child | {"apikey": "---"}
    answer = await change(link, child["id"])
    assert (answer.status, answer.json["user"]) == (200, expected)
    for field, value in (
        ("company", "Other"),
        ("integration", ""),
        ("prefixes", "47"),
        ("iprange", "192.168.0.1-192.168.0.15, 192.168.0.30-192.168.0.45"),
        ("defaultsender", "1272"),
        ("aclHlr", False),
    ):
        expected[field] = value
        answer = await change(link, child["id"], **{field: value})
        assert answer.json["user"] == expected
    answer = await change(link, child["id"], credits=7)
    assert answer.json["user"] == expected | {"credits": 12, "max_forbrug": 12}
    answer = await change(link, child["id"], credits="-12")
    assert answer.json["user"] == expected | {"credits": 0, "max_forbrug": 0}


async def test_deleted_user_is_gone_and_its_name_is_free(link: Any, boss: Any) -> None:
    child = await created(link, username="child", credits=3)
    answer = await link.ask("DELETE", f"user/{child['id']}.json?apikey={{key}}")
    assert answer.status == 200
    assert answer.body == b'{"message":"User id [%d] deleted","status":200}' % child["id"]
    assert (await link.ask("GET", f"ping.json?apikey={child['apikey']}")).status == 401
    assert [user["username"] for user in (await link.get("users.json")).json["users"]] == ["boss"]
    again = await link.ask("DELETE", f"user/{child['id']}.xml?apikey={{key}}")
    assert (again.status, again.body) == (
        404,
        b'<?xml version="1.0"?>\n<response>\n  <status>404</status>\n'
        b"  <message>User id [%d] not found</message>\n</response>\n" % child["id"],
    )
    assert (await created(link, username="child"))["id"] != child["id"]


async def test_user_with_users_below_is_not_deleted(link: Any, boss: Any, refused: Any) -> None:
    middle = await created(link, username="middle", aclAdmin=True)
    link.key = middle["apikey"]
    low = await created(link, username="low")
    link.key = BOSS_KEY
    answer = await refused(link.ask("DELETE", f"user/{middle['id']}.json?apikey={{key}}"))
    text = "User not deleted, there are users below it"
    assert (answer.status, answer.json["message"]) == (400, text)
    for user in (low, middle):
        answer = await link.ask("DELETE", f"user/{user['id']}.json?apikey={{key}}")
        assert answer.status == 200


async def test_credits_of_a_limited_user_are_passed_on_and_come_back(link: Any, boss: Any) -> None:
    shop = await created(link, username="shop", credits=100, aclAdmin=1)
    link.key = shop["apikey"]
    answer = await link.ask("POST", "user.json?apikey={key}", payload(**NEW))
    text = "User not created, [credits] access is denied for user"
    assert (answer.status, answer.json) == (403, {"status": 403, "message": text})
    till = await created(link, username="till", credits=30)

    async def left() -> list[int]:
        return [user["credits"] for user in (await link.get("users.json")).json["users"]]

    assert await left() == [70, 30]
    answer = await change(link, till["id"], credits=71)
    assert (answer.status, answer.json["message"]) == (403, "User not updated, not enough credits")
    assert await left() == [70, 30]
    await change(link, till["id"], credits=-10)
    assert await left() == [80, 20]
    answer = await change(link, till["id"], credits=-21, username="another")
    assert answer.status == 403
    assert await left() == [80, 20]
    assert (await link.get(f"user/{till['id']}.json")).json["user"]["username"] == "till"
    await link.ask("DELETE", f"user/{till['id']}.json?apikey={{key}}")
    assert await left() == [100]


async def test_what_was_sent_is_used_up(link: Any, boss: Any) -> None:
    child = await created(link, username="child", credits=3)
    link.key = child["apikey"]
    await link.sent(recipients="+4512345678,+4587654321")
    [user] = (await link.get("users.json")).json["users"]
    assert (user["max_forbrug"], user["forbrug"], user["credits"]) == ("3", "2", 1)


async def test_a_parent_that_loses_a_permission_narrows_its_users(link: Any, boss: Any) -> None:
    middle = await created(link, username="middle", aclAdmin=1)
    link.key = middle["apikey"]
    low = await created(link, username="low")
    link.key = BOSS_KEY

    async def acl(user: Any) -> tuple[Any, ...]:
        found = (await link.get(f"user/{user['id']}.json")).json["user"]
        return found["aclCharity"], found["aclAdmin"], found["enabled"], found["prefixes"]

    assert await acl(low) == (True, False, True, "")
    await change(link, middle["id"], aclCharity=0, prefixes="45")
    assert await acl(low) == (False, False, True, "")
    link.key = low["apikey"]
    answer = await link.send(recipients="+4612345678")
    assert (answer.status, answer.json["message"]) == (403, "User cannot send to [4612345678]")
    assert (await link.send(recipients="+4512345678")).status == 201
    link.key = BOSS_KEY
    await change(link, middle["id"], aclCharity=1, enabled=False)
    assert await acl(low) == (True, False, False, "")
    assert (await link.ask("GET", f"ping.json?apikey={low['apikey']}")).status == 401
    await change(link, middle["id"], enabled=True)
    assert (await link.ask("GET", f"ping.json?apikey={low['apikey']}")).status == 200


async def test_accounts_beside_and_above_do_not_exist(link: Any, boss: Any, refused: Any) -> None:
    one = await created(link, username="one", aclAdmin=1)
    two = await created(link, username="two")
    link.key = one["apikey"]
    stranger = await link.services.accounts.find("other")
    identifiers = [two["id"], boss.account_id, stranger.account_id, 9999999, 2**53, 10**30, "x"]
    for identifier in identifiers:
        for method, body in (("GET", b""), ("PUT", payload(enabled=0)), ("DELETE", b"")):
            asking = link.ask(method, f"user/{identifier}.json?apikey={{key}}", body)
            answer = await refused(asking)
            text = f"User id [{identifier}] not found"
            assert (answer.status, answer.json) == (404, {"status": 404, "message": text})


PRINTED = {
    "no name": (
        "POST",
        "user.json?apikey={key}",
        b'{"user":{"username":"","password":"test","credits":0}}',
        400,
        b'{"message":"User not created, [username] empty","status":400}',
    ),
    "no name, as XML": (
        "POST",
        "user.xml?apikey={key}",
        b"<user><username/><password>test</password><credits>0</credits></user>",
        400,
        b'<?xml version="1.0"?>\n<response>\n'
        b"  <message>User not created, [username] empty</message>\n"
        b"  <status>400</status>\n</response>\n",
    ),
    "no right": (
        "POST",
        f"user.json?apikey={OTHER_KEY}",
        b'{"user":{"username":"x","password":"test","credits":0}}',
        403,
        b'{"message":"User not created, [acl] access is denied for user","status":403}',
    ),
    "no key": (
        "POST",
        "user.json?apikey=abcd",
        b'{"user":{"username":"x","password":"test","credits":0}}',
        401,
        b'{"status":401,"message":"Access denied [abcd] authentication failed"}',
    ),
    "no user": (
        "GET",
        "user/9999999.json?apikey={key}",
        b"",
        404,
        b'{"status":404,"message":"User id [9999999] not found"}',
    ),
}


@pytest.mark.parametrize("case", PRINTED)
@pytest.mark.usefixtures("boss")
async def test_refusals_have_the_printed_order(link: Any, case: str) -> None:
    method, target, body, status, expected = PRINTED[case]
    kind = b"text/xml" if body.startswith(b"<") else b"application/json"
    answer = await link.ask(method, target, body, kind)
    assert (answer.status, answer.body) == (status, expected)


DENIED = "[acl] access is denied for user"


async def test_without_the_right_nothing_is_changed(link: Any, boss: Any, refused: Any) -> None:
    child = await created(link, username="child")
    link.key = child["apikey"]
    target = f"user/{child['id']}.json?apikey={{key}}"
    for method, path, body, deed in (
        ("POST", "user.json?apikey={key}", payload(**NEW), "created"),
        ("POST", "user.json?apikey={key}", payload(), "created"),
        ("PUT", target, payload(password="x"), "updated"),
        ("DELETE", target, b"", "deleted"),
    ):
        answer = await refused(link.ask(method, path, body))
        text = f"User not {deed}, {DENIED}"
        assert (answer.status, answer.json) == (403, {"status": 403, "message": text})
    assert (await link.get("users.json")).status == 200


async def test_caller_changes_itself_but_widens_nothing(link: Any, boss: Any) -> None:
    target = f"user/{boss.account_id}.json?apikey={{key}}"
    for fields, name in (
        ({"credits": 1}, "credits"),
        ({"enabled": 0}, "enabled"),
        ({"prefixes": ""}, "prefixes"),
        ({"aclAdmin": False}, "acl"),
    ):
        answer = await link.ask("PUT", target, payload(**fields))
        text = f"User not updated, [{name}] access is denied for user"
        assert (answer.status, answer.json["message"]) == (403, text)
    answer = await link.ask("DELETE", target)
    text = "User not deleted, [user] access is denied for user"
    assert (answer.status, answer.json["message"]) == (403, text)
    answer = await link.ask("PUT", target, payload(newapikey=1, iprange="192.0.2.*"))
    link.key = answer.json["user"]["apikey"]
    assert (await link.get("ping.json")).json["iprange"] == "192.0.2.*"
    assert (await link.ask("GET", f"ping.json?apikey={BOSS_KEY}")).status == 401


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        ({"username": ""}, 400, "[username] empty"),
        ({"username": None}, 400, "[username] empty"),
        ({"password": ""}, 400, "[password] empty"),
        ({"credits": None}, 400, "[credits] empty"),
        ({"credits": "many"}, 400, "[credits] is not valid, not a whole number"),
        ({"credits": 10**16}, 400, "[credits] is not valid, not a whole number"),
        ({"credits": -1}, 400, "[credits] is not valid, not negative"),
        ({"credits": 2**53 + 1}, 400, "[credits] is not valid, not negative"),
        ({"username": "x" * 65}, 400, "[username] is not valid, 1 to 64 printable characters"),
        ({"username": "a\0b"}, 400, "[username] is not valid, 1 to 64 printable characters"),
        ({"username": "other"}, 400, "[username] is already taken"),
        ({"password": "x" * 257}, 400, "[password] is not valid, 1 to 256 characters"),
        ({"password": "a\0"}, 400, "[password] is not valid, 1 to 256 characters"),
        (
            {"iprange": "10.0.0.300"},
            400,
            "[iprange] is not valid, '10.0.0.300' is not an IP address or a range of them",
        ),
        (
            {"prefixes": "45,x"},
            400,
            "[prefixes] is not valid, 'x' is not the first digits of an international number",
        ),
        ({"company": "x" * 201}, 400, "[company] is not valid, at most 200 characters"),
        ({"integration_id": "\0"}, 400, "[integration_id] is not valid, at most 200 characters"),
        (
            {"defaultsender": "TwelveLetter"},
            400,
            "[defaultsender] is not valid, more than 11 characters",
        ),
        ({"aclHlr": "maybe"}, 400, "[aclHlr] is not valid, use true or false"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("shared_boss")
async def test_user_that_cannot_be_is_refused(
    link: Any, refused: Any, fields: Any, status: int, text: str
) -> None:
    body = payload(**(NEW | fields))
    answer = await refused(link.ask("POST", "user.json?apikey={key}", body))
    assert answer.status == status
    assert answer.json == {"status": status, "message": f"User not created, {text}"}


async def test_permission_that_the_caller_lacks_is_not_given(
    link: Any, boss: Any, refused: Any
) -> None:
    shop = await created(link, username="shop", aclAdmin=1, aclCharity=0)
    link.key = shop["apikey"]
    body = payload(**(NEW | {"aclCharity": True}))
    answer = await refused(link.ask("POST", "user.json?apikey={key}", body))
    text = "User not created, [aclCharity] access is denied for user"
    assert (answer.status, answer.json["message"]) == (403, text)
    till = await created(link, username="till")
    assert (till["aclCharity"], till["aclBilling"]) == (False, True)
    answer = await refused(change(link, till["id"], aclCharity=1))
    text = "User not updated, [aclCharity] access is denied for user"
    assert (answer.status, answer.json["message"]) == (403, text)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "a body of type application/json is not accepted"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"user":null}', "user: Expected `object`, got `null`"),
        (b'{"user":{"colour":1}}', "user: Object contains unknown field `colour`"),
        (b'{"user":{"id":1}}', "user: Object contains unknown field `id`"),
        (b'{"username":"x"}', "Object missing required field `user`"),
        (b'{"user":{"username":["x"]}}', "Expected `int | str | null`, got `array`"),
        (b'{"user":{"credits":1.5}}', "Expected `int | str | null`, got `float`"),
    ],
    ids=str,
)
async def test_body_that_cannot_be_read_is_refused(
    link: Any, boss: Any, body: bytes, text: str
) -> None:
    answer = await link.ask("POST", "user.json?apikey={key}", body)
    assert answer.status == 400
    assert answer.json["message"].startswith("Request is not valid, ")
    assert text in answer.json["message"] or not body


async def test_changed_name_that_is_taken_changes_nothing(
    link: Any, boss: Any, refused: Any
) -> None:
    child = await created(link, username="child", credits=5)
    answer = await refused(change(link, child["id"], username="other", credits=5, newapikey=1))
    text = "User not updated, [username] is already taken"
    assert (answer.status, answer.json["message"]) == (400, text)
    assert (await link.ask("GET", f"ping.json?apikey={child['apikey']}")).status == 200
