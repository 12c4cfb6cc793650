"""What customers, providers and phones bring to a node that does not own their partition.

The nodes are shared by the tests of this module; each has accounts of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import smtplib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from aiohttp import web

from dragoman.admin.client import local_client
from dragoman.cluster.node import ClusterNode
from dragoman.config import Settings
from dragoman.config.dialects import Dialects
from dragoman.config.http import AnswerTable, InboundTable, RequestTable, StatusTable
from dragoman.config.sections import Admin as AdminSection
from dragoman.config.sections import Mail, SmppServer
from dragoman.config.tables import HttpTable, Mm7Table, PhonesTable, RouteTable
from dragoman.config.values import Secret
from dragoman.core.accounts.accounts import CreatedAccount
from dragoman.core.accounts.model.smpp_logins import SmppOptions
from dragoman.core.inbound.model.inbound import InboxFilter
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Format, Submission
from dragoman.core.messages.model.views import MessageView
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.protocols.smpp.constants import CommandStatus
from dragoman.protocols.smpp.pdus import BindTransceiver, DeliverSm
from dragoman.testkit.fake_phone import FakePhone
from dragoman.testkit.mmsc import Mmsc
from dragoman.testkit.simulator import Simulator
from dragoman.testkit.simulator.wire import Delivery
from tests.cluster.conftest import (
    PARTITIONS,
    NatsServer,
    empty,
    free_port,
    look_often,
    new_database,
    settings_of,
    start,
)
from tests.cluster.test_nodes import name_in, owner, shared
from tests.passing_time import until
from tests.postgres import PostgresServer
from tests.smpp_server.esme import Esme, submit
from tests.smpp_server.test_connections import certificate

pytestmark = pytest.mark.asyncio(loop_scope="module")

PNG = b"\x89PNG\r\n\x1a\n\0\xff"
TOKEN = "token-of-the-callback-address"
PASSWORD = "a password of theirs"
BIND_PASSWORD = "Passw0rd"


@dataclass
class Provider:
    """A provider with an HTTP API that takes every message."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    async def picture(self, _request: web.Request) -> web.Response:
        return web.Response(body=PNG, content_type="image/png")

    async def take(self, request: web.Request) -> web.Response:
        self.sent.append(await request.json())
        return web.json_response({"id": f"m-{len(self.sent)}"})


@dataclass
class Site:
    """Two nodes that share a cluster, and what is around them."""

    a: ClusterNode
    b: ClusterNode
    simulator: Simulator
    provider: Provider
    mmsc: Mmsc
    http: aiohttp.ClientSession
    numbers: int = 0

    @property
    def nodes(self) -> tuple[ClusterNode, ClusterNode]:
        return self.a, self.b

    def away_from(self, partition: int) -> ClusterNode:
        """The node that does not own a partition."""
        return self.b if partition in self.a.front.places else self.a

    def services(self, partition: int) -> Any:
        return owner(partition, *self.nodes).owned[partition].gateway.services

    async def account(self, partition: int) -> CreatedAccount:
        self.numbers += 1
        name = name_in(partition, self.numbers)
        created: CreatedAccount = await self.services(partition).accounts.create(
            name, password=PASSWORD
        )
        return created

    async def send(self, partition: int, created: CreatedAccount, number: str, **more: Any) -> int:
        accepted = await self.services(partition).submission.submit(
            created.account,
            Submission(
                dialect="httpsms", recipients=(number,), text="hello", sender="Dragoman", **more
            ),
        )
        return int(accepted.batch_id)

    async def outbox(self, partition: int, created: CreatedAccount) -> list[MessageView]:
        wanted = OutboxFilter(account_id=created.account.account_id)
        page = await self.services(partition).queries.outbox(wanted, 0, 1000)
        return list(page.messages)

    async def until_states(self, partition: int, created: CreatedAccount, *states: State) -> None:
        async def met() -> bool:
            found = [message.state for message in await self.outbox(partition, created)]
            return found == [*states]

        await until(met, f"{states}")

    async def inbox(self, partition: int, created: CreatedAccount) -> list[str]:
        wanted = InboxFilter(account_id=created.account.account_id)
        page = await self.services(partition).queries.inbox(wanted, 0, 1000)
        return [text.text for text in page.texts]


def _with_everything(
    settings: Settings, provider: Provider, mmsc: Mmsc, certificate_file: Path
) -> Settings:
    url = f"http://127.0.0.1:{provider.port}"
    carriers = (
        *settings.carriers,
        HttpTable(
            name="provider",
            preset="generic",
            base_url=url,
            public_url="https://sms.example.org",
            callback_token=Secret(TOKEN),
            request=RequestTable(
                path="/send", fields={"to": "{to}", "text": "{text}", "ref": "{ref}"}
            ),
            answer=AnswerTable(id="id"),
            status=StatusTable(
                when={"state": ()},
                id="id",
                recipient="to",
                state="state",
                states={"done": "delivered"},
            ),
            inbound=InboundTable(
                when={"text": ()},
                id="id",
                source="from",
                destination="to",
                text="text",
                reference="ref_no",
                total="parts",
                number="part",
            ),
        ),
        Mm7Table(name="mmsc", url=mmsc.url, report_secret=Secret("s-1")),
        PhonesTable(name="android"),
    )
    return msgspec.structs.replace(
        settings,
        dialects=Dialects(enabled=(*settings.dialects.enabled, "native")),
        carriers=carriers,
        routes=(
            RouteTable(name="norway", prefixes=("47",), carriers=("android",)),
            RouteTable(name="sweden", prefixes=("46",), carriers=("provider",)),
            RouteTable(name="others", carriers=("smsc",)),
            RouteTable(name="pictures", carriers=("mmsc",)),
        ),
        smpp_server=SmppServer(
            listen=f"127.0.0.1:{free_port()}",
            tls_listen=f"127.0.0.1:{free_port()}",
            tls_certificate_file=str(certificate_file),
            max_binds=2,
        ),
        admin=AdminSection(remote=True),
        mail=Mail(enabled=True, listen=f"127.0.0.1:{free_port()}"),
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(
    postgres: PostgresServer,
    cluster_template: str,
    nats_server: NatsServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Site]:
    provider = Provider()
    app = web.Application()
    app.router.add_post("/send", provider.take)
    app.router.add_get("/sms.png", provider.picture)
    runner = web.AppRunner(app)
    await runner.setup()
    peer = web.TCPSite(runner, "127.0.0.1", 0)
    await peer.start()
    provider.port = runner.addresses[0][1]
    mmsc = Mmsc()
    await mmsc.start()
    simulator = Simulator(port=0)
    await simulator.start()
    await empty(nats_server)
    folder = tmp_path_factory.mktemp("customers")
    with pytest.MonkeyPatch.context() as patch, new_database(postgres, cluster_template) as url:
        look_often(patch)
        nodes = [
            ClusterNode(
                _with_everything(
                    settings_of(name, folder / name, url, nats_server.url, simulator.port),
                    provider,
                    mmsc,
                    certificate(folder),
                )
            )
            for name in "ab"
        ]
        for node in nodes:
            await start(node)
        await shared(*nodes)
        async with aiohttp.ClientSession() as http:
            yield Site(nodes[0], nodes[1], simulator, provider, mmsc, http)
        await asyncio.gather(*(node.stop() for node in nodes))
    await simulator.stop()
    await mmsc.stop()
    await runner.cleanup()


# Carriers over HTTP


@pytest.mark.parametrize("partition", range(PARTITIONS))
async def test_a_provider_may_report_to_any_node(site: Site, partition: int) -> None:
    created = await site.account(partition)
    before = len(site.provider.sent)
    await site.send(partition, created, "+46700000001")
    await until(lambda: len(site.provider.sent) > before, "the holder calls the provider")
    await site.until_states(partition, created, State.SENT)
    body = {"id": f"m-{before + 1}", "to": "46700000001", "state": "done"}
    url = f"{site.away_from(partition).node.base_url}/carriers/provider/{TOKEN}"
    async with site.http.post(url, json=body) as answer:
        assert answer.status == 200
    await site.until_states(partition, created, State.DELIVERED)


async def test_parts_of_one_text_meet_whichever_node_and_carrier_they_come_to(site: Site) -> None:
    created = await site.account(1)
    number = "4512720001"
    await site.services(1).keywords.add_number(created.account, number, shared=False)
    for part, node in ((2, site.a), (1, site.b)):
        url = f"{node.node.base_url}/carriers/provider/{TOKEN}"
        body = {
            "id": f"t-{part}", "from": "4599999999", "to": number,
            "text": f"part {part}", "ref_no": 7, "parts": 3, "part": part,
        }  # fmt: skip
        async with site.http.post(url, json=body) as answer:
            assert answer.status == 200
    assert not await site.inbox(1, created)
    site.simulator.deliver(
        Delivery(
            DeliverSm(
                source_addr="4599999999",
                destination_addr=number,
                esm_class=0x40,
                short_message=b"\x05\x00\x03\x07\x03\x03part 3",
            ),
            system_id="x",
        )
    )

    async def joined() -> bool:
        return await site.inbox(1, created) == ["part 1part 2part 3"]

    await until(joined, "the three parts are one text")


@pytest.mark.parametrize("partition", range(PARTITIONS))
async def test_pictures_go_out_from_the_holder_wherever_they_are_stored(
    site: Site, partition: int
) -> None:
    created = await site.account(partition)
    before = len(site.mmsc.received)
    accepted = await site.services(partition).submission.submit(
        created.account,
        Submission(
            dialect="linkmobility",
            recipients=("+4512345678",),
            text="a picture",
            sender="1272",
            format=Format.MMS,
            attachment_urls=(f"http://127.0.0.1:{site.provider.port}/sms.png",),
        ),
    )
    assert accepted.batch_id
    await until(lambda: len(site.mmsc.received) > before, "the MMSC has it")
    assert PNG in [part.content for part in site.mmsc.received[-1].parts]
    await site.until_states(partition, created, State.SENT)
    report = site.mmsc.report(f"MMS-{before + 1:04}", "Retrieved")
    url = f"{site.away_from(partition).node.base_url}/mm7/mmsc/s-1"
    async with site.http.post(url, data=report) as answer:
        assert answer.status == 200
        assert b"<StatusCode>1000</StatusCode>" in await answer.read()
    await site.until_states(partition, created, State.DELIVERED)


# Dragoman's own API


@pytest.mark.parametrize("partition", range(PARTITIONS))
async def test_the_native_api_answers_at_every_node(site: Site, partition: int) -> None:
    created = await site.account(partition)
    headers = {"Authorization": f"Bearer {created.api_key}", "Idempotency-Key": "once"}

    nodes = itertools.cycle((site.away_from(partition), *site.nodes))

    async def call(method: str, path: str, **more: Any) -> tuple[int, Any]:
        url = f"{next(nodes).node.base_url}/api/v1{path}"
        async with site.http.request(method, url, headers=headers, **more) as answer:
            return answer.status, await answer.json(content_type=None)

    message = {"from": "Dragoman", "to": "+4520000002", "text": "hello"}
    status, sent = await call("POST", "/messages", json=message)
    assert status == 201, sent
    assert (await call("POST", "/messages", json=message))[1]["id"] == sent["id"]
    await site.until_states(partition, created, State.DELIVERED)
    status, found = await call("GET", f"/messages/{sent['id']}")
    assert (status, found["state"]) == (200, "delivered")
    batch = {"from": "Dragoman", "messages": [{"to": "+4520000003", "text": "one of many"}]}
    headers["Idempotency-Key"] = "twice"
    status, accepted = await call("POST", "/batches", json=batch)
    assert status in (201, 202), accepted
    await site.until_states(partition, created, State.DELIVERED, State.DELIVERED)
    for path in (
        "/account",
        "/messages",
        "/batches",
        "/inbound",
        "/keys",
        "/opt-outs",
        "/webhooks",
    ):
        for _ in range(3):
            assert (await call("GET", path))[0] == 200, path


# Binds


async def bind(
    node: ClusterNode,
    system_id: str,
    password: str = BIND_PASSWORD,
    context: ssl.SSLContext | None = None,
) -> Esme:
    port = node.binds.ports[-1 if context else 0]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    esme = Esme(reader, writer)
    request = BindTransceiver(interface_version=0x34, system_id=system_id, password=password)
    esme.bound = (await esme.ask(request)).command_status  # type: ignore[attr-defined]
    return esme


async def login(
    site: Site, partition: int, options: SmppOptions | None = None
) -> tuple[CreatedAccount, str]:
    created = await site.account(partition)
    system_id = f"esme{site.numbers}"
    await site.services(partition).smpp_logins.put(
        created.account, system_id=system_id, password=BIND_PASSWORD, options=options
    )
    return created, system_id


@pytest.mark.parametrize("is_away", [False, True], ids=["its owner", "another node"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
async def test_a_program_binds_to_any_node_and_gets_its_receipts_there(
    site: Site, is_away: bool, tls: bool
) -> None:
    created, system_id = await login(site, 1)
    context = None
    if tls:
        context = ssl.create_default_context(
            cafile=site.a.settings.smpp_server.tls_certificate_file
        )
    node = site.away_from(1) if is_away else owner(1, *site.nodes)
    esme = await bind(node, system_id, context=context)
    assert esme.bound == 0
    answer = await esme.ask(submit(registered_delivery=1))
    assert answer.command_status == 0
    (receipt,) = await esme.until_delivered(1)
    assert answer.message_id.encode() in receipt.short_message
    await site.until_states(1, created, State.DELIVERED)
    (view,) = owner(1, *site.nodes).owned[1].gateway.binds()
    assert (view.account, view.address, view.tls) == (created.account.username, "127.0.0.1", tls)
    await esme.close()
    await until(lambda: not owner(1, *site.nodes).owned[1].gateway.binds(), "it is forgotten")


async def test_a_bind_ends_where_its_partition_moves_and_may_bind_again(site: Site) -> None:
    _, system_id = await login(site, 2)
    esmes = [await bind(node, system_id) for node in site.nodes]
    assert [esme.bound for esme in esmes] == [0, 0]
    await site.a._membership.move(2, site.away_from(2).node.name)
    for esme, node in zip(esmes, site.nodes, strict=True):
        await esme.until_closed()
        assert esme.unbound  # it is told, and does not just lose the connection

        async def bound_again(node: ClusterNode = node) -> bool:
            again = await bind(node, system_id)
            is_bound = bool(again.bound == 0)
            await again.close()
            return is_bound

        await until(bound_again, "it binds again at the node it was at")
    await shared(*site.nodes)


async def test_binds_of_one_account_are_counted_over_all_nodes(site: Site) -> None:
    _, system_id = await login(site, 2)
    esmes = [await bind(node, system_id) for node in site.nodes]
    assert [esme.bound for esme in esmes] == [0, 0]
    for node in site.nodes:
        refused = await bind(node, system_id)
        assert refused.bound == CommandStatus.ESME_RBINDFAIL.value
    await esmes[0].close()

    async def gone() -> bool:
        return len(owner(2, *site.nodes).owned[2].gateway.smpp_server.binds) == 1

    await until(gone, "the bind that ended is forgotten")
    again = await bind(site.b, system_id)
    assert again.bound == 0
    for esme in (esmes[1], again):
        await esme.close()


async def test_operators_see_and_end_binds_at_any_node(site: Site) -> None:
    bound = {}
    for partition in range(PARTITIONS):
        created, system_id = await login(site, partition)
        bound[created.account.username] = await bind(site.away_from(partition), system_id)
    for node in site.nodes:
        call = local_client(node.settings.data_path).call
        listed = await asyncio.to_thread(call, "GET", "/admin/v1/binds")
        binds = {one["account"]: one for one in msgspec.json.decode(listed)["binds"]}
        assert bound.keys() <= binds.keys()
        assert len({one["bind_id"] for one in binds.values()}) == len(binds)
    for username in bound:
        target = f"/admin/v1/binds/{binds[username]['bind_id']}"
        ended = msgspec.json.decode(await asyncio.to_thread(call, "DELETE", target))
        assert ended["account"] == username

    async def gone() -> bool:
        left = msgspec.json.decode(await asyncio.to_thread(call, "GET", "/admin/v1/binds"))
        return not bound.keys() & {one["account"] for one in left["binds"]}

    await until(gone, "they are ended")


async def test_the_rate_of_one_account_is_one_over_all_nodes(site: Site) -> None:
    _, system_id = await login(site, 0, SmppOptions(rate_per_s=5.0))
    esmes = [await bind(node, system_id) for node in site.nodes]
    numbers = [(esme, esme.send(submit())) for _ in range(30) for esme in esmes]
    await until(lambda: all(number in esme.answers for esme, number in numbers), "all are answered")
    statuses = [esme.answers[number].command_status for esme, number in numbers]
    # A burst of a second passes, and what 1.5 s more allow; were each node's its own, twice that.
    assert statuses.count(0) <= 5 + 8 + 1
    assert set(statuses) == {0, CommandStatus.ESME_RTHROTTLED.value}
    for esme in esmes:
        await esme.close()


async def test_a_wrong_bind_is_refused_by_any_node(site: Site) -> None:
    _, system_id = await login(site, 0)
    for node in site.nodes:
        for name, password in ((system_id, "wrong"), ("nobody", BIND_PASSWORD)):
            esme = await bind(node, name, password)
            assert esme.bound == CommandStatus.ESME_RINVPASWD.value
            await esme.until_closed()


async def test_a_connection_of_another_node_needs_the_secret(site: Site) -> None:
    host, _, port = site.a.node.address.rpartition(":")
    partition = next(iter(site.a.front.places))
    for line in (b"\0" + b"00" * 20 + b" %d 0 127.0.0.1\n" % partition, b"\0 \n", b"\0" * 5_000):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(line)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(1)
        writer.close()


# Mail


async def test_mail_is_taken_by_any_node(site: Site) -> None:
    created = await site.account(1)
    before = len(site.simulator.submits)

    def mail(node: ClusterNode, key: str) -> None:
        host, port = node.settings.mail.address
        with smtplib.SMTP(host, port) as client:
            client.sendmail(
                "somebody@example.org", [f"{key}+sms4512345678@sms.example.net"], b"\r\nHello"
            )

    for node in site.nodes:
        await asyncio.to_thread(mail, node, created.api_key)
    await until(lambda: len(site.simulator.submits) == before + 2, "both are sent")
    assert len(await site.outbox(1, created)) == 2
    for node in site.nodes:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            await asyncio.to_thread(mail, node, "nosuchkey")
        ((code, text),) = refused.value.recipients.values()
        assert (code, text[:5]) == (550, b"5.7.1")


# Operators elsewhere


async def test_an_admin_token_is_known_to_every_node(site: Site) -> None:
    token = await site.services(0).admin_tokens.create("ops")
    for node in site.nodes:
        for given, status in ((token, 200), ("dragoman_admin_wrong", 401)):
            url, headers = (
                f"{node.node.base_url}/admin/v1/cluster",
                {"authorization": f"Bearer {given}"},
            )
            async with site.http.get(url, headers=headers) as answer:
                assert answer.status == status


# Phones


async def test_a_phone_registers_listens_and_sends_at_any_node(site: Site) -> None:
    created = await site.account(1)
    node = site.away_from(1)
    phone = FakePhone(f"{node.node.base_url}/api/mobile/v1")
    code = await site.services(1).device_registration.create_code(created.account)
    assert (await phone.register(code=code.code)).status == 201
    await phone.start()
    devices = site.services(1).devices
    await until(lambda: devices.presence.has_stream(int(phone.device_id)), "its stream is open")
    await site.send(1, created, "+4790000001")
    await site.until_states(1, created, State.DELIVERED)
    assert (await phone.receive("+4790000002", "a text to the phone")).status == 200
    assert await site.inbox(1, created) == ["a text to the phone"]
    # An unknown token is refused as ever, and does not wander between the nodes.
    async with site.http.get(
        f"{node.node.base_url}/api/mobile/v1/message", headers={"authorization": "Bearer nobody"}
    ) as answer:
        assert answer.status == 401
    # Where its account moves, its stream ends, and it opens another.
    before = owner(1, *site.nodes).owned[1].gateway
    await site.a._membership.move(1, node.node.name)

    def listens_again() -> bool:
        gateways = [one.owned[1].gateway for one in site.nodes if 1 in one.front.places]
        return any(
            gateway.services.devices.presence.has_stream(int(phone.device_id))
            for gateway in gateways
            if gateway is not before
        )

    await until(listens_again, "it listens at the next owner")
    await shared(*site.nodes)
    await phone.kill()
