"""Ports for what a test starts by itself."""

from __future__ import annotations

import itertools
import os
import random
import socket
from contextlib import suppress
from typing import Final

FIRST: Final = 20_000
EACH: Final = 1_900
"""Ports of a worker: no other is given them, and the system gives away those above them all."""


def _ports() -> itertools.cycle[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 6
    ports = [*range(FIRST + worker * EACH, FIRST + (worker + 1) * EACH)]
    begin = random.SystemRandom().randrange(EACH)  # beside another run
    return itertools.cycle(ports[begin:] + ports[:begin])


_NEXT: Final = _ports()


def free_port() -> int:
    """A port that nobody listens on, and that no other test is given while this one goes on."""
    for port in _NEXT:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("there is always a next one")
