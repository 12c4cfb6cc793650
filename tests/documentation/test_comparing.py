"""What is shown fits what is printed, and nothing else."""

from __future__ import annotations

import pytest

from .comparing import fits

FIT = {
    "the same": ("a\nb\n", "a\nb\n"),
    "spaces": ("a   b", "  a b\n\n"),
    "an identifier": ("batch 890806474846208", "batch 890855252164608"),
    "a time": ("at 2026-11-22 07:17:03+00:00.", "at 2027-01-02 17:17:03+01:00."),
    "a key": ("key e1bd9f55b7d6a453", "key 00aa9f55b7d6a453ff"),
    "anything in a line": ("GET /dlr?…&to=4", "GET /dlr?x=1&to=4"),
    "any lines": ("a\n…\nb", "a\nx\ny\nb"),
    "no lines": ("a\n…\nb", "a\nb"),
    "lines at the end": ("a\n…", "a\nb\nc\n"),
    "JSON": ('{"a": [1, "x"]}', '{"a":[1,"x"]}'),
    "any value": ('{"a": "…", "b": ["…"]}', '{"a":{"c":1},"b":[1,2]}'),
    "further fields": ('{"a": 1, "…": "…"}', '{"a":1,"b":2}'),
    "an identifier in JSON": ('{"id": 890806474846208}', '{"id":890855252164608}'),
}
DIFFER = {
    "another word": ("a", "b"),
    "a line more": ("a", "a\nb"),
    "a line less": ("a\nb", "a"),
    "another phone": ("to 4512345678", "to 4512345679"),
    "an order of fields": ('{"a":1,"b":2}', '{"b":2,"a":1}'),
    "a field more": ('{"a":1}', '{"a":1,"b":2}'),
    "a field less": ('{"a":1,"b":2,"…":"…"}', '{"a":1}'),
    "a text for a number": ('{"a":1}', '{"a":"1"}'),
    "true for one": ('{"a":1}', '{"a":true}'),
    "an item more": ('{"a":[1]}', '{"a":[1,2]}'),
}


@pytest.mark.parametrize("case", FIT)
def test_an_output_fits_what_is_shown(case: str) -> None:
    assert fits(*FIT[case])


@pytest.mark.parametrize("case", DIFFER)
def test_another_output_does_not_fit(case: str) -> None:
    assert not fits(*DIFFER[case])


def test_what_is_shown_may_stand_anywhere_in_the_output_of_another_terminal() -> None:
    assert fits("GET /a\n -> 200", "Ready\nGET /a\n  -> 200\nGET /b\n", anywhere=True)
    assert not fits("GET /a\n -> 500", "Ready\nGET /a\n  -> 200\n", anywhere=True)
    between = "GET /a\n  -> 200\nGET /b\n  -> 500\n"
    assert fits("GET /a\n -> 500", between, anywhere=True)
    assert not fits("GET /b\n -> 200", between, anywhere=True)
