"""Which dialects take an API key of the account."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.assembly import build_services
from dragoman.config import Settings
from dragoman.config.dialects import WITH_KEYS
from dragoman.dialects import DIALECTS
from dragoman.web.docs_page import list_groups
from dragoman.web.openapi import render_openapi


@pytest.mark.parametrize("name", DIALECTS)
def test_those_whose_examples_have_a_key_are_listed(name: str, tmp_path: Path) -> None:
    settings = Settings.development(tmp_path, http="127.0.0.1:1", smsc="127.0.0.1:1")
    services = build_services(settings)
    try:
        dialect = DIALECTS[name](services).web
        groups = list_groups(render_openapi(dialect, version="1"), dialect.login)
        examples = [entry["curl"] for group in groups.values() for entry in group]
    finally:
        services.storage.close()
    assert any("$KEY" in example for example in examples) is (name in WITH_KEYS)
