"""A house with short codes and a carrier that bills, and accounts that may charge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from dragoman.config import Settings
from dragoman.config.premium import BillingTable, ContentTypeTable, ShortCodeTable
from dragoman.config.tables import RouteTable, SmppTable
from dragoman.core.accounts.sql.tables import accounts

ALL = "any_sender charity premium premium_high receive send"


@pytest.fixture
def configure() -> Callable[[Settings], Settings]:
    """1272 for everybody, 2333 in Norway for `hn`, 1919 for `other`; Sweden cannot be billed."""

    def change(settings: Settings) -> Settings:
        (carrier,) = settings.carriers
        billing = BillingTable(price_tag=0x1400, service_type="")
        return msgspec.structs.replace(
            settings,
            carriers=(
                msgspec.structs.replace(carrier, premium=billing),
                SmppTable(name="plain", host="127.0.0.1", system_id="dragoman"),
            ),
            routes=(
                RouteTable(name="default", carriers=(carrier.name,)),
                RouteTable(name="swedish", prefixes=("46",), carriers=(carrier.name, "plain")),
            ),
            short_codes=(
                ShortCodeTable(number="1272", country_code="45"),
                ShortCodeTable(
                    number="2333", country_code="47", accounts=("hn",), catalogue="norwegian"
                ),
                ShortCodeTable(number="1919", country_code="45", accounts=("other",)),
                ShortCodeTable(
                    number="72272",
                    country_code="46",
                    accounts=("hn",),
                    content_types=(
                        ContentTypeTable(id=1, description="Biljetter", expires="2026-09-21"),
                        ContentTypeTable(id=2, description="Lotteri", vat_exempt=True),
                        ContentTypeTable(id=3, description="Glass", expires="2026-09-20"),
                    ),
                ),
            ),
        )

    return change


@pytest.fixture
def permit(link: Any) -> Callable[[str], None]:
    """Gives all accounts other permissions, before they have called."""

    def change(permissions: str) -> None:
        with link.services.storage._write_engine.begin() as connection:
            connection.execute(update(accounts).values(permissions=permissions))

    return change


@pytest.fixture
def shop(link: Any, permit: Callable[[str], None]) -> Any:
    """The customer, with every permission."""
    permit(ALL)
    return link
