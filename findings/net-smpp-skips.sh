#!/bin/sh
# Net::SMPP 1.19 (Debian 12: libnet-smpp-perl) and texts that come while it waits for an answer.
#
# What it does: in its synchronous mode, the default, `submit_sm` sends the message and reads until its answer is there.
# Whatever else it reads meanwhile it drops, but for enquire_link: a text or a receipt is neither answered nor kept for
# the next `read_pdu`. A receipt for the first message, written by the server just before its answer to the second, is
# never seen.
# What most expect: that a PDU which is not the answer waits for whoever reads it. SMPP is asynchronous in both directions
# over one transceiver (3.4 s. 2.7).
# What follows: a program that sends and receives over one bind loses receipts and texts, the more the busier it is. Only
# a server that repeats what is not answered brings them again.
#
# Dragoman repeats them until they are answered: smpp_server/deliveries.py, tests/smpp_server/test_receipts.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs Debian 12 with apt, perl, python3, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq download libnet-smpp-perl=1.19-3 > apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg-deb -x libnet-smpp-perl_*.deb .
cat > program.pl <<'PROGRAM'
use strict;
use warnings;
use Net::SMPP;

my ($link, $answer) = Net::SMPP->new_transceiver(
    '127.0.0.1', port => $ARGV[0], system_id => 'acme', password => 'secret');
for my $text ('first', 'second') {
    my $answer = $link->submit_sm(
        source_addr => '4587654321', destination_addr => '4512345678',
        registered_delivery => 1, short_message => $text);
    print "answer $answer->{message_id}\n";
}
while (my $pdu = $link->read_pdu()) {
    print "read $pdu->{short_message}\n" if $pdu->{cmd} == Net::SMPP::CMD_deliver_sm;
}
PROGRAM
python3 - <<'PROGRAM'
import socket
import subprocess
import sys
from struct import pack

DELIVER_SM, SUBMIT_SM, DELIVER_SM_RESP, RESPONSE = 0x05, 0x04, 0x80000005, 0x80000000


def pdu(command: int, sequence: int, body: bytes) -> bytes:
    return pack(">IIII", 16 + len(body), command, 0, sequence) + body


def receipt(number: int) -> bytes:
    text = b"id:%d sub:001 dlvrd:001 submit date:2609211413 done date:2609211414 stat:DELIVRD err:000 text:"
    text %= number
    head = b"\0\x01\x014512345678\0\x01\x014587654321\0\x04\0\0\0\0\0\0\0\0"
    return pdu(DELIVER_SM, 100 + number, head + bytes([len(text)]) + text)


def read(connection: socket.socket) -> tuple[int, int]:
    """Command and sequence number of a PDU; zeros at the end."""
    header = connection.recv(16, socket.MSG_WAITALL)
    if len(header) < 16:
        return 0, 0
    connection.recv(int.from_bytes(header[:4], "big") - 16, socket.MSG_WAITALL)
    return int.from_bytes(header[4:8], "big"), int.from_bytes(header[12:], "big")


acknowledged = []
with socket.create_server(("127.0.0.1", 0)) as server:
    command = ["perl", "-Iusr/share/perl5", "program.pl", str(server.getsockname()[1])]
    client = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    connection, _ = server.accept()
    connection.settimeout(2)
    submits = 0
    try:
        while (found := read(connection))[0]:
            command_id, sequence = found
            if command_id == SUBMIT_SM:
                submits += 1
                answer = pdu(SUBMIT_SM | RESPONSE, sequence, b"%d\0" % submits)
                # The receipt of the first is on its way when the second comes; that of the second follows its answer.
                connection.sendall(answer if submits == 1 else receipt(1) + answer + receipt(2))
            elif command_id == DELIVER_SM_RESP:
                acknowledged.append(sequence - 100)
            elif not command_id & RESPONSE:
                connection.sendall(pdu(command_id | RESPONSE, sequence, b"smsc\0"))
    except TimeoutError:
        pass
    connection.close()
    lines = client.communicate(timeout=10)[0].splitlines()
for line in lines:
    print(line[:40])
first, second = (sum(line.startswith(f"read id:{n} ") for line in lines) for n in (1, 2))
print(f"receipts: of the first message {first}, of the second {second}; acknowledged {acknowledged}")
changed = (first, second) != (0, 1) or 1 in acknowledged
print("changed: both receipts are read now" if changed else "as described")
sys.exit(changed)
PROGRAM
