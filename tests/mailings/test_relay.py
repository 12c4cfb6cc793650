"""Handing mails over: encryption, login, connections that come and go, and the folder."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dragoman.campaigns.relay import Outbox, RelayConnection
from dragoman.config.sections import Mailings as Settings
from dragoman.config.values import Secret
from dragoman.core.campaigns.outcomes import Answer, Stage

SENDER, ANN = "bounces@relay.example", "ann@one.example"
MAIL = b"Subject: hello\r\n\r\n.\r\n..\r\nend\r\n"


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file by which a server on 127.0.0.1 proves itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "relay.test")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7).add_extension(names, False)
    builder = builder.not_valid_before(now - timedelta(hours=1))
    certificate = builder.not_valid_after(now + timedelta(hours=1)).sign(key, hashes.SHA256())
    pem, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path = tmp_path_factory.mktemp("tls") / "relay.pem"
    path.write_bytes(certificate.public_bytes(pem) + key.private_bytes(pem, form, no_password))
    return path


def _settings(port: int, **changed: Any) -> Settings:
    values = {"relay": f"127.0.0.1:{port}", "security": "none", "sender": SENDER, "timeout_s": 5.0}
    return Settings(**values | changed)


async def _hand_over(connection: RelayConnection, recipient: str = ANN) -> Answer:
    return await connection.hand_over("1", SENDER, recipient, MAIL)


async def test_several_mails_go_over_one_connection_as_they_are(relay: Any) -> None:
    connection = RelayConnection(_settings(relay.port))
    relay.recipients[ANN] = ["450 4.2.1 later"]
    answers = [await _hand_over(connection) for _ in range(3)]
    await connection.close()
    assert [(answer.stage, answer.code) for answer in answers] == [
        (Stage.RECIPIENT, 450),
        (Stage.CONTENT, 250),
        (Stage.CONTENT, 250),
    ]
    assert relay.raw == [MAIL, MAIL]


async def test_connection_that_the_relay_closed_is_opened_again(relay: Any) -> None:
    connection = RelayConnection(_settings(relay.port))
    assert (await _hand_over(connection)).is_accepted
    for transport in relay.transports():
        transport.close()
    await asyncio.sleep(0.05)
    assert (await _hand_over(connection)).is_accepted
    await connection.close()


async def test_relay_that_is_not_there_is_trouble_of_the_connection(relay: Any) -> None:
    await relay.stop()
    answer = await _hand_over(RelayConnection(_settings(relay.port)))
    assert (answer.stage, answer.code, answer.is_trouble) == (Stage.CONNECTION, None, True)


async def _secured(relay: Any, identity: Path, *, implicit: bool) -> tuple[asyncio.Server, int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity)

    def authenticate(*given: Any) -> AuthResult:
        login = given[-1]
        assert isinstance(login, LoginPassword)
        return AuthResult(
            success=(login.login, login.password) == (b"user", b"secret"), handled=False
        )

    options = {} if implicit else {"tls_context": context, "require_starttls": True}
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(
            relay,
            authenticator=authenticate,
            auth_required=True,
            auth_require_tls=not implicit,
            **options,
        ),
        "127.0.0.1",
        0,
        ssl=context if implicit else None,
    )
    return server, server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_login_over_an_encrypted_connection(
    relay: Any, identity: Path, security: str
) -> None:
    server, port = await _secured(relay, identity, implicit=security == "tls")
    changed = {"security": security, "user": "user", "ca_file": str(identity)}
    connection = RelayConnection(_settings(port, password=Secret("secret"), **changed))
    assert (await _hand_over(connection)).is_accepted
    await connection.close()
    wrong = RelayConnection(_settings(port, password=Secret("guess"), **changed))
    answer = await _hand_over(wrong)
    assert (answer.stage, answer.code) == (Stage.CONNECTION, 535)
    await wrong.close()
    server.close()
    assert len(relay.mails) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_relay_that_nobody_vouches_for_gets_nothing(
    relay: Any, identity: Path, security: str
) -> None:
    server, port = await _secured(relay, identity, implicit=security == "tls")
    connection = RelayConnection(
        _settings(port, security=security, user="user", password=Secret("secret"))
    )
    answer = await _hand_over(connection)
    assert (answer.stage, answer.code) == (Stage.CONNECTION, None)
    await connection.close()
    server.close()
    assert relay.mails == []


async def test_relay_without_starttls_gets_nothing_where_it_is_asked_for(relay: Any) -> None:
    connection = RelayConnection(_settings(relay.port, security="starttls"))
    answer = await _hand_over(connection)
    assert (answer.stage, answer.is_accepted) == (Stage.CONNECTION, False)
    await connection.close()
    assert relay.mails == []


async def test_folder_gets_each_mail_as_a_file(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    answer = await outbox.hand_over("abc", SENDER, ANN, MAIL)
    assert answer.is_accepted
    assert {path.name: path.read_bytes() for path in (tmp_path / "outbox").iterdir()} == {
        "abc.eml": MAIL
    }


async def test_folder_that_cannot_be_written_is_trouble(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")
    answer = await Outbox(tmp_path / "outbox").hand_over("abc", SENDER, ANN, MAIL)
    assert answer.is_trouble
