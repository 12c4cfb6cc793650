"""What sends mail: the worker of campaigns, and the gateway's own notices."""

from __future__ import annotations

from functools import partial

from dragoman.campaigns.notices import MailedNotices
from dragoman.campaigns.pages import PREFIX
from dragoman.campaigns.relay import new_transport
from dragoman.container import Services
from dragoman.core.campaigns.worker import MailWorker


def build_notices(services: Services) -> MailedNotices | None:
    """What mails people of the console; None without a relay, or an address to mail from."""
    settings = services.settings.mailings
    if not settings.enabled or not settings.sender:
        return None
    return MailedNotices(partial(new_transport, settings), settings.sender, services.clock)


def build_mail_worker(services: Services) -> MailWorker | None:
    """What sends the mails of campaigns; None without a relay."""
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
    )
    services.mailings.mail_due.subscribe(worker.announce)
    return worker
