"""`dragoman tail`: what happens to messages, as it happens."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dragoman.cli.asking import stop_of
from dragoman.cli.options import ConfigOption, DataOption, JsonOption, find_settings
from dragoman.cli.outcome import ExitCode, Stop
from dragoman.cli.output import show_time

if TYPE_CHECKING:
    from dragoman.control.answers import FeedLine


def tail(
    account: Annotated[
        str, typer.Option(help="Only this account and those below it; all if not given.")
    ] = "",
    state: Annotated[
        list[str] | None,
        typer.Option(help="Only this state, such as delivered; may be repeated."),
    ] = None,
    to: Annotated[str, typer.Option(help="Only numbers that begin so.")] = "",
    route: Annotated[str, typer.Option(help="Only this route.")] = "",
    dialect: Annotated[str, typer.Option(help="Only messages that came by this API.")] = "",
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show what happens to messages, as it happens; ends with Ctrl-C.

    With --json, one object a line.
    """
    from dragoman.control.client import CommandFailed, NotRunning, stream
    from dragoman.control.requests import Tail

    settings = find_settings(config, data)
    request = Tail(
        account=account, states=tuple(state or ()), recipient=to, route=route, dialect=dialect
    )
    try:
        for number, page in enumerate(stream(settings.data_path, request)):
            if number == 0:
                print("Listening; stop with Ctrl-C.", file=sys.stderr, flush=True)
            if page.dropped:
                print(f"{page.dropped} changes were too many to show", file=sys.stderr, flush=True)
            for line in page.lines:
                _write(line, json)
    except NotRunning:
        raise Stop(ExitCode.FAILED, "no gateway is running", "not_running") from None
    except CommandFailed as error:
        raise stop_of(error.failure) from None
    except KeyboardInterrupt:
        return
    print("The gateway has stopped.", file=sys.stderr)


def _write(line: FeedLine, json: bool) -> None:
    import msgspec

    if json:
        print(msgspec.json.encode(line).decode(), flush=True)
        return
    way = " ".join(filter(None, (line.dialect, line.route, line.carrier)))
    why = ": ".join(filter(None, (line.failure, line.detail)))
    print(
        f"{show_time(line.at_ms)}  {line.state:<11}  {line.recipient:<15}  {line.message_id}"
        f"  {line.account}  {way}" + (f"  {why}" if why else ""),
        flush=True,
    )
