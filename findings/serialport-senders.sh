#!/bin/sh
# serialport-gsm (npm) 4.0.1 and the long texts of two people.
#
# What it does: with `enableConcatenation` it joins parts by the reference in their headers, and looks neither at who sent
# them nor at how many there are. Each phone counts its references by itself, up to 255 (3GPP 23.040 s. 9.2.3.24.1), so two
# people have the same one now and then. "Alarm in hall 1, pump is off" of one and "Happy birthday, dear Ann" of the
# other are one text of four parts from the first: "Alarm in hall 1, Happy birthday, pump is offdear Ann".
# What most expect: parts of one text where sender, reference and total are the same, as phones join them.
# What follows: where long texts of a hundred people wait, two of them have one reference for all but certain. Each has words
# of the other under the wrong number, and the second is not there at all.
#
# Dragoman joins by sender and recipient as well: protocols/gsm/reassembly.py, test_messages_with_another_key_do_not_mix in
# tests/unit/protocols/gsm/test_reassembly.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, python3, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts serialport-gsm@4.0.1 > npm.log 2>&1 || { cat npm.log; exit 2; }
cat > program.js <<'PROGRAM'
const modem = require("serialport-gsm").Modem();

async function main() {
  await modem.open(process.argv[2], { baudRate: 9600, enableConcatenation: true });
  const { data } = await modem.getSimInbox();
  console.log(JSON.stringify(data.map(({ sender, message }) => [sender, message])));
  process.exit(0);
}
main();
PROGRAM
python3 - <<'PROGRAM'
import json
import os
import subprocess
import sys
import threading
import tty

TEXTS = {
    "4511111111": ("Alarm in hall 1, ", "pump is off"),
    "4522222222": ("Happy birthday, ", "dear Ann"),
}
REFERENCE = 42


def swapped(digits: str) -> str:
    """Semi-octets (3GPP 23.040 s. 9.1.2.3)."""
    return "".join(digits[place + 1] + digits[place] for place in range(0, len(digits), 2))


def part(sender: str, number: int) -> str:
    """An SMS-DELIVER with one part of two (3GPP 23.040 s. 9.2.2.1); one fill bit is behind its header."""
    text = TEXTS[sender][number - 1]
    bits = sum(ord(letter) << 7 * place + 1 for place, letter in enumerate(text))
    user_data = bytes([5, 0, 3, REFERENCE, 2, number])
    user_data += bits.to_bytes((7 * len(text) + 8) // 8, "little")
    head = f"0044{len(sender):02X}91{swapped(sender)}0000{swapped('261130120000')}00"
    return f"{head}{7 + len(text):02X}{user_data.hex().upper()}"


# In the order in which the network brought them.
INBOX = [part(sender, number) for number in (1, 2) for sender in TEXTS]


def serve(line: int) -> None:
    """A modem with an echo, whose SIM has the parts."""
    waiting = b""
    while True:
        waiting += os.read(line, 1024)
        while b"\r" in waiting:
            command, waiting = waiting.split(b"\r", 1)
            answer = command.decode() + "\r\r\n"
            if command == b"AT+CMGL=4":
                for index, pdu in enumerate(INBOX, 1):
                    answer += f"+CMGL: {index},1,,{len(pdu) // 2 - 1}\r\n{pdu}\r\n"
            os.write(line, f"{answer}\r\nOK\r\n".encode())


modem, port = os.openpty()
tty.setraw(port)
threading.Thread(target=serve, args=(modem,), daemon=True).start()
command = ["node", "program.js", os.ttyname(port)]
found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=True).stdout)
print(f"four parts with the reference {REFERENCE}, of two people:")
for sender, text in found:
    print(f"  from {sender}: {text!r}")
changed = len(found) != 1
print("changed: each has their own text now" if changed else "as described")
sys.exit(changed)
PROGRAM
