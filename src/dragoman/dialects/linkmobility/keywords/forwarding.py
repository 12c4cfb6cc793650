"""A text sent on to a service: a POST with the text, its sender and its number, twice over.

The manual asks for three headers and the same three parameters (LINK v2 s. 13). The parameters are
a form in the charset of the service. A header can hold neither line breaks nor most letters, so
there the text is percent-encoded UTF-8 wherever it is not printable ASCII.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

from dragoman.core.messages.model.callbacks import CallbackCall, TextFacts

DEFAULT_CHARSET: Final = "utf-8"
MAX_HEADER: Final = 4_000
"""Octets of the text in the header, which servers bound; the parameter has it all."""

_PRINTABLE: Final = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


def render_text(url: str, facts: TextFacts) -> CallbackCall:
    """Renders the request; what the charset of the service does not have becomes `?`."""
    charset = facts.charset or DEFAULT_CHARSET
    parameters = {"SMS": facts.text, "FROM": facts.sender, "NUMBER": facts.recipient}
    form = urlencode(parameters, encoding=charset, errors="replace")
    return CallbackCall(
        method="POST",
        url=url,
        headers=(
            *((name, _header(value)) for name, value in parameters.items()),
            ("Content-Type", f"application/x-www-form-urlencoded; charset={charset}"),
        ),
        body=form.encode("ascii"),
    )


def _header(text: str) -> str:
    """A text as a header holds it; a program that decodes `%xx` has it back."""
    # Spaces around a value are not part of it (RFC 9110 s. 5.5).
    start, end = len(text) - len(text.lstrip(" ")), len(text.rstrip(" "))
    encoded, left = "", MAX_HEADER
    for at, character in enumerate(text):
        piece = quote(character, safe=_PRINTABLE if start <= at < end else "", errors="replace")
        left -= len(piece)
        if left < 0:
            break
        encoded += piece
    return encoded
