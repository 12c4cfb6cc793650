"""What jcli prints in, our TOML, commands and notes out."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from dragoman.dialects import DIALECTS
from dragoman.importing import Plan, read_source
from dragoman.importing.jasmin import prefixes_of
from dragoman.importing.writing import find_mistakes, render

MTN = """\
jcli : smppccm -s MTN
ripf 0
port 2776
password hush
src_addr None
res_to 90
username mtn
host smpp.mtn.example
cid MTN
submit_throughput 50
dlr_msgid 2
bind transceiver
systype VMA
src_ton 5
ssl yes
"""
DEMO = "jcli : smppccm -s Demo\ncid Demo\nhost demo.example\nusername demo\npassword p\n"
CONNECTORS = MTN + DEMO
FOO = "jcli : user -s foo\nusername foo\nuid foo\ngid marketing\n"
BAR = "jcli : user -s bar\nusername barry\nuid bar\ngid marketing\n"
MT = "#Order Type Rate Connector ID(s) Filter(s)\n"
MO = "#Order Type Connector ID(s) Filter(s)\n"
HTTP = """\
#Httpcc id        Type                   Method URL
#H1               HttpConnector          GET    https://a.example/mo
#H2               HttpConnector          POST   http://10.0.0.8/mo
"""


def read(folder: Path, text: str) -> Plan:
    (folder / "jcli.txt").write_text(text)
    return read_source("jasmin", folder / "jcli.txt")


def tables(plan: Plan) -> dict[str, Any]:
    return tomllib.loads(render(plan))


def commands(plan: Plan) -> list[str]:
    lines = render(plan).splitlines()
    return [line[2:] for line in lines if line.startswith("# dragoman ")]


def subjects(plan: Plan) -> set[str]:
    return {note.subject for note in plan.notes}


def test_a_connector(tmp_path: Path) -> None:
    plan = read(tmp_path, MTN)
    assert tables(plan)["carriers"] == [
        {
            "name": "MTN", "host": "smpp.mtn.example", "port": 2776, "system_id": "mtn",
            "password": "hush", "system_type": "VMA", "response_timeout_s": 90, "source_ton": 5,
            "rate_per_s": 50, "tls": True, "id_reading": "dec_to_hex",
        }
    ]  # fmt: skip
    assert find_mistakes(plan, tmp_path, dialects=DIALECTS) == []
    assert "hush" not in str(plan.notes)


def test_answers_are_read_without_the_commands(tmp_path: Path) -> None:
    whole = read(tmp_path, CONNECTORS + FOO)
    lines = (CONNECTORS + FOO).splitlines()
    bare = [line for line in lines if not line.startswith("jcli :")]
    starts = {"ripf 0", "cid Demo", "username foo"}
    joined = "\n".join(f"jcli : {line}" if line in starts else line for line in bare)
    assert render(read(tmp_path, joined)) == render(whole)


def test_terminals_leave_traces(tmp_path: Path) -> None:
    text = "\x1b[4h" + MTN.replace("\n", "\r\n") + "\x1b[0m"
    assert render(read(tmp_path, text)) == render(read(tmp_path, MTN))


USERS: dict[str, tuple[str, list[str]]] = {
    "no more than a name": ("", ["account create foo"]),
    "a default sender": (
        "mt_messaging_cred defaultvalue src_addr Shop", ["account create foo --sender Shop"],
    ),
    "a fixed sender": (
        "mt_messaging_cred valuefilter src_addr ^JASMIN$",
        ["account create foo --sender JASMIN --may-not any_sender", "sender approve foo JASMIN"],
    ),
    "prefixes": (
        r"mt_messaging_cred valuefilter dst_addr ^(45|46)\d+",
        ["account create foo --prefixes 45,46"],
    ),
    "a count": ("mt_messaging_cred quota sms_count 100", ["account create foo --credits 100"]),
    "money without a rate": (
        "mt_messaging_cred quota balance 44.2", ["account create foo --credits 0"],
    ),
    "no right to send": (
        "mt_messaging_cred authorization http_send False\n"
        "mt_messaging_cred authorization smpps_send False",
        ["account create foo --may-not send"],
    ),
    "binds": (
        "smpps_cred quota max_bindings 2\nmt_messaging_cred quota smpps_throughput 2.5",
        ["account create foo", "account smpp foo --system-id foo --max-binds 2 --rate 2.5"],
    ),
    "no binds": (
        "smpps_cred quota max_bindings 2\nsmpps_cred authorization bind False",
        ["account create foo"],
    ),
    "addresses": (
        "smpps_cred authorization ip 10.0.0.0/8,192.168.1.5",
        ["account create foo --allowed-ips 10.0.0.0/8,192.168.1.5"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), USERS.values(), ids=USERS)
def test_a_user(tmp_path: Path, lines: str, expected: list[str]) -> None:
    plan = read(tmp_path, FOO + lines + "\n")
    assert commands(plan) == [f"dragoman {one}" for one in expected]


def test_money_becomes_parts_at_the_one_rate(tmp_path: Path) -> None:
    text = CONNECTORS + FOO + "mt_messaging_cred quota balance 44.2\njcli : mtrouter -l\n" + MT
    plan = read(tmp_path, text + "#0     DefaultRoute            0.05    smppc(MTN)\n")
    assert commands(plan) == ["dragoman account create foo --credits 884"]
    assert tables(plan)["prices"] == [{"prefix": "", "credits": 1, "price": "0.0500"}]


def test_lists_say_who_is_disabled_and_what_is_missing(tmp_path: Path) -> None:
    text = (
        "#Connector id  Service Session          Starts Stops\n#MTN started BOUND_TRX 1 0\n"
        "#Ghost stopped None 0 0\nTotal connectors: 2\n"
        "#User id Group id Username Balance MT SMS Throughput\n#!bar marketing barry ND 100 ND/ND\n"
        "#baz marketing baz ND ND ND/ND\nTotal Users: 2\n"
    )
    plan = read(tmp_path, MTN + BAR + text)
    assert commands(plan) == [
        "dragoman account create barry",
        "dragoman account disable barry",
        # Nothing is known of its credits.
        "dragoman account create baz --credits 0",
    ]
    texts = [note.text for note in plan.notes]
    assert "only in the list: add what `smppccm -s Ghost` prints" in texts
    assert "only in the list: add what `user -s baz` prints" in texts


ROUTES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "the default": (
        "#0     DefaultRoute            0 (!)   smppc(MTN)",
        [{"name": "order-0", "carriers": ["MTN"]}],
    ),
    "a prefix": (
        r"#10 StaticMTRoute 0 (!) smppc(Demo) <DA (dst_addr=^45\d+)>",
        [{"name": "order-10", "prefixes": ["45"], "carriers": ["Demo"], "priority": 10}],
    ),
    "a user": (
        "#20 FailoverMTRoute 0 (!) smppc(Demo), smppc(MTN) <U (uid=bar)>, <T>",
        [{"name": "order-20", "accounts": ["barry"], "carriers": ["Demo", "MTN"], "priority": 20}],
    ),
    "a group and a prefix": (
        "#20 RandomRoundrobinMTRoute 0 (!) smppc(Demo), smppc(MTN)"
        " <G (gid=marketing)>, <DA (dst_addr=^(45|46))>",
        [
            {
                "name": "order-20", "prefixes": ["45", "46"], "accounts": ["foo", "barry"],
                "carriers": ["Demo", "MTN"], "priority": 20, "choose": "weights",
            }
        ],
    ),
    "long names of filters": (
        "#10 StaticMTRoute 0 (!) smppc(Demo) <UserFilter (uid=foo)>",
        [{"name": "order-10", "accounts": ["foo"], "carriers": ["Demo"], "priority": 10}],
    ),
    "a tag": (
        "#10 StaticMTRoute 0 (!) smppc(Demo) <TG (tag=21401)>",
        [{"name": "order-10", "tags": ["21401"], "carriers": ["Demo"], "priority": 10}],
    ),
    "a sender": (
        "#10 StaticMTRoute 0 (!) smppc(Demo) <SA (src_addr=^Shop$)>",
        [{"name": "order-10", "senders": ["Shop"], "carriers": ["Demo"], "priority": 10}],
    ),
    "a time": (
        "#10 StaticMTRoute 0 (!) smppc(Demo) <TI (08:00:00,18:00:00)>",
        [{"name": "order-10", "hours": ["08:00-18:00"], "carriers": ["Demo"], "priority": 10}],
    ),
    "the text": ("#15 StaticMTRoute 0 (!) smppc(Demo) <SM (msg=^hello.*$)>", []),
    "a program": ("#15 StaticMTRoute 0 (!) smppc(Demo) <Ev (pyCode=if x ..)>", []),
    "two of one kind": (
        "#15 StaticMTRoute 0 (!) smppc(Demo) <DA (dst_addr=^45)>, <DA (dst_addr=^46)>", [],
    ),
    "a user who is gone": ("#15 StaticMTRoute 0 (!) smppc(Demo) <U (uid=gone)>", []),
    "a connector that is gone": ("#15 StaticMTRoute 0 (!) smppc(Gone) <U (uid=foo)>", []),
    "the first of an order": (
        "#0 DefaultRoute 0 (!) smppc(MTN)\n"
        "#30 StaticMTRoute 0 (!) smppc(Demo) <U (uid=foo)>",
        [
            {"name": "order-30", "accounts": ["foo"], "carriers": ["Demo"], "priority": 30},
            {"name": "order-0", "carriers": ["MTN"]},
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "routes"), ROUTES.values(), ids=ROUTES)
def test_routes(tmp_path: Path, rows: str, routes: list[dict[str, Any]]) -> None:
    text = f"{CONNECTORS}{FOO}{BAR}jcli : mtrouter -l\n{MT}{rows}\nTotal MT Routes: 1\n"
    plan = read(tmp_path, text)
    assert tables(plan).get("routes", []) == routes
    if not routes:
        assert any(subject.startswith("mtrouter 15") for subject in subjects(plan))
    else:
        assert find_mistakes(plan, tmp_path, dialects=DIALECTS) == []


PATTERNS: dict[str, tuple[str, ...] | None] = {
    "^45": ("45",),
    "^45.*": ("45",),
    r"^45\d+": ("45",),
    r"^45\d+$": ("45",),
    "^(45|46)": ("45", "46"),
    r"^\+45": ("45",),
    "^45[0-9]+": ("45",),
    "45": None,
    "^45$": None,
    "^4[56]": None,
    ".*": None,
    "^(45": None,
    "^45|": None,
    "": None,
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_first_digits_in_an_expression(pattern: str) -> None:
    assert prefixes_of(pattern) == PATTERNS[pattern]


def test_texts_go_to_urls(tmp_path: Path) -> None:
    rows = (
        "#20 StaticMORoute http(H2) <DA (dst_addr=^1272$)>\n"
        "#15 StaticMORoute smpps(foo) <DA (dst_addr=^1919$)>\n"
        "#10 StaticMORoute http(H1) <SM (msg=^hello.*$)>\n"
        "#5 StaticMORoute http(gone) <T>\n"
        "#0 DefaultRoute http(H1)\n"
    )
    plan = read(tmp_path, MTN + FOO + "jcli : morouter -l\n" + MO + rows + "\n" + HTTP)
    assert commands(plan) == [
        "dragoman account create foo",
        "dragoman webhook set foo incoming https://a.example/mo --dialect jasmin",
        "dragoman keyword reserve foo 1272 '*' --url http://10.0.0.8/mo --dialect jasmin",
        "dragoman account smpp foo --system-id foo",
    ]
    assert tables(plan)["numbers"] == [
        {"number": "1272", "account": "foo"},
        {"number": "1919", "account": "foo"},
    ]
    assert tables(plan)["smpp_server"] == {"listen": "127.0.0.1:2775"}
    assert tables(plan)["callbacks"] == {"allow_private": ["10.0.0.8/32"]}
    assert {"morouter 10", "morouter 5", "httpccm"} <= subjects(plan)
    assert find_mistakes(plan, tmp_path, dialects=DIALECTS) == []


def test_the_method_of_all_urls(tmp_path: Path) -> None:
    text = CONNECTORS + FOO + MO + "#0 DefaultRoute http(H1)\n\n" + HTTP
    assert tables(read(tmp_path, text))["dialects"]["jasmin"] == {"text_method": "GET"}


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "connectors.txt").write_text(CONNECTORS)
    (tmp_path / "users.txt").write_text(FOO)
    (tmp_path / "jasmin.cfg").write_text("[http-api]\nbind = 0.0.0.0\nport = 1402\n")
    (tmp_path / "jcli-prod.router-users").write_bytes(b"\x80\x02]q\x01.")
    plan = read_source("jasmin", tmp_path)
    assert [carrier["name"] for carrier in plan.carriers] == ["MTN", "Demo"]
    assert tables(plan)["http"] == {"listen": "127.0.0.1:1402"}
    assert any("pickle" in note.text for note in plan.notes)


@pytest.mark.parametrize("octets", [b"", b"\x00\xff" * 50, b"hello\nworld\n", b"#\n#Order\n#x"])
def test_what_is_nothing_of_jasmin(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "jcli.txt").write_bytes(octets)
    plan = read_source("jasmin", tmp_path / "jcli.txt")
    assert (plan.carriers, plan.accounts) == ([], [])
    assert "nothing that jcli prints was found" in {note.text for note in plan.notes}


@pytest.mark.parametrize("number", ["inf", "nan", "-1", "x", "99999999999999999999"])
def test_numbers_that_are_none(tmp_path: Path, number: str) -> None:
    text = (
        f"{DEMO}port {number}\nsubmit_throughput {number}\n{FOO}"
        f"mt_messaging_cred quota sms_count {number}\nmt_messaging_cred quota balance {number}\n"
        f"{MT}#{number} DefaultRoute {number} smppc(Demo)\n#0 DefaultRoute 0.5 smppc(Demo)\n"
    )
    plan = read(tmp_path, text)
    render(plan)
    find_mistakes(plan, tmp_path, dialects=DIALECTS)
    assert plan.accounts[0].credits is not None
