"""Applies the countries' rules for senders, where the operator wants them applied."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dragoman.core.delivery.model.sender_rules import RuleTable, SenderRule, Treatment, is_name
from dragoman.core.messages.model.messages import Outgoing
from dragoman.core.model.phone_numbers import mobile_country_code


class SenderRules:
    """What happens to a sender over a carrier; without `enforced` it is only told."""

    def __init__(self, own: Iterable[SenderRule] = (), *, enforced: bool = False) -> None:
        self.replace(own, enforced=enforced)

    def replace(self, own: Iterable[SenderRule], *, enforced: bool) -> None:
        """Takes other rules from here on."""
        self._table = RuleTable(own)
        self.is_enforced = enforced

    def rule(self, carrier: str, country: str, sender: str) -> SenderRule | None:
        """The rule that a sender meets over a carrier in a country (MCC); None for none."""
        if not sender or not is_name(sender):
            return None
        found = self._table.find(carrier, country)
        if found is None or found.treatment is Treatment.ALLOWED or sender in found.registered:
            return None
        return found

    def refuses(self, carrier: str, country: str, sender: str) -> bool:
        """Whether a message with a sender must not go over a carrier."""
        if not self.is_enforced:
            return False
        found = self.rule(carrier, country, sender)
        return found is not None and found.treatment in (Treatment.REFUSED, Treatment.REGISTERED)

    def sender_for(self, carrier: str, country: str, sender: str) -> str:
        """The sender that a carrier is given."""
        if not self.is_enforced:
            return sender
        found = self.rule(carrier, country, sender)
        return found.replacement or sender if found is not None else sender

    def apply(self, carrier: str, message: Outgoing) -> Outgoing:
        """A message as the carrier is to get it."""
        if not self.is_enforced:
            return message
        country = mobile_country_code(message.recipient)
        sender = self.sender_for(carrier, country, message.sender)
        if sender == message.sender:
            return message
        return msgspec.structs.replace(message, sender=sender)
