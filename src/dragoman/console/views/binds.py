"""Who is bound to the SMPP server, as the operator sees it; ending a bind."""

from __future__ import annotations

from typing import Final

from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.delivery.running import BindView
from dragoman.web.responses import Response


async def list_binds(request: PageRequest) -> Response:
    """Every bind with its address, speed and last error."""
    settings = request.services.settings.smpp_server
    binds = (await request.context.machine.situation()).binds
    return request.show(
        "binds.html",
        binds=[(bind, *describe_bind(bind)) for bind in binds],
        enabled=settings.enabled,
    )


async def end_bind(request: PageRequest) -> Response:
    """Unbinds a program."""
    text = request.form.get("bind", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0
    ended = await request.context.machine.end_bind(number)
    account = await request.services.accounts.find_by_id(ended.account_id)
    await request.note("end_bind", f"{ended.system_id} from {ended.address}", account)
    return request.go("/binds", "saved")


def describe_bind(bind: BindView) -> tuple[str, str]:
    """The status of a bind, and the class of its badge."""
    if bind.kind == "closing":
        return gettext("closing"), "unknown"
    return bind.kind, "delivered"


PAGES: Final = (
    Page(
        "/binds",
        lazy("Binds"),
        menu=lazy("Binds"),
        show=list_binds,
        act=end_bind,
        needs=Permission.OPERATE,
    ),
)
