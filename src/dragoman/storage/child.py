"""The main loop of the writer process (`runners.ChildRunner`, `core/writer_process`)."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import make_url

from dragoman.storage.answers import encode_failure
from dragoman.storage.connections import write_engine
from dragoman.storage.frames import BlockingFrames
from dragoman.storage.transactions import Transactions
from dragoman.storage.work import Operation

MAX_LOCKS = 4


def serve(operations: Mapping[str, Operation[Any, Any]], stream: socket.socket) -> None:
    """Writes what arrives on a socket."""
    channel = BlockingFrames(stream)
    try:
        socket.recv_fds(stream, 1, MAX_LOCKS)  # held as long as this process may write
        url = channel.receive().decode()
    except EOFError:
        return  # the gateway did not start
    engine = write_engine(make_url(url))
    transactions = Transactions(engine)
    _serve(channel, transactions, operations)
    transactions.close()
    engine.dispose()


def _serve(
    channel: BlockingFrames,
    transactions: Transactions,
    operations: Mapping[str, Operation[Any, Any]],
) -> None:
    """Runs the groups that arrive, until the channel closes; one without work asks what became."""
    decoders = {
        name: msgspec.msgpack.Decoder(list[operation.item])  # type: ignore[name-defined]
        for name, operation in operations.items()
    }
    # The items of a kind come as octets, so that nobody has to find their end by reading them.
    groups = msgspec.msgpack.Decoder(tuple[int, list[tuple[str, bytes]]])
    answer = b""  # it is ready
    while True:
        try:
            channel.send(answer)
            group = channel.receive()
        except (EOFError, OSError):
            return
        number, asked = groups.decode(group)
        works = [(operations[name], decoders[name].decode(items)) for name, items in asked]
        try:
            answer = transactions.run(number, works) if works else transactions.settle(number)
        except Exception as error:
            answer = encode_failure(error)
