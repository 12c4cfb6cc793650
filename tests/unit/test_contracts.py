"""Every import contract fails when an import that it forbids is planted; none go in circles."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import grimp
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
    "Models know no use cases": (
        "core/messages/model/lifecycle.py",
        "dragoman.core.messages.loader",
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


def test_every_dialect_and_connector_is_in_its_contract() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    packages = [
        f"dragoman.{kind}.{init.parent.name}"
        for kind in ("dialects", "connectors")
        for init in (ROOT / "src" / "dragoman" / kind).glob("*/__init__.py")
    ]
    assert packages
    assert [name for name in packages if f'"{name}"' not in text] == []


def test_planted_imports_break_the_contracts_they_are_for(copy: Path) -> None:
    """All at once: each contract looks at its own imports only."""
    assert " 0 broken" in lint(copy)
    for file, module in PLANTED.values():
        path = copy / "src" / "dragoman" / file
        path.write_text(f"{path.read_text()}\nimport {module}  # noqa: E402\n")
    said = lint(copy)
    kept = [name for name in PLANTED if f"{name} BROKEN" not in said]
    assert kept == [], said


def in_circles(imports: Mapping[str, set[str]]) -> set[str]:
    """The modules that import themselves through others, and those between such circles."""
    left = dict(imports)
    for _ in range(2):  # first what imports no circle, then what no circle imports
        while ends := {name for name in left if not left[name] & left.keys()}:
            left = {name: left[name] for name in left.keys() - ends}
        turned: dict[str, set[str]] = {name: set() for name in left}
        for name, imported in left.items():
            for other in imported & left.keys():
                turned[other].add(name)
        left = turned
    return set(left)


def test_circles_are_found() -> None:
    imports = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"d"}}
    assert in_circles(imports) == {"b", "c"}


def test_no_module_imports_itself_through_others() -> None:
    """Imports for types alone count too."""
    graph = grimp.build_graph("dragoman", cache_dir=None)
    imports = {name: set(graph.find_modules_directly_imported_by(name)) for name in graph.modules}
    assert in_circles(imports) == set()
