"""The rules for messages that their recipients pay for.

A recipient must never be charged twice, or for half a message: such a message has one part, every
carrier of its route can bill, and it is not sent again after a lost response.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, date, datetime
from typing import Final

from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.messages.model.premium import (
    HIGH_PRICE,
    MAX_INVOICE_TEXT,
    MAX_PRICE,
    MAX_REVENUE_TEXT,
    MIN_PRICE,
    BillingTerms,
    Premium,
    ShortCode,
)
from dragoman.core.messages.model.routing import Route, Router
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import check_text
from dragoman.core.model.use_case import use_case

_NO_TERMS: Final = BillingTerms()


@use_case(kw_only=True)
class PremiumRules:
    """Checks premium messages; `billing` has the terms of each carrier, by name."""

    short_codes: Sequence[ShortCode] = ()
    billing: Mapping[str, BillingTerms] = field(default_factory=dict)
    router: Router = field(default_factory=lambda: Router(()))

    def take_billing(self, billing: Mapping[str, BillingTerms]) -> None:
        """Takes other terms of carriers from here on."""
        self.billing = billing

    def short_codes_of(self, account: Account) -> tuple[ShortCode, ...]:
        """The short codes an account may use."""
        return tuple(code for code in self.short_codes if code.belongs_to(account.username))

    def check(
        self,
        account: Account,
        premium: Premium,
        *,
        sender: str,
        recipients: Sequence[str],
        parts: int,
        due_ms: int,
        multimedia: bool = False,
    ) -> ShortCode:
        """Returns the short code to send from; raises `Refused`.

        `recipients` are digits, empty for an audience before its expansion. Numbers without a route
        are refused elsewhere.
        """
        _check_permissions(account, premium)
        _check_price(premium.price)
        _check_texts(premium)
        code = self._find_code(account, sender, recipients)
        day = datetime.fromtimestamp(due_ms / 1000, UTC).date()
        _check_content_type(code, premium.content_type, day)
        if parts != 1:
            raise Refused(RefusalCode.TEXT_TOO_LONG, str(parts), "a price needs a single part")
        self._check_carriers(account, premium, recipients, multimedia)
        return code

    def bills(self, premium: Premium, route: Route) -> bool:
        """Whether a route can charge; each of its carriers must, as any may get the message."""
        terms = (self.billing.get(name, _NO_TERMS) for name in route.carriers)
        return all(one.can_bill(premium) for one in terms)

    def _find_code(self, account: Account, sender: str, recipients: Sequence[str]) -> ShortCode:
        named = [code for code in self.short_codes if code.is_named(sender)]
        if not named:
            raise Refused(RefusalCode.INVALID_SENDER, sender, "a price needs a short code")
        own = [code for code in named if code.belongs_to(account.username)]
        if not own:
            raise Refused(RefusalCode.SENDER_NOT_ALLOWED, sender)
        if not recipients:
            if len(own) > 1:
                why = "it is one of several countries, write it with its country"
                raise Refused(RefusalCode.INVALID_SENDER, sender, why)
            return own[0]
        # One short code can exist in several countries; the recipients say which one is meant.
        fitting = [code for code in own if recipients[0].startswith(code.country_code)]
        if not fitting:
            raise _foreign(recipients[0], sender)
        (code, *_) = fitting
        for recipient in recipients:
            if not recipient.startswith(code.country_code):
                raise _foreign(recipient, sender)
        return code

    def _check_carriers(
        self, account: Account, premium: Premium, recipients: Sequence[str], multimedia: bool
    ) -> None:
        able: dict[str, bool] = {}
        for recipient in recipients:
            route = self.router.choose(account.username, recipient, multimedia=multimedia)
            if route is None:
                continue
            if route.name not in able:
                able[route.name] = self.bills(premium, route)
            if not able[route.name]:
                why = "no carrier that bills this price"
                raise Refused(RefusalCode.NOT_BILLABLE, recipient, why)


def _check_permissions(account: Account, premium: Premium) -> None:
    needed = {
        Permission.PREMIUM: True,
        Permission.PREMIUM_HIGH: premium.price > HIGH_PRICE,
        Permission.CHARITY: premium.charity,
    }
    for permission, applies in needed.items():
        if applies and not account.may(permission):
            raise Refused(RefusalCode.PERMISSION_DENIED, permission)


def _check_price(price: int) -> None:
    if not MIN_PRICE <= price <= MAX_PRICE:
        detail = f"use a number between {MIN_PRICE} and {MAX_PRICE}"
        raise Refused(RefusalCode.INVALID_FIELD, "price", detail)


def _check_texts(premium: Premium) -> None:
    for name, text, longest in (
        ("invoice_text", premium.invoice_text, MAX_INVOICE_TEXT),
        ("revenue_text", premium.revenue_text, MAX_REVENUE_TEXT),
    ):
        check_text(name, text, longest)
    if not _is_printable_latin_1(premium.invoice_text):
        raise Refused(RefusalCode.INVALID_FIELD, "invoice_text", "characters outside Latin-1")


def _is_printable_latin_1(text: str) -> bool:
    return all(character <= "\xff" and character.isprintable() for character in text)


def _check_content_type(code: ShortCode, content_type_id: int, day: date) -> None:
    content_type = code.content_type(content_type_id)
    if content_type is None:
        why = f"unknown on short code {code.number}"
    elif not content_type.usable_on(day):
        why = f"expired on short code {code.number}"
    else:
        return
    raise Refused(RefusalCode.INVALID_FIELD, "content_type", why)


def _foreign(recipient: str, sender: str) -> Refused:
    why = f"not in the country of short code {sender}"
    return Refused(RefusalCode.NOT_BILLABLE, recipient, why)
