"""A simulated phone with the app CHT Gateway: it polls, sends, and repeats its reports."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from dragoman.testkit.fake_phone import wire
from dragoman.testkit.fake_phone.wire import HttpAnswer

MAX_TEXTS = 10
MAX_UPDATES = 20
DELIVERED = ("PENDING", "SENT", "DELIVERED")


class SentText(msgspec.Struct, frozen=True, kw_only=True):
    """What the radio was given, and so what a recipient gets."""

    message_id: str
    number: str
    text: str


class FakeChtPhone:
    """One phone. `url` is what a user types: `http://user:password@host:port/api/cht`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self.login = f"{parts.username}:{parts.password}"
        self.steps: Callable[[SentText], tuple[str, ...]] = lambda _: DELIVERED
        """How far a text gets when it is sent: states, or `FAILED:<reason>`."""
        self.sent: list[SentText] = []
        self.waiting: list[SentText] = []
        """Fetched, and not given to the radio."""
        self._known: set[str] = set()
        self._received: list[dict[str, Any]] = []
        self._updates: list[dict[str, Any]] = []
        self._numbers = itertools.count(1)

    async def check(self) -> HttpAnswer:
        """Checks the address, as the app does before it saves its settings."""
        return await wire.call("GET", self.url, self._headers())

    async def poll(self, *, lose_answer: bool = False) -> HttpAnswer:
        """Reports what happened and fetches what to send; a lost answer changes nothing here."""
        texts, updates = self._received[:MAX_TEXTS], self._updates[:MAX_UPDATES]
        answer = await self.post({"messages": texts, "updates": updates})
        if lose_answer or answer.status >= 400:
            return answer
        del self._received[: len(texts)], self._updates[: len(updates)]
        for item in answer.json["messages"]:
            if item["id"] not in self._known:
                self._known.add(item["id"])
                text = SentText(message_id=item["id"], number=item["to"], text=item["content"])
                self.waiting.append(text)
                self._note(text, "UNSENT")
        return answer

    async def post(self, content: Any) -> HttpAnswer:
        """Posts any content, valid or not."""
        return await wire.call("POST", self.url, self._headers(), msgspec.json.encode(content))

    def send_all(self) -> None:
        """Gives everything that waits to the radio; the next polls report it."""
        texts, self.waiting = self.waiting, []
        for text in texts:
            for step in self.steps(text):
                state, _, reason = step.partition(":")
                if state == "PENDING":
                    self.sent.append(text)
                self._note(text, state, reason)

    def receive(self, sender: str, text: str) -> None:
        """Receives a text from the network; the next poll delivers it."""
        number = next(self._numbers)
        self._received.append(
            {
                "id": f"8f1d0c1e-0000-4000-8000-{number:012d}",
                "from": sender,
                "content": text,
                "sms_sent": 1_790_000_000_000,
                "sms_received": 1_790_000_001_000,
            }
        )

    def _note(self, text: SentText, state: str, reason: str = "") -> None:
        update = {"id": text.message_id, "status": state}
        if state == "FAILED":
            update["reason"] = reason
        self._updates.append(update)

    def _headers(self) -> dict[str, str]:
        encoded = base64.b64encode(self.login.encode()).decode()
        return {
            "authorization": f"Basic {encoded}",
            "accept": "application/json",
            "accept-charset": "utf-8",
            "cache-control": "no-cache",
            "user-agent": "Dalvik/2.1.0",
        }
