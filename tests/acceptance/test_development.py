"""`dragoman dev` as a developer has it: a real process, the command line and the calls of /dev."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.passing_time import PATIENCE_S

from .command_line import run

DRAGOMAN = str(Path(sys.executable).parent / "dragoman")
PHONE = "4512345678"


class Development:
    """A running `dragoman dev`."""

    def __init__(self, folder: Path, file: dict[str, Any]) -> None:
        self.folder = folder
        self.host = file["base_url"].removeprefix("http://")
        self.key = file["accounts"][0]["api_key"]

    def call(
        self, method: str, path: str, body: Any = None, /, headers: Any = None, **query: Any
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.host, timeout=PATIENCE_S)
        target = f"{path}?{urlencode(query)}" if query else path
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, target, body=data, headers=headers or {})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text.decode()

    def get(self, path: str, **query: Any) -> Any:
        status, answer = self.call("GET", path, **query)
        assert status == 200, answer
        return answer

    def post(self, path: str, body: Any) -> Any:
        status, answer = self.call("POST", path, body)
        assert status in (200, 201), answer
        return answer

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(self.folder, *arguments, "--data", str(self.folder))

    def answer(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.returncode == 0, result.stderr + result.stdout
        return json.loads(result.stdout)

    def send(self, text: str, to: str = PHONE) -> int:
        """Sends from the command line; the batch."""
        return int(self.answer("send", to, text)["batch_id"])

    def story(self, batch: int, state: str) -> Any:
        """The story of a message once it is in a state."""
        found: list[Any] = []

        def reached() -> bool:
            found[:] = [self.answer("message", "show", str(batch))]
            return bool(found[0]["state"] == state)

        wait_until(reached)
        return found[0]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Development]:
    folder = tmp_path_factory.mktemp("dev") / "data"
    command = [
        "dev",
        "--http",
        "127.0.0.1:0",
        "--smsc",
        "127.0.0.1:0",
        "--smpp",
        "127.0.0.1:0",
        "--data",
        str(folder),
    ]
    process = subprocess.Popen(
        [DRAGOMAN, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        file = folder / "dev.json"
        wait_until(lambda: file.exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        yield Development(folder, json.loads(file.read_bytes()))
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, errors


@pytest.fixture(autouse=True)
def well_again(dev: Development) -> Iterator[None]:
    yield
    dev.post("/dev/faults", {"reset": True})
    assert dev.call("DELETE", "/dev/messages")[0] == 200


LINK_EXAMPLES: dict[str, tuple[str, str, Any, int, str]] = {
    "a charged message": (
        "POST",
        "message.json",
        {
            "message": {
                "recipients": "+4512345678",
                "sender": "1272",
                "message": "Hello world",
                "price": 1000,
                "contenttype": 9,
                "invoicetext": "",
            }
        },
        201,
        '"state":"QUEUED"',
    ),
    "content types": ("GET", "premium/contenttypes.json", None, 200, '"shortcodes":["+451272"]'),
    "a keyword": (
        "POST",
        "keywords.json",
        {"number": "1272", "keyword": "papirhat"},
        201,
        '"keyword":"PAPIRHAT"',
    ),
    "a user": (
        "POST",
        "user.json",
        {"user": {"username": "test", "password": "test", "credits": 0}},
        201,
        '"aclBilling":true',
    ),
    "an expanded batch": ("GET", "message/expand/1.json", None, 404, "Batch id [1] not found"),
    "rows for the statistics": ("POST", "stats/inbox.json", {"stats": []}, 400, "Stats cannot"),
}
"""What LINK's manual shows and a gateway without a short code, rights and the key refuses."""


@pytest.mark.parametrize("case", LINK_EXAMPLES)
def test_the_examples_of_links_manual_work(dev: Development, case: str) -> None:
    method, target, body, status, part = LINK_EXAMPLES[case]
    query = {"apikey": dev.key, "advanced": "advanced"}
    answer = dev.call(method, f"/v2/{target}?{urlencode(query)}", body)
    text = json.dumps(answer[1], separators=(",", ":"))
    assert (answer[0], part in text) == (status, True), text
    if case == "a user":  # others of these tests count on the only account there is
        found = dev.call("GET", f"/v2/users.json?{urlencode(query)}", None)[1]
        [user] = [one for one in found["users"] if one["username"] == "test"]
        gone = dev.call("DELETE", f"/v2/user/{user['id']}.json?{urlencode(query)}", None)
        assert gone[0] < 300, gone


def test_the_host_of_the_older_manual_has_its_edition(dev: Development) -> None:
    answers = [
        dev.call("GET", f"/v2/contacts/1.json?apikey={dev.key}", None, {"Host": host})[1]
        for host in ("api.linkmobility.dk", "api.zumosms.com")
    ]
    assert [list(answer) for answer in answers] == [
        ["contacts", "paging", "stats", "status"],
        ["contacts", "paging", "status"],
    ]


def test_a_test_suite_waits_for_its_code(dev: Development) -> None:
    assert dev.get("/dev/messages", to=PHONE, wait="10ms") == {
        "code": None,
        "messages": [],
        "after": 0,
    }
    dev.send("Your code is 123 456. Do not share it.")
    answer = dev.get("/dev/messages", to=f"+{PHONE}", wait="20s")
    assert answer["code"] == "123456"
    (text,) = answer["messages"]
    assert text["text"] == "Your code is 123 456. Do not share it."
    assert (text["other"], text["alphabet"], text["parts"]) == ("Dragoman", "gsm7", 1)
    assert dev.get("/dev/messages", to=PHONE, after=answer["after"])["messages"] == []
    assert dev.get("/dev/messages", to="4599999999")["messages"] == []


def test_a_waiting_call_hears_of_a_text_that_comes_later(dev: Development) -> None:
    answers: list[Any] = []
    waiting = threading.Thread(
        target=lambda: answers.append(dev.get("/dev/messages", to=PHONE, wait="30s"))
    )
    waiting.start()
    dev.send("блин 4711 kode")
    waiting.join(60)
    assert [text["alphabet"] for text in answers[0]["messages"]] == ["ucs2"]
    assert answers[0]["code"] == "4711"


def test_stop_opts_out_and_the_story_says_so(dev: Development) -> None:
    stopper = "4512340000"
    dev.send("Welcome", stopper)
    dev.get("/dev/messages", to=stopper, wait="20s")
    sent = dev.post(f"/dev/phones/{stopper}/texts", {"text": "STOP"})
    assert (sent["other"], sent["incoming"]) == ("1204", False)
    story = dev.story(dev.send("Are you there?", stopper), "rejected")
    assert story["failure"]["code"] == "opted_out"
    assert story["failure"]["remedy"].startswith("Do not resend")
    assert story["route"]["reason"] != "none"
    texts = dev.get(f"/dev/phones/{stopper}")["texts"]
    assert [text["text"] for text in texts] == ["Welcome", "STOP"]
    shown = dev.get("/dev/phones")["phones"][0]
    assert (shown["number"], shown["texts"], shown["last"]["text"]) == (stopper, 2, "STOP")


FATES: dict[str, tuple[dict[str, Any], str, str]] = {
    "failed": ({"fate": "failed", "code": 6}, "undelivered", "absent_subscriber"),
    "refused": ({"fate": "refused", "code": 11}, "rejected", "invalid_destination"),
    "delivered": ({"fate": "delivered"}, "delivered", ""),
    "doubled": ({"fate": "doubled"}, "delivered", ""),
    "never": ({"fate": "never"}, "sent", ""),
    "late": ({"fate": "late", "delay_s": 600}, "sent", ""),
}


@pytest.mark.parametrize("case", FATES)
def test_the_fate_of_the_next_message_is_chosen(dev: Development, case: str) -> None:
    choice, state, failure = FATES[case]
    phone = f"45200000{sorted(FATES).index(case):02}"
    dev.post(f"/dev/phones/{phone}/next", choice)
    long = "A text in two parts, which share their fate. " * 5
    story = dev.story(dev.send(long, phone), state)
    assert (story["failure"] or {"code": ""})["code"] == failure
    assert story["request"]["parts"] == 2
    if failure == "":
        assert dev.story(dev.send("The next one", phone), "delivered")["receipts"][0]["raw"]


def test_a_refused_message_is_shown_in_plain_words(dev: Development) -> None:
    dev.post(f"/dev/phones/{PHONE}/next", {"fate": "refused"})
    batch = dev.send("No")
    story = dev.story(batch, "rejected")
    (attempt,) = story["attempts"]
    assert (attempt["outcome"], attempt["status"]) == ("refused", "ESME_RINVDSTADR (0x0000000B)")
    assert attempt["link"] == "simulator-1"
    result = dev.run("message", "show", str(story["message_id"]))
    assert result.returncode == 0
    assert "what to do" in result.stdout
    assert "ESME_RINVDSTADR" in result.stdout
    again = dev.answer("message", "resend", str(batch))
    assert dev.story(again["batch_id"], "delivered")["request"]["resend_of"] == story["message_id"]
    assert dev.story(batch, "rejected")["resent_as"] == [again["batch_id"]]


def test_faults_hold_messages_up_and_lose_none(dev: Development) -> None:
    dev.post("/dev/faults", {"throttle_per_s": 5})
    held = [dev.send(f"Held {n}") for n in range(2)]
    dev.post("/dev/faults", {"slow_s": 0.2, "cut_links": True})
    assert dev.get("/dev/faults") == {"throttle_per_s": 5.0, "slow_s": 0.2}
    result = dev.run("message", "cancel", "12345")
    assert (result.returncode, result.stderr.strip()) == (
        3,
        "dragoman: not found: 12345: no such message",
    )
    dev.post("/dev/faults", {"reset": True})
    for batch in held:
        dev.story(batch, "delivered")
        refused = dev.run("message", "cancel", str(batch), "--json")
        assert json.loads(refused.stdout)["error"]["code"] == "not_cancellable"


def test_a_lost_response_is_told_as_an_attempt(dev: Development) -> None:
    dev.post("/dev/faults", {"lose_responses": 1})
    batch = dev.send("Lost")
    wait_until(lambda: bool(dev.get("/dev/messages", to=PHONE)["messages"]))
    dev.post("/dev/faults", {"cut_links": True})
    story = dev.story(batch, "delivered")
    assert [attempt["outcome"] for attempt in story["attempts"]] == ["unanswered", "taken"]
    assert story["possible_duplicate"]
    assert [pdu["name"] for pdu in story["pdus"]] == ["submit_sm", "submit_sm_resp", "deliver_sm"]
    assert story["pdus"][0]["octets"][8:16] == "00000004"  # submit_sm


def test_tail_shows_what_happens(dev: Development) -> None:
    tail = subprocess.Popen(
        [DRAGOMAN, "tail", "--data", str(dev.folder), "--to", "45777", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert tail.stderr is not None
        assert tail.stdout is not None
        assert tail.stderr.readline().startswith("Listening")
        dev.send("Not this one")
        dev.send("This one", "4577700000")
        lines = [json.loads(tail.stdout.readline()) for _ in range(4)]
    finally:
        tail.send_signal(signal.SIGINT)
        tail.communicate(timeout=PATIENCE_S)
    assert [line["state"] for line in lines] == ["queued", "sending", "sent", "delivered"]
    assert {line["recipient"] for line in lines} == {"4577700000"}
    assert {line["account"] for line in lines} == {"demo"}
    assert tail.returncode == 0


def test_tail_says_what_it_cannot_do(dev: Development, tmp_path: Path) -> None:
    wrong = dev.run("tail", "--state", "gone")
    assert (wrong.returncode, "no state 'gone'" in wrong.stderr) == (3, True)
    nobody = dev.run("tail", "--account", "nobody")
    assert nobody.returncode == 3
    (tmp_path / "data").mkdir()
    away = run(tmp_path, "tail", "--data", str(tmp_path / "data"))
    assert (away.returncode, away.stderr.strip()) == (1, "dragoman: no gateway is running")


class Shop(BaseHTTPRequestHandler):
    """A developer's program."""

    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"thanks")

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def test_listen_makes_callbacks_on_the_developers_machine(dev: Development) -> None:
    shop = type("OneShop", (Shop,), {"seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    listening = subprocess.Popen(
        [
            DRAGOMAN,
            "listen",
            "--forward-to",
            f"http://127.0.0.1:{server.server_port}",
            "--data",
            str(dev.folder),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert listening.stdout is not None
        assert listening.stdout.readline().startswith("Callbacks go to http://127.0.0.1:")
        message = {
            "recipients": f"+{PHONE}",
            "sender": "Shop",
            "message": "Hello",
            "status": True,
            "statusurl": "https://shop.invalid/dlr?order=7",
        }
        status, answer = dev.call(
            "POST",
            "/v2/message.json",
            {"message": message},
            {"Content-Type": "application/json"},
            apikey=dev.key,
        )
        assert status == 201, answer
        batch = dev.answer("status", answer["details"]["batchid"])["batch_id"]
        wait_until(lambda: len(shop.seen) == 2)
        printed = [listening.stdout.readline().strip() for _ in range(4)]
    finally:
        listening.send_signal(signal.SIGINT)
        listening.communicate(timeout=PATIENCE_S)
        server.shutdown()
        server.server_close()
    assert [printed[1], printed[3]] == ["-> 200 thanks"] * 2
    assert all(path.startswith("/dlr?order=7&") for path in shop.seen)
    (callback, _) = dev.story(batch, "delivered")["callbacks"]
    assert (callback["url"], callback["state"]) == (message["statusurl"], "delivered")
    assert callback["attempts"][0]["answer"] == "thanks"
    assert listening.returncode == 0


def test_the_mail_of_campaigns_is_read(dev: Development) -> None:
    outbox = dev.folder / "outbox"
    outbox.mkdir(exist_ok=True)
    (outbox / "a.eml").write_bytes(
        b"From: Shop <news@shop.example>\r\nTo: anna@example.org\r\n"
        b"Subject: Hi =?utf-8?q?=C3=86?=\r\n"
        b"List-Unsubscribe: <http://127.0.0.1/mailings/unsubscribe/t>\r\n\r\n"
        b"See http://shop.example/1\r\n"
    )
    (mail,) = dev.get("/dev/mail", to="ANNA@example.org", wait="5s")["mails"]
    assert (mail["subject"], mail["recipient"]) == ("Hi Æ", "anna@example.org")
    assert mail["links"] == ["http://127.0.0.1/mailings/unsubscribe/t", "http://shop.example/1"]
    assert dev.get("/dev/mail", to="bob@example.org")["mails"] == []


BAD: dict[str, tuple[str, str, Any, int, str]] = {
    "no number": ("POST", "/dev/phones/Anna/texts", {"text": "x"}, 400, "number"),
    "no text": ("POST", f"/dev/phones/{PHONE}/texts", {"text": ""}, 400, "text"),
    "no JSON": ("POST", f"/dev/phones/{PHONE}/texts", "x", 415, ""),
    "a field too many": ("POST", "/dev/faults", {"slow": 1}, 400, "slow"),
    "another fate": ("POST", f"/dev/phones/{PHONE}/next", {"fate": "eaten"}, 400, "fate"),
    "no times": ("POST", f"/dev/phones/{PHONE}/next", {"fate": "never", "times": 0}, 400, "times"),
    "a code too high": (
        "POST",
        f"/dev/phones/{PHONE}/next",
        {"fate": "failed", "code": 1000},
        400,
        "code",
    ),
    "too slow": ("POST", "/dev/faults", {"slow_s": 1e9}, 400, "slow_s"),
    "a negative rate": ("POST", "/dev/faults", {"throttle_per_s": -1}, 400, "throttle_per_s"),
    "a wait without a unit we know": ("GET", "/dev/messages?wait=5m", None, 400, "wait"),
    "a huge cursor": ("GET", f"/dev/messages?after={'9' * 40}", None, 400, "after"),
    "a callback nobody waits for": ("POST", "/dev/callbacks/1000000", {"status": 200}, 404, ""),
    "an unknown call": ("GET", "/dev/nothing", None, 404, ""),
    "another method": ("PUT", "/dev/faults", {}, 405, ""),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_a_reason(dev: Development, case: str) -> None:
    method, path, body, status, about = BAD[case]
    answered, problem = dev.call(method, path, body)
    assert answered == status
    assert set(problem) == {"code", "message"}
    assert about in problem["message"]


HEADERS: dict[str, tuple[dict[str, str], int]] = {
    "a name that somebody pointed here": ({"Host": "evil.example"}, 401),
    "a page of another site": ({"Origin": "https://evil.example"}, 403),
    "a local name": ({"Host": "shop.localhost:8080"}, 200),
    "a wrong key": ({"Host": "dev.example", "Authorization": "Bearer no"}, 401),
}


@pytest.mark.parametrize("case", HEADERS)
def test_web_pages_of_others_cannot_use_it(dev: Development, case: str) -> None:
    headers, status = HEADERS[case]
    assert dev.call("GET", "/dev/messages", headers=headers)[0] == status


def test_a_key_opens_it_from_elsewhere(dev: Development) -> None:
    headers = {"Host": "dev.example", "Authorization": f"Bearer {dev.key}"}
    assert dev.call("GET", "/dev/messages", headers=headers)[0] == 200
