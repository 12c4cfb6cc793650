"""`dragoman device`: the phones that send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dragoman.cli.asking import ask
from dragoman.cli.options import ConfigOption, DataOption, JsonOption, find_settings
from dragoman.cli.outcome import write_json
from dragoman.cli.output import print_fields, print_table, show_time

if TYPE_CHECKING:
    from dragoman.control.answers import DeviceView
    from dragoman.core.devices.model.devices import Limits

app = typer.Typer(no_args_is_help=True, help="Devices: phones that send with their own SIMs.")

DeviceNumber = Annotated[
    int, typer.Argument(metavar="DEVICE", help="The device's identifier.", show_default=False)
]
AccountOption = Annotated[
    str, typer.Option("--account", help="Whose phone it is; not needed where there is one account.")
]
CarrierOption = Annotated[
    str, typer.Option("--carrier", help="The carrier it joins; the first one of type phones.")
]
Number = Annotated[int | None, typer.Option(min=0, help="Parts; 0 for no limit.")]


@app.command("code")
def create_code(
    account: AccountOption = "",
    carrier: CarrierOption = "",
    minutes: Annotated[
        float | None, typer.Option(help="How long it is good; as configured if not given.", min=0.1)
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Make a code that registers one phone, and say what to do on the phone."""
    from dragoman.control.requests import CreateDeviceCode

    settings = find_settings(config, data)
    life_s = None if minutes is None else minutes * 60
    request = CreateDeviceCode(account=account, carrier=carrier, life_s=life_s)
    answer = ask(settings, request)
    if json:
        write_json(answer)
        return
    url = answer.api_url or "https://<this server>/api/mobile/v1"
    print(f"Code {answer.code} registers one phone of {answer.account}", end="")
    print(f" until {show_time(answer.expires_ms)}.\n\nOn the phone:")
    for number, step in enumerate(steps(url, answer.code), 1):
        print(f"{number}. {step}")


@app.command("token")
def create_token(
    account: AccountOption = "",
    carrier: CarrierOption = "",
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Make a private token that registers any number of an account's phones, shown this once."""
    from dragoman.control.requests import CreateDeviceToken

    request = CreateDeviceToken(account=account, carrier=carrier)
    answer = ask(find_settings(config, data), request)
    if json:
        write_json(answer)
    else:
        print_fields(
            [
                ("account", answer.account),
                ("API URL", answer.api_url),
                ("private token", answer.token),
            ]
        )


@app.command("add")
def add_device(
    name: Annotated[str, typer.Argument(help="What to call the phone.", show_default=False)],
    account: AccountOption = "",
    carrier: CarrierOption = "",
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Enter a phone with the app CHT Gateway, and show the address to type into it, this once."""
    from dragoman.control.requests import AddDevice

    request = AddDevice(name=name, account=account, carrier=carrier)
    answer = ask(find_settings(config, data), request)
    if json:
        write_json(answer)
    else:
        print_fields(
            [
                ("device", str(answer.device_id)),
                ("name", answer.name),
                ("account", answer.account),
                ("CHT URL", answer.url),
            ]
        )


@app.command("list")
def list_devices(
    config: ConfigOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """List the devices, and which of them are there."""
    from dragoman.control.requests import ListDevices

    answer = ask(find_settings(config, data), ListDevices())
    if json:
        write_json(answer)
        return
    print_table(
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
    )


@app.command("show")
def show_device(
    device: DeviceNumber,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show one device with its SIMs, limits and health."""
    from dragoman.control.requests import ShowDevice

    _show(ask(find_settings(config, data), ShowDevice(device_id=device)), json)


@app.command("change")
def change_device(
    device: DeviceNumber,
    name: Annotated[str, typer.Option(help="What to call it.")] = "",
    sim: Annotated[
        int | None, typer.Option(help="Changes this SIM of it; slots count from 1.", min=1, max=3)
    ] = None,
    label: Annotated[str | None, typer.Option(help="What to call the SIM.")] = None,
    number: Annotated[str | None, typer.Option(help="The SIM's own phone number.")] = None,
    per_minute: Number = None,
    per_hour: Number = None,
    per_day: Number = None,
    gap: Annotated[float | None, typer.Option(min=0, help="Seconds between two messages.")] = None,
    hours: Annotated[
        str, typer.Option(help="Working hours such as 08:00-20:00; `always` for no such limit.")
    ] = "",
    time_zone: Annotated[str | None, typer.Option(help="Zone of the working hours.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Name a device, label a SIM, or limit what either may send."""
    from dragoman.control.requests import ChangeDevice

    request = ChangeDevice(
        device_id=device,
        name=name,
        slot=sim,
        label=label,
        number=number,
        limits={
            "per_minute": per_minute,
            "per_hour": per_hour,
            "per_day": per_day,
            "gap_s": gap,
            "time_zone": time_zone,
            **_read_hours(hours),
        },
    )
    _show(ask(find_settings(config, data), request), json)


@app.command("enable")
def enable_device(
    device: DeviceNumber,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Let a device send again."""
    _set_enabled(device, True, config, data, json)


@app.command("disable")
def disable_device(
    device: DeviceNumber,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Take a device out of service; what it has not begun to send goes another way."""
    _set_enabled(device, False, config, data, json)


@app.command("remove")
def remove_device(
    device: DeviceNumber,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Forget a device; its phone has to register anew."""
    from dragoman.control.requests import RemoveDevice

    answer = ask(find_settings(config, data), RemoveDevice(device_id=device))
    if json:
        write_json(answer)
    else:
        print(f"{answer.name} ({answer.device_id}) is removed")


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


@app.command("export-inbox")
def export_inbox(
    device: DeviceNumber,
    days: Annotated[float, typer.Option(help="How far back.", min=0.01, max=3650)] = 7.0,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Ask a phone to hand in again what it has received; nothing is stored twice.

    A phone that does not listen now is asked when it does, within a day.
    """
    import time

    from dragoman.control.requests import ExportInbox

    until_ms = round(time.time() * 1000)
    since_ms = until_ms - round(days * 86_400_000)
    request = ExportInbox(device_id=device, since_ms=since_ms, until_ms=until_ms)
    answer = ask(find_settings(config, data), request)
    if json:
        write_json(answer)
    else:
        heard = "is asked" if answer.stream else "will be asked when it listens"
        print(f"{answer.name} ({answer.device_id}) {heard}")


@app.command("signing-key")
def show_signing_key(
    account: AccountOption = "",
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show the key that an account's webhooks are signed with."""
    from dragoman.control.requests import ShowSigningKey

    answer = ask(find_settings(config, data), ShowSigningKey(account=account))
    if json:
        write_json(answer)
    else:
        print_fields([("account", answer.account), ("signing key", answer.signing_key)])


def _set_enabled(
    device: int, enabled: bool, config: ConfigOption, data: DataOption, json: bool
) -> None:
    from dragoman.control.requests import SetDeviceEnabled

    request = SetDeviceEnabled(device_id=device, enabled=enabled)
    answer = ask(find_settings(config, data), request)
    if json:
        write_json(answer)
    else:
        state = "enabled" if answer.enabled else "disabled"
        print(f"{answer.name} ({answer.device_id}) is {state}")


def _read_hours(text: str) -> dict[str, int]:
    """The minutes of the day between which to work; nothing where nothing is said."""
    from dragoman.cli.outcome import ExitCode, Stop
    from dragoman.core.devices.model.devices import DAY_MINUTES

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


def _show(device: DeviceView, json: bool) -> None:
    if json:
        write_json(device)
        return
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
