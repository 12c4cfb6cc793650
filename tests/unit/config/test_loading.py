"""Every mistake in a configuration is named by the key a person wrote."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from msgspec.structs import FieldInfo, fields

from dragoman.config import ConfigError, Secret, Settings, check, load
from dragoman.config.consistency import find_oddities
from dragoman.config.fields import description_of, entries_of, section_of
from dragoman.config.sections import Limits, Section
from dragoman.config.values import parse_address
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.pricing import Price
from dragoman.core.messages.model.routing import Route
from dragoman.protocols.gsm.national import Language
from dragoman.protocols.gsm.segmentation import PLAIN, Repertoire
from dragoman.protocols.smpp.message_ids import IdReading

CARRIER = """
[[carriers]]
name = "main"
host = "smsc.example.net"
system_id = "dragoman"
"""
NOT_A_URL = (
    "carriers.pictures.url: expected http://<host>/<path> or https://…, without user and password"
)
PHONES = '[[carriers]]\nname = "android"\ntype = "phones"\n'
MM7 = """
[[carriers]]
name = "pictures"
type = "mm7"
url = "https://mmsc.example.net/mm7"
"""
SPARE = CARRIER.replace("main", "spare")
SHORT_CODE = '[[short_codes]]\nnumber = "1272"\ncountry_code = "45"\n'
CONTENT_TYPE = '[[short_codes.content_types]]\nid = 9\ndescription = "Tickets"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "dragoman.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(folder: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(
            write(folder, text),
            environ or {},
            dialects=("httpsms", "linkmobility", "native", "smsend", "smsgateway24"),
            profiles=("default", "latin1"),
        )
    return [str(mistake) for mistake in raised.value.mistakes]


CLUSTER = """\
[storage]
url = "postgresql://db/dragoman"
[cluster]
partitions = 4
secret = "sixteen characters"
"""
MAILINGS = "[mailings]\nenabled = true\n"
BASE = 'base_url = "https://b.example"\n'
WRONG_KEYS = [
    ("htpp = 1", "htpp: unknown key, did you mean `http`?"),
    ("[http]\nlisten = 8080", "http.listen: expected str, got int (put it in quotes)"),
    (
        '[http]\nlisten = "8080"',
        "http.listen: '8080' is not host:port, such as 127.0.0.1:8080",
    ),
    (
        '[http]\nlisten = "::1:80"',
        "http.listen: '::1:80': an IPv6 address stands in brackets, such as [::1]:8080",
    ),
    ('http = "x"', "http: expected a table, got str"),
    (
        '[http]\ntrusted_proxies = ["::1", "10.0.0.1/8"]',
        "http.trusted_proxies[1]: '10.0.0.1/8' is not a network such as 10.0.0.0/8"
        " (10.0.0.1/8 has host bits set)",
    ),
    ('[http]\ntrusted_proxies = "::1"', "http.trusted_proxies: expected array, got str"),
    ("[http]\nmax_body_bytes = 1", "http.max_body_bytes: expected int >= 1024, got 1"),
    ("[http]\nmax_body_bytes = true", "http.max_body_bytes: expected int, got bool"),
    (
        '[storage]\nurl = "sqlite:///:memory:"',
        "storage.url: an SQLite database needs a file, such as sqlite:///dragoman.db",
    ),
    (
        '[storage]\nurl = "mysql://u:hunter2@h/d"',
        "storage.url: expected sqlite:///<file> or postgresql://<user>@<host>/<database>",
    ),
    (
        '[storage]\nurl = "postgresql://u:hunter2@h:port/d"',
        "storage.url: expected sqlite:///<file> or postgresql://<user>@<host>/<database>",
    ),
    ("[storage]\nurl = 5", "storage.url: expected str, got int (put it in quotes)"),
    (
        "[dialects]\nenabled = []",
        "dialects.enabled: expected array of length >= 1, got []",
    ),
    (
        '[dialects]\nenabled = ["httpsmss"]',
        "dialects.enabled[0]: unknown dialect `httpsmss`, did you mean `httpsms`?",
    ),
    (
        '[dialects.linkmobility]\nprofile = "zumo"',
        "dialects.linkmobility.profile: expected one of link, zumosms, got 'zumo'",
    ),
    (
        '[[dialects.linkmobility.hosts]]\nhost = "http://x"\nprofile = "link"',
        "dialects.linkmobility.hosts.http://x.host: 'http://x' is not a host name,"
        " such as api.example.com",
    ),
    (
        '[[dialects.linkmobility.hosts]]\nhost = "a.example"',
        "dialects.linkmobility.hosts.a.example.profile: missing",
    ),
    (
        '[[dialects.linkmobility.hosts]]\nhost = "a.example"\nprofile = "link"\n'
        '[[dialects.linkmobility.hosts]]\nhost = "A.example"\nprofile = "zumosms"',
        "dialects.linkmobility.hosts.host: `a.example` is defined 2 times",
    ),
    (
        '[dialects.linkmobility]\ntime_zone = "Copenhagen"',
        "dialects.linkmobility.time_zone: 'Copenhagen' is not an IANA time zone,"
        " such as Europe/Copenhagen",
    ),
    (
        '[dialects.linkmobility]\ntime_zone = "../etc/passwd"',
        "dialects.linkmobility.time_zone: '../etc/passwd' is not an IANA time zone,"
        " such as Europe/Copenhagen",
    ),
    ("[carriers]\nname = 1", "carriers: expected tables written [[carriers]], got table"),
    ("carriers = [1]", "carriers[0]: expected a table, got int"),
    ('[[carriers]]\nname = "a"\nsystem_id = "x"', "carriers.a.host: missing"),
    (
        '[[carriers]]\nname = "a b"\nhost = "h"\nsystem_id = "x"',
        "carriers.a b.name: expected letters, digits, dots, dashes and underscores, at most 32",
    ),
    ('[[carriers]]\nhost = "h"\nsystem_id = "x"', "carriers[0].name: missing"),
    (CARRIER + 'port = "a"', "carriers.main.port: expected int, got str"),
    (CARRIER + "port = 0", "carriers.main.port: expected int >= 1, got 0"),
    (CARRIER + "windw = 5", "carriers.main.windw: unknown key, did you mean `window`?"),
    (
        CARRIER + 'type = "https"',
        "carriers.main.type: expected one of smpp, mm7, phones, http, got 'https'",
    ),
    (
        CARRIER + 'bind = "trx"',
        "carriers.main.bind: expected one of transceiver, transmitter, receiver, got 'trx'",
    ),
    (
        CARRIER + 'id_reading = "hex"',
        "carriers.main.id_reading: expected one of auto, as_sent, hex_to_dec, dec_to_hex,"
        " got 'hex'",
    ),
    (
        CARRIER + "password = 1234",
        "carriers.main.password: expected str, got int (put it in quotes)",
    ),
    (
        CARRIER + f'password = "{"x" * 256}"',
        "carriers.main.password: expected at most 255 ASCII characters",
    ),
    (
        CARRIER + 'profile = "latn1"',
        "carriers.main.profile: unknown profile `latn1`, did you mean `latin1`?",
    ),
    (
        CARRIER + "reconnect_min_s = 90",
        "carriers.main.reconnect_max_s: less than reconnect_min_s",
    ),
    (
        CARRIER + 'profile = "latin1"\nnational = ["tr"]',
        "carriers.main.national: needs a profile with the GSM alphabet",
    ),
    (
        CARRIER + "receiver_links = 1",
        'carriers.main.receiver_links: only allowed with bind = "transmitter"',
    ),
    (CARRIER + CARRIER, "carriers.name: `main` is defined 2 times"),
    (CARRIER + SPARE, "routes: missing; several carriers need at least one route"),
    (
        CARRIER + '[[routes]]\nname = "r"\ncarriers = ["man"]',
        "routes.r.carriers[0]: unknown carrier `man`, did you mean `main`?",
    ),
    (
        CARRIER + '[[routes]]\nname = "r"\ncarriers = ["zzz"]',
        "routes.r.carriers[0]: unknown carrier `zzz`; there are main",
    ),
    (
        CARRIER + 'bind = "receiver"\n[[routes]]\nname = "r"\ncarriers = ["main"]',
        "routes.r.carriers[0]: carrier `main` is receive-only",
    ),
    (
        CARRIER + '[[routes]]\nname = "r"\ncarriers = []',
        "routes.r.carriers: expected array of length >= 1, got []",
    ),
    (
        CARRIER + '[[routes]]\nname = "r"\ncarriers = ["main"]\nprefixes = ["+45"]',
        "routes.r.prefixes[0]: '+45' is not the first digits of a number, without +, such as 45",
    ),
    (
        CARRIER + '[[routes]]\nname = "r"\ncarriers = ["main"]\nprefixes = [45]',
        "routes.r.prefixes[0]: expected str, got int (put it in quotes)",
    ),
    (
        "[[prices]]\nprice = 0.05",
        "prices[0].price: expected str, got float (put it in quotes)",
    ),
    (
        '[[prices]]\nprice = "cheap"',
        "prices[0].price: 'cheap' is not an amount with at most four decimals",
    ),
    ('[[prices]]\nprefix = "45"\ncredits = -1', "prices.45.credits: expected int >= 0, got -1"),
    ("[[prices]]\n[[prices]]", "prices.prefix: `` is defined 2 times"),
    (
        '[[numbers]]\nnumber = "12"\naccount = "a"',
        "numbers.12.number: '12' is not a number or short code of 3 to 15 digits",
    ),
    (
        '[[numbers]]\nnumber = "1245"\naccount = "a"\n[[numbers]]\nnumber = "+1245"\naccount = "b"',
        "numbers.number: `1245` is defined 2 times",
    ),
    (
        f"{CARRIER}[carriers.premium]\nprice_tag = 0x0204",
        "carriers.main.premium.price_tag: 0x0204 has a meaning in SMPP 3.4; carriers' own begin at"
        " 0x1400",
    ),
    (
        f"{CARRIER}[carriers.premium]\nprice_tag = 0x10000",
        "carriers.main.premium.price_tag: expected int <= 65535, got 65536",
    ),
    (
        f'{CARRIER}[carriers.premium]\nservice_type = "PRE{{price}}"',
        "carriers.main.premium.service_type: expected at most 5 ASCII characters once {price} and"
        " {content_type} are filled in",
    ),
    (
        f'{CARRIER}[carriers.premium]\nservice_type = "{{cost}}"',
        "carriers.main.premium.service_type: expected at most 5 ASCII characters once {price} and"
        " {content_type} are filled in",
    ),
    (
        f'{CARRIER}[carriers.premium]\nform = "bcd"',
        "carriers.main.premium.form: expected one of c_string, octets, integer, got 'bcd'",
    ),
    (
        '[[short_codes]]\nnumber = "+451272"\ncountry_code = "45"',
        "short_codes.+451272.number: '+451272' is not a short code of 3 to 8 digits, without the"
        " country",
    ),
    (
        f'{SHORT_CODE}catalogue = "dutch"',
        "short_codes.1272.catalogue: expected one of danish, norwegian, got 'dutch'",
    ),
    (SHORT_CODE + SHORT_CODE, "short_codes.number: `+451272` is defined 2 times"),
    (
        f'{SHORT_CODE}[[short_codes.content_types]]\nid = 0\ndescription = "x"',
        "short_codes.1272.content_types[0].id: expected int >= 1, got 0",
    ),
    (
        f'{SHORT_CODE}{CONTENT_TYPE}expires = "soon"',
        "short_codes.1272.content_types[0].expires: 'soon' is not a date such as 2027-12-31",
    ),
    (
        SHORT_CODE + CONTENT_TYPE + CONTENT_TYPE,
        "short_codes.1272.content_types.id: `9` is defined 2 times",
    ),
    ("[callbacks]\nmax_retry_s = 1", "callbacks.max_retry_s: less than callbacks.first_retry_s"),
    ('[log]\nlevel = "loud"', "log.level: expected one of debug, info, warning, error, got 'loud'"),
    ('[http]\nlisten = "x"', "http.listen: 'x' is not host:port, such as 127.0.0.1:8080"),
    ('data_dir = ""', "data_dir: expected the path of a folder"),
    (
        MM7.replace("https://", "mmsc"),
        NOT_A_URL,
    ),
    (
        MM7.replace("https://", "https://me:x@"),
        NOT_A_URL,
    ),
    (MM7 + 'host = "x"', "carriers.pictures.host: unknown key"),
    (
        MM7 + 'report_secret = ""',
        "carriers.pictures.report_secret: missing; set it, or report_addresses",
    ),
    (
        MM7 + 'report_secret = "a/b"',
        "carriers.pictures.report_secret: contains characters that a URL path cannot",
    ),
    (
        CARRIER
        + MM7
        + 'report_secret = "s"\n[[routes]]\nname = "r"\ncarriers = ["main", "pictures"]',
        "routes.r.carriers: mixes mm7 and smpp; texts and multimedia messages need routes of their"
        " own",
    ),
    (
        PHONES
        + MM7
        + 'report_secret = "s"\n[[routes]]\nname = "r"\ncarriers = ["android", "pictures"]',
        "routes.r.carriers: mixes mm7 and phones; texts and multimedia messages need routes of"
        " their own",
    ),
    (CARRIER + PHONES, "routes: missing; several carriers need at least one route"),
    (PHONES + 'host = "x"', "carriers.android.host: unknown key"),
    (PHONES + "in_flight = 0", "carriers.android.in_flight: expected int >= 1, got 0"),
    (
        PHONES + 'choice = "any"',
        "carriers.android.choice: expected one of least_loaded, round_robin, got 'any'",
    ),
    (
        '[dialects]\nenabled = ["httpsms"]\n[mail]\nenabled = true',
        "mail.enabled: needs the dialect `linkmobility`",
    ),
    ("[mail]\nrequire_tls = true", "mail.require_tls: needs mail.tls_certificate_file"),
    (MAILINGS + 'sender = "a@b.example"', "mailings.base_url: required for e-mail campaigns"),
    (MAILINGS + 'base_url = "https://b.example"', "mailings.sender: required for e-mail campaigns"),
    (MAILINGS + BASE + 'sender = "a@b\\r\\n.example"', "mailings.sender: not an e-mail address"),
    (
        MAILINGS + BASE + 'sender = "a@b.example"\nuser = "u"\nsecurity = "none"',
        "mailings.security: a password requires an encrypted connection",
    ),
    (
        MAILINGS + BASE + 'sender = "a@b.example"\nmax_retry_s = 1',
        "mailings.max_retry_s: less than mailings.first_retry_s",
    ),
    (
        CLUSTER.replace("postgresql://db/dragoman", "sqlite:////tmp/dragoman.db"),
        "storage.url: a cluster needs PostgreSQL",
    ),
    (CLUSTER.replace("sixteen characters", "short"), "cluster.secret: at least 16 characters"),
    (
        CLUSTER + CARRIER,
        "cluster.nats: missing: it brings messages to the nodes with the carriers",
    ),
    (
        CLUSTER + PHONES + "shared = true",
        "carriers.android.shared: in a cluster phones send for their own account: it lives where"
        " they do",
    ),
]


@pytest.mark.parametrize(("text", "expected"), WRONG_KEYS)
def test_a_mistake_names_its_key(tmp_path: Path, text: str, expected: str) -> None:
    assert mistakes(tmp_path, text) == [expected]


def test_all_mistakes_are_told_at_once_and_each_with_its_file(tmp_path: Path) -> None:
    path = write(tmp_path, '[http]\nlisten = "x"\n[log]\nlevel = "loud"\nfromat = "json"\n')
    with pytest.raises(ConfigError) as raised:
        load(path, {})
    lines = str(raised.value).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        [str(path), "http.listen"],
        [str(path), "log.fromat"],
        [str(path), "log.level"],
    ]
    assert [str(mistake) for mistake in check(path)] == [
        line.removeprefix(f"{path}: ") for line in lines
    ]


UNREADABLE = [
    (b"[http\nlisten = 1", "is not TOML: Expected ']' at the end of a table declaration"
     " (at line 1, column 6)"),
    (b'a = 1\na = "', "is not TOML: "),
    (b'a = "\xff"', "is not UTF-8: octet 0xff at 5"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), UNREADABLE)
def test_a_file_that_is_no_toml_says_where(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "dragoman.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        load(path, {})
    assert str(raised.value).startswith(f"{path}: {expected}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read: No such file"):
        load(tmp_path / "nowhere.toml", {})


def test_an_empty_file_has_the_defaults(tmp_path: Path) -> None:
    settings = load(write(tmp_path, ""), {})
    assert settings == Settings(data_dir=str(tmp_path / "data"))
    assert settings.http.address == ("127.0.0.1", 8080)
    assert settings.database_url == f"sqlite:///{tmp_path}/data/dragoman.db"
    assert settings.routes_for_router() == ()


def test_without_a_file_the_environment_alone_configures() -> None:
    settings = load(
        None,
        {
            "DRAGOMAN_DATA_DIR": "/srv/dragoman",
            "DRAGOMAN_CARRIERS__MAIN__HOST": "smsc",
            "DRAGOMAN_CARRIERS__MAIN__SYSTEM_ID": "me",
        },
    )
    assert settings.data_path == Path("/srv/dragoman")
    assert [(c.name, c.host, c.system_id) for c in settings.carriers] == [("main", "smsc", "me")]


def walk(kind: type[Section]) -> Iterator[tuple[type[Section], FieldInfo]]:
    for field in fields(kind):
        yield kind, field
        section = section_of(field.type)
        for inner in (section,) if section is not None else entries_of(field.type):
            yield from walk(inner)


def test_phones_carry_texts_beside_smpp_and_have_a_route_of_their_own(tmp_path: Path) -> None:
    route = '[[routes]]\nname = "all"\ncarriers = ["android", "main"]\n'
    both = load(write(tmp_path, CARRIER + PHONES + route), {}).routes_for_router()
    assert [(one.name, one.carriers, one.named_only) for one in both] == [
        ("all", ("android", "main"), False),
        ("@android", ("android",), True),
    ]
    unwritten = PHONES + MM7 + 'report_secret = "s"\n'
    alone = load(write(tmp_path, unwritten), {}).routes_for_router()
    assert [(one.name, one.carriers, one.multimedia) for one in alone] == [
        ("default", ("android",), False),
        ("multimedia", ("pictures",), True),
        ("@android", ("android",), False),
    ]


def test_every_field_is_described() -> None:
    for kind, field in walk(Settings):
        assert description_of(kind, field).endswith("."), f"{kind.__name__}.{field.name}"


CREDENTIALS = [
    ('password = "12345678"', "password", None),
    ('password = "123456789"', "password", "9 characters where SMPP 3.4 has room for 8"),
    ('system_type = "123456789012"', "system_type", None),
    (
        'system_type = "1234567890123"',
        "system_type",
        "13 characters where SMPP 3.4 has room for 12",
    ),
]


# Such a file was refused, though operators hand out longer ones and take nothing else.
@pytest.mark.parametrize(("line", "key", "problem"), CREDENTIALS)
def test_credentials_longer_than_the_standard_are_kept_and_named(
    tmp_path: Path, line: str, key: str, problem: str | None
) -> None:
    settings = load(write(tmp_path, CARRIER + line), {})
    assert f'{key} = "{getattr(settings.carriers[0], key)}"' == line
    expected = [f"carriers.main.{key}: {problem}; sent as given"] if problem else []
    assert [str(oddity) for oddity in find_oddities(settings)] == expected


def test_system_id_longer_than_the_standard_is_kept_and_named(tmp_path: Path) -> None:
    text = CARRIER.replace('"dragoman"', '"dragoman-gateway"')
    (oddity,) = find_oddities(load(write(tmp_path, text), {}))
    assert oddity.key == "carriers.main.system_id"


def test_one_carrier_needs_no_route(tmp_path: Path) -> None:
    settings = load(write(tmp_path, CARRIER), {})
    assert settings.routes_for_router() == (Route(name="default", carriers=("main",)),)


def test_one_carrier_of_each_type_needs_no_route(tmp_path: Path) -> None:
    settings = load(write(tmp_path, CARRIER + MM7 + 'report_secret = "s"'), {})
    assert [type(carrier).__name__ for carrier in settings.carriers] == ["SmppTable", "Mm7Table"]
    assert settings.routes_for_router() == (
        Route(name="default", carriers=("main",)),
        Route(name="multimedia", carriers=("pictures",), multimedia=True),
    )


def test_a_route_over_an_mmsc_is_for_multimedia_messages(tmp_path: Path) -> None:
    text = MM7 + 'report_secret = "s"\n[[routes]]\nname = "r"\ncarriers = ["pictures"]'
    (route,) = load(write(tmp_path, text), {}).routes_for_router()
    assert route.multimedia


def test_routes_prices_and_numbers_become_domain_values(tmp_path: Path) -> None:
    text = f"""{CARRIER}{SPARE}
[[routes]]
name = "danish"
prefixes = ["45", "47"]
accounts = ["shop"]
carriers = ["spare", "main"]
[[prices]]
prefix = "45"
credits = 2
price = "0.0525"
[[numbers]]
number = "+4512345678"
account = "shop"
"""
    settings = load(write(tmp_path, text), {})
    assert settings.routes_for_router() == (
        Route(
            name="danish",
            prefixes=("45", "47"),
            accounts=("shop",),
            carriers=("spare", "main"),
        ),
    )
    assert settings.prices_for_price_list() == (Price(prefix="45", credits=2, price=525),)
    assert settings.owners_of_numbers() == {"4512345678": "shop"}


def test_networks_are_offered_parsed(tmp_path: Path) -> None:
    text = '[http]\ntrusted_proxies = ["::1"]\n[callbacks]\nallow_private = ["10.0.0.0/8"]\n'
    settings = load(write(tmp_path, text), {})
    assert settings.http.proxy_networks == (ip_network("::1/128"),)
    assert settings.callbacks.private_networks == (ip_network("10.0.0.0/8"),)


def test_an_enum_is_read_by_its_value(tmp_path: Path) -> None:
    settings = load(write(tmp_path, CARRIER + 'id_reading = "hex_to_dec"'), {})
    assert settings.carriers[0].id_reading is IdReading.HEX_TO_DEC


DATABASE_URLS = [
    ("sqlite:///a.db", "sqlite:////srv/data/a.db"),
    ("sqlite:////var/a.db", "sqlite:////var/a.db"),
    ("postgresql://u:p@h:5432/d", "postgresql://u:p@h:5432/d"),
    ("postgresql:///d", "postgresql:///d"),
]


@pytest.mark.parametrize(("url", "expected"), DATABASE_URLS)
def test_a_relative_sqlite_file_lies_in_the_data_folder(
    tmp_path: Path, url: str, expected: str
) -> None:
    text = f'data_dir = "/srv/data"\n[storage]\nurl = "{url}"\n'
    assert load(write(tmp_path, text), {}).database_url == expected


def test_secrets_do_not_show() -> None:
    settings = Settings.development(Path("/srv"), http="127.0.0.1:0", smsc="127.0.0.1:0")
    assert settings.carriers[0].password == "dragoman"
    assert "password='***'" in repr(settings)
    assert repr(Secret("hunter2")) == "'***'"


def test_a_wrong_secret_is_not_told(tmp_path: Path) -> None:
    text = CARRIER + 'password = "hunter2-hunter2"\n[storage]\nurl = "mysql://u:hunter2@h/d"\n'
    assert not [line for line in mistakes(tmp_path, text) if "hunter2" in line]


def test_development_listens_on_loopback_and_simulates_a_carrier(tmp_path: Path) -> None:
    settings = Settings.development(tmp_path, http="127.0.0.1:8080", smsc="[::1]:2775")
    (carrier,) = settings.carriers
    assert (carrier.name, carrier.host, carrier.port, carrier.window) == (
        "simulator", "::1", 2775, 50,
    )  # fmt: skip
    assert settings.routes_for_router()[0].carriers == ("simulator",)
    assert settings.database_url == f"sqlite:///{tmp_path}/dragoman.db"
    loopback = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
    assert list(settings.callbacks.private_networks) == loopback


@pytest.mark.parametrize("text", ["", ":80", "host", "host:", "host:65536", "host:-1", "host:８"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        parse_address(text)


def test_password_of_the_mail_relay_comes_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "relay.secret").write_text("hunter2\n")
    path = write(tmp_path, '[mailings]\npassword_file = "relay.secret"\n')
    settings = load(path, {})
    assert settings.mailings.password == "hunter2"
    assert "hunter2" not in repr(settings)
    empty = '[mailings]\npassword_file = "relay.secret"\npassword = ""\n'
    assert load(write(tmp_path, empty), {}).mailings.password == "hunter2"
    both = '[mailings]\npassword_file = "relay.secret"\npassword = "a"\n'
    assert mistakes(tmp_path, both) == [
        "mailings.password_file: set together with `password`; use only one of them"
    ]


def test_an_account_without_limits_of_its_own_has_those_of_the_configuration() -> None:
    account = Account(account_id=1, username="shop", wallet_id=1)
    widest = Limits(max_parts=255, max_recipients=1_000_000)
    assert min(widest.max_parts, account.max_parts) == widest.max_parts
    assert min(widest.max_recipients, account.max_recipients) == widest.max_recipients


def test_a_route_takes_the_characters_that_all_of_its_carriers_take(tmp_path: Path) -> None:
    tables = CARRIER + 'national = ["ur", "tr"]' + SPARE + 'national = ["tr"]'
    tables += CARRIER.replace("main", "plain") + CARRIER.replace("main", "west")
    tables += 'profile = "latin1"\n'
    for name, carriers in (("a", '"main", "spare"'), ("b", '"main", "plain"'), ("c", '"west"')):
        tables += f'[[routes]]\nname = "{name}"\ncarriers = [{carriers}]\n'
    routes = load(write(tmp_path, tables), {}).routes_for_router()
    assert [route.repertoire for route in routes] == [
        Repertoire(national=(Language.TURKISH,)),
        PLAIN,
        Repertoire(latin_1=True),
    ]
