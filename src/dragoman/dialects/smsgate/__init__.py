"""The client API of SMSGate: what programs call to send over phones, and over any other carrier."""

from __future__ import annotations

from functools import partial

from dragoman.container import Services
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.smsgate.calls import CLOUD_PREFIX, PREFIX, build_refuse
from dragoman.dialects.smsgate.mapping import DIALECT
from dragoman.dialects.smsgate.routes import build_operations
from dragoman.dialects.smsgate.webhooks import render_event
from dragoman.web.operations import Dialect

__all__ = ["build_smsgate"]


def build_smsgate(services: Services) -> ProviderDialect:
    return ProviderDialect(
        name=DIALECT,
        web=Dialect(
            name="smsgate-client",  # the device API has the plain name
            title="SMSGate client API v1",
            description=(
                "Sends texts, over phones or other carriers, asks what became of them, and is told"
                " by webhooks. Calls take HTTP Basic with an account's user name and password, or"
                " a Bearer token of `POST /auth/token`."
            ),
            login='-u "$ACCOUNT:$PASSWORD"',
            prefixes=(PREFIX,),
            aliases={CLOUD_PREFIX: PREFIX},
            operations=build_operations(services),
            refuse=build_refuse(services.metrics),
        ),
        render_event=partial(render_event, services),
    )
