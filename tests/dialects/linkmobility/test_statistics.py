"""Statistics: counts of periods in the account's own zone, and rows that are told to be counted."""

import dataclasses
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from dragoman.config.dialects import LinkMobility
from dragoman.config.values import Secret
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.sql import account_tree, accounts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql.changes import STATISTICS_NAMES
from dragoman.core.messages.sql.statistics import Counters
from dragoman.core.model.errors import FailureCode
from dragoman.dialects.linkmobility import build_linkmobility, mapping
from dragoman.dialects.linkmobility.statistics.answers import STATUSES_OF_COUNTS
from dragoman.dialects.linkmobility.statistics.ingestion import COUNTS_OF_STATUSES
from dragoman.kit.clock import ms_of
from dragoman.storage.work import Operation
from dragoman.web.router import DialectApp

OTHER = "b" * 64
ADVANCED = "the-advanced-key"


@pytest.fixture
def advanced(link: Any) -> Any:
    """The dialect with an advanced key."""
    dialects = msgspec.structs.replace(
        link.services.settings.dialects, linkmobility=LinkMobility(advanced_key=Secret(ADVANCED))
    )
    settings = msgspec.structs.replace(link.services.settings, dialects=dialects)
    services = dataclasses.replace(link.services, settings=settings)
    link.dialect = build_linkmobility(services)
    link.app = DialectApp([link.dialect.web], link.app, body_timeout_s=30)
    return link


async def below(link: Any, username: str, parent: str = "hn") -> int:
    """Stores an account below another; its identifier."""
    above = await link.services.accounts.find(parent)
    account_id = link.services.ids.next()
    account = Account(
        account_id=account_id, username=username, wallet_id=link.services.ids.next(),
        parent_id=above.account_id, path=f"{above.path}/{username}",
    )  # fmt: skip
    new = accounts.NewAccount(account=account, unlimited=True, credentials=(), created_ms=0)
    await link.services.storage.writer.write(accounts.create, new)
    return account_id


async def count(link: Any, at: datetime, value: str, counted: int = 1, **more: Any) -> None:
    """Adds to the counters, as a message of that time does."""
    account_id = more.get("account_id") or (await link.services.accounts.find("hn")).account_id
    direction = more.get("direction", "outbox")
    dimension = more.get("dimension", "sum" if value == "sum" else "mcc:status")

    def add(connection: Any, items: list[int]) -> list[None]:
        counters = Counters()
        for _ in range(counted):
            counters.add(account_id, ms_of(at), direction, dimension, value, 1)
        counters.write(connection)
        return [None] * len(items)

    await link.services.storage.writer.write(Operation(add), 0)


async def stats(link: Any, target: str) -> list[tuple[str, str, str]]:
    """(timestamp, value_2, counter) of each row."""
    answer = await link.get(f"stats/{target}")
    assert answer.status == 200, answer.body
    return [(row["timestamp"], row["value_2"], row["counter"]) for row in answer.json["stats"]]


async def test_daily_sums_are_as_printed(link: Any) -> None:
    await count(link, datetime(2015, 2, 22, 23, 30, tzinfo=UTC), "sum")
    await count(link, datetime(2015, 2, 25, 11, tzinfo=UTC), "sum", 4)
    await count(link, datetime(2015, 3, 1, 11, tzinfo=UTC), "sum")
    times = "starttime=15-02-2015%2000:00:00&endtime=28-02-2015%2023:59:59"
    answer = await link.get(f"stats/outbox/daily.json?{times}&group=sum")
    assert (answer.status, answer.masked) == (
        200,
        b'{"stats":['
        b'{"year":"2015","month":"2","day":"23","timestamp":"2015-02-23 00:00:00",'
        b'"type_1":"user","value_1":"<id>","type_2":"sum","value_2":"sum","counter":"1"},'
        b'{"year":"2015","month":"2","day":"25","timestamp":"2015-02-25 00:00:00",'
        b'"type_1":"user","value_1":"<id>","type_2":"sum","value_2":"sum","counter":"4"}],'
        b'"status":200}',
    )


async def test_monthly_states_are_as_printed(link: Any) -> None:
    at = datetime(2015, 2, 11, tzinfo=UTC)
    for value, counted in (("238:delivered", 4), ("0:rejected", 1), ("0:queued", 1)):
        await count(link, at, value, counted)
    times = "starttime=01-01-2015+00:00:00&endtime=28-02-2015+23:59:59"
    answer = await link.get(f"stats/outbox/monthly.json?{times}&group=mcc:status")
    row = (
        b'{"year":"2015","month":"2","timestamp":"2015-02-01 00:00:00","type_1":"user",'
        b'"value_1":"<id>","type_2":"mcc:status","value_2":"%s","counter":"%d"}'
    )
    assert answer.masked == (
        b'{"stats":[' + row % (b"0:queued", 1) + b"," + row % (b"0:rejected", 1) + b","
        + row % (b"238:received", 4) + b'],"status":200}'
    )  # fmt: skip
    in_xml = await link.get(f"stats/outbox/monthly.xml?{times}&group=mcc:status")
    xml_row = (
        b"  <stats>\n    <year>2015</year>\n    <month>2</month>\n"
        b"    <timestamp>2015-02-01 00:00:00</timestamp>\n    <type_1>user</type_1>\n"
        b"    <value_1><id></value_1>\n    <type_2>mcc:status</type_2>\n"
        b"    <value_2>%s</value_2>\n    <counter>%d</counter>\n  </stats>\n"
    )
    assert in_xml.masked == (
        b'<?xml version="1.0"?>\n<response>\n' + xml_row % (b"0:queued", 1)
        + xml_row % (b"0:rejected", 1) + xml_row % (b"238:received", 4)
        + b"  <status>200</status>\n</response>\n"
    )  # fmt: skip


async def test_keywords_of_the_inbox_are_as_printed(link: Any) -> None:
    await link.receive("4512345678", "1272", "HENRIK hello")
    answer = await link.get("stats/inbox/monthly.json?group=keyword:number")
    assert answer.masked == (
        b'{"stats":[{"year":"2026","month":"9","timestamp":"2026-09-01 00:00:00",'
        b'"type_1":"user","value_1":"<id>","type_2":"keyword:number",'
        b'"value_2":"HENRIK:1272","counter":"1"}],"status":200}'
    )
    assert await stats(link, "inbox/daily.json?group=sum") == [("2026-09-21 00:00:00", "sum", "1")]


@pytest.mark.parametrize(
    ("aggregate", "parts"),
    [
        ("hourly", b'"year":"2026","month":"9","day":"21","hour":"16","timestamp":"2026-09-21 16'),
        ("daily", b'"year":"2026","month":"9","day":"21","timestamp":"2026-09-21 00'),
        ("weekly", b'"year":"2026","week":"39","timestamp":"2026-09-21 00'),
        ("monthly", b'"year":"2026","month":"9","timestamp":"2026-09-01 00'),
    ],
)
async def test_aggregate_decides_what_of_the_time_is_given(
    link: Any, aggregate: str, parts: bytes
) -> None:
    await link.sent()
    answer = await link.get(f"stats/outbox/{aggregate}.json")
    assert answer.masked == (
        b'{"stats":[{' + parts + b':00:00","type_1":"user","value_1":"<id>","type_2":"sum",'
        b'"value_2":"sum","counter":"1"}],"status":200}'
    )


async def test_nothing_counted_is_an_empty_list(link: Any) -> None:
    assert (await link.get("stats/outbox/daily.json")).body == b'{"stats":[],"status":200}'
    assert (await link.get("stats/inbox/hourly.xml?group=")).body == (
        b'<?xml version="1.0"?>\n<response>\n  <stats/>\n  <status>200</status>\n</response>\n'
    )


async def test_messages_are_counted_where_they_are_now(link: Any) -> None:
    await link.sent(message="x" * 200)
    await link.sent(recipients="+491701234567")
    first, second = link.live()
    await link.accept(first)
    assert await stats(link, "outbox/daily.json?group=mcc:status") == [
        ("2026-09-21 00:00:00", "238:buffered", "1"), ("2026-09-21 00:00:00", "262:queued", "1"),
    ]  # fmt: skip
    await link.accept(second)
    await link.report(second, State.UNDELIVERED, FailureCode.BARRED)
    await link.report(first, State.DELIVERED)
    assert await stats(link, "outbox/daily.json?group=mcc:status") == [
        ("2026-09-21 00:00:00", "238:received", "1"), ("2026-09-21 00:00:00", "262:rejected", "1"),
    ]  # fmt: skip


async def test_states_of_one_word_are_one_row(link: Any) -> None:
    at = datetime(2026, 9, 21, tzinfo=UTC)
    for name in ("undelivered", "rejected", "cancelled", "unknown", "expired"):
        await count(link, at, f"238:{name}")
    assert [row[1:] for row in await stats(link, "outbox/monthly.json?group=mcc:status")] == [
        ("238:expired", "2"), ("238:rejected", "3"),
    ]  # fmt: skip


def test_counted_states_have_words_both_ways() -> None:
    assert set(STATUSES_OF_COUNTS) == set(STATISTICS_NAMES.values())
    assert set(COUNTS_OF_STATUSES) == set(mapping.STATES_OF_STATUS)
    for status, name in COUNTS_OF_STATUSES.items():
        assert STATUSES_OF_COUNTS[name] == status


async def test_days_on_which_clocks_change_have_23_and_25_hours(link: Any) -> None:
    for day in (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        for hour in range(-3, 26):
            at = datetime.fromtimestamp(day.timestamp() + hour * 3600, UTC)
            await count(link, at, "sum")
    link.clock.advance(90 * 86400)
    daily = {
        row[0][5:10]: row[2]
        for row in await stats(link, "outbox/daily.json?starttime=01-03-2026+00:00")
    }
    assert (daily["03-29"], daily["10-25"]) == ("23", "25")
    assert sum(map(int, daily.values())) == 2 * 29
    spring = await stats(
        link, "outbox/hourly.json?starttime=29-03-2026+01:00&endtime=29-03-2026+03:59"
    )
    assert [(row[0][11:13], row[2]) for row in spring] == [("01", "1"), ("03", "1")]
    autumn = await stats(
        link, "outbox/hourly.json?starttime=25-10-2026+01:00&endtime=25-10-2026+03:59"
    )
    assert [(row[0][11:13], row[2]) for row in autumn] == [("01", "1"), ("02", "2"), ("03", "1")]


@pytest.mark.parametrize(
    ("zone", "day"),
    [("UTC", "2026-01-01"), ("Europe/Copenhagen", "2026-01-01"), ("America/New_York", "2025-12-31"),
     ("Pacific/Auckland", "2026-01-01"), ("Asia/Kolkata", "2026-01-01")],
)  # fmt: skip
async def test_periods_are_those_of_the_zone(link: Any, zone: str, day: str) -> None:
    account = await link.services.accounts.find("hn")
    change = account_tree.AccountChange(
        account_id=account.account_id, at_ms=1, values={"time_zone": zone}
    )
    await link.services.storage.writer.write(account_tree.change, change)
    await count(link, datetime(2026, 1, 1, 4, tzinfo=UTC), "sum")
    times = "starttime=30-12-2025+00:00&endtime=02-01-2026+23:59"
    assert await stats(link, f"outbox/daily.json?{times}") == [(f"{day} 00:00:00", "sum", "1")]
    monthly = await stats(link, f"outbox/monthly.json?{times}")
    assert monthly == [(f"{day[:7]}-01 00:00:00", "sum", "1")]


async def test_weeks_begin_on_monday_and_belong_to_the_year_of_their_thursday(link: Any) -> None:
    await count(link, datetime(2027, 1, 3, 22, tzinfo=UTC), "sum")
    await count(link, datetime(2027, 1, 3, 23, tzinfo=UTC), "sum")
    times = "starttime=01-01-2027+00:00&endtime=31-01-2027+00:00"
    rows = (await link.get(f"stats/outbox/weekly.json?{times}")).json["stats"]
    assert [(row["year"], row["week"], row["timestamp"]) for row in rows] == [
        ("2026", "53", "2026-12-28 00:00:00"), ("2027", "1", "2027-01-04 00:00:00"),
    ]  # fmt: skip


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("outbox/daily.json?group=keyword:number", "Group [keyword:number] is not valid for"
         " outbox"),
        ("inbox/daily.json?group=mcc:status", "Group [mcc:status] is not valid for inbox"),
        ("inbox/daily.json?group=all", "Group [all] is not valid for inbox"),
        ("outbox/daily.json?starttime=now", "Starttime is not valid, not of the form"
         " dd-mm-YYYY HH:MM"),
        ("outbox/daily.json?endtime=31-02-2026+10:00", "Endtime is not valid, no such date"),
        ("outbox/hourly.json?starttime=01-01-2026+10:00", "Starttime is not valid, more than 92"
         " days before the end"),
        ("outbox/daily.json?starttime=01-01-2001+10:00", "Starttime is not valid, more than 3660"
         " days before the end"),
    ],
)  # fmt: skip
async def test_impossible_question_is_refused(
    link: Any, refused: Any, query: str, text: str
) -> None:
    answer = await refused(link.get(f"stats/{query}"))
    assert (answer.status, answer.json) == (400, {"status": 400, "message": text})


async def test_end_before_the_beginning_finds_nothing(link: Any) -> None:
    await link.sent()
    times = "starttime=22-09-2026+00:00&endtime=01-09-2026+00:00"
    assert await stats(link, f"outbox/daily.json?{times}") == []


async def test_own_user_may_be_named_without_the_advanced_key(link: Any) -> None:
    await link.sent()
    own = (await link.get("ping.json")).json["userid"]
    assert len(await stats(link, f"outbox/daily.json?type_1=user&value_1={own}")) == 1


@pytest.mark.parametrize("query", ["type_1=mcc", "value_1=5", "advanced=wrong", "type_1=x"])
async def test_more_than_the_own_counts_needs_the_advanced_key(
    advanced: Any, refused: Any, query: str
) -> None:
    answer = await refused(advanced.get(f"stats/outbox/daily.json?{query}"))
    assert (answer.status, answer.json["message"]) == (
        403, "Access denied, [stats] needs the advanced key",
    )  # fmt: skip


async def test_advanced_key_opens_users_below(advanced: Any, refused: Any) -> None:
    child = await below(advanced, "child")
    await count(advanced, datetime(2026, 9, 21, tzinfo=UTC), "sum", 3, account_id=child)
    path = f"stats/outbox/daily.json?advanced={ADVANCED}&type_1=user&value_1="
    answer = await advanced.get(f"{path}{child}")
    assert [(row["value_1"], row["counter"]) for row in answer.json["stats"]] == [(str(child), "3")]
    other = (await advanced.ask("GET", f"ping.json?apikey={OTHER}")).json["userid"]
    for unknown in (other, "7", "x", "9" * 30, "²"):
        answer = await refused(advanced.get(path + quote(unknown)))
        assert answer.json == {"status": 404, "message": f"User id [{unknown}] not found"}


async def test_advanced_key_opens_countries_of_the_whole_tree(advanced: Any, refused: Any) -> None:
    child, at = await below(advanced, "child"), datetime(2026, 9, 21, tzinfo=UTC)
    await count(advanced, at, "238:delivered", 2, account_id=child)
    await count(advanced, at, "238:rejected")
    await count(advanced, at, "240:delivered")
    path = f"stats/outbox/daily.json?advanced={ADVANCED}&type_1=mcc"

    async def ask(query: str) -> list[tuple[str, ...]]:
        rows = (await advanced.get(f"{path}{query}")).json["stats"]
        return [(r["type_1"], r["value_1"], r["type_2"], r["value_2"], r["counter"]) for r in rows]

    assert await ask("") == [
        ("mcc", "238", "sum", "sum", "3"), ("mcc", "240", "sum", "sum", "1"),
    ]  # fmt: skip
    assert await ask("&value_1=238&group=mcc:status") == [
        ("mcc", "238", "mcc:status", "238:received", "2"),
        ("mcc", "238", "mcc:status", "238:rejected", "1"),
    ]
    answer = await refused(advanced.get(f"{path}&value_1=Denmark"))
    assert answer.json["message"] == "Value_1 is not valid, use a mobile country code"
    answer = await refused(advanced.get(path.replace("outbox", "inbox")))
    assert answer.json["message"] == "Type_1 [mcc] is not valid for inbox"


# Telling


async def tell(
    link: Any, box: str, body: bytes, *, key: str = ADVANCED, suffix: str = "json"
) -> Any:
    target = f"stats/{box}.{suffix}?apikey={{key}}&advanced={key}"
    kind = b"text/xml" if suffix == "xml" else b"application/json"
    return await link.ask("POST", target, body, kind)


async def test_printed_inbox_rows_are_counted_once(advanced: Any) -> None:
    own = (await advanced.get("ping.json")).json["userid"].encode()
    body = (
        b'{"stats": [{"code": "1272", "keywordid": "108406", "logtime": "2015-07-06 15:06:23",'
        b'"materialized_path": "15m/49p", "msgid": "1436187983-48305", "topbruger": "1498",'
        b'"userid": "7405"}, {"code": "+4512721272", "keywordid": "1234",'
        b'"logtime": "2015-07-06 15:06:31", "materialized_path": "abc",'
        b'"msgid": "1436187991-48309", "topbruger": 0, "userid": "7405"}]}'
    ).replace(b"7405", own)
    answer = await tell(advanced, "inbox", body)
    assert (answer.status, answer.body) == (
        201,
        b'{"stats":{"total":2,"counted":2,"repeated":0,"refused":0},"errors":[],"status":201}',
    )
    again = await tell(advanced, "inbox", body)
    assert again.body == (
        b'{"stats":{"total":2,"counted":0,"repeated":2,"refused":0},"errors":[],"status":201}'
    )
    times = "starttime=01-07-2015+00:00&endtime=31-07-2015+00:00"
    assert await stats(advanced, f"inbox/hourly.json?{times}&group=keyword:number") == [
        ("2015-07-06 15:00:00", "108406:1272", "1"),
        ("2015-07-06 15:00:00", "1234:4512721272", "1"),
    ]  # fmt: skip
    assert (await advanced.get("inbox/1.json")).json["stats"]["total"] == 0


async def test_printed_outbox_rows_are_counted_and_foreign_ones_refused(advanced: Any) -> None:
    own = (await advanced.get("ping.json")).json["userid"].encode()
    row = (
        b'{"logtime": "2015-07-06 00:00:24", "materialized_path": "1s9/4j1", "mcc": "238",'
        b'"msgid": "f151c342147599d3955c485f98a10d91", "payout": null, "price": "",'
        b'"splitcount": "1", "status": "received", "topbruger": "2313", "userid": "%s",'
        b'"group": "external"}'
    )
    body = b'{"stats": [%s, %s]}' % (row % own, row % b"5869")
    answer = await tell(advanced, "outbox", body)
    assert (answer.status, answer.masked) == (
        201,
        b'{"stats":{"total":2,"counted":1,"repeated":0,"refused":1},'
        b'"errors":[{"row":1,"msgid":"<msgid>","message":"User id [5869] not found"}],'
        b'"status":201}',
    )
    times = "starttime=01-07-2015+00:00&endtime=31-07-2015+00:00"
    assert await stats(advanced, f"outbox/daily.json?{times}&group=mcc:status") == [
        ("2015-07-06 00:00:00", "238:received", "1")
    ]
    assert (await advanced.get("outbox/1.json")).json["stats"] == {"total": 0, "splitcount": 0}


async def test_rows_are_told_in_xml(advanced: Any) -> None:
    own = (await advanced.get("ping.json")).json["userid"]
    body = (
        "<request><stats><msgid>a</msgid><logtime>2015-07-06 00:00:24</logtime><mcc>238</mcc>"
        f"<status>received</status><splitcount>2</splitcount><userid>{own}</userid></stats>"
        "<stats><msgid>b</msgid></stats></request>"
    ).encode()
    answer = await tell(advanced, "outbox", body, suffix="xml")
    assert (answer.status, answer.body.decode()) == (
        201,
        '<?xml version="1.0"?>\n<response>\n  <stats>\n    <total>2</total>\n'
        "    <counted>1</counted>\n    <repeated>0</repeated>\n    <refused>1</refused>\n"
        "  </stats>\n  <errors>\n    <row>1</row>\n    <msgid>b</msgid>\n"
        "    <message>Status [] is not valid</message>\n  </errors>\n  <status>201</status>\n"
        "</response>\n",
    )


GOOD = {"msgid": "x", "userid": "own", "logtime": "2015-07-06 00:00:24", "status": "received"}


@pytest.mark.parametrize(
    ("box", "change", "text"),
    [
        ("outbox", {"msgid": ""}, "Msgid is not valid, 1 to 64 characters"),
        ("outbox", {"msgid": "x" * 65}, "Msgid is not valid, 1 to 64 characters"),
        ("outbox", {"msgid": "a\0b"}, "Msgid is not valid, 1 to 64 characters"),
        ("outbox", {"userid": ""}, "Userid is not valid, use a number"),
        ("outbox", {"userid": "9" * 16}, "Userid is not valid, use a number"),
        ("outbox", {"userid": -1}, "Userid is not valid, use a number"),
        ("outbox", {"userid": 9_999}, "User id [9999] not found"),
        ("outbox", {"logtime": "06-07-2015 00:00"}, "Logtime is not valid, not of the form"
         " YYYY-mm-dd HH:MM:SS"),
        ("outbox", {"logtime": "2015-02-31 00:00:00"}, None),
        ("outbox", {"logtime": "1999-02-01 00:00:00"}, "Logtime is not valid, before 2000 or in"
         " the future"),
        ("outbox", {"logtime": "2099-02-01 00:00:00"}, "Logtime is not valid, before 2000 or in"
         " the future"),
        ("outbox", {"status": "lost"}, "Status [lost] is not valid"),
        ("outbox", {"mcc": "DK"}, "Mcc is not valid, use a code of three digits"),
        ("outbox", {"splitcount": 0}, "Splitcount is not valid, 1 to 255"),
        ("outbox", {"splitcount": "two"}, "Splitcount is not valid, use a number"),
        ("inbox", {"code": "1272"}, "Keywordid cannot be empty"),
        ("inbox", {"keywordid": "1"}, "Code cannot be empty"),
        ("inbox", {"keywordid": "a:b", "code": "1272"}, "Keywordid is not valid, up to 32"
         " characters"),
        ("inbox", {"keywordid": "1", "code": "1" * 33}, "Code is not valid, up to 32 characters"),
    ],
)  # fmt: skip
async def test_row_that_cannot_be_counted_is_told_why(
    advanced: Any, box: str, change: dict[str, Any], text: str | None
) -> None:
    own = (await advanced.get("ping.json")).json["userid"]
    row = {k: v for k, v in (GOOD | change).items() if box == "outbox" or k != "status"}
    row["userid"] = own if row["userid"] == "own" else row["userid"]
    before = await advanced.rows()
    answer = await tell(advanced, box, msgspec.json.encode({"stats": [row]}))
    assert (answer.status, answer.json["stats"]["refused"]) == (201, 1)
    assert text is None or answer.json["errors"][0]["message"] == text
    assert await advanced.rows() == before


async def test_same_message_twice_in_one_body_counts_once(advanced: Any) -> None:
    own = (await advanced.get("ping.json")).json["userid"]
    rows = [GOOD | {"userid": own, "msgid": f"{n % 1500}"} for n in range(3000)]
    answer = await tell(advanced, "outbox", msgspec.json.encode({"stats": rows}))
    assert answer.json["stats"] == {"total": 3000, "counted": 1500, "repeated": 1500, "refused": 0}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"stats":[]}', "Stats cannot be empty"),
        (b"{}", "Stats cannot be empty"),
        (b'{"stats":[' + b"{}," * 10_000 + b"{}]}", "Stats is not valid, more than 10000 rows"),
    ],
    ids=["empty", "missing", "too many"],
)
async def test_body_without_rows_or_with_too_many_is_refused(
    advanced: Any, refused: Any, body: bytes, text: str
) -> None:
    answer = await refused(tell(advanced, "outbox", body))
    assert (answer.status, answer.json) == (400, {"status": 400, "message": text})


@pytest.mark.parametrize(
    "body", [b'{"stats":5}', b'{"stats":[5]}', b"[", b'{"stats":[{"msgid":{}}]}']
)
async def test_unreadable_body_is_refused(advanced: Any, body: bytes) -> None:
    answer = await tell(advanced, "inbox", body)
    assert (answer.status, answer.json["status"]) == (400, 400)


@pytest.mark.parametrize("key", ["", "wrong", ADVANCED + "x"])
@pytest.mark.parametrize("box", ["inbox", "outbox"])
async def test_telling_needs_the_advanced_key(
    advanced: Any, refused: Any, box: str, key: str
) -> None:
    answer = await refused(tell(advanced, box, b'{"stats":[{}]}', key=key))
    assert (answer.status, answer.json["message"]) == (
        403, "Access denied, [stats] needs the advanced key",
    )  # fmt: skip


async def test_advanced_key_may_stand_in_the_body(advanced: Any) -> None:
    body = msgspec.json.encode({"stats": [{}], "advanced": ADVANCED})
    assert (await tell(advanced, "outbox", body, key="")).status == 201


async def test_without_an_advanced_key_nobody_may_tell(link: Any, refused: Any) -> None:
    assert (await refused(tell(link, "outbox", b'{"stats":[{}]}', key=""))).status == 403


async def test_unknown_aggregate_or_type_is_no_resource(link: Any, refused: Any) -> None:
    for path in ("stats/outbox/yearly.json", "stats/both/daily.json"):
        assert (await refused(link.get(path))).status == 404
