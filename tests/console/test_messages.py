"""Finding a message, and its page."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.dialects.in_process import forget

from dragoman.core.callbacks.model.held_hosts import HeldHost
from dragoman.core.messages.live import LiveMessage
from dragoman.core.messages.model.failure_causes import CAUSES
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import CallbackRequest, Format, Submission
from dragoman.core.model.errors import FailureCode, Refused
from dragoman.kit.ids import render_base64, render_dashed, render_hex
from dragoman.storage.probe import probe

from .conftest import Browser


async def _send(browser: Browser, username: str, *numbers: str, text: str = "hello") -> int:
    """Sends to numbers and returns the batch id."""
    account = await browser.services.accounts.find(username)
    accepted = await browser.services.submission.submit(
        account,
        Submission(dialect="test", recipients=numbers, text=text, sender="Dragoman"),
    )
    return accepted.batch_id


@pytest.fixture
async def found(browser: Browser) -> Any:
    """A browser of `adam`, and the messages that were sent, by number."""
    await _send(browser, "adam", "+4530123456", text="the red fox")
    browser.clock.advance(3600)
    await _send(browser, "adams-child", "+4530123457", text="a blue <b>whale</b>")
    await _send(browser, "stranger", "+4530123458", text="the red panda")
    browser.clock.advance(3600)
    await _send(browser, "adam", "+46701234567", "+4530123456", text="the red carpet")
    await browser.sign_in("adam")
    ids = {
        (m.recipient, m.batch.account_id): (m.message_id, m.batch.batch_id)
        for m in browser.services.live
    }
    return browser, ids


def _numbers(page: Any) -> list[str]:
    return [text.strip() for text in page.tree.xpath("//tbody/tr/td[1]/text()")]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["+4530123456", "+46701234567", "+4530123457", "+4530123456"]),
        ("number=%2B45+30+12+34+56", ["+4530123456", "+4530123456"]),
        ("number=4530123458", []),
        ("text=red", ["+4530123456", "+46701234567", "+4530123456"]),
        ("text=RED+fox", ["+4530123456"]),
        ("text=panda", []),
        ("state=waiting", ["+4530123456", "+46701234567", "+4530123457", "+4530123456"]),
        ("state=failed", []),
        ("from=2026-09-21T15:00&to=2026-09-21T15:30", ["+4530123457"]),
        ("to=2026-09-21T14:13", ["+4530123456"]),
        ("from=2026-09-22", []),
        ("to=2026-09-21", ["+4530123456", "+46701234567", "+4530123457", "+4530123456"]),
    ],
)
async def test_search_finds_messages_of_the_own_tree(
    found: Any, query: str, expected: list[str]
) -> None:
    browser, _ = found
    page = await browser.get(f"/console/messages?{query}")
    assert page.status == 200
    assert _numbers(page) == expected


def with_letters(identifier: int) -> str:
    return f"SM{render_hex(identifier)}"


@pytest.mark.parametrize("spell", [str, render_hex, with_letters, render_base64, render_dashed])
async def test_search_opens_a_message_by_any_spelling_of_its_id(found: Any, spell: Any) -> None:
    browser, ids = found
    (message_id, _) = next(pair for (number, _), pair in ids.items() if number == "4530123457")
    page = await browser.get(f"/console/messages?id={spell(message_id)}")
    assert page.header("location") == f"/console/messages/{message_id}"
    page = await browser.follow(page)
    assert "Message to +4530123457" in page.text
    assert "a blue <b>whale</b>" in page.text  # as text


async def test_search_lists_a_batch_by_its_id(found: Any) -> None:
    browser, ids = found
    (_, batch_id) = next(pair for (number, _), pair in ids.items() if number == "46701234567")
    page = await browser.get(f"/console/messages?id={batch_id}")
    assert _numbers(page) == ["+4530123456", "+46701234567"]


async def test_message_of_another_tree_is_not_there(found: Any) -> None:
    browser, ids = found
    (message_id, batch_id) = next(
        pair for (number, _), pair in ids.items() if number == "4530123458"
    )
    known = await browser.get(f"/console/messages/{message_id}")
    unknown = await browser.get("/console/messages/123456789012345")
    assert (known.status, known.body) == (unknown.status, unknown.body)
    assert known.status == 404
    for identifier in (message_id, batch_id):
        page = await browser.get(f"/console/messages?id={identifier}")
        assert "You have no message or batch with this ID." in page.text


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("number=hello", "q", "Enter a number"),
        ("id=hello", "q", "Not a message or batch ID"),
        ("id=99999999999999999999", "q", "Not a message or batch ID"),
        ("from=yesterday", "from", "Invalid time"),
        ("to=9999-12-31T23:59:59%2B00:00x", "to", "Invalid time"),
        ("text=" + "x" * 201, "q", "200 characters"),
        ("q=" + "x" * 201, "q", "200 characters"),
        ("text=a%00b", "q", "characters"),
        ("q=a%00b", "q", "characters"),
        ("cause=bad", "cause", "No such cause"),
        ("country=999", "country", "No such country"),
        ("period=3y", "period", "No such period"),
        ("account=stranger", "account", "no account with this username"),
        ("account=nobody", "account", "no account with this username"),
        ("state=nonsense", "state", "no state 'nonsense'"),
        ("state=scheduled,sent", "state", "together with other states"),
        ("state=scheduled&cause=barred", "cause", "has no cause yet"),
        ("state=scheduled&route=default", "route", "has no route yet"),
    ],
)
async def test_search_says_at_its_field_what_it_cannot_read(
    found: Any, query: str, field: str, words: str
) -> None:
    browser, _ = found
    page = await browser.get(f"/console/messages?{query}")
    assert page.status == 400
    (said,) = page.tree.xpath("//p[@id=$id]/text()", id=f"{field}-problem")
    assert words in said


async def test_search_pages_through_what_it_finds(browser: Browser) -> None:
    numbers = [f"+45301234{n:02}" for n in range(60)]
    await _send(browser, "sena", *numbers)
    await browser.sign_in("sena")
    page = await browser.get("/console/messages?text=hello")
    first = _numbers(page)
    assert len(first) == 50
    (older,) = page.tree.xpath("//a[@rel='next']/@href")
    page = await browser.get(f"/console/messages{older}")
    assert sorted(first + _numbers(page)) == numbers
    assert not page.tree.xpath("//a[@rel='next']")
    assert page.tree.xpath("//input[@name='q']/@value") == ["hello"]


async def test_message_shows_what_could_fool_its_reader(browser: Browser) -> None:
    text = "safe\u202egnp.exe\u0007 <script>alert(1)</script> 👨\u200d👩\u200d👧"
    await _send(browser, "sena", "+4530123456", text=text)
    (message,) = browser.services.live
    await browser.sign_in("sena")
    page = await browser.get(f"/console/messages/{message.message_id}")
    assert "\u202e" not in page.body.decode()
    assert "safe U+202E gnp.exe U+0007 <script>" in page.text
    assert "👨\u200d👩\u200d👧" in page.text
    assert not page.tree.xpath("//script[not(@src)]")


async def test_message_tells_what_became_of_it(browser: Browser) -> None:
    await _send(browser, "olga", "+4530123456")
    (message,) = browser.services.live
    done: list[bool] = []
    for state, failure in (
        (State.SENT, FailureCode.NONE),
        (State.UNDELIVERED, FailureCode.ABSENT_SUBSCRIBER),
    ):
        browser.clock.advance(2)
        browser.services.delivery.change(
            message, state, done.append, carrier="simulator", failure=failure
        )
        await browser.services.storage.writer.write(probe, None)
    await browser.sign_in("olga")
    page = await browser.get(f"/console/messages/{message.message_id}")
    assert "2.0 s after submission, by simulator" in page.text
    assert page.tree.xpath("//h2[@id='cause']/text()") == ["Phone unreachable"]
    assert "Denmark" in page.text
    assert CAUSES[FailureCode.ABSENT_SUBSCRIBER].remedy in page.text


async def _change(
    browser: Browser, message: Any, *states: State, failure: FailureCode = FailureCode.NONE
) -> None:
    for state in states:
        browser.services.delivery.change(
            message,
            state,
            _ignore,
            carrier="simulator",
            failure=failure if state is states[-1] else FailureCode.NONE,
        )
    await browser.services.storage.writer.write(probe, None)


def _ignore(_stored: bool) -> None:
    """Nobody waits."""


async def test_message_is_cancelled_while_it_waits(browser: Browser) -> None:
    await _send(browser, "sena", "+4530123456", "+4530123457")
    message = next(iter(browser.services.live))
    await browser.sign_in("sena")
    at = f"/console/messages/{message.message_id}"
    page = await browser.get(at)
    assert not page.tree.xpath("//form[@action=$action]", action=f"{at}/resend")
    page = await browser.send(page, f"{at}/cancel")
    assert "Cancelled. The credits were refunded." in page.body.decode()
    assert "Message to +4530123456 cancelled" in page.text
    assert not page.tree.xpath("//form[@action=$action]", action=f"{at}/cancel")
    assert len(list(browser.services.live)) == 1


async def test_message_is_sent_again_once_by_a_form_sent_twice(browser: Browser) -> None:
    await _send(browser, "adams-child", "+4530123456", text="the red fox")
    (message,) = browser.services.live
    await _change(browser, message, State.SENT, State.UNDELIVERED)
    await browser.sign_in("adam")
    at = f"/console/messages/{message.message_id}"
    page = await browser.get(at)
    assert "charged to adams-child" in page.text
    fields = page.fields(f"{at}/resend")
    first, second = [await browser.post(f"{at}/resend", **fields) for _ in range(2)]
    assert first.status == second.status == 303
    assert first.header("location") == second.header("location")
    listed = await browser.follow(first)
    assert _numbers(listed) == ["+4530123456"]
    (again,) = browser.services.live
    assert "This message was resent" in (await browser.get(at)).text
    page = await browser.get(f"/console/messages/{again.message_id}")
    assert "This is a resend of an earlier message" in page.text
    assert ", over test (console)" in page.text


@pytest.mark.parametrize("what", ["cancel", "resend", "retry-callbacks"])
@pytest.mark.parametrize(("username", "status"), [("vera", 403), ("stranger", 404)])
async def test_others_cannot_act_on_a_message(
    browser: Browser, what: str, username: str, status: int
) -> None:
    await _send(browser, "sena", "+4530123456")
    (message,) = browser.services.live
    if what == "resend":
        await _change(browser, message, State.SENT, State.UNDELIVERED)
    await browser.sign_in(username)
    fields = (await browser.get("/console/account")).fields("/console/sign-out")
    page = await browser.post(f"/console/messages/{message.message_id}/{what}", **fields)
    assert page.status == status
    assert len(list(browser.services.live)) == (0 if what == "resend" else 1)
    assert browser.machine.retried == []


async def test_carriers_and_links_are_for_operators_alone(browser: Browser) -> None:
    for username in ("sena", "olga"):
        await _send(browser, username, "+4530123456")
        (message,) = browser.services.live
        await _change(browser, message, State.SENT, State.DELIVERED)
        await browser.sign_in(username)
        page = await browser.get(f"/console/messages/{message.message_id}")
        assert "Attempts" in page.text
        assert "Delivery receipts" in page.text
        assert ("simulator" in page.text) is (username == "olga")
        browser = browser.another()


async def test_message_tells_its_route_its_cost_and_its_ledger(browser: Browser) -> None:
    await _send(browser, "sena", "+4530123456")
    (message,) = browser.services.live
    await _change(browser, message, State.SENT, State.DELIVERED)
    await browser.sign_in("sena")
    page = await browser.get(f"/console/messages/{message.message_id}")
    assert "Route default This route is for any number." in page.text
    assert "Cost 1 credit" in page.text
    rows = page.tree.xpath("//div[@aria-labelledby='cost']//tbody/tr")
    assert [[cell.text_content() for cell in row.xpath("td")] for row in rows] == [
        ["1", "held for messages", "available → held", "sena"],
        ["1", "spent on messages", "held → spent", "sena"],
    ]


async def test_ledger_of_a_batch_does_not_pass_for_the_message_alone(browser: Browser) -> None:
    await _send(browser, "sena", *(f"+45301234{n:02}" for n in range(12)))
    message = next(iter(browser.services.live))
    await browser.sign_in("sena")
    page = await browser.get(f"/console/messages/{message.message_id}")
    assert "Cost 1 credit. The amounts below cover the whole submission to 12" in (page.text)


@pytest.mark.parametrize(("known", "status"), [("0", 409), ("1", 303), ("", 303), ("x" * 99, 303)])
async def test_message_that_somebody_sent_again_meanwhile_is_not_sent_unseen(
    browser: Browser, known: str, status: int
) -> None:
    await _send(browser, "sena", "+4530123456")
    (message,) = browser.services.live
    await _change(browser, message, State.SENT, State.UNDELIVERED)
    await browser.sign_in("sena")
    at = f"/console/messages/{message.message_id}"
    first = (await browser.get(at)).fields(f"{at}/resend")
    assert first["resent"] == "0"
    assert (await browser.post(f"{at}/resend", **first)).status == 303
    page = await browser.post(f"{at}/resend", **first | {"mark": "another", "resent": known})
    assert page.status == status
    if status == 409:
        assert "Someone else resent it after you opened this page" in page.text
        assert "This message was resent" in page.text
        assert page.fields(f"{at}/resend")["resent"] == "1"
    assert len(list(browser.services.live)) == (1 if status == 409 else 2)


# What is due later is a batch: its messages are made when it is due.
@pytest.mark.parametrize("state", [state for state in State if state is not State.SCHEDULED])
async def test_message_is_cancelled_and_sent_again_in_these_states_only(
    browser: Browser, state: State
) -> None:
    await _send(browser, "sena", "+4530123456")
    (message,) = browser.services.live
    account = await browser.services.accounts.find("sena")
    ways = {
        State.QUEUED: (),
        State.DELIVERED: (State.SENT, state),
        State.UNDELIVERED: (State.SENT, state),
        State.UNKNOWN: (State.SENT, state),
    }
    await _change(browser, message, *ways.get(state, (state,)))
    message_id = message.message_id
    story = await browser.services.timelines.of_message(account, message_id)
    assert story.can_cancel is (state is State.QUEUED)
    assert story.can_resend is (state not in {State.QUEUED, State.SENDING})
    await browser.sign_in("sena")
    page = await browser.get(f"/console/messages/{message_id}")
    fields = page.fields("/console/sign-out")
    for what, is_offered in (("resend", story.can_resend), ("cancel", story.can_cancel)):
        action = f"/console/messages/{message_id}/{what}"
        assert bool(page.tree.xpath("//form[@action=$action]", action=action)) is is_offered
        answer = await browser.post(action, **fields)
        assert (answer.status == 303) is is_offered, what
        if not is_offered:
            assert answer.tree.xpath("//*[@role='alert']//li")
            assert f"Message to +4530123456 {state.name.lower()}" in answer.text


async def test_what_is_done_about_messages_is_written_down(browser: Browser) -> None:
    await _send(browser, "adams-child", "+4530123456")
    await _send(browser, "adams-child", "+4530123457")
    sent, waiting = browser.services.live
    await _change(browser, sent, State.SENT, State.UNDELIVERED)
    await browser.sign_in("adam")
    for message, what in ((sent, "resend"), (waiting, "cancel")):
        at = f"/console/messages/{message.message_id}"
        await browser.send(await browser.get(at), f"{at}/{what}")
    child = await browser.services.accounts.find("adams-child")
    changes = await browser.get(f"/console/accounts/{child.account_id}/changes")
    assert f"adam cancelled the message {waiting.message_id}" in changes.text
    assert f"adam resent the message {sent.message_id}" in changes.text


async def _with_callback(browser: Browser) -> LiveMessage:
    """A delivered message of `sena`, whose callback is still to be made; she is signed in."""
    account = await browser.services.accounts.find("sena")
    callback = CallbackRequest(
        url="https://customer.example/hook?token=secret", states=frozenset({State.DELIVERED})
    )
    await browser.services.submission.submit(
        account,
        Submission(
            dialect="linkmobility",
            recipients=("+4530123456",),
            text="hi",
            sender="Dragoman",
            callback=callback,
        ),
    )
    (message,) = browser.services.live
    await _change(browser, message, State.SENT, State.DELIVERED)
    await browser.sign_in("sena")
    return message


async def test_of_a_callback_the_page_names_no_more_than_the_host(browser: Browser) -> None:
    message = await _with_callback(browser)
    page = await browser.get(f"/console/messages/{message.message_id}")
    assert "delivered (pending) customer.example" in page.text
    assert b"secret" not in page.body


async def test_message_tells_what_was_not_sent_as_it_was_asked_for(browser: Browser) -> None:
    """Look-alikes in the text, and a sender that its type of messages does not take."""
    sena = await browser.services.accounts.find("sena")
    asked = Submission(
        dialect="test",
        recipients=("+4530123456",),
        text="1–2\u200b",
        sender="Dragoman",
        format=Format.GSM_ALIKE,
        ignored_sender="<b>Acme",
    )
    await browser.services.submission.submit(sena, asked)
    (message,) = browser.services.live
    await browser.sign_in("sena")
    text = (await browser.get(f"/console/messages/{message.message_id}")).text
    assert "Replaced “-” for “–”, nothing for U+200B" in text
    assert "<b>Acme was requested, but messages of this type have no sender" in text
    await _send(browser, "sena", "+4530123457")
    plain = max(browser.services.live, key=lambda one: one.message_id)
    text = (await browser.get(f"/console/messages/{plain.message_id}")).text
    assert "Replaced" not in text
    assert "was requested" not in text


async def test_message_says_that_the_host_of_its_callback_is_held(browser: Browser) -> None:
    message = await _with_callback(browser)
    held = HeldHost(
        account_id=message.batch.account_id,
        origin="https://customer.example",
        reason="it answered 503",
        waiting=7,
        since_ms=browser.clock.now_ms(),
        next_try_ms=browser.clock.now_ms() + 9_000,
    )
    browser.machine.hosts = (msgspec.structs.replace(held, account_id=1),)
    page = await browser.get(f"/console/messages/{message.message_id}")
    assert "Held" not in page.text
    browser.machine.hosts = (held,)
    page = await browser.get(f"/console/messages/{message.message_id}")
    assert "Held: host failing, next try at 2026-09-21 14:13:29 ( it answered 503 )" in page.text


async def test_callbacks_of_a_message_are_retried_now(browser: Browser) -> None:
    message = await _with_callback(browser)
    at = f"/console/messages/{message.message_id}"
    await browser.send(await browser.get(at), f"{at}/retry-callbacks")
    account_id = message.batch.account_id
    asked = (account_id, "https://customer.example", message.message_id)
    assert browser.machine.retried == [asked]
    changes = await browser.get(f"/console/accounts/{account_id}/changes")
    assert "sena retried callbacks to https://customer.example at once" in changes.text


async def test_what_has_no_waiting_callback_has_none_to_retry(browser: Browser) -> None:
    await _send(browser, "adam", "+4530123456")
    (message,) = browser.services.live
    await browser.sign_in("adam")
    page = await browser.get(f"/console/messages/{message.message_id}")
    assert "Retry callbacks" not in page.text


async def test_message_without_its_text_and_number_is_shown_and_not_sent_again(
    browser: Browser,
) -> None:
    await _send(browser, "adam", "+4530123456", text="the red fox")
    (message,) = browser.services.live
    await _change(browser, message, State.SENT, State.UNDELIVERED)
    await forget(browser.services)
    await browser.sign_in("adam")
    assert _numbers(await browser.get("/console/messages")) == ["deleted number"]
    at = f"/console/messages/{message.message_id}"
    page = await browser.get(at)
    assert "Message to deleted number" in page.text
    assert "red fox" not in page.text
    assert not page.tree.xpath("//form[@action=$action]", action=f"{at}/resend")
    assert not page.tree.xpath("//h2[@id='pdus']")
    adam = await browser.services.accounts.find("adam")
    with pytest.raises(Refused, match="text or number was deleted"):
        await browser.services.message_actions.resend(adam, message.message_id, protocol="CLI")
