#!/bin/sh
# sms-segments-calculator (npm) 1.3.0, Twilio's own, and "smart encoding".
#
# What it does: with `smartEncoding`, characters that the 7-bit alphabet lacks are replaced by ones that it has, so that a
# text needs no UCS-2. A tab becomes seven blanks, a no-break space two. A table of 40 rows with three figures each is 4
# messages in UCS-2, and 5 with smart encoding. French, which has a no-break space before each colon, gets double ones.
# What most expect: that each is replaced by one blank, and that the option for fewer messages never makes more.
# What follows: prices and tables that were copied from a spreadsheet cost more with the option that was to save.
#
# Dragoman: protocols/gsm/look_alikes.py puts one blank, tests/unit/protocols/gsm/test_look_alikes.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit sms-segments-calculator@1.3.0 > npm.log
cat > program.cjs <<'PROGRAM'
const { SegmentedMessage } = require("sms-segments-calculator");

const TEXTS = [
  ["a tab", "a\tb", [1, 1], 9],
  ["a no-break space", "50\u00a0€", [1, 1], 5],
  ["40 rows of figures", "7\t8\t9\n".repeat(40), [4, 5], 720],
];
let changed = false;
for (const [name, text, messages, length] of TEXTS) {
  const plain = new SegmentedMessage(text, "auto", false);
  const smart = new SegmentedMessage(text, "auto", true);
  const counts = [plain.segmentsCount, smart.segmentsCount];
  console.log(
    `${name}: ${text.length} characters, ${counts[0]} message(s) in ${plain.encodingName};`,
    `smart: ${smart.numberOfUnicodeScalars} characters, ${counts[1]} message(s) in ${smart.encodingName}`,
  );
  changed ||= counts.join() !== messages.join() || smart.numberOfUnicodeScalars !== length;
}
console.log(changed ? "changed: one blank for one character now" : "as described");
process.exit(changed ? 1 : 0);
PROGRAM
node program.cjs
