"""What commands work on, as protocols; the composition root has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from dragoman.config import Settings
from dragoman.domain.ports import Connector
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.services.access_tokens import AccessTokens
from dragoman.services.accounts import Accounts
from dragoman.services.books import Books
from dragoman.services.carrier_switches import CarrierSwitches
from dragoman.services.credits import Credits
from dragoman.services.device_registration import DeviceRegistration
from dragoman.services.devices import Devices
from dragoman.services.feed import Feed
from dragoman.services.inbox_exports import InboxExports
from dragoman.services.interventions import Interventions
from dragoman.services.keywords import Keywords
from dragoman.services.login_tokens import LoginTokens
from dragoman.services.mailings import Mailings
from dragoman.services.meters import Meters
from dragoman.services.opt_outs import OptOuts
from dragoman.services.phone_settings import PhoneSettings
from dragoman.services.queries import Queries
from dragoman.services.senders import Senders
from dragoman.services.sessions import Sessions
from dragoman.services.submission import SubmissionService
from dragoman.services.timeline import Timelines
from dragoman.services.webhooks import Webhooks
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
    def interventions(self) -> Interventions: ...
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
    def books(self) -> Books: ...
    @property
    def carrier_switches(self) -> CarrierSwitches: ...


class RunningGateway(Protocol):
    """What can be read off a gateway that runs."""

    @property
    def meters(self) -> Meters: ...
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
