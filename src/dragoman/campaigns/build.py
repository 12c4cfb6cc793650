"""What sends mail: the worker of campaigns, and the gateway's own notices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dragoman.campaigns.notices import MailedNotices
from dragoman.campaigns.pages import PREFIX
from dragoman.campaigns.relay import new_transport
from dragoman.config.sections import Mailings
from dragoman.container import Services
from dragoman.core.campaigns.relay_share import RelayShare, always, whole
from dragoman.core.campaigns.worker import MailWorker
from dragoman.kit.clock import Clock


def build_notices(services: Services) -> MailedNotices | None:
    """What mails people of the console; None without a relay, or an address to mail from."""
    settings = services.settings.mailings
    if not settings.enabled or not settings.sender:
        return None
    return MailedNotices(partial(new_transport, settings), settings.sender, services.clock)


def build_relay_share(
    settings: Mailings, clock: Clock, share: Callable[[], float] = whole
) -> RelayShare:
    """What a process may take of the relay."""
    return RelayShare(
        rate_per_s=settings.rate_per_s,
        connections=settings.connections,
        clock=clock,
        share=share,
    )


def build_mail_worker(
    services: Services,
    relay: RelayShare | None = None,
    may_send: Callable[[], bool] = always,
) -> MailWorker | None:
    """What sends the mails of campaigns; None without a relay.

    A node gives its partitions what they share of the relay, and `may_send`.
    """
    settings = services.settings.mailings
    if not settings.enabled:
        return None
    worker = MailWorker(
        storage=services.storage,
        settings=settings,
        pages_url=f"{(settings.base_url or '').rstrip('/')}{PREFIX}",
        new_transport=partial(new_transport, settings),
        clock=services.clock,
        metrics=services.metrics,
        relay=relay or build_relay_share(settings, services.clock),
        new_token=services.mailings.new_token,
        may_send=may_send,
    )
    services.mailings.mail_due.subscribe(worker.announce)
    return worker
