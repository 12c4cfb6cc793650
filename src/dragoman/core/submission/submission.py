"""The entry point of all submissions: decides on a request, stores it whole, and queues it.

A batch of a few recipients that is due becomes messages at once; a larger or scheduled one is
stored with its recipients and becomes messages in chunks when it runs (`batches`); one to lists and
contacts is stored as requested, and credits are held as its recipients become known.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import msgspec
import structlog

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.accounts.model.senders import normalise_sender
from dragoman.core.billing.model.message_types import MessageType
from dragoman.core.billing.model.payments import Payer, Payment
from dragoman.core.billing.model.pricing import Price
from dragoman.core.contacts.model.templates import Template
from dragoman.core.delivery.backlog import Backlog
from dragoman.core.delivery.delivery import Delivery
from dragoman.core.delivery.device_routes import DeviceRoutes
from dragoman.core.messages.attachments import Attachments
from dragoman.core.messages.live import LiveBatch, LiveMessage
from dragoman.core.messages.model.attachments import Attachment
from dragoman.core.messages.model.audiences import Audience
from dragoman.core.messages.model.conditions import RouteQuery
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.messages import Format, Submission
from dragoman.core.messages.model.records import (
    ALL_REPORTED,
    BatchOptions,
    NewBatch,
    StateChange,
    StoredBatch,
    StoredMessage,
)
from dragoman.core.messages.model.routing import Route
from dragoman.core.messages.premium import PremiumRules
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.admission import (
    AT_ONCE,
    Terms,
    check_many_recipients,
    check_named,
    check_prefixes,
    check_recipients,
    check_terms,
    check_text,
    check_texts,
    in_turns,
    own_texts,
)
from dragoman.core.submission.audiences import Audiences, Recipient
from dragoman.core.submission.decisions import AcceptedBatch, Decision
from dragoman.core.submission.message_maker import MessageMaker, without_rejected
from dragoman.core.submission.sql import submissions
from dragoman.core.submission.waiting import encode_waiting
from dragoman.kit.call_header import tag_of_call
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.kit.prompt import PromptRun, Settled
from dragoman.protocols.gsm.segmentation import PLAIN, Repertoire, Segmentation
from dragoman.storage.work import Operation
from dragoman.storage.writer import JointWork, Writer
from dragoman.work_queue.port import Lane, WorkQueue

# Members that every submission asks for: looking one up in its class costs more than the rest.
_MMS = Format.MMS
_SEND = Permission.SEND
_ANY_SENDER = Permission.ANY_SENDER
_OWN = Payer.OWN
_SENDING = State.SENDING

Item = TypeVar("Item")

log = structlog.get_logger(__name__)

FindPayments = Callable[[Account], Awaitable[tuple[Payment, ...]]]
"""Finds the wallets that pay for an account that does not pay by itself alone."""

_RUNNING = BatchState.RUNNING
_QUEUED = BatchState.QUEUED
_URGENT = Lane.URGENT
_BULK = Lane.BULK


_Caller: TypeAlias = tuple[
    Sequence[Decision], list[StoredMessage], Callable[[Exception | None], None]
]
"""What was decided, its messages that have a place at a link, and who hears what became of it."""


@use_case(kw_only=True)
class SubmissionService:
    """Accepts or refuses submissions; a refusal stores nothing and uses no credits.

    `decide` checks everything and stores nothing; `store` writes what was decided, alone or as part
    of something larger, and queues it. `submit` does both.
    """

    writer: Writer
    queue: WorkQueue
    backlog: Backlog
    accounts: Accounts
    attachments: Attachments | None = None
    maker: MessageMaker
    delivery: Delivery
    ids: IdSource
    clock: Clock
    metrics: Metrics
    audiences: Audiences
    premium: PremiumRules
    device_routes: DeviceRoutes
    inline_recipients: int
    max_parts: int
    max_recipients: int
    find_payments: FindPayments = field(default_factory=lambda: _own_payments)
    _works: dict[Operation[Any, Any], JointWork[Any, _Caller]] = field(
        default_factory=dict, init=False
    )
    _queueing: set[PromptRun[None]] = field(default_factory=set, init=False)

    async def submit(self, account: Account, submission: Submission) -> AcceptedBatch:
        """Stores a submission whole and queues it; raises `Refused`."""
        decision = await self.decide(account, submission)
        await self.store_all((decision,), submissions.accept, decision.new)
        return decision.accepted

    async def store(
        self, decision: Decision, operation: Operation[Item, None], item: Item
    ) -> AcceptedBatch:
        """Writes an item that contains a decision, then queues it; raises `Refused`."""
        await self.store_all((decision,), operation, item)
        return decision.accepted

    async def store_all(
        self, decisions: Sequence[Decision], operation: Operation[Item, None], item: Item
    ) -> None:
        """Writes one item that contains several decisions, then queues all of them.

        Raises `Refused` with nothing stored. If the caller goes away, what is on disk by then is
        queued all the same.
        """
        waiting: Settled[None] = Settled()
        self._write(decisions, operation, item, waiting.settle)
        await waiting

    def store_soon(
        self,
        decision: Decision,
        on_stored: Callable[[Exception | None], None],
        operation: Operation[Any, Any] = submissions.accept,
        item: Any = None,
    ) -> None:
        """Writes a decision and queues it, without a task of its own for each.

        `on_stored` gets None once it is on disk, or why it is not: a `Refused`. For callers with
        many at a time. `operation` and `item` are given where the decision is a part of something
        larger.
        """
        self._write((decision,), operation, decision.new if item is None else item, on_stored)

    def _write(
        self,
        decisions: Sequence[Decision],
        operation: Operation[Any, Any],
        item: Any,
        on_stored: Callable[[Exception | None], None],
    ) -> None:
        claimed = [message for decision in decisions for message in self._claim(decision)]
        for message in claimed:
            message.state = _SENDING  # a link takes it as soon as it is on disk
        work = self._works.get(operation)
        if work is None:
            work = self._works[operation] = JointWork(operation, self._stored)
        self.writer.submit_joint(work, item, (decisions, claimed, on_stored))

    def _stored(self, _items: list[Any], callers: list[_Caller], results: Iterable[Any]) -> None:
        """Queues all that a commit put on disk together, then tells the callers.

        One that has gone away hears nothing; its rows must not wait for a restart all the same.
        """
        outcomes = list(results)
        stored: list[Decision] = []
        for (decisions, claimed, _), outcome in zip(callers, outcomes, strict=True):
            for message in claimed:
                self.queue.release(message.route)
            if not isinstance(outcome, Exception):
                stored += decisions
        if stored:
            run = PromptRun(self._queue_stored(stored), self._queued)
            self._queueing.add(run)
            run.go_on()
        for (_, _, on_stored), outcome in zip(callers, outcomes, strict=True):
            try:
                on_stored(outcome if isinstance(outcome, Exception) else None)
            except Exception as error:  # the others must hear of theirs
                log.error("acceptance_not_told", reason=type(error).__name__)

    def _queued(self, run: PromptRun[None], _: None, error: BaseException | None) -> None:
        self._queueing.discard(run)
        if error is not None:
            log.error("not_queued", reason=type(error).__name__)

    def _claim(self, decision: Decision) -> list[StoredMessage]:
        """The messages that have a place at a link; what may wait for other parts has none."""
        if decision.live.stored.options.udh:
            return []
        claim, lane = self.queue.claim, decision.live.stored.lane
        return [message for message in decision.sendable if claim(message.route, lane)]

    async def _queue_stored(self, decisions: Iterable[Decision]) -> None:
        """Counts and queues what is on disk."""
        accepted, sendable = self.metrics.accepted, []
        for decision in decisions:
            new, batch = decision.new, decision.live
            accepted[batch.stored.dialect] += decision.accepted.recipients
            for message in decision.sendable:
                sendable.append(LiveMessage(message, batch))
            if new.rejections:
                self.delivery.notify_rejections(new.rejections, batch, new.messages)
        if sendable:
            await self.backlog.publish(sendable)

    async def decide(self, account: Account, submission: Submission) -> Decision:
        """Checks a submission and computes its messages; raises `Refused`, stores nothing."""
        if not account.may(_SEND):
            raise Refused(RefusalCode.PERMISSION_DENIED, _SEND)
        now_ms = self.clock.now_ms()
        terms = check_terms(submission, now_ms, account.account_id)
        to_device = self.device_routes.check(account, submission)
        sender = submission.sender or account.default_sender
        if sender or to_device is None:  # else the number of a SIM is the sender
            sender = _cached_sender(sender)
            if not submission.allow_any_sender and not account.may(_ANY_SENDER):
                await self._check_sender(account, sender)
        multimedia = submission.format is _MMS
        if multimedia:
            self._check_multimedia(sender)
        if submission.audience is not None:
            return await self._decide_audience(
                account, submission, submission.audience, sender, terms, to_device
            )
        maximum = min(self.max_recipients, account.max_recipients)
        if len(submission.recipients) <= AT_ONCE:
            recipients = check_recipients(submission.recipients, maximum)
        else:
            recipients = await check_many_recipients(submission.recipients, maximum)
        check_prefixes(account, recipients)
        max_parts = self._max_parts_of(account)
        query, repertoire = None, PLAIN
        if self.maker.router.is_conditional:
            query = self._route_query(account, submission, sender, terms)
        if not self.maker.router.is_plain:
            repertoire = self._repertoire(account, submission, recipients, to_device, query)
        segmentation: Segmentation | None = None
        own: list[Recipient] | None = None
        if submission.texts:
            own = await in_turns(
                lambda some: check_texts(submission, some, max_parts, terms, repertoire),
                own_texts(submission, recipients),
            )
            parts = 0
        else:
            segmentation = check_text(submission, submission.text, max_parts, terms, repertoire)
            parts = segmentation.count
        if submission.premium is not None:
            sender = self.premium.check(
                account,
                submission.premium,
                sender=sender,
                recipients=recipients,
                parts=parts if own is None else max(recipient.parts for recipient in own),
                due_ms=terms.due_ms,
                multimedia=multimedia,
            ).number
        if query is not None and segmentation is not None:
            query.alphabet, query.parts = segmentation.alphabet.value, segmentation.count
        how = (multimedia, to_device, submission.message_type, query, sender)
        if len(recipients) <= AT_ONCE:
            tariffs = self.maker.tariffs(account, recipients, *how)
        else:
            tariffs = await in_turns(
                lambda some: self.maker.tariffs(account, some, *how), recipients
            )
        payments = submission.payments
        if not payments and account.payer is not _OWN:
            payments = await self.find_payments(account)
        attachments: tuple[Attachment, ...] = ()
        if multimedia:
            attachments = await self._collect_attachments(submission)
        inline = terms.due_now and len(recipients) <= self.inline_recipients
        if len(tariffs) == 1:
            credits = tariffs[0][1].credits * (parts if own is None else own[0].parts)
        elif own is None:
            credits = sum([price.credits for _, price in tariffs]) * parts
        else:
            credits = sum(
                price.credits * recipient.parts
                for recipient, (_, price) in zip(own, tariffs, strict=True)
            )
        tariff_options = () if inline else tuple(dict.fromkeys(price for _, price in tariffs))
        batch = self._batch(
            account,
            submission,
            sender,
            terms,
            len(recipients),
            tariff_options,
            payments,
            repertoire,
            now_ms=now_ms,
        )
        if inline:
            batch.state = _RUNNING
            batch.expanded = len(recipients)
        else:
            batch.waiting_recipients = encode_waiting(recipients, own)
        live_batch = LiveBatch(batch, account.wallet_id, segmentation)
        messages: tuple[StoredMessage, ...] = ()
        if inline and own is None:
            messages = self.maker.make_alike(live_batch, recipients, tariffs, now_ms)
        elif inline and own is not None:
            messages = self.maker.make(account, live_batch, own)
        rejections: tuple[StateChange, ...] = ()
        sendable: Sequence[StoredMessage] = messages
        if any(message.failure for message in messages):
            rejections = self.maker.rejections(live_batch, messages)
            sendable = without_rejected(messages)
        new = NewBatch(
            batch=batch,
            messages=messages,
            reservation=live_batch.reservation(self.ids, credits, now_ms),
            rejections=rejections,
            attachments=attachments,
        )
        accepted = AcceptedBatch(
            batch_id=batch.batch_id,
            due_ms=terms.due_ms,
            recipients=len(recipients),
            parts=parts,
            credits=credits,
            message_id=messages[0].message_id if messages else None,
        )
        return Decision(new=new, live=live_batch, sendable=sendable, accepted=accepted)

    async def _decide_audience(
        self,
        account: Account,
        submission: Submission,
        wanted: Audience,
        sender: str,
        terms: Terms,
        to_device: Route | None,
    ) -> Decision:
        """Decides on an audience; its recipients and cost are known when it runs."""
        maximum = min(self.max_recipients, account.max_recipients)
        numbers = check_named(submission, wanted, maximum)
        check_prefixes(account, numbers)
        multimedia = submission.format is Format.MMS
        query = self._route_query(account, submission, sender, terms)
        self.maker.tariffs(
            account, numbers, multimedia, to_device, submission.message_type, query, sender
        )
        payments = submission.payments
        if not payments and account.payer is not _OWN:
            payments = await self.find_payments(account)
        max_parts, country_code = self._max_parts_of(account), ""
        if submission.premium is not None:
            code = self.premium.check(
                account,
                submission.premium,
                sender=sender,
                recipients=numbers,
                parts=1,  # of each, as it is made
                due_ms=terms.due_ms,
                multimedia=multimedia,
            )
            sender, country_code, max_parts = code.number, code.country_code, 1
        audience = await self.audiences.check(
            account,
            wanted,
            "" if submission.format is Format.BINARY else submission.text,
            numbers=numbers,
            max_parts=max_parts,
            due_ms=terms.due_ms,
            country_code=country_code,
        )
        # What stands around the places must fit; each text is cut when it is made.
        fixed = Template(submission.text, audience.fields).render({})
        segmentation = None
        repertoire = self._repertoire(account, submission, (), to_device, query)
        if not audience.fields:
            segmentation = check_text(submission, submission.text, max_parts, terms, repertoire)
        elif fixed:
            check_text(submission, fixed, max_parts, terms, repertoire)
        attachments = await self._collect_attachments(submission)
        batch = self._batch(account, submission, sender, terms, 0, (), payments, repertoire, _BULK)
        batch.waiting_recipients = b""
        live_batch = LiveBatch(batch, account.wallet_id, segmentation)
        new = NewBatch(
            batch=batch,
            messages=(),
            reservation=live_batch.reservation(self.ids, 0),
            attachments=attachments,
            audience=audience,
        )
        accepted = AcceptedBatch(
            batch_id=batch.batch_id,
            due_ms=terms.due_ms,
            recipients=0,
            parts=segmentation.count if segmentation is not None else 0,
            credits=0,
        )
        return Decision(new=new, live=live_batch, sendable=(), accepted=accepted)

    def reaches(self, account: Account, number: str, message_type: MessageType | None) -> bool:
        """Whether an account may send to a number, and a route goes there."""
        return self.maker.reaches(account, number, message_type)

    def _batch(
        self,
        account: Account,
        submission: Submission,
        sender: str,
        terms: Terms,
        recipients: int,
        tariffs: tuple[Price, ...],
        payments: tuple[Payment, ...],
        repertoire: Repertoire,
        lane: Lane = Lane.SINGLE,
        now_ms: int | None = None,
    ) -> StoredBatch:
        callback, message_type = submission.callback, submission.message_type
        states = callback.states if callback else frozenset()
        reports_all = states == ALL_REPORTED
        return StoredBatch(
            batch_id=self.ids.next(now_ms),
            account_id=account.account_id,
            dialect=submission.dialect,
            protocol=submission.protocol,
            reference=submission.reference,
            sender=sender,
            text=submission.text,
            format=str(submission.format),
            options=BatchOptions(
                udh=submission.udh.hex(),
                wants_receipt=submission.wants_receipt,
                message_class=submission.message_class,
                protocol_id=submission.protocol_id,
                callback_url=callback.url if callback else "",
                return_data=callback.return_data if callback else submission.return_data,
                callback_states=() if reports_all else tuple(sorted(states)),
                reports_all=reports_all,
                premium=submission.premium,
                push=terms.push,
                audience=submission.audience is not None,
                tariffs=tariffs,
                device_id=submission.device_id,
                sim=submission.sim,
                payments=payments,
                credits_per_part=message_type.credits if message_type is not None else 0,
                route=message_type.route if message_type is not None else "",
                message_type=message_type.name if message_type is not None else "",
                resend_of=submission.resend_of,
                ignored_sender=submission.ignored_sender,
                tag=self._tag(submission),
                repertoire=repertoire,
                ignores_opt_outs=submission.ignores_opt_outs,
            ),
            lane=int(self._lane(submission, recipients, lane)),
            due_ms=terms.due_ms,
            expires_ms=terms.expires_ms,
            state=_QUEUED,
            recipients=recipients,
            unsent=recipients,
        )

    def repertoire(
        self,
        account: Account,
        recipients: Iterable[str],
        type_: MessageType | None = None,
        query: RouteQuery | None = None,
    ) -> Repertoire:
        """What all carriers take that an account's text to some numbers may go to.

        Without numbers, to anybody. What is no number is passed over: it is refused elsewhere.
        """
        router = self.maker.router
        if router.is_plain:
            return PLAIN
        fixed = router.routes.get(type_.route) if type_ is not None else None
        if fixed is not None:
            return fixed.repertoire
        return router.repertoire(account.username, recipients, query)

    def _repertoire(
        self,
        account: Account,
        submission: Submission,
        recipients: Sequence[str],
        to_device: Route | None,
        query: RouteQuery | None,
    ) -> Repertoire:
        """What all carriers take that a text may go to; without recipients, to anybody."""
        if self.maker.router.is_plain:
            return PLAIN
        if to_device is not None:
            found = to_device.repertoire
        else:
            found = self.repertoire(account, recipients, submission.message_type, query)
        if submission.message_class is not None:  # its data_coding names the GSM alphabet
            found = msgspec.structs.replace(found, latin_1=False)
        return found

    def _route_query(
        self, account: Account, submission: Submission, sender: str, terms: Terms
    ) -> RouteQuery | None:
        """What routes with conditions ask for; None where there are none."""
        router = self.maker.router
        if not router.is_conditional:
            return None
        return router.query(
            account.username,
            at_ms=terms.due_ms,
            sender=sender,
            message_type=submission.message_type.name if submission.message_type else "",
            tag=self._tag(submission),
            multimedia=submission.format is _MMS,
        )

    def _tag(self, submission: Submission) -> str:
        """What its caller calls it, where any route asks."""
        return submission.tag or (tag_of_call() if self.maker.router.uses_tags else "")

    def _max_parts_of(self, account: Account) -> int:
        return min(self.max_parts, account.max_parts)

    async def _check_sender(self, account: Account, sender: str) -> None:
        """Refuses a sender that is not one of an account's own."""
        if sender not in await self.accounts.approved_senders(account):
            raise Refused(RefusalCode.SENDER_NOT_ALLOWED, sender)

    async def _collect_attachments(self, submission: Submission) -> tuple[Attachment, ...]:
        """Fetches the attachments of a multimedia message; the last check."""
        if submission.format is not Format.MMS or self.attachments is None:
            return ()
        return await self.attachments.collect(submission.attachment_urls)

    def _check_multimedia(self, sender: str) -> None:
        if self.attachments is None:
            raise Refused(RefusalCode.NOT_SUPPORTED, "format")
        if not sender.removeprefix("+").isdigit():
            raise Refused(RefusalCode.INVALID_SENDER, sender, "an MMS needs a number or short code")

    def _lane(self, submission: Submission, recipients: int, lane: Lane) -> Lane:
        if submission.urgent:
            return _URGENT
        return lane if recipients <= self.inline_recipients else _BULK


async def _own_payments(account: Account) -> tuple[Payment, ...]:
    return (Payment(wallet_id=account.wallet_id),)


@lru_cache(maxsize=1_000)
def _cached_sender(sender: str) -> str:
    return normalise_sender(sender)
