"""The services that the configuration sets: which one a text is for, and the call it gets.

The call is stored with the text, before its carrier has the acknowledgement. What the service
answers is the dialect's (`core/callbacks/worker.py` hands it over).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import field

import msgspec

from dragoman.core.inbound.model.inbound import StoredInbound
from dragoman.core.inbound.model.services import TextService, service_for
from dragoman.core.inbound.patterns import PatternSearch
from dragoman.core.messages.model.callbacks import TextFacts, renderer_of_texts
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.model.urls import origin_of
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource

OWN_ANSWER = "service:"
"""The origin of services that call nobody."""


@use_case(kw_only=True)
class TextServices:
    """Finds the service for each text; `account_id_of` knows the accounts by user name."""

    services: Iterable[TextService]
    account_id_of: Callable[[str], int | None]
    ids: IdSource
    clock: Clock
    _of_account: dict[str, list[TextService]] = field(
        default_factory=lambda: defaultdict(list), init=False
    )
    _patterns: PatternSearch = field(init=False)

    def __post_init__(self) -> None:
        self._patterns = PatternSearch(self.clock)
        for service in self.services:
            self._of_account[service.account].append(service)

    def about_text(self, text: StoredInbound) -> tuple[NewCallback, ...]:
        """The call of the service that takes a text; empty where none does."""
        service = self._find(text)
        if service is None or text.account_id is None:
            return ()
        facts = TextFacts(
            inbound_id=text.inbound_id,
            sender=text.sender,
            recipient=text.recipient,
            text=text.text,
            carrier=text.carrier,
            alphabet=text.alphabet,
            header=text.header,
            service=service.name,
        )
        callback_id = self.ids.next()
        return (
            NewCallback(
                callback_id=callback_id,
                account_id=text.account_id,
                # One per text, so that one that is not answered delays no other.
                message_id=callback_id,
                dialect=renderer_of_texts(service.dialect),
                origin=origin_of(service.url) if service.url else OWN_ANSWER,
                url=service.url,
                payload=msgspec.json.encode(facts).decode(),
                due_ms=self.clock.now_ms(),
            ),
        )

    def _find(self, text: StoredInbound) -> TextService | None:
        if text.account_id is None:
            return None
        for username, services in self._of_account.items():
            if self.account_id_of(username) == text.account_id:
                finds = self._patterns.of_text(text.text)
                return service_for(
                    services, text.text, text.recipient, text.carrier, text.sender, finds
                )
        return None
