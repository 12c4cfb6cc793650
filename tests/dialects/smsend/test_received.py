"""Received texts: the manual's calls with their answers, cursors, pages, and what is refused."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.passing_time import PATIENCE_S

from dragoman.assembly import build_services
from dragoman.core.messages.model.messages import InboundPartReport
from dragoman.core.model.errors import StorageUnavailable
from dragoman.protocols.gsm.segmentation import Alphabet
from dragoman.storage import persistence

USERNAME, OTHER = "username", "other"
SIM, SECOND = "393400000001", "393400000002"
FOREIGN = "393400000009"
PHONE = "393356242290"
STEP_S = 1
FROM = "srsmshistory?from=20260921000000"

Refused = Callable[[Awaitable[Any]], Awaitable[Any]]


class Phones:
    """Sends texts to the house's numbers, a second after each other."""

    def __init__(self, smsend: Any) -> None:
        self.smsend = smsend

    def give(self, text: str, to: str = SIM, sender: str = PHONE) -> asyncio.Future[bool]:
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.smsend.clock.advance(STEP_S)
        report = InboundPartReport(
            carrier="main", source=sender, destination=to, alphabet=Alphabet.GSM7, text=text
        )
        self.smsend.services.inbound.receive(report, done.set_result)
        return done

    async def send(self, *texts: str, to: str = SIM, sender: str = PHONE) -> None:
        for text in texts:
            assert await self.give(text, to, sender)


@pytest.fixture
async def phones(smsend: Any) -> Phones:
    return await with_phones(smsend)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def with_foreign_text(shared_smsend: Any) -> None:
    """A text to somebody else."""
    phones = await with_phones(shared_smsend)
    await phones.send("hello", to=FOREIGN)


async def with_phones(smsend: Any) -> Phones:
    """Phones that write to two numbers of the customer's, and to one of somebody else's."""
    services = smsend.services
    for name, numbers in ((USERNAME, (SIM, SECOND)), (OTHER, (FOREIGN,))):
        account = await services.accounts.find(name)
        for number in numbers:
            await services.keywords.add_number(account, number, shared=number == SIM)
    return Phones(smsend)


def texts_of(answer: Any, name: str = "srsmshistory") -> list[str]:
    assert answer.status == 200, answer.body
    return [one["message"] for one in answer.json[name]]


def without_ids(body: bytes) -> bytes:
    return re.sub(rb'(?<="id_message":")[0-9]+', b"<id>", body)


async def test_new_texts_are_answered_as_printed_when_two_came(smsend: Any, phones: Phones) -> None:
    owner = await smsend.services.accounts.find(USERNAME)
    await smsend.services.keywords.reserve(owner, SIM, "qwe")
    await phones.send("qwe sadasd", "abcde")
    answer = await smsend.get("newsrsmsmessage")
    assert answer.status == 200
    assert without_ids(answer.body) == (
        b'{"result":"OK","srsmshistory":['
        b'{"id_message":"<id>","id_sim":"+393400000001","sender":"+393356242290",'
        b'"message":"abcde","sms_date":"20260921161322","keyword":""},'
        b'{"id_message":"<id>","id_sim":"+393400000001","sender":"+393356242290",'
        b'"message":"qwe sadasd","sms_date":"20260921161321","keyword":"QWE"}]}'
    )
    again = await smsend.get("newsrsmsmessage")
    assert again.body == b'{"result":"OK","srsmshistory":[]}'


async def test_history_is_answered_as_printed_when_one_came(smsend: Any, phones: Phones) -> None:
    await phones.send("abcde")
    answer = await smsend.get(FROM)
    assert without_ids(answer.body) == (
        b'{"result":"OK","srsmshistory":['
        b'{"id_message":"<id>","id_sim":"+393400000001","sender":"+393356242290",'
        b'"message":"abcde","sms_date":"20260921161321","keyword":""}],'
        b'"pageNumber":1,"pageSize":10,"total":1}'
    )


async def test_texts_after_one_are_oldest_first_when_its_identifier_is_given(
    smsend: Any, phones: Phones
) -> None:
    await phones.send("1", "2", "3", "4")
    oldest = (await smsend.get(FROM)).json["srsmshistory"][-1]
    after = f"srsmshistory/{oldest['id_sim']}/{oldest['id_message']}"
    assert texts_of(await smsend.get(after)) == ["2", "3", "4"]
    assert texts_of(await smsend.get(f"{after}?limit=2")) == ["2", "3"]
    assert texts_of(await smsend.get(f"srsmshistory/{oldest['id_sim']}/0")) == ["1", "2", "3", "4"]
    assert list(msgspec.json.decode((await smsend.get(after)).body)) == ["result", "srsmshistory"]


async def test_identifiers_of_texts_fit_32_bits_and_those_of_before_stay_good(
    smsend: Any, phones: Phones
) -> None:
    """Programs with typed clients broke; others have kept what they were told."""
    await phones.send("1", "2", "3")
    newest_first = [int(one["id_message"]) for one in (await smsend.get(FROM)).json["srsmshistory"]]
    assert all(0 < id_ < 1 << 31 for id_ in newest_first)
    assert newest_first == sorted(newest_first, reverse=True)
    again = (await smsend.get(f"newsrsmsmessage/{SIM}")).json["srsmshistory"]
    assert [int(one["id_message"]) for one in again] == newest_first
    first = await smsend.services.short_ids.identifier_of(newest_first[-1])
    assert first > 1 << 31
    assert texts_of(await smsend.get(f"srsmshistory/+{SIM}/{first}")) == ["2", "3"]


async def test_texts_are_answered_though_no_short_identifier_can_be_stored(
    smsend: Any, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    await phones.send("1")

    async def unavailable(_: object) -> dict[int, int]:
        raise StorageUnavailable("away")

    monkeypatch.setattr(smsend.services.short_ids, "of", unavailable)
    assert texts_of(await smsend.get("newsrsmsmessage")) == ["1"]


SIMS = [
    ("newsrsmsmessage", ["d", "c", "b", "a"]),
    ("newsrsmsmessage/+393400000001", ["c", "a"]),
    ("newsrsmsmessage/%2B393400000001", ["c", "a"]),
    ("newsrsmsmessage/00393400000002", ["d", "b"]),
    ("newsrsmsmessage/393400000002,+393400000001", ["d", "c", "b", "a"]),
    ("newsrsmsmessage/+393400000001,%20+393400000001?limit=1", ["a"]),
    ("newsrsmsmessage?limit=3", ["c", "b", "a"]),
    (f"{FROM}", ["d", "c", "b", "a"]),
    ("srsmshistory/+393400000001?from=20260921", ["c", "a"]),
    ("srsmshistory/+393400000001,00393400000002?from=20260921&pageSize=3", ["d", "c", "b"]),
    ("srsmshistory/+393400000001,00393400000002?from=20260921&pageSize=3&pageNumber=2", ["a"]),
    (f"{FROM}&pageSize=3&pageNumber=2", ["a"]),
    ("srsmshistory?from=20260921161322&to=20260921161323", ["c", "b"]),
    ("srsmshistory?from=2026-09-21%2016:13:22&to=2026-09-21T16:13", ["d", "c", "b"]),
    ("srsmshistory?from=20260921141322&to=20260921141323&timezone=UTC", ["c", "b"]),
    (f"{FROM}&to=now", ["d", "c", "b", "a"]),
    (f"{FROM}&to=", ["d", "c", "b", "a"]),
    (f"{FROM}&to=99991231235959", ["d", "c", "b", "a"]),
    ("srsmshistory?from=00010102000000", ["d", "c", "b", "a"]),
    (f"{FROM}&to=20260920", []),
    ("srsmshistory/+393400000002?from=20260921161323", ["d"]),
    ("srsmshistory?from=now", ["d"]),
]


@pytest.mark.parametrize(("target", "expected"), SIMS, ids=[target for target, _ in SIMS])
async def test_texts_are_found_by_sim_and_time_when_they_are_named(
    smsend: Any, phones: Phones, target: str, expected: list[str]
) -> None:
    smsend.clock.advance(-STEP_S)
    await phones.send("not yours", to=FOREIGN)
    for text, sim in (("a", SIM), ("b", SECOND), ("c", SIM), ("d", SECOND)):
        await phones.send(text, to=sim)
    assert texts_of(await smsend.get(target)) == expected


async def test_totals_count_all_pages_when_a_page_is_short(smsend: Any, phones: Phones) -> None:
    await phones.send(*"abcde")
    for target in (FROM, "srsmshistory/+393400000001?from=20260921"):
        answer = await smsend.get(f"{target}&pageSize=2&pageNumber=3")
        assert texts_of(answer) == ["a"]
        page = {key: answer.json[key] for key in ("pageNumber", "pageSize", "total")}
        assert page == {"pageNumber": 3, "pageSize": 2, "total": 5}


async def test_no_text_is_skipped_or_repeated_when_sims_are_asked_one_by_one_and_together(
    smsend: Any, phones: Phones
) -> None:
    one, all_ = "newsrsmsmessage/+393400000001", "newsrsmsmessage"
    await phones.send("a", "b")
    await phones.send("c", to=SECOND)
    assert texts_of(await smsend.get(f"{one}?limit=1")) == ["a"]
    assert texts_of(await smsend.get(f"{all_}?limit=1")) == ["b"]
    await phones.send("d")
    assert texts_of(await smsend.get(one)) == ["d"]
    assert texts_of(await smsend.get(f"{one},{SECOND}")) == ["c"]
    await phones.send("e", to=SECOND)
    assert texts_of(await smsend.get(one)) == []
    assert texts_of(await smsend.get(all_)) == ["e"]
    assert texts_of(await smsend.get(all_)) == []
    assert texts_of(await smsend.get(FROM)) == ["e", "d", "c", "b", "a"]


async def test_much_that_was_fetched_by_sim_is_passed_over_when_all_are_asked(
    smsend: Any, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.core.inbound.sql.received_texts.LOOKED_THROUGH", 3)
    await phones.send(*"abcdefghij")
    await phones.send("last", to=SECOND)
    assert len(texts_of(await smsend.get("newsrsmsmessage/+393400000001"))) == 10
    assert texts_of(await smsend.get("newsrsmsmessage")) == ["last"]


async def test_each_text_is_given_once_when_many_programs_ask_at_once(
    smsend: Any, phones: Phones
) -> None:
    given: list[str] = []
    rest = [f"text {n}" for n in range(100)]

    async def poll(target: str) -> None:
        while len(given) < len(rest):
            given.extend(texts_of(await smsend.get(target)))

    async def bring() -> None:
        for n, text in enumerate(rest):
            await phones.send(text, to=(SIM, SECOND)[n % 2])

    targets = ("newsrsmsmessage?limit=3", f"newsrsmsmessage/{SIM}?limit=2", "newsrsmsmessage")
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(bring(), *(poll(target) for target in targets * 3))
    assert sorted(given) == sorted(rest)


async def test_cursor_survives_when_the_gateway_starts_again(smsend: Any, phones: Phones) -> None:
    await phones.send("a", "b", "c")
    assert texts_of(await smsend.get("newsrsmsmessage?limit=2")) == ["b", "a"]
    services = smsend.services
    settings = services.settings
    await services.close()
    again = build_services(settings, smsend.clock)
    await again.open(migrate=False)
    try:
        customer = type(smsend)(again, smsend.clock)
        await customer.begin()
        assert texts_of(await customer.get("newsrsmsmessage")) == ["c"]
    finally:
        await again.close()


async def test_text_is_not_skipped_when_it_is_stored_after_a_later_one(
    smsend: Any, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage makes the writer store a text after one that came later."""
    monkeypatch.setattr(persistence, "RETRY_S", 0.2)
    writer = smsend.services.storage.writer
    submit, failing = writer.submit, [True]

    def fail_once(operation: Any, item: Any, done: Any, **when: Any) -> None:
        if failing:
            failing.clear()
            done(StorageUnavailable("for a moment"))
        else:
            submit(operation, item, done, **when)

    monkeypatch.setattr(writer, "submit", fail_once)
    first = phones.give("early")
    await phones.send("late")
    assert not first.done()
    assert texts_of(await smsend.get("newsrsmsmessage")) == []
    assert await first
    assert texts_of(await smsend.get("newsrsmsmessage")) == ["late", "early"]


KINDS = [
    ("STOP", ["STOP please"]),
    ("CONTACT", ["contact"]),
    ("other", ["STOPPED", "hello"]),
    ("OTHER&from=20260921161323", ["STOPPED"]),
    ("OTHER&pageSize=1&pageNumber=2", ["hello"]),
]


@pytest.mark.parametrize(("query", "expected"), KINDS)
async def test_texts_are_told_apart_when_a_kind_is_asked_for(
    smsend: Any, phones: Phones, query: str, expected: list[str]
) -> None:
    await phones.send("hello", "STOP please", "contact", "STOPPED")
    answer = await smsend.get(f"mosmshistory?type={query}")
    assert texts_of(answer, "mosmshistory") == expected
    names = ["result", "mosmshistory", "pageNumber", "pageSize", "total"]
    assert list(msgspec.json.decode(answer.body)) == names


async def test_texts_of_others_are_not_seen_when_a_keyword_is_somebody_elses(
    smsend: Any, phones: Phones
) -> None:
    other = await smsend.services.accounts.find(OTHER)
    await smsend.services.keywords.reserve(other, SIM, "theirs")
    await phones.send("theirs one", "ours two")
    assert texts_of(await smsend.get("newsrsmsmessage")) == ["ours two"]
    await smsend.begin(OTHER)
    answer = await smsend.get(f"newsrsmsmessage/+{SIM}")
    assert texts_of(answer) == ["theirs one"]
    assert answer.json["srsmshistory"][0]["keyword"] == "THEIRS"


async def test_history_of_a_number_stays_when_the_number_is_gone(
    smsend: Any, phones: Phones
) -> None:
    await phones.send("before")
    await smsend.services.keywords.remove_number(SIM)
    assert texts_of(await smsend.get(f"srsmshistory/{SIM}?from=20260921")) == ["before"]


async def test_names_and_short_codes_stay_as_they_are_when_they_send(
    smsend: Any, phones: Phones
) -> None:
    owner = await smsend.services.accounts.find(USERNAME)
    await smsend.services.keywords.add_number(owner, "44040", shared=False)
    await phones.send("hello", to="44040", sender="Bank")
    (text,) = (await smsend.get("newsrsmsmessage/44040")).json["srsmshistory"]
    assert (text["id_sim"], text["sender"]) == ("44040", "Bank")
    assert text["sms_date"] == "20260921161321"


BAD = [
    ("newsrsmsmessage?limit=0", 400, "Invalid value for parameter [limit]: 1 to 100"),
    ("newsrsmsmessage?limit=101", 400, "Invalid value for parameter [limit]: 1 to 100"),
    ("newsrsmsmessage?limit=-1", 400, "Invalid value for parameter [limit]: 1 to 100"),
    ("newsrsmsmessage?limit=1e1", 400, "Invalid value for parameter [limit]: 1 to 100"),
    ("newsrsmsmessage?limit=%C2%B2", 400, "Invalid value for parameter [limit]: 1 to 100"),
    ("newsrsmsmessage/+393400000009", 400, "Not found: number [393400000009]"),
    ("newsrsmsmessage/+393499999999", 400, "Not found: number [393499999999]"),
    ("newsrsmsmessage/+393400000001,+393400000009", 400, "Not found: number [393400000009]"),
    ("newsrsmsmessage/,", 400, "Invalid value for parameter [id_sim]: 1 to 100 numbers"),
    (
        f"newsrsmsmessage/{','.join(['+393400000001'] * 101)}",
        400,
        "Invalid value for parameter [id_sim]: 1 to 100 numbers",
    ),
    *(
        (
            f"{path}{written}{query}",
            400,
            "Invalid value for parameter [id_sim]: write it as +393471234567 or 00393471234567",
        )
        for path, query in (("newsrsmsmessage/", ""), ("srsmshistory/", "?from=20260921"))
        for written in ("hello", "+", "++393400000001", "39%20340", "-1", "1", "9" * 16, "%00")
    ),
    ("srsmshistory", 400, "Missing parameter [from]"),
    ("srsmshistory/+393400000001", 400, "Missing parameter [from]"),
    ("srsmshistory?to=20260921000000", 400, "Missing parameter [from]"),
    *(
        (
            f"srsmshistory?from={written}",
            400,
            "Invalid value for parameter [from]: yyyyMMddHHmmss",
        )
        for written in ("yesterday", "20261301000000", "2026092100000", "20260921250000", "%00")
    ),
    (f"{FROM}&to=99999999999999", 400, "Invalid value for parameter [to]: yyyyMMddHHmmss"),
    (f"{FROM}&to=00000101000000", 400, "Invalid value for parameter [to]: yyyyMMddHHmmss"),
    (f"{FROM}&timezone=Mars", 400, "Invalid value for parameter [timezone]: not an IANA zone"),
    (f"{FROM}&pageSize=501", 400, "Invalid value for parameter [pageSize]: 1 to 500"),
    (f"{FROM}&pageNumber=0", 400, "Invalid value for parameter [pageNumber]: 1 to 1000000"),
    ("srsmshistory/+393400000001/x", 400, "Invalid value for parameter [id_message]: a number"),
    (
        f"srsmshistory/+393400000001/{1 << 53}",
        400,
        "Invalid value for parameter [id_message]: a number",
    ),
    (
        "srsmshistory/+393400000001,+393400000002/1",
        400,
        "Invalid value for parameter [id_sim]: one number",
    ),
    ("srsmshistory/+393400000009/1", 400, "Not found: number [393400000009]"),
    ("mosmshistory", 400, "Missing parameter [type]"),
    ("mosmshistory?type=ALL", 400, "Invalid value for parameter [type]: STOP, CONTACT or OTHER"),
]


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("target", "status", "reason"), BAD, ids=[target[:60] for target, *_ in BAD]
)
@pytest.mark.usefixtures("with_foreign_text")
async def test_question_is_refused_when_it_cannot_be_answered(
    smsend: Any, refused: Refused, target: str, status: int, reason: str
) -> None:
    answer = await refused(smsend.get(target))
    assert answer.status == status
    assert answer.json == {"result": reason, "error_code": status, "error_message": reason}


async def test_question_without_keys_is_refused_when_it_is_about_texts(smsend: Any) -> None:
    for target in ("newsrsmsmessage", f"srsmshistory/{SIM}/1", FROM, "mosmshistory?type=STOP"):
        assert (await smsend.ask("GET", target)).status == 401
