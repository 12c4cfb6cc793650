"""Received texts, and opt-outs."""

from __future__ import annotations

from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.inbound.model.inbound import InboxFilter, OptOutOrigin, StoredInbound
from dragoman.core.inbound.model.inbound import OptOut as StoredOptOut
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import as_typed, normalise
from dragoman.dialects.native import cursors, mapping, schemas
from dragoman.dialects.native.calls import DONE, CallGroup, render
from dragoman.dialects.native.mapping import render_number, render_time
from dragoman.kit.ids import time_of
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.web.bodies import decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response


class Inbound(CallGroup):
    """Answers the calls on received texts."""

    async def search(self, account: Account, request: Request) -> Response:
        """A page of received texts, newest first; raises `Refused`."""
        _check_may_receive(account)
        query = decode_query(request, schemas.InboundQuery)
        question = cursors.question_of(account.account_id, request.path, request.query)
        position = cursors.read_cursor(query.cursor, question, 2)
        offset, until_ms = position if position is not None else (0, None)
        if until_ms is None:
            until_ms = mapping.read_optional_time("until", query.until)
        if until_ms is None:  # so that what comes in meanwhile moves no page
            until_ms = self._services.clock.now_ms() + 1
        wanted = InboxFilter(
            account_id=account.account_id,
            recipient=_digits(query.to),
            sender=_digits(query.sender),
            from_ms=mapping.read_optional_time("since", query.since),
            to_ms=until_ms - 1,
        )
        found = await self._services.queries.inbox(wanted, offset, query.limit, 1)
        end = offset + len(found.texts)
        more = found.has_more or found.total > end
        following = cursors.render_cursor(question, end, until_ms) if more else None
        return render(
            schemas.InboundTexts(data=tuple(map(render_text, found.texts)), next_cursor=following)
        )

    async def fetch(self, account: Account, request: Request) -> Response:
        """One received text; raises `Refused`."""
        _check_may_receive(account)
        inbound_id = mapping.read_id(request.path_params["id"], "text")
        wanted = InboxFilter(account_id=account.account_id, inbound_id=inbound_id)
        found = await self._services.queries.inbox(wanted, 0, 1)
        if not found.texts:
            raise Refused(RefusalCode.NOT_FOUND, str(inbound_id), "no such text")
        return render(render_text(found.texts[0]))


class OptOuts(CallGroup):
    """Answers the calls on opt-outs."""

    async def search(self, account: Account, request: Request) -> Response:
        """A page of opt-outs, oldest first; raises `Refused`."""
        query = decode_query(request, schemas.Paging)
        question = cursors.question_of(account.account_id, request.path, request.query)
        position = cursors.read_cursor(query.cursor, question)
        after = position[0] if position is not None else 0
        found = await self._services.opt_outs.page(account, after, query.limit + 1)
        more = len(found) > query.limit
        found = found[: query.limit]
        following = cursors.render_cursor(question, found[-1].opt_out_id) if more else None
        data = tuple(map(_opt_out, found))
        return render(schemas.OptOuts(data=data, next_cursor=following))

    async def add(self, account: Account, request: Request) -> Response:
        """Adds an opt-out; one that is there stays. Raises `Refused`."""
        query = decode_query(request, schemas.SenderQuery)
        number = request.path_params["number"]
        added = await self._services.opt_outs.add(
            account, number, query.sender, origin=OptOutOrigin.API
        )
        return render(_opt_out(added))

    async def remove(self, account: Account, request: Request) -> Response:
        """Removes an opt-out; raises `Refused`."""
        query = decode_query(request, schemas.SenderQuery)
        number = normalise(request.path_params["number"])
        await self._services.opt_outs.remove(account, number, query.sender)
        return DONE


def render_text(text: StoredInbound) -> schemas.InboundText:
    """A received text as this API shows it."""
    return schemas.InboundText(
        id=str(text.inbound_id),
        sender=render_number(text.sender),
        to=render_number(text.recipient),
        text=text.text,
        binary=text.alphabet == Alphabet.BINARY.value,
        keyword=text.keyword,
        parts=text.parts,
        received_at=render_time(time_of(text.inbound_id)),
    )


def _opt_out(one: StoredOptOut) -> schemas.OptOut:
    return schemas.OptOut(
        number=render_number(one.recipient),
        sender=render_number(one.sender) or None,
        origin=one.origin.value,
        since=render_time(time_of(one.opt_out_id)),
    )


def _check_may_receive(account: Account) -> None:
    if not account.may(Permission.RECEIVE):
        raise Refused(RefusalCode.PERMISSION_DENIED, Permission.RECEIVE)


def _digits(number: str | None) -> str:
    return as_typed(number or "").strip().removeprefix("+")
