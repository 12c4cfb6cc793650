"""Customers' webhooks: matched in memory with events, stored with the events they are called for.

A webhook is for one kind of event, of a whole account or of one of its phones. Its callback is
stored in the transaction of the event. In some dialects every webhook for an event is called, in
others a phone's own replaces its account's.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.callbacks.model.webhooks import StoredWebhook
from dragoman.core.callbacks.sql import webhooks
from dragoman.core.devices.devices import Details, Devices
from dragoman.core.devices.model.devices import Device
from dragoman.core.inbound.model.inbound import StoredInbound
from dragoman.core.messages.live import LiveMessage
from dragoman.core.messages.model.callbacks import (
    SINGLE_OF_BATCH,
    EventFacts,
    EventKind,
    TextFacts,
    renderer_of_events,
    renderer_of_texts,
)
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Holder
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.core.model.urls import is_http_address, origin_of
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource, time_of
from dragoman.kit.turns import Turns
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.storage.engine import Storage

KEY_BYTES = 15
REPORTS: Final = "delivery"
"""The key of the webhook for delivery reports of an account's messages."""
TEXTS: Final = "incoming"
"""The key of the webhook for received texts, in dialects whose programs have one for all."""
_REPORTS_BY_EVENT: Final = MappingProxyType(
    {
        f"{REPORTS}:sent": EventKind.MESSAGE_SENT,
        f"{REPORTS}:delivered": EventKind.MESSAGE_DELIVERED,
        f"{REPORTS}:failed": EventKind.MESSAGE_FAILED,
    }
)
"""The same in dialects whose programs have a webhook for each kind of event."""
_REPORTS: Final = MappingProxyType({REPORTS: EventKind.MESSAGE_CHANGED})
_TEXTS: Final = MappingProxyType(
    {TEXTS: EventKind.TEXT_RECEIVED, f"{TEXTS}:data": EventKind.DATA_RECEIVED}
)
MAX_WEBHOOKS = 100
"""Of one account in one dialect."""

KINDS: Final = MappingProxyType(
    {
        State.SENT: EventKind.MESSAGE_SENT,
        State.DELIVERED: EventKind.MESSAGE_DELIVERED,
        State.UNDELIVERED: EventKind.MESSAGE_FAILED,
        State.EXPIRED: EventKind.MESSAGE_FAILED,
        State.REJECTED: EventKind.MESSAGE_FAILED,
        State.CANCELLED: EventKind.MESSAGE_CANCELLED,
    }
)
"""The event for each state; other states have none."""


@use_case(kw_only=True)
class Webhooks:
    """Keeps the webhooks of all accounts in memory, and finds those for an event."""

    storage: Storage
    devices: Devices
    ids: IdSource
    clock: Clock
    announce: Callable[[NewCallback], None]
    by_event: frozenset[str]
    """Dialects whose programs have webhooks for each kind of event, and check who calls them."""
    ensure_signing_key: Callable[[Account], Awaitable[object]]
    new_key: Callable[[], str] = lambda: secrets.token_urlsafe(KEY_BYTES)
    _device_first: set[str] = field(default_factory=set, init=False)
    _turns: Turns = field(default_factory=Turns, init=False)
    _webhooks: dict[int, dict[tuple[str, str], StoredWebhook]] = field(
        default_factory=dict, init=False
    )

    def prefer_of_devices(self, dialect: str) -> None:
        """Makes a device's own webhook replace its account's in a dialect."""
        self._device_first.add(dialect)

    async def restore(self) -> None:
        """Loads every webhook."""
        for webhook in await self.storage.read(webhooks.load_all):
            self._keep(webhook)

    def of_account(self, account: Account, dialect: str) -> list[StoredWebhook]:
        """An account's webhooks in a dialect, oldest first."""
        found = self._webhooks.get(account.account_id, {}).values()
        return [webhook for webhook in found if webhook.dialect == dialect]

    def find(self, account_id: int, dialect: str, key: str) -> StoredWebhook | None:
        """One webhook; None if there is none with that key."""
        return self._webhooks.get(account_id, {}).get((dialect, key))

    def report_url(self, account_id: int, dialect: str) -> str:
        """The URL for reports on messages that name none of their own; empty without any."""
        if account_id not in self._webhooks:
            return ""
        found = (self.find(account_id, dialect, key) for key in self._report_keys(dialect))
        return next((webhook.url for webhook in found if webhook is not None), "")

    async def put_report_url(self, account: Account, dialect: str, url: str) -> None:
        """Stores the URL for reports in place of any other; an empty one removes it.

        It is what programs set in their provider's panel. Messages keep the URL they were submitted
        with. Raises `Refused`.
        """
        if dialect in self.by_event:
            await self.ensure_signing_key(account)
        for key, event in self._report_keys(dialect).items():
            if url:
                await self.put(account, dialect, key=key, event=event, url=url, device_id=None)
            else:
                await self.remove(account, dialect, key)

    async def put_text_url(self, account: Account, dialect: str, url: str) -> None:
        """Stores the URL for received texts and data; an empty one removes it. Raises `Refused`."""
        for key, event in _TEXTS.items():
            if url:
                await self.put(account, dialect, key=key, event=event, url=url, device_id=None)
            else:
                await self.remove(account, dialect, key)

    def _report_keys(self, dialect: str) -> Mapping[str, EventKind]:
        return _REPORTS_BY_EVENT if dialect in self.by_event else _REPORTS

    async def put(
        self,
        account: Account,
        dialect: str,
        *,
        key: str,
        event: EventKind,
        url: str,
        device_id: int | None,
    ) -> StoredWebhook:
        """Adds a webhook, or replaces the one with the same key; raises `Refused`."""
        if not is_http_address(url) or not is_storable(url):
            raise Refused(RefusalCode.INVALID_CALLBACK_URL, "url", "must be an http or https URL")
        if device_id is not None:
            self.devices.find(account, device_id)
        key = key or self.new_key()
        async with self._turns.of(account.account_id):
            earlier = self.find(account.account_id, dialect, key)
            if earlier is None and len(self.of_account(account, dialect)) >= MAX_WEBHOOKS:
                raise Refused(RefusalCode.INVALID_FIELD, "", f"at most {MAX_WEBHOOKS} webhooks")
            webhook = StoredWebhook(
                account_id=account.account_id,
                dialect=dialect,
                key=key,
                event=event,
                url=url,
                device_id=device_id,
                created_ms=self.clock.now_ms() if earlier is None else earlier.created_ms,
            )
            await self.storage.writer.write(webhooks.put, webhook)
            self._keep(webhook)
        return webhook

    async def remove(self, account: Account, dialect: str, key: str) -> None:
        """Removes one of an account's webhooks; does nothing for an unknown one."""
        removed = webhooks.WebhookKey(account_id=account.account_id, dialect=dialect, key=key)
        async with self._turns.of(account.account_id):
            await self.storage.writer.write(webhooks.remove, removed)
            of_account = self._webhooks.get(account.account_id, {})
            of_account.pop((dialect, key), None)
            if not of_account:  # its messages need no lookup any more
                self._webhooks.pop(account.account_id, None)

    # Events

    def about_message(
        self, message: LiveMessage, state: State, failure: FailureCode, detail: str, at_ms: int
    ) -> tuple[NewCallback, ...]:
        """The callbacks for a message's new state."""
        account_id = message.batch.account_id
        if account_id not in self._webhooks:
            return ()
        kind = KINDS.get(state)
        if failure is FailureCode.CANCELLED:
            kind = EventKind.MESSAGE_CANCELLED
        if kind is None:
            return ()
        stored = message.batch.stored
        facts = EventFacts(
            event_id=0,
            account_id=account_id,
            webhook="",
            kind=kind,
            at_ms=at_ms,
            device_id=message.device_id,
            sim=message.sim,
            key=stored.reference or str(stored.batch_id),
            message_id=message.message_id,
            batch_id=stored.batch_id,
            return_data=stored.options.return_data,
            sender=stored.sender,
            recipient=message.recipient,
            reason=(detail or failure.value) if kind is EventKind.MESSAGE_FAILED else "",
            parts=message.part_count,
        )
        return self._calls(facts, stored.dialect, message.message_id)

    def about_text(self, text: StoredInbound, holder: Holder | None) -> tuple[NewCallback, ...]:
        """The callbacks for an inbound text, to its owners."""
        if text.account_id is None or text.account_id not in self._webhooks:
            return ()
        is_data = text.alphabet == Alphabet.BINARY.value
        # A phone is its account's, and so are the events on it, whoever owns the number.
        own = holder is not None and holder.account_id == text.account_id
        facts = EventFacts(
            event_id=0,
            account_id=text.account_id,
            webhook="",
            kind=EventKind.DATA_RECEIVED if is_data else EventKind.TEXT_RECEIVED,
            at_ms=time_of(text.inbound_id),
            device_id=holder.device_id if holder is not None and own else None,
            sim=holder.sim if holder is not None and own else None,
            key=str(text.inbound_id),
            sender=text.sender,
            recipient=text.recipient,
            carrier=text.carrier,
            text=text.text,
        )
        return self._calls(facts, None, None)

    async def forward_again(self, dialect: str, url: str, facts: TextFacts) -> None:
        """Stores and announces a further call about a received text, to another URL."""
        call = NewCallback(
            callback_id=self.ids.next(),
            account_id=facts.account_id,
            message_id=facts.inbound_id,
            dialect=renderer_of_texts(dialect),
            origin=origin_of(url),
            url=url,
            payload=msgspec.json.encode(facts).decode(),
            due_ms=self.clock.now_ms(),
        )
        await self.storage.writer.write(webhooks.call, (call,))
        self.announce(call)

    async def notify_of_device(self, device: Device, kind: EventKind, details: Details) -> None:
        """Stores and announces the callbacks for an event of a device."""
        if device.account_id not in self._webhooks:
            return
        facts = EventFacts(
            event_id=0,
            account_id=device.account_id,
            webhook="",
            kind=kind,
            at_ms=self.clock.now_ms(),
            device_id=device.device_id,
            details=dict(details),
        )
        calls = self._calls(facts, None, None)
        if calls:
            await self.storage.writer.write(webhooks.call, calls)
            for call in calls:
                self.announce(call)

    async def call(
        self, dialect: str, wanted: Sequence[tuple[str, EventFacts, int | None]]
    ) -> None:
        """Stores and announces calls to URLs that came with a request, each about a message."""
        now_ms = self.clock.now_ms()
        calls = tuple(
            self._call_to(url, facts, dialect, message_id, now_ms)
            for url, facts, message_id in wanted
        )
        await self.storage.writer.write(webhooks.call, calls)
        for call in calls:
            self.announce(call)

    def _call_to(
        self, url: str, facts: EventFacts, dialect: str, message_id: int | None, due_ms: int
    ) -> NewCallback:
        callback_id = self.ids.next()
        facts = msgspec.structs.replace(facts, event_id=callback_id)
        return NewCallback(
            callback_id=callback_id,
            account_id=facts.account_id,
            message_id=message_id or callback_id,
            dialect=renderer_of_events(dialect),
            origin=origin_of(url),
            url=url,
            payload=msgspec.json.encode(facts).decode(),
            due_ms=due_ms,
        )

    def _calls(
        self, facts: EventFacts, dialect: str | None, message_id: int | None
    ) -> tuple[NewCallback, ...]:
        """One callback for each webhook that an event matches."""
        found = [
            webhook
            for webhook in self._webhooks[facts.account_id].values()
            if facts.kind in (webhook.event, SINGLE_OF_BATCH.get(webhook.event))
            and webhook.device_id in (None, facts.device_id)
            and dialect in (None, webhook.dialect)
        ]
        own = {webhook.dialect for webhook in found if webhook.device_id is not None}
        calls = []
        for webhook in found:
            if webhook.device_id is None and webhook.dialect in own & self._device_first:
                continue
            event = msgspec.structs.replace(facts, webhook=webhook.key, kind=webhook.event)
            now_ms = self.clock.now_ms()
            calls.append(self._call_to(webhook.url, event, webhook.dialect, message_id, now_ms))
        return tuple(calls)

    def _keep(self, webhook: StoredWebhook) -> None:
        of_account = self._webhooks.setdefault(webhook.account_id, {})
        of_account[webhook.dialect, webhook.key] = webhook
