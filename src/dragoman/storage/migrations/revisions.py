"""Runs the migrations without an alembic.ini, inside this process."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine


def upgrade(engine: Engine, to: str = "head") -> None:
    """Runs the missing migrations up to one, by default the last."""
    config = _config()
    config.attributes["engine"] = engine
    command.upgrade(config, to)


def current(engine: Engine) -> str | None:
    """The revision the database is at; None for an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@cache  # alembic loads every migration to find the last
def newest() -> str:
    """The revision this version of Dragoman needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
