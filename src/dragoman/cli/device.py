"""`dragoman device`: the phones that send."""

from __future__ import annotations

import time
from typing import Annotated

from dragoman.admin.device_answers import (
    DeviceCode,
    DeviceList,
    DeviceToken,
    DeviceView,
    NewDevice,
    SigningKey,
)
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.outcome import ExitCode, Stop
from dragoman.cli.output import print_fields, print_table, show_time
from dragoman.core.devices.model.devices import DAY_MINUTES, Limits

app = new_group()

DeviceNumber = Annotated[int, argument("The device's identifier.", metavar="DEVICE")]
AccountOption = Annotated[
    str, option("Whose phone it is; not needed where there is one account.", "--account")
]
CarrierOption = Annotated[
    str, option("The carrier it joins; the first one of type phones.", "--carrier")
]
Number = Annotated[int | None, option("Parts; 0 for no limit.", min=0)]


@command(app, "code")
def create_code(
    gateway: Gateway,
    account: AccountOption = "",
    carrier: CarrierOption = "",
    minutes: Annotated[
        float | None, option("How long it is valid; as configured if not given.", min=0.1)
    ] = None,
) -> None:
    """Create a code that registers one phone, with the steps to take on the phone."""
    life_s = None if minutes is None else minutes * 60
    created = gateway.post(
        "devices", "codes", answer=DeviceCode, account=account, carrier=carrier, life_s=life_s
    )
    gateway.show(created, _print_code)


def _print_code(answer: DeviceCode) -> None:
    url = answer.api_url or "https://<this server>/api/mobile/v1"
    print(f"Code {answer.code} registers one phone of {answer.account}", end="")
    print(f" until {show_time(answer.expires_ms)}.\n\nOn the phone:")
    for number, step in enumerate(steps(url, answer.code), 1):
        print(f"{number}. {step}")


@command(app, "token")
def create_token(
    gateway: Gateway, account: AccountOption = "", carrier: CarrierOption = ""
) -> None:
    """Create a private token that registers any number of an account's phones, shown only once."""
    created = gateway.post(
        "devices", "tokens", answer=DeviceToken, account=account, carrier=carrier
    )
    gateway.show(
        created,
        lambda a: print_fields(
            [("account", a.account), ("API URL", a.api_url), ("private token", a.token)]
        ),
    )


@command(app, "add")
def add_device(
    gateway: Gateway,
    name: Annotated[str, argument("What to call the phone.")],
    account: AccountOption = "",
    carrier: CarrierOption = "",
) -> None:
    """Add a phone with the app CHT Gateway, and show the URL to type into it, only once."""
    added = gateway.post("devices", answer=NewDevice, name=name, account=account, carrier=carrier)
    gateway.show(
        added,
        lambda answer: print_fields(
            [
                ("device", str(answer.device_id)),
                ("name", answer.name),
                ("account", answer.account),
                ("CHT URL", answer.url),
            ]
        ),
    )


@command(app, "list")
def list_devices(gateway: Gateway) -> None:
    """List the devices, and which of them are online."""
    gateway.show(
        gateway.get("devices", answer=DeviceList),
        lambda answer: print_table(
            ("device", "account", "name", "state", "last seen", "SIMs", "app"),
            [
                (
                    str(device.device_id),
                    device.account,
                    device.name,
                    _show_state(device),
                    show_time(device.seen_ms),
                    ", ".join(sim.label or f"SIM {sim.slot}" for sim in device.sims if sim.present),
                    device.app_version,
                )
                for device in answer.devices
            ],
        ),
    )


@command(app, "show")
def show_device(gateway: Gateway, device: DeviceNumber) -> None:
    """Show one device with its SIMs, limits and health."""
    gateway.show(gateway.get("devices", device, answer=DeviceView), _print_device)


@command(app, "change")
def change_device(
    gateway: Gateway,
    device: DeviceNumber,
    name: Annotated[str, option("What to call it.")] = "",
    sim: Annotated[
        int | None, option("Changes this SIM of it; slots count from 1.", min=1, max=3)
    ] = None,
    label: Annotated[str | None, option("What to call the SIM.")] = None,
    number: Annotated[str | None, option("The SIM's own phone number.")] = None,
    per_minute: Number = None,
    per_hour: Number = None,
    per_day: Number = None,
    gap: Annotated[float | None, option("Seconds between two messages.", min=0)] = None,
    hours: Annotated[
        str, option("Working hours such as 08:00-20:00; `always` for no such limit.")
    ] = "",
    time_zone: Annotated[str | None, option("Time zone of the working hours.")] = None,
) -> None:
    """Name a device, label a SIM, or limit what either may send."""
    limits = {
        "per_minute": per_minute,
        "per_hour": per_hour,
        "per_day": per_day,
        "gap_s": gap,
        "time_zone": time_zone,
        **_read_hours(hours),
    }
    body = {"name": name, "slot": sim, "label": label, "number": number, "limits": limits}
    changed = gateway.call("PATCH", "devices", device, answer=DeviceView, body=body)
    gateway.show(changed, _print_device)


@command(app, "enable")
def enable_device(gateway: Gateway, device: DeviceNumber) -> None:
    """Let a device send again."""
    changed = gateway.post("devices", device, "enable", answer=DeviceView)
    gateway.show(changed, lambda answer: print(f"{_name(answer)} is enabled"))


@command(app, "disable")
def disable_device(gateway: Gateway, device: DeviceNumber) -> None:
    """Take a device out of service; what it has not begun to send takes another route."""
    changed = gateway.post("devices", device, "disable", answer=DeviceView)
    gateway.show(changed, lambda answer: print(f"{_name(answer)} is disabled"))


@command(app, "remove")
def remove_device(gateway: Gateway, device: DeviceNumber) -> None:
    """Remove a device; its phone has to register again."""
    removed = gateway.call("DELETE", "devices", device, answer=DeviceView)
    gateway.show(removed, lambda answer: print(f"{_name(answer)} is removed"))


def steps(url: str, code: str) -> tuple[str, ...]:
    """What to do on a phone, in order."""
    return (
        "Install SMSGate from its releases on GitHub and let it send and receive SMS.",
        "Settings > Cloud Server > Notification channel: choose `SSE Only`.",
        f"Settings > Cloud Server > API URL: {url} (no slash at the end).",
        "Back on the first page switch on `Cloud server`, then touch the `Offline` button.",
        f"Choose `By code` and type {code}",
        "Android settings > Apps > SMSGate > Battery: choose `Unrestricted`.",
    )


@command(app, "export-inbox")
def export_inbox(
    gateway: Gateway,
    device: DeviceNumber,
    days: Annotated[float, option("How far back.", min=0.01, max=3650, show_default=True)] = 7.0,
) -> None:
    """Ask a phone to upload again what it has received; nothing is stored twice.

    A phone that is not connected is asked when it is, within a day.
    """
    until_ms = round(time.time() * 1000)
    since_ms = until_ms - round(days * 86_400_000)
    asked = gateway.post(
        "devices", device, "inbox-export", answer=DeviceView, since_ms=since_ms, until_ms=until_ms
    )
    gateway.show(asked, _print_asked)


def _print_asked(device: DeviceView) -> None:
    when = "is asked" if device.stream else "will be asked when it connects"
    print(f"{_name(device)} {when}")


@command(app, "signing-key")
def show_signing_key(gateway: Gateway, account: AccountOption = "") -> None:
    """Show the key that an account's webhooks are signed with."""
    gateway.show(
        gateway.post("devices", "signing-key", answer=SigningKey, account=account),
        lambda a: print_fields([("account", a.account), ("signing key", a.signing_key)]),
    )


def _name(device: DeviceView) -> str:
    return f"{device.name} ({device.device_id})"


def _read_hours(text: str) -> dict[str, int]:
    """The minutes of the day between which to work; nothing where nothing is said."""
    if not text:
        return {}
    if text == "always":
        return {"work_from": 0, "work_to": DAY_MINUTES}
    try:
        start, end = (_minute(part) for part in text.split("-"))
    except ValueError:
        raise Stop(ExitCode.USAGE, "--hours: expected HH:MM-HH:MM or `always`") from None
    return {"work_from": start, "work_to": end}


def _minute(text: str) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    if not (0 <= hour <= 24 and 0 <= minute < 60 and hour * 60 + minute <= 24 * 60):
        raise ValueError("no time of day")
    return hour * 60 + minute


def _print_device(device: DeviceView) -> None:
    print_fields(
        [
            ("device", str(device.device_id)),
            ("name", device.name),
            ("account", device.account),
            ("carrier", device.carrier),
            ("state", _show_state(device)),
            ("last seen", show_time(device.seen_ms)),
            ("registered", show_time(device.created_ms)),
            ("app", f"{device.protocol} {device.app_version}".strip()),
            ("limits", _show_limits(device.limits)),
            ("health", ", ".join(f"{name} {value}" for name, value in device.health.items())),
        ]
    )
    print_table(
        ("SIM", "label", "number", "network", "limits"),
        [
            (
                str(sim.slot) if sim.present else f"{sim.slot} (taken out)",
                sim.label,
                sim.number,
                sim.carrier,
                _show_limits(sim.limits),
            )
            for sim in device.sims
        ],
    )


def _show_state(device: DeviceView) -> str:
    if not device.enabled:
        return "disabled"
    if device.stream:
        return "online, listening"
    return "online" if device.online else "away"


def _show_limits(limits: Limits) -> str:
    shown = [
        f"{count}/{unit}"
        for count, unit in (
            (limits.per_minute, "min"),
            (limits.per_hour, "h"),
            (limits.per_day, "day"),
        )
        if count
    ]
    if limits.gap_s:
        shown.append(f"gap {limits.gap_s:g} s")
    if (limits.work_from, limits.work_to) != (0, 24 * 60):
        start, end = divmod(limits.work_from, 60), divmod(limits.work_to, 60)
        shown.append(f"{start[0]:02d}:{start[1]:02d}-{end[0]:02d}:{end[1]:02d} {limits.time_zone}")
    return ", ".join(shown) or "none"
