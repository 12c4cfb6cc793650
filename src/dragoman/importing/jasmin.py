"""Jasmin's objects into our configuration: carriers, routes, accounts, and URLs for texts."""

from __future__ import annotations

import re
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Final

from dragoman.config.values import Secret
from dragoman.importing.jasmin_text import Filter, Jasmin, Route, Values, read_files
from dragoman.importing.plan import Names, Plan, Planned, Source, Value

DIALECT: Final = "jasmin"
LISTEN: Final = "127.0.0.1:1401"
SHARED: Final = "weights"
"""How the carriers of a RandomRoundrobinMTRoute share messages."""
MAX_PRIORITY: Final = 1000
UNLIMITED: Final = frozenset({"ND", "None", ""})
ID_READINGS: Final = {"0": "as_sent", "1": "hex_to_dec", "2": "dec_to_hex"}
_NUMBERS: Final = (
    ("bind_to", "bind_timeout_s", 1, 300),
    ("res_to", "response_timeout_s", 1, 600),
    ("elink_interval", "enquire_interval_s", 1, 3600),
    ("con_loss_delay", "reconnect_min_s", 1, 3600),
    ("bind_ton", "addr_ton", 0, 7),
    ("bind_npi", "addr_npi", 0, 18),
    ("src_ton", "source_ton", 0, 7),
    ("src_npi", "source_npi", 0, 18),
    ("dst_ton", "dest_ton", 0, 7),
    ("dst_npi", "dest_npi", 0, 18),
)
_UNUSED: Final = MappingProxyType(
    {
        "src_addr": ("None", "a default sender belongs to accounts: `--sender`"),
        "validity": ("None", "without a validity the SMSC's own counts"),
        "proto_id": ("None", "messages have protocol id 0 unless they say otherwise"),
        "coding": ("0", "the coding follows from the text"),
        "priority": ("0", "0, and 1 for urgent messages"),
        "def_msg_id": ("0", "no canned messages"),
        "ripf": ("0", "messages are not replaced"),
        "con_loss_retry": ("yes", "a lost link is always opened again"),
        "con_fail_retry": ("yes", "a lost link is always opened again"),
        "con_fail_delay": ("10", "the wait grows from reconnect_min_s to reconnect_max_s"),
        "trx_to": ("300", "a silent link is probed after enquire_interval_s"),
        "pdu_red_to": ("10", "a stalled link is probed after enquire_interval_s"),
        "requeue_delay": ("120", "a message that a carrier defers is sent again by itself"),
        "dlr_expiry": ("86400", "receipts are awaited as receipts.horizon_s says"),
        "custom_tlvs": ("none", "TLVs of messages are not sent"),
    }
)
"""Parameters of a connector with Jasmin's default, and why another value is not carried over."""
_SEND_RIGHTS: Final = ("http_send", "smpps_send")
_PREFIX: Final = re.compile(
    r"\^\\?\+?(?:\(([0-9]+(?:\|[0-9]+)*)\)|([0-9]+))(?:(?:\.\*|\\d[+*]|\[0-9\][+*])\$?)?"
)
_WHOLE: Final = re.compile(r"\^\\?\+?([0-9]{3,15})\$")
_SENDER: Final = re.compile(r"\^([A-Za-z0-9 ]{1,11}|[0-9]{1,20})\$")


def read_jasmin(path: Path) -> Plan:
    """Reads what jcli printed; raises OSError and ValueError where a file cannot be read."""
    plan = Plan()
    found = read_files(path, plan)
    here = Source(str(path))
    if found.is_empty:
        plan.note(here, "", "nothing that jcli prints was found")
    plan.settings["dialects"] = {"enabled": (DIALECT,)}
    _add_http(found, here, plan)
    names = _add_carriers(found, plan)
    users = _add_accounts(found, plan)
    _add_routes(found, names, users, plan)
    _add_texts(found, users, here, plan)
    plan.notes.sort(key=lambda note: (note.source.file, note.source.line))
    return plan


def _add_http(found: Jasmin, here: Source, plan: Plan) -> None:
    api = found.config.get("http-api", {})
    port = api.get("port", "1401")
    plan.settings["http"] = {"listen": f"127.0.0.1:{port}" if port.isdigit() else LISTEN}
    plan.note(
        here,
        "",
        "Jasmin listens on all addresses; here http.listen is loopback until you change it",
    )


def _add_carriers(found: Jasmin, plan: Plan) -> dict[str, str]:
    """The carriers; their names by the id of their connector."""
    names, made = Names(), dict[str, str]()
    for cid, shown in found.connectors.items():
        name = made[cid] = names.make(cid, "smsc")
        plan.carriers.append({"name": name, **_carrier(shown, plan)})
        if name != cid:
            plan.note(shown.source, cid, f"the carrier is called {name}")
    for cid, (source, started) in found.listed_connectors.items():
        if cid not in made:
            plan.note(source, cid, f"only in the list: add what `smppccm -s {cid}` prints")
        elif not started:
            plan.note(source, cid, f"is stopped there: `dragoman carrier drain {made[cid]}`")
    return made


def _carrier(shown: Values, plan: Plan) -> dict[str, Value]:
    given, source = shown.values, shown.source
    table: dict[str, Value] = {
        "host": given.get("host") or "127.0.0.1",
        "port": _integer(given.get("port", ""), 1, 65535) or 2775,
        "system_id": given.get("username") or "smppclient",
        "password": Secret(given.get("password", "")),
    }
    if given.get("systype", "None") not in UNLIMITED:
        table["system_type"] = given["systype"]
    bind = given.get("bind", "transceiver")
    if bind in {"transmitter", "receiver"}:
        table["bind"] = bind
    if bind == "transmitter":
        plan.note(source, "bind", "without a receiver no receipts and texts come in")
    if given.get("addr_range", "None") not in UNLIMITED:
        table["address_range"] = given["addr_range"]
    for parameter, key, least, most in _NUMBERS:
        number = _integer(given.get(parameter, ""), least, most)
        if number is not None:
            table[key] = number
    if int(str(table.get("reconnect_min_s", 0))) > 60:
        table["reconnect_max_s"] = table["reconnect_min_s"]
    if table.get("source_ton") == 2:
        plan.note(
            source,
            "src_ton",
            "every sender is sent as a national number, Jasmin's default; without source_ton"
            " names and numbers are told apart",
        )
    rate = _float(given.get("submit_throughput", "1"))
    if rate:
        table["rate_per_s"] = rate if rate % 1 else int(rate)
    if given.get("ssl", "no").lower() in {"yes", "true"}:
        table["tls"] = True
    if given.get("dlr_msgid") in ID_READINGS:
        table["id_reading"] = ID_READINGS[given["dlr_msgid"]]
    for parameter, (default, why) in _UNUSED.items():
        value = given.get(parameter, default)
        if value not in {default, "None", ""}:
            plan.note(source, parameter, why)
    return table


def _add_accounts(found: Jasmin, plan: Plan) -> dict[str, str]:
    """The accounts; their user names by uid."""
    made: dict[str, str] = {}
    for uid, shown in found.users.items():
        username = made[uid] = shown.values.get("username") or uid
        _, _, _, enabled = found.listed_users.get(uid, (None, "", "", True))
        plan.accounts.append(_account(username, enabled, shown, found, plan))
    for uid, (source, _, username, enabled) in found.listed_users.items():
        if uid in made:
            continue
        made[uid] = username
        plan.note(source, uid, f"only in the list: add what `user -s {uid}` prints")
        plan.accounts.append(Planned(username=username, credits=0, disabled=not enabled))
    if made:
        source = next(iter(found.users.values())).source if found.users else Source("")
        plan.note(source, "password", "jcli shows none: each account gets a new one, or give it")
    for gid, (source, enabled) in found.groups.items():
        why = "accounts have no groups; routes of a group name its users"
        plan.note(source, gid, why if enabled else f"{why}; disable them")
    return made


def _account(username: str, enabled: bool, shown: Values, found: Jasmin, plan: Plan) -> Planned:
    given, source = shown.values, shown.source
    planned = Planned(username=username, disabled=not enabled, dialect=DIALECT)

    def value(name: str, default: str) -> str:
        return given.get(f"mt_messaging_cred {name}", default)

    sender = value("defaultvalue src_addr", "None")
    if sender not in UNLIMITED:
        planned.sender = sender
    if value("authorization src_addr", "True") == "False":
        planned.only_sender = True
    pattern = value("valuefilter src_addr", ".*")
    if (fixed := _SENDER.fullmatch(pattern)) and planned.sender in {"", fixed[1]}:
        planned.sender, planned.only_sender = fixed[1], True
    elif pattern != ".*":
        plan.note(source, "valuefilter src_addr", "approve senders: `dragoman sender approve`")
    pattern = value("valuefilter dst_addr", ".*")
    if pattern != ".*":
        planned.prefixes = prefixes_of(pattern) or ()
        if not planned.prefixes:
            plan.note(source, "valuefilter dst_addr", "only first digits: `--prefixes`")
    for name, default in (
        ("content", ".*"),
        ("priority", "^[0-3]$"),
        ("validity_period", r"^\d+$"),
    ):
        if value(f"valuefilter {name}", default) != default:
            plan.note(source, f"valuefilter {name}", "is not checked")
    rights = {name: value(f"authorization {name}", "True") == "True" for name in _SEND_RIGHTS}
    if not any(rights.values()):
        planned.may_not += ("send",)
    elif not all(rights.values()):
        plan.note(source, "authorization", "an account may send over HTTP and SMPP, or not at all")
    for name in ("http_balance", "http_rate", "http_long_content", "dlr_level", "http_dlr_method",
                 "priority", "validity_period", "hex_content"):  # fmt: skip
        if value(f"authorization {name}", "True") == "False":
            plan.note(source, f"authorization {name}", "every account may")
    if value("quota http_throughput", "ND") not in UNLIMITED:
        plan.note(source, "quota http_throughput", "accounts have no rate over HTTP; carriers have")
    if value("quota early_percent", "ND") not in UNLIMITED:
        plan.note(source, "quota early_percent", "credits are held, then spent or returned")
    binds = _integer(given.get("smpps_cred quota max_bindings", ""), 1, 1_000)
    rate = _float(value("quota smpps_throughput", "ND"))
    if (binds or rate) and given.get("smpps_cred authorization bind", "True") == "True":
        limits = (("--max-binds", binds), ("--rate", rate))
        options = tuple(word for name, one in limits if one for word in (name, f"{one:g}"))
        _let_bind(planned, found, plan, *options)
    if given.get("smpps_cred authorization ip", "0.0.0.0/0") != "0.0.0.0/0":
        networks = given["smpps_cred authorization ip"].split(",")
        planned.allowed_ips = tuple(one.strip() for one in networks if one.strip())
        plan.note(source, "smpps_cred authorization ip", "counts for HTTP too")
    planned.credits = _credits(value("quota balance", "ND"), value("quota sms_count", "ND"), found)
    if value("quota balance", "ND") not in UNLIMITED:
        plan.note(
            source,
            "quota balance",
            f"money is not kept: {planned.credits} credits, of which a part costs one",
        )
    return planned


def _let_bind(planned: Planned, found: Jasmin, plan: Plan, *options: str) -> None:
    """Gives an account a login at the SMPP server, which then listens."""
    if not any(command[:2] == ("account", "smpp") for command in planned.commands):
        name = planned.username
        planned.commands.append(("account", "smpp", name, "--system-id", name, *options))
    port = found.config.get("smpp-server", {}).get("port", "2775")
    listen = f"127.0.0.1:{port if port.isdigit() else 2775}"
    plan.settings.setdefault("smpp_server", {"listen": listen})


def _credits(balance: str, count: str, found: Jasmin) -> int | None:
    """Parts that can be paid; with several rates for a balance none, until somebody says so."""
    limits = []
    if count not in UNLIMITED:
        limits.append(int(_float(count) or 0))
    if balance not in UNLIMITED:
        rates = {route.rate for route in found.mt_routes if route.rate}
        rate = rates.pop() if len(rates) == 1 else 0.0
        limits.append(int((_float(balance) or 0) / rate) if rate else 0)
    return max(0, min(limits)) if limits else None


def _add_routes(found: Jasmin, carriers: dict[str, str], users: dict[str, str], plan: Plan) -> None:
    names, priced = Names(), set[str]()
    for route in sorted(found.mt_routes, key=lambda one: -one.order):
        chosen = [carriers[cid] for _, cid in route.connectors if cid in carriers]
        missing = [cid for _, cid in route.connectors if cid not in carriers]
        for cid in missing:
            plan.note(route.source, f"mtrouter {route.order}", f"{cid} is not carried over")
        condition = _condition(route, found, users, plan)
        if not chosen or condition is None:
            continue
        table: dict[str, Value] = {"name": names.make(f"order-{route.order}", "route")}
        table |= {key: tuple(values) for key, values in condition.items()}
        table["carriers"] = tuple(dict.fromkeys(chosen))
        if route.order:
            # What decides there, before anything else.
            table["priority"] = min(route.order, MAX_PRIORITY)
        if "Random" in route.type and len(chosen) > 1:
            table["choose"] = SHARED
        plan.routes.append(table)
        if route.order > MAX_PRIORITY:
            plan.note(
                route.source,
                f"mtrouter {route.order}",
                f"orders above {MAX_PRIORITY} are the same here; give these routes priorities",
            )
        if route.rate and not condition.keys() - {"prefixes"}:
            for prefix in condition.get("prefixes", ("",)):
                if prefix not in priced:
                    priced.add(prefix)
                    plan.prices.append(
                        {"prefix": prefix, "credits": 1, "price": f"{route.rate:.4f}"}
                    )
        elif route.rate:
            plan.note(route.source, f"mtrouter {route.order}", "prices are by first digits alone")


def _condition(
    route: Route, found: Jasmin, users: dict[str, str], plan: Plan
) -> dict[str, tuple[str, ...]] | None:
    """What a route asks of messages; None, with a note, where it cannot be asked here."""
    condition: dict[str, tuple[str, ...]] = {}
    for kind, value in route.filters:
        if kind == "T":
            continue
        where = f"mtrouter {route.order}"
        key, values = _read_filter(kind, value, found, users)
        if not values:
            why = "no user is left for it" if key == "accounts" else f"not for this filter ({kind})"
            plan.note(route.source, where, f"left out: {why}")
            return None
        if key in condition:
            plan.note(route.source, where, f"left out: it has two filters of one kind ({kind})")
            return None
        condition[key] = values
    return condition


def _read_filter(
    kind: str, value: str, found: Jasmin, users: dict[str, str]
) -> tuple[str, tuple[str, ...]]:
    """The key of a route and its values for a filter; no values where there are none."""
    if kind in {"U", "G"}:
        of_user = {uid: uid if kind == "U" else _group_of(uid, found) for uid in users}
        return "accounts", tuple(name for uid, name in users.items() if of_user[uid] == value)
    if kind == "DA":
        return "prefixes", prefixes_of(value) or ()
    if kind == "SA":
        fixed = _SENDER.fullmatch(value)
        return "senders", (fixed[1],) if fixed else ()
    if kind == "TG":
        return "tags", (value,) if re.fullmatch("[0-9]{1,32}", value) else ()
    if kind == "TI":
        times = re.fullmatch(r"([0-9]{2}:[0-9]{2}):[0-9]{2},([0-9]{2}:[0-9]{2}):[0-9]{2}", value)
        return "hours", (f"{times[1]}-{times[2]}",) if times else ()
    return "", ()


def _group_of(uid: str, found: Jasmin) -> str:
    shown = found.users.get(uid)
    return shown.values.get("gid", "") if shown else found.listed_users[uid][1]


def _add_texts(found: Jasmin, users: dict[str, str], here: Source, plan: Plan) -> None:
    """URLs that texts are pushed to: of a number, or of all texts of an account."""
    routes = sorted(found.mo_routes, key=lambda one: -one.order)
    if not routes:
        return
    if not plan.accounts:
        plan.note(here, "morouter", "left out: there is no account for the texts")
        return
    owner = plan.accounts[0]
    methods = set()
    for route in routes:
        where = f"morouter {route.order}"
        kind, cid = route.connectors[0]
        filters = [one for one in route.filters if one.kind != "T"]
        number = _number(filters)
        if kind == "smpps":
            bound = next((one for one in plan.accounts if one.username == cid), None)
            if bound is None or not number:
                why = f"give {cid} its numbers: `dragoman number add <number> {cid}`"
                plan.note(route.source, where, why)
            else:
                _add_number(number, cid, plan)
            if bound is not None:
                _let_bind(bound, found, plan)
            continue
        http = found.http.get(cid)
        if http is None:
            plan.note(route.source, where, f"add what `httpccm -s {cid}` prints")
            continue
        if len(route.connectors) > 1:
            plan.note(
                route.source, where, "only the first URL is called; it is called until it answers"
            )
        if not plan.call_privately(http.url, http.source, f"httpccm {cid}"):
            continue
        if not filters:
            owner.text_url = owner.text_url or http.url
        elif number:
            _add_number(number, owner.username, plan)
            owner.commands.append(
                ("keyword", "reserve", owner.username, number, "*", "--url", http.url,
                 "--dialect", DIALECT)
            )  # fmt: skip
        else:
            plan.note(route.source, where, "left out: texts have one number and first words only")
            continue
        methods.add(http.method)
    if owner.text_url and any(command[0] == "keyword" for command in owner.commands):
        plan.note(
            here,
            "morouter",
            "the URL of all texts is called about those of single numbers too; give these to"
            " another account if it should not",
        )
    if methods == {"GET"}:
        plan.settings["dialects.jasmin"] = {"text_method": "GET"}
    elif len(methods) > 1:
        plan.note(here, "httpccm", "GET and POST are mixed: dialects.jasmin.text_method is for all")
    if methods:
        plan.note(
            here,
            "morouter",
            f"texts go to {owner.username}, by number: list each of yours, with [[numbers]] or"
            f" `dragoman number add <number> {owner.username}`",
        )


def _add_number(number: str, username: str, plan: Plan) -> None:
    if all(known["number"] != number for known in plan.numbers):
        plan.numbers.append({"number": number, "account": username})


def _number(filters: list[Filter]) -> str:
    """The number of a route that has one and nothing else."""
    if len(filters) != 1 or filters[0].kind != "DA":
        return ""
    found = _WHOLE.fullmatch(filters[0].value)
    return found[1] if found else ""


def prefixes_of(pattern: str) -> tuple[str, ...] | None:
    """The first digits that a regular expression asks for; None for any other expression."""
    found = _PREFIX.fullmatch(pattern)
    if found is None:
        return None
    read = tuple((found[1] or found[2]).split("|"))
    return read if all(len(part) <= 15 for part in read) else None


def _integer(written: str, least: int, most: int) -> int | None:
    return int(written) if written.isdigit() and least <= int(written) <= most else None


def _float(written: str) -> float | None:
    try:
        number = float(written)
    except ValueError:
        return None
    return number if isfinite(number) else None
