"""What the house and a dialect expect of each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dragoman.config.dialects import Dialects
from dragoman.domain.callbacks import CallbackCall, CallbackFacts, EventFacts, TextFacts
from dragoman.kit.clock import Clock
from dragoman.mail.contract import Mailbox
from dragoman.services.access_tokens import AccessTokens
from dragoman.services.account_tree import AccountTree
from dragoman.services.accounts import Accounts
from dragoman.services.batches import Batches
from dragoman.services.bundles import Bundles
from dragoman.services.contact_profiles import ContactProfiles
from dragoman.services.contacts import Contacts
from dragoman.services.correspondence import Correspondence
from dragoman.services.credits import Credits
from dragoman.services.devices import Devices
from dragoman.services.groups import Groups
from dragoman.services.imports import Imports
from dragoman.services.inbox import Inbox
from dragoman.services.inbox_exports import InboxExports
from dragoman.services.issues import Issues
from dragoman.services.keyed_submissions import KeyedSubmissions
from dragoman.services.keywords import Keywords
from dragoman.services.login_tokens import LoginTokens
from dragoman.services.mailings import Mailings
from dragoman.services.meters import Meters
from dragoman.services.one_time_links import OneTimeLinks
from dragoman.services.opt_outs import OptOuts
from dragoman.services.orders import Orders
from dragoman.services.phone_settings import PhoneSettings
from dragoman.services.premium import PremiumRules
from dragoman.services.queries import Queries
from dragoman.services.refunds import Refunds
from dragoman.services.scoped_tokens import ScopedTokens
from dragoman.services.senders import Senders
from dragoman.services.sessions import Sessions
from dragoman.services.statistics import Statistics
from dragoman.services.submission import SubmissionService
from dragoman.services.verifications import Verifications
from dragoman.services.webhooks import Webhooks
from dragoman.web.operations import Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a dialect may use."""

    settings: Dialects
    accounts: Accounts
    account_tree: AccountTree
    sessions: Sessions
    access_tokens: AccessTokens
    login_tokens: LoginTokens
    one_time_links: OneTimeLinks
    credits: Credits
    senders: Senders
    submission: SubmissionService
    bundles: Bundles
    batches: Batches
    orders: Orders
    queries: Queries
    correspondence: Correspondence
    premium: PremiumRules
    refunds: Refunds
    contacts: Contacts
    contact_profiles: ContactProfiles
    groups: Groups
    opt_outs: OptOuts
    imports: Imports
    statistics: Statistics
    keywords: Keywords
    inbox: Inbox
    verifications: Verifications
    mailings: Mailings
    issues: Issues
    meters: Meters
    clock: Clock
    devices: Devices
    keyed_submissions: KeyedSubmissions
    scoped_tokens: ScopedTokens
    webhooks: Webhooks
    phone_settings: PhoneSettings
    inbox_exports: InboxExports
    problems: Callable[[], list[str]]
    """Why the gateway cannot take traffic now, in plain words; empty when it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDialect:
    """A provider's API, complete: the calls it answers and the calls it makes."""

    name: str
    web: Dialect
    render_callback: Callable[[str, CallbackFacts], CallbackCall]
    """Makes the request to a customer's URL; only asked for dialects that submit with one."""
    render_text: Callable[[str, TextFacts], CallbackCall] | None = None
    """Makes the request that sends an inbound text on; None where the API knows none."""
    render_event: Callable[[str, EventFacts], CallbackCall] | None = None
    """Makes the request that tells a webhook of an event; None where the API knows none."""
    mailbox: Mailbox | None = None
    """Where the dialect takes messages by mail."""
