"""`dragoman listen`: callbacks of a development gateway, made on this machine instead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from dragoman.cli.options import DEVELOPMENT_FOLDER, DataOption, named_folder, option
from dragoman.cli.outcome import ExitCode, Stop

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from dragoman.development.forwarding import ForwardedCall
    from dragoman.development.listener import Gateway

FORWARDS: Final = 8
"""Callbacks that are made at once."""
WAIT: Final = "15s"
AGAIN_S: Final = 1.0


def listen(
    forward_to: Annotated[
        str,
        option(
            "The address of the program, such as http://localhost:3000; the path and query of"
            " each callback are appended to it.",
            "--forward-to",
            metavar="URL",
        ),
    ],
    server: Annotated[
        str, option("The development gateway; the one in --data if not given.", metavar="URL")
    ] = "",
    key: Annotated[
        str, option("An API key, where the gateway is on another machine.", envvar="DRAGOMAN_KEY")
    ] = "",
    data: DataOption = None,
) -> None:
    """Forward the callbacks of a development gateway to a program here, and print each exchange.

    While this runs, callbacks go to --forward-to instead of their own URLs, and the gateway takes
    the responses from here as the customer's. Ends with Ctrl-C.
    """
    from dragoman.development.listener import Gateway, Turned, parse_address

    try:
        target, gateway = parse_address(forward_to), Gateway(server or _base_url(data), key)
    except ValueError as error:
        raise Stop(ExitCode.USAGE, str(error)) from None
    try:
        _run(gateway, target)
    except Turned as turned:
        raise Stop(ExitCode.REFUSED, str(turned), turned.code) from None
    except KeyboardInterrupt:
        return


def _run(gateway: Gateway, target: SplitResult) -> None:
    """Forwards callbacks until it is interrupted; raises `Turned`."""
    import sys
    import time
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(FORWARDS)
    listening: bool | None = None  # not known yet
    try:
        while True:
            calls = gateway.take(WAIT if listening else "0s")
            if calls is None:
                if listening is not False:
                    where = gateway.address.geturl()
                    print(f"{where} does not answer; waiting for it.", file=sys.stderr, flush=True)
                listening = False
                time.sleep(AGAIN_S)
                continue
            if not listening:
                print(f"Callbacks go to {target.geturl()}; stop with Ctrl-C.", flush=True)
                listening = True
            for call in calls:
                pool.submit(_forward, gateway, target, call)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _forward(gateway: Gateway, target: SplitResult, call: ForwardedCall) -> None:
    from dragoman.development.listener import make_call

    answer = make_call(call, target)
    said = answer.reason if answer.status is None else f"{answer.status} {answer.body[:200]}"
    shown = "".join(c if c.isprintable() else " " for c in said)
    heard = "" if gateway.tell(call, answer) else "\n  (the gateway was not told)"
    print(f"{call.method} {call.target}\n  -> {shown}{heard}", flush=True)


def _base_url(data: Path | None) -> str:
    from dragoman.cli import dev_file

    folder = data or named_folder() or DEVELOPMENT_FOLDER
    found = dev_file.read(folder)
    if found is None or not found.base_url:
        raise Stop(
            ExitCode.USAGE,
            f"no `dragoman dev` has run in {folder}: name one with --server or --data",
        )
    return found.base_url
