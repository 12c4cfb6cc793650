"""Templates, and how values are written in them: times, counts, ages, texts from outside."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import jinja2
import regex
from markupsafe import Markup

from dragoman.console.assets import PACKAGE, Assets
from dragoman.console.display import targets_of
from dragoman.console.forms import TOKEN_FIELD, VERSION_FIELD
from dragoman.console.labels import ROLE_NAMES, STATES, describe_change
from dragoman.console.place import PREFIX
from dragoman.console.translation import gettext, language, ngettext
from dragoman.core.accounts.audit_log import Change
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.phone_numbers import REMOVED
from dragoman.kit.figures import group_thousands

_HIDDEN: Final = regex.compile(
    r"(?V1)[[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]--[\n\t\u200c\u200d]]"
)
"""Characters that show nothing or change how others are shown, but for line breaks and what scripts
and emoji need to join or part."""
_AGES: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


class Renderer:
    """Renders templates into pages."""

    def __init__(self, assets: Assets, packages: Iterable[str] = (PACKAGE,)) -> None:
        self._templates = jinja2.Environment(
            loader=jinja2.ChoiceLoader(
                [jinja2.PackageLoader(package, "templates") for package in packages]
            ),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
            extensions=["jinja2.ext.i18n"],
        )
        self._templates.policies["ext.i18n.trimmed"] = True
        self._templates.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
        self._templates.globals.update(
            root=PREFIX,
            asset=assets.address,
            token_field=TOKEN_FIELD,
            version_field=VERSION_FIELD,
            language=language,
        )
        self._templates.filters.update(
            when=render_time,
            count=render_count,
            age=render_age,
            within=render_bound,
            plain=render_text,
            number=render_number,
            clip=clip_text,
            state=render_state,
            described=render_change,
            role=ROLE_NAMES.__getitem__,
            targets=targets_of,
        )

    def render(self, template: str, values: dict[str, Any]) -> bytes:
        """A template with its values, in UTF-8."""
        return self._templates.get_template(template).render(values).encode()


def render_time(at_ms: int | None, zone: ZoneInfo, form: str = "%Y-%m-%d %H:%M:%S") -> Markup:
    """A time in a zone, as people and programs read it; a dash where there is none."""
    if at_ms is None:
        return Markup("–")
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    local = at.astimezone(zone)
    return Markup('<time datetime="{}">{}</time>').format(
        at.isoformat(timespec="milliseconds"), local.strftime(form)
    )


def render_count(number: float) -> str:
    """A count with narrow blanks between thousands."""
    return group_thousands(number)


def render_age(seconds: float) -> str:
    """An age or a duration in its two largest units."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    rest = int(seconds)
    pieces: list[str] = []
    for unit_s, name in _AGES:
        if rest >= unit_s or pieces:
            pieces.append(f"{rest // unit_s} {name}")
            rest %= unit_s
    return " ".join(pieces[:2])


def render_bound(seconds: float | None) -> str:
    """A time that was not exceeded; a dash where none is known."""
    if seconds is None:
        return "–"
    if seconds == float("inf"):
        return gettext("over a day")
    return f"≤ {render_span(seconds)}"


def render_span(seconds: float) -> str:
    """A whole number of the largest unit that it is one of."""
    for unit_s, name in _AGES:
        if seconds >= unit_s and seconds % unit_s == 0:
            return f"{seconds / unit_s:g} {name}"
    return f"{seconds:g} s"


def render_number(digits: str) -> str:
    """A number, the name that a text came from, or what stands for a number that was deleted."""
    if digits == REMOVED:
        return gettext("deleted number")
    return f"+{digits}" if digits.isascii() and digits.isdigit() else digits


def render_text(text: str) -> Markup:
    """A text from outside as text: what cannot be seen, or turns lines around, shows by name."""
    if _HIDDEN.search(text) is None:
        return Markup('<bdi class="text">{}</bdi>').format(text)
    pieces: list[Markup] = []
    end = 0
    for match in _HIDDEN.finditer(text):
        pieces += (Markup.escape(text[end : match.start()]), _render_hidden(match[0]))
        end = match.end()
    pieces.append(Markup.escape(text[end:]))
    return Markup('<bdi class="text">{}</bdi>').format(Markup("").join(pieces))


def _render_hidden(character: str) -> Markup:
    name = unicodedata.name(character, "").lower() or gettext("a control character")
    shown = _name_code_point(character)
    return Markup('<span class="unseen" title="{}">{}</span>').format(name, shown)


def _name_code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def name_unseen(text: str) -> str:
    """A text for scripts to show as it is: what cannot be seen stands as its code point."""
    shown: str = _HIDDEN.sub(lambda match: _name_code_point(match[0]), text)
    return shown


def render_clock(at_ms: int, zone: ZoneInfo) -> str:
    """The time of day in a zone, to the tenth of a second."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    return f"{local:%H:%M:%S}.{local.microsecond // 100_000}"


def clip_text(text: str, most: int = 120) -> str:
    """The beginning of a text."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def render_state(state: State) -> Markup:
    """A message's state as a badge."""
    return Markup('<span class="state {}">{}</span>').format(state.name.lower(), STATES[state])


def render_change(change: Change) -> Markup:
    """An audit log entry, as a text that may contain names from outside."""
    return render_text(describe_change(change.action, change.entry.subject))
