"""Subaccounts as our accounts, and back: what an account has no field for is kept as a record."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from dragoman.config.dialects import SmSend, SubaccountProfile
from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.model.accounts import Account, AccountRecord, AccountView, Permission
from dragoman.core.billing.model.message_types import MessageTypes
from dragoman.core.billing.model.payments import Payer
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.dialects.smsend import mapping
from dragoman.dialects.smsend.subaccounts import schemas

PAYERS: Final = MappingProxyType({0: Payer.OWN, 1: Payer.PARENT, 2: Payer.BOTH})
EAT_MODES: Final = MappingProxyType({payer: mode for mode, payer in PAYERS.items()})

REQUIRED: Final = (
    "address", "cell", "city", "credit_eat_mode", "email", "login", "name", "province", "surname",
    "zip_code",
)  # fmt: skip
REQUIRED_OF_COMPANIES: Final = ("company_name", "piva")
MAX_FIELD: Final = 256
MIN_PASSWORD: Final = 8
MAX_PASSWORD: Final = 16
LANGUAGE: Final = "ita"
DEFAULT_PROFILE: Final = SubaccountProfile(id=1, name="default")
"""Every number stands for it where none is configured."""

_NARROWABLE: Final = (Permission.SEND, Permission.RECEIVE, Permission.ANY_SENDER, Permission.INBOX)
_MAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_NOT_KEPT: Final = ("login", "password", "credit_eat_mode", "superaccount")
"""What the account itself holds."""
_SHOWN_AS_KEPT: Final = (
    "address", "cell", "city", "fiscal_code", "pa_code", "company_name", "email", "fax",
    "invoicing_email", "name", "num_cell_for_test_sms", "phone", "piva", "province",
    "surname", "zip_code",
)  # fmt: skip


def check_data(data: schemas.SubaccountData) -> None:
    """Raises `Refused` naming the first field that cannot be stored or mailed to."""
    for name in data.__struct_fields__:
        value = getattr(data, name)
        if isinstance(value, str) and (len(value) > MAX_FIELD or not is_storable(value)):
            raise Refused(
                RefusalCode.INVALID_FIELD, _kebab(name), f"at most {MAX_FIELD} characters"
            )
    for name in ("email", "invoicing_email"):
        address = getattr(data, name)
        if address and _MAIL.fullmatch(address) is None:
            raise Refused(RefusalCode.INVALID_FIELD, _kebab(name), "no mail address")
    if data.login is not None and (not data.login or any(c.isspace() for c in data.login)):
        raise Refused(RefusalCode.INVALID_FIELD, "login", "no spaces")
    if data.password:
        check_password("password", data.password)


def check_complete(data: schemas.SubaccountData) -> None:
    """Raises `Refused` naming the first field that a new subaccount lacks."""
    company = data.company is not False
    for name in (*REQUIRED, *(REQUIRED_OF_COMPANIES if company else ())):
        if getattr(data, name) in (None, ""):
            raise Refused(RefusalCode.MISSING_FIELD, _kebab(name))


def check_password(name: str, password: str) -> None:
    """Raises `Refused` for a password of another length than the manual's."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD or not is_storable(password):
        detail = f"{MIN_PASSWORD} to {MAX_PASSWORD} characters"
        raise Refused(RefusalCode.INVALID_FIELD, name, detail)


def read_fields(
    data: schemas.SubaccountData, settings: SmSend, known: MessageTypes
) -> AccountFields:
    """What the account holds of the data; raises `Refused`."""
    types = None
    if data.id_subaccount_profile is not None:
        names = _profile(data.id_subaccount_profile, settings)[0]
        # A profile may name types as other brands do; accounts hold their own names.
        types = " ".join(one.name for one in map(known.find, names) if one is not None)
    return AccountFields(
        username=data.login,
        payer=None if data.credit_eat_mode is None else PAYERS[data.credit_eat_mode],
        message_types=types,
    )


def read_permissions(
    data: schemas.SubaccountData, caller: Account, settings: SmSend
) -> dict[Permission, bool]:
    """The permissions that the data decides on; raises `Refused`."""
    permissions: dict[Permission, bool] = {}
    if data.id_subaccount_profile is not None:
        without = _profile(data.id_subaccount_profile, settings)[1]
        for permission in _NARROWABLE:
            permissions[permission] = caller.may(permission) and permission not in without
    if data.superaccount is not None:
        permissions[Permission.ADMINISTER] = data.superaccount
    return permissions


def make_record(
    data: schemas.SubaccountData, before: schemas.SubaccountData | None = None
) -> AccountRecord:
    """The record of a subaccount: the data over what was kept before."""
    given = {
        name: value
        for name in data.__struct_fields__
        if name not in _NOT_KEPT and (value := getattr(data, name)) is not None
    }
    kept = msgspec.structs.replace(before or schemas.SubaccountData(), **given)
    return AccountRecord(dialect=mapping.DIALECT, record=msgspec.json.encode(kept).decode())


def parse_record(record: str | None) -> schemas.SubaccountData:
    """What is kept of a subaccount; nothing of one that another API made."""
    return msgspec.json.decode(record or "{}", type=schemas.SubaccountData)


def render_subaccount(
    view: AccountView,
    data: schemas.SubaccountData,
    zone: ZoneInfo,
    types: MessageTypes,
    purchases: tuple[int, dict[str, int | None]] | None,
) -> schemas.Subaccount:
    """A subaccount as this API shows it.

    `purchases` are what it bought in all and its credits by type; None where it buys none.
    """
    account = view.account
    created = mapping.render_date(view.created_ms, zone)
    company = data.company is not False
    purchased, credits = purchases or (0, {})
    return schemas.Subaccount(
        **{name: getattr(data, name) for name in _SHOWN_AS_KEPT},
        activation_time=created,
        active=account.enabled,
        company=company,
        create_time=created,
        credit_eat_mode=EAT_MODES[account.payer],
        credits_sum=None if purchases is None else render_sum(purchased),
        default_message_type=next(
            (one.name for one in types if account.may_send_type(one.name)), ""
        ),
        dfeu=data.dfeu is not False,
        id_user=account.account_id,
        language=data.language or LANGUAGE,
        legal_agreement_time=created,
        login=account.username,
        preferred_tpoa=account.default_sender or None,
        private=not company,
        superaccount=account.may(Permission.ADMINISTER),
        use24=data.use24 is not False,
        credits=tuple(
            schemas.TypeCredits(id=name, qty=mapping.render_quantity(left))
            for name, left in credits.items()
        ),
    )


def known_profiles(settings: SmSend) -> tuple[SubaccountProfile, ...]:
    """The profiles there are: the configured ones, else the default, which narrows nothing."""
    return settings.subaccount_profiles or (DEFAULT_PROFILE,)


def render_profile(
    profile: SubaccountProfile, caller: Account, types: MessageTypes
) -> schemas.Profile:
    named = [types.find(name) for name in profile.message_types]
    return schemas.Profile(
        id_subaccount_profile=profile.id,
        name=profile.name,
        message_types=tuple(
            one.name
            for one in types
            if caller.may_send_type(one.name) and (not named or one in named)
        ),
        services=tuple(name for name in permission_names(caller) if name not in profile.without),
    )


def permission_names(caller: Account) -> tuple[str, ...]:
    """What the caller may do and can let its subaccounts do."""
    return tuple(permission.value for permission in _NARROWABLE if caller.may(permission))


def render_sum(units: int) -> str:
    """Money as `&euro; 0,000`."""
    return f"&euro; {mapping.render_money(units):.3f}".replace(".", ",")


def _profile(number: int, settings: SmSend) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The types and the lacking permissions of a profile; raises `Refused`.

    Where none is configured, every number is the default profile, which narrows nothing.
    """
    if not settings.subaccount_profiles:
        return (), ()
    for profile in settings.subaccount_profiles:
        if profile.id == number:
            return profile.message_types, profile.without
    raise Refused(RefusalCode.INVALID_FIELD, "id-subaccount-profile", "no such profile")


def _kebab(name: str) -> str:
    return name.replace("_", "-")
