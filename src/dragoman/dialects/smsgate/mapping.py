"""Our states, events, messages and devices as the provider writes them."""

from __future__ import annotations

import base64
from datetime import datetime
from types import MappingProxyType
from typing import Final

from dragoman.core.callbacks.model.webhooks import StoredWebhook
from dragoman.core.devices.model.devices import Device
from dragoman.core.messages.model.callbacks import EventKind
from dragoman.core.messages.model.messages import Format
from dragoman.core.submission.model.idempotency_keys import KeyedView, RecipientView
from dragoman.core.submission.model.progress import Progress
from dragoman.dialects.smsgate import schemas
from dragoman.kit.clock import ms_of, render_milliseconds
from dragoman.protocols.gsm.udh import build_udh, ports_element
from dragoman.web.refusals import MalformedBody

DIALECT: Final = "smsgate"
MAX_DATE: Final = 40
MAX_TIME_MS: Final = 1 << 52

STATES: Final = MappingProxyType(
    {
        Progress.PENDING: "Pending",
        Progress.CANCELLING: "Cancelling",
        Progress.CANCELLED: "Cancelled",
        Progress.PROCESSED: "Processed",
        Progress.SENT: "Sent",
        Progress.DELIVERED: "Delivered",
        Progress.FAILED: "Failed",
    }
)
PROGRESS: Final = MappingProxyType({name: progress for progress, name in STATES.items()})

EVENTS: Final = MappingProxyType(
    {
        EventKind.TEXT_RECEIVED: "sms:received",
        EventKind.DATA_RECEIVED: "sms:data-received",
        EventKind.MESSAGE_SENT: "sms:sent",
        EventKind.MESSAGE_DELIVERED: "sms:delivered",
        EventKind.MESSAGE_FAILED: "sms:failed",
        EventKind.MESSAGE_CANCELLED: "sms:cancelled",
        EventKind.MULTIMEDIA_RECEIVED: "mms:received",
        EventKind.MULTIMEDIA_FETCHED: "mms:downloaded",
        EventKind.TEXT_BATCH_RECEIVED: "sms:batch:received",
        EventKind.DATA_BATCH_RECEIVED: "sms:batch:data-received",
        EventKind.MULTIMEDIA_BATCH_RECEIVED: "mms:batch:received",
        EventKind.MULTIMEDIA_BATCH_FETCHED: "mms:batch:downloaded",
        EventKind.DEVICE_PINGED: "system:ping",
        EventKind.DEVICE_STARTED: "app:started",
    }
)
KINDS: Final = MappingProxyType({name: kind for kind, name in EVENTS.items()})


def read_date(text: str, field: str) -> int:
    """A time as RFC 3339 writes it; raises `MalformedBody`.

    The space is a `+` of a query that was not encoded.
    """
    try:
        if len(text) > MAX_DATE or "T" not in text.upper():
            raise ValueError
        at = datetime.fromisoformat(text.strip().upper().replace(" ", "+"))
        at_ms = ms_of(at)
        if not 0 <= at_ms < MAX_TIME_MS:
            raise ValueError
    except (ValueError, OverflowError, OSError):
        raise MalformedBody("not a date and time with a zone (RFC 3339)", field=field) from None
    return at_ms


def render_ports(port: int) -> bytes:
    """The header of a data message to a port; it comes from port 0."""
    return build_udh(ports_element(port, 0))


def render_message(view: KeyedView, *, with_content: bool) -> schemas.MessageState:
    """A message as a program asks for it."""
    answer = schemas.MessageState(
        id=view.key,
        device_id=str(view.device_id) if view.device_id is not None else "",
        state=STATES[view.progress],
        recipients=[_recipient(one) for one in view.recipients],
        states=render_states(view),
    )
    if with_content and view.format == Format.BINARY.value:
        octets = base64.b64encode(bytes.fromhex(view.text)).decode()
        port = int.from_bytes(bytes.fromhex(view.options.udh)[3:5])
        answer.data_message = schemas.DataMessage(data=octets, port=port)
    elif with_content:
        answer.text_message = schemas.TextMessage(text=view.text)
    return answer


def render_states(view: KeyedView) -> dict[str, str]:
    """When the message first was in each state, by name; `Processed` from when its phone had it."""
    reached: dict[str, int] = {STATES[Progress.PENDING]: view.created_ms}

    def reach(progress: Progress, at_ms: int | None) -> None:
        if at_ms is not None:
            name = STATES[progress]
            reached[name] = min(reached.get(name, at_ms), at_ms)

    for one in view.recipients:
        reach(Progress.PROCESSED, one.handed_ms)
        reach(Progress.SENT, one.sent_ms)
        if one.progress in (Progress.DELIVERED, Progress.FAILED, Progress.CANCELLED):
            reach(one.progress, one.final_ms)
    return {name: render_milliseconds(reached[name]) for name in sorted(reached)}


def _recipient(one: RecipientView) -> schemas.RecipientState:
    answer = schemas.RecipientState(phone_number=f"+{one.number}", state=STATES[one.progress])
    if one.progress is Progress.FAILED and one.reason:
        answer.error = one.reason
    return answer


def render_device(device: Device, seen_ms: int) -> schemas.Device:
    """A phone as its account sees it."""
    last_seen = render_milliseconds(max(seen_ms, device.seen_ms))
    answer = schemas.Device(
        id=str(device.device_id),
        name=device.name,
        created_at=render_milliseconds(device.created_ms),
        updated_at=render_milliseconds(device.seen_ms),
        last_seen=last_seen,
    )
    cards = []
    for sim in device.sims:
        if sim.present:
            card = schemas.SimCard(slot_index=sim.slot - 1, sim_number=sim.slot)
            if number := (f"+{sim.number}" if sim.number else sim.reported_number):
                card.phone_number = number
            if sim.carrier:
                card.carrier_name = sim.carrier
            cards.append(card)
    if cards:
        answer.sim_cards = cards
    return answer


def render_webhook(webhook: StoredWebhook) -> schemas.Webhook:
    """A webhook as its account registered it."""
    device_id = str(webhook.device_id) if webhook.device_id is not None else None
    return schemas.Webhook(
        id=webhook.key, device_id=device_id, url=webhook.url, event=EVENTS[webhook.event]
    )
