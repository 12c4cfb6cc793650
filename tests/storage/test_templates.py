"""Databases that tests copy."""

from __future__ import annotations

import psycopg
import pytest
from tests.postgres import PostgresServer

pytestmark = pytest.mark.postgresql


def test_a_template_whose_making_failed_is_made_anew(postgres: PostgresServer) -> None:
    name = "template_of_a_test"

    def fail(url: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE half (n INTEGER)")
        raise RuntimeError("half made")

    def make(url: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE whole (n INTEGER)")

    with pytest.raises(RuntimeError):
        postgres.template(name, fail)
    with psycopg.connect(postgres.copy_of(postgres.template(name, make))) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relname IN ('half', 'whole')"
        ).fetchall()
    assert tables == [("whole",)]
    postgres.run(f"DROP DATABASE {name}")
