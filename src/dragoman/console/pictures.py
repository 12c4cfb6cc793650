"""Pictures that pages hold, as pieces of SVG."""

from __future__ import annotations

import segno


def draw_qr(text: str) -> str:
    """A QR code as a piece of SVG without styles, black on white with its quiet zone."""
    code = segno.make(text, error="m", micro=False)
    return str(code.svg_inline(border=4, light="#fff", svgclass="qr", lineclass="", omitsize=True))
