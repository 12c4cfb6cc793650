"""Inbound texts for the binds of their account, stored with the text like every other callback."""

from __future__ import annotations

import msgspec

from dragoman.core.accounts.smpp_logins import SmppLogins
from dragoman.core.inbound.model.inbound import StoredInbound
from dragoman.core.messages.model.callbacks import (
    SMPP,
    TextFacts,
    renderer_of_texts,
    url_of_binds,
)
from dragoman.core.messages.model.messages import Holder
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.model.urls import origin_of
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource


@use_case(kw_only=True)
class BindTexts:
    """Finds the texts that go to binds: those of accounts that ever had a receiver bound."""

    logins: SmppLogins
    ids: IdSource
    clock: Clock

    def about_text(self, text: StoredInbound, _holder: Holder | None) -> tuple[NewCallback, ...]:
        """The delivery of a text to the binds of its owner, if it has any."""
        if text.account_id is None:
            return ()
        login = self.logins.of_account(text.account_id)
        if login is None or not login.receives:
            return ()
        facts = TextFacts(
            inbound_id=text.inbound_id,
            sender=text.sender,
            recipient=text.recipient,
            text=text.text,
            charset=text.alphabet,
            header=text.header,
        )
        callback_id = self.ids.next()
        url = url_of_binds(text.account_id)
        return (
            NewCallback(
                callback_id=callback_id,
                account_id=text.account_id,
                message_id=callback_id,
                dialect=renderer_of_texts(SMPP),
                origin=origin_of(url),
                url=url,
                payload=msgspec.json.encode(facts).decode(),
                due_ms=self.clock.now_ms(),
            ),
        )
