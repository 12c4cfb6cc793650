"""Devices and their SIMs, and the codes and tokens by which phones register."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from dragoman.core.devices.model.devices import Device, DeviceSettings, Health, Limits, Sim
from dragoman.core.devices.sql.tables import device_assignments, device_registrations, devices, sims
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.work import Operation


class NewRegistration(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `device_registrations`."""

    registration_id: int
    account_id: int
    carrier: str
    kind: str
    digest: bytes
    expires_ms: int | None = None
    used_ms: int | None = None


class NewDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device to store, with the one-time code it is registered by, if by any."""

    device: Device
    token_digest: bytes
    code_id: int | None = None


class DeviceUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A device as it is now, with its SIMs; its token stays."""

    device: Device


class SeenDevice(msgspec.Struct, frozen=True, kw_only=True):
    """When a device was last heard of."""

    device_id: int
    seen_ms: int


class StoredDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device and the digest of its token."""

    device: Device
    token_digest: bytes


def _register(connection: Connection, items: list[NewRegistration]) -> list[Exception | None]:
    connection.execute(
        insert(device_registrations), [msgspec.structs.asdict(item) for item in items]
    )
    return [None] * len(items)


def _create(connection: Connection, items: list[NewDevice]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        device = item.device
        if item.code_id is not None:
            used = connection.execute(
                update(device_registrations)
                .where(
                    device_registrations.c.registration_id == item.code_id,
                    device_registrations.c.used_ms.is_(None),
                )
                .values(used_ms=device.created_ms)
            )
            if used.rowcount != 1:
                results.append(Refused(RefusalCode.AUTHENTICATION_FAILED, detail="used code"))
                continue
        row = {**_row_of(device), "token_digest": item.token_digest}
        connection.execute(insert(devices).values(row))
        _write_sims(connection, device)
        results.append(None)
    return results


def _update(connection: Connection, items: list[DeviceUpdate]) -> list[Exception | None]:
    for item in {item.device.device_id: item for item in items}.values():
        row = _row_of(item.device)
        connection.execute(
            update(devices).where(devices.c.device_id == row.pop("device_id")).values(row)
        )
        _write_sims(connection, item.device)
    return [None] * len(items)


def _seen(connection: Connection, items: list[SeenDevice]) -> list[Exception | None]:
    for item in items:
        connection.execute(
            update(devices)
            .where(devices.c.device_id == item.device_id, devices.c.seen_ms < item.seen_ms)
            .values(seen_ms=item.seen_ms)
        )
    return [None] * len(items)


def _write_sims(connection: Connection, device: Device) -> None:
    connection.execute(delete(sims).where(sims.c.device_id == device.device_id))
    rows = [
        {
            **msgspec.structs.asdict(sim),
            "device_id": device.device_id,
            "limits": _json(sim.limits),
        }
        for sim in device.sims
    ]
    if rows:
        connection.execute(insert(sims), rows)


register = Operation(_register, "add_device_registration", NewRegistration)
create = Operation(_create, "create_device", NewDevice)
change = Operation(_update, "change_device", DeviceUpdate)
seen = Operation(_seen, "note_device_seen", SeenDevice)


def find_registration(connection: Connection, kind: str, digest: bytes) -> NewRegistration | None:
    """The code or token of a digest that is not used or revoked."""
    query = select(device_registrations).where(
        device_registrations.c.digest == digest,
        device_registrations.c.kind == kind,
        device_registrations.c.used_ms.is_(None),
    )
    row = connection.execute(query).first()
    return None if row is None else NewRegistration(**row._mapping)


def load_all(connection: Connection) -> list[StoredDevice]:
    """Every device that was not removed, oldest first."""
    sims_of: dict[int, list[Sim]] = {}
    for row in connection.execute(select(sims).order_by(sims.c.slot)):
        values = dict(row._mapping)
        device_id = values.pop("device_id")
        limits = msgspec.json.decode(values.pop("limits"), type=Limits)
        sims_of.setdefault(device_id, []).append(Sim(**values, limits=limits))
    query = select(devices).where(devices.c.removed_ms.is_(None)).order_by(devices.c.device_id)
    return [
        StoredDevice(
            device=_device(row, tuple(sims_of.get(row.device_id, ()))),
            token_digest=row.token_digest,
        )
        for row in connection.execute(query)
    ]


def load_usage(connection: Connection, carrier: str, since: int) -> list[tuple[int, int, int, int]]:
    """(device, slot, minute since the epoch, parts) handed out from an identifier on."""
    given = device_assignments.c
    minute = given.assigned_ms.op("/")(60_000)  # whole minutes, on every database
    query = (
        select(
            given.device_id,
            given.slot,
            minute,
            func.sum(given.parts),
        )
        .where(given.carrier == carrier, given.assignment_id >= since)
        .group_by(given.device_id, given.slot, minute)
        .order_by(minute)
    )
    return [(row[0], row[1], int(row[2]), int(row[3])) for row in connection.execute(query)]


def _row_of(device: Device) -> dict[str, Any]:
    row = msgspec.structs.asdict(device)
    del row["sims"]
    return {**row, "settings": _json(device.settings), "health": _json(device.health)}


def _device(row: Row[Any], its_sims: tuple[Sim, ...]) -> Device:
    values = dict(row._mapping)
    del values["token_digest"]
    values["settings"] = msgspec.json.decode(values["settings"], type=DeviceSettings)
    values["health"] = msgspec.json.decode(values["health"], type=Health)
    return Device(**values, sims=its_sims)


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()
