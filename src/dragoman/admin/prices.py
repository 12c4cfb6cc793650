"""What carriers charge: price lists, imported, compared, exported."""

from __future__ import annotations

from typing import Final

from dragoman.admin.calls import Body, Call
from dragoman.admin.carriers import unknown_carrier
from dragoman.admin.context import Admin
from dragoman.admin.merging import own
from dragoman.admin.price_answers import PriceListsShown, PriceListText
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.billing.model.costs import InvalidPriceList
from dragoman.core.delivery.model.price_lists import PriceListChange
from dragoman.core.model.errors import RefusalCode, Refused


class PriceListImport(Body, frozen=True, kw_only=True):
    """A list to import."""

    content: str
    """CSV with the columns prefix and price, and perhaps from and until."""
    add: bool = False
    """Whether its rows are added, in place of replacing the list."""
    check: bool = False
    """Whether only to tell what would change."""


async def list_price_lists(admin: Admin) -> PriceListsShown:
    """List what carriers charge: how many prices there are of each, and since when."""
    return PriceListsShown(price_lists=await admin.services.price_lists.views())


async def import_price_list(admin: Admin, carrier: str, body: PriceListImport) -> PriceListChange:
    """Import a carrier's price list, or only tell what would change.

    A list with a mistake changes nothing; the refusal names its lines.
    """
    check_carrier(admin, carrier)
    audit = () if body.check else await _audit(admin, "import_prices", carrier)
    try:
        return await admin.services.price_lists.change(
            carrier, body.content, add=body.add, check=body.check, audit=audit
        )
    except InvalidPriceList as error:
        raise Refused(RefusalCode.INVALID_FIELD, "content", str(error)) from None


async def export_price_list(admin: Admin, carrier: str) -> PriceListText:
    """Give a carrier's price list as CSV."""
    content = await admin.services.price_lists.export(carrier)
    return PriceListText(carrier=carrier, content=content)


async def remove_price_list(admin: Admin, carrier: str) -> PriceListsShown:
    """Remove a carrier's imported price list."""
    await admin.services.price_lists.remove(carrier, await _audit(admin, "remove_prices", carrier))
    return await list_price_lists(admin)


def check_carrier(admin: Admin, carrier: str) -> None:
    """Raises `Refused` for a carrier that is not configured."""
    services = admin.services
    names = list(services.connectors) or [one.name for one in services.settings.carriers]
    if carrier not in names:
        raise unknown_carrier(carrier, names)


async def _audit(admin: Admin, action: str, carrier: str) -> tuple[AuditEntry, ...]:
    services = admin.services
    return tuple(
        services.audit_log.command_entry(account, action, carrier)
        for account in await services.accounts.list_all()
        if account.may(Permission.OPERATE)
    )


CALLS: Final = (
    Call("GET", "/prices", list_price_lists, whole=own()),
    Call("POST", "/prices/{carrier}", import_price_list, whole=own()),
    Call("GET", "/prices/{carrier}", export_price_list),
    Call("DELETE", "/prices/{carrier}", remove_price_list, whole=own()),
)
