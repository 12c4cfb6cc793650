"""`sms-service`: which texts a URL is called about, how, and what of its answer goes back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from dragoman.config import Settings
from dragoman.config.dialects import Dialects
from dragoman.config.kannel import Kannel, KannelService
from dragoman.config.sections import Callbacks
from dragoman.config.tables import NumberTable
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.callbacks import lanes as lanes_module
from dragoman.core.callbacks import worker as worker_module
from dragoman.core.inbound import patterns
from dragoman.core.inbound.model.services import TextService, service_for
from dragoman.core.inbound.patterns import PatternSearch
from dragoman.core.messages.model.callbacks import (
    CallbackAnswer,
    CallbackCall,
    OwnAnswer,
    TextFacts,
)
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import InboundPartReport
from dragoman.core.messages.model.views import MessageView
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.dialects.kannel.inbound import render_service
from dragoman.dialects.kannel.replies import EMPTY, NOT_TEXT, Replies, read_answer
from dragoman.gateway import Gateway
from dragoman.kit.clock import FixedClock
from dragoman.kit.ids import time_of
from dragoman.protocols.gsm.alphabet import Alphabet

FACTS = TextFacts(
    inbound_id=869_020_467_200_010,
    sender="4512345678",
    recipient="1272",
    text="NEWS from  Søby *1* today",
    carrier="main",
    alphabet=Alphabet.GSM7.value,
    service="news",
)
DATA = msgspec.structs.replace(
    FACTS, text="00ff41", alphabet=Alphabet.BINARY.value, header="0605040b8423f0"
)
NAMED = msgspec.structs.replace(FACTS, sender="Bank & Co")


def service(**more: Any) -> KannelService:
    return KannelService(**{"name": "news", "account": "tester", **more})


ESCAPES = {
    "all words": ("%a", FACTS, "NEWS+from+S%C3%B8by+%2A1%2A+today"),
    "the text as it is": ("%b", FACTS, "NEWS+from++S%C3%B8by+%2A1%2A+today"),
    "the same": ("%A", FACTS, "NEWS+from++S%C3%B8by+%2A1%2A+today"),
    "the first word": ("%k", FACTS, "NEWS"),
    "word after word": ("%s/%s", FACTS, "from/S%C3%B8by"),
    "a word as it is": ("%s%s%S", FACTS, "fromS%C3%B8by~1~"),
    "more words than there are": ("%s%s%s%s-%s-%S", FACTS, "fromS%C3%B8by%2A1%2Atoday--"),
    "the words that are left": ("%s|%r", FACTS, "from|S%C3%B8by+%2A1%2A+today"),
    "nothing is left": ("%s%s%s%s[%r]", FACTS, "fromS%C3%B8by%2A1%2Atoday[]"),
    "who and where": ("%p,%P,%q,%Q", FACTS, "%2B4512345678,1272,%2B4512345678,1272"),
    "a sender that is a name": ("%p", NAMED, "Bank+%26+Co"),
    "when": ("%t", FACTS, "2026-09-21+14:04:56"),
    "coding and charset": ("%c,%C,%O", FACTS, "0,UTF-8,00"),
    "data": ("%c,%C,%O,%b,%u", DATA, "1,8-BIT,04,%00%FFA,%06%05%04%0B%84%23%F0"),
    "carrier and service": ("%i,%n", FACTS, "main,news"),
    "what an inbound text has not": ("[%u%v%V%B%o%f%F%x%D%R%#a#b#]", FACTS, "[]"),
    "what is unset": ("%m%M%d", FACTS, "-1-1-1"),
    "a percent sign": ("%%a%", FACTS, "%a%"),
    "encoded text stays": ("%C3%B8", FACTS, "%C3%B8"),
    "an unknown one stays": ("%z", FACTS, "%z"),
}


@pytest.mark.parametrize(("template", "facts", "filled"), ESCAPES.values(), ids=ESCAPES)
def test_escapes_of_a_text(template: str, facts: TextFacts, filled: str) -> None:
    url = f"http://a.example/?x={template}"
    call = render_service(url, facts, service(get_url=url))
    filled = filled.replace("2026-09-21+14:04:56", _when(facts))
    assert call == CallbackCall(method="GET", url=f"http://a.example/?x={filled}")


def _when(facts: TextFacts) -> str:
    at = datetime.fromtimestamp(time_of(facts.inbound_id) / 1000, UTC)
    return at.strftime("%Y-%m-%d+%H:%M:%S")


def test_an_escape_in_a_text_is_not_read_again() -> None:
    facts = msgspec.structs.replace(FACTS, text="NEWS %p%s x&y=1#z")
    call = render_service("http://a.example/?x=%a&p=%p", facts, service(get_url="http://a"))
    assert isinstance(call, CallbackCall)
    assert call.url == "http://a.example/?x=NEWS+%25p%25s+x%26y%3D1%23z&p=%2B4512345678"


POSTS = {
    "a text": (
        {},
        FACTS,
        'text/plain; charset="UTF-8"',
        {"To": "1272", "SMSC": "main", "Coding": "0", "Service": "news"},
        "NEWS from  Søby *1* today".encode(),
    ),
    "without its keyword, with its sender": (
        {"strip_keyword": True, "send_sender": True},
        FACTS,
        'text/plain; charset="UTF-8"',
        {"From": "+4512345678", "To": "1272", "SMSC": "main", "Coding": "0", "Service": "news"},
        "from  Søby *1* today".encode(),
    ),
    "data": (
        {},
        DATA,
        "application/octet-stream",
        {
            "To": "1272",
            "SMSC": "main",
            "Coding": "1",
            "Service": "news",
            "UDH": "%06%05%04%0B%84%23%F0",
        },
        b"\x00\xffA",
    ),
}


@pytest.mark.parametrize(("more", "facts", "kind", "headers", "body"), POSTS.values(), ids=POSTS)
def test_a_text_is_posted(
    more: dict[str, Any], facts: TextFacts, kind: str, headers: dict[str, str], body: bytes
) -> None:
    url = "http://a.example/"
    call = render_service(url, facts, service(post_url=url, **more))
    assert isinstance(call, CallbackCall)
    sent = dict(call.headers)
    assert sent.pop("Content-Type") == kind
    assert sent.pop("X-Kannel-Time") == _when(facts).replace("+", " ")
    assert sent == {f"X-Kannel-{name}": value for name, value in headers.items()}
    assert (call.method, call.url, call.body) == ("POST", url, body)


DOCUMENT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<message cid="1"><submit>{oa}'
    "<da><number>1272</number></da>{ud}<dcs><coding>{coding}</coding></dcs><at>{at}"
    "<timezone>0</timezone></at><from><account>main</account></from>"
    "<to><service>news</service></to></submit></message>\n"
)
TEXT_UD = "<ud>NEWS+from++S%C3%B8by+%2A1%2A+today</ud>"
DOCUMENTS: dict[str, tuple[dict[str, Any], TextFacts, dict[str, str]]] = {
    "a text": ({}, FACTS, {"ud": TEXT_UD}),
    "its sender": (
        {"send_sender": True, "strip_keyword": True},
        NAMED,
        {
            "oa": "<oa><number>Bank &amp; Co</number></oa>",
            "ud": TEXT_UD.replace("NEWS+", ""),
        },
    ),
    "data": (
        {},
        DATA,
        {"ud": "<udh>%06%05%04%0B%84%23%F0</udh><ud>%00%FFA</ud>", "coding": "1"},
    ),
    "nothing": ({}, msgspec.structs.replace(FACTS, text=""), {"ud": ""}),
}


@pytest.mark.parametrize(("more", "facts", "parts"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_is_posted(
    more: dict[str, Any], facts: TextFacts, parts: dict[str, str]
) -> None:
    url = "http://a.example/"
    call = render_service(url, facts, service(post_xml=url, **more))
    names = ("year", "month", "day", "hour", "minute", "second")
    times = zip(names, re.split(r"\D", _when(facts)), strict=True)
    at = "".join(f"<{name}>{value}</{name}>" for name, value in times)
    body = DOCUMENT.format(**({"oa": "", "coding": "0", "at": at} | parts))
    kind = (("Content-Type", 'text/xml; charset="UTF-8"'),)
    assert call == CallbackCall(method="POST", url=url, headers=kind, body=body.encode())


def test_a_service_answers_by_itself(tmp_path: Path) -> None:
    answer = render_service("", FACTS, service(text="Hej %p, you sent: %a"))
    assert isinstance(answer, OwnAnswer)
    assert answer.body.decode() == "Hej +4512345678, you sent: NEWS from Søby *1* today"
    file = tmp_path / "answer.txt"
    file.write_text("Open 9-17, 100%\n")
    answer = render_service("", FACTS, service(file=str(file)))
    assert isinstance(answer, OwnAnswer)
    assert answer.body == b"Open 9-17, 100%\n"


ONE_WORD = service(name="one", keywords=("ONE",), get_url="http://a.example/?x=%s")
NEWS = service(name="news", keywords=("News", "nyt"), get_url="http://a.example/?x=%a")
TWO = service(name="two", keywords=("stop it",), catch_all=True, text="fine")
SHORT = service(name="short", keywords=("short",), numbers=("+1919",), text="x")
ABROAD = service(name="abroad", carriers=("other",), text="x")
REST = service(name="rest", get_url="http://a.example/?x=%s")
POST = service(name="post", keywords=("post",), post_url="http://a.example/")
ALL = [one.value() for one in (ONE_WORD, NEWS, TWO, SHORT, ABROAD, POST, REST)]


def chosen(
    services: list[TextService],
    text: str,
    number: str = "1272",
    carrier: str = "main",
    sender: str = "45",
    search: PatternSearch | None = None,
) -> Any:
    finds = (search or PatternSearch(FixedClock())).of_text(text)
    return service_for(services, text, number, carrier, sender, finds)


FOUND = {
    "NEWS": "news",
    "news of today": "news",
    "  Nyt!": "news",
    "newsletter": "rest",
    "one 1": "one",
    "one": "rest",
    "one 1 2": "rest",
    "stop it": "two",
    "stop it now": "rest",
    "Stop IT now please": "rest",
    "short": "rest",
    "post": "post",
    "post a b c": "post",
    "": "rest",
    "anything": "rest",
}


@pytest.mark.parametrize("text", FOUND)
def test_the_service_of_a_text(text: str) -> None:
    found = chosen(ALL, text, sender="4512345678")
    assert found is not None
    # `catch_all` takes any number of words.
    expected = "two" if text.lower().startswith("stop it") else FOUND[text]
    assert found.name == expected


def test_services_of_a_number_and_of_a_carrier() -> None:
    assert chosen(ALL, "short", "1919").name == "short"
    assert chosen(ALL, "what", carrier="other").name == "abroad"
    assert chosen(ALL[:2], "what") is None


WHERE = {
    "number_prefixes": (("12", "1919"), {"1272": True, "1919": True, "4511": False}),
    "denied_number_prefixes": (("1272",), {"1272": False, "1919": True, "12720": False}),
    "sender_prefixes": (("45",), {"4512345678": True, "46": False, "Bank": False}),
    "denied_sender_prefixes": (("4590", "47"), {"4512": True, "4590": False, "47": False}),
}


@pytest.mark.parametrize("name", WHERE)
def test_first_digits_that_a_service_serves(name: str) -> None:
    prefixes, expected = WHERE[name]
    only = [service(name="one", text="x", **{name: prefixes}).value()]
    for digits, takes in expected.items():
        number, sender = (digits, "45") if "number" in name else ("1272", digits)
        found = chosen(only, "hello", number, sender=sender)
        assert (found is not None) is takes, digits


PATTERNS = {
    "^ *(news|info)": {"News today": True, "  INFO": True, "no news": False},
    "[[:digit:]]{3}$": {"code 123": True, "code 12": False},
    "^(a+)+$": {"a" * 40: True, "a" * 5_000 + "!": False},  # no text takes long
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_an_expression_for_texts(pattern: str) -> None:
    one = service(name="one", keyword_regex=pattern, catch_all=True, text="x").value()
    rest = service(name="rest", text="y").value()
    for text, takes in PATTERNS[pattern].items():
        found = chosen([one, rest], text)
        assert found is (one if takes else rest), text[:50]


def test_slow_expressions_get_a_share_of_the_time_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[tuple[str, float]] = []

    def search_pattern(pattern: str, text: str, timeout_s: float) -> bool:
        searched.append((pattern, timeout_s))
        if pattern != "quick":
            clock.advance(timeout_s)
            raise TimeoutError
        return pattern in text

    monkeypatch.setattr(patterns, "search_pattern", search_pattern)
    clock = FixedClock()
    search = PatternSearch(clock)
    named = [
        service(name=name, keyword_regex=name, text="x", catch_all=True).value()
        for name in ("slow", "slower", "quick")
    ]

    def take(text: str) -> tuple[Any, list[str]]:
        searched.clear()
        found = chosen(named, text, search=search)
        assert all(0 < timeout_s <= patterns.TEXT_S for _, timeout_s in searched)
        return found and found.name, [pattern for pattern, _ in searched]

    with capture_logs() as logs:
        assert take("quick") == (None, ["slow"])  # the time of this text is over
        assert take("quick") == (None, ["slower"])  # one rests, the other is not known yet
        assert take("quick") == ("quick", ["quick"])  # both rest
        clock.advance(patterns.REST_S)
        assert take("quick") == (None, ["slow"])
        assert take("quick") == ("quick", ["quick"])  # suspects rest together
    assert [one["pattern"] for one in logs] == ["slow", "slower"]


def answered(body: bytes, kind: str = "text/plain", **headers: str) -> CallbackAnswer:
    given = {f"x-kannel-{name.replace('_', '-')}": value for name, value in headers.items()}
    if kind:
        given["content-type"] = kind
    return CallbackAnswer(
        callback_id=7, account_id=1, url="", facts=FACTS, status=200, headers=given, body=body
    )


XML = """<?xml version="1.0"?><message><submit>%s<ud>Hej%%20du</ud></submit></message>"""
BASE = {"to": "4512345678", "from": "1272"}
ANSWERS: dict[str, tuple[CallbackAnswer, dict[str, Any], dict[str, str] | None]] = {
    "plain text": (answered(b"Hej du\n"), {}, {"text": "Hej du", "charset": ""}),
    "its charset": (
        answered(b"S\xf8by", "text/plain; charset=ISO-8859-1"),
        {},
        {"text": "Søby", "charset": "iso-8859-1"},
    ),
    "no type": (answered(b"Hej", ""), {}, {"text": "Hej", "charset": ""}),
    "a page": (
        answered(b"<html><!-- x -->\n<p>Hej   <b>du</b>&amp;dig</p></html>", "text/html"),
        {},
        {"text": "Hej du&dig", "charset": "utf-8"},
    ),
    "wml": (
        answered(b"<wml><card>Hej</card></wml>", "text/vnd.wap.wml"),
        {},
        {"text": "Hej", "charset": "utf-8"},
    ),
    "octets": (
        answered(b"\x00\xff", "application/octet-stream"),
        {},
        {"text": "\x00\xff", "coding": "1"},
    ),
    "a document": (
        answered((XML % "").encode(), "text/xml"),
        {},
        {"text": "Hej du", "charset": "utf-8", "udh": ""},
    ),
    "a document for somebody else": (
        answered((XML % "<da><number>4599</number></da>").encode(), "text/xml"),
        {},
        {"to": "4599", "text": "Hej du", "charset": "utf-8", "udh": ""},
    ),
    "a broken document": (
        answered(b"<message>", "text/xml"),
        {},
        {"text": NOT_TEXT, "charset": "utf-8"},
    ),
    "a picture": (answered(b"GIF", "image/gif"), {}, {"text": NOT_TEXT, "charset": "utf-8"}),
    "nothing": (answered(b""), {}, None),
    "only blanks": (answered(b" \r\n", "text/html"), {}, None),
    "nothing, said so": (
        answered(b""),
        {"omit_empty": False},
        {"text": EMPTY, "charset": "utf-8"},
    ),
    "another sender": (
        answered(b"Hej"),
        {"sender": "Shop"},
        {"from": "Shop", "text": "Hej", "charset": ""},
    ),
    "headers that do not count": (
        answered(b"Hej", to="4588888888"),
        {},
        {"text": "Hej", "charset": ""},
    ),
    "headers that count": (
        answered(b"Hej", to="4588888888", from_="x", dlr_mask="3"),
        {"accept_x_kannel_headers": True},
        {"to": "4588888888", "dlr-mask": "3", "text": "Hej", "charset": ""},
    ),
}


@pytest.mark.parametrize(("answer", "more", "given"), ANSWERS.values(), ids=ANSWERS)
def test_what_an_answer_says(
    answer: CallbackAnswer, more: dict[str, Any], given: dict[str, str] | None
) -> None:
    assert read_answer(answer, FACTS, service(**more)) == (given and BASE | given)


class Program:
    """A customer's server: what it answers, and the targets it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: list[tuple[int, str]] = []
        self.origin = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        status, text = self.answers.pop(0) if self.answers else (200, "thanks")
        return web.Response(status=status, text=text)


@pytest.fixture
async def program() -> AsyncIterator[Program]:
    program = Program()
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", program.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    program.origin = f"http://127.0.0.1:{port}"
    yield program
    await runner.cleanup()


class Phone:
    """A gateway with services, and the phone that texts to it."""

    def __init__(self, gateway: Gateway, account: Account) -> None:
        self.gateway = gateway
        self.account = account

    async def text(self, text: str, *, to: str = "1272", sender: str = "4512345678") -> None:
        stored = asyncio.get_running_loop().create_future()
        report = InboundPartReport(
            carrier="simulator",
            source=sender,
            destination=to,
            alphabet=Alphabet.GSM7,
            text=text,
        )
        self.gateway.services.inbound.receive(report, stored.set_result)
        assert await stored

    async def answers(self) -> list[MessageView]:
        wanted = OutboxFilter(account_id=self.account.account_id)
        page = await self.gateway.services.queries.outbox(wanted, 0, 100)
        return list(reversed(page.messages))

    async def until_idle(self, until: Any) -> None:
        await until(lambda: self.gateway.callbacks.depth() == 0)


@pytest.fixture
async def phone(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Phone]:
    monkeypatch.setattr(worker_module, "POLL_S", 0.01)
    for module in (worker_module, lanes_module):
        monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.05)
    url = f"{program.origin}/in?from=%p&text=%a"
    services = (
        service(get_url=url, keywords=("news",)),
        service(name="cut", get_url=url, keywords=("cut",), max_messages=1),
        service(name="mute", get_url=url, keywords=("mute",), max_messages=0),
        service(name="own", text="You said %a", keywords=("echo",), catch_all=True),
    )
    base = Settings.development(tmp_path, http="127.0.0.1:0", smsc="127.0.0.1:1")
    gateway = Gateway(
        msgspec.structs.replace(
            base,
            dialects=Dialects(enabled=("kannel",), kannel=Kannel(services=services)),
            numbers=(NumberTable(number="1272", account="tester"),),
            callbacks=Callbacks(
                allow_private=("127.0.0.0/8",), first_retry_s=0.05, max_retry_s=0.1
            ),
        )
    )
    await gateway.start(migrate=True)
    made = await gateway.services.accounts.create("tester", password="foobar")
    await gateway.services.inbound_routing.settle()
    yield Phone(gateway, made.account)
    await gateway.stop()


async def test_the_answer_goes_back_to_the_phone(
    phone: Phone, program: Program, until: Any
) -> None:
    await phone.text("News of today")
    await until(phone.answers)
    await phone.until_idle(until)
    assert program.asked == ["/in?from=%2B4512345678&text=News+of+today"]
    [answer] = await phone.answers()
    assert (answer.sender, answer.recipient, answer.text) == ("1272", "4512345678", "thanks")


async def test_a_text_that_no_service_takes_is_kept(phone: Phone, program: Program) -> None:
    await phone.text("hello")
    assert (program.asked, await phone.answers()) == ([], [])
    assert phone.gateway.callbacks.depth() == 0


async def test_a_service_that_fails_is_called_again_and_answers_once(
    phone: Phone, program: Program, until: Any
) -> None:
    program.answers = [(500, "oops"), (404, "no"), (202, "here")]
    await phone.text("news")
    await until(phone.answers)
    await phone.until_idle(until)
    assert len(program.asked) == 3
    assert [answer.text for answer in await phone.answers()] == ["here"]


async def test_a_long_answer_is_whole_or_cut(phone: Phone, program: Program, until: Any) -> None:
    program.answers = [(200, "x" * 170)] * 2
    await phone.text("news")
    await until(phone.answers)
    await phone.text("cut")

    async def both() -> bool:
        return len(await phone.answers()) == 2

    await until(both)
    assert [len(answer.text) for answer in await phone.answers()] == [170, 160]


async def test_an_answer_is_cut_to_what_the_account_may_send(
    phone: Phone, program: Program, until: Any
) -> None:
    program.answers = [(200, "æ" * 5_000)]
    await phone.text("news")
    await until(phone.answers)
    [answer] = await phone.answers()
    assert set(answer.text) == {"æ"}
    assert len(answer.text) == 153 * 10


async def test_an_account_that_is_disabled_answers_nothing(
    phone: Phone, program: Program, until: Any
) -> None:
    await phone.gateway.services.accounts.change("tester", enabled=False)
    account = await phone.gateway.services.accounts.find("tester")
    answer = msgspec.structs.replace(answered(b"hello"), account_id=account.account_id)
    replies = Replies(phone.gateway.services, {"news": service(get_url="http://a.example/")})
    await replies.take(answer)
    assert await phone.answers() == []


@pytest.mark.parametrize("cut", range(4))
def test_a_character_that_was_cut_off_is_left_out(cut: int) -> None:
    body = ("x" * cut + "€" * 2_000).encode()[:4096]
    read = read_answer(answered(body), FACTS, service())
    assert read is not None
    assert set(read["text"].encode("latin-1").decode()) <= {"x", "€"}


async def test_a_muted_service_is_called_and_sends_nothing(
    phone: Phone, program: Program, until: Any
) -> None:
    await phone.text("mute")
    await until(lambda: program.asked)
    await phone.until_idle(until)
    assert await phone.answers() == []


async def test_a_service_that_calls_nobody(phone: Phone, program: Program, until: Any) -> None:
    await phone.text("echo one  two")
    await until(phone.answers)
    await phone.until_idle(until)
    assert program.asked == []
    assert [answer.text for answer in await phone.answers()] == ["You said echo one two"]


async def test_a_sender_that_is_a_name_gets_no_answer(
    phone: Phone, program: Program, until: Any
) -> None:
    await phone.text("news", sender="Bank")
    await until(lambda: program.asked)
    await phone.until_idle(until)
    assert await phone.answers() == []


async def test_who_opted_out_gets_no_answer(phone: Phone, program: Program, until: Any) -> None:
    await phone.gateway.services.opt_outs.add(phone.account, "4512345678", "")
    await phone.text("news")
    await until(phone.answers)
    assert [answer.state for answer in await phone.answers()] == [State.REJECTED]


async def test_a_call_that_was_answered_twice_sends_one_answer(phone: Phone) -> None:
    services = phone.gateway.services
    replies = Replies(services, {"news": service(get_url="http://a.example/")})
    for text in (b"first", b"second"):
        answer = msgspec.structs.replace(answered(text), account_id=phone.account.account_id)
        await replies.take(answer)
    assert [answer.text for answer in await phone.answers()] == ["first"]


async def test_an_answer_that_cannot_be_stored_is_fetched_again(
    phone: Phone, program: Program, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = phone.gateway.services.idempotency_keys
    submit, failures = keys.submit, [OSError()]

    async def failing(*given: Any) -> Any:
        if failures:
            raise failures.pop()
        return await submit(*given)

    monkeypatch.setattr(keys, "submit", failing)
    await phone.text("news")
    await until(phone.answers)
    await phone.until_idle(until)
    assert len(program.asked) == 2
    assert [answer.text for answer in await phone.answers()] == ["thanks"]


@pytest.mark.parametrize("way", ["webhook", "keyword"])
async def test_a_url_that_is_set_while_it_runs(
    phone: Phone, program: Program, until: Any, way: str
) -> None:
    services, url = phone.gateway.services, f"{program.origin}/set?t=%b"
    if way == "webhook":
        await services.webhooks.put_text_url(phone.account, "kannel", url)
    else:
        made = await services.keywords.add_forwarding(
            phone.account, dialect="kannel", url=url, charset="", continuous=False
        )
        await services.keywords.reserve(
            phone.account, "1272", "hello", forwarding_id=made.forwarding_id
        )
    await phone.text("hello there")
    await until(phone.answers)
    await phone.until_idle(until)
    assert program.asked == ["/set?t=hello+there"]
    assert [answer.text for answer in await phone.answers()] == ["thanks"]
