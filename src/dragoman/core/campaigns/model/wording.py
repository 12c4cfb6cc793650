"""The texts of campaign mail and its pages, in the languages they support."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """The sentences of one language; `{title}` and `{company}` are a list's."""

    tag: str
    """For `lang` and Content-Language (RFC 5646)."""
    opt_in_subject: str
    opt_in_text: str
    confirm: str
    """The button, and the link that leads to it."""
    confirmed: str
    opt_in_ignore: str
    footer: str
    unsubscribe: str
    unsubscribe_question: str
    unsubscribed: str
    share: str
    invalid: str


ENGLISH: Final = Words(
    tag="en",
    opt_in_subject="Please confirm: {title}",
    opt_in_text="{company} would like to send you “{title}” by e-mail.",
    confirm="Yes, subscribe",
    confirmed="Thank you. You are subscribed.",
    opt_in_ignore="If you did not ask for this, ignore this e-mail. You will not receive any more.",
    footer="You are receiving this e-mail because you are subscribed to “{title}”.",
    unsubscribe="Unsubscribe",
    unsubscribe_question="Do you want to unsubscribe from this list?",
    unsubscribed="You have been unsubscribed from this list.",
    share="Share:",
    invalid="This link is invalid.",
)
ITALIAN: Final = Words(
    tag="it",
    opt_in_subject="Conferma l’iscrizione: {title}",
    opt_in_text="{company} desidera inviarti “{title}” via e-mail.",
    confirm="Sì, mi iscrivo",
    confirmed="Grazie. L’iscrizione è confermata.",
    opt_in_ignore="Se non l’hai chiesto, non fare nulla: non riceverai altre e-mail.",
    footer="Ricevi questa e-mail perché sei iscritto a “{title}”.",
    unsubscribe="Annulla l’iscrizione",
    unsubscribe_question="Non vuoi più ricevere le e-mail di questa lista?",
    unsubscribed="Non riceverai più e-mail di questa lista.",
    share="Condividi:",
    invalid="Questo link non è valido.",
)
_LANGUAGES: Final = MappingProxyType(
    {code: words for words, *codes in ((ITALIAN, "it", "ita"),) for code in codes}
)


def words_of(language: str) -> Words:
    """The wording for a language code of two or three letters; English for unknown ones.

    Accepts `ita`, `it-IT`, or a whole Accept-Language header, of which the first entry counts.
    """
    first = language.split(",")[0].split(";")[0].replace("_", "-").split("-")[0]
    return _LANGUAGES.get(first.strip().lower(), ENGLISH)
