"""Charts as SVG, drawn on the server: stacked columns over time, and shares as bars.

The libraries for charts put styles or scripts into their SVG, which the console's policy forbids,
or colours that know no dark mode; what is needed here is two rectangles and some labels. A page has
hundreds of pieces, so they are joined as text; what is not a number is escaped here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from markupsafe import Markup, escape

from dragoman.console.rendering import render_count

_TOP: Final = 14
_BOTTOM: Final = 28
_GRID: Final = 4


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A place on the axis of time, with one value a series."""

    label: str
    title: str
    """The tooltip."""
    values: tuple[int, ...]
    address: str = ""
    """Where a click on it leads; a table beside the chart has the same links for keyboards."""


class Canvas(msgspec.Struct, frozen=True, kw_only=True):
    """How large a chart is drawn; letters keep their size, so a phone needs one of its own."""

    name: str
    """The class that shows it on screens of its size."""
    width: int
    height: int
    left: int
    """Room for the numbers of the axis."""
    labels: int
    """Labels below the columns that it has room for."""


CANVASES: Final = (
    Canvas(name="broad", width=960, height=280, left=56, labels=12),
    Canvas(name="slim", width=340, height=230, left=40, labels=4),
)


def draw_columns(title: str, series: Sequence[str], columns: Sequence[Column]) -> Markup:
    """Stacked columns for every size of screen, of which one is seen.

    `series` names the classes that colour them, from the bottom up.
    """
    drawn = "".join(_draw(canvas, title, series, columns) for canvas in CANVASES)
    return Markup(drawn)  # noqa: S704 - all of it is ours or escaped


def _draw(canvas: Canvas, title: str, series: Sequence[str], columns: Sequence[Column]) -> str:
    top = _round_up(max((sum(column.values) for column in columns), default=0))
    step = (canvas.width - canvas.left) / max(len(columns), 1)
    pieces = [_draw_grid(canvas, top)]
    labelled = max(1, -(-len(columns) // canvas.labels))
    for index, column in enumerate(columns):
        pieces.append(_draw_column(canvas, column, series, canvas.left + index * step, step, top))
        if index % labelled == 0:
            x = canvas.left + (index + 0.5) * step
            pieces.append(
                f'<text class="tick" x="{x:.1f}" y="{canvas.height - 8}" text-anchor="middle">'
                f"{escape(column.label)}</text>"
            )
    # What is an image has nothing in it that one could press.
    role = "group" if any(column.address for column in columns) else "img"
    return (
        f'<svg class="chart {canvas.name}" viewBox="0 0 {canvas.width} {canvas.height}"'
        f' role="{role}" aria-label="{escape(title)}">{"".join(pieces)}</svg>'
    )


def draw_share(share: float | None) -> Markup:
    """A share of one as a bar; what it is stands beside it."""
    width = f"{100 * (share or 0):.1f}"
    return Markup(
        '<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="rest" width="100" height="8"/><rect width="{}" height="8"/></svg>'
    ).format(width)


def _draw_grid(canvas: Canvas, top: int) -> str:
    height = canvas.height - _TOP - _BOTTOM
    pieces = []
    for line in range(_GRID + 1):
        y = _TOP + height - height * line / _GRID
        pieces.append(
            f'<path class="grid" d="M{canvas.left} {y:.1f}H{canvas.width}"/>'
            f'<text class="tick" x="{canvas.left - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{_short(top * line / _GRID)}</text>"
        )
    return "".join(pieces)


def _draw_column(
    canvas: Canvas, column: Column, series: Sequence[str], x: float, step: float, top: int
) -> str:
    height = canvas.height - _TOP - _BOTTOM
    y = float(_TOP + height)
    title = escape(column.title)
    # The whole height answers the pointer, not only what is filled.
    pieces = [
        f"<g><title>{title}</title>"
        f'<rect class="area" x="{x:.1f}" y="{_TOP}" width="{step:.1f}" height="{height}"/>'
    ]
    for name, value in zip(series, column.values, strict=True):
        if value:
            tall = max(height * value / top, 1.0)
            y -= tall
            pieces.append(
                f'<rect class="{name}" x="{x + step * 0.12:.1f}" y="{y:.1f}"'
                f' width="{step * 0.76:.1f}" height="{tall:.1f}"/>'
            )
    drawn = f"{''.join(pieces)}</g>"
    if not column.address:
        return drawn
    return f'<a href="{escape(column.address)}" tabindex="-1" aria-label="{title}">{drawn}</a>'


def _round_up(value: int) -> int:
    """The next number that halves nicely: 4, 8, 20, 40, 80, 200 …"""
    step = 4
    while step < value:
        step = step * 5 // 2 if str(step)[0] == "8" else step * 2
    return step


def _short(value: float) -> str:
    """A count for an axis: 1 200 000 is 1.2 M."""
    for unit, name in ((1_000_000, "M"), (10_000, "k")):
        if value >= unit:
            divisor = 1_000 if name == "k" else unit
            return f"{value / divisor:g} {name}"
    return render_count(int(value))
