"""What the operations work on: the services over the database, and the gateway where one runs."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from dragoman.assembly.membership import Others
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.delivery.running import Running
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.core.placement.model.views import Cluster

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """The services, and the running gateway they belong to; None where no gateway runs."""

    services: Services
    running: Running | None = None
    started_ms: int | None = None
    cluster: Cluster | None = None
    """Where the services are those of a partition."""
    others: Others | None = None
    """All partitions of the cluster, where the services are those of one."""

    async def note(self, account: Account, action: str, subject: str = "") -> None:
        """Adds a change to the audit log, right after it was made.

        Where that fails the change stands without its entry; the gateway's own log says so.
        """
        try:
            await self.services.audit_log.note_command(account, action, subject)
        except (Refused, StorageUnavailable) as error:
            log.warning("change_not_audited", action=action, reason=str(error))

    async def usernames(self) -> dict[int, str]:
        """The user name of every account, by identifier."""
        accounts = await self.services.accounts.list_all()
        return {account.account_id: account.username for account in accounts}

    async def account_or_only(self, username: str) -> Account:
        """The account of a name; without one, the only account there is. Raises `Refused`."""
        if username:
            return await self.services.accounts.find(username)
        services = self.services
        if services.placement.partitions:
            names = await services.placement.some("username", 2)
        else:
            names = [one.username for one in await services.accounts.list_all()]
        if len(names) != 1:
            several = "there are several, name one with --account"
            detail = several if names else "create one first with `dragoman account create`"
            raise Refused(RefusalCode.MISSING_FIELD, "account", detail)
        return await services.accounts.find(names[0])
