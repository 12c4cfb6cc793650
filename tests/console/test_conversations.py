"""Conversations in the console: threads, answers, unread state, and automatic answers."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from dragoman.core.inbound.model.auto_answers import AnswerKind
from dragoman.core.messages.model.callbacks import CallbackAnswer, TextFacts
from dragoman.core.messages.model.messages import InboundPartReport, Submission
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.model.errors import FailureCode
from dragoman.protocols.gsm.alphabet import Alphabet

from .conftest import Browser

NUMBER, OWN, OTHER = "4530123456", "4590000001", "4590000002"
AT = f"/console/conversations/{NUMBER}"


class Talk(msgspec.Struct):
    """A browser of an account with two numbers, and somebody who writes to them."""

    browser: Browser
    account: Any
    called: list[NewCallback]

    async def receive(self, text: str, to: str = OWN, sender: str = NUMBER) -> None:
        stored = asyncio.get_running_loop().create_future()
        self.browser.services.inbound.receive(
            InboundPartReport(
                carrier="simulator",
                source=sender,
                destination=to,
                alphabet=Alphabet.GSM7,
                text=text,
            ),
            stored.set_result,
        )
        assert await stored

    async def send(self, text: str, sender: str = "Shop") -> None:
        await self.browser.services.submission.submit(
            self.account,
            Submission(dialect="x", recipients=(f"+{NUMBER}",), text=text, sender=sender),
        )

    def answers(self) -> list[TextFacts]:
        """The automatic answers so far."""
        return [msgspec.json.decode(one.payload, type=TextFacts) for one in self.called]

    async def carry_out(self) -> list[Any]:
        """Sends what is to be answered, each twice as after a crash; the messages."""
        for new in self.called:
            facts = msgspec.json.decode(new.payload, type=TextFacts)
            for _ in range(2):
                await self.browser.services.answering.take(
                    CallbackAnswer(
                        callback_id=new.callback_id,
                        account_id=new.account_id,
                        url="",
                        facts=facts,
                        status=200,
                        headers={},
                        body=b"",
                    )
                )
        return sorted(self.browser.services.live, key=lambda one: one.message_id)


@pytest.fixture
async def talk(browser: Browser) -> Talk:
    account = await browser.services.accounts.find("sena")
    for number in (OWN, OTHER):
        await browser.services.keywords.add_number(account, number, shared=False)
    await browser.sign_in("sena")
    called: list[NewCallback] = []
    browser.services.callback_stored.subscribe(called.append)
    return Talk(browser, account, called)


async def test_thread_holds_both_sides_in_order_and_is_answered_from_the_number_written_to(
    talk: Talk,
) -> None:
    await talk.send("Your table is ready")
    await talk.receive("On my way", to=OTHER)
    page = await talk.browser.get(AT)
    texts = [" ".join(p.itertext()) for p in page.tree.xpath("//ol//p[contains(@class,'body')]")]
    assert texts == ["Your table is ready", "On my way"]
    fields = page.fields(AT)
    assert fields["sender"] == OTHER
    page = await talk.browser.send(page, AT, text="See you")
    assert "See you" in page.text
    *_, sent = talk.browser.services.live
    assert (sent.batch.stored.sender, sent.recipient) == (OTHER, NUMBER)
    repeated = await talk.browser.post(AT, **fields | {"text": "See you"})
    assert repeated.status == 303
    assert sum(one.batch.stored.text == "See you" for one in talk.browser.services.live) == 1


async def test_unread_is_read_only_up_to_what_was_seen(talk: Talk) -> None:
    await talk.receive("One")
    page = await talk.browser.get("/console/conversations")
    assert "1 unread." in page.text
    seen = await talk.browser.get(AT)
    assert "1 unread." in (await talk.browser.get("/console/conversations")).text
    await talk.receive("Two")
    page = await talk.browser.post(AT, **seen.fields(AT) | {"do": "read"})
    assert page.status == 303
    assert "1 unread." in (await talk.browser.get("/console/conversations")).text
    seen = await talk.browser.get(AT)
    await talk.browser.post(AT, **seen.fields(AT) | {"do": "read"})
    page = await talk.browser.get("/console/conversations?unread=1")
    assert "Everything is read." in page.text
    seen = await talk.browser.get(AT)
    await talk.browser.post(AT, **seen.fields(AT) | {"do": "unread"})
    assert "1 unread." in (await talk.browser.get("/console/conversations")).text


async def test_watchers_learn_of_texts_and_states(talk: Talk) -> None:
    before = [
        (await talk.browser.get(path)).body
        for path in (f"{AT}/watch", "/console/conversations-watch")
    ]
    await talk.receive("Hello")
    after = [
        (await talk.browser.get(path)).body
        for path in (f"{AT}/watch", "/console/conversations-watch")
    ]
    assert before[0] != after[0]
    assert before[1] != after[1]


async def test_strangers_read_nothing(talk: Talk) -> None:
    await talk.receive("My secret")
    other = talk.browser.another()
    await other.sign_in("stranger")
    assert "secret" not in (await other.get(AT)).text
    assert "secret" not in (await other.get("/console/conversations")).text
    viewer = talk.browser.another()
    await viewer.sign_in("vera")
    assert (await viewer.get(AT)).status == 403


async def test_answer_that_is_refused_stays_in_the_form(talk: Talk) -> None:
    await talk.receive("Hello")
    page = await talk.browser.get(AT)
    page = await talk.browser.post(AT, **page.fields(AT) | {"text": ""})
    assert page.status == 400
    assert "Enter a text." in page.text
    page = await talk.browser.post(AT, **page.fields(AT) | {"text": "x" * 2000})
    assert page.status == 400
    assert page.fields(AT)["text"] == "x" * 2000


async def test_number_is_found_in_any_spelling(talk: Talk) -> None:
    page = await talk.browser.get("/console/conversations?number=%2B45+30+12+34+56")
    assert page.header("location") == AT
    assert (await talk.browser.get("/console/conversations?number=x")).status == 400


async def test_inbox_leads_to_the_conversation(talk: Talk) -> None:
    await talk.receive("Hello")
    page = await talk.browser.get("/console/inbox")
    assert page.tree.xpath(f"//a[@href='{AT}#answer']")


@pytest.mark.parametrize(
    ("texts", "kinds"),
    [
        (["STOP"], ["stop"]),
        (["STOP", "stop please"], ["stop"]),
        (["HELP"], ["help"]),
        (["HELP", "help"], ["help"]),
        (["help me with my order"], []),
        (["STOP", "START"], ["stop", "start"]),
        (["Hello"], []),
    ],
)
async def test_each_request_is_answered_once(
    talk: Talk, texts: list[str], kinds: list[str]
) -> None:
    answers = talk.browser.services.auto_answers
    for kind in AnswerKind:
        await answers.put(talk.account, "", kind, f"about {kind}", 0)
    for text in texts:
        await talk.receive(text)
    assert [one.text for one in talk.answers()] == [f"about {kind}" for kind in kinds]
    sent = await talk.carry_out()
    assert [one.batch.stored.text for one in sent] == [f"about {kind}" for kind in kinds]
    assert all(one.batch.stored.sender == OWN and one.recipient == NUMBER for one in sent)


async def test_nothing_is_answered_unless_set_and_a_number_can_have_its_own(talk: Talk) -> None:
    await talk.receive("STOP")
    assert talk.called == []
    answers = talk.browser.services.auto_answers
    await answers.put(talk.account, "", AnswerKind.HELP, "all", 0)
    await answers.put(talk.account, OTHER, AnswerKind.HELP, "", 0)
    await talk.receive("HELP", to=OTHER)
    assert talk.called == []
    await talk.receive("HELP")
    assert [one.text for one in talk.answers()] == ["all"]


async def test_only_the_confirmation_goes_to_who_opted_out(talk: Talk) -> None:
    await talk.browser.services.auto_answers.put(talk.account, "", AnswerKind.STOP, "Bye", 0)
    await talk.receive("STOP")
    sent = await talk.carry_out()
    assert [one.batch.stored.text for one in sent] == ["Bye"]
    assert talk.browser.services.backlog._may_be_sent(sent[0])
    decision = await talk.browser.services.submission.decide(
        talk.account,
        Submission(dialect="x", recipients=(f"+{NUMBER}",), text="Buy", sender=OWN),
    )
    assert [one.failure for one in decision.new.rejections] == [FailureCode.OPTED_OUT]


async def test_answers_are_set_in_the_console_and_by_two_people(talk: Talk) -> None:
    path = "/console/answers"
    page = await talk.browser.get(path)
    form = {"number": OWN, "kind": "stop", "known": "0", "text": "Goodbye"}
    token = page.fields(path)["form_token"]
    page = await talk.browser.follow(await talk.browser.post(path, form_token=token, **form))
    assert "Saved." in page.text
    assert "Goodbye" in page.text
    page = await talk.browser.post(path, form_token=token, **form | {"text": "Other"})
    assert page.status == 409
    assert "Current text: Goodbye" in page.text
    assert "Other" in page.text
    answers = talk.browser.services.auto_answers
    assert answers.find(talk.account.account_id, OWN, AnswerKind.STOP) == "Goodbye"
    assert answers.find(talk.account.account_id, OTHER, AnswerKind.STOP) == ""
    await answers.load()
    assert answers.find(talk.account.account_id, OWN, AnswerKind.STOP) == "Goodbye"
    page = await talk.browser.post(path, form_token=token, **form | {"number": "4577777777"})
    assert page.status == 404
