"""Connections: TLS, PROXY headers, rates, silence, and customers that behave badly."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec.structs import replace
from tests.passing_time import until

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.submission.sql import submissions
from dragoman.protocols.smpp.codec import Framer, encode
from dragoman.protocols.smpp.pdus import BindTransceiver, DataSm, EnquireLink, Unbind
from dragoman.protocols.smpp.tlvs import Tlv
from dragoman.smpp_server import server as server_module
from dragoman.smpp_server.connection import MAX_PENDING, TURN
from dragoman.smpp_server.throttle import MAX_DELAY_S, Throttle

from .conftest import PASSWORD, SYSTEM_ID, MakeSite, Site, submit

V1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 40000 2775\r\n"
V2 = (
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"
    + ip_address("192.0.2.7").packed
    + ip_address("10.0.0.1").packed
    + b"\x9c\x40\x0a\xd7"
)
MOST_READ = 256 * 1024
"""Octets that asyncio reads at once."""
BIND = BindTransceiver(system_id=SYSTEM_ID, password=PASSWORD)


def certificate(folder: Path) -> Path:
    """A file with a key and a certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "smpp.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


async def test_responses_leave_in_one_write_after_the_commit(site: Site) -> None:
    esme = await site.bind()
    (connection,) = site.gateway.smpp_server.binds
    transport, runner = connection._transport, site.services.storage.writer._runner
    assert transport is not None
    write, run = transport.write, runner.run
    seen: list[str] = []

    def note_write(data: bytes) -> None:
        seen.append(f"{len(Framer().feed(data))} responses")
        write(data)

    def note_commit(number: int, works: Any, ended: Callable[[Any], None]) -> None:
        def note_end(outcome: Any) -> None:
            seen.extend(
                f"{len(items)} stored"
                for operation, items in works
                if operation is submissions.accept
            )
            ended(outcome)

        run(number, works, note_end)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "write", note_write)
        patch.setattr(runner, "run", note_commit)
        count = TURN - 1
        esme.write(*(replace(submit(), sequence_number=10 + one) for one in range(count)))
        await until(lambda: len(esme.answers) == 1 + count)
    assert {answer.command_status for answer in esme.answers.values()} == {0}
    assert seen == [f"{count} stored", f"{count} responses"]


async def test_binds_over_tls(make_site: MakeSite, tmp_path: Path) -> None:
    path = certificate(tmp_path)
    site = await make_site(tls_listen="127.0.0.1:0", tls_certificate_file=str(path))
    context = ssl.create_default_context(cafile=str(path))
    esme = await site.connect(context=context)
    assert (await esme.ask(BIND)).command_status == 0
    assert (await esme.ask(submit())).command_status == 0
    plain = await site.bind()
    assert [bind.tls for bind in site.gateway.binds()] == [True, False]
    assert plain.delivered == []


@pytest.mark.parametrize("header", [V1, V2])
async def test_a_proxy_says_where_a_customer_is(make_site: MakeSite, header: bytes) -> None:
    site = await make_site(trusted_proxies=("127.0.0.0/8",))
    await site.services.accounts.change(SYSTEM_ID, AccountFields(allowed_addresses="192.0.2.7"))
    esme = await site.connect(before=header)
    assert (await esme.ask(BIND)).command_status == 0
    assert site.gateway.binds()[0].address == "192.0.2.7"
    other = await site.connect(
        before=header.replace(b"192.0.2.7", b"192.0.2.9").replace(
            ip_address("192.0.2.7").packed, ip_address("192.0.2.9").packed
        )
    )
    assert (await other.ask(BIND)).command_status == 0x0D


@pytest.mark.parametrize("header", [V1, V2])
async def test_a_proxy_says_so_before_tls_too(
    make_site: MakeSite, tmp_path: Path, header: bytes
) -> None:
    path = certificate(tmp_path)
    site = await make_site(
        trusted_proxies=("127.0.0.0/8",),
        tls_listen="127.0.0.1:0",
        tls_certificate_file=str(path),
    )
    context = ssl.create_default_context(cafile=str(path))
    esme = await site.connect(context=context, before=header)
    assert (await esme.ask(BIND)).command_status == 0
    (bind,) = site.gateway.binds()
    assert (bind.address, bind.tls) == ("192.0.2.7", True)
    # The header, cut in two, its end with the first octets of TLS.
    hello, answers = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(answers, hello, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    port = site.gateway.smpp_server.ports[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(header[:9])
    await asyncio.sleep(0.01)
    writer.write(header[9:] + hello.read())
    while client.version() is None:
        answers.write(await reader.read(4096))
        with suppress(ssl.SSLWantReadError):
            client.do_handshake()
    writer.close()
    without = await site.connect(port=port)
    without.write_octets(encode(BIND))
    await without.until_closed()
    assert without.raw == b""


@pytest.mark.parametrize(
    "first",
    [encode(BIND), b"PROXY TCP4 nowhere\r\n", b"PROXY " + b"x" * 200, b"\r\n\r\n\0\r\nQUIX"],
)
async def test_who_comes_from_a_proxy_without_a_header_is_cut(
    make_site: MakeSite, first: bytes
) -> None:
    site = await make_site(trusted_proxies=("127.0.0.0/8",))
    esme = await site.connect(before=first)
    await esme.until_closed()
    assert esme.raw == b""


async def test_a_header_from_elsewhere_is_no_pdu(site: Site) -> None:
    esme = await site.connect(before=V1)
    await esme.until_closed()


async def test_who_does_not_bind_is_cut(make_site: MakeSite) -> None:
    site = await make_site(bind_timeout_s=0.05)
    silent, busy = await site.connect(), await site.connect()
    busy.send(EnquireLink())
    await silent.until_closed()
    await busy.until_closed()


async def test_too_many_connections_are_cut_at_once(make_site: MakeSite) -> None:
    site = await make_site(max_connections=2)
    first, second = await site.bind(), await site.bind()
    third = await site.connect()
    await third.until_closed()
    assert (await first.ask(EnquireLink())).command_status == 0
    assert (await second.ask(EnquireLink())).command_status == 0


def test_a_burst_passes_then_answers_are_delayed_then_refused() -> None:
    throttle = Throttle(10.0, now=0.0)
    waits = [throttle.take(0.0, 1) for _ in range(26)]
    assert waits[:10] == [0.0] * 10
    assert waits[10:25] == pytest.approx([n / 10 for n in range(1, 16)])
    assert waits[25] is None
    assert throttle.take(1.0, 1) == pytest.approx(0.6)
    assert Throttle(10.0, now=0.0).take(0.0, 50) == 0.0  # what is larger than a burst passes too
    assert max(wait for wait in waits if wait is not None) <= MAX_DELAY_S


async def test_an_account_that_is_too_fast_over_all_its_binds(make_site: MakeSite) -> None:
    site = await make_site(rate_per_s=5.0)
    first, second = await site.bind(), await site.bind()
    numbers = [(esme, esme.send(submit())) for _ in range(15) for esme in (first, second)]
    await until(lambda: all(number in esme.answers for esme, number in numbers))
    statuses = [esme.answers[number].command_status for esme, number in numbers]
    assert set(statuses) == {0, 0x58}
    assert 5 <= statuses.count(0) <= 16
    assert len(await site.messages()) == statuses.count(0)


async def test_a_limit_of_its_own_counts_at_once(site: Site) -> None:
    await site.account_with_login("slow", rate_per_s=1.0)
    esme = await site.bind(system_id="slow")
    data = DataSm(
        source_addr_ton=5,
        source_addr="Dragoman",
        destination_addr="4512345678",
        tlvs=(Tlv(0x0424, b"Hello"),),
    )
    for request in (submit(), data):
        numbers = [esme.send(request) for _ in range(8)]
        await until(lambda numbers=numbers: all(number in esme.answers for number in numbers))
        assert 0x58 in {esme.answers[number].command_status for number in numbers}


async def test_a_silent_bind_is_asked_and_then_cut(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await make_site(enquire_interval_s=0.05, response_timeout_s=0.1)
    esme = await site.bind()
    esme.silent = True
    await esme.until_closed()


async def test_a_dead_bind_does_not_lock_its_program_out(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "PROBE_S", 0.05)
    monkeypatch.setattr(server_module, "SILENT_S", -1.0)
    site = await make_site(max_binds=2)
    dead, alive = await site.bind(), await site.bind()
    dead.silent = True
    await site.bind()
    await dead.until_closed()
    assert not alive.closed
    assert len(site.gateway.binds()) == 2


async def test_one_that_does_not_read_its_answers_is_not_read(site: Site) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=1)
    writer.write(encode(BIND))
    frames = encode(submit(destination_addr="x")) * 2_000
    (await asyncio.wait_for(_fill(writer, frames), 60))
    other = await site.bind(version=0x33)
    assert (await other.ask(submit())).command_status == 0
    bad = site.gateway.binds()[0]
    assert bad.pending <= MAX_PENDING + MOST_READ // len(encode(submit(destination_addr="x")))
    writer.transport.abort()
    del reader


async def _fill(writer: asyncio.StreamWriter, frames: bytes) -> None:
    """Writes until nobody takes any more."""
    for _ in range(200):
        writer.write(frames)
        try:
            async with asyncio.timeout(0.5):
                await writer.drain()
        except TimeoutError:
            return
    raise AssertionError("everything was taken")


async def test_garbage_harms_nobody_else(site: Site) -> None:
    good = await site.bind()
    for octets in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        bytes(1000),
        b"\xff" * 1000,
        encode(BIND)[:20],
    ):
        bad = await site.connect(before=octets)
        bad._writer.write_eof()
        await bad.until_closed()
    assert (await good.ask(submit())).command_status == 0


@pytest.mark.parametrize(("bound", "unbinds"), [(True, True), (True, False), (False, True)])
async def test_who_submits_and_leaves_at_once_gets_its_answers(
    site: Site, bound: bool, unbinds: bool
) -> None:
    """By unbinding, or by closing its side; bound already, or all in one piece."""
    esme = await (site.bind() if bound else site.connect())
    esme.raw = b""
    if not bound:
        esme.send(BIND)
    numbers = [esme.send(submit(registered_delivery=1)) for _ in range(5)]
    if unbinds:
        esme.send(Unbind())
    else:
        esme._writer.write_eof()
    await esme.until_closed()
    assert [esme.answers[number].command_status for number in numbers] == [0] * 5
    assert all(esme.answers[number].message_id for number in numbers)
    assert len(await site.messages()) == 5


async def test_a_program_that_goes_away_in_the_middle_of_its_bind(site: Site) -> None:
    for _ in range(20):
        esme = await site.connect()
        esme.send(BIND)
        esme._writer.transport.abort()
    await until(lambda: not site.gateway.smpp_server._connections)
    assert site.gateway.binds() == ()


async def test_connections_that_do_not_bind_leave_room_for_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "MAX_UNBOUND_OF_ADDRESS", 3)
    bound = await site.bind()
    idle = [await site.connect() for _ in range(3)]
    for esme in idle:
        assert (await esme.ask(EnquireLink())).command_status == 0
    one_more = await site.connect()
    await one_more.until_closed()
    await idle[0].close()
    await until(lambda: site.gateway.smpp_server._unbound["127.0.0.1"] == 2)
    assert (await (await site.connect()).ask(BIND)).command_status == 0
    assert not bound.closed
    for esme in (*site.esmes,):
        await esme.close()
    await until(lambda: not site.gateway.smpp_server._unbound)
