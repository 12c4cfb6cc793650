"""What each command does, over the services of a house."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Any, Final

from dragoman import __version__
from dragoman.container import Services
from dragoman.control import devices, requests
from dragoman.control.answers import (
    AccountList,
    AccountSecrets,
    AccountView,
    BatchStatus,
    Diagnosis,
    MessageStatus,
    Overview,
    RouteView,
    SentBatch,
)
from dragoman.control.carriers import switch_carrier, view_carriers
from dragoman.control.diagnosis import check_services
from dragoman.control.email_service import change_email_service
from dragoman.control.house import Controlled
from dragoman.control.inbound import INBOUND_HANDLERS
from dragoman.control.messages import MESSAGE_HANDLERS, parse_identifier
from dragoman.control.notes import note_change
from dragoman.control.senders import SENDER_HANDLERS
from dragoman.control.webhooks import WEBHOOK_HANDLERS
from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.account_tree import NOT_BY_DEFAULT
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Account, Permission
from dragoman.core.billing.model.pricing import render_price
from dragoman.core.messages.model.messages import Submission
from dragoman.core.messages.model.views import MessageView
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.reporting.sql import outbox
from dragoman.core.submission.sql import batches

DIALECT: Final = "cli"
MESSAGES_SHOWN: Final = 20


async def run_command(controlled: Controlled, request: requests.Request[Any]) -> Any:
    """Carries out a command; raises `Refused` and `StorageUnavailable`."""
    answer = await HANDLERS[type(request)](controlled, request)
    await note_change(controlled, request, answer)
    return answer


async def _create_account(
    controlled: Controlled, request: requests.CreateAccount
) -> AccountSecrets:
    accounts = controlled.services.accounts
    grant, revoke = _read_permissions(request.grant), _read_permissions(request.revoke)
    parent = await accounts.find(request.parent) if request.parent else None
    usual = DEFAULT_PERMISSIONS if parent is None else parent.permissions - NOT_BY_DEFAULT
    created = await accounts.create(
        request.username,
        password=request.password,
        api_key=request.api_key,
        credits=request.credits,
        allowed_addresses=request.allowed_addresses,
        legacy_md5=request.legacy_md5,
        default_sender=request.default_sender,
        time_zone=request.time_zone,
        parent=parent,
        permissions=(usual | grant) - revoke,
        fields=AccountFields(prefixes=request.prefixes, profile=request.profile),
    )
    return AccountSecrets(
        account=await _view_account(controlled.services, created.account),
        api_key=created.api_key,
        password=created.password,
    )


async def _list_accounts(controlled: Controlled, _request: requests.ListAccounts) -> AccountList:
    services = controlled.services
    accounts = await services.accounts.list_all()
    return AccountList(
        accounts=tuple([await _view_account(services, account) for account in accounts])
    )


async def _set_enabled(controlled: Controlled, request: requests.SetEnabled) -> AccountView:
    services = controlled.services
    account = await services.accounts.set_enabled(request.username, request.enabled)
    return await _view_account(services, account)


async def _revoke_tokens(controlled: Controlled, request: requests.RevokeTokens) -> AccountView:
    services = controlled.services
    account = await services.accounts.find(request.username)
    await services.access_tokens.revoke_all(account)
    await services.login_tokens.revoke_all(account)
    services.sessions.end_all(account.account_id)
    return await _view_account(services, account)


async def _change_account(controlled: Controlled, request: requests.ChangeAccount) -> AccountView:
    services = controlled.services
    account = await services.accounts.change(
        request.username,
        AccountFields(
            username=request.new_username,
            allowed_addresses=request.allowed_addresses,
            default_sender=request.default_sender,
            time_zone=request.time_zone,
            prefixes=request.prefixes,
            profile=request.profile,
            message_types=_read_types(services, request.message_types),
        ),
        grant=_read_permissions(request.grant),
        revoke=_read_permissions(request.revoke),
        credits=request.credits,
    )
    return await _view_account(services, account)


def _read_types(services: Services, names: tuple[str, ...] | None) -> str | None:
    """The types of some names, as a field of an account; raises `Refused`."""
    if names is None:
        return None
    types = {name: services.credits.types.find(name) for name in names}
    unknown = [name for name, found in types.items() if found is None]
    if unknown:
        known = ", ".join(one.name for one in services.credits.types)
        raise Refused(RefusalCode.INVALID_FIELD, unknown[0], f"no such type; there are {known}")
    return " ".join(found.name for found in types.values() if found is not None)


def _read_permissions(names: tuple[str, ...]) -> frozenset[Permission]:
    unknown = sorted(set(names) - set(Permission))
    if unknown:
        detail = f"no such permission; there are {', '.join(Permission)}"
        raise Refused(RefusalCode.INVALID_FIELD, unknown[0], detail)
    return frozenset(map(Permission, names))


async def _rotate_key(controlled: Controlled, request: requests.RotateKey) -> AccountSecrets:
    services = controlled.services
    api_key = await services.accounts.rotate_key(request.username, request.api_key)
    account = await services.accounts.find(request.username)
    return AccountSecrets(account=await _view_account(services, account), api_key=api_key)


async def _view_account(services: Services, account: Account) -> AccountView:
    balance = await services.accounts.balance(account)
    parent = None
    if account.parent_id is not None:
        parent = await services.accounts.find_by_id(account.parent_id)
    return AccountView(
        account_id=account.account_id,
        username=account.username,
        enabled=account.enabled,
        permissions=tuple(sorted(account.permissions)),
        allowed_addresses=account.allowed_addresses.text,
        default_sender=account.default_sender,
        parent=parent.username if parent is not None else "",
        time_zone=account.time_zone,
        prefixes=account.prefixes.text,
        profile=account.profile,
        credits=None if balance.unlimited else balance.available,
        held=balance.held,
        spent=balance.spent,
        message_types=None
        if account.message_types is None
        else tuple(sorted(account.message_types)),
    )


async def _send(controlled: Controlled, request: requests.Send) -> SentBatch:
    services = controlled.services
    account = await _sending_account(services, request.account)
    accepted = await services.submission.submit(
        account,
        Submission(
            dialect=DIALECT,
            recipients=request.recipients,
            text=request.text,
            sender=request.sender,
            protocol="CLI",
        ),
    )
    return SentBatch(
        batch_id=accepted.batch_id,
        account=account.username,
        recipients=accepted.recipients,
        parts=accepted.parts,
        credits=accepted.credits,
        gateway=controlled.gateway is not None,
    )


async def _sending_account(services: Services, username: str) -> Account:
    if username:
        account = await services.accounts.find(username)
    else:
        accounts = await services.accounts.list_all()
        if len(accounts) != 1:
            several = "there are several, name one with --account"
            detail = several if accounts else "create one first with `dragoman account create`"
            raise Refused(RefusalCode.MISSING_FIELD, "account", detail)
        account = accounts[0]
    if not account.enabled:
        raise Refused(RefusalCode.PERMISSION_DENIED, account.username, "the account is disabled")
    return account


async def _find(controlled: Controlled, request: requests.Find) -> MessageStatus | BatchStatus:
    services = controlled.services
    identifier = parse_identifier(request.identifier)
    if identifier is not None:
        # A few accounts a house: asking for each costs less than a second way to find a message.
        for account in await services.accounts.list_all():
            found = await _find_of_account(services, account, identifier)
            if found is not None:
                return found
    raise Refused(RefusalCode.NOT_FOUND, request.identifier, "neither a message nor a batch")


async def _find_of_account(
    services: Services, account: Account, identifier: int
) -> MessageStatus | BatchStatus | None:
    account_id = account.account_id
    message = await services.storage.read(lambda c: outbox.find(c, account_id, identifier))
    if message is not None:
        answer = await services.queries.last_callback_answer(identifier)
        return _message_status(account, message, answer)
    batch = await services.storage.read(lambda c: batches.find(c, account_id, identifier))
    if batch is None:
        return None
    messages = await services.queries.messages_of_batch(account, identifier, 0, MESSAGES_SHOWN)
    return BatchStatus(
        batch_id=identifier,
        account=account.username,
        sender=batch.sender,
        state=batch.state.name.lower(),
        due_ms=batch.due_ms,
        recipients=batch.recipients,
        unsent=batch.unsent,
        buffered=batch.buffered,
        received=batch.received,
        failed=batch.failed,
        messages=tuple(_message_status(account, message) for message in messages),
    )


def _message_status(
    account: Account, message: MessageView, callback_answer: str = ""
) -> MessageStatus:
    return MessageStatus(
        message_id=message.message_id,
        batch_id=message.batch_id,
        account=account.username,
        recipient=message.recipient,
        sender=message.sender,
        state=message.state.name.lower(),
        failure=message.failure.value,
        detail=message.detail,
        parts=message.parts,
        credits=message.credits,
        price=render_price(message.price),
        carrier=message.carrier,
        attempts=message.attempts,
        possible_duplicate=message.possible_duplicate,
        created_ms=message.created_ms,
        sent_ms=message.sent_ms,
        final_ms=message.final_ms,
        callback_answer=callback_answer,
    )


async def _show_overview(controlled: Controlled, _request: requests.ShowOverview) -> Overview:
    services, gateway = controlled.services, controlled.gateway
    accounts = len(await services.accounts.list_all())
    if gateway is None:
        return Overview(running=False, version=__version__, accounts=accounts)
    oldest = gateway.oldest_waiting_s()
    finals: dict[str, int] = {}
    for (_, state), count in gateway.metrics.finals.items():
        finals[state] = finals.get(state, 0) + count
    return Overview(
        running=True,
        version=__version__,
        accounts=accounts,
        pid=os.getpid(),
        started_ms=controlled.started_ms,
        address=services.settings.http.listen,
        problems=tuple(gateway.problems()),
        carriers=view_carriers(gateway),
        routes=tuple(
            RouteView(name=name, waiting=waiting, oldest_s=oldest.get(name))
            for name, waiting in gateway.waiting().items()
        ),
        in_flight=sum(in_flight for in_flight, _ in gateway.window_use().values()),
        callbacks_waiting=gateway.callbacks_waiting(),
        accepted=gateway.metrics.accepted.total(),
        refused=gateway.metrics.refused.total(),
        finals=finals,
    )


async def _diagnose(controlled: Controlled, _request: requests.Diagnose) -> Diagnosis:
    return Diagnosis(checks=tuple([check async for check in check_services(controlled)]))


HANDLERS: Final = MappingProxyType[type[Any], Callable[[Controlled, Any], Awaitable[Any]]](
    {
        requests.CreateAccount: _create_account,
        requests.ChangeAccount: _change_account,
        requests.ListAccounts: _list_accounts,
        requests.SetEnabled: _set_enabled,
        requests.RotateKey: _rotate_key,
        requests.Send: _send,
        requests.Find: _find,
        requests.ShowOverview: _show_overview,
        requests.Diagnose: _diagnose,
        requests.RevokeTokens: _revoke_tokens,
        **INBOUND_HANDLERS,
        requests.CreateDeviceCode: devices.create_code,
        requests.CreateDeviceToken: devices.create_token,
        requests.AddDevice: devices.add_device,
        requests.ListDevices: devices.list_devices,
        requests.ShowDevice: devices.show_device,
        requests.ChangeDevice: devices.change_device,
        requests.SetDeviceEnabled: devices.set_enabled,
        requests.RemoveDevice: devices.remove_device,
        requests.ExportInbox: devices.export_inbox,
        requests.ShowSigningKey: devices.show_signing_key,
        **SENDER_HANDLERS,
        **MESSAGE_HANDLERS,
        **WEBHOOK_HANDLERS,
        requests.ChangeEmailService: change_email_service,
        requests.SwitchCarrier: switch_carrier,
    }
)
"""What carries out each request."""
