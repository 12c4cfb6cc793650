"""`dragoman carrier`: the state of carriers, out of service and back."""

from __future__ import annotations

import time
from typing import Annotated, Final

import typer

from dragoman.admin.answers import CarrierSwitched, CarrierTested, Overview
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.message import print_carriers
from dragoman.cli.options import argument, option
from dragoman.cli.outcome import ExitCode, Stop

app = new_group()

LOOK_EVERY_S: Final = 0.2
ACCEPTED: Final = "accepted"

Name = Annotated[str, argument("The carrier's name in the configuration.")]


@command(app, "list")
def list_carriers(gateway: Gateway) -> None:
    """List the carriers of a running gateway: state, links, window, errors."""
    overview = gateway.get("status", answer=Overview)
    if not overview.running:
        raise Stop(ExitCode.FAILED, "no gateway is running", "unavailable")
    gateway.show({"carriers": overview.carriers}, lambda answer: print_carriers(overview.carriers))


@command(app, "hold")
def hold_carrier(gateway: Gateway, name: Name) -> None:
    """Stop giving a carrier new messages, also after a restart.

    Messages in flight are completed, and receipts and texts still arrive; other messages take the
    remaining carriers of their route, or wait.
    """
    gateway.show(_switch(gateway, name, held=True), _print_switched)


@command(app, "drain")
def drain_carrier(
    gateway: Gateway,
    name: Name,
    timeout_s: Annotated[
        float, option("How long to wait, in seconds.", "--timeout", min=0, show_default=True)
    ] = 60.0,
) -> None:
    """Hold a carrier and wait until nothing is in flight; exit code 1 if that takes too long."""
    until = time.monotonic() + timeout_s
    switched = _switch(gateway, name, held=True)
    while switched.in_flight and time.monotonic() < until:
        time.sleep(LOOK_EVERY_S)
        switched = _switch(gateway, name, held=True)
    gateway.show(switched, _print_switched)
    if switched.in_flight:
        raise typer.Exit(ExitCode.FAILED)


@command(app, "enable")
def enable_carrier(gateway: Gateway, name: Name) -> None:
    """Let a held carrier send again."""
    gateway.show(_switch(gateway, name, held=False), _print_switched)


@command(app, "test")
def try_carrier(
    gateway: Gateway,
    name: Name,
    to: Annotated[str, option("The number to send to; it costs what the provider takes.", "--to")],
    sender: Annotated[str, option("What the phone shows as sender.", "--from")] = "",
    text: Annotated[str, option("The text.", "--text")] = "",
) -> None:
    """Send one text over an HTTP carrier, past all queues, and show what the provider answered.

    Exit code 1 unless it was accepted. The configuration is that of the running gateway.
    """
    body = {"to": to} | ({"sender": sender} if sender else {}) | ({"text": text} if text else {})
    tested = gateway.call("POST", "carriers", name, "test", answer=CarrierTested, body=body)
    gateway.show(tested, _print_tested)
    if tested.meaning != ACCEPTED:
        raise typer.Exit(ExitCode.FAILED)


def _print_tested(tested: CarrierTested) -> None:
    print(f"{tested.carrier} ({tested.preset}): {tested.request or 'nothing was sent'}")
    if tested.http_status:
        print(f"  HTTP {tested.http_status}: {tested.meaning}")
    if tested.detail:
        print(f"  {tested.detail}")
    if tested.carrier_ids:
        print(f"  ID: {', '.join(tested.carrier_ids)}")
    if tested.callback_url:
        print(f"Reports and inbound texts come to {tested.callback_url}")
    else:
        print("Without public_url there are no reports and no inbound texts.")


def _switch(gateway: Gateway, name: str, *, held: bool) -> CarrierSwitched:
    return gateway.call("PUT", "carriers", name, answer=CarrierSwitched, body={"held": held})


def _print_switched(switched: CarrierSwitched) -> None:
    if not switched.held:
        print(f"{switched.carrier} is in service")
    elif switched.in_flight:
        print(f"{switched.carrier} gets no new messages; {switched.in_flight} parts in flight")
    else:
        print(f"{switched.carrier} is out of service; nothing is in flight")
    if not switched.gateway:
        print("No gateway is running: this applies when one is started.")
