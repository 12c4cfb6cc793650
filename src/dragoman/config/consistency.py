"""What must fit together across the tables of a configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from types import MappingProxyType
from typing import Final

from dragoman.config.errors import Mistake
from dragoman.config.reading import suggest
from dragoman.config.route_files import find_route_mistakes
from dragoman.config.settings import Settings
from dragoman.config.tables import LATIN_1, HttpTable, Mm7Table, PhonesTable, SmppTable
from dragoman.core.model.mail_addresses import parse_mail_address
from dragoman.protocols.smpp import fields

CheckHttp = Callable[[HttpTable], Iterable[Mistake]]
"""Finds what is wrong with the table of an HTTP carrier."""
MIN_CLUSTER_SECRET: Final = 16
MAIL_DIALECT = "linkmobility"
"""The one that takes mail."""
MULTIMEDIA = "mm7"
"""The type of carriers that take multimedia messages, and only those."""
_STANDARD_LENGTHS: Final = MappingProxyType(
    {
        "system_id": fields.SYSTEM_ID,
        "password": fields.PASSWORD,
        "system_type": fields.SYSTEM_TYPE,
    }
)
"""Octets of a bind's strings in SMPP 3.4 s. 4.1.1, their final NULs included."""


def find_inconsistencies(
    settings: Settings,
    *,
    dialects: Collection[str] | None = None,
    profiles: Collection[str] | None = None,
    check_http: CheckHttp | None = None,
) -> Iterator[Mistake]:
    """Everything that contradicts; `dialects` and `profiles` are the names that exist, if known.

    `check_http` knows the providers of HTTP carriers.
    """
    yield from _find_doubles("carriers", "name", (carrier.name for carrier in settings.carriers))
    yield from _find_doubles("routes", "name", (route.name for route in settings.routes))
    yield from _find_doubles("prices", "prefix", (price.prefix for price in settings.prices))
    yield from _find_doubles(
        "numbers", "number", (table.number.removeprefix("+") for table in settings.numbers)
    )
    hosts = (one.host.lower() for one in settings.dialects.linkmobility.hosts)
    yield from _find_doubles("dialects.linkmobility.hosts", "host", hosts)
    yield from _find_doubles(
        "short_codes",
        "number",
        (f"+{code.country_code}{code.number}" for code in settings.short_codes),
    )
    yield from _check_message_types(settings)
    for code in settings.short_codes:
        key = f"short_codes.{code.number}.content_types"
        yield from _find_doubles(key, "id", (str(one.id) for one in code.content_types))
    if dialects is not None:
        for index, name in enumerate(settings.dialects.enabled):
            if name not in dialects:
                yield _unknown(f"dialects.enabled[{index}]", "dialect", name, dialects)
    yield from _check_services(settings)
    yield from _check_carriers(settings, profiles)
    for carrier in settings.carriers:
        if isinstance(carrier, HttpTable) and check_http is not None:
            yield from check_http(carrier)
    yield from _check_routes(settings)
    yield from _check_carriers_named(settings)
    yield from find_route_mistakes(settings)
    yield from _find_doubles("alerts", "name", (table.name for table in settings.alerts))
    yield from _check_alerts(settings)
    yield from _check_mail(settings)
    yield from _check_mailings(settings)
    yield from _check_cluster(settings)
    if settings.callbacks.max_retry_s < settings.callbacks.first_retry_s:
        yield Mistake("callbacks.max_retry_s", "less than callbacks.first_retry_s")


def _check_cluster(settings: Settings) -> Iterator[Mistake]:
    """What a cluster needs, and what it cannot do yet."""
    cluster = settings.cluster
    if not cluster.partitions:
        return
    if not settings.storage.url.startswith("postgresql"):
        yield Mistake("storage.url", "a cluster needs PostgreSQL")
    if len(cluster.secret) < MIN_CLUSTER_SECRET:
        yield Mistake("cluster.secret", f"at least {MIN_CLUSTER_SECRET} characters")
    if len(settings.carriers_of_phones) < len(settings.carriers) and not cluster.nats:
        yield Mistake("cluster.nats", "missing: it brings messages to the nodes with the carriers")
    for carrier in settings.carriers:
        if isinstance(carrier, PhonesTable) and carrier.shared:
            problem = "in a cluster phones send for their own account: it lives where they do"
            yield Mistake(f"carriers.{carrier.name}.shared", problem)


def find_oddities(settings: Settings) -> Iterator[Mistake]:
    """What is used as it is written, and may still be a slip."""
    yield from _find_odd_routes(settings)
    for carrier in settings.carriers:
        if not isinstance(carrier, SmppTable):
            continue
        for name, limit in _STANDARD_LENGTHS.items():
            length = len(getattr(carrier, name))
            if length >= limit:
                yield Mistake(
                    key=f"carriers.{carrier.name}.{name}",
                    problem=f"{length} characters where SMPP 3.4 has room for {limit - 1};"
                    " sent as given",
                )


def _find_odd_routes(settings: Settings) -> Iterator[Mistake]:
    for route in settings.routes:
        if route.networks and settings.routing.networks_file is None:
            yield Mistake(
                f"routes.{route.name}.networks",
                "no network is known without networks_file of [routing]",
            )


def _check_alerts(settings: Settings) -> Iterator[Mistake]:
    for table in settings.alerts:
        try:
            table.rule()
        except ValueError as error:
            yield Mistake(f"alerts.{table.name}", str(error))
        if table.mails and not settings.mailings.sender:
            yield Mistake(f"alerts.{table.name}.mails", "nothing to send from: set mailings.sender")


def _check_carriers(settings: Settings, profiles: Collection[str] | None) -> Iterator[Mistake]:
    for carrier in settings.carriers:
        key = f"carriers.{carrier.name}"
        if isinstance(carrier, Mm7Table):
            if not (carrier.report_secret or carrier.report_addresses):
                yield Mistake(f"{key}.report_secret", "missing; set it, or report_addresses")
            if "/" in carrier.report_secret or not carrier.report_secret.isprintable():
                yield Mistake(f"{key}.report_secret", "contains characters that a URL path cannot")
        if not isinstance(carrier, SmppTable):
            continue
        if profiles is not None and carrier.profile not in profiles:
            yield _unknown(f"{key}.profile", "profile", carrier.profile, profiles)
        if carrier.national and carrier.profile == LATIN_1:
            yield Mistake(f"{key}.national", "needs a profile with the GSM alphabet")
        if carrier.reconnect_max_s < carrier.reconnect_min_s:
            yield Mistake(f"{key}.reconnect_max_s", "less than reconnect_min_s")
        if carrier.receiver_links and carrier.bind != "transmitter":
            yield Mistake(f"{key}.receiver_links", 'only allowed with bind = "transmitter"')


def _check_routes(settings: Settings) -> Iterator[Mistake]:
    carriers = {carrier.name: carrier for carrier in settings.carriers}
    kinds = Counter(isinstance(carrier, Mm7Table) for carrier in carriers.values())
    if not settings.routes and any(count > 1 for count in kinds.values()):
        yield Mistake("routes", "missing; several carriers need at least one route")
    for route in settings.routes:
        for index, name in enumerate(route.carriers):
            key = f"routes.{route.name}.carriers[{index}]"
            if name not in carriers:
                yield _unknown(key, "carrier", name, carriers)
                continue
            carrier = carriers[name]
            if isinstance(carrier, SmppTable) and carrier.bind == "receiver":
                yield Mistake(key, f"carrier `{name}` is receive-only")
        types = {carriers[name].type for name in route.carriers if name in carriers}
        if MULTIMEDIA in types and len(types) > 1:
            yield Mistake(
                f"routes.{route.name}.carriers",
                f"mixes {' and '.join(sorted(types))}; texts and multimedia messages need"
                " routes of their own",
            )


def _check_carriers_named(settings: Settings) -> Iterator[Mistake]:
    """Price lists and quotas name carriers that exist, each once."""
    known = [carrier.name for carrier in settings.carriers]
    named = [("price_lists", one.carrier) for one in settings.price_lists]
    named += [("quotas", one.carrier) for one in settings.quotas]
    named += [("sender_rules", one.carrier) for one in settings.sender_rules if one.carrier]
    for table, name in named:
        if name not in known:
            yield _unknown(f"{table}.{name}.carrier", "carrier", name, known)
    carriers = (one.carrier for one in settings.price_lists)
    yield from _find_doubles("price_lists", "carrier", carriers)
    limits = (f"{one.carrier} {one.country}".strip() for one in settings.quotas)
    yield from _find_doubles("quotas", "carrier", limits)


def _check_message_types(settings: Settings) -> Iterator[Mistake]:
    types = settings.types_of_messages()
    names = [name for one in types for name in (one.name, *one.aliases)]
    yield from _find_doubles("message_types", "name", names)
    routes = {route.name for route in settings.routes_for_router()}
    for one in types:
        if one.name in ("credits", "purchased"):
            yield Mistake(f"message_types.{one.name}.name", "is a reserved name")
        if one.route and one.route not in routes:
            yield _unknown(f"message_types.{one.name}.route", "route", one.route, routes)
    profiles = settings.dialects.smsend.subaccount_profiles
    ids = (str(profile.id) for profile in profiles)
    yield from _find_doubles("dialects.smsend.subaccount_profiles", "id", ids)
    for profile in profiles:
        for index, name in enumerate(profile.message_types):
            if name not in names:
                key = f"dialects.smsend.subaccount_profiles.{profile.id}.message_types[{index}]"
                yield _unknown(key, "message type", name, names)


def _check_services(settings: Settings) -> Iterator[Mistake]:
    services = settings.dialects.kannel.services
    yield from _find_doubles("dialects.kannel.services", "name", (one.name for one in services))
    names = {carrier.name for carrier in settings.carriers}
    for one in services:
        key = f"dialects.kannel.services.{one.name}"
        answers = (one.get_url, one.post_url, one.post_xml, one.text, one.file)
        if sum(answer is not None for answer in answers) != 1:
            yield Mistake(key, "needs one of get_url, post_url, post_xml, text and file")
        for index, name in enumerate(one.carriers):
            if name not in names:
                yield _unknown(f"{key}.carriers[{index}]", "carrier", name, names)


def _check_mail(settings: Settings) -> Iterator[Mistake]:
    mail = settings.mail
    if mail.enabled and MAIL_DIALECT not in settings.dialects.enabled:
        yield Mistake("mail.enabled", f"needs the dialect `{MAIL_DIALECT}`")
    if mail.require_tls and mail.tls_certificate_file is None:
        yield Mistake("mail.require_tls", "needs mail.tls_certificate_file")


def _check_mailings(settings: Settings) -> Iterator[Mistake]:
    mailings = settings.mailings
    if not mailings.enabled:
        return
    for key in ("sender", "base_url"):
        if not getattr(mailings, key):
            yield Mistake(f"mailings.{key}", "required for e-mail campaigns")
    try:
        if mailings.sender:
            parse_mail_address(mailings.sender)
    except ValueError as error:
        yield Mistake("mailings.sender", str(error))
    if mailings.user and mailings.security == "none":
        yield Mistake("mailings.security", "a password requires an encrypted connection")
    if mailings.max_retry_s < mailings.first_retry_s:
        yield Mistake("mailings.max_retry_s", "less than mailings.first_retry_s")


def _find_doubles(table: str, key: str, names: Iterable[str]) -> Iterator[Mistake]:
    for name, count in Counter(names).items():
        if count > 1:
            yield Mistake(f"{table}.{key}", f"`{name}` is defined {count} times")


def _unknown(key: str, kind: str, name: str, known: Iterable[str]) -> Mistake:
    names = sorted(known)
    hint = suggest(name, names) or (f"; there are {', '.join(names)}" if names else "")
    return Mistake(key, f"unknown {kind} `{name}`{hint}")
