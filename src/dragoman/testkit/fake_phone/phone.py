"""The app's behaviour: registers, fetches, sends, reports snapshots, delivers texts."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import itertools
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from dragoman.testkit.fake_phone import wire
from dragoman.testkit.fake_phone.wire import HttpAnswer

VERSION = "1.68.0"
RANKS = ("Pending", "Processed", "Sent", "Delivered")
DELIVERED = RANKS[1:]
NETWORK_ERRORS = (OSError, TimeoutError)


class SentText(msgspec.Struct, frozen=True, kw_only=True):
    """What the radio was given, and so what a recipient gets."""

    message_id: str
    sim: int | None
    number: str
    text: str
    data: bytes = b""
    port: int = 0
    """With `data`, in place of a text."""


class _Local:
    """A message in the phone's own database."""

    def __init__(self, item: dict[str, Any]) -> None:
        self.item = item
        self.state = "Pending"
        self.error: str | None = None
        self.states: dict[str, str] = {}

    def snapshot(self) -> dict[str, Any]:
        """All that the app reports of a message; nulls are dropped, as Gson does."""
        recipient = {"phoneNumber": self.item["phoneNumbers"][0], "state": self.state}
        if self.error is not None:
            recipient["error"] = self.error
        return {
            "id": self.item["id"],
            "state": self.state,
            "recipients": [recipient],
            "states": dict(self.states),
        }


class FakePhone:
    """One phone. `base_url` is what a user types: `http://host:port/api/mobile/v1`."""

    def __init__(
        self,
        base_url: str,
        *,
        name: str = "Maker/model",
        sims: int = 1,
        version: str = VERSION,
        clock_skew_s: float = 0.0,
    ) -> None:
        self.base_url = base_url
        self.name = name
        self.sims = sims
        self.version = version
        self.clock_skew_s = clock_skew_s
        self.steps: Callable[[SentText], tuple[str, ...]] = lambda _: DELIVERED
        """How far a text gets: states after `Pending`, or `Failed:<error>`."""
        self.step_s = 0.0
        self.sending = asyncio.Event()
        """Cleared, the phone fetches but gives nothing to its radio."""
        self.sending.set()
        self.sent: list[SentText] = []
        self.inbox: list[dict[str, Any]] = []
        """What the network delivered, as the phone's own messages app stores it."""
        self.events: list[str] = []
        self.webhooks: list[dict[str, str]] = []
        self.settings: dict[str, Any] = {}
        self.signing_key = "12345678"
        self.device_id = ""
        self.token = ""
        self.listening = asyncio.Event()
        self._messages: dict[str, _Local] = {}
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._numbers = itertools.count(1)

    async def register(
        self, *, code: str = "", login: tuple[str, str] | None = None, private_token: str = ""
    ) -> HttpAnswer:
        """Signs in by code, by credentials or with a private token."""
        authorization = ""
        if code:
            authorization = f"Code {code}"
        elif login is not None:
            authorization = f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"
        elif private_token:
            authorization = f"Bearer {private_token}"
        body = {"name": self.name, "simCards": self.sim_cards()}
        answer = await self.call("POST", "/device", body, authorization=authorization)
        if answer.status == 201:
            self.device_id, self.token = answer.json["id"], answer.json["token"]
        return answer

    def sim_cards(self) -> list[dict[str, Any]]:
        """The SIMs as the app masks them."""
        return [
            {"slotIndex": n - 1, "simNumber": n, "phoneNumber": f"*******{n:04d}"}
            for n in range(1, self.sims + 1)
        ]

    async def start(self) -> None:
        """Starts as the app does, and returns once its stream is open."""
        await asyncio.gather(
            self.call("PATCH", "/device", {"id": self.device_id, "simCards": self.sim_cards()}),
            self.fetch(),
            self.fetch_webhooks(),
            self.fetch_settings(),
        )
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._send_all())]
        await self.listening.wait()

    async def kill(self) -> None:
        """Stops at once, whatever it is doing; its database stays."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.listening.clear()

    async def reinstall(self) -> None:
        """Loses all data, like a reinstalled app."""
        await self.kill()
        self._messages.clear()
        self.device_id = self.token = ""

    async def call(
        self, method: str, path: str, body: Any = None, *, authorization: str | None = None
    ) -> HttpAnswer:
        """Calls the device API as this phone."""
        headers = {"user-agent": f"me.capcom.smsgateway/{self.version}"}
        given = f"Bearer {self.token}" if authorization is None else authorization
        if given:
            headers["authorization"] = given
        octets = None if body is None else msgspec.json.encode(body)
        return await wire.call(method, f"{self.base_url}{path}", headers, octets)

    async def fetch(self, order: str = "lifo") -> list[dict[str, Any]]:
        """Fetches messages; a known one is reported again, never sent again."""
        answer = await self.call("GET", f"/message?order={order}")
        if answer.status != 200:
            return []
        items: list[dict[str, Any]] = answer.json
        for item in items:
            local = self._messages.get(item["id"])
            if item.get("state") == "Cancelling":
                await self._cancel(item, local)
            elif local is None:
                self._messages[item["id"]] = _Local(item)
                self._arrived.set()
            else:
                await self.report(local.snapshot())
        return items

    async def fetch_webhooks(self) -> None:
        answer = await self.call("GET", "/webhooks")
        self.webhooks = answer.json if answer.status == 200 else []

    async def fetch_settings(self) -> None:
        answer = await self.call("GET", "/settings")
        if answer.status == 200:
            self.settings = answer.json
            self.signing_key = self.settings["webhooks"]["signing_key"]

    async def report(self, snapshot: Mapping[str, Any]) -> HttpAnswer:
        """Reports a snapshot, which may be an old one."""
        return await self.call("PATCH", "/message", [snapshot])

    def snapshot(self, message_id: str) -> dict[str, Any]:
        """What the phone would report of a message now."""
        return self._messages[message_id].snapshot()

    async def receive(self, sender: str, text: str, *, sim: int = 1) -> HttpAnswer:
        """Receives a text from the network and delivers it."""
        payload = {
            "messageId": hashlib.sha256(text.encode()).hexdigest()[:8],
            "phoneNumber": sender,
            "simNumber": sim,
            "message": text,
            "receivedAt": self._now(),
        }
        self.inbox.append(payload)
        return await self.post_event("sms:received", payload)

    async def export_inbox(self, since: str, until: str) -> None:
        """Delivers the texts of a period again, each as a new event."""
        first, last = datetime.fromisoformat(since), datetime.fromisoformat(until)
        for payload in tuple(self.inbox):
            if first <= datetime.fromisoformat(payload["receivedAt"]) <= last:
                await self.post_event("sms:received", payload)

    async def ping(self, battery: int = 80) -> HttpAnswer:
        check = {"status": "pass", "observedValue": battery, "observedUnit": "percent"}
        health = {"status": "pass", "checks": {"battery:level": check}}
        return await self.post_event("system:ping", {"health": health})

    async def post_event(
        self, event: str, payload: Mapping[str, Any], *, event_id: str = "", key: str | None = None
    ) -> HttpAnswer:
        """Calls the webhook of an event, signed."""
        webhook = next((one for one in self.webhooks if one["event"] == event), self.webhooks[0])
        content = {
            "id": event_id or f"event-{next(self._numbers)}",
            "webhookId": webhook["id"],
            "event": event,
            "deviceId": self.device_id,
            "payload": dict(payload),
        }
        body = msgspec.json.encode(content)
        timestamp = str(int(time.time() + self.clock_skew_s))
        signing_key = (self.signing_key if key is None else key).encode()
        headers = {
            "user-agent": f"me.capcom.smsgateway/{self.version}",
            "x-timestamp": timestamp,
            "x-signature": hmac.digest(signing_key, body + timestamp.encode(), "sha256").hex(),
        }
        return await wire.call("POST", webhook["url"], headers, body)

    async def _listen(self) -> None:
        while True:
            headers = {"authorization": f"Bearer {self.token}"}
            with contextlib.suppress(*NETWORK_ERRORS, EOFError):
                async with contextlib.aclosing(
                    wire.listen(f"{self.base_url}/events", headers)
                ) as frames:
                    async for frame in frames:
                        self.listening.set()
                        await self._look_after(frame)
            self.listening.clear()
            await asyncio.sleep(0.05)

    async def _look_after(self, frame: wire.EventFrame) -> None:
        if frame.name:
            self.events.append(frame.name)
        if frame.name in {"", "MessageEnqueued"}:
            await self.fetch()
        elif frame.name == "WebhooksUpdated":
            await self.fetch_webhooks()
        elif frame.name == "SettingsUpdated":
            await self.fetch_settings()
        elif frame.name == "MessageCancelled":
            message_id = msgspec.json.decode(frame.data)["messageId"]
            local = self._messages.get(message_id)
            if local is not None:
                await self._cancel(local.item, local)
        elif frame.name == "MessagesExportRequested":
            wanted = msgspec.json.decode(frame.data)
            await self.export_inbox(wanted["since"], wanted["until"])

    async def _cancel(self, item: dict[str, Any], local: _Local | None) -> None:
        if local is None:
            local = self._messages[item["id"]] = _Local(item)
        if local.state == "Pending":
            local.state = "Cancelled"
            await self._report_surely(local)

    async def _send_all(self) -> None:
        while True:
            self._arrived.clear()
            waiting = [one for one in self._messages.values() if one.state == "Pending"]
            order = self.settings.get("messages", {}).get("processing_order", "LIFO")
            waiting.sort(key=_age, reverse=order == "LIFO")
            waiting.sort(key=lambda local: -int(local.item.get("priority", 0)))
            if not waiting:
                await self._arrived.wait()
                continue
            await self.sending.wait()
            if waiting[0].state == "Pending":  # a more urgent one may have arrived
                await self._send(waiting[0])

    async def _send(self, local: _Local) -> None:
        item = local.item
        text = SentText(
            message_id=item["id"],
            sim=item.get("simNumber"),
            number=item["phoneNumbers"][0],
            text=item["textMessage"]["text"] if "textMessage" in item else "",
            data=base64.b64decode(item["dataMessage"]["data"]) if "dataMessage" in item else b"",
            port=item["dataMessage"]["port"] if "dataMessage" in item else 0,
        )
        for step in self.steps(text):
            state, _, error = step.partition(":")
            if state == "Processed":
                self.sent.append(text)
            local.state, local.error = state, error or None
            local.states.setdefault(state, self._now())
            await self._report_surely(local)
            await asyncio.sleep(self.step_s)

    async def _report_surely(self, local: _Local) -> None:
        """Reports until it is taken, as WorkManager does; gives up after ten tries."""
        for _ in range(10):
            with contextlib.suppress(*NETWORK_ERRORS):
                if (await self.report(local.snapshot())).status < 300:
                    return
            await asyncio.sleep(0.1)

    def _now(self) -> str:
        at = datetime.fromtimestamp(time.time() + self.clock_skew_s, UTC)
        return at.isoformat(timespec="milliseconds")


def _age(local: _Local) -> tuple[str, str]:
    return local.item["createdAt"], local.item["id"]
