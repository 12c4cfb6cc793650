"""kannel.conf into our configuration: carriers, routes, accounts, services, the status page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dragoman.config.values import Secret
from dragoman.importing import kannel_reasons as reasons
from dragoman.importing.kannel_carriers import add_carriers
from dragoman.importing.kannel_file import Group, read_groups
from dragoman.importing.kannel_services import add_services
from dragoman.importing.plan import Note, Plan, Planned, Source

DIALECT: Final = "kannel"
LOOPBACK: Final = "127.0.0.1"
PORT: Final = 13013
ALL: Final = "*.*.*.*"
_WILDCARD: Final = re.compile(r"((?:[0-9]{1,3}\.){0,3})((?:\*\.){0,3}\*)")
_DIGITS: Final = re.compile(r"\+?([0-9]{1,15})")
_KNOWN: Final = frozenset({"core", "smsbox", "smsc", "sendsms-user", "sms-service"})


def read_kannel(path: Path) -> Plan:
    """Reads a whole configuration; raises OSError where the file cannot be read."""
    plan = Plan()
    groups = read_groups(path, plan)
    if not any(group.name in _KNOWN for group in groups):
        plan.note(Source(str(path)), "", "no group of Kannel's SMS gateway was found")
    of_name = {name: [one for one in groups if one.name == name] for name in _KNOWN}
    plan.settings["dialects"] = {"enabled": (DIALECT,)}
    smsbox = of_name["smsbox"][0] if of_name["smsbox"] else None
    _add_http(smsbox, plan)
    for core in of_name["core"]:
        _add_status(core, plan)
    carriers = add_carriers(of_name["smsc"], plan)
    sender = _global_sender(smsbox, plan)
    users = [_read_user(group, sender, plan) for group in of_name["sendsms-user"]]
    plan.accounts = [user for user in users if user is not None]
    carriers.add_routes(of_name["sendsms-user"], plan)
    add_services(of_name["sms-service"], carriers, sender, plan)
    _note_rest(groups, plan)
    plan.notes.sort(key=_order(groups))
    return plan


def networks_of(group: Group, name: str, plan: Plan) -> tuple[str, ...]:
    """A list of addresses with `*` for their last numbers, as networks."""
    networks = []
    for written in group.parts(name):
        found = _WILDCARD.fullmatch(written)
        fixed = found[1] if found else ""
        if found is None or fixed.count(".") + found[2].count("*") > 4:
            if re.fullmatch(r"[0-9a-fA-F.:/]+", written):
                networks.append(written)
            else:
                plan.note(group.where(name), name, "holds what is no address; left out")
            continue
        numbers = fixed.rstrip(".").split(".") if fixed else []
        padded = ".".join([*numbers, *["0"] * (4 - len(numbers))])
        networks.append(f"{padded}/{8 * len(numbers)}")
    return tuple(networks)


def _add_http(smsbox: Group | None, plan: Plan) -> None:
    if smsbox is None:
        plan.settings["http"] = {"listen": f"{LOOPBACK}:{PORT}"}
        return
    host = smsbox.get("sendsms-interface") or LOOPBACK
    port = smsbox.number("sendsms-port")
    plan.settings["http"] = {"listen": f"{host}:{int(port) if port else PORT}"}
    if host == LOOPBACK:
        plan.note(
            smsbox.where("sendsms-port"),
            "sendsms-port",
            "Kannel listens on all addresses; here http.listen is loopback until you change it",
        )


def _add_status(core: Group, plan: Plan) -> None:
    password = core.get("status-password")
    kannel = plan.settings.setdefault("dialects.kannel", {})
    if password:
        kannel["status_password"] = Secret(password)
    else:
        plan.note(
            core.source, "status-password", "not set: there is no status page without a password"
        )
    networks = networks_of(core, "admin-allow-ip", plan)
    if networks and password:
        kannel["status_addresses"] = networks
    if core.has("admin-deny-ip") and core.variables["admin-deny-ip"].value == ALL:
        core.get("admin-deny-ip")  # nothing but what is allowed, as here
    if not kannel:
        del plan.settings["dialects.kannel"]


def _global_sender(smsbox: Group | None, plan: Plan) -> str:
    sender = smsbox.get("global-sender") if smsbox is not None else ""
    return _sender(smsbox, "global-sender", sender, plan) if smsbox is not None else ""


def _sender(group: Group, name: str, sender: str, plan: Plan) -> str:
    if not sender or re.fullmatch(r"\+?[0-9]{1,20}|[ -~]{1,11}", sender):
        return sender
    plan.note(group.where(name), name, "is neither a number nor 1 to 11 characters; left out")
    return ""


def _read_user(group: Group, global_sender: str, plan: Plan) -> Planned | None:
    username = group.get("username") or group.get("user")
    password = group.get("password") or group.get("pass")
    if not username:
        plan.note(group.source, "username", "missing; the account is left out")
        return None
    allowed = networks_of(group, "user-allow-ip", plan)
    if group.get("user-deny-ip") not in {"", ALL} or (
        group.get("user-deny-ip") == ALL and not allowed
    ):
        plan.note(
            group.where("user-deny-ip"),
            "user-deny-ip",
            "only addresses that are allowed can be told; set `--allowed-ips`",
        )
    faked = _sender(group, "faked-sender", group.get("faked-sender"), plan)
    if faked:
        plan.note(
            group.where("faked-sender"),
            "faked-sender",
            "a `from` of another name is refused, where Kannel replaces it",
        )
    own = _sender(group, "default-sender", group.get("default-sender"), plan)
    planned = Planned(
        username=username,
        password=Secret(password) if password else None,
        allowed_ips=allowed,
        sender=faked or own or global_sender,
        only_sender=bool(faked),
        prefixes=_prefixes(group, "allowed-prefix", plan),
        dialect=DIALECT,
    )
    url = group.get("dlr-url")
    if url and plan.call_privately(url, group.where("dlr-url"), "dlr-url"):
        planned.report_url = url
    return planned


def _prefixes(group: Group, name: str, plan: Plan) -> tuple[str, ...]:
    """First digits of international numbers."""
    read = []
    for part in group.parts(name):
        digits = _DIGITS.fullmatch(re.sub("^00", "+", part))
        if digits is None or (part.startswith("0") and not part.startswith("00")):
            plan.note(group.where(name), name, "holds a prefix that is not international; left out")
        else:
            read.append(digits[1])
    return tuple(dict.fromkeys(read))


def _note_rest(groups: list[Group], plan: Plan) -> None:
    for group in groups:
        if group.name in reasons.GROUPS or group.name not in _KNOWN:
            plan.note(
                group.source,
                f"group {group.name}",
                reasons.GROUPS.get(group.name, "is none of Kannel's SMS gateway"),
            )
            continue
        for name in sorted(group.unread, key=lambda one: group.where(one).line):
            plan.note(group.where(name), name, reasons.reason(group.name, name))


def _order(groups: list[Group]) -> Callable[[Note], tuple[int, int]]:
    """The order of files as they were read, and of lines in them."""
    files = {name: at for at, name in enumerate(dict.fromkeys(one.source.file for one in groups))}
    return lambda note: (files.get(note.source.file, len(files)), note.source.line)
