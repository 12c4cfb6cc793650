"""What the calls on subaccounts take and answer, with the names and the order of the manual."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from dragoman.web.operations import doc

EatMode = Annotated[
    int, Meta(ge=0, le=2, description="Who pays: 0 itself, 1 the superaccount, 2 both.")
]


class SubaccountData(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", omit_defaults=True):
    """A subaccount as it is made or edited; what is left out of an edit stays as it is."""

    address: str | None = None
    cell: str | None = None
    city: str | None = None
    fiscal_code: str | None = None
    pa_code: str | None = None
    company: bool | None = None
    company_name: str | None = None
    credit_eat_mode: EatMode | None = None
    dfeu: bool | None = None
    email: str | None = None
    fax: str | None = None
    invoicing_email: str | None = None
    language: str | None = None
    login: str | None = None
    name: str | None = None
    num_cell_for_test_sms: str | None = None
    password: Annotated[str | None, doc("8 to 16 characters.")] = None
    phone: str | None = None
    piva: str | None = None
    province: str | None = None
    superaccount: bool | None = None
    surname: str | None = None
    use24: bool | None = None
    zip_code: str | None = None
    id_subaccount_profile: int | None = None


class EditQuery(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What an edit does beside the body."""

    lock_subaccount: Annotated[
        bool | None, doc("Shuts the subaccount out, or lets it in again.")
    ] = None


class NewPassword(msgspec.Struct, frozen=True, kw_only=True):
    """A password for a subaccount."""

    passwd: Annotated[str, doc("8 to 16 characters.")]


class TypeCredits(msgspec.Struct, frozen=True, kw_only=True):
    """Credits of a type, as a subaccount shows them."""

    id: str
    qty: int


class Subaccount(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A subaccount."""

    activation_time: str
    active: bool
    address: str | None
    allowtpoavalidation: bool = True
    cell: str | None
    city: str | None
    fiscal_code: str | None
    pa_code: str | None
    company: bool
    company_name: str | None
    create_time: str
    credit_eat_mode: int
    credits_sum: str | None
    default_message_type: str
    default_nation: str = "ita"
    dfeu: bool
    email: str | None
    fax: str | None
    foreign: bool = False
    id_user: int
    invoicing_email: str | None
    language: str
    legal_agreement_time: str
    legal_agreement_version: int = msgspec.field(default=0, name="legalAgreementVersion")
    login: str
    max_subaccounts: int = -1
    name: str | None
    num_cell_for_test_sms: str | None
    partner: bool = False
    partner_code: None = None
    phone: str | None
    piva: str | None
    preferred_tpoa: str | None
    private: bool
    province: str | None
    referral: bool = False
    shop_cart_check: bool = msgspec.field(default=True, name="shop_cart_check")
    split_payment: bool = False
    subaccount: bool = True
    subaccount_types: int = 0
    super_account_name: str = ""
    superaccount: bool
    surname: str | None
    use24: bool
    user_nation: str = "ita"
    zip_code: str | None
    credits: tuple[TypeCredits, ...]


class ManySubaccounts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of subaccounts."""

    result: str = "OK"
    page_number: int
    page_size: int
    total: int
    subaccount: tuple[Subaccount, ...]


class CreditMove(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """Credits of a type to move."""

    message_type: str
    amount: int
    super_to_sub: bool


class CreditMoves(msgspec.Struct, frozen=True, kw_only=True):
    """Credits to move, all or none."""

    credits: Annotated[tuple[CreditMove, ...], Meta(min_length=1, max_length=100)]


class AvailableCredits(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """Credits of a type that are left."""

    message_type: str
    amount: int


class ManyCredits(msgspec.Struct, frozen=True, kw_only=True):
    """What a subaccount has left."""

    result: str = "OK"
    credits: tuple[AvailableCredits, ...]


class Profile(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What subaccounts of a kind may do."""

    id_subaccount_profile: int
    name: str
    message_types: tuple[str, ...]
    services: tuple[str, ...]


class ManyProfiles(msgspec.Struct, frozen=True, kw_only=True):
    """The profiles there are."""

    result: str = "OK"
    profiles: tuple[Profile, ...]


class ActivableType(msgspec.Struct, frozen=True, kw_only=True):
    """A message type that subaccounts can have."""

    id: str
    name: str
    """What other brands call it."""


class ActivableServices(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What subaccounts can be given."""

    result: str = "OK"
    message_types: tuple[ActivableType, ...]
    services: tuple[str, ...]


class UnitPrice(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What a credit of a type costs."""

    message_type: str
    unit_price: float


class NewPurchase(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A purchase to enter."""

    super_to_sub: bool = True
    price: float
    message_types: Annotated[tuple[UnitPrice, ...], Meta(min_length=1, max_length=100)]


class NewPurchases(msgspec.Struct, frozen=True, kw_only=True):
    """Purchases to enter, all or none."""

    purchases: Annotated[tuple[NewPurchase, ...], Meta(min_length=1, max_length=100)]


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase, and what is left of it."""

    super_to_sub: bool = msgspec.field(name="super-to-sub")
    amount: int | float
    create_time: str = msgspec.field(name="create-time")
    id_purchase: int
    price: int | float
    available: int | float
    message_types: tuple[UnitPrice, ...] = msgspec.field(name="message-types")


class ManyPurchases(msgspec.Struct, frozen=True, kw_only=True):
    """A page of purchases."""

    result: str = "OK"
    purchases: tuple[Purchase, ...]
    page_number: int = msgspec.field(name="pageNumber")
    page_size: int = msgspec.field(name="pageSize")
    total: int
