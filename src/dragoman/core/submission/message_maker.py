"""Turns recipients into messages with a route and a price, or rejected ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.message_types import MessageType
from dragoman.core.billing.model.pricing import Price, PriceList
from dragoman.core.delivery.delivery import Delivery
from dragoman.core.delivery.device_routes import DeviceRoutes
from dragoman.core.delivery.sender_rules import SenderRules
from dragoman.core.inbound.opt_outs import OptOuts
from dragoman.core.messages.live import LiveBatch, LiveMessage
from dragoman.core.messages.model.conditions import RouteQuery
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.records import StateChange, StoredMessage
from dragoman.core.messages.model.routing import Route, Router
from dragoman.core.messages.premium import PremiumRules
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.model.phone_numbers import mobile_country_code
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.audiences import Recipient
from dragoman.kit.ids import IdSource

_QUEUED = State.QUEUED  # looked up for every message otherwise


@use_case(kw_only=True)
class MessageMaker:
    """Creates messages to be stored; stores none."""

    router: Router
    prices: PriceList
    opt_outs: OptOuts
    delivery: Delivery
    premium: PremiumRules
    device_routes: DeviceRoutes
    senders: SenderRules
    ids: IdSource

    def reaches(self, account: Account, number: str, message_type: MessageType | None) -> bool:
        """Whether an account may send to a number, and a route goes there."""
        if not account.prefixes.allow(number):
            return False
        fixed = message_type is not None and message_type.route in self.router.routes
        return fixed or self.router.choose(account.username, number) is not None

    def price_of(self, number: str, credits: int) -> Price:
        """The tariff of a number, with the credits of a message type unless they are 0."""
        return _priced(self.prices, number, credits)

    def tariffs(
        self,
        account: Account,
        recipients: Sequence[str],
        multimedia: bool,
        fixed: Route | None = None,
        message_type: MessageType | None = None,
        query: RouteQuery | None = None,
        sender: str = "",
    ) -> list[tuple[str, Price]]:
        """The route and price of each recipient; raises `Refused` for an unreachable one."""
        credits = message_type.credits if message_type is not None else 0
        if fixed is None and message_type is not None:
            fixed = self.router.routes.get(message_type.route)
        tariffs = []
        choose, price_of = self.router.choose, self.prices.price_of
        is_enforced = self.senders.is_enforced
        for recipient in recipients:
            if query is not None:
                query.to(recipient, query.parts)
            route = fixed or choose(account.username, recipient, multimedia=multimedia, query=query)
            if route is None:
                raise Refused(RefusalCode.NO_ROUTE, recipient)
            if is_enforced:
                self._check_sender(sender, recipient, route)
            price = price_of(recipient)
            if credits:
                price = msgspec.structs.replace(price, credits=credits)
            tariffs.append((route.name, price))
        return tariffs

    def _check_sender(self, sender: str, recipient: str, route: Route) -> None:
        """Refuses a sender that no carrier of a route may be given for a number."""
        country = mobile_country_code(recipient)
        if all(self.senders.refuses(name, country, sender) for name in route.carriers):
            detail = "the recipient's country takes no such sender"
            raise Refused(RefusalCode.SENDER_NOT_ALLOWED, sender, detail)

    def make(
        self,
        account: Account,
        batch: LiveBatch,
        recipients: Sequence[Recipient],
        prices: PriceList | None = None,
    ) -> tuple[StoredMessage, ...]:
        """The messages of a batch to some of its recipients, to be stored.

        One that cannot be sent has no route and a failure; its credits are those held for it.
        """
        prices, options = prices or self.prices, batch.stored.options
        held_before = not options.audience
        refusers = self._refusers(batch, [recipient.number for recipient in recipients])
        obstacle_of = self._obstacles(account, batch)
        choose, multimedia = self.router.choose, batch.multimedia is not None
        device_id, fixed = options.device_id, self.router.routes.get(options.route)
        if device_id is not None:
            fixed = self.device_routes.find(device_id)
        query = self._query(account, batch) if self.router.is_conditional else None
        messages = []
        for message_id, recipient in zip(self.ids.take(len(recipients)), recipients, strict=True):
            number, text, parts, failure = recipient
            if text is None:
                parts = 0 if failure else batch.segmentation.count
            route = fixed
            if fixed is None and device_id is None:
                if query is not None:
                    own = batch.segment(text) if text is not None and parts else None
                    cut = batch.segmentation if own is None else own
                    query.alphabet = cut.alphabet.value
                    query.to(number, parts)
                route = choose(account.username, number, multimedia=multimedia, query=query)
            if not failure:
                if number in refusers:
                    failure = FailureCode.OPTED_OUT
                else:
                    failure = obstacle_of(number, route)
            price = _priced(prices, number, options.credits_per_part)
            paid = parts if held_before or not failure else 0
            messages.append(
                StoredMessage(
                    message_id=message_id,
                    batch_id=batch.batch_id,
                    account_id=batch.account_id,
                    recipient=number,
                    route="" if failure or route is None else route.name,
                    mcc=mobile_country_code(number),
                    parts=parts,
                    credits=price.credits * paid,
                    price=price.price * paid,
                    state=State.QUEUED,
                    failure=failure.value or None,
                    text=text,
                )
            )
        return tuple(messages)

    def routes(self, account: Account, batch: LiveBatch, numbers: Iterable[str]) -> Set[str] | None:
        """The routes of a batch to some numbers, "" for no route; None if more than they decide."""
        router, options = self.router, batch.stored.options
        if options.device_id is not None:
            fixed = self.device_routes.find(options.device_id)
            return {fixed.name if fixed is not None else ""}
        if options.route in router.routes:
            return {options.route}
        if router.is_conditional:
            return None
        multimedia, digits = batch.multimedia is not None, router.digits
        found = {
            router.choose(account.username, prefix, multimedia=multimedia)
            for prefix in {number[:digits] for number in numbers}
        }
        return {route.name if route is not None else "" for route in found}

    def make_alike(
        self,
        batch: LiveBatch,
        recipients: Sequence[str],
        tariffs: Sequence[tuple[str, Price]],
        now_ms: int,
    ) -> tuple[StoredMessage, ...]:
        """The messages of a batch with one text for all, using tariffs just found."""
        parts = batch.segmentation.count
        refusers = self._refusers(batch, recipients)
        identifiers = self.ids.take(len(recipients), now_ms)
        messages = [
            StoredMessage(
                message_id=message_id,
                batch_id=batch.batch_id,
                account_id=batch.account_id,
                recipient=recipient,
                route=route,
                mcc=mobile_country_code(recipient),
                parts=parts,
                credits=price.credits * parts,
                price=price.price * parts,
                state=_QUEUED,
                failure=FailureCode.OPTED_OUT.value if recipient in refusers else None,
            )
            for message_id, recipient, (route, price) in zip(
                identifiers, recipients, tariffs, strict=True
            )
        ]
        return tuple(messages)

    def _query(self, account: Account, batch: LiveBatch) -> RouteQuery:
        """What routes with conditions ask of a batch that is being sent."""
        stored = batch.stored
        return self.router.query(
            account.username,
            at_ms=self.delivery.clock.now_ms(),
            sender=stored.sender,
            message_type=stored.options.message_type,
            tag=stored.options.tag,
            multimedia=batch.multimedia is not None,
        )

    def rejections(
        self, batch: LiveBatch, messages: Sequence[StoredMessage]
    ) -> tuple[StateChange, ...]:
        """The ends of the messages that cannot be sent, to store with them."""
        failed = [message for message in messages if message.failure is not None]
        return tuple(
            self.delivery.rejection(LiveMessage(message, batch), FailureCode(message.failure or ""))
            for message in failed
        )

    def _obstacles(
        self, account: Account, batch: LiveBatch
    ) -> Callable[[str, Route | None], FailureCode]:
        """A function that checks whether a message may go to a number by a route."""
        allowed = account.prefixes.allow if account.prefixes.prefixes is not None else None
        premium = batch.stored.options.premium
        able: dict[str, bool] = {}

        def obstacle_of(number: str, route: Route | None) -> FailureCode:
            if allowed is not None and not allowed(number):
                return FailureCode.NOT_ALLOWED
            if route is None:  # there may have been one when the batch was accepted
                return FailureCode.NO_ROUTE
            if premium is not None:
                if route.name not in able:
                    able[route.name] = self.premium.bills(premium, route)
                if not able[route.name]:
                    return FailureCode.NOT_BILLABLE
            return FailureCode.NONE

        return obstacle_of

    def _refusers(self, batch: LiveBatch, recipients: Sequence[str]) -> Set[str]:
        """The recipients that opted out."""
        if batch.stored.options.ignores_opt_outs:
            return frozenset()
        return self.opt_outs.among(batch.account_id, batch.stored.sender, recipients)


def without_rejected(messages: Sequence[StoredMessage]) -> Sequence[StoredMessage]:
    """The messages that are to be sent."""
    return [message for message in messages if message.failure is None]


def _priced(prices: PriceList, recipient: str, credits: int) -> Price:
    """The tariff of a number, with the credits of a message type if there is one."""
    price = prices.price_of(recipient)
    return msgspec.structs.replace(price, credits=credits) if credits else price
