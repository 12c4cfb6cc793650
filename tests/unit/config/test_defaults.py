"""What an operator may set has its default in the configuration, and nowhere else."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.connectors.smpp.settings import CarrierSettings, TlsSettings
from dragoman.core.accounts.console_sessions import ConsoleSessions
from dragoman.core.accounts.login_tokens import LoginTokens
from dragoman.core.accounts.scoped_tokens import ScopedTokens
from dragoman.core.accounts.sessions import Sessions
from dragoman.core.callbacks.schedule import RetrySchedule
from dragoman.core.callbacks.worker import CallbackWorker
from dragoman.core.campaigns.mailings import Mailings
from dragoman.core.campaigns.outcomes import MailSchedule
from dragoman.core.delivery.deadlines import Deadlines
from dragoman.core.delivery.receipts import Receipts
from dragoman.core.devices.device_registration import DeviceRegistration
from dragoman.core.inbound.inbound import Inbound
from dragoman.core.messages.attachments import AttachmentLimits
from dragoman.core.submission.submission import SubmissionService
from dragoman.kit.backoff import Backoff
from dragoman.protocols.smpp.session_settings import SessionSettings
from dragoman.web.downloads import Downloader
from dragoman.web.outgoing import GuardedClient
from dragoman.web.router import DialectApp

SESSION_CONSTANTS = {"session_init_timeout_s", "unbind_timeout_s"}
GOVERNED: list[tuple[Callable[..., Any], set[str]]] = [
    (AttachmentLimits, {"max_attachments", "max_bytes", "types"}),
    (Backoff, {"first_s", "longest_s"}),
    (CallbackWorker, {"schedule", "concurrency", "per_lane"}),
    (CarrierSettings, set(CarrierSettings.__struct_fields__) - {"unacknowledged"}),
    (ConsoleSessions, {"idle_s", "longest_s"}),
    (Deadlines, {"horizon_s", "park_s"}),
    (DeviceRegistration, {"code_life_s"}),
    (DialectApp, {"body_timeout_s"}),
    (Downloader, {"allow", "max_bytes", "timeout_s"}),
    (GuardedClient, {"allow", "timeout_s", "connections", "connections_per_host"}),
    (Inbound, {"stop_words", "start_words"}),
    (LoginTokens, {"life_s"}),
    (MailSchedule, set(MailSchedule.__struct_fields__)),
    (Mailings, {"enabled", "sender_domains"}),
    (Receipts, {"park_s"}),
    (RetrySchedule, set(RetrySchedule.__struct_fields__)),
    (ScopedTokens, {"access_life_s", "refresh_life_s"}),
    (SessionSettings, set(SessionSettings.__struct_fields__) - SESSION_CONSTANTS),
    (Sessions, {"idle_s"}),
    (SubmissionService, {"inline_recipients", "max_parts", "max_recipients"}),
    (TlsSettings, set(TlsSettings.__struct_fields__)),
]


@pytest.mark.parametrize(("governed", "names"), GOVERNED)
def test_what_a_setting_governs_has_no_default(
    governed: Callable[..., Any], names: set[str]
) -> None:
    parameters = inspect.signature(governed).parameters
    defaults = {name: parameters[name].default for name in names}
    assert set(defaults.values()) == {inspect.Parameter.empty}, defaults
