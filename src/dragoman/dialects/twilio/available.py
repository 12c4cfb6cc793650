"""Numbers of the operator that accounts may take, and give back, by themselves."""

from __future__ import annotations

from typing import Final

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from dragoman.container import Services
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.twilio import errors, schemas
from dragoman.dialects.twilio.calls import Caller, CallGroup, render
from dragoman.dialects.twilio.mapping import render_number
from dragoman.web.bodies import decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PATH: Final = "/AvailablePhoneNumbers"
MAX_SHOWN: Final = 1_000
DEFAULT_SHOWN: Final = 50
_EITHER: Final = PhoneNumberType.FIXED_LINE_OR_MOBILE
KINDS: Final = {
    "Local": frozenset({PhoneNumberType.FIXED_LINE, _EITHER}),
    "Mobile": frozenset({PhoneNumberType.MOBILE, _EITHER}),
    "TollFree": frozenset({PhoneNumberType.TOLL_FREE}),
}
CAPABILITIES: Final = {"voice": False, "SMS": True, "MMS": True, "fax": False}


class Available(CallGroup):
    """Answers the calls on numbers that can be had."""

    async def countries(self, caller: Caller, _request: Request) -> Response:
        """The countries that there are numbers of."""
        regions = sorted({region for _, region in _regions(await free_numbers(self._services))})
        countries = tuple(self._country(caller, region) for region in regions)
        return render(schemas.CountryPage(countries=countries, uri=caller.uri(f"{PATH}.json")))

    async def country(self, caller: Caller, request: Request) -> Response:
        """One country; raises `Refused` where there are no numbers of it."""
        wanted = request.path_params["country"]
        if all(region != wanted for _, region in _regions(await free_numbers(self._services))):
            raise errors.not_found()
        return render(self._country(caller, wanted))

    async def search(self, caller: Caller, request: Request) -> Response:
        """Numbers of a country and a kind; raises `Refused`."""
        query = decode_query(request, schemas.AvailableQuery)
        country, kind = request.path_params["country"], request.path_params["kind"]
        found = []
        for number, region in _regions(await free_numbers(self._services)):
            digits = str(number.national_number)
            if (
                region == country
                and phonenumbers.number_type(number) in KINDS[kind]
                and digits.startswith(query.area_code)
                and _contains(number, query.contains)
            ):
                found.append(_render(number, region))
        shown = tuple(found[: _read_size(query.page_size)])
        uri = caller.uri(f"{PATH}/{country}/{kind}.json")
        return render(schemas.AvailablePage(available_phone_numbers=shown, uri=uri))

    def _country(self, caller: Caller, region: str) -> schemas.Country:
        path = f"{PATH}/{region}"
        return schemas.Country(
            country_code=region,
            country=region,
            beta=False,
            uri=caller.uri(f"{path}.json"),
            subresource_uris={
                name: caller.uri(f"{path}/{kind}.json")
                for name, kind in (
                    ("local", "Local"),
                    ("mobile", "Mobile"),
                    ("toll_free", "TollFree"),
                )
            },
        )


async def free_numbers(services: Services) -> list[str]:
    """The digits of the numbers that the operator offers and nobody has, in the given order."""
    offered = services.settings.dialects.twilio.available_numbers
    taken = {one.number for one in await services.keywords.numbers()} if offered else frozenset()
    digits = (number.removeprefix("+") for number in offered)
    return [number for number in digits if number not in taken]


def _regions(numbers: list[str]) -> list[tuple[PhoneNumber, str]]:
    """The numbers whose numbering plan names a country."""
    found = []
    for digits in numbers:
        try:
            number = phonenumbers.parse(f"+{digits}")
        except phonenumbers.NumberParseException:
            continue
        region = phonenumbers.region_code_for_number(number)
        if region is not None and region.isalpha():
            found.append((number, region))
    return found


def _contains(number: PhoneNumber, pattern: str) -> bool:
    """Whether a number has digits in a row, of which `*` is any."""
    digits = f"{number.country_code}{number.national_number}"
    wanted = pattern.strip().lstrip("+")
    spans = (digits[at : at + len(wanted)] for at in range(len(digits) - len(wanted) + 1))
    return any(all(w in ("*", d) for w, d in zip(wanted, span, strict=True)) for span in spans)


def _read_size(text: str) -> int:
    if not text:
        return DEFAULT_SHOWN
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) <= MAX_SHOWN):
        raise Refused(RefusalCode.INVALID_FIELD, "PageSize", f"1 to {MAX_SHOWN}")
    return int(text)


def _render(number: PhoneNumber, region: str) -> schemas.AvailableNumber:
    return schemas.AvailableNumber(
        friendly_name=phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL),
        phone_number=render_number(f"{number.country_code}{number.national_number}"),
        iso_country=region,
        capabilities=CAPABILITIES,
    )
