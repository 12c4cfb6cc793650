"""What pictures of campaigns, conversations, alerts, callbacks and keys show."""

from __future__ import annotations

from typing import Final

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.alerts.model.rules import AlertKind, AlertRule
from dragoman.core.campaigns.model.text_campaigns import Plan, When
from dragoman.core.messages.model.messages import CallbackRequest, Submission
from dragoman.gateway import Gateway
from dragoman.kit.zones import DAY_MS, HOUR_MS

from .scene import NUMBERS

CITIES: Final = ("Århus", "Odense", "Ribe")
FIRST_NAMES: Final = ("Zoë", "Max", "Ida", "Ren", "Jens", "Mette", "Søren", "Ana", "Li", "Ole")
TEXT: Final = "Hi [Name], we read aloud in [City] on Friday. Answer YES to come."


async def set_up_picture_pages(gateway: Gateway, account: Account) -> dict[str, str]:
    """Makes what the pages show; their paths by the names of their pictures."""
    services = gateway.services
    members = await services.contacts.create_list(account, "Readers")
    for at, (number, name) in enumerate(zip(NUMBERS, FIRST_NAMES, strict=False)):
        values = {"Name": name, "City": CITIES[at % len(CITIES)]}
        await services.contacts.create_contact(
            account, number, list_id=members.list_id, values=values
        )
    await services.text_templates.create(account, "Reading", TEXT)
    campaigns = services.text_campaigns
    now_ms = services.clock.now_ms()
    made = [
        await campaigns.create(account, name=name, sender="Library", text=TEXT, plan=plan)
        for name, plan in (
            ("Autumn evening", Plan(lists=(members.list_id,))),
            (
                "Winter evening",
                Plan(lists=(members.list_id,), when=When.AT, due_ms=now_ms + 2 * DAY_MS),
            ),
        )
    ]
    begun, draft = made
    await campaigns.begin_count(account, draft.campaign_id)
    await campaigns.settled(draft.campaign_id)
    await campaigns.start(account, begun.campaign_id, begun.changed_ms)
    await campaigns.settled(begun.campaign_id)
    for kind, limit, name in (
        (AlertKind.CREDITS, 1e6, "Low credits"),
        (AlertKind.DELIVERY_RATE, 80, "Delivery rate"),
    ):
        rule = AlertRule(
            name=name, kind=kind, limit=limit, for_s=0, mails=("duty@library.example",)
        )
        await services.alerts.create(account, rule)
    await services.alerts.look(gateway)
    await services.api_keys.create(account, "Web shop", allowed_addresses="192.0.2.0/24")
    await services.api_keys.create(account, "Old shop", expires_ms=now_ms + 3 * DAY_MS)
    for path in ("receipts", "orders"):
        await services.submission.submit(
            account,
            Submission(
                dialect="linkmobility",
                recipients=("+4530123458",),
                text="Your book is here.",
                sender="Library",
                reference=f"order-{path}",
                callback=CallbackRequest(url=f"http://127.0.0.1:9/{path}"),
            ),
        )
    await services.submission.submit(
        account,
        Submission(
            dialect="httpsms",
            recipients=("+4530123456",),
            text="Your book is due tomorrow.",
            sender="Library",
            due_ms=now_ms + 20 * HOUR_MS,
        ),
    )
    return {
        "contacts": "/console/contacts",
        "contact-list": f"/console/contacts/lists/{members.list_id}",
        "campaigns": "/console/campaigns",
        "campaign-form": f"/console/campaigns/{draft.campaign_id}/edit",
        "campaign-draft": f"/console/campaigns/{draft.campaign_id}",
        "campaign": f"/console/campaigns/{begun.campaign_id}",
        "conversations": "/console/conversations",
        "conversation": f"/console/conversations/{NUMBERS[0]}",
        "alerts": "/console/alerts",
        "alert-rule": "/console/alerts/new?kind=delivery_rate",
        "callbacks": "/console/callbacks",
        "scheduled": "/console/messages?state=scheduled",
        "api-keys": f"/console/accounts/{account.account_id}/keys",
        "import": "/console/contacts/import",
    }
