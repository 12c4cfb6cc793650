"""kannel.conf in, our TOML and the notes out."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from dragoman.dialects import DIALECTS
from dragoman.importing import Plan, read_source
from dragoman.importing.kannel_reasons import GROUPS, VARIABLES
from dragoman.importing.writing import find_mistakes, render


def read(folder: Path, text: str, **more: str) -> Plan:
    (folder / "kannel.conf").write_text(text)
    for name, content in more.items():
        (folder / f"{name}.conf").write_text(content)
    return read_source("kannel", folder / "kannel.conf")


def tables(plan: Plan) -> dict[str, Any]:
    return tomllib.loads(render(plan))


def commands(plan: Plan) -> list[str]:
    lines = render(plan).splitlines()
    return [line[2:] for line in lines if line.startswith("# dragoman ")]


def notes(plan: Plan) -> list[str]:
    """Without the folder."""
    return [f"{Path(n.source.file).name}:{n.source.line} {n.subject}: {n.text}" for n in plan.notes]


SMSC = "group = smsc\nsmsc = smpp\nhost = a.example\nsmsc-username = u\nsmsc-password = p\n"
BASE = {"host": "a.example", "port": 2775, "system_id": "u", "password": "p"}
TX = {"bind": "transmitter", "links": 1}
CARRIERS: dict[str, tuple[str, dict[str, Any]]] = {
    "a transceiver": (
        "smsc-id = main\nport = 2776\ntransceiver-mode = true",
        {"name": "main", "port": 2776, "links": 1},
    ),
    "a transmitter and a receiver": (
        "smsc-id = main\nport = 2775\nreceive-port = 2775",
        {"name": "main", **TX, "receiver_links": 1},
    ),
    "a receiver": (
        "smsc-id = main\nreceive-port = 2779",
        {"name": "main", "port": 2779, "bind": "receiver", "links": 1},
    ),
    "several instances": (
        "smsc-id = main\nport = 2775\ntransceiver-mode = 1\ninstances = 4",
        {"name": "main", "links": 4},
    ),
    "no id": ("port = 2775", {"name": "a.example", **TX}),
    "a strange id": ("smsc-id = \"Tele (DK) 1\"\nport = 2775", {"name": "Tele-DK-1", **TX}),
    "numbers": (
        "smsc-id = m\nport = 2775\nmax-pending-submits = 20\nenquire-link-interval = 45\n"
        "wait-ack = 90\nthroughput = 12.5\nreconnect-delay = 120\nbind-addr-ton = 1\n"
        "bind-addr-npi = 0x01\ndest-addr-ton = 2\ndest-addr-npi = 1\naddress-range = ^1272$\n"
        "system-type = VMA\nuse-ssl = yes",
        {
            "name": "m", "system_type": "VMA", "address_range": "^1272$", "window": 20,
            "enquire_interval_s": 45, "response_timeout_s": 90, "reconnect_min_s": 120,
            "addr_ton": 1, "addr_npi": 1, "dest_ton": 2, "dest_npi": 1, "rate_per_s": 12.5,
            "reconnect_max_s": 120, "tls": True, **TX,
        },
    ),
    "senders that are not told apart": (
        "smsc-id = m\nport = 2775\nsource-addr-autodetect = no\nsource-addr-ton = 5\n"
        "source-addr-npi = 0",
        {"name": "m", "source_ton": 5, "source_npi": 0, **TX},
    ),
    "ids in receipts": (
        "smsc-id = m\nport = 2775\nmsg-id-type = 0x01\nalt-charset = latin1",
        {"name": "m", "id_reading": "hex_to_dec", "profile": "latin1", **TX},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "carrier"), CARRIERS.values(), ids=CARRIERS)
def test_a_carrier(tmp_path: Path, lines: str, carrier: dict[str, Any]) -> None:
    plan = read(tmp_path, SMSC + lines + "\n")
    assert tables(plan)["carriers"] == [BASE | carrier]
    assert find_mistakes(plan, tmp_path, dialects=DIALECTS) == []


def test_groups_of_one_account_are_links_of_one_carrier(tmp_path: Path) -> None:
    group = SMSC + "smsc-id = main\n"
    plan = read(
        tmp_path,
        f"{group}port = 2775\nthroughput = 5\n\n{group}port = 2775\nthroughput = 5\n\n"
        f"{group}receive-port = 2775\n",
    )
    [carrier] = tables(plan)["carriers"]
    expected = {"name": "main", "bind": "transmitter", "links": 2, "receiver_links": 1}
    assert carrier == BASE | expected | {"rate_per_s": 10}


PROTOCOLS = [
    "fake",
    "at",
    "http",
    "emi",
    "emi2",
    "cimd2",
    "ois",
    "oisd",
    "sema",
    "smasi",
    "cgw",
    "x",
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_that_is_not_spoken(tmp_path: Path, protocol: str) -> None:
    group = f"group = smsc\nsmsc = {protocol}\nsmsc-id = x\nhost = h\nsmsc-password = hush\n"
    plan = read(tmp_path, group)
    assert plan.carriers == []
    [note] = [one for one in plan.notes if one.subject == f"smsc {protocol}"]
    assert note.text.startswith("left out: ")
    assert "hush" not in str(plan.notes)


def smsc(name: str, lines: str = "") -> str:
    return (
        f"group = smsc\nsmsc = smpp\nsmsc-id = {name}\nhost = {name}.example\nport = 2775\n"
        f"transceiver-mode = 1\nsmsc-username = u\nsmsc-password = p\n{lines}\n"
    )


USER = "group = sendsms-user\nusername = {0}\npassword = x\n{1}\n\n"
A, B = smsc("a") + "\n", smsc("b") + "\n"
ROUTES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "one carrier needs none": (A, []),
    "two carriers": (A + B, [{"name": "all", "carriers": ["a", "b"], "choose": "weights"}]),
    "a prefix": (
        smsc("dk", "allowed-prefix = +45;0046\n") + "\n" + B,
        [
            {"name": "to-45", "prefixes": ["45"], "carriers": ["dk", "b"], "choose": "weights"},
            {"name": "to-46", "prefixes": ["46"], "carriers": ["dk", "b"], "choose": "weights"},
            {"name": "all", "carriers": ["b"]},
        ],
    ),
    "a preference": (
        A + smsc("b", "preferred-prefix = 45\n"),
        [
            {"name": "to-45", "prefixes": ["45"], "carriers": ["b", "a"]},
            {"name": "all", "carriers": ["a", "b"], "choose": "weights"},
        ],
    ),
    "a denied prefix": (
        smsc("a", "denied-prefix = 45\n") + "\n" + B,
        [
            {"name": "to-45", "prefixes": ["45"], "carriers": ["b"]},
            {"name": "all", "carriers": ["a", "b"], "choose": "weights"},
        ],
    ),
    "a user's carrier": (
        A + B + USER.format("x", "forced-smsc = b"),
        [
            {"name": "of-x", "accounts": ["x"], "carriers": ["b"]},
            {"name": "all", "carriers": ["a", "b"], "choose": "weights"},
        ],
    ),
    "a user's first carrier": (
        A + B + USER.format("x", "default-smsc = b"),
        [
            {"name": "of-x", "accounts": ["x"], "carriers": ["b", "a"]},
            {"name": "all", "carriers": ["a", "b"], "choose": "weights"},
        ],
    ),
}


@pytest.mark.parametrize(("text", "routes"), ROUTES.values(), ids=ROUTES)
def test_routes(tmp_path: Path, text: str, routes: list[dict[str, Any]]) -> None:
    plan = read(tmp_path, text)
    assert tables(plan).get("routes", []) == routes
    assert find_mistakes(plan, tmp_path, dialects=DIALECTS) == []


USERS = {
    "a password": ("", "--password x > /dev/null"),
    "addresses": (
        'user-deny-ip = "*.*.*.*"\nuser-allow-ip = "127.0.0.1;10.2.*.*"',
        "--password x --allowed-ips 127.0.0.1,10.2.0.0/16 > /dev/null",
    ),
    "a sender": ("default-sender = Shop", "--password x --sender Shop > /dev/null"),
    "a fixed sender": (
        "faked-sender = Shop",
        "--password x --sender Shop --may-not any_sender > /dev/null\nsender approve u Shop",
    ),
    "prefixes": ('allowed-prefix = "+45;0046;070"', "--password x --prefixes 45,46 > /dev/null"),
    "reports": (
        'dlr-url = "https://a.example/?d=%d&p=%p"',
        "--password x > /dev/null\n"
        "webhook set u delivery 'https://a.example/?d=%d&p=%p' --dialect kannel",
    ),
}


@pytest.mark.parametrize(("lines", "expected"), USERS.values(), ids=USERS)
def test_an_account(tmp_path: Path, lines: str, expected: str) -> None:
    plan = read(tmp_path, USER.format("u", lines))
    first, *others = expected.splitlines()
    assert commands(plan) == [
        f"dragoman account create u {first}",
        *(f"dragoman {o}" for o in others),
    ]


def test_names_and_passwords_stay_words_of_the_shell(tmp_path: Path) -> None:
    text = 'group = sendsms-user\nusername = "a b; rm"\npassword = "$(x)\'\\""\n'
    assert commands(read(tmp_path, text)) == [
        "dragoman account create 'a b; rm' --password '$(x)'\"'\"'\"' > /dev/null"
    ]


SERVICE = "group = sms-service\nkeyword = {0}\n"
SERVICES: dict[str, tuple[str, dict[str, Any]]] = {
    "a URL": (
        SERVICE.format("news") + "get-url = \"https://a.example/?t=%r\"\n",
        {"name": "news", "keywords": ["news"], "get_url": "https://a.example/?t=%r"},
    ),
    "the default": (
        SERVICE.format("default") + "text = \"No service specified\"\n",
        {"name": "default", "text": "No service specified"},
    ),
    "aliases and switches": (
        SERVICE.format("a")
        + "name = one\naliases = \"b;c d\"\npost-url = http://127.0.0.1:9000/\ncatch-all = 1\n"
        "strip-keyword = true\nsend-sender = yes\naccept-x-kannel-headers = on\n"
        "omit-empty = true\nmax-messages = 0\nfaked-sender = 1919\n",
        {
            "name": "one", "keywords": ["a", "b", "c d"], "post_url": "http://127.0.0.1:9000/",
            "catch_all": True, "accept_x_kannel_headers": True, "strip_keyword": True,
            "send_sender": True, "omit_empty": True, "max_messages": 0, "sender": "1919",
        },
    ),
    "a document": (
        SERVICE.format("a") + "post-xml = https://a.example/\n",
        {"name": "a", "keywords": ["a"], "post_xml": "https://a.example/"},
    ),
    "first digits": (
        SERVICE.format("a") + "text = x\nallowed-receiver-prefix = \"1272;+4512345678\"\n"
        "denied-receiver-prefix = 127299\nallowed-prefix = \"+45;0046\"\ndenied-prefix = 4590\n",
        {
            "name": "a", "keywords": ["a"], "text": "x", "number_prefixes": ["1272", "4512345678"],
            "denied_number_prefixes": ["127299"], "sender_prefixes": ["45", "46"],
            "denied_sender_prefixes": ["4590"],
        },
    ),
    "an expression": (
        "group = sms-service\nkeyword-regex = \"^ *(news|info)[[:digit:]]*\"\nname = n\ntext = x\n",
        {"name": "n", "keyword_regex": "^ *(news|info)[[:digit:]]*", "text": "x"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "service"), SERVICES.values(), ids=SERVICES)
def test_a_service(tmp_path: Path, text: str, service: dict[str, Any]) -> None:
    plan = read(tmp_path, text)
    [found] = tables(plan)["dialects"]["kannel"]["services"]
    service = {"omit_empty": False, **service, "account": "kannel"}
    assert found == {k: v for k, v in service.items() if (k, v) != ("omit_empty", True)}
    assert find_mistakes(plan, tmp_path, dialects=DIALECTS) == []


LEFT_OUT = {
    "a program": "exec = /bin/x\n",
    "a URL with a password": "get-url = http://u:hush@a.example/\n",
    "a file of another kind": "get-url = file:///etc/passwd\n",
    "nothing": "omit-empty = 1\n",
}


@pytest.mark.parametrize("lines", LEFT_OUT.values(), ids=LEFT_OUT)
def test_a_service_that_is_left_out(tmp_path: Path, lines: str) -> None:
    plan = read(tmp_path, SERVICE.format("a") + lines)
    assert plan.services == []
    assert any("left out" in note.text for note in plan.notes)
    assert "hush" not in str(plan.notes)


def test_an_expression_that_is_none(tmp_path: Path) -> None:
    plan = read(tmp_path, 'group = sms-service\nkeyword-regex = "(news"\ntext = x\n')
    assert plan.services == []
    assert any("not a regular expression" in note.text for note in plan.notes)


PRIVATE = {
    "http://localhost:9000/": ["127.0.0.0/8", "::1/128"],
    "http://10.1.2.3/x": ["10.1.2.3/32"],
    "http://[::1]:8000/": ["::1/128"],
    "http://192.0.2.7/": ["192.0.2.7/32"],
    "https://8.8.8.8/": None,
    "https://apps.example.com/": None,
}


@pytest.mark.parametrize("url", PRIVATE)
def test_urls_in_the_own_network_may_be_called(tmp_path: Path, url: str) -> None:
    plan = read(tmp_path, SERVICE.format("a") + f"get-url = {url}\n")
    allowed = tables(plan).get("callbacks", {}).get("allow_private")
    assert allowed == PRIVATE[url]


def test_the_whole_and_what_is_said_of_it(tmp_path: Path) -> None:
    plan = read(
        tmp_path,
        "group = core\nadmin-port = 13000\nstatus-password = hush\nadmin-allow-ip = 10.*.*.*\n"
        "log-file = x\n\ninclude = more.conf\n\ngroup = smsbox\nsendsms-port = 13014\n"
        "global-sender = 1272\nwat = 1\nno equals sign\n\nx = 1\n\n" + USER.format("u", ""),
        more=smsc("a") + "group-less = 1",
    )
    assert tables(plan) == {
        "dialects": {
            "enabled": ["kannel"],
            "kannel": {"status_password": "hush", "status_addresses": ["10.0.0.0/8"]},
        },
        "http": {"listen": "127.0.0.1:13014"},
        "carriers": [
            BASE | {"name": "a", "host": "a.example", "links": 1},
        ],
    }
    assert notes(plan) == [
        "kannel.conf:2 admin-port: the status page is on the one HTTP port; other commands of that"
        " port are `dragoman`'s",
        "kannel.conf:5 log-file: the log goes to standard error, where systemd or Docker takes it",
        "kannel.conf:10 sendsms-port: Kannel listens on all addresses; here http.listen is loopback"
        " until you change it",
        "kannel.conf:12 wat: has no counterpart",
        "kannel.conf:13 : there is no `=` in this line",
        "kannel.conf:15 : these lines name no group; an empty line ends one",
        "more.conf:10 : these lines name no group; an empty line ends one",
    ]


def test_lines_go_on_and_quotes_are_read(tmp_path: Path) -> None:
    plan = read(
        tmp_path,
        'group = sendsms-user\n# a comment\nusername = ab\\\ncd\npassword = "a\\"b\\\\c\\d"\n',
    )
    [account] = plan.accounts
    assert (account.username, str(account.password)) == ("abcd", 'a"b\\c\\d')


def test_includes_end(tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "b.conf").write_text(USER.format("b", ""))
    (folder / "a.conf").write_text(USER.format("a", "") + "include = ../kannel.conf\n")
    plan = read(tmp_path, "include = conf.d\ninclude = nowhere.conf\n")
    assert [account.username for account in plan.accounts] == ["a", "b"]
    texts = [note.text for note in plan.notes]
    assert texts == ["the file includes itself", "no such file"] or set(texts) == {
        "the file includes itself",
        "no such file",
    }


@pytest.mark.parametrize("group", [*GROUPS, "opus"])
def test_groups_that_are_not_carried_over_are_named(tmp_path: Path, group: str) -> None:
    plan = read(tmp_path, f"group = {group}\npassword = hush\n\n" + USER.format("u", ""))
    [note] = [note for note in plan.notes if note.subject == f"group {group}"]
    assert (note.source.line, "hush" in note.text) == (1, False)


@pytest.mark.parametrize(
    ("group", "variable"), [(group, name) for group, names in VARIABLES.items() for name in names]
)
def test_variables_that_are_not_carried_over_are_named(
    tmp_path: Path, group: str, variable: str
) -> None:
    heads = {
        "core": "group = core\n",
        "smsbox": "group = smsbox\n",
        "smsc": SMSC + "port = 2775\n",
        "sendsms-user": "group = sendsms-user\nusername = u\npassword = p\n",
        "sms-service": "group = sms-service\nkeyword = k\ntext = x\n",
    }
    plan = read(tmp_path, f"{heads[group]}{variable} = hush\n")
    line = heads[group].count("\n") + 1
    found = [note for note in plan.notes if note.source.line == line]
    if (group, variable) != ("sms-service", "aliases"):
        assert [note.subject for note in found] == [variable]
    assert "hush" not in str(plan.notes)


@pytest.mark.parametrize("number", ["1e999", "nan", "-1", "0x", "99999999999999999999", "x"])
def test_numbers_that_are_none(tmp_path: Path, number: str) -> None:
    lines = "\n".join(
        f"{name} = {number}"
        for name in ("port", "instances", "throughput", "msg-id-type", "max-pending-submits")
    )
    service = SERVICE.format("a") + f"text = x\nmax-messages = {number}\n"
    plan = read(tmp_path, f"{SMSC}{lines}\n\n{service}\ngroup = smsbox\nsendsms-port = {number}\n")
    render(plan)
    find_mistakes(plan, tmp_path, dialects=DIALECTS)
