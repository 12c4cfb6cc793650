"""Mails to people of the console, into a folder and to a relay that is not there."""

from __future__ import annotations

from email import message_from_bytes, policy
from functools import partial
from pathlib import Path

from dragoman.campaigns.notices import MailedNotices
from dragoman.campaigns.relay import new_transport
from dragoman.config.sections import Mailings
from dragoman.kit.clock import FixedClock

LINK = "https://sms.example.org/console/invitation?k=secret-token"
SENDER = "bounces@sms.example.org"


def _only_file(folder: Path) -> bytes:
    (file,) = folder.glob("*.eml")
    return file.read_bytes()


async def test_an_invitation_is_mailed(tmp_path: Path) -> None:
    settings = Mailings(enabled=True, sender=SENDER, outbox=str(tmp_path))
    notices = MailedNotices(partial(new_transport, settings), SENDER, FixedClock())
    assert await notices.invite("anna@example.org", "library", LINK)
    mail = message_from_bytes(_only_file(tmp_path), policy=policy.default)
    assert (mail["To"], mail["From"]) == ("anna@example.org", SENDER)
    text = mail.get_content()
    assert f"\n{LINK}\n" in text
    assert "account library" in text


async def test_a_relay_that_is_not_there_takes_no_invitation() -> None:
    settings = Mailings(enabled=True, sender=SENDER, relay="127.0.0.1:1", security="none")
    notices = MailedNotices(partial(new_transport, settings), SENDER, FixedClock())
    assert not await notices.invite("anna@example.org", "library", LINK)
