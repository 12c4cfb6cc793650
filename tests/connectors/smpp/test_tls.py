"""TLS towards the SMSC: verified unless the operator says otherwise."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dragoman.core.messages.model.outcomes import Accepted
from dragoman.testkit.simulator import Simulator


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with key and certificate for 127.0.0.1 and `smsc.test`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smsc.test")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName("smsc.test"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "smsc.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
async def smsc(certificate: Path) -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    simulator = Simulator(tls=context)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.mark.parametrize("server_name", [None, "smsc.test"])
async def test_trusted_certificate_lets_messages_through(
    smsc: Simulator,
    events: Any,
    connect: Any,
    outgoing: Any,
    certificate: Path,
    server_name: str | None,
) -> None:
    carrier = await connect(
        port=smsc.port, tls=True, tls_ca_file=str(certificate), tls_server_name=server_name
    )
    carrier.send(outgoing(1))
    await events.until(lambda: events.receipts)
    assert isinstance(events.outcomes[1], Accepted)


@pytest.mark.parametrize("trusted", [False, True])
async def test_unknown_certificate_or_wrong_name_is_refused(
    smsc: Simulator, events: Any, connect: Any, certificate: Path, trusted: bool
) -> None:
    wrong = {"tls_ca_file": str(certificate), "tls_server_name": "other.test"} if trusted else {}
    carrier = await connect(port=smsc.port, tls=True, wait=False, **wrong)
    await events.until(lambda: carrier.links[0].last_error)
    assert "certificate verify failed" in carrier.links[0].last_error
    assert not carrier.up
    assert smsc.taken == 0


async def test_verification_can_be_switched_off(smsc: Simulator, connect: Any) -> None:
    carrier = await connect(port=smsc.port, tls=True, tls_verify=False)
    assert carrier.up
