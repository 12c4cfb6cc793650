#!/bin/sh
# node-smpp (npm: smpp) 0.5.1 and letters that the 7-bit alphabet lacks.
#
# What it does: with `data_coding: 0`, the default alphabet of the SMSC, it writes 0x00 for a letter that it does not find
# in its table, and 0x00 is the at sign. "forêt" goes out as "for@t", "Đà Nẵng" as "@à N@ng", and an emoji as "@@". The
# call succeeds. Without `data_coding` it looks for a coding that has all letters, as its manual says.
# What most expect: an error, or the question mark that it writes under data_coding 3 for what Latin-1 lacks.
# What follows: programs set 0 as it stands in the examples of their SMSC; texts are right until a name has one letter more,
# and one that had been a name now looks like an address.
#
# Dragoman sends such texts in UCS-2: protocols/gsm/segmentation.py, tests/unit/protocols/gsm/test_segmentation.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --ignore-scripts smpp@0.5.1 > npm.log 2>&1 || { cat npm.log; exit 2; }
cat > program.cjs <<'PROGRAM'
const { PDU } = require("smpp");

// The octets of short_message, the last field of a submit_sm without addresses (3.4 s. 4.4.1).
const HEAD = 33;
const CASES = [
  ["forêt", 0, "666f720074"],
  ["Đà Nẵng", 0, "007f204e006e67"],
  ["😀", 0, "0000"],
  ["mail@example.org", 0, "6d61696c006578616d706c652e6f7267"],
  ["forêt", undefined, "666f72ea74"],
  ["Đà", 3, "3fe0"],
];

let changed = false;
for (const [text, coding, expected] of CASES) {
  const fields = { short_message: text };
  if (coding !== undefined) fields.data_coding = coding;
  const octets = new PDU("submit_sm", fields).toBuffer();
  const found = octets.subarray(HEAD).toString("hex");
  const given = PDU.fromBuffer(octets).data_coding;
  console.log(`${JSON.stringify(text)}, data_coding ${coding ?? `not given, ${given} chosen`}: ${found}`);
  changed = changed || found !== expected;
}
console.log(changed ? "changed: look again" : "as described");
process.exit(changed ? 1 : 0);
PROGRAM
node program.cjs
