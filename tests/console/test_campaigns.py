"""Campaigns in the console: from a draft to a report, by two people, at the recipients' hours."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.campaigns.model.text_campaigns import CampaignState, Plan, When
from dragoman.core.contacts.model.filters import Filter, Match, Operation, Rule
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.submission.pacing import Pace, Pacing
from dragoman.core.submission.pacing import Rule as PacingRule

from .conftest import Browser, path_of

PEOPLE = (
    ("4530123451", "Zoë", "Århus"),
    ("4530123452", "Max", "Odense"),
    ("4530123453", "Ida", "Århus"),
    ("819012345678", "Ren", "Tokyo"),
)
NEW = "/console/campaigns/new"


class Sender(msgspec.Struct):
    """A browser of an account with a list of contacts."""

    browser: Browser
    account: Any
    list_id: int

    @property
    def services(self) -> Any:
        return self.browser.services

    async def create(self, **fields: str) -> str:
        """The address of a draft that is counted."""
        page = await self.browser.get(NEW)
        typed = page.fields(NEW) | {
            "name": "Spring",
            "text": "Hi [Name]",
            "sender": "Dragoman",
            "lists": str(self.list_id),
        }
        page = await self.browser.post(NEW, **typed | fields)
        assert page.status == 303, page.text
        await self.services.text_campaigns.settled(int(path_of(page).rsplit("/", 1)[1]))
        return path_of(page)

    async def press(self, at: str, do: str, **fields: str) -> Any:
        page = await self.browser.get(at)
        [form] = [
            form
            for form in page.tree.xpath("//form[@method='post']")
            if form.xpath(f".//button[@name='do'][@value='{do}']")
        ]
        given = {name: value or "" for name, value in form.form_values()}
        return await self.browser.follow(await self.browser.post(at, **given | {"do": do} | fields))

    async def start(self, at: str) -> Any:
        page = await self.press(at, "start")
        assert page.status == 200, page.text
        await self.services.text_campaigns.settled(_id(at))
        return await self.expand()

    async def expand(self) -> dict[str, tuple[State, str]]:
        """Lets what is due become messages; these by number."""
        while await self.services.batches._step():
            pass
        return {
            one.recipient: one.state
            for one in self.services.live
            if one.batch.stored.dialect == "console"
        }


def _id(at: str) -> int:
    return int(at.rsplit("/", 1)[1])


@pytest.fixture
async def sender(browser: Browser) -> Sender:
    services = browser.services
    account = await services.accounts.find("sena")
    people = await services.contacts.create_list(account, "People")
    for number, name, city in PEOPLE:
        await services.contacts.create_contact(
            account, number, list_id=people.list_id, values={"Name": name, "City": city}
        )
    await browser.sign_in("sena")
    return Sender(browser, account, people.list_id)


async def test_campaign_from_draft_to_report(sender: Sender) -> None:
    await sender.services.opt_outs.add(sender.account, "+4530123452")
    at = await sender.create()
    page = await sender.browser.get(at)
    assert "Hi Zoë" in page.text
    assert "Opted out: gets nothing." in page.text
    estimate = (await sender.services.text_campaigns.find(sender.account, _id(at))).estimate
    assert (estimate.recipients, estimate.messages, estimate.credits) == (4, 3, 3)
    assert estimate.opted_out == 1
    page = await sender.press(at, "test", test="+45 30 99 99 99")
    assert "The test is being sent." in page.text
    found = await sender.start(at)
    assert found.keys() == {"4530999999", *(one[0] for one in PEOPLE if one[1] != "Max")}
    campaigns = sender.services.text_campaigns
    # Its page may have had it counted already, when there was no message yet.
    await campaigns.tally(await campaigns.find(sender.account, _id(at)))
    page = await sender.browser.get(at)
    assert "opted out" in page.text
    assert "running" in page.text
    told = msgspec.json.decode((await sender.browser.get(f"{at}/progress")).body)
    assert (told["recipients"], told["waiting"], told["failed"]) == (4, 3, 1)
    texts = {one.text for one in sender.services.live if one.recipient == "4530123451"}
    assert texts == {"Hi Zoë"}


async def test_page_opened_before_there_are_messages_does_not_put_the_result_off(
    sender: Sender,
) -> None:
    await sender.services.opt_outs.add(sender.account, "+4530123452")
    at = await sender.create()
    await sender.press(at, "start")
    for _ in range(2):
        await sender.services.text_campaigns.settled(_id(at))
        await sender.browser.get(at)
    await sender.services.text_campaigns.settled(_id(at))
    await sender.expand()
    await sender.services.text_campaigns.step()
    assert "opted out" in (await sender.browser.get(at)).text


async def test_filter_chooses_contacts_and_is_shown_again(sender: Sender) -> None:
    at = await sender.create(**{"field-0": "city", "operation-0": "is", "value-0": "århus"})
    estimate = (await sender.services.text_campaigns.find(sender.account, _id(at))).estimate
    assert estimate.recipients == 2
    assert "city is “århus”" in (await sender.browser.get(at)).text
    page = await sender.browser.get(f"{at}/edit")
    assert page.fields(f"{at}/edit")["value-0"] == "århus"
    found = await sender.start(at)
    assert found.keys() == {"4530123451", "4530123453"}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "This field is required."),
        ({"when": "at", "due": "2020-01-01T09:00"}, "This time is in the past."),
        ({"when": "local", "due": "soon"}, "Invalid time."),
        ({"from": "20:00", "to": "09:00"}, "the end must be after the beginning"),
        ({"from": "20:00"}, "both ends are needed"),
        ({"per_minute": "-3"}, "Enter a number"),
        ({"lists": "99999"}, "does not exist any more"),
        ({"shorten": "1"}, "No carrier supports this."),
        ({"text": "x" * 4000}, "more than 3000 characters"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_stored(
    sender: Sender, fields: dict[str, str], sentence: str
) -> None:
    page = await sender.browser.get(NEW)
    typed = {"name": "N", "text": "Hi", "sender": "Dragoman", "lists": str(sender.list_id)}
    page = await sender.browser.post(NEW, **page.fields(NEW) | typed | fields)
    assert page.status == 400
    assert sentence in page.text
    assert await sender.services.text_campaigns.page(sender.account, None, 5) == ()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"lists": ""}, "Choose at least one list."),
        ({"sender": "Twelve letters"}, "Invalid sender"),
        ({"text": ""}, "Enter a text."),
        ({"field-0": "Shoe", "value-0": "42"}, "there is no merge field"),
    ],
)
async def test_draft_that_cannot_be_sent_is_kept_and_says_why(
    sender: Sender, fields: dict[str, str], sentence: str
) -> None:
    at = await sender.create(**fields)
    page = await sender.browser.get(at)
    assert sentence in page.text
    assert not page.tree.xpath("//button[@value='start']")


@pytest.mark.parametrize(
    ("typed", "country", "status", "sent_to"),
    [
        ("30 99 98 88", "", 400, ""),
        ("30 99 98 88", "DK", 200, "4530999888"),
        ("4530999888", "", 200, "4530999888"),
        ("0045 30 99 98 88", "", 200, "4530999888"),
    ],
)
async def test_test_of_a_campaign_goes_to_nobody_in_another_country(
    sender: Sender, typed: str, country: str, status: int, sent_to: str
) -> None:
    await sender.services.accounts.change("sena", AccountFields(country=country))
    page = await sender.press(await sender.create(), "test", test=typed)
    assert page.status == status
    if not sent_to:
        assert "Enter the number with its country code" in page.text
    assert [one.recipient for one in sender.services.live] == [sent_to] * bool(sent_to)


async def test_second_editor_overwrites_nothing_and_old_page_starts_nothing(
    sender: Sender,
) -> None:
    at = await sender.create()
    edit = f"{at}/edit"
    mine, theirs = await sender.browser.get(edit), await sender.browser.get(edit)
    preview = await sender.browser.get(at)
    page = await sender.browser.post(edit, **theirs.fields(edit) | {"text": "Theirs"})
    assert page.status == 303
    page = await sender.browser.post(edit, **mine.fields(edit) | {"text": "Mine"})
    assert page.status == 409
    assert "Current value: Theirs" in page.text
    form = preview.tree.xpath("//form[.//button[@value='start']]")[0]
    page = await sender.browser.post(at, **dict(form.form_values()) | {"do": "start"})
    assert page.status == 409
    campaign = await sender.services.text_campaigns.find(sender.account, _id(at))
    assert campaign.state is CampaignState.DRAFT
    assert campaign.text == "Theirs"


async def test_template_is_added_to_what_was_typed_and_nothing_lost(sender: Sender) -> None:
    """The templates were links to a new campaign, which dropped whatever had been typed."""
    browser, templates = sender.browser, sender.services.text_templates
    closed = await templates.create(sender.account, "Closed", "We are closed, [Name].")
    template = str(closed.template_id)
    chosen = {"do": "template", "template": template}
    typed = (await browser.get(NEW)).fields(NEW) | {"name": "", "per_minute": "x", "when": "local"}
    page = await browser.post(NEW, **typed | chosen)
    assert page.status == 200
    assert page.fields(NEW) == typed | {"text": "We are closed, [Name].", "template": template}
    assert await sender.services.text_campaigns.page(sender.account, None, 9) == ()
    at = await sender.create()
    edit = f"{at}/edit"
    opened = (await browser.get(edit)).fields(edit)
    page = await browser.post(edit, **opened | chosen)
    assert page.fields(edit)["text"] == "Hi [Name]\nWe are closed, [Name]."
    assert page.fields(edit)["known"] == opened["known"]
    # Someone else saves meanwhile, which a template does not hide.
    await browser.post(edit, **opened | {"name": "Summer"})
    page = await browser.post(edit, **opened | chosen)
    page = await browser.post(edit, **page.fields(edit))
    assert page.status == 409
    assert "Current value: Summer" in page.text
    await templates.remove(sender.account, closed.template_id)
    page = await browser.post(edit, **opened | chosen)
    assert page.status == 400
    assert "This template does not exist any more." in page.text
    assert page.fields(edit)["text"] == "Hi [Name]"


async def test_recipients_hours_make_a_batch_for_each_zone(sender: Sender) -> None:
    # It is 14:13 UTC: 16:13 in Copenhagen and 23:13 in Tokyo.
    at = await sender.create(**{"from": "09:00", "to": "20:00"})
    found = await sender.start(at)
    assert found.keys() == {"4530123451", "4530123452", "4530123453"}
    report = await sender.services.text_campaigns.report(sender.account, _id(at))
    assert {one.zone for one in report.batches} == {"Europe/Copenhagen", "Asia/Tokyo"}
    sender.browser.clock.advance(10 * 3600)
    assert (await sender.expand()).keys() == {one[0] for one in PEOPLE}


async def test_local_time_is_due_when_it_is_there(sender: Sender) -> None:
    at = await sender.create(when="local", due="2026-09-22T09:30")
    await sender.start(at)
    report = await sender.services.text_campaigns.report(sender.account, _id(at))
    due = {one.zone: one.progress.due_ms for one in report.batches}
    hours = (due["Europe/Copenhagen"] - due["Asia/Tokyo"]) / 3_600_000
    assert hours == 7
    page = await sender.press(at, "stop")
    assert "stopped" in page.text
    report = await sender.services.text_campaigns.report(sender.account, _id(at))
    sender.browser.clock.advance(48 * 3600)
    assert await sender.expand() == {}


async def test_time_of_a_draft_is_shown_in_the_zone_that_the_account_has_now(
    sender: Sender,
) -> None:
    at = await sender.create(when="at", due="2026-09-22T09:30")
    assert "Begins 2026-09-22 09:30 (UTC)" in (await sender.browser.get(at)).text
    zone = AccountFields(time_zone="Europe/Copenhagen")
    await sender.services.accounts.change("sena", zone)
    assert "Begins 2026-09-22 11:30 (Europe/Copenhagen)" in (await sender.browser.get(at)).text


async def test_paused_campaign_goes_on_also_after_a_restart_and_can_be_stopped(
    sender: Sender,
) -> None:
    at = await sender.create(per_minute="60")
    clock = sender.browser.clock
    assert len(await sender.start(at)) == 1  # a second has room for one
    page = await sender.press(at, "pause")
    assert "paused" in page.text
    clock.advance(60)
    assert len(await sender.expand()) == 1
    sender.services.text_campaigns.pacing._rules.clear()
    await sender.services.text_campaigns.restore()  # as a restart does
    assert len(await sender.expand()) == 1
    page = await sender.press(at, "resume")
    assert "running" in page.text
    clock.advance(1)
    assert len(await sender.expand()) == 2
    page = await sender.press(at, "stop")
    report = await sender.services.text_campaigns.report(sender.account, _id(at))
    assert report.campaign.state is CampaignState.STOPPED
    assert (report.recipients, report.failed) == (2, 2)
    account = await sender.services.accounts.find("sena")
    balance = await sender.services.accounts.balance(account)
    assert (balance.available, balance.held) == (1_000, 0)


async def test_stopping_what_is_being_sent_counts_the_rest_as_cancelled(sender: Sender) -> None:
    at = await sender.create(per_minute="120")
    await sender.start(at)
    sender.browser.clock.advance(1)
    await sender.expand()
    first, *others = sender.services.live
    first.state = State.SENDING
    assert others
    await sender.press(at, "stop")
    await sender.expand()
    report = await sender.services.text_campaigns.report(sender.account, _id(at))
    assert (report.recipients, report.waiting, report.failed) == (4, 1, 3)


async def test_links_are_shortened_followed_and_counted(sender: Sender) -> None:
    links = sender.services.short_links
    object.__setattr__(links, "public_url", "https://s.example")
    at = await sender.create(text="See https://shop.example/spring?a=1. Bye", shorten="1")
    await sender.start(at)
    [text] = {one.batch.stored.text for one in sender.services.live}
    found = re.fullmatch(r"See https://s\.example/l/(\w{7})\. Bye", text)
    assert found is not None
    token = found[1]
    assert await links.follow(token, counts=True) == "https://shop.example/spring?a=1"
    assert await links.follow(token, counts=False) is not None
    assert await links.follow("unknown", counts=True) is None
    assert await links.follow("../../x", counts=True) is None
    await links.store_clicks()
    [link] = await links.of_campaign(_id(at))
    assert (link.url, link.clicks) == ("https://shop.example/spring?a=1", 1)
    assert token in (await sender.browser.get(at)).text


async def test_strangers_and_viewers_change_nothing(sender: Sender) -> None:
    at = await sender.create()
    other = sender.browser.another()
    await other.sign_in("stranger")
    for path in (at, f"{at}/edit", f"{at}/progress"):
        assert (await other.get(path)).status == 404
    viewer = sender.browser.another()
    await viewer.sign_in("vera")
    assert (await viewer.get("/console/campaigns")).status == 200
    assert (await viewer.get(NEW)).status == 403


async def test_start_goes_on_after_a_restart(sender: Sender) -> None:
    campaigns = sender.services.text_campaigns
    plan = Plan(
        lists=(sender.list_id,),
        filter=Filter(
            match=Match.ANY,
            rules=(Rule(field="Name", operation=Operation.START, value="z"),),
        ),
        when=When.LOCAL,
        due="2026-09-22T09:30",
    )
    made = await campaigns.create(sender.account, name="N", sender="Dragoman", text="Hi", plan=plan)
    await campaigns._move(made, (CampaignState.DRAFT,), CampaignState.STARTING)
    await campaigns.step()
    await campaigns.settled(made.campaign_id)
    report = await campaigns.report(sender.account, made.campaign_id)
    assert report.campaign.state is CampaignState.RUNNING
    assert [one.zone for one in report.batches] == ["Europe/Copenhagen"]


def test_pace_is_kept_over_time_and_bursts_are_bounded() -> None:
    now = 0.0
    pace = Pace(600, lambda: now)
    assert pace.room() == 1
    pace.took(1)
    assert pace.room() == 0
    now = 0.35
    assert pace.room() == 3
    now = 1000.0
    assert pace.room() == 10  # one second's worth, whatever the rest
    pace.took(10)
    now = 1000.1
    assert pace.room() == 1


def test_rule_holds_outside_its_hours() -> None:
    from dragoman.kit.clock import FixedClock

    clock = FixedClock(1_790_000_000_000)  # 14:13 UTC
    pacing = Pacing(clock)
    pacing.put(1, PacingRule(zone="Asia/Tokyo", from_minute=540, to_minute=1200))
    assert pacing.room(1, 50) == 0
    clock.advance(10 * 3600)  # 09:13
    assert pacing.room(1, 50) == 50
    pacing.put(1, PacingRule(held=True))
    assert pacing.room(1, 50) == 0
    pacing.drop(1)
    assert pacing.room(1, 50) == 50
