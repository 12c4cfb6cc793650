"""Account pages: what may be seen and changed, keys shown once, credits, ledger, audit log."""

from __future__ import annotations

import pytest

from dragoman.core.accounts.account_tree import Changes
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.model.senders import SenderDetails
from dragoman.core.delivery.carrier_switches import CarrierSwitches

from .conftest import PASSWORD, Browser


async def _path(browser: Browser, username: str) -> str:
    account = await browser.services.accounts.find(username)
    return f"/console/accounts/{account.account_id}"


async def test_account_page_tells_what_an_account_may_and_has(browser: Browser) -> None:
    await browser.sign_in("adam")
    page = await browser.get(await _path(browser, "adams-child"))
    assert page.status == 200
    assert "adams-child enabled" in page.text
    assert "Credits 5 " in page.text
    assert "send messages" in page.text


@pytest.mark.parametrize("kind", ["reports", "texts"])
async def test_password_in_a_url_of_the_account_is_not_shown_and_not_lost(
    browser: Browser, kind: str
) -> None:
    services = browser.services
    account = await services.accounts.find("adam")
    put = {"reports": services.webhooks.put_report_url, "texts": services.webhooks.put_text_url}
    await put[kind](account, "kannel", "https://me:pw@a.example/")
    await browser.sign_in("adam")
    at, field = f"/console/account/{kind}", f"{kind}_kannel"
    page = await browser.get("/console/account")
    assert (page.fields(at)[field], "pw@" in page.text) == ("https://me:***@a.example/", False)
    page = await browser.send(page, at, **{field: "https://me:***@a.example/2"})
    stored = {one.url for one in services.webhooks.of_account(account, "kannel")}
    assert stored == {"https://me:pw@a.example/2"}


@pytest.mark.parametrize("rest", ["", "/ledger", "/changes"])
@pytest.mark.parametrize("username", ["stranger", "olga"])
async def test_account_outside_the_tree_is_not_found(
    browser: Browser, username: str, rest: str
) -> None:
    await browser.sign_in("adam")
    page = await browser.get(await _path(browser, username) + rest)
    assert page.status == 404
    assert username not in page.text


@pytest.mark.parametrize("action", ["access", "key", "state", "credits"])
async def test_changing_an_account_outside_the_tree_is_not_found(
    browser: Browser, action: str
) -> None:
    page = await browser.sign_in("adam")
    token = (await browser.get("/console/account")).fields("/console/account")["form_token"]
    path = f"{await _path(browser, 'stranger')}/{action}"
    page = await browser.post(path, form_token=token, credits="5", do="shut", version="x")
    assert page.status == 404
    stranger = await browser.services.accounts.find("stranger")
    assert stranger.enabled
    assert (await browser.services.accounts.balance(stranger)).available == 1_000


async def test_viewer_sees_the_account_without_forms_and_may_change_nothing(
    browser: Browser,
) -> None:
    await browser.sign_in("vera")
    path = await _path(browser, "vera")
    page = await browser.get(path)
    assert page.status == 200
    assert not page.tree.xpath("//main//form")
    token = (await browser.get("/console/account")).fields("/console/account")["form_token"]
    assert (await browser.post(f"{path}/key", form_token=token)).status == 403


async def test_access_is_stored_and_noted(browser: Browser) -> None:
    await browser.sign_in("adam")
    path = await _path(browser, "adams-child")
    page = await browser.get(path)
    (form,) = page.tree.xpath("//form[@action=$path]", path=f"{path}/access")
    checked = set(form.xpath(".//input[@checked]/@value"))
    assert checked == {"send", "receive", "any_sender", "inbox"}
    fields = page.fields(f"{path}/access") | {"allowed_addresses": "192.0.2.0/24\n198.51.100.7"}
    fields["may"] = "send"  # only this box is left
    page = await browser.follow(await browser.post(f"{path}/access", **fields))
    assert "Saved." in page.text
    child = await browser.services.accounts.find("adams-child")
    assert child.permissions == {Permission.SEND}
    assert child.allowed_addresses.text == "192.0.2.0/24, 198.51.100.7"
    changes = await browser.get(f"{path}/changes")
    assert (
        "adam changed access: may not receive messages, may not use any sender, may not"
        " read the inbox, allowed IP addresses" in changes.text
    )


async def test_permission_that_the_editor_does_not_have_is_never_given(browser: Browser) -> None:
    await browser.sign_in("adam")
    path = await _path(browser, "adams-child")
    page = await browser.get(path)
    fields = page.fields(f"{path}/access") | {"may": "operate"}
    await browser.post(f"{path}/access", **fields)
    child = await browser.services.accounts.find("adams-child")
    assert Permission.OPERATE not in child.permissions


async def test_wrong_addresses_are_shown_at_their_field(browser: Browser) -> None:
    await browser.sign_in("adam")
    path = await _path(browser, "adams-child")
    page = await browser.send(await browser.get(path), f"{path}/access", allowed_addresses="300.1")
    assert page.status == 400
    assert page.fields(f"{path}/access")["allowed_addresses"] == "300.1"
    assert page.tree.xpath("//*[@id='allowed_addresses-problem']")


async def test_second_editor_overwrites_nothing(browser: Browser) -> None:
    await browser.sign_in("adam")
    path = await _path(browser, "adams-child")
    page = await browser.get(path)
    await browser.send(page, f"{path}/access", allowed_addresses="192.0.2.1")
    second = await browser.send(page, f"{path}/access", allowed_addresses="192.0.2.2")
    assert second.status == 409
    child = await browser.services.accounts.find("adams-child")
    assert child.allowed_addresses.text == "192.0.2.1"


async def test_new_key_is_shown_once_and_ends_the_old_one(browser: Browser) -> None:
    old = await browser.services.accounts.rotate_key("adams-child")
    await browser.sign_in("adam")
    path = await _path(browser, "adams-child")
    page = await browser.send(await browser.get(path), f"{path}/key")
    (key,) = page.tree.xpath("//code[@class='key']/text()")
    accounts = browser.services.accounts
    assert (await accounts.authenticate_key(key, "192.0.2.1")).username == "adams-child"
    with pytest.raises(Exception, match="authentication_failed"):
        await accounts.authenticate_key(old, "192.0.2.1")
    assert key not in (await browser.get(path)).text
    changes = await browser.get(f"{path}/changes")
    assert "created a new API key" in changes.text
    assert key not in changes.text


async def test_new_password_is_shown_once_and_ends_every_session(browser: Browser) -> None:
    services = browser.services
    await services.accounts.set_password(await services.accounts.find("adams-child"), PASSWORD)
    theirs = browser.another()
    await theirs.sign_in("adams-child")
    await browser.sign_in("adam")
    path = await _path(browser, "adams-child")
    form = await browser.get(path)
    browser.clock.advance(1)
    page = await browser.send(form, f"{path}/password")
    (password,) = page.tree.xpath("//code[@class='key']/text()")
    again = await browser.send(form, f"{path}/password")  # a form that is sent twice
    assert again.tree.xpath("//code[@class='key']/text()") == [password]
    late = await browser.send(form, f"{path}/password", mark="another")
    assert late.status == 409
    assert "Someone else set a password" in late.text
    assert password not in (await browser.get(path)).text
    assert (await theirs.get("/console/messages")).status == 401
    assert "Overview" in (await theirs.sign_in("adams-child", password)).text
    changes = await browser.get(f"{path}/changes")
    assert changes.text.count("set a new password") == 1
    assert password not in changes.text
    own = await _path(browser, "adam")
    token = form.fields("/console/sign-out")["form_token"]
    assert (await browser.post(f"{own}/password", form_token=token)).status == 403


async def test_usual_sender_is_changed_or_refused_at_its_field(browser: Browser) -> None:
    await browser.sign_in("adam")
    path = await _path(browser, "adams-child")
    page = await browser.send(await browser.get(path), f"{path}/access", default_sender="Shop")
    assert "Default sender Shop" in page.text
    page = await browser.send(page, f"{path}/access", default_sender="a sender that is too long")
    assert page.status == 400
    assert page.tree.xpath("//p[@id='default_sender-problem']")
    assert (await browser.services.accounts.find("adams-child")).default_sender == "Shop"
    changes = await browser.get(f"{path}/changes")
    assert changes.text.count("default sender") == 1


async def test_changes_of_the_whole_tree_stand_on_one_page(browser: Browser) -> None:
    services = browser.services
    adam, child = await services.accounts.find("adam"), await services.accounts.find("adams-child")
    stranger = await services.accounts.find("stranger")
    await services.audit_log.note(adam, "key", account=child)
    await services.audit_log.note(stranger, "give", "77")
    await services.audit_log.note(adam, "opt_out", "…456")
    await services.account_tree.delete(adam, child.account_id)
    await browser.sign_in("adam")
    page = await browser.get("/console/changes")
    rows = [[cell.text_content() for cell in row] for row in page.tree.xpath("//tbody/tr")]
    assert [" ".join(row[1:]) for row in rows] == [
        "adam adam added an opt-out for …456",
        f"adam {(await services.account_tree.names(adam, [child.account_id]))[child.account_id]}"
        " created a new API key and revoked the old ones",
    ]
    assert page.tree.xpath("//main//a/@href")[0] == "/console/accounts"


async def test_disabled_account_is_rejected_until_it_is_enabled(browser: Browser) -> None:
    await browser.sign_in("adam")
    path = await _path(browser, "adams-child")
    page = await browser.send(await browser.get(path), f"{path}/state", do="shut")
    assert "adams-child disabled" in page.text
    assert not (await browser.services.accounts.find("adams-child")).enabled
    page = await browser.send(page, f"{path}/state", do="open")
    assert (await browser.services.accounts.find("adams-child")).enabled


async def test_credits_go_over_once_and_stand_in_both_ledgers(browser: Browser) -> None:
    await browser.sign_in("adam")
    path = await _path(browser, "adams-child")
    page = await browser.get(path)
    for _ in range(2):  # a form that is sent twice
        await browser.send(page, f"{path}/credits", credits="100", do="give")
    services = browser.services
    adam, child = await services.accounts.find("adam"), await services.accounts.find("adams-child")
    assert (await services.accounts.balance(child)).available == 105
    assert (await services.accounts.balance(adam)).available == 1_000 - 5 - 100
    page = await browser.get(path)
    await browser.send(page, f"{path}/credits", credits="30", do="take")
    assert (await services.accounts.balance(child)).available == 75
    for username in ("adam", "adams-child"):
        ledger = await browser.get(f"{await _path(browser, username)}/ledger")
        rows = [row.text_content().split() for row in ledger.tree.xpath("//tbody/tr")]
        assert [row[2] for row in rows[:2]] == ["30", "100"]
    changes = await browser.get(f"{path}/changes")
    assert changes.text.count("added 100 credits") == 1
    assert "took 30 credits back" in changes.text


@pytest.mark.parametrize("amount", ["0", "-5", "x", "", "9" * 30, "9" * 5_000, "76"])
async def test_credits_that_cannot_move_leave_no_trace(browser: Browser, amount: str) -> None:
    await browser.sign_in("adam")
    path = await _path(browser, "adams-child")
    page = await browser.send(await browser.get(path), f"{path}/credits", credits=amount, do="take")
    assert page.status == 400
    assert page.tree.xpath("//*[@id='credits-problem']")
    child = await browser.services.accounts.find("adams-child")
    assert (await browser.services.accounts.balance(child)).available == 5
    assert "No changes yet." in (await browser.get(f"{path}/changes")).text


async def test_ledger_and_changes_have_pages(browser: Browser) -> None:
    services = browser.services
    adam, child = await services.accounts.find("adam"), await services.accounts.find("adams-child")
    for _ in range(60):
        entry = services.audit_log.entry(adam, "give", "1", child)
        changes = Changes(credits=1, audit=(entry,))
        await services.account_tree.change(adam, child.account_id, changes)
    await browser.sign_in("adam")
    path = await _path(browser, "adams-child")
    for page_path, total in ((f"{path}/changes", 60), (f"{path}/ledger", 61)):
        page = await browser.get(page_path)
        assert len(page.tree.xpath("//tbody/tr")) == 50
        (older,) = page.tree.xpath("//a[@rel='next']/@href")
        page = await browser.get(page_path + older)
        assert len(page.tree.xpath("//tbody/tr")) == total - 50
        assert not page.tree.xpath("//a[@rel='next']")


async def test_actor_above_the_reader_has_no_name(browser: Browser) -> None:
    services = browser.services
    adam, child = await services.accounts.find("adam"), await services.accounts.find("adams-child")
    await services.audit_log.note(adam, "key", account=child)
    found = await services.audit_log.changes(child, child, None, 10)
    assert [change.actor for change in found] == [""]


async def test_operator_approves_and_refuses_senders_of_the_tree(browser: Browser) -> None:
    services = browser.services
    olga = await services.accounts.find("olga")
    made = await services.accounts.create("olgas-child", parent=olga)
    child = made.account
    for name in ("Harbour", "+4530123456", "<b>Evil</b>"):
        await services.senders.ask_for(child, name, SenderDetails(company="Café <i>"))
    stranger = await services.accounts.find("stranger")
    foreign = await services.senders.ask_for(stranger, "Foreign", SenderDetails())
    await browser.sign_in("olga")
    page = await browser.get("/console/senders")
    assert "Harbour" in page.text
    assert "<b>Evil</b>" in page.text
    assert "Foreign" not in page.text
    harbour = await services.senders.find_by_name(child, "Harbour")
    action = f"/console/senders/{child.account_id}/{harbour.sender_id}"
    page = await browser.send(page, action, do="approve")
    assert "Saved." in page.text
    assert await services.accounts.approved_senders(child) == {"Harbour"}
    number = await services.senders.find_by_name(child, "+4530123456")
    await browser.send(page, f"/console/senders/{child.account_id}/{number.sender_id}", do="refuse")
    token = page.fields("/console/sign-out")["form_token"]
    path = f"/console/senders/{stranger.account_id}/{foreign.sender_id}"
    assert (await browser.post(path, form_token=token, do="approve")).status == 404
    changes = await browser.get(f"/console/accounts/{child.account_id}/changes")
    assert "approved the sender Harbour" in changes.text
    assert "rejected the sender …456" in changes.text
    assert "4530123456" not in changes.text


@pytest.mark.parametrize(
    "path", ["/console/senders", "/console/carriers", "/console/binds", "/console/devices"]
)
async def test_rooms_of_the_operator_are_closed_to_administrators(
    browser: Browser, path: str
) -> None:
    page = await browser.sign_in("adam")
    assert path not in page.tree.xpath("//nav//a/@href")
    assert (await browser.get(path)).status == 403


async def test_carrier_is_taken_out_of_service_over_restarts(browser: Browser) -> None:
    await browser.sign_in("olga")
    page = await browser.get("/console/carriers")
    assert "simulator up SMPP" in page.text
    assert "Accepted 12 0 deferred" in page.text
    assert "Rejected 0 1 unanswered" in page.text
    assert "bound window 2 of 10 queued 0 rate 7.5/s throttled 4 reconnects 1" in page.text
    told: list[tuple[str, bool]] = []
    browser.services.carrier_switches.changed.subscribe(
        lambda name, held: told.append((name, held))
    )
    page = await browser.send(page, "/console/carriers", do="drain")
    assert told == [("simulator", True)]
    again = CarrierSwitches(storage=browser.services.storage, clock=browser.clock)
    again.changed.subscribe(lambda name, held: told.append((name, held)))
    await again.restore()
    assert told == [("simulator", True)] * 2
    await browser.send(page, "/console/carriers", do="enable")
    assert told[-1] == ("simulator", False)
    olga = await _path(browser, "olga")
    changes = await browser.get(f"{olga}/changes")
    assert "enabled the carrier simulator" in changes.text
    token = page.fields("/console/carriers")["form_token"]
    unknown = await browser.post("/console/carriers", form_token=token, carrier="x", do="drain")
    assert unknown.status == 404
