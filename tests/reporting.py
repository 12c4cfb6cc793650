"""Keeps low what it costs to tell xdist's first process how thirteen thousand tests went.

For each test a worker sends it six messages, which both pack and unpack in Python. Of a test that
passes it shows a dot, for which one will do.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

_SHOWN_ONLY_ON_REQUEST: Final = frozenset({"logstart", "logfinish"})


def tell_what_is_shown(config: pytest.Config) -> None:
    """Has a worker send what says more than that a phase passed; elsewhere it does nothing.

    Where somebody asks for more than dots (`-v`, `--durations`, a JUnit file), all is sent.
    """
    option = config.option
    if option.verbose > 0 or option.durations is not None or option.xmlpath:
        return
    worker = next((one for one in config.pluginmanager.get_plugins() if _is_worker(one)), None)
    if worker is None:
        return
    send = worker.sendevent

    def send_what_is_shown(name: str, **more: Any) -> None:
        if name in _SHOWN_ONLY_ON_REQUEST:
            return
        if name == "testreport" and more["data"]["outcome"] == "passed":
            if more["data"]["when"] != "call":
                return
            more["data"]["keywords"] = {}
        send(name, **more)

    worker.sendevent = send_what_is_shown


def _is_worker(plugin: object) -> bool:
    return type(plugin).__name__ == "WorkerInteractor"
