"""The calls on subaccounts, their credits and purchases (smSend v1.0, "Subaccount API")."""

from __future__ import annotations

from typing import Final

from dragoman.core.accounts.account_tree import Changes, check_right
from dragoman.core.accounts.credits import Purchase as Bought
from dragoman.core.accounts.credits import TypeMove
from dragoman.core.accounts.model.accounts import Account, AccountView, PurchaseView
from dragoman.core.billing.model.message_types import MessageType
from dragoman.core.billing.model.payments import Payer
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.calls import CallGroup
from dragoman.dialects.smsend.mapping import (
    DIALECT,
    read_body,
    read_flag,
    read_identifier,
    read_money,
    read_page,
    render_money,
    render_quantity,
    render_time,
)
from dragoman.dialects.smsend.schemas import Done, Located
from dragoman.dialects.smsend.subaccounts import mapping, schemas
from dragoman.dialects.wording import instead_of
from dragoman.web.requests import Request

LOCK: Final = "lock-subaccount"


class Subaccounts(CallGroup):
    """Answers the calls on subaccounts, each named by its identifier or its login."""

    async def list_page(self, caller: Account, request: Request) -> schemas.ManySubaccounts:
        """A page of the subaccounts; raises `Refused`."""
        check_right(caller)
        page = read_page(request.query)
        views, total = await self._services.account_tree.list_children(
            caller, page.offset, page.size
        )
        return schemas.ManySubaccounts(
            page_number=page.number,
            page_size=page.size,
            total=total,
            subaccount=tuple(await self._render(caller, views)),
        )

    async def find(self, caller: Account, request: Request) -> schemas.Subaccount:
        """A subaccount; raises `Refused`."""
        (found,) = await self._render(caller, [await self.load(caller, request)])
        return found

    async def create(self, caller: Account, request: Request) -> Located:
        """Makes a subaccount without credits; raises `Refused`."""
        check_right(caller)
        data = read_body(request, schemas.SubaccountData)
        mapping.check_complete(data)
        mapping.check_data(data)
        created = await self._services.account_tree.create(
            caller,
            mapping.read_fields(data, self._settings, self._services.credits.types),
            password=data.password or "",
            credits=0,
            permissions=mapping.read_permissions(data, caller, self._settings),
            record=mapping.make_record(data),
        )
        return Located(f"/subaccount/{created.view.account.account_id}")

    async def edit(self, caller: Account, request: Request) -> Located:
        """Changes what is given of a subaccount, and locks it or lets it in; raises `Refused`."""
        check_right(caller)
        data = read_body(request, schemas.SubaccountData)
        mapping.check_data(data)
        locked = read_flag(request.query, LOCK) if LOCK in request.query else None
        view = await self.load(caller, request)
        account = view.account
        changes = Changes(
            fields=mapping.read_fields(data, self._settings, self._services.credits.types),
            password=data.password or None,
            enabled=None if locked is None else not locked,
            permissions=mapping.read_permissions(data, caller, self._settings),
            record=mapping.make_record(data, await self._record(view)),
        )
        await self._services.account_tree.change(caller, account.account_id, changes)
        return Located(f"/subaccount/{account.account_id}")

    async def set_password(self, caller: Account, request: Request) -> Located:
        """Gives a subaccount another password, which ends its sessions; raises `Refused`."""
        account = await self._set_password(caller, request)
        return Located(f"/subaccount/{account.account_id}/changepwd")

    async def set_api_password(self, caller: Account, request: Request) -> Located:
        """The same: programs and people log in with one password. Raises `Refused`."""
        account = await self._set_password(caller, request)
        return Located(f"/subaccount/{account.account_id}/changepwd/api")

    async def profiles(self, caller: Account, _request: Request) -> schemas.ManyProfiles:
        """The profiles that subaccounts can be given; raises `Refused`."""
        check_right(caller)
        return schemas.ManyProfiles(
            profiles=tuple(
                mapping.render_profile(profile, caller, self._services.credits.types)
                for profile in mapping.known_profiles(self._settings)
            )
        )

    async def profile(self, caller: Account, request: Request) -> schemas.Profile:
        """One profile; raises `Refused`."""
        check_right(caller)
        text = request.path_params["profile_id"]
        for profile in mapping.known_profiles(self._settings):
            if text == str(profile.id):
                return mapping.render_profile(profile, caller, self._services.credits.types)
        raise Refused(RefusalCode.NOT_FOUND, text, "profile")

    async def services(self, caller: Account, _request: Request) -> schemas.ActivableServices:
        """What the caller has and can pass on; raises `Refused`."""
        check_right(caller)
        return schemas.ActivableServices(
            message_types=tuple(
                schemas.ActivableType(id=one.name, name=one.brand_name)
                for one in self._services.credits.types
                if caller.may_send_type(one.name)
            ),
            services=mapping.permission_names(caller),
        )

    async def move_credits(self, caller: Account, request: Request) -> Located:
        """Moves credits between the caller and a subaccount: all, or none; raises `Refused`."""
        given = read_body(request, schemas.CreditMoves).credits
        account = (await self.load(caller, request)).account
        moves = [
            TypeMove(
                message_type=self.read_type(move.message_type),
                amount=move.amount,
                gives=move.super_to_sub,
            )
            for move in given
        ]
        await self._services.credits.move(caller, account, moves)
        return Located(f"/subaccount/{account.account_id}/credit")

    async def list_credits(self, caller: Account, request: Request) -> schemas.ManyCredits:
        """The credits that a subaccount can still use, named as in `status`; raises `Refused`."""
        account = (await self.load(caller, request)).account
        credits = self._services.credits
        left = await credits.available(account)
        return schemas.ManyCredits(
            credits=tuple(
                schemas.AvailableCredits(
                    message_type=one.brand_name, amount=render_quantity(left[one.name])
                )
                for one in credits.types
                if account.may_send_type(one.name)
            )
        )

    async def load(self, caller: Account, request: Request) -> AccountView:
        """The subaccount that a path names; raises `Refused`."""
        check_right(caller)
        name = request.path_params["subaccount_id"]
        unknown = Refused(RefusalCode.NOT_FOUND, name, "subaccount")
        with instead_of(unknown.code, unknown):
            return await self._services.account_tree.find_child(caller, name)

    def read_type(self, name: str) -> MessageType:
        """The message type of a name or an alias; raises `Refused`."""
        found = self._services.credits.types.find(name)
        if found is None:
            raise Refused(RefusalCode.INVALID_FIELD, "message-type", "no such type")
        return found

    async def _render(self, caller: Account, views: list[AccountView]) -> list[schemas.Subaccount]:
        records = await self._services.account_tree.records(DIALECT, views)
        zone = self._zone_of(caller)
        rendered = []
        for view in views:
            account = view.account
            purchases = None
            if account.payer is Payer.BOTH:
                purchased = await self._services.credits.purchased(account.account_id)
                purchases = (purchased, await self._services.credits.own(account))
            data = mapping.parse_record(records.get(account.account_id))
            rendered.append(
                mapping.render_subaccount(view, data, zone, self._services.credits.types, purchases)
            )
        return rendered

    async def _set_password(self, caller: Account, request: Request) -> Account:
        password = read_body(request, schemas.NewPassword).passwd
        mapping.check_password("passwd", password)
        account = (await self.load(caller, request)).account
        await self._services.account_tree.change(
            caller, account.account_id, Changes(password=password)
        )
        return account

    async def _record(self, view: AccountView) -> schemas.SubaccountData:
        records = await self._services.account_tree.records(DIALECT, [view])
        return mapping.parse_record(records.get(view.account.account_id))

    async def list_purchases(self, caller: Account, request: Request) -> schemas.ManyPurchases:
        """A page of a subaccount's purchases, newest first; raises `Refused`."""
        page = read_page(request.query)
        account = (await self.load(caller, request)).account
        found, total = await self._services.credits.purchases(account, page.offset, page.size)
        return schemas.ManyPurchases(
            purchases=tuple(self._render_purchase(caller, view) for view in found),
            page_number=page.number,
            page_size=page.size,
            total=total,
        )

    async def enter_purchases(self, caller: Account, request: Request) -> Located:
        """Enters purchases of a subaccount: all, or none; raises `Refused`."""
        given = read_body(request, schemas.NewPurchases).purchases
        account = (await self.load(caller, request)).account
        await self._services.credits.buy(
            account, [self._read_purchase(purchase) for purchase in given]
        )
        return Located(f"/subaccount/{account.account_id}/purchase")

    async def undo_purchase(self, caller: Account, request: Request) -> Done:
        """Takes back what is left of a purchase; raises `Refused`."""
        account = (await self.load(caller, request)).account
        purchase_id = read_identifier(request.path_params["purchase_id"], "purchase")
        await self._services.credits.undo_purchase(account, purchase_id)
        return Done()

    def _read_purchase(self, purchase: schemas.NewPurchase) -> Bought:
        prices = {
            self.read_type(one.message_type).name: _positive("unit-price", one.unit_price)
            for one in purchase.message_types
        }
        amount = _positive("price", purchase.price)
        return Bought(amount=amount, prices=prices, gives=purchase.super_to_sub)

    def _render_purchase(self, caller: Account, view: PurchaseView) -> schemas.Purchase:
        purchase = view.purchase
        amount = _number(purchase.amount)
        return schemas.Purchase(
            super_to_sub=purchase.gives,
            amount=amount,
            create_time=render_time(purchase.created_ms, self._zone_of(caller)),
            id_purchase=purchase.purchase_id,
            price=amount,
            available=_number(view.available),
            message_types=tuple(
                schemas.UnitPrice(message_type=name, unit_price=render_money(price))
                for name, price in purchase.prices.items()
            ),
        )


def _positive(name: str, amount: float) -> int:
    units = read_money(name, amount)
    if not units:
        raise Refused(RefusalCode.INVALID_FIELD, name, "at least 0.0001")
    return units


def _number(units: int) -> int | float:
    """Ten-thousandths as this API writes them: whole numbers without a fraction."""
    money = render_money(units)
    return int(money) if money.is_integer() else money
