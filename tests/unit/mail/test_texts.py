"""Reading a mail: charsets, encodings, alternatives, HTML, signatures, and mail that lies."""

import pytest

from dragoman.mail.texts import MAX_NESTED, MAX_PARTS, UnreadableMail, read_mail, text_of_html

PLAIN = b"Content-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n%s"


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\r\nHello", "Hello"),
        (b"Subject: x\r\n\r\nHello\r\nworld\r\n\r\n", "Hello\nworld"),
        (PLAIN % (b"utf-8", b"8bit", "smørrebrød €".encode()), "smørrebrød €"),
        (PLAIN % (b"iso-8859-1", b"8bit", "smørrebrød".encode("latin-1")), "smørrebrød"),
        (PLAIN % (b"windows-1252", b"quoted-printable", b"10 =80 =\r\ntoday"), "10 € today"),
        (PLAIN % (b"utf-8", b"base64", b"c23DuHJyZWJyw7hk\r\n"), "smørrebrød"),
        (PLAIN % (b"utf-16", b"base64", b"/v8DGw=="), "\u031b"),
        (PLAIN % (b"no-such-charset", b"8bit", "ø".encode()), "ø"),
        (PLAIN % (b"us-ascii", b"8bit", "ø".encode("windows-1252")), "ø"),
        (PLAIN % (b"utf-8", b"8bit", b"\xff\xfe"), "ÿþ"),
        (PLAIN % (b"utf-8", b"base64", b"!"), ""),
        (b"Content-Type: text/plain; charset=idna\r\n\r\n\xe6", "æ"),
        (b"\r\nHello\r\n-- \r\nJohn\r\nCEO", "Hello"),
        (b"\r\nHello\r\n--\r\nJohn", "Hello\n--\nJohn"),
        (b"\r\nHello -- \r\nJohn", "Hello -- \nJohn"),
        (
            b"Content-Type: text/plain; format=flowed\r\n\r\nA long \r\nline\r\n-- \r\nJ",
            "A long line",
        ),
        (b"Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\nlo \r\nng\r\n  x", "long\n x"),
    ],
)
def test_text_of_a_plain_part(octets: bytes, text: str) -> None:
    assert read_mail(octets).text == text


ALTERNATIVES = (
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="o"\r\n\r\n'
    b'--o\r\nContent-Type: multipart/alternative; boundary="i"\r\n\r\n'
    b"--i\r\nContent-Type: text/html\r\n\r\n<p>as <b>HTML</b></p>\r\n"
    b"%s"
    b"--i--\r\n"
    b"--o\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nattached\r\n"
    b"--o--\r\n"
)


def test_plain_part_is_preferred_to_html_and_attachments_are_left_out() -> None:
    plain = b"--i\r\nContent-Type: text/plain\r\n\r\nas text\r\n"
    assert read_mail(ALTERNATIVES % plain).text == "as text"


def test_html_is_taken_where_there_is_no_plain_part() -> None:
    assert read_mail(ALTERNATIVES % b"").text == "as HTML"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("Hi", "Hi"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("a &amp; b &lt;c&gt; &#230; &euro;&nbsp;5", "a & b <c> æ € 5"),
        ("<style>p{}</style><script>x()</script><title>t</title>seen<!-- not -->", "seen"),
        ("<ul><li>one\n  <b>and</b> more</li><li>two</li></ul>", "one and more\n\ntwo"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("<p>unclosed <b>and <i>wrong</b></i>", "unclosed and wrong"),
        ("<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><p>&e;</p>", "]>\n&e;"),
    ],
)
def test_html_becomes_plain(html: str, text: str) -> None:
    assert text_of_html(html) == text


def test_subject_is_decoded_and_unfolded() -> None:
    mail = read_mail(
        b"Subject: =?utf-8?b?eyJzZW5kZXIiOg==?=\r\n =?utf-8?q?_=22=C3=98=22=7D?=\r\n\r\nx"
    )
    assert mail.subject == '{"sender": "Ø"}'


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"Content-Type: image/png\r\n\r\nx", "it has no part with text"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--", "it has no part with text"),
        (b"\r\n--b\r\n" * (MAX_PARTS + 1), "too many parts"),
        (b"boundary=" * (MAX_NESTED + 1), "too many parts"),
        (b"Content-Type: message/rfc822\r\n\r\n" * 5000, "too many parts"),
        (b"Subject: " + b"=?utf-8?q?x?= " * 1000 + b"\r\n\r\nx", "its subject is too long"),
    ],
)
def test_mail_without_a_readable_text_is_refused(octets: bytes, reason: str) -> None:
    with pytest.raises(UnreadableMail, match=reason):
        read_mail(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\0",
        b"\r\n\r\n",
        b"Content-Type: \r\n\r\nx",
        b"Content-Type: text/plain; charset\r\n\r\nx",
    ],
)
def test_odd_mail_is_read_without_an_error(octets: bytes) -> None:
    assert read_mail(octets).text in ("", "x", "\0")
