"""Query strings, urlencoded and multipart bodies."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.web.forms import parse_form, parse_multipart
from dragoman.web.refusals import MalformedBody, RefusalKind


@pytest.mark.parametrize(
    ("data", "pairs"),
    [
        (b"", []),
        (b"&&", []),
        (b"a=1&b=2", [("a", "1"), ("b", "2")]),
        (b"a=1&a=2", [("a", "1"), ("a", "2")]),
        (b"a&b=&=c", [("a", ""), ("b", ""), ("", "c")]),
        (b"a=1=2", [("a", "1=2")]),
        (b"a=%2B45+12", [("a", "+45 12")]),
        (b"a=bl%C3%A5+%E2%82%AC", [("a", "blå €")]),
        (b"a=bl\xc3\xa5", [("a", "blå")]),
        (b"a=100%&b=%zz", [("a", "100%"), ("b", "%zz")]),
        (b"a;b=1", [("a;b", "1")]),
    ],
)
def test_form_reads(data: bytes, pairs: list[tuple[str, str]]) -> None:
    parameters = parse_form(data)
    assert list(parameters.pairs) == pairs
    assert parameters == dict(pairs)


def test_last_of_a_repeated_name_counts_and_all_are_kept() -> None:
    parameters = parse_form(b"To=1&to=2&To=3")
    assert parameters["To"] == "3"
    assert parameters.all("To") == ["1", "3"]
    assert parameters.lowered().all("to") == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("charset", "fallback", "expected"),
    [
        ("iso-8859-1", None, "blå €"),
        ("windows-1252", None, "blå €"),
        ("", "windows-1252", "blå €"),
    ],
)
def test_form_in_windows_1252_reads_when_declared_or_fallen_back(
    charset: str, fallback: str | None, expected: str
) -> None:
    parameters = parse_form(b"a=bl%E5+%80", charset=charset, fallback_charset=fallback)
    assert parameters["a"] == expected


@pytest.mark.parametrize(
    ("data", "charset", "kind"),
    [
        (b"a=%E5", "", RefusalKind.BAD_CHARSET),
        (b"%ff=1", "", RefusalKind.BAD_CHARSET),
        (b"a=%ED%A0%80", "", RefusalKind.BAD_CHARSET),
        (b"a=1", "klingon", RefusalKind.BAD_CHARSET),
        (b"a=%81", "windows-1252", RefusalKind.BAD_CHARSET),
        (b"a=1&" * 20_000, "", RefusalKind.TOO_LARGE),
    ],
)
def test_form_is_refused(data: bytes, charset: str, kind: RefusalKind) -> None:
    with pytest.raises(MalformedBody) as caught:
        parse_form(data, charset=charset)
    assert caught.value.refusal.kind is kind


encodable = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.tuples(encodable, encodable)))
def test_form_reads_back_what_was_encoded(pairs: list[tuple[str, str]]) -> None:
    assert list(parse_form(urlencode(pairs).encode()).pairs) == pairs


@given(st.binary())
def test_form_of_any_bytes_reads_with_a_charset_that_holds_every_byte(data: bytes) -> None:
    names = sum(1 for piece in data.split(b"&") if piece)
    pairs = parse_form(data.replace(b"\x81", b"").replace(b"%", b""), charset="iso-8859-15").pairs
    assert len(pairs) <= names


def part(disposition: str, data: bytes, *more: str) -> bytes:
    head = "\r\n".join([f"Content-Disposition: {disposition}", *more])
    return b"--B\r\n" + head.encode() + b"\r\n\r\n" + data + b"\r\n"


END = b"--B--\r\n"


def test_multipart_reads_fields_and_files() -> None:
    form = parse_multipart(
        part('form-data; name="sendto"', b"+4512345678")
        + part('form-data; name="body"', "blå\r\n--Bx €".encode())
        + part('form-data; name="old"', b"bl\xe5", "Content-Type: text/plain; charset=latin1")
        + part('form-data; name="a"; filename="x.gif"', b"GIF\x00\xff", "Content-Type: image/gif")
        + END,
        b"B",
    )
    assert form.fields == {"sendto": "+4512345678", "body": "blå\r\n--Bx €", "old": "blå"}
    (upload,) = form.files
    assert (upload.field, upload.filename, upload.content_type, upload.data) == (
        "a",
        "x.gif",
        "image/gif",
        b"GIF\x00\xff",
    )


NAMED = 'form-data; name="a"'


@pytest.mark.parametrize(
    ("data", "boundary", "kind"),
    [
        (b"", b"B", RefusalKind.MALFORMED),
        (b"no boundary at all", b"B", RefusalKind.MALFORMED),
        (part(NAMED, b"1"), b"B", RefusalKind.MALFORMED),
        (part(NAMED, b"1") + b"--B", b"B", RefusalKind.MALFORMED),
        (part("form-data", b"1") + END, b"B", RefusalKind.MALFORMED),
        (part("attachment; name=a", b"1") + END, b"B", RefusalKind.MALFORMED),
        (b"--B\r\n\r\n1\r\n" + END, b"B", RefusalKind.MALFORMED),
        (part(NAMED, b"1") + END, b"", RefusalKind.MALFORMED),
        (part(NAMED, b"1") + END, b"B" * 71, RefusalKind.MALFORMED),
        (part(NAMED, b"1", "X: " + "y" * 10_000) + END, b"B", RefusalKind.MALFORMED),
        (part(NAMED, b"1", *["X: y"] * 100) + END, b"B", RefusalKind.MALFORMED),
        (part(NAMED, b"\xe5") + END, b"B", RefusalKind.BAD_CHARSET),
        (part(NAMED, b"1") * 1001 + END, b"B", RefusalKind.TOO_LARGE),
        (part(NAMED + '; filename="f"', b"1") * 21 + END, b"B", RefusalKind.TOO_LARGE),
    ],
)
def test_multipart_is_refused(data: bytes, boundary: bytes, kind: RefusalKind) -> None:
    with pytest.raises(MalformedBody) as caught:
        parse_multipart(data, boundary)
    assert caught.value.refusal.kind is kind


@given(st.lists(st.binary(max_size=40).filter(lambda data: b"--B" not in data), max_size=5))
def test_multipart_files_come_back_as_sent(datas: list[bytes]) -> None:
    body = b"".join(part('form-data; name="f"; filename="f"', data) for data in datas)
    form = parse_multipart(body + END, b"B") if datas else None
    assert datas == ([upload.data for upload in form.files] if form else [])
