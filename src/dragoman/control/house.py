"""What commands work on, as protocols; the composition root has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from dragoman.config import Settings
from dragoman.core.accounts.access_tokens import AccessTokens
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.audit_log import AuditLog
from dragoman.core.accounts.credits import Credits
from dragoman.core.accounts.login_tokens import LoginTokens
from dragoman.core.accounts.senders import Senders
from dragoman.core.accounts.sessions import Sessions
from dragoman.core.callbacks.webhooks import Webhooks
from dragoman.core.campaigns.mailings import Mailings
from dragoman.core.delivery.carrier_switches import CarrierSwitches
from dragoman.core.delivery.model.ports import Connector
from dragoman.core.devices.device_registration import DeviceRegistration
from dragoman.core.devices.devices import Devices
from dragoman.core.devices.inbox_exports import InboxExports
from dragoman.core.devices.phone_settings import PhoneSettings
from dragoman.core.inbound.keywords import Keywords
from dragoman.core.inbound.opt_outs import OptOuts
from dragoman.core.messages.feed import Feed
from dragoman.core.metrics import Metrics
from dragoman.core.reporting.queries import Queries
from dragoman.core.reporting.timeline import Timelines
from dragoman.core.submission.message_actions import MessageActions
from dragoman.core.submission.submission import SubmissionService
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage


class HouseServices(Protocol):
    """The services over one database."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def ids(self) -> IdSource: ...
    @property
    def storage(self) -> Storage: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def access_tokens(self) -> AccessTokens: ...
    @property
    def login_tokens(self) -> LoginTokens: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def senders(self) -> Senders: ...
    @property
    def credits(self) -> Credits: ...
    @property
    def submission(self) -> SubmissionService: ...
    @property
    def queries(self) -> Queries: ...
    @property
    def timelines(self) -> Timelines: ...
    @property
    def message_actions(self) -> MessageActions: ...
    @property
    def keywords(self) -> Keywords: ...
    @property
    def mailings(self) -> Mailings: ...
    @property
    def opt_outs(self) -> OptOuts: ...
    @property
    def devices(self) -> Devices: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def device_registration(self) -> DeviceRegistration: ...
    @property
    def inbox_exports(self) -> InboxExports: ...
    @property
    def phone_settings(self) -> PhoneSettings: ...
    @property
    def audit_log(self) -> AuditLog: ...
    @property
    def carrier_switches(self) -> CarrierSwitches: ...


class RunningGateway(Protocol):
    """What can be read off a gateway that runs."""

    @property
    def metrics(self) -> Metrics: ...
    @property
    def feed(self) -> Feed: ...
    @property
    def connectors(self) -> Mapping[str, Connector]: ...

    def problems(self) -> list[str]:
        """Why it cannot take traffic now, in plain words."""
        ...

    def waiting(self) -> Mapping[str, int]:
        """Messages queued in memory, by route."""
        ...

    def oldest_waiting_s(self) -> Mapping[str, float]:
        """Age of the oldest message in the queue, by route."""
        ...

    def window_use(self) -> Mapping[str, tuple[int, int]]:
        """(parts in flight, parts it may have in flight), by carrier."""
        ...

    def is_held(self, carrier: str) -> bool:
        """Whether somebody took a carrier out of service."""
        ...

    def callbacks_waiting(self) -> int:
        """Callbacks to be made."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Controlled:
    """The house, and the gateway it is part of where one runs."""

    house: HouseServices
    gateway: RunningGateway | None = None
    started_ms: int | None = None
