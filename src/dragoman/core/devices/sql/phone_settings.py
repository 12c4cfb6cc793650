"""What accounts set on all of their phones."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from dragoman.core.devices.model.phone_settings import Groups
from dragoman.core.devices.sql.tables import phone_settings
from dragoman.storage.work import Operation


class StoredPhoneSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `phone_settings`."""

    account_id: int
    settings: Groups = {}
    signing_key: str = ""


def _put(connection: Connection, items: list[StoredPhoneSettings]) -> list[Exception | None]:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    for item in items:
        values = {
            "settings": msgspec.json.encode(item.settings).decode(),
            "signing_key": item.signing_key,
        }
        statement = dialect.insert(phone_settings).values(account_id=item.account_id, **values)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["account_id"], set_=values)
        )
    return [None] * len(items)


put = Operation(_put, "put_phone_settings", StoredPhoneSettings)


def load_all(connection: Connection) -> list[StoredPhoneSettings]:
    """The settings of every account that has any."""
    return [
        StoredPhoneSettings(
            account_id=row.account_id,
            settings=msgspec.json.decode(row.settings, type=Groups),
            signing_key=row.signing_key,
        )
        for row in connection.execute(select(phone_settings))
    ]
