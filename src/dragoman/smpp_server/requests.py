"""What programs ask for, one function a request; the answer follows once it is stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import msgspec
import structlog

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.smpp_logins import SmppOptions
from dragoman.core.messages.model.callbacks import SMPP
from dragoman.core.messages.model.lifecycle import BatchState, State, is_end
from dragoman.core.messages.model.views import MessageView
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.core.submission.model.progress import BatchProgress
from dragoman.kit.ids import render_base36
from dragoman.protocols.smpp.constants import CommandStatus, MessageState
from dragoman.protocols.smpp.pdus import (
    CancelSm,
    CancelSmResp,
    DataSm,
    DistributionList,
    Pdu,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    ReplaceSmResp,
    SmeAddress,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    UnsuccessSme,
)
from dragoman.smpp_server.connection import Connection
from dragoman.smpp_server.deliveries import ERRORS, STATES
from dragoman.smpp_server.overlong import OverlongTexts
from dragoman.smpp_server.statuses import Unacceptable, status_of
from dragoman.smpp_server.submissions import Submit, read_replacement, read_submission

MAX_STORED_ID: Final = 2**63 - 1
MAX_ID: Final = 20
"""Characters of a message_id of ours."""
_ERROR_CODE: Final = 0xFF
_DECIMAL_IDS: Final = 10**8

log = structlog.get_logger(__name__)

Answer = Callable[[str], Pdu]
"""The response to an accepted submit, of its message_id."""


class Requests:
    """Handles the requests of all binds over the gateway's use cases."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._changes = services.accounts.changes
        self._overlong = OverlongTexts()

    async def handle(self, connection: Connection, request: Pdu) -> None:
        """Answers a request, now or once it is stored; never raises."""
        login = connection.login
        options = login.options if login is not None else SmppOptions()
        try:
            account = connection.account
            if account is None or connection.generation != self._changes.generation:
                account = await self._account_of(connection)
            handler = _HANDLERS[type(request)]
            await handler(self, connection, request, account, options)
        except Unacceptable as error:
            connection.refuse(request, error.status)
        except Refused as refused:
            self._refuse(connection, request, options, refused)
        except Exception as error:  # whatever one request does, the others go on
            log.error(
                "smpp_request_failed", request=type(request).__name__, reason=type(error).__name__
            )
            connection.refuse(request, CommandStatus.ESME_RMSGQFUL.value)

    async def _account_of(self, connection: Connection) -> Account:
        """Whose bind it is, as the account is now; raises `Refused` where it may not use it."""
        account, accounts = connection.account, self._services.accounts
        assert account is not None
        generation = accounts.changes.generation
        if connection.generation != generation:
            if accounts.changes.since(connection.generation, account):
                account = await accounts.admit(account.account_id, connection.address)
            connection.account, connection.generation = account, generation
        return account

    def _refuse(
        self, connection: Connection, request: Pdu, options: SmppOptions, refused: Refused
    ) -> None:
        self._services.metrics.refused[SMPP, refused.code] += 1
        connection.refuse(
            request, _STATUS_OF_KIND.get(type(request)) or status_of(refused, options)
        )

    # Submitting

    def _submit_sm(
        self, connection: Connection, request: SubmitSm, account: Account, options: SmppOptions
    ) -> Awaitable[None]:
        recipients = (request.destination_addr,)
        return self._submit(connection, request, recipients, account, options, None)

    async def _data_sm(
        self, connection: Connection, request: DataSm, account: Account, options: SmppOptions
    ) -> None:
        if not connection.submits:
            raise Unacceptable(CommandStatus.ESME_RINVBNDSTS)
        recipients = (request.destination_addr,)
        await self._submit(connection, request, recipients, account, options, None)

    async def _submit_multi(
        self, connection: Connection, request: SubmitMulti, account: Account, options: SmppOptions
    ) -> None:
        if not request.dest_address:
            raise Unacceptable(CommandStatus.ESME_RINVNUMDESTS)
        reached: list[str] = []
        failed: list[UnsuccessSme] = []
        for destination in request.dest_address:
            if isinstance(destination, DistributionList):
                raise Unacceptable(CommandStatus.ESME_RINVDLNAME)
            if self._reaches(account, destination.destination_addr):
                reached.append(destination.destination_addr)
            else:
                failed.append(_failed(destination))
        if not reached:
            # As a submit_sm to any of them: with status 0, clients take the empty ID for one.
            raise Unacceptable(CommandStatus.ESME_RINVDSTADR)
        answer = partial(_several_submitted, tuple(failed))
        await self._submit(connection, request, tuple(reached), account, options, answer)

    def _reaches(self, account: Account, address: str) -> bool:
        try:
            return self._services.submission.reaches(account, normalise(address), None)
        except Refused:
            return False

    async def _submit(
        self,
        connection: Connection,
        request: Submit,
        recipients: tuple[str, ...],
        account: Account,
        options: SmppOptions,
        answer: Answer | None,
    ) -> None:
        """Has a submit stored; `answer` makes its response, where that is more than an ID."""
        services = self._services
        short_id, message_id = None, ""
        if not connection.with_tlvs:
            short_id = await services.short_ids.next()
            message_id = _render_short(short_id)
        submission = read_submission(
            request,
            recipients,
            account_id=account.account_id,
            options=options,
            overlong=self._overlong,
            now_ms=services.clock.now_ms(),
            message_id=message_id,
        )
        decision = await services.submission.decide(account, submission)
        if decision.new.rejections and not decision.sendable:
            # Nobody may have it: it is refused, and there is nothing to store or report.
            raise Unacceptable(CommandStatus.ESME_RSUBMITFAIL)
        if short_id is not None:
            new = msgspec.structs.replace(decision.new, short_id=short_id)
            decision = msgspec.structs.replace(decision, new=new)
        message_id = message_id or str(decision.accepted.batch_id)
        services.submission.store_soon(
            decision,
            partial(self._on_stored, connection, request, options, answer, message_id),
        )

    def _on_stored(
        self,
        connection: Connection,
        request: Submit,
        options: SmppOptions,
        answer: Answer | None,
        message_id: str,
        error: Exception | None,
    ) -> None:
        if error is None:
            if answer is not None:
                connection.respond(request, answer(message_id))
            else:
                assert not isinstance(request, SubmitMulti)
                connection.accept(request, message_id)
        elif isinstance(error, Refused):
            self._refuse(connection, request, options, error)
        else:
            connection.refuse(request, CommandStatus.ESME_RMSGQFUL.value)

    # Asking, cancelling, replacing

    async def _query_sm(
        self, connection: Connection, request: QuerySm, account: Account, _: SmppOptions
    ) -> None:
        batch = await self._find(connection, account, request.message_id, request.source_addr)
        page = await self._services.queries.messages_of_batch(account, batch.batch_id, 0, 1)
        connection.respond(request, _render_state(request.message_id, page))

    async def _cancel_sm(
        self, connection: Connection, request: CancelSm, account: Account, _: SmppOptions
    ) -> None:
        if not request.message_id:
            await self._cancel_all(request, account)
        else:
            batch = await self._find(connection, account, request.message_id, request.source_addr)
            await self._services.batches.cancel(account, batch.batch_id)
        connection.respond(request, CancelSmResp())

    async def _cancel_all(self, request: CancelSm, account: Account) -> None:
        """Cancels what waits from a sender to a recipient; raises `Refused` if nothing does."""
        services = self._services
        try:
            recipient = normalise(request.destination_addr)
        except Refused:
            raise Unacceptable(CommandStatus.ESME_RCANCELFAIL) from None
        waiting = await services.queries.waiting_batches(
            account, SMPP, request.source_addr or account.default_sender, recipient
        )
        cancelled = 0
        for batch_id in waiting:
            try:
                await services.batches.cancel(account, batch_id)
                cancelled += 1
            except Refused as refused:
                if refused.code is not RefusalCode.NOT_CANCELLABLE:
                    raise
        if not cancelled:
            raise Unacceptable(CommandStatus.ESME_RCANCELFAIL)

    async def _replace_sm(
        self, connection: Connection, request: ReplaceSm, account: Account, options: SmppOptions
    ) -> None:
        batch = await self._find(connection, account, request.message_id, request.source_addr)
        change = read_replacement(
            request,
            account_id=account.account_id,
            options=options,
            now_ms=self._services.clock.now_ms(),
        )
        await self._services.replacements.replace(account, batch.batch_id, change)
        connection.respond(request, ReplaceSmResp())

    async def _find(
        self, connection: Connection, account: Account, message_id: str, source: str
    ) -> BatchProgress:
        """The message with an ID, whose sender has to be named with it; raises `Refused`."""
        batch_id = await self._batch_id_of(connection, message_id)
        if batch_id is None:
            raise Refused(RefusalCode.NOT_FOUND, message_id[:MAX_ID], "message")
        batch = await self._services.queries.batch(account, batch_id)
        if batch.state is BatchState.CANCELLED:
            current = await self._services.replacements.current(account, SMPP, message_id)
            if current is not None:
                batch = await self._services.queries.batch(account, current)
        # Left out where the submit left it out (SMPP 3.4 s. 4.8.1).
        source = source or account.default_sender
        if _plain(batch.sender) != _plain(source):
            raise Refused(RefusalCode.NOT_FOUND, message_id[:MAX_ID], "message")
        return batch

    async def _batch_id_of(self, connection: Connection, message_id: str) -> int | None:
        if len(message_id) > MAX_ID or not message_id.isascii() or not message_id.isalnum():
            return None
        try:
            number = int(message_id) if connection.with_tlvs else _parse_short(message_id)
        except ValueError:
            return None
        if number > MAX_STORED_ID:
            return None
        if connection.with_tlvs:
            return number
        return await self._services.short_ids.identifier_of(number)


def _plain(sender: str) -> str:
    """A sender without what may stand before a number."""
    return sender.removeprefix("00").lstrip("+")


def _render_short(short_id: int) -> str:
    """The message_id of a short ID, in the eight characters that SMPP 3.3 has room for.

    Decimal as long as it fits: programs that read it as hexadecimal find their message as well.
    """
    return str(short_id) if short_id < _DECIMAL_IDS else f"z{render_base36(short_id)}"


def _parse_short(message_id: str) -> int:
    """Raises ValueError for what is no message_id of ours."""
    return int(message_id[1:], 36) if message_id[:1].lower() == "z" else int(message_id)


def _several_submitted(failed: tuple[UnsuccessSme, ...], message_id: str) -> Pdu:
    return SubmitMultiResp(message_id=message_id, unsuccess_sme=failed)


def _failed(destination: SmeAddress) -> UnsuccessSme:
    return UnsuccessSme(
        dest_addr_ton=destination.dest_addr_ton,
        dest_addr_npi=destination.dest_addr_npi,
        destination_addr=destination.destination_addr[:20],
        error_status_code=CommandStatus.ESME_RINVDSTADR.value,
    )


def _render_state(message_id: str, page: list[MessageView]) -> QuerySmResp:
    """The state of a message; of one that is due later, that it is on its way."""
    if not page:
        return QuerySmResp(message_id=message_id, message_state=MessageState.ENROUTE.value)
    message = page[0]
    final_date = ""
    if is_end(message.state) and message.final_ms is not None:
        at = datetime.fromtimestamp(message.final_ms // 1000, UTC)
        final_date = f"{at:%y%m%d%H%M%S}000+"
    return QuerySmResp(
        message_id=message_id,
        final_date=final_date,
        message_state=STATES[message.state].value,
        error_code=0 if message.state is State.DELIVERED else ERRORS[message.failure] & _ERROR_CODE,
    )


_STATUS_OF_KIND: Final = MappingProxyType[type[Pdu], int](
    {
        QuerySm: CommandStatus.ESME_RQUERYFAIL.value,
        CancelSm: CommandStatus.ESME_RCANCELFAIL.value,
        ReplaceSm: CommandStatus.ESME_RREPLACEFAIL.value,
    }
)
"""The answer to a refused request about a message."""

_HANDLERS: Final[dict[type[Pdu], Callable[..., Awaitable[Any]]]] = {
    SubmitSm: Requests._submit_sm,
    SubmitMulti: Requests._submit_multi,
    DataSm: Requests._data_sm,
    QuerySm: Requests._query_sm,
    CancelSm: Requests._cancel_sm,
    ReplaceSm: Requests._replace_sm,
}
