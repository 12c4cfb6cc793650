"""The phone protocol of the app CHT Gateway: the phone polls one address.

A poll brings states of texts and received texts; the answer holds texts to send. The app keeps
everything until its poll was answered, and remembers every identifier, so repeats are harmless both
ways. It cannot cancel what it has fetched.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec

from dragoman.connectors.phones.carrier import PhonesCarrier
from dragoman.connectors.phones.intake import MAX_EVENT_ID, MAX_NUMBER, MAX_TEXT, Intake
from dragoman.connectors.phones.protocols import CHT
from dragoman.core.devices.devices import Devices
from dragoman.core.devices.model.devices import AssignmentState, Device
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.kit.ids import parse_number
from dragoman.web.bodies import decode_json
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import MalformedBody, Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PREFIX: Final = "/api/cht"
BODY_LIMIT_BYTES: Final = 256 * 1024
MAX_ITEMS: Final = 1_000
"""Texts, and states, that a poll may bring; the app brings at most 10 and 20."""

STATES: Final = MappingProxyType(
    {
        "UNSENT": AssignmentState.HELD,
        "PENDING": AssignmentState.PROCESSED,
        "SENT": AssignmentState.SENT,
        "DELIVERED": AssignmentState.DELIVERED,
        "FAILED": AssignmentState.FAILED,
    }
)
"""Every state the app reports."""

RESULTS: Final = MappingProxyType(
    {
        "generic": "RESULT_ERROR_GENERIC_FAILURE",
        "no-service": "RESULT_ERROR_NO_SERVICE",
        "null-pdu": "RESULT_ERROR_NULL_PDU",
        "radio-off": "RESULT_ERROR_RADIO_OFF",
        "unknown; resultCode=5": "RESULT_ERROR_LIMIT_EXCEEDED",
        "destination.invalid": "RESULT_INVALID_ARGUMENTS",
        "Delivery failed: Incompatible destination": "Delivery result from SC : 0x41",
        "Delivery failed: Connection rejected by SME": "Delivery result from SC : 0x42",
        "Delivery failed: Not obtainable": "Delivery result from SC : 0x43",
        "Delivery failed: SM Validity Period Expired": "Delivery result from SC : 0x46",
        "Delivery failed: Congestion": "Delivery result from SC : 0x60",
        "Delivery failed: SME busy": "Delivery result from SC : 0x61",
        "Delivery failed: No response from SME": "Delivery result from SC : 0x62",
    }
)
"""The app's reasons, as `results.read_result` knows them; others are unspecific."""

STATUSES: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: 401,
        RefusalCode.PERMISSION_DENIED: 403,
        RefusalCode.NOT_FOUND: 404,
    }
)
"""The HTTP status of a refusal; 400 for every other."""

_Handler = Callable[[Request], Awaitable[Response]]


class ReceivedText(msgspec.Struct, kw_only=True):
    """A text that the phone received; its times are the phone's, and of no use to us."""

    id: str = ""
    source: str | None = msgspec.field(default=None, name="from")
    content: str | None = None


class Update(msgspec.Struct, kw_only=True):
    """How far a text is that the phone was given."""

    id: str = ""
    status: str = ""
    reason: str | None = None


class Poll(msgspec.Struct, kw_only=True):
    """What a phone reports; an absent list and null are empty ones."""

    messages: list[ReceivedText] | None = None
    updates: list[Update] | None = None


class Text(msgspec.Struct, kw_only=True):
    """A text to send."""

    id: str
    to: str
    content: str


class Answer(msgspec.Struct, kw_only=True):
    """The texts that a phone is to send."""

    messages: list[Text]


class Problem(msgspec.Struct, kw_only=True):
    """Every refusal."""

    error: bool = True
    message: str


@dataclass(slots=True, kw_only=True)
class ChtGateway:
    devices: Devices
    carriers: Mapping[str, PhonesCarrier]
    intake: Intake
    metrics: Metrics

    def dialect(self) -> Dialect:
        """The address as a table."""
        calls: tuple[tuple[str, _Handler, str], ...] = (
            ("GET", self.greet, "Check the address"),
            ("POST", self.poll, "Report status changes and fetch messages to send"),
        )
        return Dialect(
            name=CHT,
            title="CHT Gateway",
            description="What phones with the app CHT Gateway poll; docs/carriers/cht-gateway.md.",
            prefixes=(PREFIX,),
            operations=tuple(
                Operation(
                    methods=(method,),
                    path=PREFIX,
                    handler=self._guarded(handler),
                    summary=summary,
                    source="CHT Gateway, API",
                    body_formats=("json",) if method == "POST" else (),
                    body_limit_bytes=BODY_LIMIT_BYTES,
                )
                for method, handler, summary in calls
            ),
            refuse=self.refuse,
        )

    async def greet(self, request: Request) -> Response:
        """Answers the app's check of its settings."""
        self._authenticate(request)
        return _render({"medic-gateway": True})

    async def poll(self, request: Request) -> Response:
        """Answers a poll; everything it brings is on disk before it is answered.

        The states of a phone that is out of service are facts and are taken; then it is refused,
        so it keeps the texts it received and gets none to send.
        """
        device = self.devices.heard(self._authenticate(request))
        given = decode_json(request.body, Poll)
        updates, texts = given.updates or [], given.messages or []
        if max(len(updates), len(texts)) > MAX_ITEMS:
            raise MalformedBody(f"at most {MAX_ITEMS} messages and updates")
        carrier = self.carriers.get(device.carrier)
        if carrier is None:
            raise Refused(RefusalCode.NOT_FOUND, device.carrier, "the carrier is gone")
        for update in updates:
            await self._take_update(device, carrier, update)
        if not self.devices.is_in_service(device):
            raise Refused(RefusalCode.PERMISSION_DENIED, "", "the device is disabled")
        for text in texts:
            await self._take_text(device, text)
        found = await carrier.handout.fetch(device)
        return _render(
            Answer(
                messages=[
                    Text(id=assignment.key, to=assignment.recipient, content=message.text)
                    for assignment in found
                    if (message := assignment.message) is not None
                ]
            )
        )

    async def _take_update(self, device: Device, carrier: PhonesCarrier, update: Update) -> None:
        """Takes a state; an unreadable one is only counted, else it would repeat for ever."""
        state = STATES.get(update.status)
        assignment_id = parse_number(update.id)
        assignment = None
        if state is not None and assignment_id:
            assignment = await carrier.handout.find(device, assignment_id)
        if state is None:
            self.metrics.device_words[device.carrier, "unknown"] += 1
            return
        if assignment is None:
            self.metrics.receipts[device.carrier, "unknown"] += 1
            return
        reason = update.reason or ""
        error = RESULTS.get(reason) or RESULTS.get(reason.partition(";")[0], "")
        await carrier.handout.report(assignment, [state], error)

    async def _take_text(self, device: Device, text: ReceivedText) -> None:
        """Takes a received text once; an invalid one is only counted, or it would repeat."""
        source, content = text.source or "", text.content or ""
        if not (
            1 <= len(text.id) <= MAX_EVENT_ID
            and text.id.isprintable()
            and len(source) <= MAX_NUMBER
            and source.isprintable()
            and len(content) <= MAX_TEXT
        ):
            self.metrics.device_words[device.carrier, "unknown"] += 1
            return
        is_new = await self.intake.take_once(
            device,
            text.id,
            lambda: self.intake.hand_up(device, text.id, source=source, text=content),
        )
        self.metrics.device_words[device.carrier, "taken" if is_new else "repeated"] += 1

    def _authenticate(self, request: Request) -> Device:
        """The device whose identifier and token are in the address that the phone was given."""
        name, token = _read_caller(request)
        device = self.devices.authenticate(token, CHT)
        if name != str(device.device_id):
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, "", "unknown device token")
        return device

    def refuse(self, _request: Request, refusal: Refusal) -> Response:
        """Renders a refusal of the kit."""
        self.metrics.refused[CHT, refusal.kind.value] += 1
        return _render(Problem(message=refusal.reason), refusal.status)

    def _guarded(self, handler: _Handler) -> _Handler:
        async def answer(request: Request) -> Response:
            try:
                await self.devices.check_token(_read_caller(request)[1])
                return await handler(request)
            except StorageUnavailable:
                self.metrics.refused[CHT, RefusalCode.UNAVAILABLE.value] += 1
                return _render(Problem(message="the database is away; try again"), 503)
            except Refused as refused:
                self.metrics.refused[CHT, refused.code.value] += 1
                message = refused.detail or refused.code.value.replace("_", " ")
                return _render(Problem(message=message), STATUSES.get(refused.code, 400))

        return answer


def _render(answer: Any, status: int = 200) -> Response:
    return Response(status, msgspec.json.encode(answer))


def _read_caller(request: Request) -> tuple[str, str]:
    """The identifier and the token of a phone; empty where it names none."""
    scheme, encoded = request.authorization()
    name, _, token = _read_basic(encoded if scheme == "basic" else "").partition(":")
    return name, token


def _read_basic(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
