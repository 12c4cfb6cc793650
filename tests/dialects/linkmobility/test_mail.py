"""Mail to SMS over real sockets: what is stored, what is refused, and with which words."""

import asyncio
import contextlib
import logging
import smtplib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.passing_time import PATIENCE_S

from dragoman.config.sections import Mail
from dragoman.core.accounts import accounts as accounts_module
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.model.errors import StorageUnavailable
from dragoman.dialects.linkmobility.mail import LinkMailbox
from dragoman.kit import logging as kit_logging
from dragoman.mail import listener as listener_module
from dragoman.mail.listener import MailListener

from .conftest import KEY, OTHER_KEY, Link

HOST = "sms.example.net"
TO = f"{KEY}+sms4512345678@{HOST}"
MAIL = b"Subject: hello\r\n\r\nHello world!\r\n"
MakeListener = Callable[..., Awaitable[MailListener]]
Talk = Callable[..., Awaitable[list[bytes]]]


@pytest.fixture
async def make_listener(link: Link, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakeListener]:
    """Returns a maker of listeners over the house of `link`."""
    monkeypatch.setattr(accounts_module, "FIRST_DELAY_S", 0.0)
    made: list[MailListener] = []

    async def make(**settings: Any) -> MailListener:
        mail = Mail(**{"enabled": True, "listen": "127.0.0.1:0", "domains": (HOST,)} | settings)
        listener = MailListener(mail, LinkMailbox(link.services), link.clock)
        await listener.start()
        made.append(listener)
        return listener

    yield make
    for listener in made:
        await listener.stop(5)


@pytest.fixture
async def listener(make_listener: MakeListener) -> MailListener:
    return await make_listener()


async def say(listener: MailListener, *lines: bytes) -> list[bytes]:
    """Writes lines all at once, as a pipelining client may, and returns the last line of each
    answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"".join(line + b"\r\n" for line in lines))
    answers = []
    while line := await asyncio.wait_for(reader.readline(), PATIENCE_S):
        if line[3:4] == b" ":
            answers.append(line.rstrip())
        if len(answers) == len(lines_that_answer(lines)) + 1:
            break
    writer.close()
    return answers[1:]


def lines_that_answer(lines: tuple[bytes, ...]) -> list[bytes]:
    """Commands, and the dot that ends a mail."""
    commands, in_mail = [], False
    for line in lines:
        if in_mail:
            in_mail = line != b"."
            if in_mail:
                continue
        elif line == b"DATA":
            in_mail = True
        commands.append(line)
    return commands


async def bring(
    listener: MailListener, *to: str, mail: bytes = MAIL, **more: Any
) -> tuple[int, str]:
    """Brings a mail with aiosmtplib; the answer to the first thing that is refused, or to DATA."""
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=listener.port, **more) as client:
        await client.ehlo()
        try:
            await client.mail("me@example.org")
            for one in to or (TO,):
                await client.rcpt(one)
            answer = await client.data(mail)
        except aiosmtplib.SMTPResponseException as error:
            return error.code, error.message
        return answer.code, answer.message


async def test_mail_becomes_a_message_and_is_listed_as_smtp(
    link: Link, listener: MailListener
) -> None:
    code, text = await bring(listener)
    assert code == 250
    batch_id = text.rpartition(" ")[2]
    assert text == f"2.0.0 Stored as batch {batch_id}"
    assert (await link.get("messages/1.json")).json["messages"] == [
        {
            "batchid": batch_id,
            "time": "21-09-2026 16:13:20",
            "state": "RUNNING",
            "sender": "Service SMS",
            "msg": "Hello world!",
            "protocol": "SMTP",
        }
    ]
    (message,) = link.live()
    assert message.recipient == "4512345678"


async def test_what_smtplib_sends_arrives_as_written(link: Link, listener: MailListener) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "me@example.org", TO, '{"sender":"Værkstæd"}'
    mail.set_content("Smørrebrød €\n.dotted\n\n-- \nMe", cte="base64")
    mail.add_alternative("<p>not this</p>", subtype="html")

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", listener.port) as client:
            client.send_message(mail)

    await asyncio.to_thread(send)
    (message,) = link.live()
    assert message.batch.stored.text == "Smørrebrød €\n.dotted"
    assert message.batch.stored.sender == "Værkstæd"


async def test_recipients_of_one_mail_are_one_batch(link: Link, listener: MailListener) -> None:
    to = [f"{KEY}+sms451234567{digit}@{HOST}" for digit in (1, 2, 1)]
    assert (await bring(listener, *to))[0] == 250
    first, second = link.live()
    assert first.batch is second.batch
    assert [first.recipient, second.recipient] == ["4512345671", "4512345672"]


async def test_options_of_the_subject_win_over_those_of_the_address(
    link: Link, listener: MailListener
) -> None:
    code, _ = await bring(
        listener,
        f"class=0+sender=Shop+{KEY}+sms4512345678@{HOST}",
        mail=b'Subject: {"sender": "Till", "validity": 60,\r\n "sendtime": "22-09-2026 08:00"}'
        b"\r\n\r\nx",
    )
    assert code == 250
    listed = (await link.get("messages/1.json")).json["messages"][0]
    assert (listed["sender"], listed["time"]) == ("Till", "22-09-2026 08:00:00")


@pytest.mark.parametrize("subject", [b"Re: hello", b"", b"[1]", b'"x"', b"12"])
async def test_a_subject_that_is_no_object_is_ignored(
    link: Link, listener: MailListener, subject: bytes
) -> None:
    assert (await bring(listener, mail=b"Subject: " + subject + b"\r\n\r\nHi"))[0] == 250
    assert link.live()[0].batch.stored.sender == "Service SMS"


@pytest.mark.parametrize(
    ("mail", "code", "reply"),
    [
        (b"Subject: {\r\n\r\nHi", 554, "5.6.0 Subject is not valid, not JSON"),
        (b'Subject: {"sender"}\r\n\r\nHi', 554, "5.6.0 Subject is not valid, not JSON"),
        (
            b'Subject: {"sendtme":"x"}\r\n\r\nHi',
            554,
            "5.6.0 Request is not valid, Object contains unknown field `sendtme`",
        ),
        (b'Subject: {"class":9}\r\n\r\nHi', 554, "5.6.0 Class is not valid, use a number"),
        (b'Subject: {"message":"x"}\r\n\r\nHi', 554, "5.6.0 Message is not valid, not an option"),
        (b'Subject: {"recipients":"x"}\r\n\r\nHi', 554, "5.6.0 Recipients is not valid, not an"),
        (b'Subject: {"sender":"TwelveLetter"}\r\n\r\nHi', 554, "5.6.0 Sender [TwelveLetter]"),
        (b'Subject: {"sender":"\xc3\xa9\xe2\x98\x83"}\r\n\r\nHi', 554, "5.6.0 Sender [??] is"),
        (b"Subject: x\r\n\r\n", 554, "5.6.0 Message cannot be empty"),
        (b"Subject: x\r\n\r\n-- \r\nJohn", 554, "5.6.0 Message cannot be empty"),
        (b"Subject: x\r\n\r\n" + b"long long long\r\n" * 200, 554, "5.6.0 Message is too long, ["),
        (b"Subject: x\r\n\r\n\0", 554, "5.6.0 Message is not valid, not valid Unicode"),
        (b"Content-Type: image/png\r\n\r\nx", 554, "5.6.0 The mail cannot be read: it has no"),
        (b"\r\n" + b"line\r\n" * 1000, 552, "Error: Too much mail data"),
    ],
)
async def test_a_mail_that_is_refused_stores_nothing(
    link: Link, make_listener: MakeListener, mail: bytes, code: int, reply: str
) -> None:
    listener = await make_listener(max_bytes=4096)
    before = await link.rows()
    answer = await bring(listener, mail=mail)
    assert answer[0] == code
    assert answer[1].startswith(reply)
    assert await link.rows() == before


@pytest.mark.parametrize(
    ("to", "reply"),
    [
        (f"{'c' * 64}+sms4512345678@{HOST}", "5.7.1 Access denied, authentication failed"),
        (f"{KEY}+sms4512345678@example.org", "5.7.1 Relaying denied"),
        (f"postmaster@{HOST}", "5.1.3 Address is not valid, expected [options+]<apikey>+sms45"),
        (f"{KEY}+sms12@{HOST}", "5.6.0 Recipient [+12] is not valid"),
    ],
)
async def test_a_recipient_that_is_refused_hinders_the_whole_mail(
    link: Link, listener: MailListener, to: str, reply: str
) -> None:
    before = await link.rows()
    *_, refusal, _, stored = await say(
        listener,
        b"EHLO me",
        b"MAIL FROM:<me@example.org>",
        f"RCPT TO:<{TO}>".encode(),
        f"RCPT TO:<{to}>".encode(),
        b"DATA",
        MAIL,
        b".",
    )
    assert refusal[4:].decode().startswith(reply)
    assert refusal.startswith((b"550", b"554"))
    assert stored.startswith(b"554 5.5.0 Nothing was stored, a recipient was refused: ")
    assert KEY.encode() not in stored
    assert await link.rows() == before


@pytest.mark.parametrize(
    "to", [f"{OTHER_KEY}+sms4512345679@{HOST}", f"class=0+{KEY}+sms4512345679@{HOST}"]
)
async def test_recipients_that_cannot_share_a_batch_are_told_to_come_alone(
    link: Link, listener: MailListener, to: str
) -> None:
    *_, other, _, stored = await say(
        listener,
        b"EHLO me",
        b"MAIL FROM:<me@example.org>",
        f"RCPT TO:<{TO}>".encode(),
        f"RCPT TO:<{to}>".encode(),
        b"DATA",
        MAIL,
        b".",
    )
    assert other == b"452 4.5.3 Other keys and options in a mail of their own"
    assert stored.startswith(b"250 2.0.0")
    assert [message.recipient for message in link.live()] == ["4512345678"]


async def test_recipients_beyond_the_limit_are_told_to_come_later(
    link: Link, make_listener: MakeListener
) -> None:
    listener = await make_listener(max_recipients=1)
    assert await bring(listener, TO, TO) == (452, "4.5.3 Too many recipients")


async def test_commands_may_come_all_at_once_and_two_mails_on_a_connection(
    link: Link, listener: MailListener
) -> None:
    mail = (
        b"MAIL FROM:<me@example.org>",
        f"RCPT TO:<{TO}>".encode(),
        b"DATA",
        b"",
        b"Hi",
        b".",
    )
    answers = await say(listener, b"EHLO me", *mail, *mail, b"QUIT")
    assert [answer[:3] for answer in answers] == (
        [b"250"] + [b"250", b"250", b"354", b"250"] * 2 + [b"221"]
    )
    assert len(link.live()) == 2


async def test_capabilities_are_pipelining_and_size_but_no_login(listener: MailListener) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=listener.port) as client:
        answer = await client.ehlo()
    assert answer.message.split("\n") == [
        HOST,
        "SIZE 262144",
        "8BITMIME",
        "PIPELINING",
        "HELP",
    ]


async def test_a_declared_size_beyond_the_limit_is_refused_at_once(listener: MailListener) -> None:
    answers = await say(listener, b"EHLO me", b"MAIL FROM:<me@example.org> SIZE=262145")
    assert answers[-1].startswith(b"552")


async def test_a_mail_without_end_is_cut_off(make_listener: MakeListener) -> None:
    listener = await make_listener(max_bytes=1024)
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    setup = f"EHLO me\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<{TO}>\r\nDATA\r\n"
    writer.write(setup.encode() + b"x" * 10_000)
    with contextlib.suppress(ConnectionResetError):
        await asyncio.wait_for(reader.read(), PATIENCE_S)
    assert not listener.connections


async def test_mails_of_a_key_and_of_a_client_are_limited(make_listener: MakeListener) -> None:
    listener = await make_listener(mails_per_minute_per_key=1)
    assert (await bring(listener))[0] == 250
    assert await bring(listener) == (451, "4.7.1 Too many mails, try again in a minute")
    assert (await bring(listener, TO.replace(KEY, OTHER_KEY)))[0] == 250
    listener = await make_listener(mails_per_minute_per_client=1)
    assert (await bring(listener))[0] == 250
    assert await bring(listener) == (451, "4.7.1 Too many mails, try again in a minute")


async def test_connections_are_limited_and_counted_back(
    make_listener: MakeListener, until: Callable[..., Awaitable[None]]
) -> None:
    listener = await make_listener(max_connections_per_client=1)
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=listener.port):
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        assert await reader.read() == b"421 4.7.0 Too many connections\r\n"
        writer.close()
    await until(lambda: not listener.connections)
    assert not listener.clients
    assert (await bring(listener))[0] == 250


async def test_bounces_are_not_taken(listener: MailListener) -> None:
    answers = await say(listener, b"EHLO me", b"MAIL FROM:<>")
    assert answers[-1] == b"550 5.7.1 Bounces are not taken"


async def test_who_guesses_keys_is_hung_up_on(listener: MailListener) -> None:
    guesses = [
        f"RCPT TO:<{guess:064x}+sms45@{HOST}>".encode()
        for guess in range(listener_module.MAX_REFUSALS)
    ]
    answers = await say(listener, b"EHLO me", b"MAIL FROM:<a@b.c>", *guesses, b"NOOP")
    assert answers[-1] == b"421 4.7.0 Too many refused recipients"


async def test_the_account_is_used_from_its_addresses_only(
    link: Link, listener: MailListener
) -> None:
    created = await link.services.accounts.create("far", allowed_addresses="192.0.2.0/24")
    code, text = await bring(listener, f"{created.api_key}+sms4512345678@{HOST}")
    assert (code, text) == (550, "5.7.1 Access denied [127.0.0.1] IP address not allowed")


async def test_a_key_revoked_between_recipient_and_mail_is_refused(
    link: Link, listener: MailListener
) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=listener.port) as client:
        await client.ehlo()
        await client.mail("me@example.org")
        await client.rcpt(TO)
        await link.services.accounts.rotate_key("hn")
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await client.data(MAIL)
    assert refused.value.code == 550
    assert link.live() == []


async def test_storage_that_is_away_asks_for_the_mail_again(
    link: Link, listener: MailListener
) -> None:
    await link.services.accounts.authenticate_key(KEY, "127.0.0.1")
    await link.services.storage.writer.stop()
    code, text = await bring(listener)
    assert (code, text) == (451, "4.3.0 Service temporary not available")
    assert link.live() == []


async def test_an_account_that_cannot_be_read_asks_for_the_recipient_again(
    link: Link, listener: MailListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_key: str, _client: str, *, call: object) -> Account:
        raise StorageUnavailable("gone")

    monkeypatch.setattr(link.services.accounts, "authenticate_key", away)
    assert await bring(listener) == (451, "4.3.0 Service temporary not available")


async def test_an_error_nobody_foresaw_tells_nothing(
    listener: MailListener, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_key: str, _client: str) -> Account:
        raise ZeroDivisionError(KEY)

    monkeypatch.setattr(link.services.accounts, "authenticate_key", broken)
    assert await bring(listener) == (451, "4.3.0 Internal error")


async def test_stopping_waits_for_the_mail_that_is_being_stored(
    link: Link, listener: MailListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, reached, may_go = link.services.submission.submit, asyncio.Event(), asyncio.Event()

    async def slowly(*arguments: Any) -> Any:
        reached.set()
        await may_go.wait()
        return await submit(*arguments)

    monkeypatch.setattr(link.services.submission, "submit", slowly)
    bringing = asyncio.create_task(bring(listener))
    await reached.wait()
    stopping = asyncio.create_task(listener.stop(10))
    await asyncio.sleep(0)
    may_go.set()
    assert (await bringing)[0] == 250
    await stopping


async def test_neither_keys_nor_texts_reach_the_log(
    listener: MailListener, capsys: pytest.CaptureFixture[str]
) -> None:
    root, handlers, level = logging.root, logging.root.handlers[:], logging.root.level
    configured = structlog.get_config()
    try:
        kit_logging.configure("debug", "json")
        assert (await bring(listener))[0] == 250
        written = capsys.readouterr().err
    finally:
        structlog.configure(**configured)
        root.handlers, root.level = handlers, level
    assert KEY not in written
    assert "Hello world" not in written
    assert "4512345678" not in written


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    signed = (
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
    path = tmp_path_factory.mktemp("tls") / "mail.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


async def test_mail_over_starttls(
    link: Link, make_listener: MakeListener, certificate: Path
) -> None:
    listener = await make_listener(tls_certificate_file=str(certificate), require_tls=True)
    context = ssl.create_default_context(cafile=str(certificate))
    assert (await bring(listener, start_tls=True, tls_context=context))[0] == 250
    assert len(link.live()) == 1
    answers = await say(listener, b"EHLO me", b"MAIL FROM:<me@example.org>")
    assert answers[-1].startswith(b"530")


async def test_commands_before_the_handshake_are_forgotten(
    make_listener: MakeListener, certificate: Path
) -> None:
    """Injected commands must not be answered inside TLS (CVE-2011-0411)."""
    listener = await make_listener(tls_certificate_file=str(certificate))
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"EHLO me\r\n")
    while not (await reader.readline()).startswith(b"250 "):
        pass
    writer.write(b"STARTTLS\r\nMAIL FROM:<injected@example.org>\r\n")
    assert (await reader.readline()).startswith(b"220")
    context = ssl.create_default_context(cafile=str(certificate))
    await writer.start_tls(context, server_hostname="127.0.0.1")
    writer.write(b"NOOP\r\n")
    assert (await reader.readline()).startswith(b"250")
    writer.write(f"EHLO me\r\nRCPT TO:<{TO}>\r\n".encode())
    while not (line := await reader.readline()).startswith(b"503"):
        assert line.startswith(b"250")
    writer.close()
