"""Carriers: how they are, what limits their speed, out of service and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from dragoman.admin.answers import CarrierSwitched, CarrierTested
from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.admin.merging import add, whole
from dragoman.config.reading import suggest
from dragoman.config.tables import CarrierTable, HttpTable
from dragoman.connectors.http.build import build_http_carrier
from dragoman.connectors.http.callbacks import callback_url
from dragoman.connectors.http.carrier import HttpCarrier
from dragoman.connectors.mm7.carrier import Mm7Carrier
from dragoman.connectors.smpp.carrier import SmppCarrier
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.delivery.model.ports import Connector, SentMessage, StandsFor, behind
from dragoman.core.delivery.running import CarrierView, LinkView, Measured
from dragoman.core.messages.model.messages import Outgoing
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.protocols.gsm.alphabet import Alphabet, try_encode_gsm
from dragoman.protocols.gsm.segmentation import segment_text

TEST_SENDER: Final = "Dragoman"
TEST_TEXT: Final = "A test of Dragoman."
MAX_TEST_TEXT: Final = 1_000
OWN_SPEED_PER_S: Final = 3_000.0
"""About what one process does on one core; a faster carrier waits for us."""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """How many parts a second a carrier can take, and why not more."""

    per_s: float
    reason: str
    remedy: str


class Connected(Measured, Protocol):
    """A gateway with carriers."""

    @property
    def connectors(self) -> Mapping[str, Connector]: ...

    def is_held(self, carrier: str) -> bool:
        """Whether an operator took a carrier out of service."""
        ...


def view_carriers(gateway: Connected) -> tuple[CarrierView, ...]:
    """Every carrier as it is now."""
    use = gateway.window_use()
    return tuple(
        _view(connector, use, gateway.metrics, held=gateway.is_held(connector.name))
        for connector in gateway.connectors.values()
    )


class Switch(Body, frozen=True, kw_only=True):
    """Whether to hold the carrier: to give it nothing new, over restarts."""

    held: bool


async def switch_carrier(admin: Admin, name: str, body: Switch) -> CarrierSwitched:
    """Hold a carrier, which is then given nothing new over restarts, or let it send again.

    The change is stored with an audit entry for every account that may operate the gateway.
    """
    services = admin.services
    names = list(services.connectors) or [one.name for one in services.settings.carriers]
    if name not in names:
        raise unknown_carrier(name, names)
    if await services.carrier_switches.is_held(name) is not body.held:
        action = "drain_carrier" if body.held else "enable_carrier"
        entries = tuple(
            services.audit_log.command_entry(account, action, name)
            for account in await services.accounts.list_all()
            if account.may(Permission.OPERATE)
        )
        await services.carrier_switches.switch(name, body.held, entries)
    carriers = admin.running.carriers() if admin.running is not None else ()
    in_flight = next((one.in_flight for one in carriers if one.name == name), 0)
    return CarrierSwitched(
        carrier=name, held=body.held, in_flight=in_flight, gateway=admin.running is not None
    )


def unknown_carrier(name: str, known: Iterable[str]) -> Refused:
    """The refusal of a carrier that is not configured, with the name that may be meant."""
    names = list(known)
    more = suggest(name, names) or f"; there are {', '.join(names) or 'none'}"
    return Refused(RefusalCode.NOT_FOUND, name[:64], f"no such carrier{more}")


class TryOut(Body, frozen=True, kw_only=True):
    """A text to send over one carrier, past all queues."""

    to: str
    sender: str = ""
    text: str = TEST_TEXT


class _Nobody:
    """Hears what a carrier reports that is only tried, and knows of no earlier messages."""

    def outcome(self, *_: object) -> None: ...
    def outcomes_came(self, *_: object) -> None: ...
    def receipt(self, *_: object) -> None: ...
    def receipts_came(self, *_: object) -> None: ...
    def inbound(self, *_: object) -> None: ...
    def availability(self, _: str) -> None: ...
    async def of(self, _carrier: str, _limit: int) -> tuple[SentMessage, ...]:
        return ()


async def try_carrier(admin: Admin, name: str, body: TryOut) -> CarrierTested:
    """Send one text over an HTTP carrier, past all queues, and say what the provider answered.

    It costs what the provider takes for it. No message is stored, so its report finds none.
    """
    services = admin.services
    tables: dict[str, CarrierTable | None]
    tables = {one.name: one for one in services.settings.carriers}
    if services.connectors:  # a reload may have brought others, or other settings
        tables = {
            name: one.settings if isinstance(one, HttpCarrier) else None
            for name, connector in services.connectors.items()
            for one in (behind(connector),)
        }
    if name not in tables:
        raise unknown_carrier(name, tables)
    table = tables[name]
    if not isinstance(table, HttpTable):
        raise Refused(RefusalCode.NOT_SUPPORTED, name, "only carriers of type http can be tried so")
    nobody = _Nobody()
    carrier = build_http_carrier(table, nobody, services.clock, nobody)
    message = _test_message(body, services.ids.next())
    try:
        trial = await carrier.try_out(message)
    finally:
        await carrier.stop(0)
    answer = trial.answer
    return CarrierTested(
        carrier=name,
        preset=table.preset,
        request="" if trial.request is None else f"{trial.request.method} {trial.request.place}",
        http_status=trial.http_status,
        meaning="" if answer is None else str(answer.meaning),
        detail=trial.problem or ("" if answer is None else answer.detail),
        carrier_ids=() if answer is None else answer.ids,
        callback_url=callback_url(table).partition("?")[0],
    )


def _test_message(body: TryOut, message_id: int) -> Outgoing:
    if not body.text or len(body.text) > MAX_TEST_TEXT:
        raise Refused(RefusalCode.INVALID_FIELD, "text", f"1 to {MAX_TEST_TEXT} characters")
    alphabet = Alphabet.GSM7 if try_encode_gsm(body.text) is not None else Alphabet.UCS2
    return Outgoing(
        message_id=message_id,
        sender=body.sender or TEST_SENDER,
        recipient=normalise(body.to),
        parts=segment_text(body.text, alphabet=alphabet).user_data(0),
        alphabet=alphabet,
        text=body.text,
    )


def limit_of(carrier: CarrierView) -> Limit | None:
    """What limits a carrier; None where it is down or has not answered anything yet."""
    if not carrier.capacity or not carrier.round_trip_ms:
        return None
    throttled = sum(link.throttled for link in carrier.links)
    by_window = carrier.capacity * 1000 / carrier.round_trip_ms
    limits = [
        Limit(
            per_s=by_window,
            reason=(
                f"{carrier.capacity} parts unanswered at a time,"
                f" {carrier.round_trip_ms:.3g} ms each: the window"
            ),
            remedy="a larger `window` or more `links`, if the carrier allows them",
        ),
        Limit(
            per_s=OWN_SPEED_PER_S,
            reason="the processor: one process does about so many",
            remedy="a faster machine",
        ),
    ]
    if carrier.rate_per_s is not None:
        limits.append(
            Limit(
                per_s=carrier.rate_per_s,
                reason="`rate_per_s` of the configuration",
                remedy="a higher `rate_per_s`, if the carrier allows it",
            )
        )
    limit = min(limits, key=lambda limit: limit.per_s)
    if not throttled:
        return limit
    return Limit(
        per_s=limit.per_s,
        reason=f"{limit.reason}; the SMSC answered {throttled} times that this is too fast",
        remedy="set `rate_per_s` to what the carrier agreed to, or ask the carrier for more",
    )


def _view(
    connector: Connector, use: Mapping[str, tuple[int, int]], metrics: Metrics, *, held: bool
) -> CarrierView:
    in_flight, capacity = use.get(connector.name, (0, 0))
    elsewhere, links = False, behind(connector)
    if isinstance(connector, StandsFor):
        elsewhere = not connector.is_here
        capacity = capacity if elsewhere else connector.stands_for.capacity
    timed = links if isinstance(links, SmppCarrier | HttpCarrier) else None
    return CarrierView(
        name=connector.name,
        up=connector.up,
        in_flight=in_flight,
        capacity=capacity,
        round_trip_ms=timed.round_trip_s * 1000 if timed and timed.round_trip_s else None,
        rate_per_s=(timed.settings.rate_per_s or None) if timed else None,
        held=held,
        kind=_kind(links),
        elsewhere=elsewhere,
        outcomes={
            outcome: count
            for (carrier, outcome), count in metrics.outcomes.items()
            if carrier == connector.name
        },
        links=() if elsewhere else _links(links),
    )


def merge_carriers(views: Sequence[CarrierView]) -> CarrierView:
    """A carrier as its holder sees it, with what all partitions count of it."""
    holder = next((one for one in views if not one.elsewhere), views[0])
    return msgspec.structs.replace(
        holder,
        in_flight=sum(one.in_flight for one in views),
        held=any(one.held for one in views),
        outcomes=add([one.outcomes for one in views]),
    )


def _kind(connector: Connector | None) -> str:
    if isinstance(connector, SmppCarrier):
        return "SMPP"
    if isinstance(connector, HttpCarrier):
        return f"HTTP, {connector.settings.preset}"
    return "MM7" if isinstance(connector, Mm7Carrier) else "phones"


def _links(connector: Connector | None) -> tuple[LinkView, ...]:
    if isinstance(connector, SmppCarrier):
        return _smpp_links(connector)
    if isinstance(connector, HttpCarrier):
        return _http_link(connector)
    return _mm7_link(connector) if isinstance(connector, Mm7Carrier) else ()


def _smpp_links(carrier: SmppCarrier) -> tuple[LinkView, ...]:
    return tuple(
        LinkView(
            name=link.name,
            bound=link.bound,
            outstanding=link.outstanding,
            waiting=link.load - link.outstanding,
            reconnects=link.reconnects,
            throttled=link.pace.throttled,
            last_error=link.last_error,
            window=link.window,
            rate_per_s=link.pace.rate_per_s,
        )
        for link in carrier.links
    )


def _mm7_link(carrier: Mm7Carrier) -> tuple[LinkView, ...]:
    """HTTP has no link; an MMSC that takes messages stands for one that is bound."""
    return (
        LinkView(
            name=carrier.name,
            bound=carrier.up,
            outstanding=carrier.in_flight,
            waiting=0,
            reconnects=carrier.failures,
            throttled=0,
            last_error=carrier.last_error,
        ),
    )


def _http_link(carrier: HttpCarrier) -> tuple[LinkView, ...]:
    """A provider that takes messages stands for a link that is bound."""
    return (
        LinkView(
            name=carrier.name,
            bound=carrier.up,
            outstanding=carrier.in_flight,
            waiting=carrier.waiting,
            reconnects=carrier.health.failures,
            throttled=carrier.pace.throttled,
            last_error=carrier.health.trouble,
            window=carrier.settings.window,
            rate_per_s=carrier.pace.rate_per_s,
        ),
    )


CALLS: Final = (
    Call("PUT", "/carriers/{name}", switch_carrier, whole=whole()),
    Call("POST", "/carriers/{name}/test", try_carrier),
)
