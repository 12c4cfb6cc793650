#!/bin/sh
# node-smpp (npm: smpp) 0.5.1 and the coding groups of data_coding.
#
# What it does: it looks at the low four bits of data_coding alone, whose meaning depends on the high four
# (SMPP 3.4 s. 5.2.19, 3GPP 23.038 s. 4). So 0xC8, "voice mail waits" with a text in 7 bits, is read as UCS-2:
# two letters become one of Chinese. 0xE0, the same with a text in UCS-2, is read in 7 bits. Of UCS-2 with a class
# it knows only class 0 (0x18); for classes 1 to 3 the text stays a Buffer, as it does for 7 bits with class 2 (0xF2).
# What most expect: a text where data_coding names an alphabet, as both standards have the groups in a table.
# What follows: notices of voice mail are unreadable, and a program that calls a method of a string fails.
#
# Dragoman: protocols/smpp/data_codings.py, tests/connectors/smpp/test_inbound.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit smpp@0.5.1 > npm.log
cat > program.cjs <<'PROGRAM'
const smpp = require("smpp");

let changed = false;
for (const [coding, octets, text, expected] of [
  [0xc8, "322063616c6c", "2 call", "\u3220\u6361\u6c6c"],
  [0xe0, "04340430", "\u0434\u0430", "\u00e84\u00e80"],
  [0x18, "04340430", "\u0434\u0430", "\u0434\u0430"],
  [0x19, "04340430", "\u0434\u0430", null],
  [0xf1, "4f4b", "OK", "OK"],
  [0xf2, "4f4b", "OK", null],
]) {
  const pdu = new smpp.PDU("deliver_sm", { data_coding: coding, short_message: Buffer.from(octets, "hex") });
  const read = smpp.PDU.fromBuffer(pdu.toBuffer()).short_message.message;
  const shown = Buffer.isBuffer(read) ? "a Buffer" : JSON.stringify(read);
  console.log(`data_coding 0x${coding.toString(16)}: "${text}" is read as ${shown}`);
  changed = changed || (expected === null ? !Buffer.isBuffer(read) : read !== expected);
}
console.log(changed ? "changed: the groups count now" : "as described");
process.exit(changed ? 1 : 0);
PROGRAM
node program.cjs
