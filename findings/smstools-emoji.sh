#!/bin/sh
# SMS Server Tools 3.1.21 (Debian 12: smstools) and texts with an emoji.
#
# What it does: with `decode_unicode_text = yes` it writes texts that came in UCS-2 in UTF-8, a letter for each 16 bits. An
# emoji is two such units, for which it has no letter, and leaves both out: "Hej 👍" is in the file as "Hej ". Without the
# setting the file has the text in UTF-16, emoji included.
# What most expect: a setting for readers of UTF-8 that changes the coding and not the text. Cyrillic comes out whole.
# What follows: an answer that is a thumb up, as many are, arrives as an empty text, and the modem's copy is deleted.
#
# Dragoman: connectors/smpp/inbound.py, tests/connectors/smpp/test_inbound.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs Debian 12 with apt, python3, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq download smstools=3.1.21-4+b1 libmm14=1.4.2-7 > apt.log 2>&1 || { cat apt.log; exit 2; }
for package in *.deb; do dpkg-deb -x "$package" .; done
cat > program.py <<'PROGRAM'
import os
import pty
import subprocess
import sys
import time
import tty
from pathlib import Path
from threading import Thread

TEXTS = ("Привет", "Hej \N{THUMBS UP SIGN}")
DEADLINE_S = 60


def deliver(text: str) -> str:
    """An SMS-DELIVER from +45 12345678 in UCS-2 (3GPP 23.040 s. 9.2.2.1), behind an empty SMSC address."""
    content = text.encode("utf-16-be")
    head = bytes.fromhex("00 04 0A 91 54 21 43 65 87 00 08 62 11 03 32 51 00 40")
    return (head + bytes([len(content)]) + content).hex().upper()


def serve(modem: int, texts: list[str]) -> None:
    """What a modem with these texts on its SIM answers."""
    kept = {place: deliver(text) for place, text in enumerate(texts, 1)}
    received = b""
    while True:
        try:
            received += os.read(modem, 1024)
        except OSError:
            return
        *commands, received = received.split(b"\r")
        for command in (one.decode().strip().upper() for one in commands):
            name, _, value = command.partition("=")
            place = int(value) if value.isdigit() else 0
            answer = ""
            if command == "AT+CPMS?":
                answer = "+CPMS: " + ",".join([f'"SM",{len(kept)},30'] * 3)
            elif name == "AT+CMGR" and place in kept:
                answer = f"+CMGR: 1,,{len(kept[place]) // 2 - 1}\r\n{kept[place]}"
            elif name == "AT+CMGD":
                kept.pop(place, None)
            elif command == "AT+CIMI":
                answer = "999990000000000"
            os.write(modem, f"\r\n{answer}\r\n\r\nOK\r\n".encode() if answer else b"\r\nOK\r\n")


def receive(folder: Path, decode: str) -> list[bytes]:
    """The texts in the files that smsd writes, in the order in which they came."""
    for name in ("outgoing", "checked", "incoming"):
        (folder / name).mkdir(parents=True)
    modem, line = pty.openpty()
    tty.setraw(line)
    Thread(target=serve, args=(modem, list(TEXTS)), daemon=True).start()
    settings = folder / "smsd.conf"
    settings.write_text(
        f"devices = modem\noutgoing = {folder}/outgoing\nchecked = {folder}/checked\n"
        f"incoming = {folder}/incoming\nlogfile = {folder}/log\ninfofile = {folder}/info\n"
        f"pidfile = {folder}/pid\ndelaytime = 1\nincoming_utf8 = yes\n"
        f"[modem]\ndevice = {os.ttyname(line)}\nincoming = yes\nrtscts = no\ncheck_network = no\n"
        f"decode_unicode_text = {decode}\n"
    )
    smsd = subprocess.Popen(
        ["usr/sbin/smsd", "-t", f"-c{settings}"],
        env=os.environ | {"LD_LIBRARY_PATH": "usr/lib"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + DEADLINE_S
    while len(list((folder / "incoming").iterdir())) < len(TEXTS) and time.monotonic() < end:
        time.sleep(0.2)
    smsd.terminate()
    smsd.wait()
    files = sorted((folder / "incoming").iterdir(), key=lambda file: file.stat().st_mtime)
    return [file.read_bytes().partition(b"\n\n")[2] for file in files]


changed = False
for decode, coding, expected in (
    ("no", "utf-16-be", list(TEXTS)),
    ("yes", "utf-8", ["Привет", "Hej "]),
):
    found = [body.decode(coding) for body in receive(Path(decode).absolute(), decode)]
    print(f"decode_unicode_text = {decode}: {found}")
    changed = changed or found != expected
print("changed: look again" if changed else "as described")
sys.exit(changed)
PROGRAM
python3 program.py
