"""The reference page of calls: every address that the HTTP server answers, and what it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from dragoman.campaigns.pages import build_mailing_pages
from dragoman.cli.reference_table import table
from dragoman.cli.reference_words import NEEDS, PERMISSIONS
from dragoman.config import Settings
from dragoman.connectors.mm7.reports import build_reports
from dragoman.connectors.phones.cht import ChtGateway
from dragoman.connectors.phones.smsgate.routes import SmsGate
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Permission
from dragoman.core.metrics import Metrics
from dragoman.development.calls import build_calls
from dragoman.development.workbench import Workbench
from dragoman.dialects import DIALECTS
from dragoman.ops.health import build_pages
from dragoman.web.operations import Dialect, Operation


class _Nothing:
    """Stands for services that are looked at and never asked."""

    def __getattr__(self, name: str) -> _Nothing:
        return self

    def __call__(self, *_: object, **__: object) -> None:
        pass


_NOTHING: Any = _Nothing()


def list_calls() -> Iterator[str]:
    """The lines of the page."""
    yield (
        "The calls of each API. A running gateway shows them with every field at `/docs`, and as"
        " OpenAPI 3.1 at `/docs/<dialect>/openapi.json`."
    )
    yield ""
    yield from _permissions()
    services = no_services()
    for name, build in DIALECTS.items():
        yield from _calls_of(f"{name}: ", build(services).web, needs=NEEDS[name])
    for note, dialect in _others():
        yield from _calls_of("", dialect, note)
    yield "## Around them"
    yield ""
    yield "Without a key; `/metrics` for this machine alone unless `metrics.public` is set."
    yield ""
    yield from table(
        ("methods", "path"),
        [("GET", f"`{path}`") for path in _paths_of_pages()],
    )
    yield "The pages of the [console](../console.md) are under `/console`."


def _permissions() -> Iterator[str]:
    yield "## What an account may do"
    yield ""
    yield (
        "Every call needs an account that is enabled and allowed from the caller's address. Beyond"
        " that, permissions are given with `dragoman account create --may` and taken with"
        " `--may-not`; nobody has more than the account above. What is not listed here needs none."
        " Parameters in a path are in braces; `query` and body formats say where a call looks for"
        " the others."
    )
    yield ""
    yield from table(
        ("permission", "unless said otherwise", "what it opens"),
        [
            (
                f"`{permission}`",
                "has it" if permission in DEFAULT_PERMISSIONS else "not",
                PERMISSIONS[permission],
            )
            for permission in Permission
        ],
    )


def _calls_of(
    prefix: str,
    dialect: Dialect,
    note: str = "",
    needs: Mapping[str, Permission] = MappingProxyType({}),
) -> Iterator[str]:
    yield f"## {prefix}{dialect.title}"
    yield ""
    yield " ".join(text for text in (dialect.description, note) if text)
    yield ""
    yield from table(
        ("methods", "path", "what it does", "parameters", "needs", "manual"),
        [
            (
                ", ".join(operation.methods),
                f"`{operation.path}`",
                operation.summary,
                _parameters(operation),
                _needs(needs, operation),
                operation.source,
            )
            for operation in dialect.operations
        ],
    )


def _parameters(operation: Operation) -> str:
    """Where a call looks for what it takes, beside its path."""
    given = ["query"] if operation.query is not None else []
    if operation.body is not None:
        inside = f" in `{operation.wrapper}`" if operation.wrapper else ""
        given.append(", ".join(operation.body_formats) + inside)
    return "; ".join(given)


def _needs(needs: Mapping[str, Permission], operation: Operation) -> str:
    called = f"{', '.join(operation.methods)} {operation.path}"
    needed = [
        permission.value for pattern, permission in needs.items() if re.fullmatch(pattern, called)
    ]
    scope = [f"`{operation.needs}` of a token"] if operation.needs else []
    return ", ".join([*(f"`{name}`" for name in needed), *scope])


def _others() -> Iterator[tuple[str, Dialect]]:
    """What is answered beside the dialects, each with who may call it."""
    phones = SmsGate(
        accounts=_NOTHING,
        devices=_NOTHING,
        webhooks=_NOTHING,
        registration=_NOTHING,
        carriers={},
        intake=_NOTHING,
        clock=_NOTHING,
        metrics=Metrics(),
        public_url="",
        ping_interval_s=0,
        settings=_NOTHING,
    )
    cht = ChtGateway(devices=_NOTHING, carriers={}, intake=_NOTHING, metrics=Metrics())
    yield "Where a carrier has the type `phones`.", phones.dialect()
    yield "Where a carrier has the type `phones`.", cht.dialect()
    yield "Where a carrier has the type `mm7`.", build_reports(())
    yield (
        "Where `mailings` are enabled; the token in the address is the key.",
        build_mailing_pages(_NOTHING),
    )
    workbench = Workbench(phones=_NOTHING, outbox=_NOTHING, forwarding=_NOTHING)
    yield (
        "See [who may call them](../development.md#who-may-call-it).",
        build_calls(workbench, _NOTHING),
    )


def _paths_of_pages() -> list[str]:
    pages = build_pages(
        health=_NOTHING,
        measured=_NOTHING,
        dialects=(),
        addresses=_NOTHING,
        public_metrics=False,
    )
    return [getattr(route, "path", "") for route in pages.routes]


def no_services() -> Services:
    """What a dialect needs to be looked at, not to be asked."""
    fields = dict.fromkeys(Services.__dataclass_fields__, _NOTHING)
    return Services(**{**fields, "settings": Settings(), "metrics": Metrics()})
