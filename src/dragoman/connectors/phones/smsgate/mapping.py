"""States, events, dates and versions as the app has them, and as the gateway does."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from dragoman.connectors.phones.assignment import ANY_SLOT, Cancelling, DeviceAssignment
from dragoman.connectors.phones.smsgate.schemas import (
    DataMessage,
    DeviceView,
    Message,
    MessageState,
    SimCard,
    TextMessage,
    Webhook,
)
from dragoman.core.devices.devices import MAX_TEXT, ReportedSim
from dragoman.core.devices.model.devices import MAX_SLOT, AssignmentState, Device, DeviceEvent
from dragoman.core.messages.model.messages import Outgoing, data_of
from dragoman.kit.clock import ms_of, render_milliseconds
from dragoman.web.refusals import MalformedBody

Version = tuple[int, int]

NO_VERSION: Final = (0, 0)
CANCELLING_SINCE: Final = (1, 67)
EXPEDITED: Final = 100
"""From this priority on, the app sends at once and before everything else."""

STATES: Final = MappingProxyType(
    {
        # The phone has it in its own queue and does not fetch it again.
        "Pending": AssignmentState.HELD,
        "Processed": AssignmentState.PROCESSED,
        "Sent": AssignmentState.SENT,
        "Delivered": AssignmentState.DELIVERED,
        "Failed": AssignmentState.FAILED,
        # A state of the server that the app repeats until it has acted on it.
        "Cancelling": AssignmentState.HELD,
        "Cancelled": AssignmentState.CANCELLED,
    }
)
"""Every state the app reports."""

EVENTS: Final = MappingProxyType(
    {
        DeviceEvent.MESSAGES: "MessageEnqueued",
        DeviceEvent.CANCELLED: "MessageCancelled",
        DeviceEvent.WEBHOOKS: "WebhooksUpdated",
        DeviceEvent.SETTINGS: "SettingsUpdated",
        DeviceEvent.INBOX: "MessagesExportRequested",
    }
)
"""The names of events on the stream."""

WEBHOOK_EVENTS: Final = MappingProxyType[str, Version](
    {
        "sms:received": NO_VERSION,
        "system:ping": NO_VERSION,
        "sms:data-received": (1, 43),
        "app:started": (1, 66),
    }
)
"""The events a phone delivers, and the version from which every app knows each.

An unknown name makes the app drop the whole list.
"""

_AGENT: Final = re.compile(
    rb"me\.capcom\.smsgateway(?:\.[a-z]+)?/(\d{1,4})\.(\d{1,4})[0-9A-Za-z.+-]*"
)


def read_version(user_agent: bytes) -> str:
    """The version of the app in its User-Agent, as `1.68`; empty if there is none."""
    match = _AGENT.fullmatch(user_agent.strip())
    return f"{int(match[1])}.{int(match[2])}" if match else ""


def parse_version(text: str) -> Version:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else NO_VERSION


def read_date(text: str) -> int | None:
    """A time as the app writes it, in any zone; None where it is none."""
    try:
        at = datetime.fromisoformat(text)
        return ms_of(at) if at.tzinfo is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def render_details(event: DeviceEvent, details: Mapping[str, str]) -> dict[str, str]:
    """The data of an event; the app expects every value as text."""
    if event is not DeviceEvent.INBOX:
        return dict(details)
    return {
        "since": render_milliseconds(int(details["since"])),
        "until": render_milliseconds(int(details["until"])),
        "messageTypes": details["messageTypes"],
        "triggerWebhooks": "true",
        "webhookDelivery": "Individual",
    }


def read_sims(cards: list[SimCard] | None) -> list[ReportedSim] | None:
    """The SIMs that a phone lists, without those that cannot be addressed."""
    if cards is None:
        return None
    found: dict[int, ReportedSim] = {}
    for card in cards:
        slot = card.sim_number
        if slot is None and card.slot_index is not None:
            slot = card.slot_index + 1
        if slot is not None and 1 <= slot <= MAX_SLOT:
            found[slot] = ReportedSim(
                slot=slot, number=_shown(card.phone_number), carrier=_shown(card.carrier_name)
            )
    return list(found.values())


def render_message(assignment: DeviceAssignment, outgoing: Outgoing) -> Message:
    """One message as the phone fetches it."""
    cancelling = assignment.cancelling is not Cancelling.NO
    message = Message(
        id=assignment.key,
        device_id=str(assignment.device_id),
        phone_numbers=[assignment.recipient],
        with_delivery_report=outgoing.wants_receipt,
        is_encrypted=False,
        valid_until=render_milliseconds(assignment.valid_until_ms),
        state="Cancelling" if cancelling else "Pending",
        created_at=render_milliseconds(assignment.assigned_ms),
    )
    data = data_of(outgoing.parts) if not outgoing.text else None
    if data is not None:
        octets = base64.b64encode(data.octets).decode()
        message.data_message = DataMessage(data=octets, port=data.port)
    else:
        message.text_message = TextMessage(text=outgoing.text)
        message.message = outgoing.text
    if assignment.slot != ANY_SLOT:
        message.sim_number = assignment.slot
    if assignment.is_urgent:
        message.priority = EXPEDITED
    return message


def read_states(reported: MessageState, recipient: str) -> tuple[list[AssignmentState], str]:
    """The states of our one recipient in a snapshot, in order, and its error.

    Raises `MalformedBody` for an unknown state.
    """
    own = [one for one in reported.recipients if one.phone_number == recipient]
    if not own and len(reported.recipients) == 1:
        own = reported.recipients
    state = read_state(own[0].state if own else reported.state)
    states = [state]
    if "Processed" in reported.states and state > AssignmentState.PROCESSED:
        states.insert(0, AssignmentState.PROCESSED)
    return states, (own[0].error or "") if own else ""


def read_state(name: str) -> AssignmentState:
    """A state by the app's name; raises `MalformedBody`."""
    state = STATES.get(name)
    if state is None:
        raise MalformedBody(f"unknown state {name[:20]!r}", field="state")
    return state


def render_device(device: Device, seen_ms: int) -> DeviceView:
    """A device as its own phone sees it."""
    return DeviceView(
        id=str(device.device_id),
        name=device.name,
        created_at=render_milliseconds(device.created_ms),
        updated_at=render_milliseconds(device.seen_ms),
        last_seen=render_milliseconds(max(seen_ms, device.seen_ms)),
    )


def render_webhooks(device: Device, url: str) -> list[Webhook]:
    """What the phone must call; the identifiers stay, since a new one alarms its user."""
    version = parse_version(device.app_version)
    return [
        Webhook(
            id=f"{device.device_id}-{event.replace(':', '-')}",
            url=url,
            event=event,
            device_id=str(device.device_id),
        )
        for event, since in WEBHOOK_EVENTS.items()
        if version >= since
    ]


def render_settings(
    device: Device,
    ping_interval_s: int,
    of_account: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
) -> dict[str, dict[str, object]]:
    """The settings of a phone: those the gateway needs, then those its account set for all.

    A key that is absent is left alone on the phone.
    """
    settings: dict[str, dict[str, object]] = {
        "gateway": {"notification_channel": "SSE_ONLY"},
        "messages": {"processing_order": "FIFO"},
        "webhooks": {"signing_key": device.signing_key},
    }
    if ping_interval_s:
        settings["ping"] = {"interval_seconds": ping_interval_s}
    for wanted in (of_account, device.settings.pushed):
        for group, values in wanted.items():
            settings.setdefault(group, {}).update(values)
    settings["webhooks"]["signing_key"] = device.signing_key
    return settings


def _shown(text: str | None) -> str:
    cleaned = "".join(letter for letter in text or "" if letter.isprintable())
    return cleaned.encode("utf-8", "ignore").decode()[:MAX_TEXT]
