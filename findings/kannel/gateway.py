"""A real Kannel on loopback, between an SMSC and a customer's server that are in this process."""

import asyncio
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

SUBMIT_SM, DELIVER_SM, RESPONSE = 0x04, 0x05, 0x80000000
CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = unused
smsbox-port = {boxes}
box-allow-ip = "127.0.0.1"
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = smsc
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
system-type = "VMA"
smsc-username = "kannel"
smsc-password = "kannel"

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
global-sender = {sender}

group = sendsms-user
username = tester
password = tester

group = sms-service
keyword = default
get-url = "http://127.0.0.1:{customer}/in?from=%p&to=%P&text=%b"
omit-empty = true
"""


class Kannel:
    """`submits` gets ID and body of each submit_sm, `calls` the path of each URL that is called."""

    def __init__(self, folder: str, sender: str = "1000") -> None:
        self._root = Path(folder)
        self._sender = sender
        self._tasks: list[subprocess.Popen[bytes]] = []
        self._writer: asyncio.StreamWriter | None = None
        self._number = 0xABC0
        self.bound = asyncio.Event()
        self.submits: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.calls: asyncio.Queue[str] = asyncio.Queue()
        self.receipt_first = ""
        """The state of a receipt that the SMSC sends before it answers the submit_sm."""

    async def __aenter__(self) -> "Kannel":
        self._folder = Path(tempfile.mkdtemp())
        smsc = await asyncio.start_server(self._serve_smsc, "127.0.0.1", 0)
        customer = await asyncio.start_server(self._serve_customer, "127.0.0.1", 0)
        self._servers = [smsc, customer]
        ports = {name: _free_port() for name in ("admin", "boxes", "sendsms")}
        ports |= {"smsc": _port_of(smsc), "customer": _port_of(customer)}
        self._sendsms, self.customer = ports["sendsms"], f"http://127.0.0.1:{ports['customer']}"
        configuration = self._folder / "kannel.conf"
        configuration.write_text(CONFIGURATION.format(sender=self._sender, **ports))
        await self._start("bearerbox", configuration)
        await asyncio.wait_for(self.bound.wait(), 60)
        await self._start("smsbox", configuration)
        await self._wait_for(self._sendsms)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in reversed(self._tasks):
            task.terminate()
            try:
                await asyncio.to_thread(task.wait, 10)
            except subprocess.TimeoutExpired:
                task.kill()
        for server in self._servers:
            server.close()
        shutil.rmtree(self._folder)

    async def send(self, **parameters: str) -> str:
        """Call `sendsms`, and return what it answers."""
        query = urlencode(
            {"username": "tester", "password": "tester", "to": "4512345678", **parameters}
        )
        url = f"http://127.0.0.1:{self._sendsms}/cgi-bin/sendsms?{query}"
        return await asyncio.to_thread(lambda: urlopen(url, timeout=20).read().decode())

    def deliver(
        self, text: bytes, *, esm_class: int = 0, data_coding: int = 0, called: str = "1272"
    ) -> None:
        """Hand a text of the phone, or a receipt, to Kannel."""
        body = b"\0\1\1" + b"4512345678\0\1\1" + called.encode() + b"\0"
        body += bytes([esm_class, 0, 0, 0, 0, 0, 0, data_coding, 0, len(text)]) + text
        assert self._writer is not None
        self._writer.write(_pdu(DELIVER_SM, 1, body))

    def deliver_receipt(self, message_id: str, state: str) -> None:
        """Hand a receipt to Kannel, its text as SMPP 3.4 App. B has it."""
        at = "submit date:2611301300 done date:2611301301"
        self.deliver(
            f"id:{message_id} sub:001 dlvrd:001 {at} stat:{state} err:000 text:".encode(),
            esm_class=4,
        )

    async def next_call(self, seconds: float = 20) -> str:
        """Wait for the next call of a customer's URL; empty if there is none in time."""
        try:
            return await asyncio.wait_for(self.calls.get(), seconds)
        except TimeoutError:
            return ""

    async def _start(self, name: str, configuration: Path) -> None:
        libraries = ":".join(str(path) for path in self._root.glob("**/lib/*-linux-gnu"))
        program = [self._root / "usr/sbin" / name, configuration]
        environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
        with (self._folder / f"{name}.log").open("wb") as log:
            self._tasks.append(
                subprocess.Popen(  # noqa: ASYNC220, S603
                    program, stdout=log, stderr=log, cwd=self._folder, env=environment
                )
            )

    async def _wait_for(self, port: int) -> None:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return
        sys.exit("smsbox did not start")

    async def _serve_smsc(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        while True:
            try:
                head = await reader.readexactly(16)
            except asyncio.IncompleteReadError:
                return
            length, command, _, sequence = struct.unpack(">4I", head)
            body = await reader.readexactly(length - 16)
            if command == SUBMIT_SM:
                self._number += 1
                message_id = f"{self._number:x}"
                if self.receipt_first:
                    self.deliver_receipt(message_id, self.receipt_first)
                writer.write(_pdu(command | RESPONSE, sequence, message_id.encode() + b"\0"))
                self.submits.put_nowait((message_id, body))
            elif not command & RESPONSE:
                named = command in (0x01, 0x02, 0x09)
                writer.write(_pdu(command | RESPONSE, sequence, b"smsc\0" if named else b""))
                if named:
                    self.bound.set()

    async def _serve_customer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.match(rb"GET (\S+) ", head)
        self.calls.put_nowait(found[1].decode() if found else "")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        await writer.drain()
        writer.close()


def _pdu(command: int, sequence: int, body: bytes) -> bytes:
    return struct.pack(">4I", 16 + len(body), command, 0, sequence) + body


def _port_of(server: asyncio.Server) -> int:
    return server.sockets[0].getsockname()[1]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
