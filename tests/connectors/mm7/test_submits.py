"""A SubmitReq octet by octet, and as an independent reader reads it."""

import pytest

from dragoman.config.tables import Mm7Table
from dragoman.connectors.mm7.submits import render_submit
from dragoman.core.messages.model.attachments import Attachment, Multimedia
from dragoman.core.messages.model.messages import Outgoing
from dragoman.testkit.mmsc import read_submit

from . import conftest
from .conftest import NOW_MS, PNG

SMIL = Attachment(name="show.smil", content_type="application/smil", content=b"<smil/>")
CARRIER = Mm7Table(
    name="pictures", url="http://mmsc/mm7", vasp_id="dragoman", vas_id="news", service_code="gold"
)


def outgoing(text: str = "MMS test", **more: str) -> Outgoing:
    return conftest.outgoing(multimedia=Multimedia(batch_id=1, text=text), **more)


EXPECTED = b"""\
--mm7-abc-1\r
Content-Type: text/xml; charset=utf-8\r
Content-ID: <mm7-submit>\r
\r
<?xml version='1.0' encoding='UTF-8'?>
<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Header>\
<mm7:TransactionID xmlns:mm7="http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/\
REL-6-MM7-1-4" env:mustUnderstand="1">abc-1</mm7:TransactionID></env:Header><env:Body>\
<SubmitReq xmlns="http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/REL-6-MM7-1-4">\
<MM7Version>6.8.0</MM7Version><SenderIdentification><VASPID>dragoman</VASPID><VASID>news</VASID>\
<SenderAddress><ShortCode>1272</ShortCode></SenderAddress></SenderIdentification><Recipients><To>\
<Number>+4512345678</Number></To></Recipients><ServiceCode>gold</ServiceCode>\
<TimeStamp>2026-09-21T14:13:20Z</TimeStamp><ExpiryDate>2026-09-21T15:13:20Z</ExpiryDate>\
<DeliveryReport>true</DeliveryReport><Content href="cid:content-abc-1" allowAdaptations="true"/>\
</SubmitReq></env:Body></env:Envelope>\r
--mm7-abc-1\r
Content-Type: multipart/mixed; boundary="parts-abc-1"\r
Content-ID: <content-abc-1>\r
\r
--parts-abc-1\r
Content-Type: text/plain; charset=utf-8; name="message.txt"\r
Content-ID: <message.txt>\r
Content-Location: message.txt\r
Content-Transfer-Encoding: binary\r
\r
MMS test\r
--parts-abc-1\r
Content-Type: image/png; name="sms.png"\r
Content-ID: <sms.png>\r
Content-Location: sms.png\r
Content-Transfer-Encoding: binary\r
\r
\x89PNG\r\n\x1a\n\0\r\r\n--\r
--parts-abc-1--\r
\r
--mm7-abc-1--\r
"""


def test_the_octets_of_a_submit() -> None:
    submit = render_submit(outgoing(), [PNG], CARRIER, NOW_MS)
    assert submit.body == EXPECTED
    assert submit.content_type == (
        'multipart/related; type="text/xml"; start="<mm7-submit>"; boundary="mm7-abc-1"'
    )


def test_a_presentation_comes_first_and_is_the_start() -> None:
    submit = render_submit(outgoing("Ægte"), [SMIL, PNG], CARRIER, NOW_MS)
    read = read_submit({"soapaction": '""', "content-type": submit.content_type}, submit.body)
    assert read.content_type == (
        'multipart/related; type="application/smil"; start="<show.smil>"; boundary="parts-abc-1"'
    )
    assert [(part.location, part.content_type, part.content) for part in read.parts] == [
        ("show.smil", "application/smil", SMIL.content),
        ("message.txt", "text/plain", "Ægte".encode()),
        ("sms.png", "image/png", PNG.content),
    ]
    assert [part.content_id for part in read.parts] == ["<show.smil>", "<message.txt>", "<sms.png>"]


def test_without_a_text_there_is_no_text_part() -> None:
    submit = render_submit(outgoing(""), [PNG], CARRIER, NOW_MS)
    read = read_submit({"soapaction": '""', "content-type": submit.content_type}, submit.body)
    assert [part.location for part in read.parts] == ["sms.png"]


def test_a_boundary_in_the_content_ends_no_part() -> None:
    evil = Attachment(
        name="a.txt",
        content_type="text/plain",
        content=b"\r\n--parts-abc-1--\r\n--parts-abc-1-x\r\n--mm7-abc-1--\r\n<env:Envelope/>",
    )
    submit = render_submit(outgoing(), [evil, PNG], CARRIER, NOW_MS)
    read = read_submit({"soapaction": '""', "content-type": submit.content_type}, submit.body)
    assert [part.content for part in read.parts] == [b"MMS test", evil.content, PNG.content]


@pytest.mark.parametrize(
    ("sender", "kind", "address"),
    [("1272", "ShortCode", "1272"), ("4512345678", "Number", "+4512345678")],
)
def test_short_codes_and_numbers_are_told_apart(sender: str, kind: str, address: str) -> None:
    submit = render_submit(outgoing(sender=sender), [PNG], CARRIER, NOW_MS)
    read = read_submit({"soapaction": '""', "content-type": submit.content_type}, submit.body)
    assert read.values[f"SenderIdentification/SenderAddress/{kind}"] == address
