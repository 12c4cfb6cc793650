"""Parameters and answers of the calls on the caller's own account."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class LoginQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Who logs in; both may stand in HTTP Basic instead."""

    username: Annotated[str, Meta(description="The account's user name.")] = ""
    password: Annotated[str, Meta(description="The account's password.")] = ""


class PasswordQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The new password."""

    password: Annotated[str, Meta(description="The new password, from 8 characters on.")]
