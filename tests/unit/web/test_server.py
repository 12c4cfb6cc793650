"""What is mended in a request's head before the parser sees it."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.web.heads import mend_head
from dragoman.web.server import build_server


@pytest.mark.parametrize(
    ("sent", "mended"),
    [
        (b"GET /a?t=x HTTP/1.1\r\n\r\n", b"GET /a?t=x HTTP/1.1\r\n\r\n"),
        (b"GET /a?t=x y HTTP/1.1\r\n\r\nb c", b"GET /a?t=x%20y HTTP/1.1\r\n\r\nb c"),
        (b"GET /a?t=\xe5%20 HTTP/1.0\r\n", b"GET /a?t=%E5%20 HTTP/1.0\r\n"),
        (b"GET /a  HTTP/1.1\r\n", b"GET /a%20 HTTP/1.1\r\n"),
        (b"GET  HTTP/1.1\r\n", b"GET  HTTP/1.1\r\n"),
        (b"BREW /a b c\r\n", b"BREW /a b c\r\n"),
        (b"GET /a b", b"GET /a b"),
        (b"P / HTTP/1.1\r\nUPGRADE: h2c\r\n\r\n", b"P / HTTP/1.1\r\nx-passed-over: h2c\r\n\r\n"),
        (b"P / HTTP/1.1\r\n\r\n\r\nupgrade: x", b"P / HTTP/1.1\r\n\r\n\r\nupgrade: x"),
        (b"P / HTTP/1.1\r\nx-upgrade: 1\r\n\r\n", b"P / HTTP/1.1\r\nx-upgrade: 1\r\n\r\n"),
    ],
)
def test_head_is_mended(sent: bytes, mended: bytes) -> None:
    assert mend_head(sent, first=True) == mended


@given(st.binary())
def test_continued_head_without_an_upgrade_is_left_alone(data: bytes) -> None:
    if b"upgrade" not in data.lower():
        assert mend_head(data, first=False) == data


@given(st.binary(max_size=60))
def test_any_request_line_stays_one_line(target: bytes) -> None:
    target = target.replace(b"\r\n", b"")
    mended = mend_head(b"GET /" + target + b" HTTP/1.1\r\nhost: x\r\n\r\n", first=True)
    assert mended.endswith(b" HTTP/1.1\r\nhost: x\r\n\r\n")


async def test_server_leaves_signals_to_the_application(serve, fallback) -> None:
    before = signal.getsignal(signal.SIGTERM)
    async with serve(fallback):
        assert signal.getsignal(signal.SIGTERM) is before


def test_server_reads_no_forwarded_headers_and_writes_no_access_log(fallback) -> None:
    config = build_server(fallback, host="127.0.0.1", port=0).config
    assert not config.proxy_headers
    assert not config.access_log
    assert not config.server_header
