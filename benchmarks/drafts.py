"""What accounts of the month have made in the console: a list, a contact, a campaign, a person …"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from benchmarks.month import CUSTOMER, OPERATOR
from dragoman.assembly import opened_services
from dragoman.config import Settings, load
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.people import Role, widest_role
from dragoman.core.alerts.model.rules import AlertKind, AlertRule
from dragoman.core.campaigns.model.text_campaigns import Plan


def make_drafts(folder: Path, url: str) -> dict[int, Mapping[str, str]]:
    """Makes some for the operator and for a customer; by account, what stands in addresses."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "drafts.toml"
    file.write_text(f'data_dir = "{folder}"\n[storage]\nurl = "{url}"\n')
    return asyncio.run(_make(load(file, {})))


async def _make(settings: Settings) -> dict[int, Mapping[str, str]]:
    made: dict[int, Mapping[str, str]] = {}
    async with opened_services(settings) as services:
        customer = await services.accounts.find_by_id(CUSTOMER)
        assert customer is not None
        key, _ = await services.api_keys.create(customer, "shop")
        for account_id in (OPERATOR, CUSTOMER):
            account = await services.accounts.find_by_id(account_id)
            assert account is not None
            made[account_id] = {**await _of(services, account), "key_id": str(key.key_id)}
    return made


async def _of(services: Services, account: Account) -> Mapping[str, str]:
    contacts = services.contacts
    members = await contacts.create_list(account, "Members")
    contact = await contacts.create_contact(
        account, "4520123456", list_id=members.list_id, values={"Name": "Ida"}
    )
    [merge_field] = await contacts.merge_fields(account)
    template = await services.text_templates.create(account, "Reminder", "Hi [Name]")
    campaign = await services.text_campaigns.create(
        account, name="Club", sender="Club", text="Hi [Name]", plan=Plan(lists=(members.list_id,))
    )
    rule = AlertRule(name="Credits", kind=AlertKind.CREDITS, limit=1, mails=("ops@example.org",))
    stored = await services.alerts.create(account, rule)
    role = widest_role(account)
    person, _ = await services.people.invite(
        account, f"ida-{account.account_id}", Role.VIEWER, by=role
    )
    return {
        "list_id": str(members.list_id),
        "contact_id": str(contact.contact_id),
        "field_id": str(merge_field.field_id),
        "template_id": str(template.template_id),
        "campaign_id": str(campaign.campaign_id),
        "person_id": str(person.person_id),
        "number": "4520123456",
        "rule_id": str(stored.rule_id),
    }
