"""The example of a configuration is valid, complete and what the program would do without it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import fields

from dragoman.config import Settings, load
from dragoman.config.example import IN_EFFECT, render_example
from dragoman.config.fields import entries_of, join, section_of
from dragoman.config.http import PresetTable
from dragoman.config.sections import Section
from dragoman.core.billing.model.message_types import DEFAULT_TYPES
from dragoman.core.billing.model.pricing import Price

EXAMPLE = Path(__file__).parents[3] / "dragoman.example.toml"
LINES = EXAMPLE.read_text(encoding="utf-8").splitlines()


def test_the_file_is_what_the_program_prints() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == render_example()


def test_lines_are_no_longer_than_those_of_the_code() -> None:
    assert [line for line in LINES if len(line) > 100] == []


def test_what_is_in_effect_are_the_defaults() -> None:
    settings = load(EXAMPLE, {})
    usual = Settings(data_dir=settings.data_dir)
    for field in fields(Settings):
        if field.name not in IN_EFFECT:
            assert getattr(settings, field.name) == getattr(usual, field.name), field.name
    (carrier,), (route,), (price,) = settings.carriers, settings.routes, settings.prices
    assert [carrier.name, route.name, price.prefix] == ["main", "everything", ""]
    for entry in (carrier, route, price):
        for field in fields(entry):
            if not field.required and field.name != "password":
                assert getattr(entry, field.name) == field.default, field.name


def uncomment(lines: list[str]) -> Iterator[str]:
    """The lines, with every table that is commented out put in effect."""
    inside = False
    for line in lines:
        inside = line.startswith("# [[") or (inside and line != "")
        yield line.removeprefix("# ") if inside else line


def keys(kind: type[Section], table: str) -> Iterator[tuple[str, str, str]]:
    """Every key, with its table and the type of that; what presets fill is in the reference."""
    if issubclass(kind, PresetTable):
        return
    for field in fields(kind):
        path = join(table, field.name)
        inner = (section,) if (section := section_of(field.type)) else entries_of(field.type)
        for one in inner:
            yield from keys(one, path)
        if not inner:
            yield table, field.name, kind.__name__


def test_every_key_is_shown_in_its_table() -> None:
    shown: dict[str, set[str]] = {"": set()}
    table = ""
    for line in uncomment(LINES):
        if line.startswith("["):
            table = line.strip("[]")
            shown.setdefault(table, set())
        elif " = " in line:
            shown[table].add(line.removeprefix("# ").partition(" = ")[0])
    for path, name, kind in keys(Settings, ""):
        assert name in shown[path], f"{kind}.{name}"


def test_tables_that_are_commented_out_are_valid_too(tmp_path: Path) -> None:
    path = tmp_path / "dragoman.toml"
    path.write_text("\n".join(uncomment(LINES)))
    (tmp_path / "danish-prices.csv").write_text("prefix,price\n45,0.03\n")
    settings = load(path, {})
    assert [one.type for one in settings.carriers] == ["smpp", "smpp", "mm7", "phones", "http"]
    assert settings.owners_of_numbers() == {"4512345678": "shop"}
    (code,) = settings.short_codes_for_premium()
    assert (code.international, code.accounts) == ("+451272", {"shop"})
    assert [one.description for one in code.content_types] == ["Tickets"]
    assert settings.prices_for_price_list()[1] == Price(prefix="45", credits=1, price=500)
    assert settings.carriers[1].premium == settings.carriers[0].premium
    assert settings.types_of_messages() == DEFAULT_TYPES
    (host,) = settings.dialects.linkmobility.hosts
    assert host.profile == "zumosms"
    (profile,) = settings.dialects.smsend.subaccount_profiles
    assert profile.without == ("receive",)


def alternatives() -> Iterator[int]:
    """Where a single key is commented out, in a table that is not."""
    block = False
    for number, line in enumerate(LINES):
        block = line.startswith("# [[") or (block and line != "")
        name, is_key, _ = line.removeprefix("# ").partition(" = ")
        if not block and line.startswith("# ") and is_key and name.isidentifier():
            yield number


@pytest.fixture(scope="module")
def example() -> Settings:
    return load(EXAMPLE, {})


@pytest.mark.parametrize("number", [*alternatives()], ids=lambda number: LINES[number])
def test_a_key_that_is_commented_out_is_valid(
    tmp_path: Path, example: Settings, number: int
) -> None:
    line = LINES[number].removeprefix("# ")
    name, value = next(iter(tomllib.loads(line).items()))
    start = max(at for at in range(number) if LINES[at].startswith("["))
    twins = {name, name.removesuffix("_file")}
    kept = [
        one
        for at, one in enumerate(LINES[:number])
        if at < start or one.partition(" = ")[0] not in twins
    ]
    if name.endswith("_file"):
        file = tmp_path / Path(value).name
        file.write_text("postgresql:///d" if name == "url_file" else "hunter2")
        line = f'{name} = "{file.name}"'
    path = tmp_path / "dragoman.toml"
    path.write_text("\n".join([*kept, line, *LINES[number + 1 :]]))
    assert load(path, {}) != example


def test_there_are_keys_that_are_commented_out() -> None:
    assert len(list(alternatives())) > 20
