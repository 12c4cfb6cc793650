"""Every import contract fails when an import that it forbids is planted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLANTED = {
    "The layers import downwards": ("kit/clock.py", "dragoman.web.router"),
    "The packages of the core import downwards": (
        "core/billing/model/pricing.py",
        "dragoman.core.contacts.contacts",
    ),
    "Within a package: use cases, SQL, model": (
        "core/inbound/sql/opt_outs.py",
        "dragoman.core.inbound.opt_outs",
    ),
    "Edges talk to use cases, never to SQL": (
        "dialects/httpsms/mapping.py",
        "dragoman.core.messages.sql.changes",
    ),
    "Models are values and rules: no SQL, no I/O, no clock": (
        "core/messages/model/lifecycle.py",
        "asyncio",
    ),
    "Dialects do not know each other": (
        "dialects/httpsms/mapping.py",
        "dragoman.dialects.smsend.mapping",
    ),
    "Connectors do not know each other": (
        "connectors/mm7/statuses.py",
        "dragoman.connectors.smpp.statuses",
    ),
    "SQLAlchemy stays in SQL and in storage": ("core/accounts/senders.py", "sqlalchemy"),
    "The core knows no HTTP, no SMTP, no configuration": (
        "core/accounts/senders.py",
        "dragoman.config.settings",
    ),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources and of the contracts, to plant imports in."""
    folder = tmp_path_factory.mktemp("contracts")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(
        ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    return folder


def lint(folder: Path) -> str:
    """What lint-imports says of a copy."""
    code = "import sys; from importlinter.cli import lint_imports_command as run; run()"
    result = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder / "src"), "NO_COLOR": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr


def test_every_contract_is_planted_against() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    names = [line.split('"')[1] for line in text.splitlines() if line.startswith('name = "')]
    assert set(PLANTED) == set(names) - {"dragoman"}


def test_planted_imports_break_the_contracts_they_are_for(copy: Path) -> None:
    """All at once: each contract looks at its own imports only."""
    assert " 0 broken" in lint(copy)
    for file, module in PLANTED.values():
        path = copy / "src" / "dragoman" / file
        path.write_text(f"{path.read_text()}\nimport {module}  # noqa: E402\n")
    said = lint(copy)
    kept = [name for name in PLANTED if f"{name} BROKEN" not in said]
    assert kept == [], said
