"""What operators do: logins, limits, who is bound, unbinding, the wire log, metrics."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client.core import Metric
from tests.passing_time import until

from dragoman.admin import binds
from dragoman.admin.binds import SmppLoginChanges
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.ops.prometheus import GatewayCollector
from dragoman.protocols.smpp.codec import encode
from dragoman.protocols.smpp.pdus import BindReceiver, BindTransceiver, EnquireLink
from dragoman.smpp_server.wire_log import LASTS_S, MAX_OCTETS, WireLog

from .conftest import PASSWORD, SHARED, SYSTEM_ID, Site, submit


async def test_a_login_is_made_shown_changed_and_removed(site: Site) -> None:
    admin = site.gateway.admin
    await site.services.accounts.create("a shop with a long name")
    with pytest.raises(Refused) as caught:
        await binds.show_login(admin, "a shop with a long name")
    assert caught.value.code is RefusalCode.NOT_FOUND
    made = await binds.change_login(admin, "a shop with a long name", SmppLoginChanges())
    assert len(made.password) == 8
    assert len(made.system_id) <= 15
    esme = await site.bind(system_id=made.system_id, password=made.password)
    changed = await binds.change_login(
        admin,
        "a shop with a long name",
        SmppLoginChanges(rate_per_s=50.0, max_binds=2, latin_1=True, no_credit_status=0x400),
    )
    assert (changed.password, changed.rate_per_s, changed.max_binds) == ("", 50.0, 2)
    assert (changed.latin_1, changed.no_credit_status) == (True, 0x400)
    assert (await esme.ask(submit(b"\xe5"))).command_status == 0  # the bind goes on
    account = await site.services.accounts.find("a shop with a long name")
    assert [message.text for message in await site.messages(account)] == ["å"]
    renamed = await binds.change_login(
        admin, "a shop with a long name", SmppLoginChanges(system_id="shop", max_binds=0)
    )
    assert (renamed.system_id, renamed.max_binds) == ("shop", None)
    await esme.until_closed()
    await site.bind(system_id="shop", password=made.password)
    await binds.remove_login(admin, "a shop with a long name")
    answer = await (await site.connect()).ask(
        BindTransceiver(system_id="shop", password=made.password)
    )
    assert answer.command_status == 0x0E


@SHARED
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (SmppLoginChanges(system_id="x" * 16), "system_id"),
        (SmppLoginChanges(system_id="a b"), "system_id"),
        (SmppLoginChanges(system_id="é"), "system_id"),
        (SmppLoginChanges(password="x" * 65), "password"),
        (SmppLoginChanges(password=""), "password"),
        (SmppLoginChanges(max_binds=-1), "max_binds"),
        (SmppLoginChanges(rate_per_s=-2), "rate_per_s"),
        (SmppLoginChanges(no_credit_status=0), "no_credit_status"),
        (SmppLoginChanges(no_credit_status=0x500), "no_credit_status"),
    ],
)
async def test_what_a_login_cannot_be(shop: Site, changes: SmppLoginChanges, field: str) -> None:
    with pytest.raises(Refused) as caught:
        await binds.change_login(shop.gateway.admin, shop.system_id, changes)
    assert (caught.value.code, caught.value.subject) == (RefusalCode.INVALID_FIELD, field)


async def test_a_system_id_is_one_accounts_alone(site: Site) -> None:
    await site.account_with_login("other")
    with pytest.raises(Refused) as caught:
        await binds.change_login(site.gateway.admin, "other", SmppLoginChanges(system_id=SYSTEM_ID))
    assert caught.value.code is RefusalCode.ALREADY_EXISTS
    await site.bind()
    await site.bind(system_id="other")


async def test_a_deleted_account_leaves_its_system_id_to_others(site: Site) -> None:
    accounts = site.services.accounts
    await accounts.change(SYSTEM_ID, grant=frozenset({Permission.ADMINISTER}))
    parent = await accounts.find(SYSTEM_ID)
    child = (await accounts.create("gone", parent=parent)).account
    await site.services.smpp_logins.put(child, password=PASSWORD)
    esme = await site.bind(system_id="gone")
    await site.services.account_tree.delete(parent, child.account_id)
    await esme.until_closed()
    again = await site.connect()
    answer = await again.ask(BindTransceiver(system_id="gone", password=PASSWORD))
    assert answer.command_status == 0x0E
    await site.account_with_login("gone")
    await site.bind(system_id="gone")


async def test_who_is_bound_and_unbinding(site: Site) -> None:
    admin = site.gateway.admin
    esme = await site.bind(BindReceiver, version=0x33)
    sender = await site.bind()
    await sender.ask(submit(registered_delivery=1))
    await sender.ask(submit(destination_addr="x"))
    await until(lambda: len(esme.delivered) + len(sender.delivered) == 1)
    first, second = (await binds.list_binds(admin)).binds
    assert (first.kind, first.version, first.address) == ("receiver", "3.3", "127.0.0.1")
    assert (second.kind, second.version, second.account) == ("transceiver", "3.4", SYSTEM_ID)
    assert (second.received, second.pending) == (2, 0)
    assert second.last_error == "submit_sm answered 0x0000000b"
    assert first.delivered + second.delivered == 1
    await binds.end_bind(admin, str(first.bind_id))
    await esme.until_closed()
    assert esme.unbound
    with pytest.raises(Refused):
        await binds.end_bind(admin, str(first.bind_id))
    for nonsense in ("x", "-1", "9" * 30):
        with pytest.raises(Refused):
            await binds.end_bind(admin, nonsense)


async def test_what_crosses_an_unbind_is_not_answered_and_not_taken(site: Site) -> None:
    esme = await site.bind()
    esme.answers_unbind = False
    site.gateway.unbind(site.gateway.binds()[0].bind_id)
    await until(lambda: esme.unbound)
    crossing = esme.send(submit())  # Kannel would give it up for any answer
    assert (await esme.ask(EnquireLink())).command_status == 0
    assert crossing not in esme.answers
    await esme.close()
    assert await site.messages() == []


async def test_the_wire_of_a_bind_is_kept_once_it_is_asked_for(site: Site) -> None:
    admin = site.gateway.admin
    esme = await site.bind()
    (bind,) = (await binds.list_binds(admin)).binds
    with pytest.raises(Refused):
        await binds.show_wire_log(admin, str(bind.bind_id))
    assert (await binds.start_wire_log(admin, str(bind.bind_id))).logged
    answer = await esme.ask(submit())
    log = await binds.show_wire_log(admin, str(bind.bind_id))
    assert [piece.direction for piece in log.pieces] == ["<", ">"]
    sent = encode(submit())
    assert bytes.fromhex(log.pieces[0].octets)[16:] == sent[16:]
    assert answer.message_id.encode() in bytes.fromhex(log.pieces[1].octets)


def test_a_wire_log_keeps_the_newest() -> None:
    log = WireLog(until=LASTS_S)
    for number in range(5):
        log.add(number, "<", bytes(MAX_OCTETS // 2))
    assert [piece.at_ms for piece in log.pieces] == [3, 4]


async def test_metrics_count_binds_and_answers(site: Site) -> None:
    esme = await site.bind()
    await esme.ask(submit())
    await esme.ask(submit(destination_addr="x"))

    def samples(families: list[Metric], name: str) -> dict[str, float]:
        return {
            " ".join(sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
            if sample.name == name
        }

    families = list(GatewayCollector(site.gateway).collect())
    assert samples(families, "dragoman_binds") == {"transceiver": 1}
    assert samples(families, "dragoman_binds_asked_total") == {"0x00000000": 1}
    assert samples(families, "dragoman_bind_requests_total") == {
        "submit_sm 0x00000000": 1,
        "submit_sm 0x0000000b": 1,
    }


async def test_a_stop_answers_what_was_taken_and_unbinds(site: Site) -> None:
    esme = await site.bind()
    numbers = [esme.send(submit()) for _ in range(50)]
    await until(lambda: esme.answers)
    stopping = asyncio.create_task(site.gateway.stop())
    await esme.until_closed()
    await stopping
    assert esme.unbound
    answered = [n for n in numbers if n in esme.answers]
    assert all(esme.answers[n].command_status == 0 for n in answered)
