"""Settings for all phones of an account."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select

from dragoman.core.devices.model.devices import Groups
from dragoman.core.devices.sql.tables import phone_settings
from dragoman.storage.rows import are_empty, put_row, read_all, row_of
from dragoman.storage.work import one_by_one


class StoredPhoneSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `phone_settings`."""

    account_id: int
    settings: Groups = {}
    signing_key: str = ""


@one_by_one("put_phone_settings")
def put(connection: Connection, item: StoredPhoneSettings) -> None:
    put_row(connection, phone_settings, row_of(item))


def load_all(connection: Connection) -> list[StoredPhoneSettings]:
    """The settings of every account that has any."""
    if are_empty(connection, phone_settings):
        return []
    return read_all(connection, select(phone_settings), StoredPhoneSettings)
