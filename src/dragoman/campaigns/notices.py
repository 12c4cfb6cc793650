"""Mails of the gateway itself, such as invitations, over the relay of the campaigns."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

import structlog

from dragoman.core.campaigns.outcomes import Stage
from dragoman.core.campaigns.ports import Transport
from dragoman.kit.clock import Clock

_INVITATION: Final = """\
You have been invited to the SMS console of the account {account}.

Open this link, choose a password, and you are signed in:

{link}

The link works once, within a week. If you did not expect this mail, ignore it.
"""

log = structlog.get_logger(__name__)


class MailedNotices:
    """Mails people one by one; nothing is stored or repeated."""

    def __init__(self, new_transport: Callable[[], Transport], sender: str, clock: Clock) -> None:
        self._new_transport = new_transport
        self._sender = sender
        self._clock = clock

    async def invite(self, address: str, account: str, link: str) -> bool:
        """Mails the link of an invitation to an account; whether the relay took it."""
        text = _INVITATION.format(account=account, link=link)
        return await self._mail(address, "You have been invited", text)

    async def _mail(self, address: str, subject: str, text: str) -> bool:
        mail = EmailMessage()
        domain = self._sender.rpartition("@")[2] or "localhost"
        mail["From"], mail["To"], mail["Subject"] = self._sender, address, subject
        mail["Date"] = formatdate(self._clock.now_ms() / 1000)
        mail["Message-ID"] = make_msgid(domain=domain)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text)
        transport = self._new_transport()
        try:
            name = f"notice-{self._clock.now_ms()}"
            answer = await transport.hand_over(name, self._sender, address, mail.as_bytes())
        finally:
            await transport.close()
        taken = answer.stage is Stage.CONTENT and answer.code is not None and answer.code < 300
        if not taken:
            log.warning("notice_not_mailed", stage=answer.stage.value, code=answer.code)
        return taken
