"""How people are told of alerts: octets at a server on loopback."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any

from dragoman.config.sections import Mailings
from dragoman.core.alerts.model.rules import Notice
from dragoman.ops.alert_channels import build_channels
from dragoman.web.outgoing import GuardedClient

NOTICE = Notice(
    alert_id=1,
    rule="Hosts",
    kind="callback_host",
    state="raised",
    subject="a",
    detail="b",
    since_ms=0,
    at_ms=0,
)


# It was never called.
async def test_user_and_password_of_a_webhook_go_as_basic() -> None:
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = GuardedClient(
        version="0",
        allow=(ip_network("127.0.0.0/8"),),
        timeout_s=15.0,
        connections=1,
        connections_per_host=1,
    )
    unused: Any = None
    try:
        channels = build_channels(Mailings(), client, unused)
        problem = await channels.webhook(f"http://me:secret@127.0.0.1:{port}/hook", NOTICE)
    finally:
        await client.close()
        server.close()
    assert problem == ""
    (head,) = heard
    assert head.startswith(b"POST /hook HTTP/1.1\r\n")
    assert b"\r\nauthorization: basic bwu6c2vjcmv0\r\n" in head.lower()
