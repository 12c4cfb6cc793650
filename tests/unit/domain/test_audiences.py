"""A percentage of a list: exactly as many as that is, evenly spread."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.contacts.model.templates import Template, fold_name
from dragoman.core.messages.model.audiences import is_picked


@given(st.integers(1, 100), st.integers(0, 500))
def test_a_percentage_is_exact_and_rounded_up(percent: int, count: int) -> None:
    picked = [is_picked(index, percent) for index in range(count)]
    assert sum(picked) == -(-count * percent // 100)
    if percent == 100:
        assert all(picked)


@given(st.integers(1, 100))
def test_of_any_hundred_in_a_row_as_many_are_picked(percent: int) -> None:
    picked = [is_picked(index, percent) for index in range(300)]
    assert {sum(picked[start : start + 100]) for start in range(200)} == {percent}


@given(st.text(max_size=30), st.dictionaries(st.text(max_size=5), st.text(max_size=5)))
def test_a_template_changes_only_its_places(text: str, values: dict[str, str]) -> None:
    fields = {fold_name(name): name for name in values}
    rendered = Template(text, fields).render(values)
    if "[" not in text:
        assert rendered == text
    assert Template(text, {}).render(values) == text


def test_places_are_found_whatever_the_case() -> None:
    template = Template("[[Name]] [name] [NAME ] [x][ ] []", {"name": "7"})
    assert template.names == {"Name": "7", "name": "7", "NAME ": "7"}
    assert template.render({"7": "Ann"}) == "[Ann] Ann Ann [x][ ] []"
    assert template.render({}) == "[]   [x][ ] []"
