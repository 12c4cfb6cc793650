"""Devices and their SIMs, and the codes and tokens that phones register with."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, delete, func, insert, select, update

from dragoman.core.devices.model.devices import Device, Sim
from dragoman.core.devices.sql.tables import device_assignments, device_registrations, devices, sims
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import are_empty, converter, insert_rows, read_one, row_of
from dragoman.storage.work import one_by_one, together


class NewRegistration(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `device_registrations`."""

    registration_id: int
    account_id: int
    carrier: str
    kind: str
    digest: bytes
    expires_ms: int | None = None
    used_ms: int | None = None


class RegistrationEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Ends the codes and tokens with which phones could register for an account."""

    account_id: int
    at_ms: int


class NewDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device to store, with the one-time code it used, if any."""

    device: Device
    token_digest: bytes
    code_id: int | None = None


class DeviceUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The current values of a device with its SIMs; its token is unchanged."""

    device: Device


class SeenDevice(msgspec.Struct, frozen=True, kw_only=True):
    """The time of the last call of a device, and the version of its app."""

    device_id: int
    seen_ms: int
    app_version: str


class StoredDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device and the digest of its token."""

    device: Device
    token_digest: bytes


@together("add_device_registration")
def register(connection: Connection, items: list[NewRegistration]) -> None:
    insert_rows(connection, device_registrations, items)


@one_by_one("end_device_registrations")
def end_registrations(connection: Connection, item: RegistrationEnd) -> None:
    ended = update(device_registrations).where(
        device_registrations.c.account_id == item.account_id,
        device_registrations.c.used_ms.is_(None),
    )
    connection.execute(ended.values(used_ms=item.at_ms))


@one_by_one("create_device")
def create(connection: Connection, item: NewDevice) -> None:
    device = item.device
    if item.code_id is not None:
        used = update(device_registrations).where(
            device_registrations.c.registration_id == item.code_id,
            device_registrations.c.used_ms.is_(None),
        )
        if connection.execute(used.values(used_ms=device.created_ms)).rowcount != 1:
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="the code was used")
    row = {**_row_of(device), "token_digest": item.token_digest}
    connection.execute(insert(devices).values(row))
    _write_sims(connection, device)


@together("change_device")
def change(connection: Connection, items: list[DeviceUpdate]) -> None:
    for item in {item.device.device_id: item for item in items}.values():
        changed = update(devices).where(devices.c.device_id == item.device.device_id)
        row = _row_of(item.device)
        del row["seen_ms"], row["app_version"]  # `seen` writes them
        connection.execute(changed.values(row))
        _write_sims(connection, item.device)


@one_by_one("note_device_seen")
def seen(connection: Connection, item: SeenDevice) -> None:
    was_seen = update(devices).where(
        devices.c.device_id == item.device_id, devices.c.seen_ms <= item.seen_ms
    )
    values = {"seen_ms": item.seen_ms, "app_version": item.app_version}
    connection.execute(was_seen.values(values))


def _write_sims(connection: Connection, device: Device) -> None:
    connection.execute(delete(sims).where(sims.c.device_id == device.device_id))
    rows = [{**row_of(sim), "device_id": device.device_id} for sim in device.sims]
    if rows:
        connection.execute(insert(sims), rows)


def find_registration(connection: Connection, kind: str, digest: bytes) -> NewRegistration | None:
    """The valid code or token with a digest."""
    query = select(device_registrations).where(
        device_registrations.c.digest == digest,
        device_registrations.c.kind == kind,
        device_registrations.c.used_ms.is_(None),
    )
    return read_one(connection, query, NewRegistration)


def load_all(connection: Connection) -> list[StoredDevice]:
    """Every device that was not removed, oldest first."""
    if are_empty(connection, devices):
        return []
    sims_of: dict[int, list[Sim]] = {}
    sim_of, device_of = converter(Sim, sims.c.keys()), converter(Device, devices.c.keys())
    for row in connection.execute(select(sims).order_by(sims.c.slot)):
        sims_of.setdefault(row.device_id, []).append(sim_of(row))
    query = select(devices).where(devices.c.removed_ms.is_(None)).order_by(devices.c.device_id)
    return [
        StoredDevice(
            device=replace(device_of(row), sims=tuple(sims_of.get(row.device_id, ()))),
            token_digest=row.token_digest,
        )
        for row in connection.execute(query)
    ]


def load_usage(connection: Connection, carrier: str, since: int) -> list[tuple[int, int, int, int]]:
    """(device, slot, minute since the epoch, parts) assigned from an identifier on."""
    given = device_assignments.c
    minute = given.assigned_ms.op("/")(60_000)  # whole minutes, on every database
    query = (
        select(given.device_id, given.slot, minute, func.sum(given.parts))
        .where(given.carrier == carrier, given.assignment_id >= since)
        .group_by(given.device_id, given.slot, minute)
        .order_by(minute)
    )
    return [(row[0], row[1], int(row[2]), int(row[3])) for row in connection.execute(query)]


def _row_of(device: Device) -> dict[str, Any]:
    row = row_of(device)
    del row["sims"]
    return row
