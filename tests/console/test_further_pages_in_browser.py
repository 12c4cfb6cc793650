"""Further pages in Chromium: policy, accessibility, and what they do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pyotp
import pytest
import pytest_asyncio
from playwright.async_api import expect

from dragoman.core.accounts.sign_ins import Policy

from .further_pages import PHONE_NUMBER, build_workbench, set_up_further_pages
from .scene import PASSWORD, USERNAME, Scene, running_scene
from .tabs import open_tab

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with running_scene(tmp_path_factory.mktemp("pages"), build_workbench) as scene:
        scene.clock.behind_s = 0.0
        scene.further_pages = await set_up_further_pages(scene.gateway, scene.account)
        yield scene


async def _send(scene: Scene, text: str) -> None:
    account = await scene.gateway.services.accounts.find(USERNAME)
    await scene.submit(account, PHONE_NUMBER, text)


async def test_sender_is_approved(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    await tab.sign_in()
    await tab.page.get_by_role("link", name="Senders").click()
    await tab.page.get_by_role("button", name="Approve HarbourCafe").click()
    await tab.page.get_by_text("Saved.").wait_for()
    assert await tab.page.get_by_text("HarbourCafe").count() == 0
    child = await scene.gateway.services.accounts.find("harbour-cafe")
    assert "HarbourCafe" in await scene.gateway.services.accounts.approved_senders(child)
    await tab.check()


async def test_live_log_shows_a_message_and_pauses(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    page = tab.page
    await tab.sign_in()
    await tab.open(f"/console/live?to={PHONE_NUMBER}")
    await page.get_by_text("Live.", exact=True).wait_for()
    await _send(scene, "Hello")
    rows = page.locator("#live tbody tr", has_text=f"+{PHONE_NUMBER}")
    await expect(rows.filter(has_text="delivered")).to_have_count(1)
    await tab.check()
    await page.get_by_role("button", name="Pause").click()
    await _send(scene, "Hello again")
    await page.get_by_text("new.").wait_for()
    await expect(rows.filter(has_text="delivered")).to_have_count(1)
    await page.get_by_role("button", name="Resume").click()
    await expect(rows.filter(has_text="delivered")).to_have_count(2)
    await page.locator("#live tbody a").first.click()
    await page.get_by_role("heading", name=f"Message to +{PHONE_NUMBER}").wait_for()


async def test_live_log_hears_only_what_its_filter_takes(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    await tab.sign_in()
    await tab.open(f"/console/live?state=delivered&to={PHONE_NUMBER}")
    await tab.page.get_by_text("Live.", exact=True).wait_for()
    before = await tab.page.locator("#live tbody tr").count()
    account = await scene.gateway.services.accounts.find(USERNAME)
    await scene.submit(account, "4540123459", "Somebody else's")
    await _send(scene, "Mine")
    await expect(tab.page.locator("#live tbody tr")).to_have_count(before + 1)
    assert await tab.page.get_by_text("+4540123459").count() == 0


async def test_virtual_phone_receives_and_stops(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    page = tab.page
    await tab.sign_in()
    await tab.open(f"/console/phones/{PHONE_NUMBER}")
    await _send(scene, "Your code is 493201. Grüße 😀")
    await page.locator(".received", has_text="Grüße 😀").wait_for()
    await page.locator(".received", has_text="code 493201").first.wait_for()
    await tab.check()
    await page.get_by_role("button", name="STOP").click()
    await page.get_by_text("Sent to the gateway.").wait_for()
    await page.locator(".written", has_text="STOP").wait_for()
    await tab.check()
    await tab.open("/console/opt-outs")
    await page.get_by_text(f"+{PHONE_NUMBER}").first.wait_for()
    await tab.open(f"/console/phones/{PHONE_NUMBER}")
    await page.get_by_role("button", name="START").click()
    await page.get_by_text("Sent to the gateway.").wait_for()


async def test_virtual_phone_fails_the_next_message(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    page = tab.page
    await tab.sign_in()
    await tab.open("/console/phones/4530777666")
    await page.get_by_label("Messages to this phone are").select_option("failed")
    await page.get_by_text("More").click()
    await page.get_by_role("textbox", name="Code").fill("6")
    await page.get_by_role("button", name="Apply").click()
    await page.get_by_text("Saved.").wait_for()
    await tab.open("/console/live?to=4530777666&state=undelivered")
    await page.get_by_text("Live.", exact=True).wait_for()
    account = await scene.gateway.services.accounts.find(USERNAME)
    await scene.submit(account, "4530777666", "Not there")
    await page.locator("#live").get_by_text("phone unreachable").wait_for()


async def test_drained_carrier_takes_nothing_new_until_enabled(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    page = tab.page
    await tab.sign_in()
    await tab.open("/console/carriers")
    await page.get_by_role("button", name="Drain and disable").click()
    while not await page.get_by_text("disabled", exact=True).count():
        await page.reload()  # what is in flight is finished first
    await tab.check()
    await _send(scene, "It waits")
    phones = scene.gateway.workbench.phones
    last = phones.texts()[-1]
    assert last.text != "It waits"
    await page.get_by_role("button", name="Enable").click()
    await page.get_by_text("up", exact=True).wait_for()
    found = await phones.wait(PHONE_NUMBER, after=last.text_id, wait_s=60)
    assert [text.text for text in found] == ["It waits"]


async def test_phone_is_registered_with_a_code(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene, color_scheme="dark")
    page = tab.page
    await tab.sign_in()
    await tab.open("/console/devices")
    await page.get_by_label("Account").fill("harbour-cafe")
    await page.get_by_role("button", name="Create code").click()
    code = await page.locator("code.key").inner_text()
    assert await page.locator("svg.qr").count() == 1
    await tab.check()
    grant = await scene.gateway.services.device_registration.by_code(code)
    assert grant.account.username == "harbour-cafe"
    await page.get_by_role("button", name="Enable Counter phone").click()
    await page.get_by_text("Saved.").wait_for()
    assert all(device.enabled for device in scene.gateway.services.devices.all())
    await tab.open("/console/devices")
    assert await page.get_by_text(code).count() == 0


async def test_live_log_and_phones_work_without_script(chromium: Any, scene: Scene) -> None:
    await _send(scene, "Read without script")
    await scene.gateway.workbench.phones.wait(PHONE_NUMBER, wait_s=60)
    tab = await open_tab(chromium, scene, java_script_enabled=False)
    await tab.sign_in()
    await tab.open(f"/console/live?to={PHONE_NUMBER}")
    await tab.page.locator("#live tbody tr").first.wait_for()
    await tab.open(f"/console/phones/{PHONE_NUMBER}")
    await tab.page.get_by_label("Text").fill("From the phone")
    await tab.page.get_by_role("button", name="Send").click()
    await tab.page.locator(".written", has_text="From the phone").wait_for()


async def test_every_room_is_accessible_and_keeps_its_policy(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    await tab.sign_in()
    for path in (
        *scene.further_pages.values(),
        "/console/keywords",
        "/console/live?to=x",
        "/console/phones/12",
    ):
        await tab.open(path)
        await tab.check_looks()


async def test_account_is_made_changed_by_two_and_deleted(chromium: Any, scene: Scene) -> None:
    tab, other = [await open_tab(chromium, scene) for _ in range(2)]
    page = tab.page
    await tab.sign_in()
    await tab.open("/console/accounts")
    await page.get_by_role("link", name="New account").click()
    await page.get_by_label("Username", exact=True).fill("corner-shop")
    await page.get_by_label("Credits").fill("5")
    await page.get_by_role("button", name="Create account").click()
    await page.get_by_role("heading", name="Account corner-shop created").wait_for()
    await tab.check_looks()
    await page.get_by_role("link", name="Go to the account").click()
    await other.sign_in()
    await other.page.goto(page.url)
    for one, address in ((other, "192.0.2.1"), (tab, "192.0.2.2")):
        await one.page.get_by_label("Allowed IP addresses").fill(address)
        await one.page.get_by_role("button", name="Save").click()
    await page.get_by_text("Current value: 192.0.2.1").first.wait_for()
    assert await page.get_by_label("Allowed IP addresses").input_value() == "192.0.2.2"
    await tab.check_looks()
    await page.get_by_role("link", name="Delete…").click()
    await page.get_by_role("heading", name="Delete corner-shop?").wait_for()
    await tab.check_looks()
    await page.get_by_role("button", name="Delete corner-shop").click()
    await page.get_by_text("Account deleted.").wait_for()


async def test_a_person_is_invited_and_signs_in_with_a_code(chromium: Any, scene: Scene) -> None:
    tab, other = [await open_tab(chromium, scene) for _ in range(2)]
    page = tab.page
    await tab.sign_in()
    await page.get_by_role("link", name="People").click()
    await page.get_by_label("E-mail address or name").fill("carla")
    await page.get_by_role("button", name="Invite").click()
    link = await page.locator("code.key").inner_text()
    await tab.check_looks()
    page = other.page
    await page.goto(link)
    await other.check_looks()
    for label in ("New password", "Confirm new password"):
        await page.get_by_label(label, exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await other.open("/console/me/factor")
    totp = pyotp.TOTP(await page.locator("code.key").inner_text())
    now_s = scene.gateway.services.clock.now_ms() // 1000
    await page.get_by_role("textbox", name="Code").fill(
        totp.at(now_s - 30)
    )  # the one of now is for later
    await page.get_by_role("button", name="Turn on").click()
    await page.get_by_role("heading", name="Recovery codes").wait_for()
    await other.check_looks()
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_label("Username").fill("carla")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Enter a code").wait_for()
    await other.check_looks()
    await page.get_by_role("textbox", name="Code").fill(
        totp.at(scene.gateway.services.clock.now_ms() // 1000)
    )
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Overview").wait_for()
    scene.gateway.services.sign_ins.policy = Policy.EVERYONE
    await tab.page.get_by_role("button", name="Sign out").click()
    await tab.sign_in()
    await tab.page.get_by_role("heading", name="Set up a second factor").wait_for()
    await tab.check_looks()
    scene.gateway.services.sign_ins.policy = Policy.OPTIONAL


async def test_keys_and_the_documentation_are_accessible(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    page = tab.page
    await tab.sign_in()
    await tab.open(f"/console/accounts/{scene.account.account_id}/keys")
    await page.get_by_label("Name", exact=True).fill("till")
    await page.get_by_label("linkmobility").check()
    await page.get_by_role("button", name="Create API key").click()
    await page.locator("code.key").wait_for()
    await tab.check_looks()
    await page.get_by_role("link", name="till").click()
    await tab.check_looks()
    await page.get_by_role("link", name="API documentation").click()
    await tab.check_looks()
    await page.get_by_label("Search the calls").fill("delivery report")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/docs?q=*")
    await tab.check_looks()
    await page.locator(".found a").first.click()
    await tab.check_looks()
    await page.get_by_role("link", name="Console").click()
    await page.get_by_role("heading", name="Overview").wait_for()


async def test_a_call_is_tried_from_the_page_of_its_api(
    chromium: Any, scene: Scene, capfd: pytest.CaptureFixture[str]
) -> None:
    services = scene.gateway.services
    account = await services.accounts.find(USERNAME)
    _, key = await services.api_keys.create(account, "documentation")
    assert scene.gateway.workbench is not None
    tab = await open_tab(chromium, scene)
    page = tab.page
    await tab.open("/docs/httpsms")
    call = page.get_by_role("article").filter(has_text="Send a message").first
    await call.get_by_text("Try it").click()
    await call.get_by_label("mobile").fill(f"+{PHONE_NUMBER}")
    await call.get_by_label("msgtext").fill("Tried & sent")
    await call.get_by_label("response", exact=False).first.fill("json")
    await call.get_by_role("button", name="Send").click()
    await call.get_by_text("Enter KEY at the top of the page first.").wait_for()
    scene.gateway.workbench.demo["KEY"] = key
    await page.reload()
    await expect(page.get_by_label("KEY", exact=True)).to_have_value(key)
    await call.get_by_text("Try it").click()
    await call.get_by_label("mobile").fill(f"+{PHONE_NUMBER}")
    await call.get_by_label("msgtext").fill("Tried & sent")
    await call.get_by_label("response", exact=False).first.fill("json")
    await call.get_by_role("button", name="Send").click()
    await call.get_by_text('"status": true').wait_for()
    await call.get_by_text("200 OK").wait_for()
    await call.get_by_text("content-type: application/json").wait_for()
    texts = await scene.gateway.workbench.phones.wait(PHONE_NUMBER, wait_s=60)
    assert texts[-1].text == "Tried & sent"
    assert key not in await page.inner_text("body")
    await tab.check_looks()
    assert key not in "".join(capfd.readouterr())
