"""Countries whose numbers people write without a calling code: that of an account, and all."""

from __future__ import annotations

from dragoman.console.page_request import PageRequest
from dragoman.core.model.countries import NAMES, region_of_mcc
from dragoman.core.model.written_numbers import region_of_number
from dragoman.kit.zones import country_of_zone


def region_of(request: PageRequest) -> str:
    """The account's country (ISO 3166-1), or that of its time zone or default sender, if any."""
    account = request.account
    sender = account.default_sender.removeprefix("+")
    return (
        account.country
        or country_of_zone(request.zone.key)
        or (region_of_number(sender) if sender.isascii() and sender.isdigit() else "")
    )


def region_choices() -> list[tuple[str, str]]:
    """All countries with their names, in the order of these."""
    named = {region: name for mcc, name in NAMES.items() if (region := region_of_mcc(mcc))}
    return sorted(named.items(), key=lambda one: one[1])
