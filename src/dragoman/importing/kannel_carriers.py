"""The groups `smsc` of kannel.conf: carriers, and the routes to them.

Kannel asks every connection whether it takes a message; here a route has carriers. So each prefix
that a connection names becomes a route, and so does each user who has an SMSC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from dragoman.config.values import Secret
from dragoman.importing import kannel_reasons as reasons
from dragoman.importing.kannel_file import Group
from dragoman.importing.plan import Names, Plan, Value

SMPP: Final = "smpp"
SHARED: Final = "weights"
"""How equal connections share messages, as in Kannel."""
ID_READINGS: Final = {0: "auto", 1: "hex_to_dec", 2: "dec_to_hex", 3: "auto"}
"""`msg-id-type`: which of a response and a receipt spells ids in hexadecimal digits."""
LATIN_1: Final = frozenset({"iso-8859-1", "iso8859-1", "latin1", "latin-1"})
_NUMBERS: Final = (
    ("max-pending-submits", "window", 1, 10_000),
    ("enquire-link-interval", "enquire_interval_s", 1, 3600),
    ("wait-ack", "response_timeout_s", 1, 600),
    ("reconnect-delay", "reconnect_min_s", 1, 3600),
    ("bind-addr-ton", "addr_ton", 0, 7),
    ("bind-addr-npi", "addr_npi", 0, 18),
    ("dest-addr-ton", "dest_ton", 0, 7),
    ("dest-addr-npi", "dest_npi", 0, 18),
)


@dataclass(kw_only=True)
class _Carrier:
    """A carrier, and what its groups say of the numbers that go over it."""

    name: str
    table: dict[str, Value]
    groups: list[Group] = field(default_factory=list)
    allowed: frozenset[str] | None = None
    denied: frozenset[str] = frozenset()
    preferred: frozenset[str] = frozenset()
    sends: bool = True


@dataclass(kw_only=True)
class Carriers:
    """The carriers by their SMSC's id."""

    of_id: dict[str, list[_Carrier]] = field(default_factory=dict)

    def names(self, smsc_id: str) -> tuple[str, ...]:
        """The carriers of an id."""
        return tuple(one.name for one in self.of_id.get(smsc_id, ()))

    def all(self) -> list[_Carrier]:
        """Every carrier."""
        return [one for some in self.of_id.values() for one in some]

    def add_routes(self, users: list[Group], plan: Plan) -> None:
        """Makes the routes that prefixes and users need; with one carrier there is none."""
        sending = [one for one in self.all() if one.sends]
        names = Names()
        for user in users:
            self._route_user(user, sending, names, plan)
        prefixed = sorted({p for one in sending for p in _named(one)})
        if len(sending) < 2 and not prefixed and not plan.routes:
            for user in users:
                user.unread -= {"forced-smsc", "default-smsc"}
            return
        for prefix in prefixed:
            fitting = [one for one in sending if _takes(one, prefix)]
            fitting.sort(key=lambda one: not _starts(prefix, one.preferred))
            if fitting:
                route: dict[str, Value] = {
                    "name": names.make(f"to-{prefix}", "route"),
                    "prefixes": (prefix,),
                    "carriers": tuple(one.name for one in fitting),
                }
                if len(fitting) > 1 and not _starts(prefix, fitting[0].preferred):
                    route["choose"] = SHARED
                plan.routes.append(route)
            else:
                source = next(one for one in sending if prefix in _named(one)).groups[0].source
                plan.note(
                    source,
                    "denied-prefix",
                    f"no carrier takes {prefix}…, but another route would: limit accounts with"
                    " `--prefixes`",
                )
        rest = [one.name for one in sending if one.allowed is None]
        if rest:
            route = {"name": names.make("all", "route"), "carriers": tuple(rest)}
            plan.routes.append(route | ({"choose": SHARED} if len(rest) > 1 else {}))

    def _route_user(self, user: Group, sending: list[_Carrier], names: Names, plan: Plan) -> None:
        forced, default = user.get("forced-smsc"), user.get("default-smsc")
        wanted = forced or default
        username = user.get("username") or user.get("user")
        if not wanted or not username:
            return
        variable = "forced-smsc" if forced else "default-smsc"
        chosen = [one.name for one in sending if one.name in self.names(wanted)]
        if not chosen:
            plan.note(user.where(variable), variable, "names an SMSC that is not carried over")
            return
        if not forced:
            chosen += [one.name for one in sending if one.name not in chosen]
        plan.routes.append(
            {
                "name": names.make(f"of-{username}", "user"),
                "accounts": (username,),
                "carriers": tuple(chosen),
            }
        )


def add_carriers(groups: list[Group], plan: Plan) -> Carriers:
    """Makes the carriers; those of one account at one SMSC become links of one carrier."""
    carriers, names = Carriers(), Names()
    for group in groups:
        protocol = group.get("smsc").lower()
        smsc_id = group.get("smsc-id")
        if protocol != SMPP:
            group.unread.clear()
            why = reasons.PROTOCOLS.get(protocol, reasons.OTHER_PROTOCOL)
            plan.note(group.source, f"smsc {protocol or smsc_id}", f"left out: {why}")
            continue
        table = _read(group, plan)
        if table is None:
            group.unread.clear()
            continue
        known = carriers.of_id.setdefault(smsc_id, [])
        twin = next((one for one in known if _is_same(one.table, table)), None)
        if twin is not None:
            _join(twin, table, group, plan)
            continue
        name = names.make(smsc_id or str(table["host"]), SMPP)
        if name != smsc_id and smsc_id:
            plan.note(group.where("smsc-id"), "smsc-id", f"the carrier is called {name}")
        carrier = _Carrier(name=name, table={"name": name, **table}, groups=[group])
        carrier.allowed = frozenset(_prefixes(group, "allowed-prefix", plan)) or None
        carrier.denied = frozenset(_prefixes(group, "denied-prefix", plan))
        carrier.preferred = frozenset(_prefixes(group, "preferred-prefix", plan))
        known.append(carrier)
        plan.carriers.append(carrier.table)
    for carrier in carriers.all():
        _settle_links(carrier, plan)
    return carriers


def _read(group: Group, plan: Plan) -> dict[str, Value] | None:
    host = group.get("host")
    username = group.get("smsc-username") or group.get("system-id")
    if not host or not username:
        missing = "host" if not host else "smsc-username"
        plan.note(group.source, missing, "missing; the carrier is left out")
        return None
    port, receive = group.number("port"), group.number("receive-port")
    table: dict[str, Value] = {"host": host, "port": int(port or receive or 2775)}
    if port and receive and port != receive:
        plan.note(
            group.where("receive-port"),
            "receive-port",
            "a carrier has one port; ask for transceivers, or receivers on the same port",
        )
    table["system_id"] = username
    table["password"] = Secret(group.get("smsc-password"))
    if system_type := group.get("system-type"):
        table["system_type"] = system_type
    count = int(group.number("instances") or 1)
    transceiver = group.is_true("transceiver-mode")
    table["#trx"] = count if transceiver else 0
    table["#tx"] = count if port and not transceiver else 0
    table["#rx"] = count if receive and not transceiver else 0
    if address_range := group.get("address-range"):
        table["address_range"] = address_range
    for variable, key, least, most in _NUMBERS:
        number = group.number(variable)
        if number is not None and least <= number <= most:
            table[key] = int(number)
        elif group.has(variable):
            plan.note(group.where(variable), variable, f"not {least} to {most}; the default counts")
    if (rate := group.number("throughput")) is not None and rate > 0:
        table["rate_per_s"] = rate if rate % 1 else int(rate)
    if table.get("reconnect_min_s", 0) > 60:  # type: ignore[operator]
        table["reconnect_max_s"] = table["reconnect_min_s"]
    if group.is_true("use-ssl"):
        table["tls"] = True
    if group.has("ssl-client-certkey-file"):
        plan.note(
            group.where("ssl-client-certkey-file"),
            "ssl-client-certkey-file",
            "set tls_certificate_file",
        )
        group.get("ssl-client-certkey-file")
    _read_habits(group, table, plan)
    return table


def _read_habits(group: Group, table: dict[str, Value], plan: Plan) -> None:
    """What an SMSC wants that others do not."""
    kind = group.number("msg-id-type")
    if kind is not None and int(kind) in ID_READINGS:
        table["id_reading"] = ID_READINGS[int(kind)]
    charset = group.get("alt-charset")
    if charset.lower() in LATIN_1:
        table["profile"] = "latin1"
    elif charset:
        plan.note(group.where("alt-charset"), "alt-charset", "only ISO-8859-1 can be set")
    autodetect = group.get("source-addr-autodetect").strip().lower()
    for variable, key in (("source-addr-ton", "source_ton"), ("source-addr-npi", "source_npi")):
        number = group.number(variable)
        if number is None:
            continue
        if autodetect in {"false", "no", "off", "0"}:
            table[key] = int(number)
        else:
            plan.note(
                group.where(variable),
                variable,
                f"senders are told apart as with source-addr-autodetect; {key} fixes it for all",
            )
    if group.get("interface-version") not in {"", "34", "0x34"}:
        plan.note(group.where("interface-version"), "interface-version", "SMPP 3.4 is spoken")
    if group.get("my-number"):
        plan.note(
            group.where("my-number"),
            "my-number",
            "texts keep the number that the SMSC delivers them with",
        )


def _is_same(one: dict[str, Value], other: dict[str, Value]) -> bool:
    return all(one[key] == other[key] for key in ("host", "system_id"))


def _join(carrier: _Carrier, table: dict[str, Value], group: Group, plan: Plan) -> None:
    """Adds the connections of another group with the same id, host and user."""
    for key in ("#trx", "#tx", "#rx"):
        carrier.table[key] = int(carrier.table[key]) + int(table[key])  # type: ignore[arg-type]
    if table["port"] != carrier.table["port"]:
        plan.note(group.where("port"), "port", "all links of a carrier go to one port")
    if isinstance(rate := table.get("rate_per_s"), int | float):
        before = carrier.table.get("rate_per_s", 0)
        assert isinstance(before, int | float)
        carrier.table["rate_per_s"] = before + rate
    carrier.groups.append(group)
    for name in ("allowed-prefix", "denied-prefix", "preferred-prefix"):
        group.get(name)
    plan.note(group.source, "smsc-id", f"is another link of the carrier {carrier.name}")


def _settle_links(carrier: _Carrier, plan: Plan) -> None:
    """How its links bind, from how many of each kind there were."""
    table = carrier.table
    trx, tx, rx = (int(table.pop(key)) for key in ("#trx", "#tx", "#rx"))  # type: ignore[arg-type]
    if trx:
        table["links"] = min(trx, 32)
        if tx or rx:
            plan.note(carrier.groups[0].source, "transceiver-mode", "all links are transceivers")
    elif tx:
        table |= {"bind": "transmitter", "links": min(tx, 32)}
        if rx:
            table["receiver_links"] = min(rx, 32)
        else:
            plan.note(
                carrier.groups[0].source,
                "receive-port",
                "not set: without a receiver no receipts and texts come in",
            )
    elif rx:
        table |= {"bind": "receiver", "links": min(rx, 32)}
        carrier.sends = False


def _prefixes(group: Group, name: str, plan: Plan) -> list[str]:
    read = []
    for part in group.parts(name):
        digits = re.fullmatch(r"\+?([1-9][0-9]{0,14})", re.sub("^00", "+", part))
        if digits is None:
            plan.note(group.where(name), name, f"{part} is not international; left out")
        else:
            read.append(digits[1])
    return read


def _named(carrier: _Carrier) -> frozenset[str]:
    return (carrier.allowed or frozenset()) | carrier.denied | carrier.preferred


def _starts(prefix: str, listed: Iterable[str]) -> bool:
    return any(prefix.startswith(one) for one in listed)


def _takes(carrier: _Carrier, prefix: str) -> bool:
    """Whether numbers with a prefix may go over a carrier."""
    if carrier.allowed is not None and not _starts(prefix, carrier.allowed):
        return False
    # As in Kannel, what is allowed by name is not denied.
    return carrier.allowed is not None or not _starts(prefix, carrier.denied)
