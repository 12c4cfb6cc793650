"""The API of LINK Mobility DK v2: JSON or XML, by the suffix of the path."""

from __future__ import annotations

from functools import partial

from dragoman.container import Services
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.linkmobility.callbacks import render_callback, render_text
from dragoman.dialects.linkmobility.mail import LinkMailbox
from dragoman.dialects.linkmobility.mapping import DIALECT
from dragoman.dialects.linkmobility.routes import build_operations, build_refuse
from dragoman.web.operations import Dialect

__all__ = ["build_linkmobility"]


def build_linkmobility(services: Services) -> ProviderDialect:
    return ProviderDialect(
        name=DIALECT,
        web=Dialect(
            name=DIALECT,
            title="LINK Mobility DK REST API v2",
            description=(
                "Sends texts and asks what became of them. Every call takes `apikey` in the query;"
                " the suffix of the path, `.json` or `.xml`, is the form of the answer."
            ),
            login="apikey=$KEY",
            prefixes=("/v2",),
            operations=build_operations(services),
            refuse=build_refuse(services),
            cors=True,
        ),
        render_callback=partial(
            render_callback, zone=services.settings.dialects.linkmobility.time_zone
        ),
        render_text=render_text,
        mailbox=LinkMailbox(services),
    )
