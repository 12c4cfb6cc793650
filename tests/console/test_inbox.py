"""Received texts in the console, and opt-outs."""

from __future__ import annotations

from dragoman.core.inbound.model.inbound import StoredInbound
from dragoman.core.inbound.sql.inbound import NewInbound, store_texts

from .conftest import Browser, Page

HOSTILE = "<img src=x onerror=alert(1)> \u202e evil \u0000".replace("\u0000", "\u0007")


async def _receive(browser: Browser, username: str, sender: str, text: str) -> None:
    account = await browser.services.accounts.find(username)
    browser.clock.advance(60)
    row = StoredInbound(
        inbound_id=browser.services.ids.next(),
        account_id=account.account_id,
        carrier="simulator",
        sender=sender,
        recipient="1204",
        text=text,
        alphabet="gsm7",
        keyword=text.split()[0].upper(),
        parts=1,
        complete=True,
    )
    await browser.services.storage.writer.write(store_texts, NewInbound(text=row))


def _texts(page: Page) -> list[str]:
    return [" ".join(item.itertext()).split()[0] for item in page.tree.xpath("//p[@class='body']")]


async def test_inbox_shows_texts_of_the_account_or_one_below(browser: Browser) -> None:
    await _receive(browser, "adam", "4530123456", "first words")
    await _receive(browser, "adam", "4530123457", "second words")
    await _receive(browser, "adams-child", "4530123458", "third words")
    await _receive(browser, "stranger", "4530123459", "fourth words")
    await browser.sign_in("adam")
    for query, expected in {
        "": ["second", "first"],
        "sender=%2B4530123456": ["first"],
        "text=second": ["second"],
        "number=1204": ["second", "first"],
        "number=9999": [],
        "to=2026-09-21T14:14": ["first"],
        "account=adams-child": ["third"],
        "account=adam": ["second", "first"],
    }.items():
        page = await browser.get(f"/console/inbox?{query}")
        assert (page.status, _texts(page)) == (200, expected), query
    unknown = [await browser.get(f"/console/inbox?account={n}") for n in ("stranger", "nobody")]
    for page in unknown:
        assert page.status == 400
        assert "You have no account with this name." in page.text


async def test_text_from_a_name_is_shown_with_the_name_and_not_as_a_number(
    browser: Browser,
) -> None:
    await _receive(browser, "sena", "Library", "your book is due")
    await browser.sign_in("sena")
    for page in ("inbox", "conversations", "conversations/Library"):
        text = (await browser.get(f"/console/{page}")).text
        assert "Library" in text
        assert "+Library" not in text


async def test_inbox_shows_hostile_texts_as_text(browser: Browser) -> None:
    await _receive(browser, "sena", "4530123456", HOSTILE)
    await browser.sign_in("sena")
    page = await browser.get("/console/inbox")
    assert "<img src=x onerror=alert(1)> U+202E evil U+0007" in page.text
    assert not page.tree.xpath("//main//img")
    assert "\u202e" not in page.body.decode()


async def test_inbox_is_for_those_who_may_read_it(browser: Browser) -> None:
    await browser.sign_in("vera")
    assert (await browser.get("/console/inbox")).status == 403
    assert (await browser.get("/console/opt-outs")).status == 403


async def test_opt_out_is_entered_found_and_taken_back(browser: Browser) -> None:
    sena = await browser.services.accounts.find("sena")
    await browser.sign_in("sena")
    page = await browser.get("/console/opt-outs")
    page = await browser.send(page, "/console/opt-outs", number="+45 30 12 34 56", do="add")
    assert "Opt-out added." in page.text
    assert browser.services.opt_outs.among(sena.account_id, "Shop", ["4530123456"])
    assert "+4530123456" in (await browser.get("/console/opt-outs?digits=3012")).text
    assert (
        "No opt-outs match this number." in (await browser.get("/console/opt-outs?digits=999")).text
    )
    fields = {"number": "+4530123456", "do": "remove"}
    token = page.fields("/console/sign-out")["form_token"]
    for _ in range(2):  # the second finds nothing to do
        answer = await browser.post("/console/opt-outs", form_token=token, **fields)
        assert "Opt-out removed." in (await browser.follow(answer)).text
    assert not browser.services.opt_outs.among(sena.account_id, "Shop", ["4530123456"])


async def test_opt_out_of_no_number_is_refused(browser: Browser) -> None:
    await browser.sign_in("sena")
    page = await browser.get("/console/opt-outs")
    for number in ("", "hello", "1"):
        answer = await browser.send(page, "/console/opt-outs", number=number, do="add")
        assert answer.status == 400
        assert answer.tree.xpath("//p[@id='number-problem']")


async def test_opt_out_of_one_sender_is_seen_entered_and_taken_back(browser: Browser) -> None:
    sena = await browser.services.accounts.find("sena")
    page = await browser.sign_in("sena")
    page = await browser.get("/console/opt-outs")
    typed = {"number": "+4530123456", "sender": "Shop", "do": "add"}
    page = await browser.send(page, "/console/opt-outs", **typed)
    assert "+4530123456 Shop" in (await browser.get("/console/opt-outs")).text
    among = browser.services.opt_outs.among
    assert among(sena.account_id, "Shop", ["4530123456"])
    assert not among(sena.account_id, "Library", ["4530123456"])
    page = await browser.get("/console/opt-outs")
    fields = page.fields("/console/opt-outs") | typed | {"do": "remove"}
    await browser.post("/console/opt-outs", **fields)
    assert not among(sena.account_id, "Shop", ["4530123456"])
    changes = await browser.services.audit_log.changes(sena, sena, None, 5)
    assert [change.entry.subject for change in changes] == ["…456 from Shop"] * 2
    refused = await browser.send(page, "/console/opt-outs", **typed | {"sender": "far too long it"})
    assert refused.status == 400
    assert refused.tree.xpath("//p[@id='sender-problem']")
