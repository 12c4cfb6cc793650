"""`dragoman carrier`: carriers as they are now, out of service and back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dragoman.cli.asking import ask
from dragoman.cli.message import print_carriers
from dragoman.cli.options import ConfigOption, DataOption, JsonOption, find_settings
from dragoman.cli.outcome import ExitCode, Stop, write_json

if TYPE_CHECKING:
    from dragoman.config import Settings
    from dragoman.control.answers import CarrierSwitched

app = typer.Typer(no_args_is_help=True, help="Carriers: how they are, out of service and back.")

LOOK_EVERY_S: Final = 0.2

Name = Annotated[
    str,
    typer.Argument(help="The carrier, as it is called in the configuration.", show_default=False),
]


@app.command("list")
def list_carriers(
    config: ConfigOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """List the carriers of a running gateway: state, links, window, errors."""
    from dragoman.control.requests import ShowOverview

    overview = ask(find_settings(config, data), ShowOverview())
    if not overview.running:
        raise Stop(ExitCode.FAILED, "no gateway is running", "unavailable")
    if json:
        write_json({"carriers": overview.carriers})
    else:
        print_carriers(overview.carriers)


@app.command("hold")
def hold_carrier(
    name: Name, config: ConfigOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """Give a carrier nothing new from now on, over restarts.

    What is in flight is finished, and reports and texts still come in; messages take the other
    carriers of their route, or wait.
    """
    _tell(_switch(find_settings(config, data), name, held=True), json)


@app.command("drain")
def drain_carrier(
    name: Name,
    timeout_s: Annotated[
        float, typer.Option("--timeout", help="How long to wait, in seconds.", min=0)
    ] = 60.0,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Hold a carrier and wait until nothing is in flight; exit code 1 where that takes too long."""
    settings = find_settings(config, data)
    until = time.monotonic() + timeout_s
    switched = _switch(settings, name, held=True)
    while switched.in_flight and time.monotonic() < until:
        time.sleep(LOOK_EVERY_S)
        switched = _switch(settings, name, held=True)
    _tell(switched, json)
    if switched.in_flight:
        raise typer.Exit(ExitCode.FAILED)


@app.command("enable")
def enable_carrier(
    name: Name, config: ConfigOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """Let a carrier that was held send again."""
    _tell(_switch(find_settings(config, data), name, held=False), json)


def _switch(settings: Settings, name: str, *, held: bool) -> CarrierSwitched:
    from dragoman.control.requests import SwitchCarrier

    return ask(settings, SwitchCarrier(carrier=name, held=held))


def _tell(switched: CarrierSwitched, json: bool) -> None:
    if json:
        write_json(switched)
        return
    if not switched.held:
        print(f"{switched.carrier} is in service")
    elif switched.in_flight:
        print(f"{switched.carrier} is given nothing new; {switched.in_flight} parts in flight")
    else:
        print(f"{switched.carrier} is out of service; nothing is in flight")
    if not switched.gateway:
        print("No gateway is running: it is so when one is started.")
