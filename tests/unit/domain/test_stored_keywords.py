"""Keywords as earlier versions stored them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dragoman.core.inbound.model.inbound import Keyword
from dragoman.core.inbound.model.keywords import CATCH_ALL, words_of
from dragoman.core.inbound.routing import InboundRouting
from dragoman.kit.clock import FixedClock
from dragoman.kit.signal import Signal


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("PIZZA", "pizza"),
        ("\u2764\ufe0f", "\u2764\ufe0f hawaii"),
        ("\u2764\ufe0f", "\u2764 hawaii"),
        ("1\ufe0f\u20e3", "1\ufe0f\u20e3"),
        (CATCH_ALL, CATCH_ALL),
    ],
)
def test_a_stored_keyword_is_found_by_what_texts_are_read_as_now(stored: str, text: str) -> None:
    away: Any = SimpleNamespace(changed=Signal())
    routing = InboundRouting(storage=away, accounts=away, clock=FixedClock(), configured={})
    keyword = Keyword(
        keyword_id=1,
        account_id=1,
        number="1272",
        main_keyword_id=0,
        keyword=stored,
        forwarding_id=None,
        free_ms=0,
    )
    routing.put_keyword(keyword)
    assert routing.keyword("1272", words_of(text)) is keyword
