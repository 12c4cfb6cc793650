"""Every mistake in an HTTP carrier's table is named by the key a person wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.config import ConfigError, Settings, load
from dragoman.config.tables import HttpTable
from dragoman.connectors.http.check import find_mistakes

LINK = """
[[carriers]]
name = "link"
type = "http"
preset = "linkmobility"
"""
KEY = '[carriers.credentials]\napikey = "0123456789abcdef"\n'
GENERIC = """
[[carriers]]
name = "own"
type = "http"
preset = "generic"
base_url = "https://sms.example.com"
"""
TOKEN = "a-token-of-the-address"


def read(folder: Path, text: str, **environ: str) -> Settings:
    path = folder / "dragoman.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, environ, check_http=find_mistakes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            LINK.replace("linkmobility", "linkmobilty"),
            "carriers.link.preset: unknown preset `linkmobilty`, did you mean `linkmobility`?",
        ),
        (
            LINK + KEY.replace("apikey", "apikye"),
            "carriers.link.credentials.apikye: unknown credential `apikye`, did you mean `apikey`?",
        ),
        (LINK, "carriers.link.credentials.apikey: missing: The account's API key."),
        (
            LINK + KEY.replace("apikey", "apikey_file"),
            "carriers.link.credentials.apikey_file: no such file: {folder}/0123456789abcdef",
        ),
        (
            LINK + KEY + 'apikey_file = "x"\n',
            "carriers.link.credentials.apikey_file: set together with `apikey`; use only one of"
            " them",
        ),
        (
            LINK + 'public_url = "https://sms.example.org"\ncallback_token = "short"\n' + KEY,
            "carriers.link.callback_token: expected 16 letters and digits or more, chosen at"
            " random",
        ),
        (
            LINK + 'public_url = "sms.example.org"\n' + KEY,
            "carriers.link.public_url: expected an address such as https://sms.example.org",
        ),
        (
            GENERIC.replace('base_url = "https://sms.example.com"', ""),
            "carriers.own.base_url: missing; the preset cannot know it",
        ),
        (
            GENERIC + '[carriers.request]\nfields = { to = "{recipient}", k = "{api_key}" }\n',
            "carriers.own: unknown placeholder `recipient`",
        ),
        (
            GENERIC + '[carriers.request]\nfields = { to = "{tto}" }\n',
            "carriers.own: unknown placeholder `tto`, did you mean `to`?",
        ),
        (
            GENERIC + '[carriers.answer]\nid = "a..b"\n',
            "carriers.own: 'a..b' is not a path such as messages[0].id",
        ),
        (
            GENERIC + '[carriers.answer]\nformat = "text"\npattern = "("\n',
            "carriers.own: '(' is no regular expression: missing )",
        ),
        (
            GENERIC + 'refusals = { "7" = "no_credit" }\n',
            "carriers.own: 'no_credit' is none of absent_subscriber",
        ),
        (
            GENERIC + '[carriers.status]\nstates = { ok = "sent" }\n',
            "carriers.own: 'sent' is none of enroute, delivered",
        ),
        (
            GENERIC + '[carriers.status]\nfailures = { "1" = "broken" }\n',
            "carriers.own: 'broken' is not a valid FailureCode",
        ),
    ],
)
def test_a_mistake_names_its_key(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, text)
    mistake = str(raised.value.mistakes[0])
    assert mistake.startswith(expected.format(folder=tmp_path))
    assert "0123456789abcdef" not in mistake or "no such file" in mistake


def test_a_missing_token_comes_with_one_to_take(tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        with pytest.raises(ConfigError) as raised:
            read(tmp_path, LINK + 'public_url = "https://sms.example.org"\n' + KEY)
        found.append(str(raised.value.mistakes[0]))
    assert found[0].startswith("carriers.link.callback_token: missing; any random text, such as ")
    assert found[0] != found[1]


def test_credentials_come_from_files_and_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")
    text = LINK + '[carriers.credentials]\napikey_file = "key"\n'
    variable = "DRAGOMAN_CARRIERS__LINK__CREDENTIALS__APIKEY"
    for environ, expected in (({}, "from-a-file"), ({variable: "from-outside"}, "from-outside")):
        (carrier,) = read(tmp_path, text, **environ).carriers
        assert isinstance(carrier, HttpTable)
        assert carrier.credentials == {"apikey": expected}
        assert expected not in repr(carrier)
