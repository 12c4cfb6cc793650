"""Runs the migrations without an alembic.ini, inside this process.

Alembic takes a tenth of a second to import, and most processes find the tables current: so what
they are at, and should be at, is read without it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text

FOLDER = Path(__file__).parent

_TABLE: Final = {
    "sqlite": text("SELECT name FROM sqlite_master WHERE name = 'alembic_version'"),
    "postgresql": text("SELECT to_regclass('alembic_version')"),
}
_REVISION: Final = text("SELECT version_num FROM alembic_version")


def upgrade(engine: Engine, to: str = "head") -> None:
    """Runs the missing migrations up to one, by default the last."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["engine"] = engine
    command.upgrade(config, to)


def current(connection: Connection) -> str | None:
    """The revision the database is at; None for an empty one."""
    if connection.scalar(_TABLE[connection.dialect.name]) is None:
        return None
    found: str | None = connection.scalar(_REVISION)
    return found


@cache
def newest() -> str:
    """The revision this version of Dragoman needs: the number its last file begins with."""
    return max(file.name for file in FOLDER.glob("versions/[0-9]*.py")).partition("_")[0]


def missing(after: str | None) -> list[str]:
    """The revisions that tables lack which are at one, in their order."""
    names = sorted(file.name for file in FOLDER.glob("versions/[0-9]*.py"))
    numbers = (name.partition("_")[0] for name in names)
    return [number for number in numbers if after is None or number > after]


def is_additive(revision: str) -> bool:
    """Whether versions before a revision work with its tables (`storage/upgrades.py`)."""
    from alembic.script import ScriptDirectory

    module = ScriptDirectory(str(FOLDER)).get_revision(revision).module
    return getattr(module, "additive", False) is True
