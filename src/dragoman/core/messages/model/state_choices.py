"""The states that can be asked for, by their names: one list for searches, logs and commands."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import RefusalCode, Refused

STATES_BY_NAME: Final = MappingProxyType({state.name.lower(): state for state in State})
GROUPS: Final = MappingProxyType(
    {
        "waiting": (State.QUEUED, State.SENDING),
        "failed": (State.UNDELIVERED, State.EXPIRED, State.REJECTED),
    }
)
"""Names of several states."""
SCHEDULED: Final = frozenset({State.SCHEDULED})
"""What is due later is a batch; it has no messages that a search could find."""


def read_states(written: str) -> tuple[State, ...]:
    """The states of names such as `delivered` or `failed,unknown`; none for an empty text.

    Raises `Refused` with the field `state` for any other name.
    """
    found: set[State] = set()
    for name in filter(None, (word.strip().lower() for word in written.split(","))):
        if name in GROUPS:
            found.update(GROUPS[name])
        elif name in STATES_BY_NAME:
            found.add(STATES_BY_NAME[name])
        else:
            known = ", ".join((*STATES_BY_NAME, *GROUPS))
            detail = f"no state {name[:40]!r}; there are {known}"
            raise Refused(RefusalCode.INVALID_FIELD, "state", detail)
    if found > SCHEDULED:
        detail = "scheduled cannot be asked for together with other states"
        raise Refused(RefusalCode.INVALID_FIELD, "state", detail)
    return tuple(sorted(found))
