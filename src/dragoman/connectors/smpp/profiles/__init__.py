"""The differences between SMSCs as values: a quirk is a field, a profile is a line."""

from types import MappingProxyType
from typing import Final

from dragoman.config.tables import LATIN_1
from dragoman.connectors.smpp.profiles.profile import GsmCharset, LongMessages, Profile
from dragoman.protocols.smpp.addresses import AddressProfile, Numbering
from dragoman.protocols.smpp.message_ids import IdReading

__all__ = ["PROFILES", "GsmCharset", "IdReading", "LongMessages", "Profile"]

_UNTYPED: Final = Numbering(0, 0)

PROFILES: Final = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile(),
            Profile(name=LATIN_1, gsm_charset=GsmCharset.LATIN_1, gsm_data_coding=3),
            Profile(name="packed", gsm_charset=GsmCharset.PACKED),
            Profile(name="payload", long_messages=LongMessages.PAYLOAD),
            Profile(name="sar", long_messages=LongMessages.SAR),
            Profile(
                name="untyped",
                addresses=AddressProfile(
                    international=_UNTYPED,
                    alphanumeric=_UNTYPED,
                    short_code=_UNTYPED,
                    recipient=_UNTYPED,
                ),
            ),
        )
    }
)
"""The profiles a configuration may name."""
