"""How the modules of the subjects declare their operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from dragoman.admin.whole import Whole


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operation is given: a JSON body, or the query of its address."""


@dataclass(frozen=True, slots=True)
class Call:
    """An operation: what is called by which address, below `/admin/v1`.

    `run` is an async function, or for a stream an async generator, of the `Admin`, the placeholders
    of the path as text, and a `body` or `query`; its annotations and its docstring are what the
    OpenAPI document says. A `local` call is answered on the socket only. One that is about all
    accounts says in `whole` how the answers of a cluster's partitions become one; any other raises
    `Elsewhere` for what another partition has.
    """

    method: str
    path: str
    run: Callable[..., Any]
    status: int = 200
    local: bool = False
    whole: Whole | None = None
