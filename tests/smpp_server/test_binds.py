"""Who may bind, how many, and what a program is answered that may not."""

from __future__ import annotations

import pytest
from tests.passing_time import until

from dragoman.protocols.smpp.pdus import (
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    EnquireLink,
    SubmitSm,
    Unbind,
)

from .conftest import PASSWORD, SHARED, SYSTEM_ID, MakeSite, Site, submit

RINVBNDSTS, RALYBND, RBINDFAIL, RINVPASWD = 0x04, 0x05, 0x0D, 0x0E


def of(length: int, command: int, status: int, sequence: int = 1) -> bytes:
    """A header."""
    return b"".join(n.to_bytes(4, "big") for n in (length, command, status, sequence))


@SHARED
@pytest.mark.parametrize(
    ("kind", "command"),
    [(BindReceiver, 0x80000001), (BindTransmitter, 0x80000002), (BindTransceiver, 0x80000009)],
)
@pytest.mark.parametrize("version", [0x34, 0x50, 0xFF])
async def test_a_bind_is_answered_with_our_version(
    shop: Site, kind: type[BindTransceiver], command: int, version: int
) -> None:
    esme = await shop.bind(kind, version=version)
    tlv = b"\x02\x10\x00\x01\x34"
    assert esme.raw == of(30, command, 0) + b"Dragoman\0" + tlv


@SHARED
@pytest.mark.parametrize("version", [0x00, 0x32, 0x33])
async def test_a_program_of_version_3_3_gets_no_parameters(shop: Site, version: int) -> None:
    esme = await shop.bind(version=version)
    assert esme.raw == of(25, 0x80000009, 0) + b"Dragoman\0"
    answer = await esme.ask(submit(registered_delivery=1))
    assert int(answer.message_id) < 10**8
    (receipt,) = await esme.until_delivered(1)
    assert receipt.tlvs == ()
    assert receipt.short_message.startswith(f"id:{answer.message_id} sub:001 ".encode())


@pytest.mark.parametrize(
    ("system_id", "password"),
    [(SYSTEM_ID, "wrong"), (SYSTEM_ID, ""), ("nobody", PASSWORD), ("ACME", PASSWORD), ("", "")],
)
async def test_wrong_credentials_get_one_answer_and_the_end(
    site: Site, system_id: str, password: str
) -> None:
    esme = await site.connect()
    answer = await esme.ask(BindTransceiver(system_id=system_id, password=password))
    assert answer.command_status == RINVPASWD
    assert esme.raw == of(16, 0x80000009, RINVPASWD)
    await esme.until_closed()


async def test_whoever_is_not_allowed_may_try_again(site: Site) -> None:
    account = await site.account_with_login("elsewhere")
    accounts = site.services.accounts
    from dragoman.core.accounts.account_fields import AccountFields

    await accounts.change(account.username, AccountFields(allowed_addresses="192.0.2.1"))
    esme = await site.connect()
    bind = BindTransceiver(system_id="elsewhere", password=PASSWORD)
    assert (await esme.ask(bind)).command_status == RBINDFAIL
    await esme.until_closed()
    await accounts.change(account.username, AccountFields(allowed_addresses=""), enabled=False)
    esme = await site.connect()
    assert (await esme.ask(bind)).command_status == RBINDFAIL
    await accounts.change(account.username, enabled=True)
    esme = await site.connect()
    assert (await esme.ask(bind)).command_status == 0


async def test_all_kinds_of_binds_count_together(make_site: MakeSite) -> None:
    site = await make_site(max_binds=3)
    for kind in (BindReceiver, BindTransmitter, BindTransceiver):
        await site.bind(kind)
    esme = await site.connect()
    bind = BindTransceiver(system_id=SYSTEM_ID, password=PASSWORD)
    assert (await esme.ask(bind)).command_status == RBINDFAIL
    await esme.until_closed()
    await site.esmes[0].ask(Unbind())
    await site.bind()
    assert [bind.kind for bind in site.gateway.binds()] == [
        "transmitter",
        "transceiver",
        "transceiver",
    ]


async def test_an_account_has_its_own_limit(site: Site) -> None:
    await site.account_with_login("one", max_binds=1)
    await site.bind(system_id="one")
    esme = await site.connect()
    bind = BindTransceiver(system_id="one", password=PASSWORD)
    assert (await esme.ask(bind)).command_status == RBINDFAIL


async def test_a_second_bind_and_requests_in_a_wrong_state_are_refused(site: Site) -> None:
    esme = await site.connect()
    assert (await esme.ask(submit())).command_status == RINVBNDSTS
    assert (await esme.ask(EnquireLink())).command_status == 0
    bind = BindReceiver(system_id=SYSTEM_ID, password=PASSWORD)
    assert (await esme.ask(bind)).command_status == 0
    assert (await esme.ask(bind)).command_status == RALYBND
    assert (await esme.ask(submit())).command_status == RINVBNDSTS
    assert await site.messages() == []


async def test_a_program_that_does_not_wait_for_its_bind_loses_nothing(site: Site) -> None:
    # naz 0.8.1 writes its messages right behind the bind.
    esme = await site.connect()
    bind = esme.send(BindTransceiver(system_id=SYSTEM_ID, password=PASSWORD))
    sent = [esme.send(submit(b"%d" % number)) for number in range(300)]
    await until(lambda: len(esme.answers) == 301)
    assert {esme.answers[number].command_status for number in (bind, *sent)} == {0}
    assert next(iter(esme.answers)) == bind
    assert [message.text for message in await site.messages()] == [str(n) for n in range(300)]


async def test_a_new_password_ends_the_binds_and_the_old_one(site: Site) -> None:
    esme = await site.bind()
    issued = await site.services.smpp_logins.put(site.account, new_password=True)
    await esme.until_closed()
    assert esme.unbound
    assert len(issued.password) == 8
    again = await site.connect()
    bind = BindTransceiver(system_id=SYSTEM_ID, password=PASSWORD)
    assert (await again.ask(bind)).command_status == RINVPASWD
    await site.bind(password=issued.password)


async def test_a_disabled_account_is_unbound(site: Site) -> None:
    esme = await site.bind()
    await site.services.accounts.set_enabled(site.account.username, False)
    await esme.until_closed()
    assert esme.unbound


async def test_unknown_and_impossible_requests(site: Site) -> None:
    esme = await site.bind()
    esme.raw = b""
    esme.write_octets(of(16, 0x00000099, 0, 7))
    await esme.ask(EnquireLink())
    assert esme.raw == of(16, 0x80000000, 0x03, 7) + of(16, 0x80000015, 0, 2)
    esme.raw = b""
    esme.write_octets(of(7, SubmitSm.command_id, 0, 8))
    await esme.until_closed()
    assert esme.raw == of(16, 0x80000000, 0x02, 0)
