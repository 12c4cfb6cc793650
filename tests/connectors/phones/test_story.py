"""A user's phones from the code to the last report, over real HTTP."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.passing_time import PATIENCE_S

from dragoman.core.devices.model.devices import AssignmentState
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Format
from dragoman.protocols.gsm.segmentation import segment_text
from dragoman.testkit.fake_phone import wire

PROCESSED = AssignmentState.PROCESSED

NUMBER = "4512345678"


async def test_a_phone_registers_sends_reports_and_hands_in_what_it_receives(
    phone_gateway: Any,
) -> None:
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account, sims=2)
    await phone_gateway.gateway.services.devices.change_sim(
        int(phone.device_id), 2, number="+4587654321"
    )

    assert await phone_gateway.send_over_http(NUMBER, "Hello", "first") == b"200"
    await phone_gateway.until_states(account, State.DELIVERED)
    [sent] = phone.sent
    assert (sent.number, sent.text) == (f"+{NUMBER}", "Hello")
    assert sent.sim in {1, 2}
    assert (await phone_gateway.ask_over_http(NUMBER, "first"))["dlr_status"] == "delivered"

    answer = await phone.receive("+4511223344", "Hi there", sim=2)
    assert answer.status == 200
    assert await phone_gateway.inbox(account) == [("4511223344", "4587654321", "Hi there")]


async def test_a_gateway_without_phones_is_ready_for_them(phone_gateway: Any) -> None:
    answer = await wire.call("GET", f"http://{phone_gateway.settings.http.listen}/health/ready", {})
    assert answer.status == 200


async def test_both_sims_share_the_work(phone_gateway: Any) -> None:
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account, sims=2)
    for number in range(8):
        await phone_gateway.send(account, f"45123456{number:02d}", text=str(number))
    await phone_gateway.until_states(account, State.DELIVERED, count=8)
    assert set(Counter(text.sim for text in phone.sent)) == {1, 2}


async def test_a_phone_that_is_killed_loses_nothing_and_nothing_is_sent_twice(
    make_phone_gateway: Any, until: Any
) -> None:
    phone_gateway = await make_phone_gateway(processed_life_s=900.0, in_flight=2)
    account = await phone_gateway.account()
    first = await phone_gateway.phone(account)
    first.steps = lambda _: first.sending.clear() or ("Processed",)
    for number in range(6):
        await phone_gateway.send(account, f"45123456{number:02d}", text=str(number))
    await until(lambda: any(one.state is PROCESSED for one in phone_gateway.carrier.assignments))
    await first.kill()
    phone_gateway.clock.advance(3600)

    second = await phone_gateway.phone(account, name="Maker/other")
    await until(lambda: len(second.sent) == 5)
    states = Counter(message.state for message in await _settled(phone_gateway, account))
    assert states == {State.DELIVERED: 5, State.UNKNOWN: 1}
    everything = [text.text for text in first.sent + second.sent]
    assert sorted(everything) == [str(number) for number in range(6)]
    # The one it had fetched may have left it without a word; it had not.
    assert sum(message.possible_duplicate for message in await phone_gateway.outbox(account)) <= 1


@pytest.mark.parametrize("on_unknown", ["resend", "hold"])
async def test_a_phone_that_dies_before_it_says_so_doubles_at_most_what_is_marked(
    make_phone_gateway: Any, until: Any, on_unknown: str
) -> None:
    phone_gateway = await make_phone_gateway(on_unknown=on_unknown)
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account, start=False)
    await phone_gateway.send(account, "4512345678")
    await until(lambda: any(one.stored for one in phone_gateway.carrier.assignments))
    assert len(await phone.fetch()) == 1
    phone_gateway.clock.advance(3600)
    await phone_gateway.phone(account)
    resent = on_unknown == "resend"
    await phone_gateway.until_states(account, State.DELIVERED if resent else State.UNKNOWN)
    [message] = await phone_gateway.outbox(account)
    assert message.possible_duplicate is resent


async def test_a_restart_neither_loses_nor_resends_what_phones_have(
    make_phone_gateway: Any, until: Any
) -> None:
    phone_gateway = await make_phone_gateway(in_flight=2)
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account)
    phone.steps = lambda _: ("Processed",)
    await phone_gateway.send(account, "4512345600", text="processed")
    await until(lambda: phone.sent)
    phone.sending.clear()
    for number in range(1, 6):
        await phone_gateway.send(account, f"45123456{number:02d}", text=str(number))
    await asyncio.sleep(0.2)
    await phone_gateway.stop()

    again = await make_phone_gateway(in_flight=2)
    phone.base_url = again.base_url
    again.phones.append(phone)
    phone.steps = lambda _: ("Processed", "Sent", "Delivered")
    await phone.start()
    snapshot = phone.snapshot(phone.sent[0].message_id)
    for state in ("Sent", "Delivered"):
        snapshot["state"] = snapshot["recipients"][0]["state"] = state
        assert (await phone.report(snapshot)).status == 204
    phone.sending.set()
    await again.until_states(account, State.DELIVERED, count=6)
    assert sorted(text.text for text in phone.sent) == ["1", "2", "3", "4", "5", "processed"]


async def test_a_text_in_parts_is_one_for_a_phone_and_stays_so_over_a_crash(
    make_phone_gateway: Any, until: Any, tmp_path: Path
) -> None:
    phone_gateway = await make_phone_gateway()
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account)
    phone.steps = lambda _: ("Processed",)
    long = "A long text of several parts. " * 10
    cut = segment_text(long)
    for text, part in zip(cut.texts, cut.user_data(7), strict=True):
        await phone_gateway.send(account, NUMBER, text=text, udh=part.udh, format=Format.GSM)
    await until(lambda: any(one.state is PROCESSED for one in phone_gateway.carrier.assignments))
    await until(lambda: all(one.stored for one in phone_gateway.carrier.assignments))
    wreck = copy_database(tmp_path)
    await phone_gateway.stop()

    again = await make_phone_gateway(url=f"sqlite:///{wreck}/dragoman.db")
    phone.base_url = again.base_url
    again.phones.append(phone)
    await phone.start()
    snapshot = phone.snapshot(phone.sent[0].message_id)
    for state in ("Sent", "Delivered"):
        snapshot["state"] = snapshot["recipients"][0]["state"] = state
        assert (await phone.report(snapshot)).status == 204
    await again.until_states(account, State.DELIVERED, count=cut.count)
    assert [text.text for text in phone.sent] == [long]
    assert not any(message.possible_duplicate for message in await again.outbox(account))


async def test_a_crash_neither_loses_nor_resends_what_phones_have(
    make_phone_gateway: Any, until: Any, tmp_path: Path
) -> None:
    phone_gateway = await make_phone_gateway(in_flight=2)
    account = await phone_gateway.account()
    phone = await phone_gateway.phone(account)
    phone.steps = lambda _: phone.sending.clear() or ("Processed",)
    for number in range(8):
        await phone_gateway.send(account, "4512345678", text=str(number))
    await until(lambda: len(phone.sent) == 1 and len(phone_gateway.carrier.assignments) == 3)
    await until(lambda: all(one.stored for one in phone_gateway.carrier.assignments))
    wreck = copy_database(tmp_path)
    await phone_gateway.stop()

    again = await make_phone_gateway(url=f"sqlite:///{wreck}/dragoman.db", in_flight=2)
    assert len(again.carrier.assignments) == 3
    phone.base_url = again.base_url
    again.phones.append(phone)
    phone.steps = lambda _: ("Processed", "Sent", "Delivered")
    phone.sending.set()
    await phone.start()
    snapshot = phone.snapshot(phone.sent[0].message_id)
    snapshot["state"] = snapshot["recipients"][0]["state"] = "Delivered"
    assert (await phone.report(snapshot)).status == 204
    await again.until_states(account, State.DELIVERED, count=8)
    assert sorted(text.text for text in phone.sent) == [str(number) for number in range(8)]
    assert not any(message.possible_duplicate for message in await again.outbox(account))


def copy_database(folder: Path) -> Path:
    """The files as a process that was killed now would leave them."""
    wreck = folder / "wreck"
    wreck.mkdir()
    for file in folder.glob("dragoman.db*"):
        shutil.copy(file, wreck)
    return wreck


async def _settled(phone_gateway: Any, account: Any) -> list[Any]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            messages = await phone_gateway.outbox(account)
            if all(message.state >= State.UNKNOWN for message in messages):
                return messages  # type: ignore[no-any-return]
            await asyncio.sleep(0.02)
