"""What an account binds with over SMPP, and how its binds are treated."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.model.errors import RefusalCode, Refused

MAX_SYSTEM_ID: Final = 15
"""Characters, as SMPP 3.4 s. 4.1.1 has it."""
MAX_PASSWORD: Final = 64
"""The standard has room for 8; operators hand out longer ones, and many programs take them."""
ISSUED_PASSWORD: Final = 8
"""Characters of a generated password, which every program takes."""
MAX_BINDS: Final = 1_000
SUBMIT_FAILED: Final = 0x45


class SmppOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the binds of a login are treated; stored as JSON."""

    max_binds: int | None = None
    """None as `[smpp_server]` has it; the same for the next one."""
    rate_per_s: float | None = None
    """Parts a second over all binds; 0 for no limit."""
    latin_1: bool = False
    """Whether data_coding 0 stands for Latin-1, not for the GSM alphabet."""
    payload: bool = False
    """Whether long inbound texts go whole into a message_payload, not into several deliver_sm."""
    no_credit_status: int = SUBMIT_FAILED
    """The command_status of a submit that the account has no credits for."""


class SmppLogin(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `smpp_logins`: what an account binds as."""

    account_id: int
    system_id: str
    receives: bool = False
    """Whether a receiver or transceiver was ever bound: inbound texts wait for one from then on."""
    options: SmppOptions = SmppOptions()


def check_system_id(system_id: str) -> None:
    """Raises `Refused` for a system_id that some program could not send."""
    if not 0 < len(system_id) <= MAX_SYSTEM_ID or not _is_plain(system_id):
        detail = f"1 to {MAX_SYSTEM_ID} characters of ASCII without blanks"
        raise Refused(RefusalCode.INVALID_FIELD, "system_id", detail)


def check_smpp_password(password: str) -> None:
    """Raises `Refused` for a password that a bind cannot carry."""
    if not 0 < len(password) <= MAX_PASSWORD or not _is_plain(password):
        detail = f"1 to {MAX_PASSWORD} characters of ASCII without blanks"
        raise Refused(RefusalCode.INVALID_FIELD, "password", detail)


def check_options(options: SmppOptions) -> None:
    """Raises `Refused` for an option out of its range."""
    if options.max_binds is not None and not 1 <= options.max_binds <= MAX_BINDS:
        raise Refused(RefusalCode.INVALID_FIELD, "max_binds", f"1 to {MAX_BINDS}")
    if options.rate_per_s is not None and not 0 <= options.rate_per_s <= 1_000_000:
        raise Refused(RefusalCode.INVALID_FIELD, "rate_per_s", "0 to 1000000")
    status = options.no_credit_status
    if not (0 < status <= 0xFF or 0x400 <= status <= 0x4FF):
        raise Refused(RefusalCode.INVALID_FIELD, "no_credit_status", "0x01 to 0xff, 0x400 to 0x4ff")


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
