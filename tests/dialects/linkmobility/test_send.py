"""POST message: what programs send in, what is stored and answered."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from dragoman.core.messages.model.records import BatchOptions
from dragoman.core.messages.sql.tables import batches, messages
from dragoman.protocols.gsm.alphabet import decode_gsm

pytestmark = pytest.mark.stores_beside

ACCEPTED = (
    b'{"stat":{"sendtime":"21-09-2026 16:13:20","buffered":0,"received":0,"rejected":0},'
    b'"details":{"sendtime":"21-09-2026 16:13:20","batchid":"<id>","state":"QUEUED"},"status":201}'
)
ACCEPTED_XML = b"""\
<?xml version="1.0"?>
<response>
  <stat>
    <sendtime>21-09-2026 16:13:20</sendtime>
    <buffered>0</buffered>
    <received>0</received>
    <rejected>0</rejected>
  </stat>
  <details>
    <sendtime>21-09-2026 16:13:20</sendtime>
    <batchid><id></batchid>
    <state>QUEUED</state>
  </details>
  <status>201</status>
</response>
"""
BOOKMARK = (
    "01062D1F2B6170706C69636174696F6E2F782D7761702D70726F762E62726F777365722D626F6F6B6D61726B73"
)


async def stored(link: Any) -> tuple[Any, list[Any]]:
    """The newest batch and its messages."""

    def load(connection: Any) -> tuple[Any, list[Any]]:
        newest = select(batches).order_by(batches.c.batch_id.desc()).limit(1)
        batch = connection.execute(newest).one()
        found = select(messages).where(messages.c.batch_id == batch.batch_id)
        return batch, list(connection.execute(found.order_by(messages.c.message_id)))

    return await link.services.storage.read(load)


async def test_message_is_answered_with_the_batch_status_object(link: Any) -> None:
    answer = await link.post(
        b'{"message":{"recipients":"+4512721272","sender":"TEST","message":"Hello world!"}}'
    )
    assert answer.status == 201
    assert answer.headers[b"content-type"] == b"application/json"
    assert answer.masked == ACCEPTED
    batch, [message] = await stored(link)
    assert answer.json["details"]["batchid"] == str(batch.batch_id)
    assert (batch.sender, batch.text, batch.format) == ("TEST", "Hello world!", "auto")
    assert (batch.dialect, batch.protocol) == ("linkmobility", "REST")
    assert batch.expires_ms - batch.due_ms == 2880 * 60 * 1000
    assert (message.recipient, message.parts) == ("4512721272", 1)


@pytest.mark.parametrize("content_type", [b"text/xml", b"text/xml; charset=utf-8"])
async def test_xml_message_is_answered_in_xml(link: Any, content_type: bytes) -> None:
    answer = await link.ask(
        "POST",
        "message.xml?apikey={key}",
        '<?xml version="1.0" encoding="UTF-8"?>\n<message>\n'
        "  <recipients>+4512721272,+4512345678</recipients>\n"
        "  <sender>TEST</sender>\n  <message>æøå &amp; co</message>\n</message>".encode(),
        content_type,
    )
    assert answer.status == 201
    assert answer.headers[b"content-type"] == b"text/xml; charset=utf-8"
    assert answer.masked == ACCEPTED_XML
    batch, rows = await stored(link)
    assert batch.text == "æøå & co"
    assert [row.recipient for row in rows] == ["4512721272", "4512345678"]


async def test_answer_has_the_form_of_the_suffix_whatever_the_body_is(link: Any) -> None:
    body = b'{"message":{"recipients":"+4512721272","message":"Hello"}}'
    answer = await link.ask("POST", "message.xml?apikey={key}", body, b"application/json")
    assert (answer.status, answer.masked) == (201, ACCEPTED_XML)


@pytest.mark.parametrize(
    "content_type",
    [b"application/json; charset=utf-8", b"application/x-www-form-urlencoded", b"text/plain"],
)
async def test_json_is_read_whatever_type_a_client_declares(link: Any, content_type: bytes) -> None:
    body = b'{"message":{"recipients":"+4512721272","message":"Hello"}}'
    assert (await link.post(body, content_type)).status == 201


@pytest.mark.parametrize(
    ("recipients", "numbers"),
    [
        ("+4512345678", ["4512345678"]),
        ("+4512345678,+4587654321", ["4512345678", "4587654321"]),
        (" +4512345678 , +4587654321 ,", ["4512345678", "4587654321"]),
        ("+4512345678,+4512345678", ["4512345678"]),
        (["+4512345678", "+4587654321"], ["4512345678", "4587654321"]),
        (["+4512345678,+4587654321"], ["4512345678", "4587654321"]),
        ("+45 12 34 56 78", ["4512345678"]),
    ],
)
async def test_recipients_are_each_sent_to_once(
    link: Any, recipients: Any, numbers: list[str]
) -> None:
    await link.sent(recipients=recipients)
    assert [row.recipient for row in (await stored(link))[1]] == numbers


@pytest.mark.parametrize(
    ("fields", "column", "value"),
    [
        ({"sender": None}, "sender", "Service SMS"),
        ({"sender": ""}, "sender", "Service SMS"),
        ({"sender": "+4512345678"}, "sender", "+4512345678"),
        ({"sender": 1272}, "sender", "1272"),
        ({"message": 1234}, "text", "1234"),
        ({"message": "007"}, "text", "007"),
        ({"message": "Hi [Name]"}, "text", "Hi [Name]"),
        ({"format": "GSM"}, "format", "gsm_alike"),
        ({"format": "gsm"}, "format", "gsm_alike"),
        ({"format": ""}, "format", "auto"),
        ({"message": "Привет"}, "format", "auto"),
        ({"format": "UNICODE", "message": "ÛÑÎÇÔÐÊ", "charset": "UTF-8"}, "format", "unicode"),
        ({"format": "UNICODE", "message": "plain"}, "format", "unicode"),
        ({"format": "BINARY", "message": "0102FF", "udh": ""}, "format", "binary"),
        ({"contenttype": 9, "invoicetext": "x", "charity": False, "price": 0}, "text", None),
        ({"protocol": "REST", "advanced": "", "filter": [], "segmentation": {}}, "text", None),
    ],
)
async def test_field_is_read(link: Any, fields: Any, column: str, value: Any) -> None:
    await link.sent(**fields)
    assert getattr((await stored(link))[0], column) == (value or "Hello world!")


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, BatchOptions()),
        ({"class": 1}, BatchOptions()),
        ({"class": 0}, BatchOptions(message_class=0)),
        ({"class": "3", "pid": "64"}, BatchOptions(message_class=3, protocol_id=64)),
        (
            {
                "format": "BINARY",
                "message": BOOKMARK,
                "udh": "0C05040B8423F00504C34FC002",
            },
            BatchOptions(udh="0c05040b8423f00504c34fc002"),
        ),
    ],
)
async def test_option_is_stored(link: Any, fields: Any, options: BatchOptions) -> None:
    await link.sent(**fields)
    batch, _ = await stored(link)
    assert msgspec.json.decode(batch.options, type=BatchOptions) == options


@pytest.mark.parametrize(
    ("fields", "url", "reported"),
    [
        ({"status": True, "statusurl": "http://example.com/dlr.php"}, True, True),
        ({"status": "true", "statusurl": "http://example.com/dlr.php"}, True, True),
        ({"status": 1, "statusurl": "http://example.com/dlr.php"}, True, True),
        ({"status": "1", "statusurl": " http://example.com/dlr.php "}, True, True),
        ({"status": False, "statusurl": "http://example.com/dlr.php"}, True, False),
        ({"statusurl": "http://example.com/dlr.php"}, True, False),
        ({"status": True, "statusurl": 0, "returndata": "x"}, False, False),
        ({"status": True, "statusurl": "0"}, False, False),
        ({"status": True, "statusurl": ""}, False, False),
        ({"status": True, "statusurl": None}, False, False),
        ({"status": True, "statusurl": False}, False, False),
        ({"status": True}, False, False),
    ],
)
async def test_report_is_asked_for_only_with_status_and_statusurl(
    link: Any, fields: Any, url: bool, reported: bool
) -> None:
    await link.sent(**fields)
    batch, _ = await stored(link)
    options = msgspec.json.decode(batch.options, type=BatchOptions)
    assert options.callback_url == ("http://example.com/dlr.php" if url else "")
    assert bool(options.reported_states) is reported


@pytest.mark.parametrize(
    ("sendtime", "shown", "due_in_s"),
    [
        ("22-09-2026 16:13", "22-09-2026 16:13:00", 86_380),
        ("22-09-2026 16:13:20", "22-09-2026 16:13:20", 86_400),
        ("1-12-2026 9:00", "01-12-2026 09:00:00", 6_112_000),
        ("21-09-2026 16:13", "21-09-2026 16:13:20", 0),
        ("01-01-2020 00:00", "21-09-2026 16:13:20", 0),
        ("", "21-09-2026 16:13:20", 0),
    ],
)
async def test_sendtime_is_in_the_accounts_zone_and_now_where_past(
    link: Any, sendtime: str, shown: str, due_in_s: int
) -> None:
    answer = await link.send(sendtime=sendtime)
    assert answer.json["stat"]["sendtime"] == answer.json["details"]["sendtime"] == shown
    batch, rows = await stored(link)
    assert batch.due_ms - link.clock.now_ms() == due_in_s * 1000
    assert len(rows) == (0 if due_in_s else 1)


@pytest.mark.parametrize(
    ("validity", "minutes"), [(60, 60), ("60", 60), ("", 2880), (20160, 20160)]
)
async def test_validity_is_in_minutes(link: Any, validity: Any, minutes: int) -> None:
    await link.sent(validity=validity)
    batch, _ = await stored(link)
    assert batch.expires_ms - batch.due_ms == minutes * 60_000


async def test_credits_of_every_part_are_reserved(link: Any) -> None:
    before = await link.rows()
    await link.sent(recipients="+4512345678,+4587654321", message="x" * 161)
    _, rows = await stored(link)
    assert [(row.parts, row.credits) for row in rows] == [(2, 2), (2, 2)]
    after = await link.rows()
    assert after["credits available"] == before["credits available"] - 4
    assert after["credits held"] == before["credits held"] + 4


async def test_hundred_thousand_recipients_fit_one_request(link: Any) -> None:
    await link.services.accounts.top_up(await link.services.accounts.find("hn"), 100_000, "more")
    numbers = ",".join(f"+45{12_000_000 + n}" for n in range(100_000))
    await link.sent(recipients=numbers)
    batch, rows = await stored(link)
    assert (batch.recipients, rows) == (100_000, [])


ALIKE = {
    "Hello": ("gsm7", "Hello", {}),
    "10–12 “now”…": ("gsm7", '10-12 "now"...', {"–": "-", "“": '"', "”": '"', "…": "..."}),
    "Привет – 1": ("ucs2", "Привет – 1", {}),
    "x" * 159 + "…": ("gsm7", "x" * 159 + "...", {"…": "..."}),
}


@pytest.mark.parametrize("text", ALIKE)
@pytest.mark.own_gateway
async def test_format_gsm_sends_look_alikes_or_unicode(link: Any, text: str) -> None:
    """A client that always writes GSM lost every text with a dash or a curly quote."""
    alphabet, sent, replaced = ALIKE[text]
    await link.sent(message=text, format="GSM")
    [message] = link.live()
    outgoing = message.outgoing()
    assert (outgoing.alphabet.value, outgoing.text) == (alphabet, sent)
    decode = decode_gsm if alphabet == "gsm7" else lambda data: data.decode("utf-16-be")
    assert "".join(decode(part.data) for part in outgoing.parts) == sent
    assert message.part_count == len(outgoing.parts) == message.credits
    account = await link.services.accounts.find("hn")
    story = await link.services.timelines.of_message(account, message.message_id)
    assert (story.request.text, story.request.replaced) == (text, replaced)
