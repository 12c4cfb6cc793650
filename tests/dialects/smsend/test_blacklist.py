"""The blacklist: numbers that get nothing, entered in every way and listed."""

from typing import Any

import pytest

from dragoman.core.inbound.model.inbound import OptOutOrigin
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import FailureCode
from dragoman.core.reporting.model.outbox import OutboxFilter

ONE, TWO, THREE = "+393491111111", "+393492222222", "+393493333333"
_DONE = b'{"result":"OK"}'


async def numbers(smsend: Any, query: str = "") -> list[str]:
    answer = await smsend.get(f"blacklist/sms{query}")
    assert answer.status == 200, answer.body
    return [entry["phoneNumber"] for entry in answer.json["blacklist"]]


async def make_contact(smsend: Any, **fields: Any) -> str:
    answer = await smsend.post("contact", {"email": "a@example.com", **fields})
    return str(answer.location.removeprefix("/contact/"))


@pytest.mark.parametrize(
    ("target", "body", "answer", "listed"),
    [
        ("blacklist/sms?phoneNumber=%2B393491111111", b"", _DONE, [ONE]),
        ("blacklist/sms?phoneNumber=00393491111111", b"", _DONE, [ONE]),
        ("blacklist/sms", {"phoneNumber": ONE}, _DONE, [ONE]),
        ("blacklist/sms", {"phoneNumber": 393491111111}, _DONE, [ONE]),
        ("blacklist/sms", {"phoneNumbers": [ONE, TWO]}, b"2", [ONE, TWO]),
        ("contacts/add_to_blacklist?phoneNumber=%2B393491111111", b"", _DONE, [ONE]),
        ("contact/add_to_blacklist?phoneNumber=%2B393491111111", b"", _DONE, [ONE]),
        ("contacts/add_to_blacklist", {"phoneNumber": ONE}, _DONE, [ONE]),
        ("blacklist/smsbatch", [ONE, TWO, ONE], b"2", [ONE, TWO]),
        ("blacklist/smsbatch", [393491111111], b"1", [ONE]),
        ("blacklist/smsbatch", {"phoneNumbers": [TWO]}, b"1", [TWO]),
        ("blacklist/smsbatch", [], b"0", []),
    ],
)
async def test_number_is_entered(
    smsend: Any, target: str, body: object, answer: bytes, listed: list[str]
) -> None:
    for _ in range(2):  # a second time nothing changes
        given = await smsend.post(target, body)
        assert (given.status, given.body) == (200, answer)
        assert await numbers(smsend) == listed


async def test_contacts_are_entered(smsend: Any, refused: Any) -> None:
    first = await make_contact(smsend, phoneNumber=ONE)
    second = await make_contact(smsend, phoneNumber=TWO)
    silent = await make_contact(smsend)
    one = await smsend.post(f"contact/add_to_blacklist/{first}")
    assert (one.status, one.body) == (200, _DONE)
    no_number = f"Invalid value for parameter [{silent}]: the contact has no phoneNumber"
    for asking, text in [
        (smsend.post(f"contact/add_to_blacklist/{silent}"), no_number),
        (smsend.post("contact/add_to_blacklist_batch", [second, silent]), no_number),
        (
            smsend.post("contact/add_to_blacklist_batch", [second, "A" * 20]),
            f"Not found: contact [{'A' * 20}]",
        ),
    ]:
        answer = await refused(asking)
        assert (answer.status, answer.json["result"]) == (400, text)
    assert await numbers(smsend) == [ONE]
    both = await smsend.post("contact/add_to_blacklist_batch", [first, second, first])
    assert (both.status, both.body) == (200, b"2")
    assert await numbers(smsend) == [ONE, TWO]


@pytest.mark.parametrize(
    ("target", "body", "text"),
    [
        ("blacklist/sms", b"", "Missing parameter [phoneNumber]"),
        ("blacklist/sms?phoneNumber=", b"", "Missing parameter [phoneNumber]"),
        ("blacklist/sms?phoneNumber=12", b"", "Invalid recipient [12]"),
        ("blacklist/sms?phoneNumber=%00", b"", "Invalid recipient [?]"),
        ("blacklist/smsbatch", [ONE, "12", TWO], "Invalid recipient [12]"),
        ("blacklist/smsbatch", {}, "Missing parameter [phoneNumbers]"),
        ("blacklist/smsbatch", [ONE] * 10_001, "Too many recipients [10001]: at most 10000"),
    ],
)
async def test_what_is_no_number_enters_nothing(
    smsend: Any, refused: Any, target: str, body: object, text: str
) -> None:
    answer = await refused(smsend.post(target, body))
    assert (answer.status, answer.json["result"]) == (400, text)
    assert await numbers(smsend) == []


@pytest.mark.stores_nothing
@pytest.mark.parametrize("target", ["blacklist/smsbatch", "contact/add_to_blacklist_batch"])
@pytest.mark.parametrize("body", [b"", b"7", b"[[]]", b"[null]", b'["'])
async def test_malformed_batch_is_refused(
    smsend: Any, refused: Any, target: str, body: bytes
) -> None:
    assert (await refused(smsend.post(target, body))).status == 400


async def test_number_is_taken_off(smsend: Any, refused: Any) -> None:
    await smsend.post("blacklist/smsbatch", [ONE, TWO])
    gone = await smsend.delete("blacklist/sms/%2B393491111111")
    assert (gone.status, gone.body) == (200, _DONE)
    assert await numbers(smsend) == [TWO]
    again = await refused(smsend.delete(f"blacklist/sms/{ONE}"))
    assert (again.status, again.json["result"]) == (404, f"Not found: phoneNumber [{ONE}]")
    none = await refused(smsend.delete("blacklist/sms/x"))
    assert (none.status, none.json["result"]) == (400, "Invalid recipient [x]")


async def test_list_says_where_an_entry_came_from_and_when(smsend: Any) -> None:
    assert (await smsend.get("blacklist/sms")).body == (
        b'{"blacklist":[],"pageNumber":1,"pageSize":10,"total":0}'
    )
    account = await smsend.services.accounts.find("username")
    opt_outs = smsend.services.opt_outs
    await smsend.post("blacklist/sms", {"phoneNumber": ONE})
    smsend.clock.jump(60)
    await opt_outs.add(account, TWO)
    await opt_outs.add(account, TWO, sender="News")  # of one sender only: not on the list
    smsend.clock.jump(60)
    await opt_outs.add(account, THREE, origin=OptOutOrigin.STOP)
    other = await smsend.services.accounts.find("other")
    await opt_outs.add(other, "+4512345678")
    listed = await smsend.get("blacklist/sms")
    assert listed.body == (
        b'{"blacklist":['
        b'{"phoneNumber":"+393491111111","origin":"API","date":"20260921161320"},'
        b'{"phoneNumber":"+393492222222","origin":"WEB","date":"20260921161420"},'
        b'{"phoneNumber":"+393493333333","origin":"STOPSMS","date":"20260921161520"}],'
        b'"pageNumber":1,"pageSize":10,"total":3}'
    )
    for query, found in [
        ("?origins=API", [ONE]),
        ("?origins=web,%20STOPSMS", [TWO, THREE]),
        ("?number=49222", [TWO]),
        ("?number=%2B39349", [ONE, TWO, THREE]),
        ("?number=0039349111", [ONE]),
        ("?number=45", []),
        ("?from=2026-09-21%2016:14:20", [TWO, THREE]),
        ("?from=2026-09-21+14:14:20&timezone=UTC", [TWO, THREE]),
        ("?to=2026-09-21%2016:14:20", [ONE, TWO]),
        ("?from=2026-09-21%2016:14:20&to=2026-09-21%2016:14:20", [TWO]),
        ("?pageNumber=2&pageSize=2", [THREE]),
        ("?pageNumber=3&pageSize=2", []),
    ]:
        assert await numbers(smsend, query) == found, query
    abroad = await smsend.get("blacklist/sms?timezone=UTC&pageSize=1")
    assert abroad.json["blacklist"][0]["date"] == "20260921141320"
    assert abroad.json["total"] == 3


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("query", "name", "reason"),
    [
        ("from=yesterday", "from", "yyyy-MM-dd HH:mm:ss"),
        ("from=2026-13-01%2000:00:00", "from", "yyyy-MM-dd HH:mm:ss"),
        ("to=20260921", "to", "yyyy-MM-dd HH:mm:ss"),
        ("timezone=Mars/Olympus", "timezone", "not an IANA zone"),
        ("timezone=/etc/passwd", "timezone", "not an IANA zone"),
        ("timezone=%00", "timezone", "not an IANA zone"),
        ("origins=FAX", "origins", "API, WEB or STOPSMS"),
        ("number=x", "number", "digits of a number"),
        ("number=%25", "number", "digits of a number"),
        ("number=1234567890123456", "number", "digits of a number"),
    ],
)
async def test_bad_question_is_refused(
    smsend: Any, refused: Any, query: str, name: str, reason: str
) -> None:
    answer = await refused(smsend.get(f"blacklist/sms?{query}"))
    text = f"Invalid value for parameter [{name}]: {reason}"
    assert (answer.status, answer.json["result"]) == (400, text)


async def test_number_on_the_blacklist_is_not_sent_to(smsend: Any) -> None:
    await smsend.post("blacklist/smsbatch", [ONE])
    account = await smsend.services.accounts.find("username")
    before = (await smsend.services.accounts.balance(account)).available
    submission = Submission(dialect="smsend", recipients=(ONE,), text="hello", sender="Dragoman")
    await smsend.services.submission.submit(account, submission)
    wanted = OutboxFilter(account_id=account.account_id)
    [message] = (await smsend.services.queries.outbox(wanted, 0, 10)).messages
    assert (message.state, message.failure) == (State.REJECTED, FailureCode.OPTED_OUT)
    assert (await smsend.services.accounts.balance(account)).available == before
