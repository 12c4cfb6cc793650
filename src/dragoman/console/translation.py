"""The words of the console in the language of its reader.

Texts stand in the code in English, which is what they are looked up by. `gettext` looks one up for
whoever is being answered. `lazy` marks one in a table, which is made before anybody asks: it is
looked up where it is shown. Templates have `{{ _('…') }}` and `{% trans %}`. Catalogues are those
of GNU gettext, in `locale/<language>/LC_MESSAGES/console.mo`; what is in none is shown in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from types import MappingProxyType
from typing import Final

from markupsafe import Markup, escape

DOMAIN: Final = "console"
ENGLISH: Final = "en"
FOLDER: Final = Path(__file__).parent / "locale"
MAX_ACCEPTED: Final = 20
"""Languages of a browser that are looked at."""


@cache
def load_catalogues(folder: Path = FOLDER) -> Mapping[str, NullTranslations]:
    """The languages that can be chosen, by their tags in lower case."""
    found: dict[str, NullTranslations] = {ENGLISH: NullTranslations()}
    for path in sorted(folder.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")):
        with path.open("rb") as file:
            found[path.parts[-3].replace("_", "-").lower()] = GNUTranslations(file)
    return MappingProxyType(found)


_CATALOGUE: Final[ContextVar[NullTranslations]] = ContextVar(
    "catalogue", default=load_catalogues()[ENGLISH]
)
_LANGUAGE: Final[ContextVar[str]] = ContextVar("language", default=ENGLISH)


def choose_language(accepted: str, known: Mapping[str, NullTranslations]) -> str:
    """The language of a catalogue that an `Accept-Language` header likes best."""
    liked: list[tuple[float, str]] = []
    for part in accepted.split(",", MAX_ACCEPTED)[:MAX_ACCEPTED]:
        tag, _, weight = part.strip().lower().partition(";q=")
        try:
            liked.append((float(weight or 1), tag))
        except ValueError:
            continue
    for quality, tag in sorted(liked, key=lambda one: -one[0]):
        for name in (tag, tag.partition("-")[0]):
            if quality > 0 and name in known:
                return name
    return ENGLISH


def speak(accepted: str) -> None:
    """Takes the language for what is rendered from here on, in this task."""
    known = load_catalogues()
    language = choose_language(accepted, known) if len(known) > 1 else ENGLISH
    use(language, known[language])


def use(language: str, catalogue: NullTranslations) -> None:
    """Takes a catalogue for what is rendered from here on, in this task."""
    _LANGUAGE.set(language)
    _CATALOGUE.set(catalogue)


def language() -> str:
    """The tag of the language that is spoken."""
    return _LANGUAGE.get()


def gettext(text: str) -> str:
    """A text in the reader's language."""
    return _CATALOGUE.get().gettext(str.__str__(text)) if text else ""


def ngettext(one: str, many: str, number: int) -> str:
    """A text about a number, in the reader's language."""
    return _CATALOGUE.get().ngettext(one, many, number)


class lazy(str):
    """A text that is looked up where it is shown: in a page, in an f-string, by `str`.

    As a key, and compared, it is the English text.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return gettext(self)

    def __format__(self, spec: str) -> str:
        return format(gettext(self), spec)

    def __html__(self) -> Markup:
        return escape(gettext(self))
