"""Devices, registrations and assignments, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.sql import accounts
from dragoman.core.devices.device_registration import DeviceRegistration
from dragoman.core.devices.devices import Devices, ReportedSim
from dragoman.core.devices.model.devices import (
    AssignmentState,
    AssignmentStep,
    DeviceSettings,
    Health,
    Limits,
    RegistrationKind,
    Sim,
    StoredAssignment,
)
from dragoman.core.devices.presence import Presence
from dragoman.core.devices.sql import assignments, device_events, devices
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.placement.placement import place_of
from dragoman.core.submission.sql import submissions
from dragoman.kit.clock import FixedClock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

CODE_LIFE_S = 600.0


class Fleet:
    """The services of devices over a database, and one account."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.clock = FixedClock()
        self.ids = IdSource(self.clock)
        self.devices = self.load()
        self.registration = DeviceRegistration(
            storage=storage,
            accounts=Accounts(storage=storage, ids=self.ids, clock=self.clock),
            fleet=self.devices,
            ids=self.ids,
            clock=self.clock,
            code_life_s=CODE_LIFE_S,
        )
        self.account: Any = None

    def load(self) -> Devices:
        return Devices(
            storage=self.storage,
            presence=Presence(self.clock),
            placement=place_of(self.storage, self.clock, 0),
            clock=self.clock,
            carriers={"android": 1200.0},
        )

    async def after_restart(self) -> Devices:
        fresh = self.load()
        await fresh.restore()
        return fresh


@pytest.fixture
async def fleet(storage: Storage) -> Fleet:
    fleet = Fleet(storage)
    account = accounts.Account(
        account_id=fleet.ids.next(), username="acme", wallet_id=fleet.ids.next()
    )
    new = accounts.NewAccount(account=account, unlimited=True, credentials=(), created_ms=0)
    await storage.writer.write(accounts.create, new)
    fleet.account = account
    return fleet


async def test_a_device_is_after_a_restart_as_it_was(fleet: Fleet) -> None:
    device, token = await fleet.devices.add(
        fleet.account,
        "android",
        protocol="smsgate",
        name="Maker/model",
        sims=(ReportedSim(slot=1, carrier="Tele"), ReportedSim(slot=2)),
        push_token="t",
    )
    device_id = device.device_id
    await fleet.devices.change_sim(
        device_id, 2, label="Spare", number="+45", limits=Limits(per_day=9)
    )
    settings = DeviceSettings(pushed={"ping": {"interval_seconds": 60}})
    await fleet.devices.change_settings(device_id, settings)
    await fleet.devices.note_health(device, Health(at_ms=1, status="pass", checks={"a": 1.5}))
    await fleet.devices.report(device, push_token="", sims=[ReportedSim(slot=1, number="*1")])

    again = await fleet.after_restart()
    assert again.authenticate(token, "smsgate") == fleet.devices.get(device_id)
    found = again.get(device_id)
    assert found is not None
    assert found.sims == (
        Sim(slot=1, reported_number="*1"),
        Sim(slot=2, present=False, label="Spare", number="45", limits=Limits(per_day=9)),
    )
    assert found.settings == settings


async def test_a_removed_device_is_gone_and_its_token_unknown(fleet: Fleet) -> None:
    device, token = await fleet.devices.add(fleet.account, "android", protocol="x", name="n")
    await fleet.devices.remove(device.device_id)
    for one in (fleet.devices, await fleet.after_restart()):
        assert one.all() == []
        with pytest.raises(Refused) as refused:
            one.authenticate(token, "smsgate")
        assert refused.value.code is RefusalCode.AUTHENTICATION_FAILED


async def test_a_code_makes_one_device_however_many_ask_at_once(fleet: Fleet) -> None:
    code = await fleet.registration.create_code(fleet.account)
    grants = [await fleet.registration.by_code(code.code) for _ in range(5)]
    results = await asyncio.gather(
        *(
            fleet.devices.add(
                grant.account, grant.carrier, protocol="x", name="n", code_id=grant.code_id
            )
            for grant in grants
        ),
        return_exceptions=True,
    )
    assert sum(not isinstance(result, BaseException) for result in results) == 1
    assert len((await fleet.after_restart()).all()) == 1


async def test_a_code_lasts_as_long_as_configured_or_asked_for(fleet: Fleet) -> None:
    for life_s, expected_s in ((None, CODE_LIFE_S), (30.0, 30.0)):
        code = await fleet.registration.create_code(fleet.account, life_s=life_s)
        assert code.expires_ms == fleet.clock.now_ms() + expected_s * 1000


async def test_codes_and_tokens_are_stored_as_digests(fleet: Fleet) -> None:
    code = (await fleet.registration.create_code(fleet.account)).code
    token = await fleet.registration.create_token(fleet.account)
    for kind, secret in ((RegistrationKind.CODE, code), (RegistrationKind.TOKEN, token)):
        missing = await fleet.storage.read(
            lambda c, kind=kind, secret=secret: devices.find_registration(c, kind, secret.encode())
        )
        assert missing is None
    assert (await fleet.registration.by_token(token)).code_id is None
    with pytest.raises(Refused):
        await fleet.registration.by_code(token)


async def test_when_a_device_was_seen_is_stored_once_a_minute(fleet: Fleet) -> None:
    device, _ = await fleet.devices.add(fleet.account, "android", protocol="x", name="n")
    for seconds in (30, 31):
        fleet.clock.advance(seconds)
        fleet.devices.heard(device)
    await fleet.storage.writer.write(device_events.drop, 0)  # behind what was stored before
    found = (await fleet.after_restart()).get(device.device_id)
    assert found is not None
    assert found.seen_ms == device.seen_ms + 61_000


async def test_a_device_is_present_as_long_as_its_carrier_says(fleet: Fleet) -> None:
    device, _ = await fleet.devices.add(fleet.account, "android", protocol="x", name="n")
    fleet.devices.heard(device)
    fleet.clock.advance(1200)
    assert fleet.devices.is_present(device)
    fleet.clock.advance(1)
    assert not fleet.devices.is_present(device)


async def test_an_event_is_new_once_and_forgotten_in_time(fleet: Fleet) -> None:
    device, _ = await fleet.devices.add(fleet.account, "android", protocol="x", name="n")
    assert await fleet.devices.is_new_event(device, "e")
    for _ in range(2):  # told again, and twice in one group of the writer
        await asyncio.gather(*(fleet.devices.note_event(device, "e") for _ in range(2)))
    assert not await fleet.devices.is_new_event(device, "e")
    assert await fleet.devices.is_new_event(device, "f")
    await fleet.devices.drop_events(fleet.clock.now_ms() + 1)
    assert await fleet.devices.is_new_event(device, "e")


async def test_assignments_move_on_and_never_back(fleet: Fleet, rows: Any) -> None:
    device, _ = await fleet.devices.add(fleet.account, "android", protocol="x", name="n")
    batch = rows.batch(fleet.account, message={"state": State.SENDING})
    await fleet.storage.writer.write(submissions.accept, batch)
    message_id = batch.messages[0].message_id
    row = StoredAssignment(
        assignment_id=fleet.ids.next(),
        message_id=message_id,
        device_id=device.device_id,
        carrier="android",
        slot=1,
        parts=2,
        state=AssignmentState.ASSIGNED,
        cancelling=0,
        recipient="+4512345678",
        valid_until_ms=9,
        assigned_ms=120_000,
        changed_ms=0,
    )
    write = fleet.storage.writer.write
    await write(assignments.assign, row)
    assert await fleet.storage.read(lambda c: assignments.load_open(c, "android")) == [row]
    assert await fleet.storage.read(lambda c: assignments.load_open(c, "other")) == []
    usage = await fleet.storage.read(lambda c: devices.load_usage(c, "android", 0))
    assert usage == [(device.device_id, 1, 2, 2)]

    for state in (AssignmentState.PROCESSED, AssignmentState.FETCHED, AssignmentState.SENT):
        step = AssignmentStep(
            assignment_id=row.assignment_id,
            state=state,
            cancelling=0,
            valid_until_ms=9,
            changed_ms=state.value,
        )
        await write(assignments.move, step)
        [found] = await fleet.storage.read(
            lambda c: assignments.find(c, device.device_id, [row.assignment_id])
        )
        best = max(state, AssignmentState.PROCESSED)
        assert found == msgspec.structs.replace(row, state=best, changed_ms=best.value)
    assert await fleet.storage.read(lambda c: assignments.load_open(c, "android")) == []
    assert (
        await fleet.storage.read(
            lambda c: assignments.find(c, device.device_id + 1, [row.assignment_id])
        )
        == []
    )
