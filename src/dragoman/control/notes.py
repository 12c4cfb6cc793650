"""The log of changes on the command line: what each command that changed something leaves in it.

An entry is stored right after its change. Where that fails, the change stands and its entry is
missing; the gateway's own log says so.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import structlog

from dragoman.control import requests
from dragoman.control.house import Controlled
from dragoman.core.accounts.audit_log import hide_number
from dragoman.core.model.errors import Refused, StorageUnavailable

log = structlog.get_logger(__name__)


class Note(NamedTuple):
    """What is written down; `action` is one of those that the console has words for."""

    action: str
    subject: str = ""


def _of_account(request: requests.ChangeAccount, _answer: Any) -> Note | None:
    said = [f"may {name}" for name in sorted(request.grant)]
    said += [f"may not {name}" for name in sorted(request.revoke)]
    fields = ("allowed_addresses", "default_sender", "time_zone", "prefixes", "profile")
    said += [name.replace("_", " ") for name in fields if getattr(request, name) is not None]
    if request.message_types is not None:
        said.append("message types")
    if request.new_username is not None:
        said.append(f"its name was {request.username}")
    if request.credits:
        said.append(f"{request.credits:+} credits")
    return Note("set", ", ".join(said)) if said else None


def _of_credits(request: requests.AddCredits, _answer: Any) -> Note | None:
    if not request.credits:
        return None
    return Note("set", f"{request.credits:+} credits of {request.message_type}")


def _of_email_service(request: requests.ChangeEmailService, _answer: Any) -> Note | None:
    fields = ("enabled", "bandwidth", "purchased", "billing", "expiry")
    said = [name for name in fields if getattr(request, name) is not None]
    return Note("set", "e-mail service: " + ", ".join(said)) if said else None


def _of_keyword(action: str) -> Callable[[Any, Any], Note]:
    return lambda request, _answer: Note(action, f"{request.keyword} {hide_number(request.number)}")


_NOTES: Final = MappingProxyType[type[Any], Callable[[Any, Any], Note | None]](
    {
        requests.CreateAccount: lambda _request, _answer: Note("create"),
        requests.ChangeAccount: _of_account,
        requests.SetEnabled: lambda r, _answer: Note("open" if r.enabled else "shut"),
        requests.RotateKey: lambda _request, _answer: Note("key"),
        requests.AddCredits: _of_credits,
        requests.RevokeTokens: lambda _request, _answer: Note("revoke_tokens"),
        requests.ChangeEmailService: _of_email_service,
        requests.ResendMessage: lambda r, _answer: Note("resend", r.identifier),
        requests.CancelMessage: lambda _request, a: Note("cancel", str(a.message_id)),
        requests.AddNumber: lambda r, _answer: Note("add_number", hide_number(r.number)),
        requests.RemoveNumber: lambda r, _answer: Note("remove_number", hide_number(r.number)),
        requests.ReserveKeyword: _of_keyword("reserve_keyword"),
        requests.AttachKeyword: _of_keyword("attach_keyword"),
        requests.DeleteKeyword: _of_keyword("delete_keyword"),
        requests.AddOptOut: lambda r, _answer: Note("opt_out", hide_number(r.recipient)),
        requests.RemoveOptOut: lambda r, _answer: Note("opt_in", hide_number(r.recipient)),
        requests.CreateDeviceCode: lambda _request, _answer: Note("device_code"),
        requests.CreateDeviceToken: lambda _request, _answer: Note("device_token"),
        requests.AddDevice: lambda _request, a: Note("add_device", a.name),
        requests.ChangeDevice: lambda _request, a: Note("change_device", a.name),
        requests.SetDeviceEnabled: lambda r, a: Note(
            "enable_device" if r.enabled else "disable_device", a.name
        ),
        requests.RemoveDevice: lambda _request, a: Note("remove_device", a.name),
        requests.ExportInbox: lambda _request, a: Note("export_inbox", a.name),
        requests.DecideSender: lambda r, _answer: Note(
            "approve" if r.approved else "refuse", hide_number(r.sender)
        ),
        requests.SetWebhook: lambda r, _answer: Note("webhook", r.event),
    }
)
UNNOTED: Final = frozenset(
    {
        requests.ListAccounts,
        requests.Send,  # the message says itself who sent it
        requests.Find,
        requests.ShowOverview,
        requests.Diagnose,
        requests.ListNumbers,
        requests.ListKeywords,
        requests.ListOptOuts,
        requests.ListDevices,
        requests.ShowDevice,
        requests.ShowSigningKey,
        requests.ListSenders,
        requests.ShowMessage,
        requests.Tail,
        requests.ListWebhooks,
        requests.SwitchCarrier,  # its entries are stored with it
    }
)
"""Requests that change nothing, or say so themselves."""
NOTED: Final = frozenset(_NOTES)


async def note_change(controlled: Controlled, request: Any, answer: Any) -> None:
    """Writes down what a command did, if it changed something."""
    describe = _NOTES.get(type(request))
    note = describe(request, answer) if describe is not None else None
    username = _owner(answer)
    if note is None or not username:
        return
    services = controlled.services
    try:
        account = await services.accounts.find(username)
        await services.audit_log.note_command(account, note.action, note.subject)
    except (Refused, StorageUnavailable) as error:
        log.warning("change_not_written_down", action=note.action, reason=str(error))


def _owner(answer: Any) -> str:
    """The user name of the account that a change was about."""
    named = getattr(answer, "account", None)
    named = answer if named is None else named
    return named if isinstance(named, str) else str(getattr(named, "username", ""))
