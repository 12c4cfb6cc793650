"""The command line as a user has it, from the first command to a restart."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from tests.passing_time import PATIENCE_S

from dragoman.protocols.smpp.codec import encode
from dragoman.protocols.smpp.pdus import BindTransceiver

from .command_line import run

DRAGOMAN = str(Path(sys.executable).parent / "dragoman")
CONFIG = """
[http]
listen = "{listen}"

[[carriers]]
name = "main"
host = "127.0.0.1"
system_id = "us"
"""


def run_process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DRAGOMAN_")}
    return subprocess.run(
        [DRAGOMAN, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def configure(folder: Path, listen: str = "127.0.0.1:1") -> None:
    (folder / "dragoman.toml").write_text(CONFIG.format(listen=listen))


def only_line(result: subprocess.CompletedProcess[str]) -> str:
    """The one line of a problem."""
    [line] = result.stderr.splitlines()
    return line


WRONG_USAGE = {
    "no configuration": (("account", "list"), "dragoman: no configuration"),
    "serve without one": (("serve",), "dragoman: no configuration"),
    "a file that is not there": (("serve", "--config", "x.toml"), "dragoman: x.toml: cannot be"),
    "an empty argument": (("account", "disable", ""), "dragoman: an argument is empty"),
    "a gateway elsewhere for what is done here": (
        ("--url", "https://sms.example.org", "migrate"),
        "dragoman: --url: `migrate` works on this machine only",
    ),
    "an address without a port": (("dev", "--http", "localhost"), "dragoman: --http: "),
}


@pytest.mark.parametrize("case", WRONG_USAGE)
def test_wrong_usage_is_one_line_and_exit_code_2(tmp_path: Path, case: str) -> None:
    arguments, beginning = WRONG_USAGE[case]
    result = run_process(tmp_path, *arguments)
    assert result.returncode == 2
    assert only_line(result).startswith(beginning)
    assert list(tmp_path.iterdir()) == []


def test_config_check_names_every_key_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text(
        '[http]\nlisten = 8080\n[dialects]\nenabled = ["httpsmss"]\n'
    )
    result = run(tmp_path, "config", "check")
    assert result.returncode == 2
    assert "http.listen" in result.stderr
    configure(tmp_path)
    with (tmp_path / "dragoman.toml").open("a") as file:
        file.write('profile = "odd"\n[dialects]\nenabled = ["httpsmss"]\n')
    result = run(tmp_path, "config", "check", "--json")
    assert result.returncode == 2
    message = json.loads(result.stdout)["error"]["message"]
    assert "carriers.main.profile" in message
    assert "did you mean `httpsms`?" in message


def test_config_check_is_content_with_a_good_file(tmp_path: Path) -> None:
    configure(tmp_path)
    result = run(tmp_path, "config", "check", "--json")
    assert (result.returncode, json.loads(result.stdout)["valid"]) == (0, True)


def test_config_check_warns_of_long_credentials_and_is_content(tmp_path: Path) -> None:
    configure(tmp_path)
    with (tmp_path / "dragoman.toml").open("a") as file:
        file.write('system_type = "longer-than-standard"\n')
    result = run(tmp_path, "config", "check")
    assert result.returncode == 0
    assert "warning: carriers.main.system_type: 20 characters" in result.stderr


def test_a_database_that_is_not_there_is_not_made_by_asking(tmp_path: Path) -> None:
    configure(tmp_path)
    for arguments in (("account", "list"), ("status",), ("send", "4512345678", "x")):
        result = run(tmp_path, *arguments)
        assert result.returncode == 1
        assert "run `dragoman migrate`" in only_line(result)
    assert not (tmp_path / "data").exists()


def test_serve_refuses_tables_that_are_not_there_and_a_taken_port(tmp_path: Path) -> None:
    configure(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        configure(tmp_path, listen=f"127.0.0.1:{port}")
        result = run_process(tmp_path, "serve")
        assert result.returncode == 1
        assert f"port {port} on 127.0.0.1 is taken" in only_line(result)
    result = run_process(tmp_path, "serve")
    assert result.returncode == 1
    assert "run `dragoman migrate`" in only_line(result)


def decoded(result: subprocess.CompletedProcess[str]) -> Any:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_accounts_and_messages_work_without_a_gateway(tmp_path: Path) -> None:
    configure(tmp_path)
    created = decoded(run_process(tmp_path, "migrate", "--json"))
    assert (created["current"], created["changed"], created["from"]) == (True, True, None)
    again = decoded(run(tmp_path, "migrate", "--json"))
    assert again == created | {"changed": False, "from": created["to"]}
    assert (tmp_path / "data" / "dragoman.db").stat().st_mode & 0o077 == 0
    created = decoded(
        run(tmp_path, "account", "create", "shop", "--credits", "3", "--sender", "S", "--json")
    )
    assert created["account"]["credits"] == 3
    sent = decoded(run(tmp_path, "send", "4512345678,4512345679", "hello", "--json"))
    assert (sent["recipients"], sent["credits"], sent["gateway"]) == (2, 2, False)
    found = decoded(run(tmp_path, "status", str(sent["batch_id"]), "--json"))
    assert [message["state"] for message in found["messages"]] == ["queued", "queued"]
    result = run(tmp_path, "send", "4512345678,4512345679", "hello", "--json")
    assert result.returncode == 3
    assert json.loads(result.stdout)["error"]["code"] == "insufficient_credit"


def test_a_carrier_is_held_drained_and_let_go_without_a_gateway(tmp_path: Path) -> None:
    configure(tmp_path)
    decoded(run(tmp_path, "migrate", "--json"))
    for verb, held in (("hold", True), ("drain", True), ("enable", False)):
        answer = decoded(run(tmp_path, "carrier", verb, "main", "--json"))
        assert answer == {"carrier": "main", "held": held, "in_flight": 0, "gateway": False}
        checks = json.loads(run(tmp_path, "doctor", "--json").stdout)["checks"]
        remedies = [check["remedy"] for check in checks if check["name"] == "carrier main"]
        named = ["when it may send again: `dragoman carrier enable main`"]
        assert remedies == (named if held else [])
    unknown = run(tmp_path, "carrier", "hold", "other")
    assert (unknown.returncode, "there are main" in unknown.stderr) == (3, True)
    assert run(tmp_path, "carrier", "list").returncode == 1


def test_the_doctor_says_that_nothing_runs_and_what_to_do(tmp_path: Path) -> None:
    configure(tmp_path)
    decoded(run(tmp_path, "migrate", "--json"))
    result = run(tmp_path, "doctor", "--json")
    assert result.returncode == 1
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert checks["configuration"]["finding"] == "ok"
    assert checks["database"]["finding"] != "problem"  # a busy disk is slow
    assert checks["gateway"]["finding"] == "problem"
    assert "dragoman serve" in checks["gateway"]["remedy"]


def test_starting_the_command_line_imports_no_gateway() -> None:
    heavy = {
        "asyncio",
        "http.client",
        "sqlalchemy",
        "starlette",
        "uvicorn",
        "dragoman.gateway",
        "dragoman.assembly",
        "dragoman.container",
        "dragoman.storage",
        "dragoman.web",
        "dragoman.admin.operations",
    }
    assert imported(heavy, by="load_all()") == []


def test_help_imports_no_command() -> None:
    assert (
        imported(
            {"dragoman.cli.account", "dragoman.config"}, by="app(['--help'], standalone_mode=False)"
        )
        == []
    )


def test_the_log_of_a_gateway_imports_no_tracebacks_of_rich() -> None:
    assert imported({"rich"}, by="import dragoman.core.writer_process, structlog.dev") == []


def imported(watched: set[str], *, by: str) -> list[str]:
    """Which of some modules are imported by a call of something in `dragoman.cli.root`."""
    code = (
        "import sys\nfrom dragoman.cli.root import *\n"
        f"{by}\nprint(*sorted({watched!r} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return found.stdout.splitlines()[-1].split()


# A development gateway, from the first start to the last


class Development:
    """A `dragoman dev` that is ready."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.folder = folder
        self.process = process
        self.told: dict[str, Any] = json.loads((folder / "dev.json").read_bytes())
        self.url: str = self.told["base_url"]
        self.account: dict[str, Any] = self.told["accounts"][0]

    def get(self, path: str, **parameters: str) -> Any:
        with urlopen(f"{self.url}{path}?{urlencode(parameters)}", timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any, **parameters: str) -> Any:
        request = Request(
            f"{self.url}{path}?{urlencode(parameters)}",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        with urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def report(self, reference: str) -> Any:
        return self.get(
            "/api/sms/dlr.php",
            key=self.account["api_key"],
            full_number="4512345678",
            ref=reference,
        )

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(self.folder, *arguments, "--data", str(self.folder))

    def stop(self) -> str:
        """Stops it in order; what it printed."""
        self.process.send_signal(signal.SIGTERM)
        printed, errors = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, errors
        return printed


def options(folder: Path) -> list[str]:
    return [
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


@contextmanager
def developing(folder: Path, *more: str) -> Iterator[Development]:
    process = subprocess.Popen(
        [DRAGOMAN, *options(folder), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: is_ready(folder, process.pid) or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        yield Development(folder, process)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def is_ready(folder: Path, pid: int) -> bool:
    try:
        return bool(json.loads((folder / "dev.json").read_bytes())["pid"] == pid)
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_message_goes_out_through_both_dialects_and_is_delivered(tmp_path: Path) -> None:
    with developing(tmp_path / "data") as dev:
        key = dev.account["api_key"]
        assert (tmp_path / "data" / "dev.json").stat().st_mode & 0o777 == 0o600
        sent = dev.get(
            "/api/sms/send_sms.php",
            key=key,
            mobile="4512345678",
            sender="Me",
            msgtext="Hello",
            ref="one",
            response="json",
        )
        assert sent == {"status": True, "error": 0}
        wait_until(lambda: dev.report("one").get("dlr_status") == "delivered")

        assert dev.get("/v2/ping.json", apikey=key)["status"] == 200
        password = dev.account["password"]
        legacy = {"apikey": "legacy", "username": dev.account["username"], "password": password}
        assert dev.get("/v2/ping.json", **legacy, type="plain")["status"] == 200
        message = {"recipients": "+4512345678", "sender": "Me", "message": "Hello"}
        accepted = dev.post("/v2/message.json", {"message": message}, apikey=key)
        batch = accepted["details"]["batchid"]

        def received() -> bool:
            answer = dev.get(f"/v2/message/{batch}/1.json", apikey=key)
            return bool(answer["message"][0]["status"] == "received")

        wait_until(received)
        with socket.create_connection((dev.told["smsc_host"], dev.told["smsc_port"]), timeout=5):
            pass
        dev.stop()


def test_commands_reach_the_running_gateway_at_once(tmp_path: Path) -> None:
    with developing(tmp_path) as dev:
        overview = decoded(dev.command("status", "--json"))
        assert (overview["running"], overview["pid"]) == (True, dev.process.pid)
        assert [carrier["up"] for carrier in overview["carriers"]] == [True]

        diagnosis = decoded(dev.command("doctor", "--json"))
        assert diagnosis["healthy"] is True
        text = dev.command("doctor")
        assert (text.returncode, text.stderr) == (0, "")
        assert "carrier simulator" in text.stdout
        assert decoded(dev.command("callback", "list", "--json")) == {"waiting": 0, "held": []}
        assert dev.command("callback", "retry").stdout == "no callback waits there\n"

        created = decoded(dev.command("account", "create", "shop", "--credits", "5", "--json"))
        ping = dev.get("/v2/ping.json", apikey=created["api_key"])
        assert ping["status"] == 200
        rotated = decoded(dev.command("account", "rotate-key", "shop", "--json"))
        assert refused(dev, created["api_key"])
        assert not refused(dev, rotated["api_key"])
        decoded(dev.command("account", "disable", "shop", "--json"))
        assert refused(dev, rotated["api_key"])
        listed = decoded(dev.command("account", "list", "--json"))["accounts"]
        assert {a["username"]: a["enabled"] for a in listed} == {"demo": True, "shop": False}
        table = dev.command("account", "list")
        assert "shop" in table.stdout
        assert "disabled" in table.stdout

        sent = decoded(dev.command("send", "4512345678", "Hello", "--account", "demo", "--json"))
        assert sent["gateway"] is True

        def delivered() -> bool:
            batch = decoded(dev.command("status", str(sent["batch_id"]), "--json"))
            return bool(batch["messages"][0]["state"] == "delivered")

        wait_until(delivered)
        assert dev.command("status", "12").returncode == 3
        migration = dev.command("migrate")
        assert migration.returncode == 1
        assert f"in use by process {dev.process.pid}" in only_line(migration)
        dev.stop()


def test_a_gateway_elsewhere_is_administered_by_url_and_token(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    configure(tmp_path, listen=f"127.0.0.1:{port}")
    with (tmp_path / "dragoman.toml").open("a") as file:
        file.write("[admin]\nremote = true\n")
    decoded(run(tmp_path, "migrate", "--json"))
    token = decoded(run(tmp_path, "admin", "token", "create", "ops", "--json"))["token"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "token").write_text(f"{token}\n")
    remote = ("--url", url, "--token-file", "token")
    assert run(elsewhere, *remote, "account", "list").returncode == 1  # not running yet
    gateway = subprocess.Popen(
        [DRAGOMAN, "serve"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_until(lambda: run(elsewhere, *remote, "account", "list").returncode == 0)
        created = decoded(run(elsewhere, *remote, "account", "create", "shop", "--json"))
        listed = decoded(run(tmp_path, "account", "list", "--json"))
        assert listed["accounts"] == [created["account"]]
        doctor = json.loads(run(elsewhere, *remote, "doctor", "--json").stdout)
        assert [check["name"] for check in doctor["checks"]][:2] == ["gateway", "database"]
        tail = subprocess.Popen(
            [DRAGOMAN, *remote, "tail"], cwd=elsewhere, stderr=subprocess.PIPE, text=True
        )
        assert tail.stderr is not None
        assert tail.stderr.readline().startswith("Listening")
        unknown = run(elsewhere, *remote, "account", "rotate-key", "x", "--json")
        assert (unknown.returncode, json.loads(unknown.stdout)["error"]["code"]) == (3, "not_found")
        managing = run(elsewhere, *remote, "admin", "token", "list")
        assert managing.returncode == 1
        decoded(run(tmp_path, "admin", "token", "revoke", "ops", "--json"))
        late = run(elsewhere, *remote, "account", "list")
        assert (late.returncode, "no valid admin token" in late.stderr) == (3, True)
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(timeout=30) == 0
        assert tail.wait(timeout=30) == 0
        assert "The gateway has stopped." in tail.stderr.read()
    finally:
        gateway.kill()
        gateway.communicate()


def refused(dev: Development, key: str) -> bool:
    """Whether the gateway does not know a key (any more)."""
    parameters = urlencode({"key": key, "full_number": "4512345678", "ref": "x"})
    with urlopen(f"{dev.url}/api/sms/dlr.php?{parameters}", timeout=10) as answer:
        return bool(answer.read() == b'{"status":false,"error":"Invalid API Key"}')


def bind(told: dict[str, Any]) -> tuple[socket.socket, int]:
    """A bind to what a development gateway says of itself, and how it was answered."""
    (account, *_) = told["accounts"]
    connection = socket.create_connection((told["smpp_host"], told["smpp_port"]), timeout=60)
    request = BindTransceiver(
        system_id=account["smpp_system_id"],
        password=account["smpp_password"],
        sequence_number=1,
    )
    connection.sendall(encode(request))
    return connection, int.from_bytes(connection.recv(4096)[8:12], "big")


def test_a_program_binds_over_a_restart_and_is_unbound_by_hand(tmp_path: Path) -> None:
    with developing(tmp_path) as dev:
        told = json.loads((tmp_path / "dev.json").read_bytes())
        assert len(told["accounts"][0]["smpp_password"]) == 8
        connection, status = bind(told)
        connection.close()
        assert status == 0
        dev.stop()
    with developing(tmp_path) as dev:
        again = json.loads((tmp_path / "dev.json").read_bytes())
        assert again["accounts"] == told["accounts"]
        connection, status = bind(again)
        assert status == 0
        (found,) = decoded(dev.command("bind", "list", "--json"))["binds"]
        assert (found["account"], found["kind"]) == ("demo", "transceiver")
        number = str(found["bind_id"])
        assert decoded(dev.command("bind", "log", number, "--start", "--json"))["logged"]
        decoded(dev.command("bind", "end", number, "--json"))
        assert connection.recv(4096)[4:8] == bytes((0, 0, 0, 6))
        connection.close()
        login = decoded(dev.command("account", "smpp", "demo", "--max-binds", "7", "--json"))
        assert (login["max_binds"], login["password"]) == (7, "")
        dev.stop()


def test_a_restart_keeps_accounts_and_messages_and_a_reset_forgets_them(tmp_path: Path) -> None:
    with developing(tmp_path) as dev:
        account = dev.account
        dev.get(
            "/api/sms/send_sms.php",
            key=account["api_key"],
            mobile="4512345678",
            sender="Me",
            msgtext="Hello",
            ref="kept",
        )
        # The report is the simulated phone's to send, and that ends with the process.
        wait_until(lambda: dev.report("kept").get("dlr_status") == "delivered")
        dev.stop()
    assert not (tmp_path / "dev.json").exists()
    with developing(tmp_path) as dev:
        assert dev.account == account
        assert dev.report("kept")["dlr_status"] == "delivered"
        dev.process.kill()
        dev.process.communicate()
    with developing(tmp_path) as dev:
        assert dev.account == account
        assert decoded(dev.command("status", "--json"))["pid"] == dev.process.pid
        dev.stop()
    with developing(tmp_path, "--reset") as dev:
        assert dev.account["username"] == "demo"
        assert dev.account["api_key"] != account["api_key"]
        dev.stop()


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with developing(tmp_path) as dev:
        port = int(dev.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as unfinished:
            unfinished.sendall(
                b"POST /api/sms/send_sms.php HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"
            )
            wait_until(lambda: dev.report("x")["status"] is False)  # so the first is being read
            dev.process.send_signal(signal.SIGTERM)
            wait_until(lambda: not (tmp_path / "dev.json").exists())
            assert dev.process.poll() is None
            dev.process.send_signal(signal.SIGTERM)
            assert dev.process.wait(timeout=10) == 128 + signal.SIGTERM


def test_a_second_process_on_the_same_folder_or_port_is_refused_clearly(tmp_path: Path) -> None:
    with developing(tmp_path / "one") as dev:
        result = run_process(tmp_path, *options(tmp_path / "one"))
        assert result.returncode == 1
        assert f"is in use by process {dev.process.pid}" in only_line(result)
        result = run_process(tmp_path, *options(tmp_path / "one"), "--reset")
        assert result.returncode == 1
        assert f"is in use by process {dev.process.pid}" in only_line(result)
        port = int(dev.url.rpartition(":")[2])
        address = f"127.0.0.1:{port}"
        result = run_process(tmp_path, "dev", "--http", address, "--data", str(tmp_path / "two"))
        assert result.returncode == 1
        assert f"choose another with --http 127.0.0.1:{port + 1}" in only_line(result)
        assert dev.report("nothing")["status"] is False  # the first one is undisturbed
        dev.stop()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_printed_lines_work_when_pasted(tmp_path: Path) -> None:
    with developing(tmp_path) as dev:
        assert dev.process.stdout is not None
        printed = []
        while not (line := dev.process.stdout.readline()).startswith("Stop with"):
            printed.append(line.rstrip("\n"))
        lines = [line for line in printed if line.startswith(("curl ", "keys="))]
        answers = [
            json.loads(
                subprocess.run(
                    ["sh", "-c", line], capture_output=True, text=True, check=True
                ).stdout
            )
            for line in lines
        ]
        sent, reported, texts, written, ping, accepted, batch, *rest = answers
        order, orders, saved, listed, queued, newest = rest
        assert sent == {"status": True, "error": 0}
        assert reported["queue_status"] in {"pending", "processed"}
        assert texts["messages"][0]["text"] == "Hello from httpsms"
        assert written["text"] == "Hello back"
        assert [answer["status"] for answer in (ping, accepted, batch)] == [200, 201, 200]
        assert batch["message"][0]["recipient"] == "4512345678"
        assert order["result"] == "OK"
        assert [one["order_id"] for one in orders["smshistory"]] == [order["order_id"]]
        assert saved["message"] == "Sms has been saved successfully"
        assert listed["count"] == 2  # with the text that the virtual phone wrote
        assert queued["status"] == "queued"
        assert [message["sid"] for message in newest["messages"]] == [queued["sid"]]
        assert f"{dev.url}/docs" in "\n".join(printed)
        dev.stop()
