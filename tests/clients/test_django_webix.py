"""The Skebby gateway of the package django-webix, whose calls are smSend's."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from django_webix.contrib.sender.send_methods.skebby.enums import (
    SkebbyBoolean,
    SkebbyEncoding,
    SkebbyMessageType,
)
from django_webix.contrib.sender.send_methods.skebby.exceptions import SkebbyException
from django_webix.contrib.sender.send_methods.skebby.gateway import Skebby

from dragoman.core.messages.model.lifecycle import State

from .conftest import PASSWORD, USERNAME, Running, call

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBER = "+393471234567"


@pytest_asyncio.fixture(loop_scope="module")
async def skebby(running: Running, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Skebby, "url", f"{running.url}/API/v1.0/REST/")
    skebby = Skebby()
    await call(skebby.authentication.session_key, USERNAME, PASSWORD)
    return skebby


async def test_it_logs_in_both_ways(skebby: Any) -> None:
    assert await call(skebby.user.verify_session) is True
    assert (await call(skebby.user.dashboard)).startswith("http")
    token = Skebby()
    await call(token.authentication.user_token, USERNAME, PASSWORD)
    status = await call(token.user.user_status, type_aliases=SkebbyBoolean.TRUE)
    assert {one["type"] for one in status["sms"]} >= {"N", "LL"}
    with pytest.raises(SkebbyException):
        await call(Skebby().authentication.session_key, USERNAME, "wrong")


@pytest.mark.parametrize("message_type", SkebbyMessageType)
async def test_it_sends_with_each_of_its_types(
    skebby: Any, running: Running, message_type: SkebbyMessageType
) -> None:
    """It writes a sender with every type, and the encoding gsm with every text."""
    sent = await call(
        skebby.sms_send.send_sms,
        message_type=message_type,
        message="1–2 “Grüße”",
        recipient=[NUMBER],
        sender="Shop",
        return_credits=SkebbyBoolean.TRUE,
        encoding=SkebbyEncoding.GSM,
    )
    assert (sent["result"], int(sent["total_sent"])) == ("OK", 1)
    await running.until(State.DELIVERED)
    state = await call(skebby.sms_send.get_sms_state, sent["order_id"])
    assert state["recipients"][0]["status"] == "DLVRD"


async def test_it_sends_texts_with_places_and_reads_the_history(skebby: Any) -> None:
    sent = await call(
        skebby.sms_send.send_parametric_sms,
        message_type=SkebbyMessageType.GP,
        message="Hello ${name}",
        recipients={"0": {"recipient": NUMBER, "name": "Mark"}},
    )
    since = (datetime.now() - timedelta(days=1)).strftime("%Y%m%d%H%M%S")
    history = await call(skebby.sms_history.get_sent_sms_history, since)
    assert sent["order_id"] in {one["order_id"] for one in history["smshistory"]}
    found = await call(skebby.sms_history.get_sent_sms_to_recipient, NUMBER, since)
    assert sent["order_id"] in {one["order_id"] for one in found["rcpthistory"]}


async def test_it_adds_a_contact(skebby: Any) -> None:
    assert await call(skebby.contacts.add_contact, "a@b.it", NUMBER, name="Anna") == ""
