"""Phone numbers: normalised once at the edge, to digits of the international number.

Only country calling code and length are checked (ITU-T E.164: at most 15 digits), which is cheap
enough for every message. The full numbering plans are for imports and the console.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    PhoneMetadata,
    region_code_for_country_code,
)

from dragoman.core.model.errors import RefusalCode, Refused

MIN_DIGITS = 7
MAX_DIGITS = 15

REMOVED: Final = "0"
"""Stands for a number that was deleted while its row stays; no number is written like that."""

NORTH_AMERICAN_DIGITS = 11
"""`1`, area code and number; there are no shorter or longer ones (NANP)."""

WRITTEN = re.compile(r"(?:\+|00)?([1-9][0-9 .()/-]{4,30})")
_TRUNK_ZERO = re.compile(r"\( *0 *\)")
_HUNGARIAN_TRUNK_PREFIX = re.compile(r"36[ .()/-]*\( *06 *\)")
_PUNCTUATION = str.maketrans("", "", " .()/-")

ZERO_KEPT: Final = frozenset({"39", "225", "229", "242", "378"})
"""Calling codes whose numbers themselves begin with a zero: Italy (with the Vatican), Ivory Coast,
Benin, Congo, San Marino. There a zero in brackets is a digit like any other."""

_TRUNK_PREFIXES: Final = frozenset({"0", "06"})
"""Those that no number of their countries begins with, so that they are one where they stand."""

_INVISIBLE: Final = (
    0x00AD,  # soft hyphen
    *range(0x200B, 0x2010),  # zero width, and the two marks of direction
    *range(0x202A, 0x202F),  # embeddings and overrides of direction
    *range(0x2066, 0x206A),  # isolates of direction
    0xFEFF,  # byte order mark, or zero width no-break space
    *(0x00A0, 0x2007, 0x202F),  # no-break spaces
)
_ZEROS: Final = (0x0660, 0x06F0, 0x0966, 0x09E6, 0xFF10)
"""Of the digits of Arabic, Persian, Hindi and Bengali, and of those of full width."""
_TYPED: Final[Mapping[int, str]] = MappingProxyType(
    {
        **dict.fromkeys(_INVISIBLE, ""),
        **dict.fromkeys((*range(0x2000, 0x2007), *range(0x2008, 0x200B), 0x3000), " "),
        **dict.fromkeys((*range(0x2010, 0x2015), 0x2212, 0xFF0D), "-"),  # dashes, and a minus
        0xFF0B: "+",
        **{zero + digit: str(digit) for zero in _ZEROS for digit in range(10)},
    }
)
"""What copying from an address book, a spreadsheet or a web page leaves in a number."""

# The mobile country code that a number of a calling code most likely has (ITU E.212). Zones that
# several countries share have the code of the largest; `_WITHIN_ZONES` knows the others of +1, +7.
MOBILE_COUNTRY_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "1": "310", "20": "602", "211": "659", "212": "604", "213": "603", "216": "605",
        "218": "606", "220": "607", "221": "608", "222": "609", "223": "610", "224": "611",
        "225": "612", "226": "613", "227": "614", "228": "615", "229": "616", "230": "617",
        "231": "618", "232": "619", "233": "620", "234": "621", "235": "622", "236": "623",
        "237": "624", "238": "625", "239": "626", "240": "627", "241": "628", "242": "629",
        "243": "630", "244": "631", "245": "632", "248": "633", "249": "634", "250": "635",
        "251": "636", "252": "637", "253": "638", "254": "639", "255": "640", "256": "641",
        "257": "642", "258": "643", "260": "645", "261": "646", "262": "647", "263": "648",
        "264": "649", "265": "650", "266": "651", "267": "652", "268": "653", "269": "654",
        "27": "655", "290": "658", "291": "657", "297": "363", "298": "288", "299": "290",
        "30": "202", "31": "204", "32": "206", "33": "208", "34": "214", "350": "266",
        "351": "268", "352": "270", "353": "272", "354": "274", "355": "276", "356": "278",
        "357": "280", "358": "244", "359": "284", "36": "216", "370": "246", "371": "247",
        "372": "248", "373": "259", "374": "283", "375": "257", "376": "213", "377": "212",
        "378": "292", "380": "255", "381": "220", "382": "297", "383": "221", "385": "219",
        "386": "293", "387": "218", "389": "294", "39": "222", "40": "226", "41": "228",
        "420": "230", "421": "231", "423": "295", "43": "232", "44": "234", "45": "238",
        "46": "240", "47": "242", "48": "260", "49": "262", "500": "750", "501": "702",
        "502": "704", "503": "706", "504": "708", "505": "710", "506": "712", "507": "714",
        "508": "308", "509": "372", "51": "716", "52": "334", "53": "368", "54": "722",
        "55": "724", "56": "730", "57": "732", "58": "734", "590": "340", "591": "736",
        "592": "738", "593": "740", "594": "742", "595": "744", "596": "340", "597": "746",
        "598": "748", "599": "362", "60": "502", "61": "505", "62": "510", "63": "515",
        "64": "530", "65": "525", "66": "520", "670": "514", "672": "505", "673": "528",
        "674": "536", "675": "537", "676": "539", "677": "540", "678": "541", "679": "542",
        "680": "552", "682": "548", "685": "549", "686": "545", "687": "546", "688": "553",
        "689": "547", "691": "550", "692": "551", "7": "250", "81": "440", "82": "450",
        "84": "452", "850": "467", "852": "454", "853": "455", "855": "456", "856": "457",
        "86": "460", "880": "470", "886": "466", "90": "286", "91": "404", "92": "410",
        "93": "412", "94": "413", "95": "414", "960": "472", "961": "415", "962": "416",
        "963": "417", "964": "418", "965": "419", "966": "420", "967": "421", "968": "422",
        "970": "425", "971": "424", "972": "425", "973": "426", "974": "427", "975": "402",
        "976": "428", "977": "429", "98": "432", "992": "436", "993": "438", "994": "400",
        "995": "282", "996": "437", "998": "434", "246": "995", "247": "658", "681": "543",
        "683": "555", "690": "554", "870": "901", "881": "901", "882": "901", "883": "901",
    }
)  # fmt: skip

_CANADA: Final = (
    "204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 387 403 416 418 428 431 437 438"
    " 450 468 474 506 514 519 537 548 568 579 581 584 587 604 613 639 647 672 683 705 709 742 753"
    " 778 780 782 807 819 825 867 873 879 902 905 942"
)

# Countries of the zones +1 (by area code) and +7 (by first digit) beside the largest.
_WITHIN_ZONES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{f"1{area}": "302" for area in _CANADA.split()},
        "1242": "364", "1246": "342", "1264": "365", "1268": "344", "1284": "348", "1340": "332",
        "1345": "346", "1441": "350", "1473": "352", "1649": "376", "1658": "338", "1664": "354",
        "1684": "544", "1721": "362", "1758": "358", "1767": "366", "1784": "360", "1787": "330",
        "1809": "370", "1829": "370", "1849": "370", "1868": "374", "1869": "356", "1876": "338",
        "1939": "330", "76": "401", "77": "401",
    }
)  # fmt: skip

_DIGITS_OF_ZONES: Final[Mapping[str | None, int]] = MappingProxyType({"1": 4, "7": 2})


_MARKED: Final[Mapping[str, str]] = MappingProxyType({"52": "1", "54": "9", "55": "9"})
_MARKED_NUMBER: Final = re.compile(r"(52)1(\d{10})|(54)9(\d{10})|(55[1-9]\d)9([6-9]\d{7})")
_UNMARKED_NUMBER: Final = re.compile(
    r"(?:(?P<mx>52)(?=\d{10}$)|(?P<ar>54)(?=\d{10}$)|(?P<br>55[1-9]\d)(?=[6-9]\d{7}$))(?P<rest>\d+)"
)


def normalise(number: str) -> str:
    """The digits of an international number; `Refused(INVALID_RECIPIENT)` for anything else.

    Accepts `+`, `00` or nothing before the country code, and the punctuation people write;
    invisible marks and no-break spaces are dropped. A trunk prefix after the country code,
    `+44 (0) 20…`, `+36 (06) 20…` or `+1 1 764…`, falls away, unless the country's numbers begin
    with it.
    """
    digits = number[1:]
    # Nearly all numbers come as `+` and digits.
    plain = number.startswith("+") and digits.isascii() and digits.isdigit() and digits[0] != "0"
    written = None if plain else WRITTEN.fullmatch(as_typed(number).strip())
    if plain or written is not None:
        if written is not None:
            digits = join_digits(written[1])
        code = country_code(digits[:3]) if len(digits) >= MIN_DIGITS else None
        if code is not None and digits[len(code)] == "0":
            digits = _drop_trunk_prefix(digits, code)
        elif code == "1" and digits[1] == "1" and len(digits) == NORTH_AMERICAN_DIGITS + 1:
            digits = digits[1:]  # its trunk prefix is a 1 too, with which no area code begins
        if not MIN_DIGITS <= len(digits) <= MAX_DIGITS:
            code = None
        if code is not None and (code != "1" or len(digits) == NORTH_AMERICAN_DIGITS):
            return digits
    raise Refused(RefusalCode.INVALID_RECIPIENT, number[:32], "not an international number")


def forms_of(number: str) -> tuple[str, ...]:
    """A number as given, and without or with the digit that its country puts into those of mobiles.

    Argentina, Brazil and Mexico: networks and people write one phone both ways, so that a text may
    come from the one form where messages go to the other.
    """
    if number[:2] not in _MARKED:
        return (number,)
    marked = _MARKED_NUMBER.fullmatch(number)
    if marked is not None:
        return number, "".join(part for part in marked.groups() if part)
    plain = _UNMARKED_NUMBER.fullmatch(number)
    if plain is not None:
        begin = next(part for part in plain.group("ar", "br", "mx") if part)
        return number, begin + _MARKED[number[:2]] + plain["rest"]
    return (number,)


def as_typed(written: str) -> str:
    """A number as it would be typed: with the digits, hyphens and blanks of ASCII.

    Invisible marks and no-break spaces that were copied with it are gone.
    """
    return written if written.isascii() else written.translate(_TYPED)


def drop_punctuation(written: str) -> str:
    """A number without the punctuation that people write."""
    return written.translate(_PUNCTUATION)


def join_digits(written: str) -> str:
    """The digits of a number that is written from its country code on.

    None where a trunk zero is out of place.
    """
    if "(" not in written:
        return drop_punctuation(written)
    written = _HUNGARIAN_TRUNK_PREFIX.sub("36", written, count=1)
    zero = _TRUNK_ZERO.search(written)
    if zero is None:
        return drop_punctuation(written)
    code = drop_punctuation(written[: zero.start()])
    if country_code(code[:3]) != code or _TRUNK_ZERO.search(written, zero.end()):
        return ""
    kept = "0" if code in ZERO_KEPT else ""
    return code + kept + drop_punctuation(written[zero.end() :])


def _drop_trunk_prefix(digits: str, code: str) -> str:
    national = digits[len(code) :]
    prefix = _trunk_prefix(code)
    if prefix and national.startswith(prefix) and not national.startswith("0", len(prefix)):
        return code + national[len(prefix) :]
    return digits


@lru_cache(maxsize=300)
def _trunk_prefix(code: str) -> str:
    """What is dialled before a number inside its country, where no number itself begins so."""
    if code in ZERO_KEPT:
        return ""
    region = region_code_for_country_code(int(code))
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    prefix = metadata.national_prefix if metadata is not None else None
    return prefix if prefix in _TRUNK_PREFIXES else ""


@lru_cache(maxsize=1000)
def country_code(digits: str) -> str | None:
    """The calling code of a number that starts with these (at most three) digits."""
    for length in (1, 2, 3):
        if int(digits[:length]) in COUNTRY_CODE_TO_REGION_CODE:
            return digits[:length]
    return None


def mobile_country_code(digits: str) -> str:
    """The likely mobile country code (ITU E.212) of a number; `0` if unknown."""
    code = country_code(digits[:3])
    if code in _DIGITS_OF_ZONES:
        within = _WITHIN_ZONES.get(digits[: _DIGITS_OF_ZONES[code]])
        if within is not None:
            return within
    return MOBILE_COUNTRY_CODES.get(code, "0") if code else "0"
