#!/bin/sh
# sms-segments-calculator (npm) 1.3.0, Twilio's own, and letters whose accents stand apart.
#
# What it does: an é can be one character or an e and an accent (Unicode's NFC and NFD), and no screen shows which. The 7-bit
# alphabet has the first. A text with the second counts as UCS-2, with `smartEncoding` too, the
# option that replaces what the alphabet lacks: 150 letters are 1 message in one spelling and 3 in the other.
# What most expect: that the two spellings, canonically equivalent by the Unicode standard, cost the same, at least with an
# option that makes a hyphen of a dash to save messages.
# What follows: a campaign whose product names were copied from names of files on macOS, or from some PDFs, costs three times
# as much, and nobody sees why, as its text looks like that of the last one.
#
# Dragoman joins them where it replaces look-alikes: protocols/gsm/look_alikes.py,
# tests/unit/protocols/gsm/test_look_alikes.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --ignore-scripts sms-segments-calculator@1.3.0 > npm.log 2>&1 || { cat npm.log; exit 2; }
cat > program.cjs <<'PROGRAM'
const { SegmentedMessage } = require("sms-segments-calculator");

const TEXT = "Smørrebrød på caféen: blåbær, rødgrød, crème à la carte. ".repeat(3).slice(0, 150);
const CASES = [
  ["NFC", "GSM-7", 1],
  ["NFD", "UCS-2", 3],
];

let changed = false;
for (const [form, encoding, messages] of CASES) {
  const found = new SegmentedMessage(TEXT.normalize(form), "auto", true);
  console.log(`${form}: ${found.encodingName}, ${found.segmentsCount} messages`);
  changed = changed || found.encodingName !== encoding || found.segmentsCount !== messages;
}
console.log(TEXT.normalize("NFD").normalize("NFC") === TEXT ? "the same text by the Unicode standard" : "not the same");
console.log(changed ? "changed: look again" : "as described");
process.exit(changed ? 1 : 0);
PROGRAM
node program.cjs
