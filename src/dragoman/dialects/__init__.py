"""The providers' APIs: one package each, one line each here."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from dragoman.container import Services
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.httpsms import build_httpsms
from dragoman.dialects.jasmin import build_jasmin
from dragoman.dialects.kannel import build_kannel
from dragoman.dialects.linkmobility import build_linkmobility
from dragoman.dialects.native import build_native
from dragoman.dialects.smsend import build_smsend
from dragoman.dialects.smsgate import build_smsgate
from dragoman.dialects.smsgateway24 import build_smsgateway24
from dragoman.dialects.twilio import build_twilio

__all__ = ["DIALECTS", "ProviderDialect"]

DIALECTS: Final = MappingProxyType[str, Callable[[Services], ProviderDialect]](
    {
        "httpsms": build_httpsms,
        "jasmin": build_jasmin,
        "kannel": build_kannel,
        "linkmobility": build_linkmobility,
        "native": build_native,
        "smsend": build_smsend,
        "smsgate": build_smsgate,
        "smsgateway24": build_smsgateway24,
        "twilio": build_twilio,
    }
)
"""Each dialect by the name it has in the configuration."""
