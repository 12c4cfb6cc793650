"""The two editions of this API, and all in which they differ.

`link` is the manual of LINK Mobility DK, `zumosms` the older one of Zumosms. An account's own
profile comes first, then the host name it calls, then the configuration. The calls know nothing of
this: what a profile lacks is refused before a call and dropped from its answer. What
the manuals only say differently, and what programs of both need alike, is no difference here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import msgspec

from dragoman.config.dialects import LinkMobility
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.model.errors import RefusalCode
from dragoman.dialects.linkmobility.errors import WordedRefusal
from dragoman.dialects.wording import quoted
from dragoman.web.requests import Parameters, Request

FieldPath = tuple[str, ...]
"""Where a field of an answer stands; lists on the way are passed through."""

_PLACEHOLDER: Final = re.compile(r"\{[^{}]*\}")


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """An edition of the API, said by what it lacks; calls are named `GET outbox/{}`."""

    absent: tuple[str, ...] = ()
    """The beginnings of paths that do not exist."""
    unknown_parameters: Mapping[str, frozenset[str]] = {}
    """Parameters of the query that have no effect, by call."""
    dropped: Mapping[str, tuple[FieldPath, ...]] = {}
    """Fields that an answer does not have, by call."""


PROFILES: Final = MappingProxyType(
    {
        "link": Profile(),
        "zumosms": Profile(
            absent=("message/expand", "users", "user", "keywords", "services", "premium"),
            unknown_parameters={"GET outbox/{}": frozenset({"subusers"})},
            dropped={
                "GET contacts/{}": (("stats",),),
                "GET outbox/{}": tuple(
                    ("query", name)
                    for name in ("mnc", "userid", "push_price", "contenttype", "state")
                ),
                "GET outbox/lookup/{}": tuple(
                    ("query", name) for name in ("userid", "splitcount", "state")
                ),
            },
        ),
    }
)
"""The whole of the differences."""


class CallRule:
    """What a profile changes about one call."""

    def __init__(self, profile: Profile, call: str) -> None:
        path = call.partition(" ")[2]
        self.is_absent = any(path == one or path.startswith(f"{one}/") for one in profile.absent)
        self.dropped = profile.dropped.get(call, ())
        self._parameters = profile.unknown_parameters.get(call, frozenset[str]())

    def __bool__(self) -> bool:
        return bool(self.is_absent or self.dropped or self._parameters)

    def apply(self, request: Request) -> None:
        """Takes from a request what the profile ignores; raises `Refused` for what it lacks."""
        if self.is_absent:
            text = f"Resource [{quoted(request.path)}] not found"
            raise WordedRefusal(RefusalCode.NOT_FOUND, text)
        if not self._parameters.isdisjoint(request.query):
            pairs = request.query.pairs
            request.query = Parameters(pair for pair in pairs if pair[0] not in self._parameters)


@cache
def rules_of(call: str) -> Mapping[str, CallRule]:
    """What each profile changes about a call, for those that change anything."""
    rules = {name: CallRule(profile, call) for name, profile in PROFILES.items()}
    return {name: rule for name, rule in rules.items() if rule}


class ProfileChoice:
    """Finds the profile of a call."""

    def __init__(self, settings: LinkMobility) -> None:
        self._default = settings.profile
        self._hosts = {one.host.lower(): one.profile for one in settings.hosts}

    def of(self, account: Account, request: Request) -> str:
        """The account's own, else the host name's, else the configured one."""
        if account.profile in PROFILES:
            return account.profile
        if self._hosts:
            host = request.header(b"host").decode("latin-1").lower()
            return self._hosts.get(_without_port(host), self._default)
        return self._default


def name_call(method: str, path: str) -> str:
    """A call as the tables above name it, whatever its placeholders are called."""
    return f"{method} {_PLACEHOLDER.sub('{}', path)}"


def drop_fields(tree: Any, paths: tuple[FieldPath, ...]) -> None:
    """Takes fields out of an answer that was made plain dicts and lists."""
    for path in paths:
        _drop(tree, path)


def _drop(tree: Any, path: FieldPath) -> None:
    if isinstance(tree, list | tuple):
        for item in tree:
            _drop(item, path)
    elif isinstance(tree, dict):
        name, *rest = path
        if not rest:
            tree.pop(name, None)
        elif name in tree:
            _drop(tree[name], tuple(rest))


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
