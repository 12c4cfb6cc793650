"""Conversations, and automatic answers to texts."""

from __future__ import annotations

from typing import Final

from dragoman.admin.calls import Body, Call
from dragoman.admin.contact_answers import Removed
from dragoman.admin.context import Admin
from dragoman.admin.conversation_answers import (
    AnswerList,
    AnswerView,
    ConversationLine,
    ConversationList,
    ThreadLine,
    ThreadView,
)
from dragoman.core.accounts.audit_log import hide_number
from dragoman.core.inbound.model.auto_answers import AnswerKind
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.kit.ids import time_of

MAX_LISTED: Final = 500


class WhichConversations(Body, frozen=True, kw_only=True):
    """Which conversations, or texts of one, to list."""

    before: int | None = None
    limit: int = 50
    unread: bool = False


class WhichAnswer(Body, frozen=True, kw_only=True):
    """The number that an answer is for; all of the account if left out."""

    number: str = ""


class NewAnswer(WhichAnswer, frozen=True, kw_only=True):
    """What to answer; empty for nothing on a number although there is an answer for all."""

    text: str


async def list_answers(admin: Admin, username: str) -> AnswerList:
    """List the automatic answers of an account."""
    account = await admin.services.accounts.find(username)
    found = admin.services.auto_answers.of_account(account.account_id)
    return AnswerList(
        answers=tuple(
            AnswerView(kind=one.kind.value, number=one.number, text=one.text) for one in found
        )
    )


async def put_answer(admin: Admin, username: str, kind: str, body: NewAnswer) -> AnswerView:
    """Set what is answered to STOP, START or HELP."""
    account = await admin.services.accounts.find(username)
    stored = await admin.services.auto_answers.put(
        account, body.number, _kind(kind), body.text, None
    )
    await admin.note(account, "answer", _subject(stored.kind, stored.number))
    return AnswerView(kind=stored.kind.value, number=stored.number, text=stored.text)


async def remove_answer(admin: Admin, username: str, kind: str, query: WhichAnswer) -> Removed:
    """Answer nothing any more, or what is set for all numbers."""
    account = await admin.services.accounts.find(username)
    await admin.services.auto_answers.remove(account, query.number, _kind(kind), None)
    await admin.note(account, "answer", _subject(_kind(kind), query.number))
    return Removed(removed=kind)


async def list_conversations(
    admin: Admin, username: str, query: WhichConversations
) -> ConversationList:
    """List who wrote to an account, the newest text first."""
    _check_limit(query.limit)
    account = await admin.services.accounts.find(username)
    page = await admin.services.conversations.page(
        account, query.before, query.limit, unread=query.unread
    )
    return ConversationList(
        conversations=tuple(
            ConversationLine(
                number=one.number,
                name=one.name,
                last_ms=time_of(one.last_id),
                own_number=one.own_number,
                text=one.text,
                unread=one.is_unread,
            )
            for one in page.conversations
        ),
        next=page.before,
    )


async def show_conversation(
    admin: Admin, username: str, recipient: str, query: WhichConversations
) -> ThreadView:
    """Show what an account and a number wrote to each other; it stays unread."""
    _check_limit(query.limit)
    account = await admin.services.accounts.find(username)
    thread = await admin.services.conversations.thread(
        account, normalise(recipient), query.before, query.limit
    )
    return ThreadView(
        number=thread.number,
        name=thread.name,
        answer_from=thread.answer_from,
        texts=tuple(
            ThreadLine(
                at_ms=time_of(one.entry_id),
                own_number=one.own_number,
                text=one.text,
                state="" if one.state is None else one.state.name.lower(),
                failure=one.failure.value,
            )
            for one in thread.entries
        ),
        next=thread.before,
    )


def _kind(kind: str) -> AnswerKind:
    try:
        return AnswerKind(kind)
    except ValueError:
        raise Refused(RefusalCode.NOT_FOUND, kind, "stop, start or help") from None


def _subject(kind: AnswerKind, number: str) -> str:
    return f"{kind} {hide_number(number) if number else 'all numbers'}"


def _check_limit(limit: int) -> None:
    if not 0 < limit <= MAX_LISTED:
        raise Refused(RefusalCode.INVALID_FIELD, "limit", f"from 1 to {MAX_LISTED}")


_ANSWER: Final = "/accounts/{username}/answers/{kind}"
CALLS: Final = (
    Call("GET", "/accounts/{username}/answers", list_answers),
    Call("PUT", _ANSWER, put_answer),
    Call("DELETE", _ANSWER, remove_answer),
    Call("GET", "/accounts/{username}/conversations", list_conversations),
    Call("GET", "/accounts/{username}/conversations/{recipient}", show_conversation),
)
