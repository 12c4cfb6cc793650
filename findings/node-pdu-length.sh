#!/bin/sh
# node-pdu 2.1.1 and how much fits one message.
#
# What it does: it cuts texts after 133 letters in 7 bits and after 63 in UCS-2, also those that fit one message of 160
# or 70 (3GPP 23.040 s. 9.2.3.16 and 24.1). 134 to 160 letters become two messages. It counts characters, and a bracket
# takes two septets: 80 pairs of brackets become a first part of 274 septets, with a length that has three hexadecimal
# digits where the PDU has room for two.
# What most expect: one message up to 160 septets, parts of 153 septets or 67 characters above that.
# What follows: every text of a usual length costs twice as much, and one of many brackets, JSON say, is a PDU of an odd
# number of digits, which a modem refuses.
#
# Dragoman: protocols/gsm/segmentation.py, tests/unit/protocols/gsm/test_segmentation.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit node-pdu@2.1.1 > npm.log
cat > program.cjs <<'PROGRAM'
const { Submit } = require("node-pdu");

const BEFORE_LENGTH = "0041000A915421436587" + "0000"; // up to TP-PID and TP-DCS, with a header and in 7 bits
let changed = false;
for (const [what, text, fitting, expected] of [
  ["133 letters", "x".repeat(133), 1, 1],
  ["134 letters", "x".repeat(134), 1, 2],
  ["160 letters", "x".repeat(160), 1, 2],
  ["63 letters of Cyrillic", "\u0436".repeat(63), 1, 1],
  ["70 letters of Cyrillic", "\u0436".repeat(70), 1, 2],
  ["80 pairs of brackets", "[]".repeat(80), 3, 2],
]) {
  const parts = new Submit("+4512345678", text).getPartStrings();
  console.log(`${what}: ${parts.length} message(s) for ${fitting}`);
  changed = changed || parts.length !== expected;
}
const [part] = new Submit("+4512345678", "[]".repeat(80)).getPartStrings();
const length = part.slice(BEFORE_LENGTH.length, part.indexOf("060804"));
console.log(`the first part of the brackets: length ${length}, ${part.length} digits in all`);
changed = changed || length !== "112" || part.length % 2 !== 1;
console.log(changed ? "changed: messages are filled now" : "as described");
process.exit(changed ? 1 : 0);
PROGRAM
node program.cjs
