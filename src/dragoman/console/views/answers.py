"""Automatic answers to STOP, START and HELP, for all numbers of an account or for one."""

from __future__ import annotations

from typing import Final

from dragoman.console.forms import EDITED_SINCE
from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.reading import read_count
from dragoman.console.translation import lazy
from dragoman.core.accounts.audit_log import hide_number
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.model.people import Role
from dragoman.core.inbound.model.auto_answers import ANY_NUMBER, AnswerKind
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

_AT: Final = "/answers"


async def show_answers(request: PageRequest) -> Response:
    """What is answered, by number."""
    return await _show(request)


async def change_answer(request: PageRequest) -> Response:
    """Sets or removes one answer, unless someone else changed it meanwhile."""
    answers, form = request.services.auto_answers, request.form
    number, text = form.get("number", ""), form.get("text", "").replace("\r\n", "\n").strip()
    known = read_count(form.get("known", "")) or 0
    if number not in await _numbers(request):
        raise Refused(RefusalCode.NOT_FOUND, number, "number")
    try:
        kind = AnswerKind(form.get("kind", ""))
    except ValueError:
        raise Refused(RefusalCode.MALFORMED_REQUEST, "kind") from None
    field = f"text-{number or 'all'}-{kind}"
    try:
        if text or form.get("do") == "nothing":
            await answers.put(request.account, number, kind, text, known)
        elif known:
            await answers.remove(request.account, number, kind, known)
        else:
            return request.go(_AT, "no-changes")
    except Refused as refused:
        if refused.code is RefusalCode.UNAVAILABLE:
            raise
        conflict = refused.subject == "version"
        request.problems[field] = EDITED_SINCE if conflict else describe_refusal(refused)
        return await _show(request, 409 if conflict else 400, {field: text})
    await request.note("answer", f"{kind} {hide_number(number) if number else 'all numbers'}")
    return request.go(_AT, "saved")


async def _numbers(request: PageRequest) -> list[str]:
    """What answers can be set for: all numbers, and each of the account's own."""
    known = await request.services.keywords.numbers()
    own = [one.number for one in known if one.account_id == request.account.account_id]
    return [ANY_NUMBER, *own]


async def _show(
    request: PageRequest, status: int = 200, typed: dict[str, str] | None = None
) -> Response:
    answers, inbound = request.services.auto_answers, request.services.settings.inbound
    account_id = request.account.account_id
    stored = {(one.number, one.kind): one for one in answers.of_account(account_id)}
    words = {
        AnswerKind.STOP: inbound.stop_words,
        AnswerKind.START: inbound.start_words,
        AnswerKind.HELP: inbound.help_words,
    }
    return request.show(
        "answers.html",
        status,
        places=[
            (number, [(kind, words[kind], stored.get((number, kind))) for kind in AnswerKind])
            for number in await _numbers(request)
        ],
        typed=typed or {},
    )


PAGES: Final = (
    Page(
        _AT,
        lazy("Automatic answers"),
        section="Conversations",
        show=show_answers,
        act=change_answer,
        needs=Permission.SEND,
        least=Role.MANAGER,
        acts=Role.MANAGER,
    ),
)
