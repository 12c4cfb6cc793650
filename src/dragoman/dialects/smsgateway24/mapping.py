"""Our states, texts and phones as this API shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.devices.model.devices import AssignmentState, Device, Sim
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode
from dragoman.core.reporting.model.correspondence import Kind, TextView
from dragoman.dialects.smsgateway24.schemas import DeviceView, SimInfo, Sms
from dragoman.dialects.smsgateway24.times import Zone, render_date, render_human

NAME: Final = "smsgateway24"

NEW: Final = 1
SENDING: Final = 2
QUEUED: Final = 3
IN_PROGRESS: Final = 4
INCOMING: Final = 5
SENT: Final = 6
DELIVERED: Final = 7
NOT_DELIVERED: Final = 8
NOT_SENT: Final = 9
NO_SERVICE: Final = 10
NULL_PDU: Final = 11
RADIO_OFF: Final = 12
NOT_ALLOWED: Final = 100
NEVER_ALLOWED: Final = 101

TITLES: Final = MappingProxyType(
    {
        NEW: "New",
        SENDING: "sending",
        QUEUED: "queued",
        IN_PROGRESS: "in progress",
        INCOMING: "incoming",
        SENT: "sent",
        DELIVERED: "delivered",
        NOT_DELIVERED: "not delivered",
        NOT_SENT: "not sent: generic failure",
        NO_SERVICE: "not sent: no service",
        NULL_PDU: "not sent: null PDU",
        RADIO_OFF: "not sent: radio off",
        NOT_ALLOWED: "not sent: not allowed",
        NEVER_ALLOWED: "not sent: not allowed at all",
    }
)
"""Each status and its title; `New`, `sending` and `delivered` are the provider's own."""

STATUSES: Final = MappingProxyType(
    {
        State.SCHEDULED: NEW,
        State.QUEUED: NEW,
        State.SENDING: SENDING,
        State.SENT: SENT,
        State.UNKNOWN: SENT,
        State.DELIVERED: DELIVERED,
        State.UNDELIVERED: NOT_DELIVERED,
        State.EXPIRED: NOT_DELIVERED,
        State.REJECTED: NOT_SENT,
        State.CANCELLED: NOT_DELIVERED,
    }
)
"""Each state's status, unless a phone is to have it or its rejection is one of those below."""
OF_ASSIGNMENT: Final = MappingProxyType(
    {AssignmentState.ASSIGNED: NEW, AssignmentState.FETCHED: QUEUED}
)
"""What is being sent and not known to be in the phone's hands yet."""

OF_DETAIL: Final = MappingProxyType(
    {
        "RESULT_ERROR_NO_SERVICE": NO_SERVICE,
        "RESULT_ERROR_NULL_PDU": NULL_PDU,
        "RESULT_ERROR_RADIO_OFF": RADIO_OFF,
        "RESULT_RADIO_NOT_AVAILABLE": RADIO_OFF,
    }
)
"""What Android said (`SmsManager`), where this API has a status for it."""
OF_FAILURE: Final = MappingProxyType(
    {
        FailureCode.OPTED_OUT: NOT_ALLOWED,
        FailureCode.NOT_ALLOWED: NOT_ALLOWED,
        FailureCode.BARRED: NEVER_ALLOWED,
    }
)
"""Rejections that were decided on, not caused by an error."""

DELIVERY_STATES: Final = frozenset(
    {State.SENT, State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.REJECTED, State.CANCELLED}
)
"""The states that the delivery webhook is called for."""

UNKNOWN_SERIAL: Final = "unknown"


class Note(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What this API stores with its batches, and gets back with their events."""

    due_ms: int | None = None
    """The time to send as it was given, which may be past."""
    device_id: int | None = None
    slot: int | None = None
    zone: str = "UTC"
    newsletter: bool = False


def render_note(note: Note) -> str:
    return msgspec.json.encode(note).decode()


def parse_note(text: str) -> Note:
    return msgspec.json.decode(text, type=Note) if text else Note()


def status_of(
    state: State | None,
    failure: FailureCode,
    detail: str,
    assignment: AssignmentState | None = None,
) -> int:
    """The status of a text; `state` is None for one that came in."""
    if state is None:
        return INCOMING
    if state is State.SENDING and assignment is not None:
        return OF_ASSIGNMENT.get(assignment, SENDING)
    if state is State.REJECTED:
        return OF_DETAIL.get(detail) or OF_FAILURE.get(failure, NOT_SENT)
    return STATUSES[state]


def kinds_of(status: int) -> tuple[Kind, ...]:
    """Which of the texts that were sent have a status."""
    if status == SENDING:
        return (Kind(states=(State.SENDING,), other_assignments=tuple(OF_ASSIGNMENT)),)
    rejected = (State.REJECTED,)
    details = tuple(detail for detail, code in OF_DETAIL.items() if code == status)
    if details:
        return (Kind(states=rejected, details=details),)
    others = tuple(OF_DETAIL)
    failures = tuple(failure for failure, code in OF_FAILURE.items() if code == status)
    if failures:
        return (Kind(states=rejected, failures=failures, other_details=others),)
    if status == NOT_SENT:
        return (Kind(states=rejected, other_failures=tuple(OF_FAILURE), other_details=others),)
    states = tuple(state for state, code in STATUSES.items() if code == status)
    assignments = tuple(stage for stage, code in OF_ASSIGNMENT.items() if code == status)
    found = [Kind(states=states)] if states else []
    if assignments:
        found.append(Kind(states=(State.SENDING,), assignments=assignments))
    return tuple(found)


def render_sms(view: TextView, short_ids: Mapping[int, int], zone: Zone) -> Sms:
    """A text as `getallsms` shows it; `short_ids` has those of texts and newsletters."""
    status = status_of(view.state, view.failure, view.detail, view.assignment)
    due_ms = None
    if view.state is not None:
        due_ms = parse_note(view.options.return_data).due_ms or view.created_ms
    paket_id = view.newsletter_id and short_ids[view.newsletter_id]
    return Sms(
        id=short_ids[view.text_id],
        sendto=render_number(view.number),
        body=view.text,
        customerid=int(view.reference) if view.reference is not None else None,
        status=status,
        statustitle=TITLES[status],
        deviceid=view.device_id,
        urgent=True if view.urgent else None,
        created=render_date(view.created_ms, zone),
        senttime=None if view.sent_ms is None else render_date(view.sent_ms, zone),
        timetosend=None if due_ms is None else render_date(due_ms, zone),
        sim=render_slot(view.slot),
        paketid=paket_id,
        pakettitle=view.title,
        paketbody=None if paket_id is None else view.text,
    )


def render_number(number: str) -> str:
    """A number with its `+`; a name or a short code as it is."""
    return f"+{number}" if number.isascii() and number.isdigit() and len(number) >= 7 else number


def render_slot(slot: int | None) -> int | None:
    """A SIM as this API counts them, from 0; ours count from 1."""
    return None if slot is None or slot < 1 else slot - 1


def render_device(device: Device, heard_ms: int, zone: Zone) -> DeviceView:
    """A phone as `getalldevices` shows it."""
    sims = [sim for sim in device.sims if sim.present]
    gap_s = round(device.settings.limits.gap_s)
    seen_ms = max(heard_ms, device.seen_ms)
    return DeviceView(
        id=device.device_id,
        title=device.name,
        number=next(filter(None, map(_number_of, sims)), None),
        imei=None,
        created=render_date(device.created_ms, zone),
        createdhumanformat=render_human(device.created_ms, zone),
        lastseen=render_date(seen_ms, zone),
        lastseenhumanformat=render_human(seen_ms, zone),
        serialnumber=UNKNOWN_SERIAL,
        siminfo=list(_render_sims(sims)),
        appversion=device.app_version,
        isappversionactual=True,
        delaybetweeneachsms=gap_s or None,
        delaybetweenrequest=1,
        subscription=True,
    )


def _render_sims(sims: Iterable[Sim]) -> Iterable[SimInfo]:
    for sim in sims:
        yield SimInfo(
            slot=str(sim.slot - 1), number=_number_of(sim), carrier_name=sim.label or sim.carrier
        )


def _number_of(sim: Sim) -> str:
    return f"+{sim.number}" if sim.number else sim.reported_number
