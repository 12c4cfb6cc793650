"""The console's cookies: `__Host-` ones over TLS, plain ones for a browser on this machine."""

from __future__ import annotations

import re
from typing import Final, Literal

from dragoman.console.place import PREFIX
from dragoman.web.requests import Request
from dragoman.web.responses import Header

CookieName = Literal["session", "form", "display"]

_LOOPBACK: Final = re.compile(rb"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::(?P<port>\d{1,5}))?")
_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{16,128}")
_FORWARDING: Final = (b"forwarded", b"x-forwarded-for", b"x-forwarded-proto")


def read_cookie(request: Request, name: CookieName) -> str:
    """The value of a cookie of ours, empty where there is none."""
    full_name = _full_name(request, name)
    for pair in request.header(b"cookie").decode("latin-1").split(";"):
        key, _, value = pair.strip().partition("=")
        if key == full_name and _VALUE.fullmatch(value):
            return value
    return ""


def set_cookie(request: Request, name: CookieName, value: str, keep_s: int = 0) -> Header:
    """The header that sets a cookie, until the browser closes or for a time; empty ends it."""
    path, secure = ("/", "; Secure") if _is_secure(request) else (PREFIX, "")
    if name == "display":
        path = "/"  # the pages under /docs look alike
    end = f"; Max-Age={keep_s}" if not value or keep_s else ""
    full_name = _full_name(request, name)
    text = f"{full_name}={value}; Path={path}; HttpOnly; SameSite=Lax{secure}{end}"
    return (b"set-cookie", text.encode())


def origin_of(request: Request) -> str:
    """Where the browser of a request reaches this console."""
    scheme = "https" if _is_secure(request) else "http"
    return f"{scheme}://{request.header(b'host').decode('latin-1')}"


def is_plain(request: Request) -> bool:
    """Whether a request seems to come over plain HTTP from another machine.

    Browsers send Sec-Fetch headers only where the connection, or this machine, can be trusted.
    """
    if _LOOPBACK.fullmatch(request.header(b"host")) is not None:
        return False
    scheme = request.header(b"x-forwarded-proto")
    if scheme:
        return scheme != b"https"
    secure = (request.header(b"origin").startswith(b"https:"), request.header(b"sec-fetch-site"))
    return not any(secure)


def _full_name(request: Request, name: CookieName) -> str:
    if _is_secure(request):
        return f"__Host-dragoman-{name}"
    # Cookies do not heed ports, and a developer runs several gateways.
    match = _LOOPBACK.fullmatch(request.header(b"host"))
    port = match["port"].decode() if match is not None and match["port"] else "80"
    return f"dragoman-{name}-{port}"


def _is_secure(request: Request) -> bool:
    """Whether TLS is spoken before us: everywhere but on this machine itself."""
    if _LOOPBACK.fullmatch(request.header(b"host")) is None:
        return True
    return request.header(b"origin").startswith(b"https:") or any(
        request.header(name) for name in _FORWARDING
    )
