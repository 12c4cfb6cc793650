"""The device API of SMSGate as a table: what a phone calls under `/api/mobile/v1`.

On 401 a phone registers anew, so nothing else is answered with it. A device that is out of service,
as every device of a disabled account is, gets 403: it keeps its registration and tries again. Its
reports are taken all the same: they are facts.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.connectors.phones.carrier import PhonesCarrier
from dragoman.connectors.phones.intake import MAX_NUMBER, Intake
from dragoman.connectors.phones.protocols import SMSGATE
from dragoman.connectors.phones.smsgate import mapping, schemas
from dragoman.connectors.phones.smsgate.ingest import Ingest
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.callbacks.webhooks import Webhooks
from dragoman.core.devices.device_registration import DeviceRegistration, Grant
from dragoman.core.devices.devices import MAX_NAME, MAX_PUSH_TOKEN, Devices, ingest_key
from dragoman.core.devices.model.devices import Device, DeviceEvent
from dragoman.core.devices.phone_settings import PhoneSettings
from dragoman.core.devices.presence import Details
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.core.model.texts import is_storable
from dragoman.kit.clock import Clock, render_milliseconds
from dragoman.kit.ids import parse_number
from dragoman.web.bodies import decode_json
from dragoman.web.events import EventChannel, render_event
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import MalformedBody, Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import EVENTS, NO_CONTENT, Header, Response, Stream

NAME: Final = SMSGATE
PREFIX: Final = "/api/mobile/v1"
BODY_LIMIT_BYTES: Final = 256 * 1024
MIN_PASSWORD: Final = 14
MAX_PASSWORD: Final = 256
MAX_REPORTS: Final = 1_000
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})

STATUSES: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: 401,
        RefusalCode.ADDRESS_NOT_ALLOWED: 403,
        RefusalCode.PERMISSION_DENIED: 403,
        RefusalCode.NOT_FOUND: 404,
        RefusalCode.ALREADY_EXISTS: 409,
        RefusalCode.UNAVAILABLE: 429,
        RefusalCode.NOT_SUPPORTED: 501,
    }
)
"""The HTTP status of a refusal; 400 for every other."""

_STREAM_HEADERS: Final[tuple[Header, ...]] = (
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
_DONE: Final = Response(NO_CONTENT)
_TAKEN: Final = Response(200, b"{}")

_Handler = Callable[[Request], Awaitable[Response]]


class SmsGate:
    def __init__(
        self,
        *,
        accounts: Accounts,
        devices: Devices,
        webhooks: Webhooks,
        registration: DeviceRegistration,
        carriers: Mapping[str, PhonesCarrier],
        intake: Intake,
        clock: Clock,
        metrics: Metrics,
        public_url: str,
        ping_interval_s: int,
        settings: PhoneSettings | None = None,
    ) -> None:
        self._accounts = accounts
        self._devices = devices
        self._registration = registration
        self._carriers = carriers
        self._metrics = metrics
        self._public_url = public_url.rstrip("/")
        self._ping_interval_s = ping_interval_s
        self._account_settings = settings
        self._ingest = Ingest(devices, webhooks, intake, clock, metrics)
        self._fetched: dict[tuple[int, DeviceEvent], bytes] = {}
        """The settings and webhooks that each phone fetched last."""

    def dialect(self) -> Dialect:
        """The API as a table."""
        calls: tuple[tuple[str, str, _Handler, str], ...] = (
            ("POST", "/device", self.register, "Register a phone"),
            ("PATCH", "/device", self.change_device, "Update a phone"),
            ("GET", "/device", self.show_device, "Show the phone's public address"),
            ("GET", "/{path:message|messages}", self.fetch, "Fetch messages to send"),
            ("PATCH", "/{path:message|messages}", self.report, "Report the state of messages"),
            ("GET", "/webhooks", self.show_webhooks, "List the webhooks"),
            ("GET", "/settings", self.show_settings, "Fetch the settings"),
            ("GET", "/events", self.listen, "Wait for events"),
            ("GET", "/user/code", self.create_code, "Request a registration code"),
            ("PATCH", "/user/password", self.change_password, "Change the account's password"),
            ("POST", "/ingest/{device:int}/{key}", self.ingest, "Report an event"),
        )
        return Dialect(
            name=NAME,
            title="SMSGate device API",
            description="What phones with the app SMSGate call; see docs/carriers/smsgate.md.",
            prefixes=(PREFIX,),
            operations=tuple(
                Operation(
                    methods=(method,),
                    path=f"{PREFIX}{path}",
                    handler=self._guarded(handler),
                    summary=summary,
                    source="SMSGate device API",
                    body_formats=("json",) if method != "GET" else (),
                    body_limit_bytes=BODY_LIMIT_BYTES,
                )
                for method, path, handler, summary in calls
            ),
            refuse=self.refuse,
        )

    async def register(self, request: Request) -> Response:
        grant = await self._grant(request)
        given = decode_json(request.body, schemas.RegisterDevice)
        name, push_token = given.name or "", given.push_token or ""
        if len(name) > MAX_NAME or not name.isprintable() or not is_storable(name):
            raise MalformedBody(f"at most {MAX_NAME} printable characters", field="name")
        _check_push_token(push_token)
        device, token = await self._devices.add(
            grant.account,
            grant.carrier,
            protocol=NAME,
            name=name,
            sims=mapping.read_sims(given.sim_cards) or (),
            push_token=push_token,
            app_version=_version_of(request),
            code_id=grant.code_id,
        )
        answer = schemas.RegisteredDevice(
            id=str(device.device_id), token=token, login=grant.account.username
        )
        return Response(201, msgspec.json.encode(answer))

    async def _grant(self, request: Request) -> Grant:
        scheme, secret = request.authorization()
        if scheme == "code":
            return await self._registration.by_code(secret)
        if scheme == "bearer":
            return await self._registration.by_token(secret)
        if scheme == "basic":
            username, password = _read_basic(secret)
            return await self._registration.by_password(username, password, request.client)
        raise Refused(RefusalCode.AUTHENTICATION_FAILED, "", "a code, a token or credentials")

    async def create_code(self, request: Request) -> Response:
        scheme, secret = request.authorization()
        if scheme != "basic":
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, "", "user name and password")
        username, password = _read_basic(secret)
        grant = await self._registration.by_password(username, password, request.client)
        code = await self._registration.create_code(grant.account, grant.carrier)
        valid_until = render_milliseconds(code.expires_ms)
        answer = schemas.LoginCode(code=code.code, valid_until=valid_until)
        return Response(200, msgspec.json.encode(answer))

    async def change_password(self, request: Request) -> Response:
        device = self._caller(request)
        given = decode_json(request.body, schemas.ChangePassword)
        if not MIN_PASSWORD <= len(given.new_password) <= MAX_PASSWORD or not is_storable(
            given.new_password
        ):
            raise MalformedBody(f"at least {MIN_PASSWORD} characters", field="newPassword")
        account = await self._accounts.find_by_id(device.account_id)
        if account is None:
            raise Refused(RefusalCode.NOT_FOUND, "", "no such account")
        await self._accounts.change_password(
            account, given.current_password[:MAX_PASSWORD], given.new_password, request.client
        )
        return _DONE

    async def change_device(self, request: Request) -> Response:
        device = self._caller(request)
        given = decode_json(request.body, schemas.ChangeDevice)
        if given.id != str(device.device_id):
            raise Refused(RefusalCode.PERMISSION_DENIED, "id", "the token is another device's")
        push_token = given.push_token or ""
        _check_push_token(push_token)
        sims = mapping.read_sims(given.sim_cards)
        await self._devices.report(device, push_token=push_token, sims=sims)
        return _DONE

    async def show_device(self, request: Request) -> Response:
        """Answers `GET /device`, which needs no registration."""
        answer = schemas.ExternalAddress(external_ip=request.client)
        if request.header(b"authorization"):
            device = self._caller(request)
            seen_ms = self._devices.presence.heard_ms(device.device_id)
            answer.device = mapping.render_device(device, seen_ms)
        return Response(200, msgspec.json.encode(answer))

    async def fetch(self, request: Request) -> Response:
        device = self._caller(request)
        newest_first = request.query.get("order", "lifo") != "fifo"
        found = await self._carrier_of(device).handout.fetch(device, newest_first=newest_first)
        can_cancel = mapping.parse_version(device.app_version) >= mapping.CANCELLING_SINCE
        answer = [
            mapping.render_message(assignment, message)
            for assignment in found
            if (message := assignment.message) is not None
            # An older app would take the unknown state for a message to send.
            and (can_cancel or not assignment.cancelling)
        ]
        return Response(200, msgspec.json.encode(answer))

    async def report(self, request: Request) -> Response:
        """Messages that the phone was never assigned are ignored."""
        device = self._caller(request, disabled=True)
        handout = self._carrier_of(device).handout
        reported = decode_json(request.body, list[schemas.MessageState])
        if len(reported) > MAX_REPORTS:
            raise MalformedBody(f"at most {MAX_REPORTS} messages")
        known = []
        for one in reported:
            self._check_state(device, one)
            assignment_id = parse_number(one.id)
            assignment = await handout.find(device, assignment_id) if assignment_id else None
            if assignment is not None:
                known.append((assignment, *mapping.read_states(one, assignment.recipient)))
            else:
                self._metrics.receipts[device.carrier, "unknown"] += 1
        for assignment, states, error in known:
            await handout.report(assignment, states, error)
        return _DONE

    def _check_state(self, device: Device, reported: schemas.MessageState) -> None:
        """Refuses a report with any unknown state before anything of it is taken."""
        try:
            for state in (reported.state, *(one.state for one in reported.recipients)):
                mapping.read_state(state)
        except MalformedBody:
            self._metrics.device_words[device.carrier, "unknown"] += 1
            raise

    async def show_webhooks(self, request: Request) -> Response:
        device = self._caller(request)
        return self._answer(device, DeviceEvent.WEBHOOKS, self._webhooks(device, request))

    async def show_settings(self, request: Request) -> Response:
        device = self._caller(request)
        return self._answer(device, DeviceEvent.SETTINGS, self._settings(device))

    async def listen(self, request: Request) -> Response:
        """Answers `GET /events` with a stream."""
        device = self._caller(request)
        channel = EventChannel()
        for event, now in (
            (DeviceEvent.SETTINGS, self._settings(device)),
            (DeviceEvent.WEBHOOKS, self._webhooks(device, request)),
        ):
            if self._fetched.get((device.device_id, event)) != now:
                channel.put(_frame(event, {}))
        return Stream(self._frames(device.device_id, channel), EVENTS, _STREAM_HEADERS)

    async def _frames(self, device_id: int, channel: EventChannel) -> AsyncGenerator[bytes, None]:
        def notify(event: DeviceEvent, details: Details) -> None:
            channel.put(_frame(event, details))

        with self._devices.presence.listening(device_id, notify):
            frames = channel.frames()
            try:
                async for frame in frames:
                    yield frame
            finally:
                await frames.aclose()

    def _answer(self, device: Device, event: DeviceEvent, answer: bytes) -> Response:
        self._fetched[device.device_id, event] = answer
        return Response(200, answer)

    def _webhooks(self, device: Device, request: Request) -> bytes:
        url = f"{self._base_url(request)}/ingest/{device.device_id}/{ingest_key(device)}"
        return msgspec.json.encode(mapping.render_webhooks(device, url))

    def _settings(self, device: Device) -> bytes:
        of_account: Mapping[str, Mapping[str, object]] = {}
        if self._account_settings is not None:
            of_account = self._account_settings.of_account(device.account_id)
        return msgspec.json.encode(
            mapping.render_settings(device, self._ping_interval_s, of_account)
        )

    def _base_url(self, request: Request) -> str:
        """The URL phones call: as configured, else as this phone called it."""
        if self._public_url:
            return f"{self._public_url}{PREFIX}"
        host = request.header(b"host").decode("latin-1")
        secure = host.rpartition(":")[0] not in LOOPBACK and host not in LOOPBACK
        return f"{'https' if secure else 'http'}://{host}{PREFIX}"

    async def ingest(self, request: Request) -> Response:
        """Takes a phone's call of one of our webhooks."""
        await self._ingest.take(request)
        return _TAKEN

    def _caller(self, request: Request, *, disabled: bool = False) -> Device:
        """The calling device; with `disabled` also one that is out of service."""
        scheme, token = request.authorization()
        if scheme != "bearer":
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, "", "a device token is needed")
        device = self._devices.authenticate(token, NAME)
        if not disabled and not self._devices.is_in_service(device):
            raise Refused(RefusalCode.PERMISSION_DENIED, "", "the device is disabled")
        return self._devices.heard(device, _version_of(request))

    async def _check_place(self, request: Request) -> None:
        """Raises `Elsewhere` for a phone of another partition: with 401 it would register anew."""
        scheme, token = request.authorization()
        if scheme == "bearer":
            await self._devices.check_token(token)
        number = request.path_params.get("device", "")
        if number and len(number) <= MAX_NUMBER:
            await self._devices.check_id(int(number))

    def _carrier_of(self, device: Device) -> PhonesCarrier:
        carrier = self._carriers.get(device.carrier)
        if carrier is None:
            raise Refused(RefusalCode.NOT_FOUND, device.carrier, "the carrier is gone")
        return carrier

    def refuse(self, _request: Request, refusal: Refusal) -> Response:
        """Renders a refusal of the kit."""
        self._metrics.refused[NAME, refusal.kind.value] += 1
        return _render_problem(refusal.status, refusal.reason)

    def _guarded(self, handler: _Handler) -> _Handler:
        async def answer(request: Request) -> Response:
            try:
                await self._check_place(request)
                return await handler(request)
            except StorageUnavailable:
                self._metrics.refused[NAME, RefusalCode.UNAVAILABLE.value] += 1
                return _render_problem(503, "the database is away; try again")
            except Refused as refused:
                self._metrics.refused[NAME, refused.code.value] += 1
                detail = ": ".join(part for part in (refused.subject, refused.detail) if part)
                message = detail or refused.code.value.replace("_", " ")
                return _render_problem(STATUSES.get(refused.code, 400), message)

        return answer


def _frame(event: DeviceEvent, details: Details) -> bytes:
    data = msgspec.json.encode(mapping.render_details(event, details) if details else None)
    return render_event(mapping.EVENTS[event], data)


def _render_problem(status: int, message: str) -> Response:
    return Response(status, msgspec.json.encode(schemas.Problem(message=message)))


def _read_basic(text: str) -> tuple[str, str]:
    try:
        pair = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Refused(RefusalCode.AUTHENTICATION_FAILED, "", "malformed credentials") from None
    username, _, password = pair.partition(":")
    return username, password


def _version_of(request: Request) -> str:
    return mapping.read_version(request.header(b"user-agent"))


def _check_push_token(push_token: str) -> None:
    if len(push_token) > MAX_PUSH_TOKEN or not push_token.isprintable():
        raise MalformedBody(f"at most {MAX_PUSH_TOKEN} characters", field="pushToken")
