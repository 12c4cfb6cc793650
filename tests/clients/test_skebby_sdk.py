"""The package skebby-sdk, whose calls are smSend's: each of its groups against a gateway."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from skebby_sdk import SkebbyClient
from skebby_sdk.api.base import BaseApi
from skebby_sdk.exceptions import SkebbyAuthException, SkebbyNotFoundException

from dragoman.core.messages.model.lifecycle import State

from .conftest import PASSWORD, USERNAME, Running, call

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBER = "+393471234567"
LIMIT = 1 << 31


@pytest_asyncio.fixture(loop_scope="module")
async def client(running: Running, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(BaseApi, "BASE_URL", f"{running.url}/API/v1.0/REST")
    return await call(SkebbyClient, USERNAME, PASSWORD)


async def test_it_logs_in_both_ways(client: Any) -> None:
    user_key, session_key = await call(client.auth.login, USERNAME, PASSWORD)
    assert user_key == client.user_key
    session = SkebbyClient(user_key=user_key, session_key=session_key)
    assert (await call(session.user.get_status))["money"] is None
    with pytest.raises(SkebbyAuthException):
        await call(SkebbyClient, USERNAME, "wrong")
    bad = SkebbyClient(user_key=user_key, access_token="wrong")
    with pytest.raises(SkebbyAuthException):
        await call(bad.user.get_status)


async def test_it_sends_and_follows_a_text(client: Any, running: Running) -> None:
    sent = await call(
        client.sms.send_sms, "Hello", [NUMBER], message_type="SI", sender="Shop", encoding="GSM"
    )
    assert (sent["result"], sent["total_sent"]) == ("OK", 1)
    await running.until(State.SENT, State.DELIVERED)
    state = await call(client.sms.get_message_state, sent["order_id"])
    assert [one["destination"] for one in state["recipients"]] == [NUMBER]
    history = await call(client.sms.get_history, datetime.now() - timedelta(days=1))
    assert sent["order_id"] in {one["order_id"] for one in history["smshistory"]}
    found = await call(client.sms.get_recipient_history, NUMBER, datetime.now() - timedelta(days=1))
    assert found["result"] == "OK"
    with pytest.raises(SkebbyNotFoundException):
        await call(client.sms.get_message_state, "unknown")


async def test_it_sends_to_many_and_takes_back_what_is_due_later(client: Any) -> None:
    recipients = [{"recipient": NUMBER, "name": "Mario"}, {"recipient": "+393471234568"}]
    sent = await call(
        client.sms.send_parametric_sms, "Hello ${name}", recipients, return_remaining=True
    )
    assert sent["total_sent"] == 2
    later = datetime.now() + timedelta(days=1)
    for _ in range(2):
        sent = await call(client.sms.send_sms, "Later", [NUMBER], scheduled_delivery_time=later)
    assert (await call(client.sms.delete_scheduled_message, sent["order_id"]))["result"] == "OK"
    assert (await call(client.sms.delete_all_scheduled_messages))["result"] == "OK"


async def test_it_keeps_contacts_groups_and_a_blacklist(client: Any) -> None:
    contacts = client.contacts
    await call(contacts.create_group, "Friends", "people")
    groups = await call(contacts.get_groups)
    [group_id] = [one["id_group"] for one in groups["groups"]]
    assert int(group_id) < LIMIT
    await call(contacts.add_contact, NUMBER, name="Anna", email="a@b.it", group_ids=[group_id])
    assert (await call(contacts.get_contacts))["contacts"][0]["phoneNumber"] == NUMBER
    await call(contacts.remove_contact_from_group, group_id, NUMBER)
    await call(contacts.add_contact_to_group, group_id, NUMBER)
    sent = await call(client.sms.send_sms_to_group, "Hi", [group_id])
    assert sent["total_sent"] == 1
    await call(contacts.update_group, group_id, "Foes", "d")
    await call(contacts.delete_group, group_id)
    assert isinstance(await call(contacts.get_custom_fields), dict | list)

    other = "+393471234599"
    await call(client.blacklist.add_phone_number, other)
    await call(contacts.blacklist_add, ["+393471234598"])
    listed = await call(client.blacklist.get_blacklist)
    assert other in str(listed)
    await call(contacts.blacklist_remove, other)
    assert other not in str(await call(contacts.blacklist_get))


async def test_it_keeps_templates(client: Any) -> None:
    await call(client.templates.create_template, "Your code is ready", sender="Shop")
    [template] = (await call(client.templates.get_templates))["templates"]
    template_id = template["id_template"]
    assert template_id < LIMIT
    patch = [{"op": "replace", "path": "/text", "value": "New text"}]
    await call(client.templates.modify_template, template_id, patch)
    assert (await call(client.templates.get_template, template_id))["text"] == "New text"
    await call(client.templates.delete_template, template_id)
    with pytest.raises(SkebbyNotFoundException):
        await call(client.templates.get_template, template_id)


async def test_it_keeps_aliases(client: Any) -> None:
    await call(
        client.tpoa.create_alias,
        "MY ALIAS",
        company_name="Acme",
        contact_name="A",
        contact_surname="B",
        cod_fiscale="02367940224",
        vat_number="02367940224",
        contact_address="via",
        contact_city="Trento",
        contact_pcode="38010",
        contact_type="WEB",
        contact_info="www.acme.it",
    )
    [alias] = (await call(client.tpoa.get_aliases))["alias"]
    alias_id = alias["id-alias"]
    assert alias_id < LIMIT
    assert (await call(client.tpoa.get_alias, alias_id))["alias"]["alias"] == "MY ALIAS"
    await call(client.tpoa.delete_alias, alias_id)
    assert (await call(client.tpoa.get_aliases))["alias"] == []


async def test_it_keeps_subaccounts(client: Any) -> None:
    subaccounts = client.subaccounts
    more = {"address": "via", "city": "Trento", "province": "TN", "zip-code": "38010"}
    more |= {"credit-eat-mode": 0, "piva": "02367940224"}
    await call(
        subaccounts.create_subaccount,
        *("sub", "password1", "Acme", "Name", "Surname", "s@u.it", NUMBER),
        **more,
    )
    [listed] = (await call(subaccounts.get_subaccounts))["subaccount"]
    assert (listed["login"], listed["id-user"] < LIMIT) == ("sub", True)
    found = await call(subaccounts.get_subaccount, str(listed["id-user"]))
    assert found["email"] == "s@u.it"


async def test_it_sends_codes_and_reads_what_came_in(client: Any) -> None:
    asked = await call(client.two_factor.request_pin, NUMBER, "Shop", "SI")
    assert asked["result"] == "OK"
    verdict = await call(client.two_factor.verify_pin, NUMBER, "x")
    assert verdict["status"] == "ERROR"
    since = datetime.now() - timedelta(days=1)
    assert (await call(client.received.get_new_messages))["srsmshistory"] == []
    assert (await call(client.received.get_messages, since))["total"] == 0
    assert isinstance(await call(client.landing_pages.get_landing_pages), dict | list)
