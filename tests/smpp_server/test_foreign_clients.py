"""Customers' programs as the package registries and Debian have them, against the server."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus
from urllib.request import urlopen

import msgspec
import pytest
import smpp34
import smpplib.client
import smpplib.exceptions
import smpplib.gsm
from tests.passing_time import PATIENCE_S, until
from tests.ports import free_port

from dragoman.core.messages.model.lifecycle import State

from .conftest import NUMBER, PASSWORD, SYSTEM_ID, MakeSite, Site

FILES = Path(__file__).parent / "npm"
INSTALLING_S = 120
TEXTS = ("Hello @ €", "Привет 😀", "A long text in the GSM alphabet. " * 9, "Длинный текст. " * 12)
KANNEL = """\
group = core
admin-port = {admin}
smsbox-port = {box}
admin-password = secret
log-level = 0
log-file = "{folder}/bearerbox.log"
box-allow-ip = "127.0.0.1"
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = ours
host = 127.0.0.1
port = {smpp}
transceiver-mode = true
smsc-username = "{system_id}"
smsc-password = "{password}"
system-type = ""
interface-version = {version}{id_type}
max-pending-submits = 10
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {http}
log-level = 0
log-file = "{folder}/smsbox.log"

group = sendsms-user
username = u
password = p
max-messages = 10
concatenation = true

group = sms-service
keyword = default
get-url = "http://127.0.0.1:{sink}/text?from=%p&text=%b"
max-messages = 0
"""


# smpplib


class Smpplib:
    """smpplib as its users drive it: one thread that reads."""

    def __init__(self, port: int, **more: Any) -> None:
        self.client = smpplib.client.Client("127.0.0.1", port, timeout=5, **more)
        self.sent: list[Any] = []
        self.received: list[Any] = []
        self.client.set_message_sent_handler(self._note_sent)
        self.client.set_message_received_handler(self._note_received)

    def _note_sent(self, pdu: Any) -> None:
        self.sent.append(pdu)

    def _note_received(self, pdu: Any) -> None:
        self.received.append(pdu)

    def send(self, text: str, **more: Any) -> int:
        parts, coding, esm_class = smpplib.gsm.make_parts(text)
        for part in parts:
            self.client.send_message(
                source_addr_ton=5,
                source_addr="Dragoman",
                dest_addr_ton=1,
                dest_addr_npi=1,
                destination_addr=NUMBER,
                short_message=part,
                data_coding=coding,
                esm_class=esm_class,
                registered_delivery=1,
                **more,
            )
        return len(parts)

    def read(self, count: int) -> None:
        while len(self.sent) < count or len(self.received) < count:
            self.client.read_once()


@pytest.mark.filterwarnings("ignore:Unknown optional parameters:DeprecationWarning")
async def test_smpplib_sends_texts_and_reads_their_receipts(site: Site) -> None:
    program = Smpplib(site.port)

    def talk() -> int:
        program.client.connect()
        program.client.bind_transceiver(system_id=SYSTEM_ID, password=PASSWORD)
        count = sum(program.send(text) for text in TEXTS)
        program.read(count)
        program.client.unbind()
        program.client.disconnect()
        return count

    count = await asyncio.to_thread(talk)
    assert [pdu.status for pdu in program.sent] == [0] * count
    ids = {pdu.message_id for pdu in program.sent}
    assert {pdu.receipted_message_id for pdu in program.received} == ids
    assert {pdu.message_state for pdu in program.received} == {2}
    assert [text.text for text in site.simulator.phone(NUMBER).received] == list(TEXTS)


@pytest.mark.filterwarnings("ignore:Unknown optional parameters:DeprecationWarning")
async def test_smpplib_hears_why_it_may_not_bind(site: Site) -> None:
    program = Smpplib(site.port)

    def talk() -> None:
        program.client.connect()
        program.client.bind_transmitter(system_id=SYSTEM_ID, password="wrong")

    with pytest.raises(smpplib.exceptions.PDUError, match="Invalid Password"):
        await asyncio.to_thread(talk)


# smpp34


async def test_smpp34_submits_many_and_takes_receipts_and_texts(site: Site) -> None:
    reply_to = "4599000000"
    await site.services.keywords.add_number(site.account, reply_to, shared=False)
    client = smpp34.Client("127.0.0.1", site.port, SYSTEM_ID, PASSWORD, bind_type="TRX")
    smsc = await client.connect()
    responses = await asyncio.gather(
        *(
            smsc.submit_sm(
                f"45{number:08d}",
                f"text {number}".encode(),
                source_addr="Dragoman",
                registered_delivery=1,
            )
            for number in range(30)
        )
    )
    ids = {response.message_id for response in responses}
    assert len(ids) == 30
    receipts = [await asyncio.wait_for(smsc.next(), PATIENCE_S) for _ in range(30)]
    assert {receipt.short_message.split()[0].decode() for receipt in receipts} == {
        f"id:{one}" for one in ids
    }
    await site.simulator.send_text(NUMBER, reply_to, "hej")
    text = await asyncio.wait_for(smsc.next(), PATIENCE_S)
    assert (text.source_addr, text.short_message) == (NUMBER, b"hej")
    await smsc.unbind()
    await client.stop()


# node-smpp


def _complain(what: str, variable: str) -> None:
    (pytest.fail if os.environ.get(variable) == "1" else pytest.skip)(what)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with node-smpp. Without npm it is skipped, or fails with REQUIRE_NODE=1."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        _complain("there is no Node.js with npm (Debian: apt install nodejs npm)", "REQUIRE_NODE")
    folder = tmp_path_factory.mktemp("npm") / "npm"
    shutil.copytree(FILES, folder)
    subprocess.run(["npm", "ci", "--silent"], cwd=folder, check=True, timeout=INSTALLING_S)
    return folder


class Node:
    """node-smpp in its own process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def write(self, command: str, **fields: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode([command, fields]) + b"\n")

    async def read(self, kind: str) -> dict[str, Any]:
        """The next line of a kind."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while True:
                line = msgspec.json.decode(await self.process.stdout.readline())
                assert line["kind"] != "error", line
                if line["kind"] == kind:
                    return dict(line)


@pytest.fixture
async def node(site: Site, installed: Path) -> AsyncIterator[Node]:
    process = await asyncio.create_subprocess_exec(
        *("node", "esme.cjs", str(site.port), SYSTEM_ID, PASSWORD, "50"),
        cwd=installed,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    yield Node(process)
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.mark.process
async def test_node_smpp_binds_submits_and_is_unbound(site: Site, node: Node) -> None:
    bound = await node.read("bound")
    assert (bound["command_status"], bound["sc_interface_version"]) == (0, 0x34)
    ids = []
    for text in ("Hello @ €", "Привет"):
        node.write(
            "submit_sm",
            source_addr="Dragoman",
            source_addr_ton=5,
            destination_addr=NUMBER,
            registered_delivery=1,
            short_message=text,
        )
        answer = await node.read("answer")
        assert answer["command_status"] == 0
        receipt = await node.read("delivered")
        assert receipt["receipted_message_id"] == answer["message_id"]
        assert (receipt["message_state"], receipt["from"]) == (2, NUMBER)
        ids.append(answer["message_id"])
    assert [text.text for text in site.simulator.phone(NUMBER).received] == ["Hello @ €", "Привет"]
    node.write("query_sm", message_id=ids[0], source_addr="Dragoman")
    assert (await node.read("answer"))["message_state"] == 2
    await until(lambda: site.gateway.binds()[0].received >= 3)
    site.gateway.unbind(site.gateway.binds()[0].bind_id)
    await node.read("unbound")
    async with asyncio.timeout(PATIENCE_S):
        assert await node.process.wait() == 0


# Kannel


class Sink:
    """Takes the HTTP calls of Kannel's smsbox."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.paths.append(head.split()[1].decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()


class Kannel:
    """Kannel's two boxes, with us as their SMSC."""

    def __init__(self, folder: Path, http: int, sink: Sink) -> None:
        self.folder = folder
        self.http = http
        self.sink = sink

    async def send(self, text: str, mask: int = 31, **more: str) -> str:
        """Sends a text; what smsbox answers."""
        report = quote_plus(f"http://127.0.0.1:{self.sink.port}/dlr?status=%d&answer=%A")
        query = f"username=u&password=p&to={NUMBER}&from=Dragoman&text={quote_plus(text)}"
        query += f"&dlr-mask={mask}&dlr-url={report}&charset=UTF-8"
        query += "".join(f"&{name}={value}" for name, value in more.items())
        url = f"http://127.0.0.1:{self.http}/cgi-bin/sendsms?{query}"

        def ask() -> str:
            with urlopen(url, timeout=PATIENCE_S) as answer:
                return str(answer.read().decode())

        return await asyncio.to_thread(ask)

    def reports(self) -> list[int]:
        """The states that it was told, as its own bits."""
        return [int(p.split("status=")[1].split("&")[0]) for p in self.sink.paths if "/dlr" in p]


@pytest.fixture
async def make_kannel(tmp_path: Path) -> AsyncIterator[Any]:
    """Returns a maker of Kannels. Without one it is skipped, or fails with REQUIRE_KANNEL=1."""
    if shutil.which("bearerbox") is None or shutil.which("smsbox") is None:
        _complain("there is no Kannel (Debian: apt install kannel)", "REQUIRE_KANNEL")
    processes: list[asyncio.subprocess.Process] = []
    sinks: list[Sink] = []

    async def make(site: Site, *, version: int = 34, id_type: str = "") -> Kannel:
        folder = tmp_path / f"kannel-{len(processes)}"
        folder.mkdir()
        sink, http = Sink(), free_port()
        await sink.start()
        sinks.append(sink)
        config = folder / "kannel.conf"
        config.write_text(
            KANNEL.format(
                admin=free_port(),
                box=free_port(),
                http=http,
                folder=folder,
                smpp=site.port,
                sink=sink.port,
                system_id=SYSTEM_ID,
                password=PASSWORD,
                version=version,
                id_type=f"\nmsg-id-type = {id_type}" if id_type else "",
            )
        )
        quiet = {"stdout": asyncio.subprocess.DEVNULL, "stderr": asyncio.subprocess.DEVNULL}
        for box in ("bearerbox", "smsbox"):
            processes.append(await asyncio.create_subprocess_exec(box, str(config), **quiet))
            if box == "bearerbox":
                await until(lambda: site.gateway.binds(), "Kannel's bind")
        await until(lambda: "Connected to bearerbox" in _log(folder / "smsbox.log"))
        return Kannel(folder, http, sink)

    yield make
    for process in reversed(processes):
        process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()
    for sink in sinks:
        sink.stop()


def _log(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


@pytest.mark.process
@pytest.mark.parametrize(
    ("version", "id_type"), [(34, ""), (34, "0x00"), (34, "0x03"), (33, "0x00")]
)
async def test_kannel_sends_and_matches_its_receipts(
    site: Site, make_kannel: Any, version: int, id_type: str
) -> None:
    kannel = await make_kannel(site, version=version, id_type=id_type)
    assert (await kannel.send("Hello @ €")).startswith("0: Accepted")
    await until(lambda: 1 in kannel.reports(), "the receipt in Kannel")
    assert 8 in kannel.reports()  # taken by the SMSC, which is us
    await kannel.send("Привет", coding="2")
    await site.until_states(State.DELIVERED, State.DELIVERED)
    await until(lambda: kannel.reports().count(1) == 2)
    texts = [text.text for text in site.simulator.phone(NUMBER).received]
    assert texts == ["Hello @ €", "Привет"]
    assert "DLR" not in "".join(
        line for line in _log(kannel.folder / "bearerbox.log").splitlines() if "WARNING" in line
    )


@pytest.mark.process
async def test_kannel_sends_a_long_text_in_parts(site: Site, make_kannel: Any) -> None:
    kannel = await make_kannel(site)
    await kannel.send(TEXTS[2])
    await until(lambda: site.simulator.phone(NUMBER).received)
    (text,) = site.simulator.phone(NUMBER).received
    assert (text.text, text.parts) == (TEXTS[2], 2)
    await until(lambda: 1 in kannel.reports())


@pytest.mark.process
async def test_kannel_gets_texts_and_what_came_while_it_was_away(
    make_site: MakeSite, make_kannel: Any
) -> None:
    site = await make_site()
    reply_to = "4599000000"
    await site.services.keywords.add_number(site.account, reply_to, shared=False)
    kannel = await make_kannel(site)
    await until(lambda: site.services.smpp_logins.of_account(site.account.account_id).receives)
    await site.simulator.send_text(NUMBER, reply_to, "hello Kannel")
    await until(lambda: any("text=hello+Kannel" in path for path in kannel.sink.paths))
    # A restart of ours: it binds again, and finds what it was sent meanwhile.
    site.gateway.unbind(site.gateway.binds()[0].bind_id)
    await site.simulator.send_text(NUMBER, reply_to, "while away")
    await until(lambda: any("text=while+away" in path for path in kannel.sink.paths))
