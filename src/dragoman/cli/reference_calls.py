"""The reference page of calls: every address that the HTTP server answers, and what it needs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from dragoman.admin.operations import build_admin
from dragoman.campaigns.links import build_short_links
from dragoman.campaigns.pages import build_mailing_pages
from dragoman.cli.reference_table import table
from dragoman.cli.reference_words import NEEDS, PERMISSIONS
from dragoman.config import Settings
from dragoman.connectors.http.callbacks import build_callbacks
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

Built = TypeVar("Built")


class _Nothing:
    """Stands for a service where a table is only looked at: whatever it is asked is nothing too."""

    def __getattr__(self, name: str) -> _Nothing:
        return self

    def __call__(self, *_asked: object) -> _Nothing:
        return self


_NOTHING: Final[Any] = _Nothing()
_PHONES: Final = "Where a carrier has the type `phones`."


def list_calls() -> Iterator[str]:
    """The lines of the page."""
    yield (
        "The calls of each API. A running gateway shows them with every field at `/docs`, and as"
        " OpenAPI 3.1 at `/docs/<dialect>/openapi.json`.\n"
    )
    yield "## Permissions\n"
    yield (
        "Every call needs an account that is enabled and allowed from the caller's address. Beyond"
        " that, permissions are granted with `dragoman account create --may` and withheld with"
        " `--may-not`; no account has more than its parent. Parameters in a path are in braces;"
        " `query` and body formats say where a call looks for the others.\n"
    )
    yield from table(
        ("permission", "by default", "what it allows"),
        [
            (f"`{one}`", "granted" if one in DEFAULT_PERMISSIONS else "", PERMISSIONS[one])
            for one in Permission
        ],
    )
    services = no_services()
    for name, build in DIALECTS.items():
        yield from _calls_of(f"{name}: ", build(services).web, needs=NEEDS[name])
    for note, dialect in _others():
        yield from _calls_of("", dialect, note)
    yield "## Other paths\n"
    yield "Without a key; `/metrics` for this machine alone unless `metrics.public` is set.\n"
    pages = _empty(build_pages, dialects=(), public_metrics=False)
    paths = dict.fromkeys(getattr(route, "path", "") for route in pages.routes)
    yield from table(("methods", "path"), [("GET", f"`{path}`") for path in paths])
    yield "The pages of the [console](../console.md) are under `/console`."


def _calls_of(
    prefix: str,
    dialect: Dialect,
    note: str = "",
    needs: Mapping[str, Permission] = MappingProxyType({}),
) -> Iterator[str]:
    yield f"## {prefix}{dialect.title}\n"
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
    needed = [f"`{one}`" for pattern, one in needs.items() if re.fullmatch(pattern, called)]
    return ", ".join(needed + ([f"`{operation.needs}` of a token"] if operation.needs else []))


def _others() -> Iterator[tuple[str, Dialect]]:
    """What is answered beside the dialects, each with who may call it."""
    smsgate = _empty(SmsGate, carriers={}, metrics=Metrics(), public_url="", ping_interval_s=0)
    yield _PHONES, smsgate.dialect()
    yield _PHONES, _empty(ChtGateway, carriers={}, metrics=Metrics()).dialect()
    yield "Where a carrier has the type `mm7`.", build_reports(lambda _: None)
    yield "Where a carrier has the type `http`.", build_callbacks(lambda _: None)
    yield (
        "Where `mailings` are enabled; the token in the address is the key.",
        build_mailing_pages(_NOTHING),
    )
    yield (
        "Where `links.public_url` is set; whoever has a link may follow it.",
        build_short_links(_NOTHING),
    )
    yield (
        "On the socket in the data folder; with `[admin] remote = true` also here, for callers with"
        " a token, but for the tokens themselves:"
        " [how](../howto/tls-proxy.md#administer-it-from-elsewhere).",
        build_admin(_NOTHING),
    )
    yield (
        "See [who may call them](../development.md#who-may-call-it).",
        build_calls(_empty(Workbench), _NOTHING),
    )


def _empty(build: Callable[..., Built], **given: Any) -> Built:
    """What can be looked at, not asked: built of nothing but what is given."""
    names = inspect.signature(build).parameters
    return build(**{name: given.get(name, _NOTHING) for name in names})


def no_services() -> Services:
    """What a dialect needs to be looked at, not to be asked."""
    return _empty(Services, settings=Settings(), metrics=Metrics())
