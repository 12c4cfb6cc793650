"""What carriers charge: price lists, and importing one, with its differences shown first."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from dragoman.console.forms import version_of
from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.translation import lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.billing.model.costs import InvalidPriceList, RowError
from dragoman.core.delivery.model.price_lists import PriceListChange
from dragoman.core.delivery.price_lists import MAX_LIST_BYTES
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.charsets import text_of_file
from dragoman.web.responses import Response

FORM_LIMIT_BYTES: Final = 3 * MAX_LIST_BYTES
"""A list that was shown comes back as a field, with its line ends written out."""


async def list_prices(request: PageRequest) -> Response:
    """Every list, and the form to import one."""
    return await _show(request)


async def import_prices(request: PageRequest) -> Response:
    """Shows what a list would change, or imports it."""
    form, price_lists = request.form, request.services.price_lists
    carrier = form.get("carrier", "")
    content = next((text_of_file(one.data) for one in request.files if one.data), "")
    content = content or form.get("content", "")
    applies = form.get("do") == "apply"
    if carrier not in _carriers(request):
        raise Refused(RefusalCode.NOT_FOUND, carrier[:64], "carrier")
    try:
        if form.get("do") == "remove":
            await price_lists.remove(carrier, (request.audit("remove_prices", carrier),))
            await request.context.machine.tell_others("DELETE", f"/prices/{quote(carrier)}")
            return request.go("/prices", "saved")
        version = await _version(request, carrier)
        if applies:
            request.check_version(*version)
        change = await price_lists.change(
            carrier,
            content,
            add=bool(form.get("add")),
            check=not applies,
            audit=(request.audit("import_prices", carrier),),
        )
    except InvalidPriceList as error:
        return await _show(request, 422, errors=error.errors)
    except Refused as refused:
        if refused.code is RefusalCode.NOT_FOUND:
            raise
        request.problems["content"] = refused.detail or describe_refusal(refused)
        return await _show(request, 422)
    if applies:
        again = {"content": content, "add": bool(form.get("add"))}
        await request.context.machine.tell_others("POST", f"/prices/{quote(carrier)}", again)
        return request.go("/prices", "saved")
    return await _show(request, change=change, version=version, content=content)


async def give_prices(request: PageRequest) -> Response:
    """A list as a file."""
    carrier = request.http.path_params["carrier"]
    if carrier not in _carriers(request):
        raise Refused(RefusalCode.NOT_FOUND, carrier[:64], "carrier")
    content = await request.services.price_lists.export(carrier)
    return request.give_file(f"prices-{carrier}.csv", content.encode())


def _carriers(request: PageRequest) -> list[str]:
    return [carrier.name for carrier in request.context.machine.carriers()]


async def _version(request: PageRequest, carrier: str) -> tuple[int | None, ...]:
    """What changes with each import of a list."""
    views = await request.services.price_lists.views()
    return tuple(one.imported_ms for one in views if one.carrier == carrier)


async def _show(
    request: PageRequest,
    status: int = 200,
    *,
    change: PriceListChange | None = None,
    version: tuple[int | None, ...] = (),
    errors: tuple[RowError, ...] = (),
    content: str = "",
) -> Response:
    views = {one.carrier: one for one in await request.services.price_lists.views()}
    carriers = _carriers(request)
    return request.show(
        "prices.html",
        status,
        lists=[(name, views.get(name)) for name in carriers],
        carriers=[(name, name) for name in carriers],
        asked={
            "carrier": request.form.get("carrier", ""),
            "content": content or request.form.get("content", ""),
            "add": request.form.get("add", ""),
        },
        change=change,
        version=version_of(*version),
        errors=errors,
    )


PAGES: Final = (
    Page(
        "/prices",
        lazy("Prices of carriers"),
        menu=lazy("Prices"),
        show=list_prices,
        act=import_prices,
        needs=Permission.OPERATE,
        files_bytes=FORM_LIMIT_BYTES,
    ),
    Page(
        "/prices/{carrier}.csv",
        lazy("Prices of a carrier"),
        section="Prices",
        show=give_prices,
        needs=Permission.OPERATE,
    ),
)
