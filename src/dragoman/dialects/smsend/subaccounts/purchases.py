"""The calls on what subaccounts buy (smSend v1.0, "Subaccount API", purchases)."""

from __future__ import annotations

from dragoman.container import Services
from dragoman.core.accounts.credits import Purchase as Bought
from dragoman.core.accounts.model.accounts import Account, PurchaseView
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend import mapping
from dragoman.dialects.smsend.paging import read_page
from dragoman.dialects.smsend.reading import read_body
from dragoman.dialects.smsend.rendering import Located
from dragoman.dialects.smsend.schemas import Done
from dragoman.dialects.smsend.subaccounts import schemas
from dragoman.dialects.smsend.subaccounts.calls import Subaccounts
from dragoman.web.requests import Request


class Purchases:
    """Answers the calls on purchases."""

    def __init__(self, services: Services) -> None:
        self._subaccounts = Subaccounts(services)
        self._credits = services.credits
        self._default_zone = services.settings.dialects.smsend.time_zone

    async def list_page(self, caller: Account, request: Request) -> schemas.ManyPurchases:
        """A page of a subaccount's purchases, newest first; raises `Refused`."""
        page = read_page(request.query)
        account = (await self._subaccounts.load(caller, request)).account
        found, total = await self._credits.purchases(account, page.offset, page.size)
        return schemas.ManyPurchases(
            purchases=tuple(self._render(caller, view) for view in found),
            page_number=page.number,
            page_size=page.size,
            total=total,
        )

    async def enter(self, caller: Account, request: Request) -> Located:
        """Enters purchases of a subaccount: all, or none; raises `Refused`."""
        given = read_body(request, schemas.NewPurchases).purchases
        account = (await self._subaccounts.load(caller, request)).account
        await self._credits.buy(account, [self._read(purchase) for purchase in given])
        return Located(f"/subaccount/{account.account_id}/purchase")

    async def undo(self, caller: Account, request: Request) -> Done:
        """Takes back what is left of a purchase; raises `Refused`."""
        account = (await self._subaccounts.load(caller, request)).account
        purchase_id = mapping.read_identifier(request.path_params["purchase_id"], "purchase")
        await self._credits.undo_purchase(account, purchase_id)
        return Done()

    def _read(self, purchase: schemas.NewPurchase) -> Bought:
        prices = {
            self._subaccounts.read_type(one.message_type).name: _positive(
                "unit-price", one.unit_price
            )
            for one in purchase.message_types
        }
        amount = _positive("price", purchase.price)
        return Bought(amount=amount, prices=prices, gives=purchase.super_to_sub)

    def _render(self, caller: Account, view: PurchaseView) -> schemas.Purchase:
        purchase = view.purchase
        amount = _number(purchase.amount)
        return schemas.Purchase(
            super_to_sub=purchase.gives,
            amount=amount,
            create_time=mapping.render_time(
                purchase.created_ms, mapping.zone_of(caller, self._default_zone)
            ),
            id_purchase=purchase.purchase_id,
            price=amount,
            available=_number(view.available),
            message_types=tuple(
                schemas.UnitPrice(message_type=name, unit_price=mapping.render_money(price))
                for name, price in purchase.prices.items()
            ),
        )


def _positive(name: str, amount: float) -> int:
    units = mapping.read_money(name, amount)
    if not units:
        raise Refused(RefusalCode.INVALID_FIELD, name, "at least 0.0001")
    return units


def _number(units: int) -> int | float:
    """Ten-thousandths as this API writes them: whole numbers without a fraction."""
    money = mapping.render_money(units)
    return int(money) if money.is_integer() else money
