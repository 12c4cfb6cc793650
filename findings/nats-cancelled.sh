#!/bin/sh
# nats-py 2.16.0, the client with which gateways of several nodes talk to each other, and tasks that are cancelled.
#
# What it does: where the server reads slowly and 2 MiB wait, `publish` waits for room. A cancellation that comes meanwhile
# is caught and forgotten: `publish` returns as if it had sent the message, and the task that was cancelled goes on. A
# time-out around it, `asyncio.timeout`, is a cancellation too: it ends the wait, and then raises nothing.
# What most expect: what each await of asyncio does: that CancelledError ends the task, and that TimeoutError says that time
# is up. A task that catches the first has to raise it again, as Python's manual says.
# What follows: while a network is slow, a node that is told to stop goes on sending, and whoever waits for its tasks waits
# as long as they please. With a quick server nobody sees it.
#
# Dragoman cancels such tasks until they have ended: `end_tasks` in cluster/nats_connection.py, and
# test_a_task_that_swallows_its_cancellation_ends_all_the_same in tests/cluster/test_heartbeat.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3.11 or later with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nats-py==2.16.0
"$folder/venv/bin/python" - <<'PROGRAM'
import asyncio
import sys

import nats

BLOCK = bytes(1 << 20)
MESSAGES = 80


class Server:
    """Greets a client, and then reads nothing until it is told to go on."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"A","version":"2.10.0","max_payload":1048576}\r\n')
        while not (await reader.readline()).startswith(b"PING"):
            pass
        writer.write(b"PONG\r\n")
        await self.go_on.wait()
        while await reader.read(1 << 16):
            pass
        writer.close()
        self.ended.set()


class Sender:
    """A task that sends message after message."""

    def __init__(self, client: nats.NATS) -> None:
        self.client = client
        self.sent = 0

    async def run(self) -> str:
        while self.sent < MESSAGES:
            await self.client.publish("texts", BLOCK)
            self.sent += 1
        return "to its end"

    async def until_it_waits(self) -> None:
        """Returns once no message has been sent for half a second."""
        before = -1
        while before != self.sent:
            before = self.sent
            await asyncio.sleep(0.5)


async def main() -> bool:
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    client = await nats.connect(f"nats://127.0.0.1:{port}", allow_reconnect=False)
    sender = Sender(client)
    task = asyncio.create_task(sender.run())
    await sender.until_it_waits()
    before = sender.sent
    task.cancel()
    await sender.until_it_waits()
    print(f"cancelled while message {before + 1} waits; half a second later {sender.sent} are sent")
    try:
        async with asyncio.timeout(0.2):
            await client.publish("texts", BLOCK)
        timed = "returned, with no TimeoutError"
    except TimeoutError:
        timed = "raised TimeoutError"
    print(f"a publish with a time-out of 0.2 s {timed}")
    server.go_on.set()
    await asyncio.wait({task})
    ended = "by its cancellation" if task.cancelled() else task.result()
    print(f"the task that was cancelled ran {ended}, and sent {sender.sent} messages")
    await client.close()
    await server.ended.wait()
    listener.close()
    changed = task.cancelled() or "raised" in timed
    print("changed: a cancellation ends it now" if changed else "as described")
    return changed


sys.exit(asyncio.run(asyncio.wait_for(main(), 60)))
PROGRAM
