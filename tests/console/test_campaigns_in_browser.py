"""Contacts, campaigns, conversations and alerts in Chromium: what they do, and how they look."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from dragoman.core.alerts.model.rules import AlertKind, AlertRule
from dragoman.core.campaigns import text_campaigns

from .further_pages import PHONE_NUMBER, build_workbench
from .scene import DESKTOP, PHONE, USERNAME, Scene, running_scene
from .tabs import open_tab

pytestmark = pytest.mark.asyncio(loop_scope="session")
PICTURES = os.environ.get("PICTURES", "")
"""A folder for pictures of each page, for whoever wants to look at them."""
OWN = "4590000001"
PEOPLE = "Mobile;Name;City\n" + "".join(
    f"+45301234{n:02};{name};{city}\n"
    for n, (name, city) in enumerate(
        [("Zoë", "Århus"), ("Max", "Odense"), ("Ida", "Århus"), ("Ren", "Odense")]
    )
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with running_scene(tmp_path_factory.mktemp("talk"), build_workbench) as scene:
        patch = pytest.MonkeyPatch()
        patch.setattr(text_campaigns, "TALLY_EVERY_S", 0.2)
        scene.clock.behind_s = 0.0
        services = scene.gateway.services
        account = await services.accounts.find(USERNAME)
        await services.keywords.add_number(account, OWN, shared=False)
        object.__setattr__(services.short_links, "public_url", "https://s.example")
        rule = AlertRule(
            name="Low credits",
            kind=AlertKind.CREDITS,
            limit=1e6,
            for_s=0,
            numbers=(PHONE_NUMBER,),
        )
        await services.alerts.create(account, rule)
        await services.alerts.look(scene.gateway)
        yield scene
        patch.undo()


async def _picture(tab: Any, name: str) -> None:
    """Looks at a page in both sizes, and takes pictures where somebody wants them."""
    await tab.check_looks()
    if not PICTURES:
        return
    for look, size, scheme in (
        ("desktop", DESKTOP, "light"),
        ("phone", PHONE, "light"),
        ("dark", PHONE, "dark"),
    ):
        await tab.look(size, scheme)
        file = Path(PICTURES) / f"{name}-{look}.png"
        await tab.page.screenshot(path=file, full_page=True)
    await tab.look(DESKTOP, "light")


async def test_first_campaign_from_csv_to_report(
    chromium: Any, scene: Scene, tmp_path: Path
) -> None:
    file = tmp_path / "members.csv"
    file.write_text(PEOPLE + "nobody;Bob;Ribe\n", encoding="cp1252")
    tab = await open_tab(chromium, scene)
    page = tab.page
    await tab.sign_in()
    await page.get_by_role("link", name="Contacts", exact=True).click()
    await page.get_by_role("link", name="Import a CSV file").click()
    await _picture(tab, "upload")
    await page.get_by_label("CSV file").set_input_files(file)
    await page.get_by_role("button", name="Upload").click()
    await page.get_by_role("heading", name="What is in members.csv?").wait_for()
    await page.get_by_text("Windows-1252, separated by semicolons").wait_for()
    await _picture(tab, "columns")
    await page.get_by_role("button", name="Import 5 rows").click()
    await page.get_by_role("heading", name="Imported members.csv").wait_for()
    await _picture(tab, "imported")
    await page.get_by_role("link", name="Open the list").click()
    await page.get_by_role("link", name="+4530123400").wait_for()
    await _picture(tab, "contact-list")
    await page.get_by_role("link", name="+4530123400").click()
    await _picture(tab, "contact")
    await tab.open("/console/contacts")
    await _picture(tab, "contacts")
    await page.get_by_role("link", name="members", exact=True).click()
    await page.get_by_role("link", name="Settings").click()
    await _picture(tab, "list-settings")
    await tab.open("/console/campaigns")
    await page.get_by_role("link", name="New campaign").click()
    await page.get_by_label("Name", exact=True).fill("Autumn evening")
    await page.get_by_label("members").check()
    await page.get_by_text("Only some of the contacts").click()
    await page.get_by_label("Field of rule 1").select_option("City")
    await page.get_by_label("Value of rule 1").fill("århus")
    text = "Hi [Name], we read aloud in [City] on Friday: https://library.example/autumn"
    await page.get_by_label("Text", exact=True).fill(text)
    await page.get_by_text("Hours, pace and links").click()
    await page.get_by_label("Shorten links").check()
    await _picture(tab, "campaign-form")
    await page.get_by_role("button", name="Save and preview").click()
    await page.get_by_text("Hi Zoë, we read aloud in Århus").wait_for()
    await page.get_by_text("to 2 numbers").wait_for()
    await _picture(tab, "campaign-draft")
    await page.get_by_role("button", name="Start: 2 messages").click()
    figures = page.locator("#campaign-figures")
    await expect(figures.locator("[data-figure=delivered]")).to_have_text("2")
    await page.get_by_text("done", exact=True).wait_for()
    # Counted while the messages were on their way, and so once more, without being asked.
    result = page.locator("section", has=page.locator("#result")).locator("tbody tr")
    await expect(result).to_have_text([re.compile(r"^delivered\s*2$")])
    await _picture(tab, "campaign")
    await tab.open("/console/campaigns")
    await _picture(tab, "campaigns")
    await tab.open("/console/templates")
    await _picture(tab, "templates")


async def test_enter_saves_a_campaign_and_a_template_keeps_its_form(
    chromium: Any, scene: Scene
) -> None:
    services = scene.gateway.services
    account = await services.accounts.find(USERNAME)
    await services.text_templates.create(account, "Storm", "Closed because of the storm.")
    tab = await open_tab(chromium, scene, java_script_enabled=False)
    page = tab.page
    await tab.sign_in()
    await tab.open("/console/campaigns/new")
    await page.get_by_label("Text", exact=True).fill("Hello")
    await page.get_by_label("Template").select_option("Storm")
    await page.get_by_role("button", name="Add to text").click()  # without the name yet
    await expect(page.get_by_label("Text", exact=True)).to_have_value(
        "Hello\nClosed because of the storm."
    )
    await page.get_by_label("Name", exact=True).fill("Storm in June")
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Storm in June").wait_for()
    await page.get_by_role("link", name="Edit", exact=True).click()
    await expect(page.get_by_label("Text", exact=True)).to_have_value(
        "Hello\nClosed because of the storm."
    )


async def test_conversation_is_live_and_answered(chromium: Any, scene: Scene) -> None:
    services = scene.gateway.services
    account = await services.accounts.find(USERNAME)
    from dragoman.core.inbound.model.auto_answers import AnswerKind

    answer = "This is the library. Write STOP to get nothing more."
    await services.auto_answers.put(account, "", AnswerKind.HELP, answer, 0)
    phones = scene.gateway.workbench.phones
    await phones.send(PHONE_NUMBER, "Are you open on Sunday?", OWN)
    tab = await open_tab(chromium, scene)
    page = tab.page
    await tab.sign_in()
    await tab.open("/console/conversations")
    await page.get_by_text("Are you open on Sunday?").wait_for()
    await _picture(tab, "conversations")
    await page.locator("#watched a").first.click()
    await page.get_by_role("heading", name="+4530999888").wait_for()
    await page.get_by_label("Answer").fill("Yes, from 10 to 16.")
    await page.get_by_role("button", name="Send").click()
    await page.locator(".written", has_text="Yes, from 10 to 16.").wait_for()
    received = await phones.wait(PHONE_NUMBER, wait_s=60)
    assert received[-1].text == "Yes, from 10 to 16."
    await phones.send(PHONE_NUMBER, "HELP", OWN)
    await page.locator(".received", has_text="HELP").wait_for()
    await page.locator(".written", has_text=answer).wait_for()
    await _picture(tab, "conversation")
    await tab.open("/console/conversations?unread=1")
    await page.get_by_text("Everything is read.").wait_for()
    await tab.open("/console/answers")
    await _picture(tab, "answers")


async def test_alerts_look_right(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    await tab.sign_in()
    await tab.open("/console/alerts")
    await tab.page.get_by_text("Low credits").first.wait_for()
    await _picture(tab, "alerts")
    await tab.page.get_by_role("link", name="Low credits").click()
    await _picture(tab, "alert-rule")
    await tab.open("/console/alerts/new?kind=delivery_rate")
    await _picture(tab, "alert-new")


async def test_it_all_works_without_script(chromium: Any, scene: Scene, tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    file.write_text(PEOPLE)
    tab = await open_tab(chromium, scene, java_script_enabled=False)
    page = tab.page
    await tab.sign_in()
    await tab.open("/console/contacts/import")
    await page.get_by_label("CSV file").set_input_files(file)
    await page.get_by_role("button", name="Upload").click()
    await page.get_by_role("button", name="Import 4 rows").click()
    while not await page.get_by_role("heading", name="Imported more.csv").count():
        await page.get_by_role("link", name="Show progress").click()
    await page.get_by_role("link", name="Send a campaign to it").click()
    await page.get_by_label("Name", exact=True).fill("Plain")
    await page.get_by_label("Text", exact=True).fill("Hello [Name]")
    await page.get_by_role("button", name="Save and preview").click()
    await page.get_by_text("Hello Zoë").wait_for()
    await page.get_by_role("button", name="Start").click()
    while not await page.get_by_text("done", exact=True).count():
        await page.reload()
    await scene.gateway.workbench.phones.send(PHONE_NUMBER, "Without script", OWN)
    await tab.open(f"/console/conversations/{PHONE_NUMBER}")
    await page.get_by_role("button", name="Mark as read").click()
    await page.get_by_role("button", name="Mark as unread").wait_for()
