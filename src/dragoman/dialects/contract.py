"""What the house and a dialect expect of each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dragoman.config.dialects import Dialects
from dragoman.core.accounts.access_tokens import AccessTokens
from dragoman.core.accounts.account_tree import AccountTree
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.credits import Credits
from dragoman.core.accounts.login_tokens import LoginTokens
from dragoman.core.accounts.one_time_links import OneTimeLinks
from dragoman.core.accounts.scoped_tokens import ScopedTokens
from dragoman.core.accounts.senders import Senders
from dragoman.core.accounts.sessions import Sessions
from dragoman.core.callbacks.webhooks import Webhooks
from dragoman.core.campaigns.issues import Issues
from dragoman.core.campaigns.mailings import Mailings
from dragoman.core.contacts.contact_profiles import ContactProfiles
from dragoman.core.contacts.contacts import Contacts
from dragoman.core.contacts.groups import Groups
from dragoman.core.contacts.imports import Imports
from dragoman.core.devices.devices import Devices
from dragoman.core.devices.inbox_exports import InboxExports
from dragoman.core.devices.phone_settings import PhoneSettings
from dragoman.core.inbound.inbox import Inbox
from dragoman.core.inbound.keywords import Keywords
from dragoman.core.inbound.opt_outs import OptOuts
from dragoman.core.messages.model.callbacks import (
    CallbackCall,
    CallbackFacts,
    EventFacts,
    TextFacts,
)
from dragoman.core.messages.premium import PremiumRules
from dragoman.core.metrics import Metrics
from dragoman.core.reporting.correspondence import Correspondence
from dragoman.core.reporting.queries import Queries
from dragoman.core.reporting.statistics import Statistics
from dragoman.core.submission.batches import Batches
from dragoman.core.submission.bundles import Bundles
from dragoman.core.submission.idempotency_keys import IdempotencyKeys
from dragoman.core.submission.orders import Orders
from dragoman.core.submission.refunds import Refunds
from dragoman.core.submission.submission import SubmissionService
from dragoman.core.submission.verifications import Verifications
from dragoman.kit.clock import Clock
from dragoman.mail.contract import Mailbox
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
    metrics: Metrics
    clock: Clock
    devices: Devices
    idempotency_keys: IdempotencyKeys
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
