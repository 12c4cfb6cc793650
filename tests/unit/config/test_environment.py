"""The environment wins over the file, and its mistakes are named by their variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dragoman.config import ConfigError, Settings, load
from dragoman.config.tables import Mm7Table

FILE = """
[http]
listen = "127.0.0.1:8080"
trusted_proxies = ["::1"]
[[carriers]]
name = "main-1"
host = "smsc.example.net"
system_id = "dragoman"
password = "file"
[[numbers]]
number = "1245"
account = "shop"
[[prices]]
prefix = "45"
"""


def load_with(folder: Path, environ: dict[str, str], text: str = FILE) -> Settings:
    path = folder / "dragoman.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, environ)


OVERRIDES = [
    ("DRAGOMAN_HTTP__LISTEN", "0.0.0.0:80", lambda s: s.http.listen, "0.0.0.0:80"),
    ("DRAGOMAN_HTTP__MAX_BODY_BYTES", "2048", lambda s: s.http.max_body_bytes, 2048),
    ("DRAGOMAN_HTTP__MAX_BODY_BYTES", "0x800", lambda s: s.http.max_body_bytes, 2048),
    ("DRAGOMAN_HTTP__REQUEST_TIMEOUT_S", "2.5", lambda s: s.http.request_timeout_s, 2.5),
    ("DRAGOMAN_METRICS__PUBLIC", "true", lambda s: s.metrics.public, True),
    ("DRAGOMAN_DIALECTS__ENABLED", "httpsms", lambda s: s.dialects.enabled, ("httpsms",)),
    ("DRAGOMAN_DIALECTS__ENABLED", "a, b", lambda s: s.dialects.enabled, ("a", "b")),
    ("DRAGOMAN_DIALECTS__ENABLED", '["a"]', lambda s: s.dialects.enabled, ("a",)),
    ("DRAGOMAN_HTTP__TRUSTED_PROXIES", "", lambda s: s.http.trusted_proxies, ()),
    (
        "DRAGOMAN_DIALECTS__LINKMOBILITY__TIME_ZONE",
        "UTC",
        lambda s: s.dialects.linkmobility.time_zone,
        "UTC",
    ),
    (
        "DRAGOMAN_DIALECTS__LINKMOBILITY__PROFILE",
        "zumosms",
        lambda s: s.dialects.linkmobility.profile,
        "zumosms",
    ),
    ("DRAGOMAN_CARRIERS__MAIN_1__PASSWORD", "12345678", lambda s: s.carriers[0].password,
     "12345678"),
    ("DRAGOMAN_CARRIERS__MAIN_1__PASSWORD", '"quoted"', lambda s: s.carriers[0].password,
     '"quoted"'),
    ("DRAGOMAN_CARRIERS__MAIN_1__TLS_SERVER_NAME", "7", lambda s: s.carriers[0].tls_server_name,
     "7"),
    ("DRAGOMAN_CARRIERS__MAIN_1__SOURCE_TON", "5", lambda s: s.carriers[0].source_ton, 5),
    ("DRAGOMAN_CARRIERS__MAIN_1__BIND", "receiver", lambda s: s.carriers[0].bind, "receiver"),
    ("DRAGOMAN_NUMBERS__1245__ACCOUNT", "42", lambda s: s.numbers[0].account, "42"),
    ("DRAGOMAN_PRICES__45__PRICE", "0.05", lambda s: s.prices[0].price, "0.05"),
    ("DRAGOMAN_LOG__FORMAT", "console", lambda s: s.log.format, "console"),
]  # fmt: skip


@pytest.mark.parametrize(("variable", "text", "read", "expected"), OVERRIDES)
def test_a_variable_wins_over_the_file(
    tmp_path: Path, variable: str, text: str, read: Any, expected: object
) -> None:
    assert read(load_with(tmp_path, {})) != expected
    assert read(load_with(tmp_path, {variable: text})) == expected


MISTAKES = [
    (
        "DRAGOMAN_HTTP__LISTN",
        "x",
        "DRAGOMAN_HTTP__LISTN: unknown setting `http.listn`, did you mean `listen`?",
    ),
    (
        "DRAGOMAN_HTP__LISTEN",
        "x",
        "DRAGOMAN_HTP__LISTEN: unknown setting `htp`, did you mean `http`?",
    ),
    (
        "DRAGOMAN_HTTP_LISTEN",
        "x",
        "DRAGOMAN_HTTP_LISTEN: unknown setting `http_listen`;"
        " a table and its key are joined by two underscores",
    ),
    ("DRAGOMAN_HTTP", "x", "DRAGOMAN_HTTP: `http` is a table; name one of its keys"),
    (
        "DRAGOMAN_CARRIERS__MAIN_1",
        "x",
        "DRAGOMAN_CARRIERS__MAIN_1: `carriers` are tables; name one and its key, joined by `__`",
    ),
    ("DRAGOMAN_DATA_DIR__X", "x", "DRAGOMAN_DATA_DIR__X: `data_dir` is not a table"),
    (
        "DRAGOMAN_HTTP__MAX_BODY_BYTES",
        "large",
        "http.max_body_bytes (DRAGOMAN_HTTP__MAX_BODY_BYTES): expected int, got str",
    ),
    (
        "DRAGOMAN_CARRIERS__MAIN_1__WINDOW",
        "0",
        "carriers.main-1.window (DRAGOMAN_CARRIERS__MAIN_1__WINDOW): expected int >= 1, got 0",
    ),
    (
        "DRAGOMAN_METRICS__PUBLIC",
        "yes",
        "metrics.public (DRAGOMAN_METRICS__PUBLIC): expected bool, got str",
    ),
]


@pytest.mark.parametrize(("variable", "text", "expected"), MISTAKES)
def test_a_wrong_variable_is_named(tmp_path: Path, variable: str, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_with(tmp_path, {variable: text})
    assert [str(mistake) for mistake in raised.value.mistakes] == [expected]


def test_other_programs_variables_are_left_alone(tmp_path: Path) -> None:
    others = {
        "PATH": "/bin",
        "DRAGOMAN_CONFIG": "dragoman.toml",
        "DRAGOMAN_PORT": "tcp://10.0.0.1:80",
        "DRAGOMAN_PORT_80_TCP_ADDR": "10.0.0.1",
        "DRAGOMAN_SERVICE_HOST": "10.0.0.1",
        "DRAGOMAN_SERVICE_PORT_HTTP": "80",
    }
    assert load_with(tmp_path, others) == load_with(tmp_path, {})


def test_a_carrier_named_only_in_the_environment_is_added(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load_with(tmp_path, {"DRAGOMAN_CARRIERS__SPARE__PASSWORD": "x"})
    assert [str(mistake) for mistake in raised.value.mistakes] == [
        "carriers.spare.host: missing",
        "carriers.spare.system_id: missing",
    ]


def test_a_password_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    text = FILE.replace('password = "file"', 'password_file = "secret"')
    (carrier,) = load_with(tmp_path, {}, text).carriers
    assert carrier.password == "hunter2"
    assert "hunter2" not in repr(carrier)
    assert carrier.password_file == str(tmp_path / "secret")


def test_a_password_in_the_environment_wins_over_its_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    text = FILE.replace('password = "file"', 'password_file = "secret"')
    environ = {"DRAGOMAN_CARRIERS__MAIN_1__PASSWORD": "other"}
    assert load_with(tmp_path, environ, text).carriers[0].password == "other"
    environ = {"DRAGOMAN_CARRIERS__MAIN_1__PASSWORD_FILE": "secret"}
    assert load_with(tmp_path, environ).carriers[0].password == "hunter2"


PASSWORD_FILES = [
    ("hünter2".encode(), "expected at most 255 ASCII characters"),
    (b"\xff", "{path} cannot be read: is not UTF-8"),
    (None, "no such file: {path}"),
]


@pytest.mark.parametrize(("content", "expected"), PASSWORD_FILES)
def test_a_password_file_that_is_wrong_is_named(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    text = FILE.replace('password = "file"', 'password_file = "secret"')
    with pytest.raises(ConfigError) as raised:
        load_with(tmp_path, {}, text)
    assert [str(mistake) for mistake in raised.value.mistakes] == [
        f"carriers.main-1.password_file: {expected.format(path=path)}"
    ]


def test_password_and_file_together_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    text = FILE.replace('password = "file"', 'password = "file"\npassword_file = "secret"')
    with pytest.raises(ConfigError, match="set together with `password`"):
        load_with(tmp_path, {}, text)


def test_a_database_url_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://u:hunter2@h/d\n")
    settings = load_with(tmp_path, {}, '[storage]\nurl_file = "url"\n')
    assert settings.database_url == "postgresql://u:hunter2@h/d"
    (tmp_path / "url").write_text("mysql://u:hunter2@h/d\n")
    with pytest.raises(ConfigError, match=r"storage\.url_file: expected sqlite") as raised:
        load_with(tmp_path, {}, '[storage]\nurl_file = "url"\n')
    assert "hunter2" not in str(raised.value)


def test_a_carrier_of_another_type_is_configured_by_the_environment_alone() -> None:
    (carrier,) = load(
        None,
        {
            "DRAGOMAN_CARRIERS__PICTURES__URL": "https://mmsc/mm7",
            "DRAGOMAN_CARRIERS__PICTURES__REPORT_SECRET": "s",
            "DRAGOMAN_CARRIERS__PICTURES__TYPE": "mm7",
        },
    ).carriers
    assert isinstance(carrier, Mm7Table)
    assert carrier.url == "https://mmsc/mm7"
