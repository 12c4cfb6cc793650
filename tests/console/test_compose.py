"""Composing a message: its preview, sending it once, and what is rejected."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from tests.dialects.in_process import count_rows

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Permission

from .conftest import PASSWORD, Browser, Page

FORM = "/console/compose"


@pytest.fixture
async def form(browser: Browser) -> Page:
    await browser.sign_in("sena")
    return await browser.get(FORM)


async def _check(browser: Browser, page: Page, **fields: str) -> dict[str, str]:
    answer = await browser.post(f"{FORM}/check", **page.fields(FORM) | fields)
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    found: dict[str, str] = msgspec.json.decode(answer.body)
    return found


@pytest.mark.parametrize(
    ("text", "length", "alphabet"),
    [
        ("", "", ""),
        ("hello", "1 part, 155 characters left", "GSM 7-bit"),
        ("€" * 80, "1 part, 0 characters left", "GSM 7-bit"),
        ("x" * 159, "1 part, 1 character left", "GSM 7-bit"),
        ("x" * 161, "2 parts, 145 characters left in the last part", "GSM 7-bit"),
        ("x" * 306, "2 parts, 0 characters left in the last part", "GSM 7-bit"),
        (
            "grüße ş 😀 ş",
            "1 part, 58 characters left",
            "Unicode (UCS-2), because of “ş” “😀”",
        ),
        (
            "ş" * 71,
            "2 parts, 63 characters left in the last part",
            "Unicode (UCS-2), because of “ş”",
        ),
        (
            "a\u200bb–",
            "1 part, 66 characters left",
            "Unicode (UCS-2), because of U+200B “–”;"
            " it would be GSM 7-bit with nothing for U+200B, “-” for “–”",
        ),
        ("two\r\nlines", "1 part, 151 characters left", "GSM 7-bit"),
    ],
)
async def test_check_describes_the_parts_and_the_encoding_of_a_text(
    browser: Browser, form: Page, text: str, length: str, alphabet: str
) -> None:
    preview = await _check(browser, form, text=text)
    assert (preview["length"], preview["alphabet"]) == (length, alphabet)


@pytest.mark.parametrize(
    ("recipients", "country", "sent_to"),
    [
        ("30 12 34 56\n+46701234567", "DK", "4530123456 46701234567"),
        ("4530123456, 0045 30123457", "DK", "4530123456 4530123457"),
        ("4530123456", "", "4530123456"),
        ("30 12 34 56", "", "30 12 34 56: Enter the number with its country code"),
        ("nobody", "DK", "nobody: not a valid phone number"),
        ("0301 2345678", "DE", "493012345678"),
        ("4522123456", "DE", "This can be +494522123456 or +4522123456: enter which of them."),
    ],
)
async def test_numbers_without_code_are_of_the_country_of_the_account_or_asked_about(
    browser: Browser, form: Page, recipients: str, country: str, sent_to: str
) -> None:
    await browser.services.accounts.change("sena", AccountFields(country=country))
    preview = await _check(browser, form, text="Hi", recipients=recipients)
    assert preview["length"] == "1 part, 158 characters left"
    fields = form.fields(FORM) | {"text": "Hi", "sender": "Dragoman", "recipients": recipients}
    page = await browser.follow(await browser.post(FORM, **fields))
    if sent_to[0].isdigit() and ":" not in sent_to:
        assert page.status == 200
        assert " ".join(sorted(one.recipient for one in browser.services.live)) == sent_to
    else:
        assert page.status == 400
        assert sent_to in page.text
        assert not list(browser.services.live)


async def test_check_says_cost_and_route_and_stores_nothing(browser: Browser, form: Page) -> None:
    before = await count_rows(browser.services.storage)
    sena = await browser.services.accounts.find("sena")
    opted_out = await browser.services.opt_outs.add(sena, "+4530123457")
    assert opted_out is not None
    before = await count_rows(browser.services.storage)
    recipients = "+45 30 12 34 56, +4530123457;\n+4530123456"
    preview = await _check(browser, form, text="x" * 161, recipients=recipients, sender="Dragoman")
    assert preview["cost"] == (
        "4 credits for 2 recipients; 1\u202f000 available; 1 opted out, not sent to"
    )
    assert preview["route"] == "default"
    assert await count_rows(browser.services.storage) == before
    assert not list(browser.services.live)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"recipients": ""}, "recipients", "This field is required."),
        ({"recipients": "hello"}, "recipients", "hello: not a valid phone number"),
        ({"text": ""}, "text", "Enter a text."),
        ({"text": "x" * 2_000}, "text", "more parts than your account may send"),
        ({"text": "x" * 10_001}, "text", "At most 10000 characters"),
        ({"text": "a\0b"}, "text", "without control characters"),
        ({"sender": "far too long a sender"}, "sender", "Invalid sender"),
        ({"when": "later"}, "due", "Enter the time"),
        ({"when": "later", "due": "soon"}, "due", "Invalid time"),
        ({"when": "later", "due": "2026-09-21T10:00"}, "due", "in the past"),
        ({"when": "later", "due": "2046-09-21T10:00"}, "due", "cannot be scheduled for this time"),
    ],
)
async def test_message_is_refused_at_its_field_and_nothing_is_lost(
    browser: Browser, form: Page, fields: dict[str, str], field: str, words: str
) -> None:
    usual = {"recipients": "+4530123456", "text": "hello", "sender": "Dragoman"}
    before = await count_rows(browser.services.storage)
    page = await browser.send(form, FORM, **usual | fields, do="send")
    assert page.status == 400
    (said,) = page.tree.xpath("//p[@id=$id]/text()", id=f"{field}-problem")
    assert words in said
    kept = page.fields(FORM)
    sent = usual | fields
    # An HTML page cannot hold NUL.
    assert {name: kept[name] for name in sent} == sent | {
        "text": sent["text"].replace("\0", "\ufffd")
    }
    assert await count_rows(browser.services.storage) == before


async def test_message_is_sent_and_shown(browser: Browser, form: Page) -> None:
    page = await browser.send(
        form,
        FORM,
        recipients="+4530123456\n+4530123457",
        text="Grüße",
        sender="Dragoman",
        do="send",
    )
    assert page.status == 200
    assert "Accepted." in page.text
    assert "+4530123456" in page.text
    assert len(list(browser.services.live)) == 2


async def test_form_that_is_sent_twice_sends_once(browser: Browser, form: Page) -> None:
    fields = form.fields(FORM) | {
        "recipients": "+4530123456", "text": "hello", "sender": "Dragoman", "do": "send",
    }  # fmt: skip
    answers = await asyncio.gather(*(browser.post(FORM, **fields) for _ in range(5)))
    answers.append(await browser.post(FORM, **fields))  # and by the button "back"
    assert len({answer.header("location") for answer in answers}) == 1
    assert len(list(browser.services.live)) == 1


async def test_refused_form_can_be_mended_and_sent(browser: Browser, form: Page) -> None:
    page = await browser.send(form, FORM, recipients="+4530123456", sender="Dragoman", do="send")
    assert page.status == 400
    page = await browser.send(page, FORM, text="hello", do="send")
    assert "Accepted." in page.text
    assert len(list(browser.services.live)) == 1


async def test_message_for_later_is_due_in_the_zone_of_its_account(
    browser: Browser, form: Page
) -> None:
    from dragoman.core.accounts.account_fields import AccountFields

    await browser.services.accounts.change("sena", AccountFields(time_zone="Asia/Tokyo"))
    page = await browser.send(
        form, FORM, recipients="+4530123456", text="hello", sender="Dragoman",
        when="later", due="2026-09-22T09:30", do="send",
    )  # fmt: skip
    assert "The message is scheduled." in page.text
    assert "2026-09-22 09:30" in page.text
    sena = await browser.services.accounts.find("sena")
    (batch,) = await browser.services.queries.batch_page(sena, 0, 2)
    assert batch.due_ms == 1_790_037_000_000  # 00:30 UTC
    balance = await browser.services.accounts.balance(sena)
    assert (balance.available, balance.held) == (999, 1)
    page = await browser.send(page, f"/console/batches/{batch.batch_id}/cancel")
    assert "Cancelled." in page.text
    balance = await browser.services.accounts.balance(sena)
    assert (balance.available, balance.held) == (1_000, 0)


async def test_batch_of_somebody_else_cannot_be_cancelled(browser: Browser, form: Page) -> None:
    fields = {"recipients": "+4530123456", "text": "hello", "when": "later"}
    page = await browser.send(
        form, FORM, **fields, sender="Shop", due="2026-09-22T09:30", do="send"
    )
    (action,) = page.tree.xpath("//form[contains(@action, '/cancel')]/@action")
    other = browser.another()
    token = (await other.sign_in("stranger")).fields("/console/sign-out")["form_token"]
    answer = await other.post(action, form_token=token)
    assert answer.status == 404
    sena = await browser.services.accounts.find("sena")
    (batch,) = await browser.services.queries.batch_page(sena, 0, 2)
    assert batch.unsent == 1


async def test_message_for_an_hour_that_the_clocks_skip_is_refused(
    browser: Browser, form: Page
) -> None:
    from dragoman.core.accounts.account_fields import AccountFields

    await browser.services.accounts.change("sena", AccountFields(time_zone="Europe/Copenhagen"))
    page = await browser.send(
        form, FORM, recipients="+4530123456", text="hello", sender="Dragoman",
        when="later", due="2027-03-28T02:30", do="send",
    )  # fmt: skip
    assert "the clocks go forward" in page.text


async def test_check_button_says_the_same_without_script(browser: Browser, form: Page) -> None:
    page = await browser.send(
        form, FORM, recipients="+4530123456", text="hello", sender="Dragoman", do="check"
    )
    assert page.status == 200
    for words in ("155 characters left", "1 credit for 1 recipient", "GSM 7-bit"):
        assert words in page.text
    assert not list(browser.services.live)


async def test_viewer_has_no_form(browser: Browser) -> None:
    page = await browser.sign_in("vera")
    assert "Write" not in page.tree.xpath("string(//nav)")
    for answer in (
        await browser.get(FORM),
        await browser.post(FORM, recipients="+4530123456", text="hello"),
        await browser.post(f"{FORM}/check", text="hello"),
    ):
        assert answer.status == 403


async def test_account_without_a_free_choice_picks_approved_senders(browser: Browser) -> None:
    services = browser.services
    await services.accounts.create(
        "bound", password=PASSWORD, permissions=DEFAULT_PERMISSIONS - {Permission.ANY_SENDER}
    )
    await browser.sign_in("bound")
    page = await browser.get(FORM)
    assert page.tree.xpath("//select[@id='sender']")
    page = await browser.send(
        page, FORM, recipients="+4530123456", text="hello", sender="Dragoman", do="send"
    )
    assert "not approved" in page.text
