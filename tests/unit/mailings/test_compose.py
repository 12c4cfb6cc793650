"""Mails as recipients' programs read them."""

from __future__ import annotations

import email
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from typing import Any

import msgspec
import pytest

from dragoman.core.campaigns.compose import Links, compose_issue, compose_opt_in, tag_links
from dragoman.core.campaigns.model.mailings import Delivery, DeliveryKind, Issue, MailingList
from dragoman.core.messages.model.attachments import Attachment

SENDER = "bounces@relay.example"
DATE = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
LINKS = Links(
    base_url="https://example.com/a/rather/long/path/before/it/mailings",
    unsubscribe_token="u" * 32,
    confirm_token="c" * 32,
)
LIST = MailingList(
    list_id=5,
    account_id=1,
    title="News & more",
    language="eng",
    sender="news@acme.example",
    reply_to="office@acme.example",
    company_name="Acme, “Ltd”",
    company_address="1 <High> Street",
    company_url="www.acme.example/?a=1&b=2",
    company_phone="+44123",
    company_fax="+44124",
)
ISSUE = Issue(
    issue_id=6,
    account_id=1,
    list_id=5,
    title="Title",
    subject="Hello world!",
    text="Test email\n",
    html="<body><p>Hello world!</p></body>",
)
DELIVERY = Delivery(
    delivery_id=1_000_000,
    account_id=1,
    kind=DeliveryKind.ISSUE,
    list_id=5,
    issue_id=6,
    subscription_id=7,
    address="ann@one.example",
    attempts=0,
    next_attempt_ms=0,
    possible_duplicate=False,
)


def _raw(issue: Issue = ISSUE, mailing_list: MailingList = LIST, **changed: Any) -> bytes:
    return compose_issue(
        msgspec.structs.replace(issue, **changed),
        mailing_list,
        DELIVERY,
        LINKS,
        sender=SENDER,
        date=DATE,
    )


def _mail(*args: Any, **changed: Any) -> EmailMessage:
    mail = email.message_from_bytes(_raw(*args, **changed), policy=default)
    assert not mail.defects
    return mail


def _part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_issue_has_the_headers_of_a_list() -> None:
    mail = _mail()
    unsubscribe = f"<{LINKS.base_url}/unsubscribe/{'u' * 32}>"
    expected = {
        "From": '"Acme, “Ltd”" <news@acme.example>',
        "Sender": SENDER,
        "To": "ann@one.example",
        "Reply-To": "office@acme.example",
        "Date": "Mon, 21 Sep 2026 14:13:20 +0000",
        "Subject": "Hello world!",
        "List-Id": "<5.lists.relay.example>",
        "List-Unsubscribe": unsubscribe,
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "Content-Language": "en",
        "MIME-Version": "1.0",
    }
    assert {name: mail[name] for name in expected} == expected
    assert mail["Message-ID"].endswith("@relay.example>")
    # RFC 8058 readers look for the URL as it stands: neither folded nor encoded.
    assert f"\r\nList-Unsubscribe: {unsubscribe}\r\n".encode() in _raw()


def test_every_line_ends_as_smtp_wants_it_and_is_short_enough() -> None:
    raw = _raw(html="<p>" + "x" * 5000 + "</p>", text="y" * 5000, subject="é" * 255)
    lines = raw.split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    assert b"\r" not in b"".join(lines)
    assert max(map(len, lines)) <= 998
    assert raw.isascii()


def test_issue_without_attachments_is_alternatives() -> None:
    mail = _mail()
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert _part(mail, "plain") == (
        "Test email\n\n-- \n"
        "You are receiving this e-mail because you are subscribed to “News & more”.\n"
        "Acme, “Ltd”, 1 <High> Street\n"
        f"Unsubscribe: {LINKS.unsubscribe}\n"
    )
    assert _part(mail, "html") == (
        '<body><p>Hello world!</p><p style="font-size:small">You are receiving this e-mail because '
        "you are subscribed to “News &amp; more”.<br>Acme, “Ltd”, 1 &lt;High&gt; Street<br>"
        f'<a href="{LINKS.unsubscribe}">Unsubscribe</a></p></body>\n'
    )


def test_issue_with_attachments_is_mixed() -> None:
    mail = _mail(
        attachments=(
            Attachment(name="attach1.pdf", content_type="application/pdf", content=b"\0\x10\0\x0b"),
            Attachment(name="prezzi è.txt", content_type="text/plain", content=b"ciao\n"),
        )
    )
    assert mail.get_content_type() == "multipart/mixed"
    body, *files = mail.iter_parts()
    assert body.get_content_type() == "multipart/alternative"
    assert [
        (one.get_content_type(), one.get_filename(), one.get_payload(decode=True)) for one in files
    ] == [
        ("application/pdf", "attach1.pdf", b"\0\x10\0\x0b"),
        ("text/plain", "prezzi è.txt", b"ciao\n"),
    ]


def test_social_buttons_share_the_company_s_page() -> None:
    mail = _mail(share_social=True)
    shared = "https%3A%2F%2Fwww.acme.example%2F%3Fa%3D1%26b%3D2"
    page = _part(mail, "html")
    assert f'<a href="https://www.facebook.com/sharer/sharer.php?u={shared}">Facebook</a>' in page
    assert page.index("Facebook") < page.index("Unsubscribe") < page.index("</body>")
    assert "Facebook" not in _part(_mail(), "html")


def test_opt_in_mail_asks_in_the_language_of_the_list() -> None:
    italian = msgspec.structs.replace(LIST, language="ita")
    raw = compose_opt_in(italian, DELIVERY, LINKS, sender=SENDER, date=DATE)
    mail = email.message_from_bytes(raw, policy=default)
    assert mail["Subject"] == "Conferma l’iscrizione: News & more"
    assert LINKS.confirm in _part(mail, "plain")
    assert f'<a href="{LINKS.confirm}">Sì, mi iscrivo</a>' in _part(mail, "html")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("subject", "Hello\r\nBcc: all@example.com"),
        ("subject", "Hello\nBcc: all@example.com"),
        ("subject", "=?utf-8?q?a=0D=0ABcc:_all@example.com?="),
        ("company_name", "=?utf-8?q?a=0D=0ABcc:_all@example.com?="),
        ("company_name", "Acme\r\nBcc: all@example.com"),
        ("sender", "news@acme.example\r\nBcc: all@example.com"),
        ("reply_to", "a@b.example>\r\nBcc: all@example.com"),
    ],
)
def test_line_end_in_a_header_is_never_written(place: str, value: str) -> None:
    if place == "subject":
        issue, mailing_list = msgspec.structs.replace(ISSUE, subject=value), LIST
    else:
        issue, mailing_list = ISSUE, msgspec.structs.replace(LIST, **{place: value})
    with pytest.raises(ValueError):  # noqa: PT011 - several of the email package's
        _raw(issue, mailing_list)


def test_text_that_looks_like_headers_stays_text() -> None:
    mail = _mail(text="\r\n.\r\nBcc: all@example.com\r\n", subject="=?utf-8?q?a?=")
    assert mail["Bcc"] is None
    assert "Bcc: all@example.com" in _part(mail, "plain")


@pytest.mark.parametrize(
    ("tag", "page", "tagged"),
    [
        (
            "www.google.it?a=b",
            '<a href="https://x.example/">x</a>',
            '<a href="https://x.example/?a=b">x</a>',
        ),
        (
            "?utm_source=news&utm_medium=mail",
            "<A class=q HREF = 'http://x.example/p?q=1#top'>x</A>",
            "<A class=q HREF = 'http://x.example/p?q=1&amp;utm_source=news&amp;utm_medium=mail"
            "#top'>x</A>",
        ),
        ("a=b", '<a href="mailto:a@x.example">x</a>', '<a href="mailto:a@x.example">x</a>'),
        ("a=b", '<img src="https://x.example/">', '<img src="https://x.example/">'),
        ("www.google.it", '<a href="https://x.example/">', '<a href="https://x.example/">'),
        ("", '<a href="https://x.example/">', '<a href="https://x.example/">'),
        (
            'a=b"><script>',
            '<a href="https://x.example/">',
            '<a href="https://x.example/?a=b%22%3E%3Cscript%3E">',
        ),
    ],
)
def test_analytics_tag_is_added_to_links_to_the_web(tag: str, page: str, tagged: str) -> None:
    assert tag_links(page, tag) == tagged


def test_analytics_tag_of_a_page_that_never_ends_a_link_is_quick() -> None:
    page = "<a " * 300_000
    assert tag_links(page, "a=b") == page
