"""R14: customers' servers that are down, slow, overloaded, gone, elsewhere or untrusted."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from faults.ledger import Row
from faults.scene import Bench, Scene, scene, until
from faults.sink import OK, Call, Sink

RATE = 5.0
ORDER = {"buffered": 0, "received": 1}


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A server that cannot take calls for a while."""

    name: str
    answer: Callable[[], str] = lambda: OK
    wait_s: float = 0.0
    is_down: bool = False
    has_bad_tls: bool = False
    is_final: bool = False
    """Nothing more is called after this answer."""


_TROUBLES = (
    _Trouble("down", is_down=True),
    _Trouble("slow", wait_s=30.0),
    _Trouble("500", lambda: "500 Internal Server Error"),
    _Trouble("429 with Retry-After", lambda: "429 Too Many Requests\nRetry-After: 2"),
    _Trouble("410", lambda: "410 Gone", is_final=True),
    _Trouble("redirect", lambda: "302 Found\nLocation: http://127.0.0.1:9/"),
    _Trouble("bad TLS", has_bad_tls=True),
)


async def customers_in_trouble(bench: Bench, row: Row) -> None:
    """All troubles at once, and a healthy server beside them."""
    seconds = bench.times(6, 300)
    row.times = f"{seconds} s each, at once: " + ", ".join(trouble.name for trouble in _TROUBLES)
    sinks = {trouble.name: Sink() for trouble in _TROUBLES} | {"healthy": Sink()}
    for sink in sinks.values():
        await sink.open()
    try:
        async with scene(bench) as stage:
            await stage.gateway.start()
            alone = await _healthy_ms(stage, sinks["healthy"], "r14 alone", 4.0)
            await _begin(sinks, bench.new_folder())
            sending = asyncio.gather(
                *(
                    stage.customer.send_paced(
                        f"r14 {trouble.name}",
                        RATE,
                        seconds,
                        status=True,
                        statusurl=sinks[trouble.name].url("/r14"),
                    )
                    for trouble in _TROUBLES
                )
            )
            beside = await _healthy_ms(stage, sinks["healthy"], "r14 beside", seconds)
            await sending
            row.note(f"healthy server told in p95 {alone:.0f} ms alone, {beside:.0f} ms beside")
            row.check(
                beside < max(2 * alone, alone + 100), f"the healthy server waits {beside:.0f} ms"
            )
            await _end(sinks)
            for trouble in _TROUBLES:
                await _check(stage, row, trouble, sinks[trouble.name])
            await stage.finish(row)
    finally:
        for sink in sinks.values():
            sink.close()


async def _begin(sinks: dict[str, Sink], folder: Path) -> None:
    for trouble in _TROUBLES:
        sink = sinks[trouble.name]
        sink.answer, sink.wait_s = trouble.answer, trouble.wait_s
        if trouble.is_down:
            sink.close()
        if trouble.has_bad_tls:
            sink.close()
            sink.tls = _untrusted(folder)
            await sink.open()


async def _end(sinks: dict[str, Sink]) -> None:
    """Every server is well again; the one with the bad certificate keeps it."""
    for trouble in _TROUBLES:
        sink = sinks[trouble.name]
        sink.answer, sink.wait_s = (lambda: OK), 0.0
        if trouble.is_down:
            await sink.open()


async def _check(stage: Scene, row: Row, trouble: _Trouble, sink: Sink) -> None:
    """Whether every message was told both its states, in their order."""
    count = sum(text.startswith(f"r14 {trouble.name} ") for text in stage.ledger.accepted)
    if trouble.has_bad_tls:
        row.check(not sink.calls, "a server with a bad certificate was called")
        kept = stage.gateway.select(
            "SELECT count(*) FROM callbacks WHERE state = 0 AND origin LIKE 'https%'"
        )[0][0]
        row.note(f"bad TLS: {kept} of {2 * count} calls still waiting")
        row.check(kept == 2 * count, f"bad TLS: {2 * count - kept} calls given up")
        return

    def told() -> dict[str, list[Call]]:
        by_message: defaultdict[str, list[Call]] = defaultdict(list)
        for call in sink.calls:
            if call.status == OK or trouble.is_final:
                by_message[call.query["msgid"]].append(call)
        return by_message

    def complete() -> bool:
        return sum(len(calls) >= 2 for calls in told().values()) >= count

    began = time.monotonic()
    in_time = await until(complete, 150, 0.1)  # an origin that was away is tried each minute
    calls = told()
    whole = sum({c.query["status"] for c in found} >= ORDER.keys() for found in calls.values())
    row.note(f"{trouble.name}: {whole} of {count} told, {time.monotonic() - began:.0f} s later")
    row.check(in_time and whole == count, f"{trouble.name}: {count - whole} of {count} not told")
    disorder = sum(_is_disorderly(found) for found in calls.values())
    row.check(not disorder, f"{trouble.name}: {disorder} told out of order")
    if trouble.is_final:
        again = sum(len(found) > 2 for found in calls.values())
        row.check(not again, f"{trouble.name}: {again} called again")


def _is_disorderly(calls: list[Call]) -> bool:
    states = [ORDER[call.query["status"]] for call in calls]
    return states != sorted(states)


async def _healthy_ms(stage: Scene, sink: Sink, name: str, seconds: float) -> float:
    """The time from acceptance to the last call of a message: p95."""
    before = len(sink.calls)
    url = sink.url("/r14")
    await stage.customer.send_paced(name, RATE * 4, seconds, status=True, statusurl=url)
    expected = before + 2 * sum(text.startswith(f"{name} ") for text in stage.ledger.accepted)
    await until(lambda: len(sink.calls) >= expected, 20)
    ends = {call.query["batchid"]: call.at for call in sink.calls}
    waits = [
        ends[str(batch)] - stage.customer.accepted_at[text]
        for text, batch in stage.customer.batches.items()
        if text.startswith(f"{name} ") and str(batch) in ends
    ]
    return quantiles(waits, n=20)[18] * 1000


def _untrusted(folder: Path) -> ssl.SSLContext:
    """The server side of TLS with a certificate that nobody signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "untrusted.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
