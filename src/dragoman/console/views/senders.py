"""Senders that accounts of the tree ask for, to be approved or rejected by an operator."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.console.forms import version_of
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import make_pager
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.audit_log import hide_number
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.model.senders import SenderState
from dragoman.core.accounts.senders import EVERY_STATE
from dragoman.web.responses import Response

STATE_LABELS: Final = MappingProxyType(
    {
        SenderState.PENDING: "pending",
        SenderState.APPROVED: "approved",
        SenderState.APPROVED_BY_AUTHORITY: lazy("approved by an authority"),
        SenderState.REJECTED: "rejected",
        SenderState.REJECTED_BY_AUTHORITY: lazy("rejected by an authority"),
        SenderState.PREAPPROVED: lazy("allowed until reviewed"),
    }
)
CHOICES: Final = MappingProxyType(
    {
        "": frozenset({SenderState.PENDING, SenderState.PREAPPROVED}),
        "approved": frozenset({SenderState.APPROVED, SenderState.APPROVED_BY_AUTHORITY}),
        "refused": frozenset({SenderState.REJECTED, SenderState.REJECTED_BY_AUTHORITY}),
        "all": EVERY_STATE,
    }
)
_DECISIONS: Final = MappingProxyType(
    {"approve": SenderState.APPROVED, "refuse": SenderState.REJECTED}
)


async def list_senders(request: PageRequest) -> Response:
    """The senders in a state, those that wait for a decision unless others are asked for."""
    return await _list(request, request.query.get("state", ""))


async def _list(request: PageRequest, chosen: str, status: int = 200) -> Response:
    states = CHOICES.get(chosen, CHOICES[""])
    paging = request.paging()
    senders, total = await request.services.senders.list_below(
        request.account, states, paging.offset, paging.per_page
    )
    owners = (sender.account_id for sender in senders)
    names = await request.services.account_tree.names(request.account, owners)
    return request.show(
        "senders.html",
        status,
        senders=[(sender, version_of(sender.state)) for sender in senders],
        names=names,
        state_labels=STATE_LABELS,
        chosen=chosen,
        tabs=[
            ("", gettext("Pending")),
            ("approved", gettext("Approved")),
            ("refused", gettext("Rejected")),
            ("all", gettext("All")),
        ],
        pager=make_pager(paging, request.query, len(senders), total),
    )


async def decide_sender(request: PageRequest) -> Response:
    """Approves or rejects a sender, from now on."""
    services = request.services
    account = (
        await services.account_tree.find(request.account, request.identifier("account_id"))
    ).account
    do = request.form.get("do", "")
    if do not in _DECISIONS:
        return request.go("/senders")
    async with request.context.editing:
        sender = await services.senders.find(account, request.identifier("sender_id"))
        if sender.state is _DECISIONS[do]:
            return request.go("/senders", "no-changes")
        if not request.is_current(sender.state):
            request.problems[""] = gettext(
                "Someone else changed {sender} after you opened the page. It is now {state}; decide"
                " again if that is wrong."
            ).format(sender=sender.sender, state=STATE_LABELS[sender.state])
            return await _list(request, "all", 409)
        entry = request.audit(do, hide_number(sender.sender), account)
        await services.senders.decide(account, sender.sender, _DECISIONS[do], entry)
    return request.go("/senders", "saved")


PAGES: Final = (
    Page(
        "/senders",
        lazy("Senders"),
        menu=lazy("Senders"),
        show=list_senders,
        needs=Permission.OPERATE,
    ),
    Page(
        "/senders/{account_id:int}/{sender_id:int}",
        lazy("Senders"),
        section="Senders",
        act=decide_sender,
        needs=Permission.OPERATE,
    ),
)
