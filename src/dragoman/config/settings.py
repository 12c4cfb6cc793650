"""Settings: everything an operator decides, typed and frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from msgspec import Meta

from dragoman.config import sections, tables
from dragoman.config.alerts import AlertTable
from dragoman.config.dialects import Dialects, SmsGate
from dragoman.config.kannel import KANNEL
from dragoman.config.premium import ShortCodeTable
from dragoman.config.routing import conditions_of, preference_of
from dragoman.config.values import SQLITE, FolderPath, Secret, parse_address
from dragoman.core.alerts.model.rules import AlertRule
from dragoman.core.billing.model.message_types import DEFAULT_TYPES, MessageType
from dragoman.core.billing.model.pricing import Price, parse_price
from dragoman.core.delivery.model.quotas import Quota
from dragoman.core.delivery.model.sender_rules import SenderRule
from dragoman.core.inbound.model.services import TextService
from dragoman.core.messages.model.premium import BillingTerms, ShortCode
from dragoman.core.messages.model.routing import Route, name_of_device_route
from dragoman.core.model.countries import mcc_of_region
from dragoman.protocols.gsm.segmentation import PLAIN, in_common

DEFAULT_ROUTE = "default"
MULTIMEDIA_ROUTE = "multimedia"
SIMULATOR = "simulator"
SIMULATOR_WINDOW = 50
PHONES = "phones"
PHONE_DIALECT = "smsgate"
OTHER_GATEWAYS = (KANNEL, "jasmin", "twilio")
OUTBOX = "outbox"
KEY_FILE = "dragoman.key"
OUTBOX_DOMAIN = "dragoman.example"
OUTBOX_RATE_PER_S = 100.0
MAX_MESSAGE_TYPES = 64
LOOPBACK = ("127.0.0.0/8", "::1/128")


class Settings(sections.Section, frozen=True, kw_only=True):
    """The whole configuration."""

    data_dir: FolderPath = "data"
    """Folder of the database file and of what else Dragoman keeps. Nobody else should be able to
    read it."""
    http: sections.Http = sections.Http()
    """HTTP: what your programs talk to."""
    storage: sections.Storage = sections.Storage()
    """Storage: one SQLite file, or PostgreSQL."""
    cluster: sections.Cluster = sections.Cluster()
    """Cluster: several nodes that share the work."""
    dialects: Dialects = Dialects()
    """Dialects: the providers' APIs that Dragoman answers."""
    carriers: tuple[tables.CarrierTable, ...] = ()
    """Carriers: the SMSCs, MMSCs and phones that messages go to."""
    routes: tuple[tables.RouteTable, ...] = ()
    """Routes: which carriers take which messages."""
    routing: sections.Routing = sections.Routing()
    """Routing: what all routes have in common."""
    price_lists: tuple[tables.PriceListTable, ...] = ()
    """Price lists: what carriers charge you."""
    quotas: tuple[tables.QuotaTable, ...] = ()
    """Quotas: limits of carriers by day."""
    sender_rules: tuple[tables.SenderRuleTable, ...] = ()
    """Sender rules: what countries do to names as senders."""
    prices: tuple[tables.PriceTable, ...] = ()
    """Prices: what a part costs."""
    numbers: tuple[tables.NumberTable, ...] = ()
    """Numbers: who gets the texts that arrive."""
    inbound: sections.Inbound = sections.Inbound()
    """Inbound: what phones send."""
    callbacks: sections.Callbacks = sections.Callbacks()
    """Callbacks: calls to your customers' URLs."""
    limits: sections.Limits = sections.Limits()
    """Limits of one request."""
    receipts: sections.Receipts = sections.Receipts()
    """Receipts: what carriers report."""
    retention: sections.Retention = sections.Retention()
    """Retention: how long things are kept."""
    log: sections.Log = sections.Log()
    """The log."""
    metrics: sections.Metrics = sections.Metrics()
    """Metrics for Prometheus."""
    traces: sections.Traces = sections.Traces()
    """Traces for OpenTelemetry."""
    console: sections.Console = sections.Console()
    """The console: pages for people."""
    openid: sections.OpenId = sections.OpenId()
    """OpenID: signing in to the console at a provider."""
    admin: sections.Admin = sections.Admin()
    """Admin interface: what `dragoman` calls."""
    alerts: tuple[AlertTable, ...] = ()
    """Alerts: who is told when something is wrong."""
    links: sections.Links = sections.Links()
    """Links: short ones in campaigns."""
    mms: sections.Mms = sections.Mms()
    """Multimedia messages: what one may carry."""
    short_codes: tuple[ShortCodeTable, ...] = ()
    """Short codes: what recipients are charged under."""
    message_types: Annotated[
        tuple[tables.MessageTypeTable, ...], Meta(max_length=MAX_MESSAGE_TYPES)
    ] = ()
    """Message types: qualities with their own credits."""
    devices: sections.Devices = sections.Devices()
    """Phones that send: how they reach the gateway."""
    smpp_server: sections.SmppServer = sections.SmppServer()
    """SMPP server: what your customers' programs bind to."""
    mail: sections.Mail = sections.Mail()
    """Mail: mail to SMS over SMTP."""
    mailings: sections.Mailings = sections.Mailings()
    """Mailings: e-mail campaigns."""

    @classmethod
    def development(
        cls,
        data_dir: Path,
        *,
        http: str,
        smsc: str,
        smpp: str | None = None,
        phones: bool = False,
    ) -> Self:
        """What `dragoman dev` runs with: SQLite, one simulated carrier, callbacks to loopback.

        `http`, `smsc` and `smpp` (the SMPP server) are `host:port`; ValueError where one is not.
        With `phones`, messages go over phones, and to the simulated carrier while there is none.
        """
        parse_address(http)
        host, port = parse_address(smsc)
        return cls(
            data_dir=str(data_dir.absolute()),
            http=sections.Http(listen=http),
            smpp_server=sections.SmppServer(listen=smpp),
            carriers=(
                tables.SmppTable(
                    name=SIMULATOR,
                    host=host,
                    port=port,
                    system_id="dragoman",
                    password=Secret("dragoman"),
                    window=SIMULATOR_WINDOW,
                ),
                *((tables.PhonesTable(name=PHONES),) if phones else ()),
            ),
            routes=(tables.RouteTable(name=DEFAULT_ROUTE, carriers=(PHONES, SIMULATOR)),)
            if phones
            else (),
            console=sections.Console(enabled=True),
            dialects=Dialects(
                enabled=(
                    *Dialects().enabled,
                    *OTHER_GATEWAYS,
                    *((PHONE_DIALECT,) if phones else ()),
                ),
                smsgate=SmsGate(plain_webhooks=True),
            ),
            callbacks=sections.Callbacks(allow_private=LOOPBACK),
            mailings=sections.Mailings(
                enabled=True,
                outbox=str(data_dir.absolute() / OUTBOX),
                sender=f"bounces@{OUTBOX_DOMAIN}",
                base_url=f"http://{http}",
                rate_per_s=OUTBOX_RATE_PER_S,
            ),
            log=sections.Log(format="console"),
        )

    @property
    def data_path(self) -> Path:
        """`data_dir` as a path."""
        return Path(self.data_dir)

    @property
    def database_url(self) -> Secret:
        """`storage.url` with a relative SQLite file put into `data_dir`."""
        url = self.storage.url
        if not url.startswith(SQLITE):
            return url
        return Secret(f"{SQLITE}{self.data_path / url.removeprefix(SQLITE)}")

    @property
    def key_path(self) -> Path:
        """The file of the key that seals secrets."""
        return self.data_path / (self.storage.key_file or KEY_FILE)

    def routes_for_router(self) -> tuple[Route, ...]:
        """The routes; where none is written, one over the only carrier of each kind.

        Each carrier of phones has one more, for messages that name a device.
        """
        multimedia = {c.name for c in self.carriers if isinstance(c, tables.Mm7Table)}
        repertoires = {
            c.name: c.repertoire() for c in self.carriers if isinstance(c, tables.SmppTable)
        }
        to_devices = tuple(
            Route(name=name_of_device_route(name), carriers=(name,), named_only=True)
            for name in self.carriers_of_phones
        )
        if not self.routes:
            only = (
                Route(
                    name=MULTIMEDIA_ROUTE if carrier.name in multimedia else DEFAULT_ROUTE,
                    carriers=(carrier.name,),
                    multimedia=carrier.name in multimedia,
                    repertoire=repertoires.get(carrier.name, PLAIN),
                )
                for carrier in self.carriers
            )
            return (*only, *to_devices)
        routes = tuple(
            Route(
                name=route.name,
                prefixes=route.prefixes,
                accounts=route.accounts,
                carriers=route.carriers,
                multimedia=multimedia.issuperset(route.carriers),
                repertoire=in_common(repertoires.get(name, PLAIN) for name in route.carriers),
                conditions=conditions_of(route),
                priority=route.priority,
                preference=preference_of(route),
                weights=route.weights,
                sticky_s=route.sticky_s,
                min_delivery_rate=route.min_delivery_rate,
                fallback=route.fallback,
                fallback_after_s=route.fallback_after_s,
            )
            for route in self.routes
        )
        return routes + to_devices

    @property
    def carriers_of_phones(self) -> tuple[str, ...]:
        """The names of the carriers that are phones."""
        return tuple(
            carrier.name for carrier in self.carriers if isinstance(carrier, tables.PhonesTable)
        )

    def silence_of_phones(self) -> dict[str, float]:
        """How long phones may be silent before they are gone, in s, by their carrier."""
        return {c.name: c.present_s for c in self.carriers if isinstance(c, tables.PhonesTable)}

    def prices_for_price_list(self) -> tuple[Price, ...]:
        """The tariffs, with prices in units of a ten-thousandth."""
        return tuple(
            Price(prefix=table.prefix, credits=table.credits, price=parse_price(table.price))
            for table in self.prices
        )

    def quotas_of_carriers(self) -> tuple[Quota, ...]:
        """The limits of carriers by day."""
        return tuple(
            Quota(
                carrier=table.carrier,
                country=mcc_of_region(table.country) or "" if table.country else "",
                parts_per_day=table.parts_per_day,
            )
            for table in self.quotas
        )

    def rules_for_senders(self) -> tuple[SenderRule, ...]:
        """The operator's own rules for senders."""
        return tuple(
            SenderRule(
                region=table.country,
                carrier=table.carrier,
                treatment=table.names,
                replacement=table.replacement,
                registered=frozenset(table.registered),
            )
            for table in self.sender_rules
        )

    def types_of_messages(self) -> tuple[MessageType, ...]:
        """The message types, those of smSend where none is written."""
        return tuple(table.value() for table in self.message_types) or DEFAULT_TYPES

    def rules_of_alerts(self) -> tuple[tuple[str, AlertRule], ...]:
        """The configured rules, each with the user name of its account."""
        return tuple((table.account, table.rule()) for table in self.alerts)

    def owners_of_numbers(self) -> dict[str, str]:
        """User name by number, as digits without `+`."""
        return {table.number.removeprefix("+"): table.account for table in self.numbers}

    def text_services(self) -> tuple[TextService, ...]:
        """The services that texts are called out to, and answered by."""
        if KANNEL not in self.dialects.enabled:
            return ()
        return tuple(service.value() for service in self.dialects.kannel.services)

    def short_codes_for_premium(self) -> tuple[ShortCode, ...]:
        """The short codes with their content types."""
        return tuple(table.value() for table in self.short_codes)

    def billing_of_carriers(self) -> dict[str, BillingTerms]:
        """How each carrier is told what recipients pay, by its name."""
        return {
            carrier.name: carrier.premium.terms()
            for carrier in self.carriers
            if isinstance(carrier, tables.SmppTable)
        }
