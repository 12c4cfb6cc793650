"""Actions on one message: resend or cancel it."""

from __future__ import annotations

from typing import Final, NamedTuple

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.audit_log import AuditLog
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.billing.model.message_types import MessageType
from dragoman.core.messages.model.events import EventKind
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import CallbackRequest, Format, Submission, can_resend
from dragoman.core.messages.model.records import StoredBatch, StoredMessage, is_forgotten
from dragoman.core.messages.sql import pending
from dragoman.core.messages.sql.events import MessageEvent
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.batches import Batches
from dragoman.core.submission.decisions import AcceptedBatch
from dragoman.core.submission.sql.resending import Resending, resend
from dragoman.core.submission.submission import SubmissionService
from dragoman.kit.ids import LIMIT, IdSource
from dragoman.storage.engine import Storage
from dragoman.work_queue.port import Lane


class _Found(NamedTuple):
    account: Account
    message: StoredMessage
    batch: StoredBatch


@use_case(kw_only=True)
class MessageActions:
    """Acts for an account on messages of its tree; for an operator, on any."""

    storage: Storage
    accounts: Accounts
    submission: SubmissionService
    batches: Batches
    audit_log: AuditLog
    ids: IdSource

    async def resend(
        self, caller: Account | None, message_id: int, *, protocol: str, known: int | None = None
    ) -> AcceptedBatch:
        """Sends a message again, as a new one that its account pays for; raises `Refused`.

        The two refer to each other. `caller` None is the operator. The new one follows today's
        routes and rules; its callbacks go where those of the old one went. `known` is how often the
        caller saw that it had been resent: if it was resent since, the refusal is `ALREADY_EXISTS`.
        """
        found = await self._find(caller, message_id)
        account, message, batch = found
        if not account.enabled:
            raise Refused(
                RefusalCode.PERMISSION_DENIED, account.username, "the account is disabled"
            )
        if not can_resend(message.state, batch.format, batch.options.premium is not None):
            raise Refused(RefusalCode.NOT_SUPPORTED, "resend", _why_not(found))
        if is_forgotten(message, batch):
            raise Refused(RefusalCode.NOT_SUPPORTED, "resend", "its text or number was deleted")
        decision = await self.submission.decide(account, _repeat(found, protocol))
        note = MessageEvent(
            event_id=self.ids.next(),
            message_id=message_id,
            kind=EventKind.RESENT,
            code=str(decision.new.batch.batch_id),
        )
        entry = None
        if caller is not None:
            entry = self.audit_log.entry(caller, "resend", str(message_id), account)
        resending = Resending(new=decision.new, note=note, audit=entry, known=known)
        return await self.submission.store(decision, resend, resending)

    async def cancel(self, caller: Account | None, message_id: int) -> None:
        """Cancels a message that no carrier was given, and refunds it; raises `Refused`.

        `caller` None is the operator.
        """
        account, message, batch = await self._find(caller, message_id)
        await self.batches.cancel_message(batch.batch_id, message.message_id)
        if caller is not None:
            await self.audit_log.note(caller, "cancel", str(message_id), account)

    async def _find(self, caller: Account | None, message_id: int) -> _Found:
        if caller is not None and not caller.may(Permission.SEND):
            raise Refused(RefusalCode.PERMISSION_DENIED, Permission.SEND)
        messages = []
        if 0 <= message_id < LIMIT:
            messages = await self.storage.read(lambda c: pending.load_messages(c, [message_id]))
        message = messages[0] if messages else None
        account = await self.accounts.find_by_id(message.account_id) if message else None
        if message is None or account is None or not _is_about(account, caller):
            raise Refused(RefusalCode.NOT_FOUND, str(message_id), "message")
        batch_id = message.batch_id
        batches = await self.storage.read(lambda c: pending.load_batches(c, [batch_id]))
        return _Found(account, message, batches[batch_id])


def _is_about(account: Account, caller: Account | None) -> bool:
    return caller is None or account.is_at_or_below(caller)


def _why_not(found: _Found) -> str:
    if found.batch.options.premium is not None:
        return "the recipient would be charged again"
    if found.batch.format == Format.MMS:
        return "multimedia messages have to be submitted again"
    return "it is on its way"


def _repeat(found: _Found, protocol: str) -> Submission:
    """A submission of the same content, to the one recipient."""
    _, message, batch = found
    options = batch.options
    callback = None
    if options.callback_url:
        callback = CallbackRequest(
            url=options.callback_url,
            return_data=options.return_data,
            states=frozenset(map(State, options.reported_states)),
        )
    message_type = None
    if options.message_type:
        message_type = MessageType(
            name=options.message_type, credits=options.credits_per_part, route=options.route
        )
    return Submission(
        dialect=batch.dialect,
        recipients=(f"+{message.recipient}",),
        text=batch.text if message.text is None else message.text,
        sender=batch.sender,
        push=options.push,
        format=Format(batch.format),
        udh=bytes.fromhex(options.udh),
        validity_s=max(_SHORTEST_S, (batch.expires_ms - batch.due_ms) // 1000),
        reference=batch.reference,
        callback=callback,
        return_data="" if callback else options.return_data,
        wants_receipt=options.wants_receipt,
        message_class=options.message_class,
        protocol_id=options.protocol_id,
        protocol=protocol,
        urgent=batch.lane == Lane.URGENT,
        device_id=options.device_id,
        sim=options.sim,
        payments=options.payments,
        message_type=message_type,
        resend_of=message.message_id,
        tag=options.tag,
    )


_SHORTEST_S: Final = 60
