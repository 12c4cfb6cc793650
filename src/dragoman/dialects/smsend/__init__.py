"""The API smSend REST v1.0, which Skebby, Aruba, Mobyt, Esendex and other brands speak too."""

from __future__ import annotations

from dragoman.container import Services
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.smsend.mapping import DIALECT, PREFIX
from dragoman.dialects.smsend.routes import build_operations, build_refuse
from dragoman.dialects.smsend.sending.callbacks import render_callback
from dragoman.web.operations import Dialect

__all__ = ["build_smsend"]


def build_smsend(services: Services) -> ProviderDialect:
    return ProviderDialect(
        name=DIALECT,
        web=Dialect(
            name=DIALECT,
            title="smSend REST API v1.0",
            description=(
                "Sends texts and mail, and keeps contacts. `login` or `token` gives a `user_key`"
                " and a key; every other call takes them as the headers `user_key` and"
                " `Session_key` or `Access_token`."
            ),
            login='-H "user_key: $USER_KEY" -H "Session_key: $SESSION_KEY"',
            prefixes=(PREFIX,),
            operations=build_operations(services),
            refuse=build_refuse(services),
            fallback_charset="windows-1252",
        ),
        render_callback=render_callback,
    )
