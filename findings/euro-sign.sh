#!/bin/sh
# node-pdu 2.1.1 and the euro sign.
#
# What it does: a text with a euro sign is coded in UCS-2, though the extension table of the 7-bit alphabet has it
# (3GPP 23.038 s. 6.2.1.1). Brackets, from the same table, stay in 7 bits. A text of 100 letters and one euro sign
# becomes 2 messages; with a bracket in its place it is 1.
# What most expect: 7 bits and one message, as every phone sends it.
# What follows: an offer with a price in it costs twice as much.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit node-pdu@2.1.1 > npm.log
cat > program.cjs <<'PROGRAM'
const { Submit } = require("node-pdu");

const TEXT = "x".repeat(100);
const counts = {};
for (const sign of ["€", "["]) {
  counts[sign] = new Submit("+4512345678", TEXT + sign).getPartStrings().length;
  console.log(`100 letters and ${sign}: ${counts[sign]} message(s)`);
}
const changed = counts["€"] !== 2 || counts["["] !== 1;
console.log(changed ? "changed" : "as described");
process.exit(changed ? 1 : 0);
PROGRAM
node program.cjs
