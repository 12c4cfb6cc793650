"""What this API refuses, in its own words; nothing is stored and no credit moves."""

import dataclasses
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from dragoman.core.accounts.sql.tables import accounts

NOT_A_NUMBER = (
    "Recipient [{}] is not valid! Remember a valid number must contain a countrycode like"
    " +4512345678"
)
RULE = {"field": "Fornavn", "operation": "is", "value": "chuck"}
NEEDS_A_NUMBER = "use a number between {} and {}"


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"recipients": None}, "Recipients cannot be empty"),
        ({"recipients": ""}, "Recipients cannot be empty"),
        ({"recipients": " , "}, "Recipients cannot be empty"),
        ({"recipients": []}, "Recipients cannot be empty"),
        ({"recipients": "12"}, "List ID 12 not found"),
        ({"recipients": 12}, "List ID 12 not found"),
        ({"recipients": "+4512345678,12"}, "List ID 12 not found"),
        ({"recipients": "4512345678"}, "List ID 4512345678 not found"),
        ({"recipients": "c123"}, "Contact ID 123 not found"),
        ({"recipients": "null"}, NOT_A_NUMBER.format("null")),
        ({"recipients": "+"}, NOT_A_NUMBER.format("+")),
        ({"recipients": "+45"}, NOT_A_NUMBER.format("+45")),
        ({"recipients": "++4512345678"}, NOT_A_NUMBER.format("++4512345678")),
        ({"recipients": "+4512345678901234567"}, NOT_A_NUMBER.format("+4512345678901234567")),
        ({"recipients": "+999123456789"}, NOT_A_NUMBER.format("+999123456789")),
        ({"recipients": "+4512345678;+4587654321"}, NOT_A_NUMBER.format("+4512345678;+4587654321")),
        ({"recipients": -12}, NOT_A_NUMBER.format("-12")),
        ({"message": None}, "Message cannot be empty"),
        ({"message": ""}, "Message cannot be empty"),
        (
            {"message": "x" * (19 * 153 + 1)},
            "Message is too long, [20] message parts, at most 10 parts",
        ),
        (
            {"statusurl": "http://example.com/", "returndata": "a\0b"},
            "Returndata is not valid, not valid Unicode text",
        ),
        ({"message": "a\0b"}, "Message is not valid, not valid Unicode text"),
        (
            {"sender": "TwelveLetter"},
            "Sender [TwelveLetter] is not valid, more than 11 characters",
        ),
        (
            {"sender": "Привет"},
            "Sender [Привет] is not valid, characters outside the GSM alphabet",
        ),
        (
            {"sender": "+45123456789012345"},
            "Sender [+45123456789012345] is not valid, more than 15 digits",
        ),
        ({"sendtime": "soon"}, "Sendtime is not valid, not of the form dd-mm-YYYY HH:MM"),
        (
            {"sendtime": "2026-09-22 10:00"},
            "Sendtime is not valid, not of the form dd-mm-YYYY HH:MM",
        ),
        ({"sendtime": "31-02-2027 10:00"}, "Sendtime is not valid, no such date"),
        ({"sendtime": "01-13-2027 10:00"}, "Sendtime is not valid, no such date"),
        ({"sendtime": "01-01-2027 25:00"}, "Sendtime is not valid, no such date"),
        ({"sendtime": "00-00-0000 00:00"}, "Sendtime is not valid, no such date"),
        ({"sendtime": "01-01-2030 10:00"}, "Sendtime is not valid, more than two years ahead"),
        ({"validity": 0}, "Validity is not valid, " + NEEDS_A_NUMBER.format(1, 20160)),
        ({"validity": -5}, "Validity is not valid, " + NEEDS_A_NUMBER.format(1, 20160)),
        ({"validity": "two days"}, "Validity is not valid, " + NEEDS_A_NUMBER.format(1, 20160)),
        ({"validity": 10**30}, "Validity is not valid, " + NEEDS_A_NUMBER.format(1, 20160)),
        ({"class": 4}, "Class is not valid, " + NEEDS_A_NUMBER.format(0, 3)),
        ({"class": "flash"}, "Class is not valid, " + NEEDS_A_NUMBER.format(0, 3)),
        ({"pid": 256}, "Pid is not valid, " + NEEDS_A_NUMBER.format(0, 255)),
        ({"status": "maybe"}, "Status is not valid, use true or false"),
        ({"status": 2}, "Status is not valid, use true or false"),
        (
            {"status": True, "statusurl": "ftp://example.com/"},
            "Statusurl is not valid, not an http or https address",
        ),
        (
            {"statusurl": "example.com/dlr"},
            "Statusurl is not valid, not an http or https address",
        ),
        (
            {"statusurl": "http://example.com/", "returndata": "æ" * 900},
            "Returndata is not valid, too long",
        ),
        ({"format": "MORSE"}, "Format [MORSE] is not valid"),
        ({"attachment": ["http://a/b"]}, "Attachment is not valid, use format MMS"),
        (
            {"format": "MMS", "attachment": [1]},
            "Attachment is not valid, expected an array of URLs",
        ),
        (
            {"format": "MMS", "attachment": ["http://a/b"]},
            "Sender [TEST] is not valid, an MMS needs a number or short code",
        ),
        (
            {"format": "MMS", "sender": "1272", "attachment": ["http://a/b"]},
            "Recipient [4512721272] cannot be reached",
        ),
        ({"format": "wappush"}, "Pushurl cannot be empty"),
        (
            {"format": "WAPPUSH", "pushurl": "http://jp.dk/a b"},
            "Pushurl is not valid, at most 500 printable characters without space",
        ),
        (
            {"format": "WAPPUSH", "pushurl": "http://jp.dk", "pushexpire": "soon"},
            "Pushexpire is not valid, " + NEEDS_A_NUMBER.format(0, 253402300799),
        ),
        ({"format": "BINARY"}, "Message is not valid, not hexadecimal octets"),
        ({"format": "BINARY", "message": "012"}, "Message is not valid, not hexadecimal octets"),
        (
            {"format": "BINARY", "message": "01", "udh": "0G"},
            "Udh is not valid, not hexadecimal octets",
        ),
        ({"udh": "050003000201"}, "Udh is not valid, use format BINARY"),
        ({"pushurl": "http://jp.dk"}, "Pushurl is not valid, use format WAPPUSH"),
        ({"pushexpire": 1}, "Pushexpire is not valid, use format WAPPUSH"),
        (
            {"filter": {"match": "any", "rules": [RULE]}},
            "Filter is not valid, it needs a list among the recipients",
        ),
        (
            {"segmentation": {"percent": 10}},
            "Segmentation is not valid, it needs a list among the recipients",
        ),
        ({"recipients": "c12"}, "Contact ID 12 not found"),
        ({"recipients": "9" * 40}, f"List ID {'9' * 40} not found"),
        ({"recipients": "c" + "9" * 16}, f"Contact ID {'9' * 16} not found"),
        (
            {"message": ["Hello"]},
            "Request is not valid, message.message: Expected `int | str | null`, got `array`",
        ),
        (
            {"recipients": {"a": 1}},
            "Request is not valid, message.recipients: Expected `int | str | array | null`,"
            " got `object`",
        ),
        (
            {"recipients": 4512345678.5},
            "Request is not valid, message.recipients: Expected `int | str | array | null`,"
            " got `float`",
        ),
        (
            {"sendtime": 1790000000},
            "Request is not valid, message.sendtime: Expected `str | null`, got `int`",
        ),
        (
            {"sendTime": "22-09-2026 10:00"},
            "Request is not valid, message: Object contains unknown field `sendTime`",
        ),
    ],
)
async def test_message_is_refused_in_the_manuals_shape(
    link: Any, refused: Any, fields: Any, text: str
) -> None:
    answer = await refused(link.send(**fields))
    assert answer.status == 400
    assert answer.headers[b"content-type"] == b"application/json"
    assert answer.body == b'{"status":400,"message":%b}' % msgspec.json.encode(text)


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "Request is not valid, the body is not JSON"),
        (b"{", 400, "Request is not valid, the body is not JSON"),
        (b"[]", 400, "Request is not valid, Expected `object`, got `array`"),
        (b"null", 400, "Request is not valid, Expected `object`, got `null`"),
        (b"{}", 400, "Request is not valid, Object missing required field `message`"),
        (
            b'{"recipients":"+4512345678","message":"Hello"}',
            400,
            "Request is not valid, message: Expected `object`, got `str`",
        ),
        (b'{"message":null}', 400, "Request is not valid, message: Expected `object`, got `null`"),
        (b'{"message":{"message":"\xe6"}}', 400, "Request is not valid, the text is not utf-8"),
        (b'{"message":{"message":"\\ud800"}}', 400, "Request is not valid, the body is not JSON"),
        (
            b'{"message":{"filter":' + b"[" * 40 + b"]" * 40 + b"}}",
            400,
            "Request is not valid, the body is nested too deep",
        ),
        (
            b'{"message":{"filter":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
            400,
            "Request is not valid, the body is nested too deep",
        ),
        (
            b" " * (4 << 20) + b"{}",
            413,
            "Request is not valid, the body is larger than 4194304 bytes",
        ),
    ],
)
async def test_body_that_is_no_message_is_refused(
    link: Any, refused: Any, body: bytes, status: int, text: str
) -> None:
    answer = await refused(link.post(body))
    assert answer.status == status
    assert answer.json == {"status": status, "message": text}


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<message>", "the XML is malformed at line 1, column 10"),
        (b"<list><name>x</name></list>", "the root element is list, not message"),
        (
            b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
            b"<message><message>&amp;e;</message></message>",
            "a DOCTYPE is not accepted",
        ),
        (b"<message><message>\xe6</message></message>", "the text is not utf-8"),
        (
            b"<message><foo>1</foo></message>",
            "Object contains unknown field `foo`",
        ),
    ],
)
async def test_xml_body_that_is_no_message_is_refused_in_xml(
    link: Any, refused: Any, body: bytes, text: str
) -> None:
    answer = await refused(link.ask("POST", "message.xml?apikey={key}", body, b"text/xml"))
    assert answer.status == 400
    assert answer.headers[b"content-type"] == b"text/xml; charset=utf-8"
    assert answer.body.decode() == (
        '<?xml version="1.0"?>\n<response>\n  <status>400</status>\n'
        f"  <message>Request is not valid, {text}</message>\n</response>\n"
    )


@pytest.mark.stores_nothing
@pytest.mark.parametrize("content_type", [b"", b"image/png", b"multipart/form-data; boundary=x"])
async def test_body_of_a_foreign_type_is_refused(
    link: Any, refused: Any, content_type: bytes
) -> None:
    answer = await refused(link.post(b"recipients=%2B4512345678", content_type))
    assert answer.status == 415
    name = content_type.partition(b";")[0].decode() or "unknown"
    text = f"Request is not valid, a body of type {name} is not accepted"
    assert answer.json == {"status": 415, "message": text}


async def test_list_that_is_not_there_is_refused_in_xml_as_well(link: Any, refused: Any) -> None:
    body = b"<message><recipients>12</recipients><message>Hello</message></message>"
    answer = await refused(link.ask("POST", "message.xml?apikey={key}", body, b"text/xml"))
    assert (answer.status, answer.body) == (
        400,
        b'<?xml version="1.0"?>\n<response>\n  <status>400</status>\n'
        b"  <message>List ID 12 not found</message>\n</response>\n",
    )


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("method", "target", "status", "body"),
    [
        (
            "GET",
            "folders.json",
            404,
            b'{"status":404,"message":"Resource [/v2/folders.json] not found"}',
        ),
        ("GET", "", 404, b'{"status":404,"message":"Resource [/v2/] not found"}'),
        ("GET", "ping", 404, b'{"status":404,"message":"Resource [/v2/ping] not found"}'),
        (
            "GET",
            "outbox/x.json",
            404,
            b'{"status":404,"message":"Resource [/v2/outbox/x.json] not found"}',
        ),
        (
            "GET",
            "folders.xml",
            404,
            b'<?xml version="1.0"?>\n<response>\n  <status>404</status>\n'
            b"  <message>Resource [/v2/folders.xml] not found</message>\n</response>\n",
        ),
        (
            "DELETE",
            "message.json",
            405,
            b'{"status":405,"message":"Method [DELETE] is not allowed on [/v2/message.json]"}',
        ),
        (
            "GET",
            "message.xml",
            405,
            b'<?xml version="1.0"?>\n<response>\n  <status>405</status>\n'
            b"  <message>Method [GET] is not allowed on [/v2/message.xml]</message>\n</response>\n",
        ),
    ],
)
async def test_unknown_path_is_refused_in_the_form_of_its_suffix(
    link: Any, refused: Any, method: str, target: str, status: int, body: bytes
) -> None:
    answer = await refused(link.ask(method, f"{target}?apikey={{key}}"))
    assert (answer.status, answer.body) == (status, body)


async def test_message_without_enough_credits_is_refused(link: Any, refused: Any) -> None:
    account = await link.services.accounts.find("hn")
    await link.services.accounts.top_up(account, -999, "spent elsewhere")
    answer = await refused(link.send(recipients="+4512345678,+4587654321"))
    assert answer.status == 403
    assert answer.json == {"status": 403, "message": "Message not created, not enough credits"}


async def test_message_of_an_account_that_may_not_send_is_refused(link: Any, refused: Any) -> None:
    set_column(link, accounts.c.permissions, "receive")
    answer = await refused(link.send())
    assert answer.status == 403
    text = "Message not created, [send] access is denied for user"
    assert answer.json == {"status": 403, "message": text}


async def test_sender_that_is_not_approved_is_refused(link: Any, refused: Any) -> None:
    set_column(link, accounts.c.permissions, "send")
    answer = await refused(link.send(sender="TEST"))
    assert answer.json == {"status": 403, "message": "User cannot access sender [TEST]"}


async def test_defect_is_answered_without_its_trace(link: Any) -> None:
    link.services.submission.clock = None
    answer = await link.send()
    assert answer.status == 500
    assert set(answer.json) == {"status", "message"}
    assert answer.json["message"].startswith("Internal error [")


def set_column(link: Any, column: Any, value: str) -> None:
    with link.services.storage._write_engine.begin() as connection:
        connection.execute(update(column.table).values({column.name: value}))


@pytest.fixture
def strict(link: Any) -> Any:
    """A customer whose gateway refuses in format GSM what is not in its alphabet."""
    settings = link.services.settings
    linkmobility = msgspec.structs.replace(
        settings.dialects.linkmobility, refuse_other_characters=True
    )
    dialects = msgspec.structs.replace(settings.dialects, linkmobility=linkmobility)
    replaced = msgspec.structs.replace(settings, dialects=dialects)
    link.__init__(dataclasses.replace(link.services, settings=replaced), link.clock)
    return link


@pytest.mark.parametrize("text", ["Привет", "10–12", "“so”"])
async def test_characters_outside_gsm_are_refused_where_the_operator_wants_it(
    strict: Any, refused: Any, text: str
) -> None:
    answer = await refused(strict.send(message=text, format="GSM"))
    assert (answer.status, answer.json["message"]) == (
        400,
        "Message contains characters not in format [GSM], use format UNICODE",
    )
    await strict.sent(message=text)
    await strict.sent(message="10-12", format="GSM")
