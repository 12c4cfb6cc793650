"""What numbering plans say of a number (Twilio Lookup v2); networks are not asked."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, ValidationResult

from dragoman.core.model.phone_numbers import as_typed
from dragoman.dialects.twilio import errors, schemas
from dragoman.dialects.twilio.calls import Caller, CallGroup, render
from dragoman.dialects.twilio.paging import base_url
from dragoman.web.bodies import decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PATH: Final = "/v2/PhoneNumbers"
MAX_WRITTEN: Final = 40
LINE_TYPE: Final = "line_type_intelligence"

_ERRORS: Final = MappingProxyType(
    {
        ValidationResult.INVALID_COUNTRY_CODE: "INVALID_COUNTRY_CODE",
        ValidationResult.TOO_SHORT: "TOO_SHORT",
        ValidationResult.TOO_LONG: "TOO_LONG",
        ValidationResult.INVALID_LENGTH: "INVALID_LENGTH",
        ValidationResult.IS_POSSIBLE: "INVALID_BUT_POSSIBLE",
        ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "INVALID_BUT_POSSIBLE",
    }
)
_TYPES: Final = MappingProxyType(
    {
        PhoneNumberType.FIXED_LINE: "landline",
        PhoneNumberType.MOBILE: "mobile",
        PhoneNumberType.FIXED_LINE_OR_MOBILE: "mobile",
        PhoneNumberType.TOLL_FREE: "tollFree",
        PhoneNumberType.PREMIUM_RATE: "premium",
        PhoneNumberType.SHARED_COST: "sharedCost",
        PhoneNumberType.VOIP: "nonFixedVoip",
        PhoneNumberType.PERSONAL_NUMBER: "personal",
        PhoneNumberType.PAGER: "pager",
        PhoneNumberType.UAN: "uan",
        PhoneNumberType.VOICEMAIL: "voicemail",
    }
)


class Lookups(CallGroup):
    """Answers the calls on any number."""

    async def fetch(self, _caller: Caller, request: Request) -> Response:
        """What is known of a number, valid or not; raises `Refused` for what is none."""
        query = decode_query(request, schemas.LookupQuery)
        written = as_typed(request.path_params["number"]).strip()
        url = f"{base_url(request, self._settings.public_url)}{PATH}"
        number = _parse(written, query.country_code.strip().upper())
        if number is None:
            shown = written[:MAX_WRITTEN]
            return render(
                schemas.Lookup(
                    calling_country_code=None,
                    country_code=None,
                    phone_number=shown,
                    national_format=None,
                    valid=False,
                    validation_errors=("NOT_A_NUMBER",),
                    url=f"{url}/{shown}" if shown.isprintable() else url,
                )
            )
        fields = {field.strip() for field in query.fields.split(",")}
        shown = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        valid = phonenumbers.is_valid_number(number)
        wrong = () if valid else (_ERRORS[phonenumbers.is_possible_number_with_reason(number)],)
        region = phonenumbers.region_code_for_number(number)
        return render(
            schemas.Lookup(
                calling_country_code=str(number.country_code),
                country_code=region if region and region.isalpha() else None,
                phone_number=shown,
                national_format=phonenumbers.format_number(
                    number, phonenumbers.PhoneNumberFormat.NATIONAL
                ),
                valid=valid,
                validation_errors=wrong,
                line_type_intelligence=_line_type(number) if LINE_TYPE in fields else None,
                url=f"{url}/{shown}",
            )
        )


def _parse(written: str, region: str) -> PhoneNumber | None:
    if len(written) > MAX_WRITTEN:
        raise errors.not_found()
    known = region if region in phonenumbers.SUPPORTED_REGIONS else None
    if written.isascii() and written.isdigit() and known is None:
        written = f"+{written}"
    try:
        return phonenumbers.parse(written, known)
    except phonenumbers.NumberParseException:
        return None


def _line_type(number: PhoneNumber) -> dict[str, str | int | None]:
    return {
        "error_code": None,
        "mobile_country_code": None,
        "mobile_network_code": None,
        "carrier_name": None,
        "type": _TYPES.get(phonenumbers.number_type(number)),
    }
