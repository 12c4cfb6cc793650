#!/bin/sh
# sms-length 0.2.2 and characters that take two places at the end of a part.
#
# What it does: it divides the septets or UTF-16 units of a text by those of a part. So 153 euro signs, an escape
# and a letter each, are 306 septets and "2" messages of 153; 66 letters, an emoji and 66 letters are 134 units
# and "2" messages of 67.
# What most expect: 3 each. A part has an odd number of places and holds 76 whole pairs, as an escape must not be
# parted from its letter, nor one half of an emoji from the other (3GPP 23.038 s. 6.2.1.1, RFC 2781 s. 2.1).
# What follows: a form that shows "2 messages" for what is sent, and paid for, as 3.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit sms-length@0.2.2 > npm.log
cat > program.cjs <<'PROGRAM'
const { count } = require("sms-length");

function partsOf(text, size, places) {
  let parts = 1, used = 0;
  for (const character of text) {
    const needed = places(character);
    if (used + needed > size) { parts += 1; used = 0; }
    used += needed;
  }
  return parts;
}

const euros = "€".repeat(153);
const emoji = "ж".repeat(66) + "😀" + "ж".repeat(66);
let changed = false;
for (const [name, text, size, places] of [
  ["153 euro signs", euros, 153, () => 2],
  ["66 letters, an emoji, 66 letters", emoji, 67, (character) => character.length],
]) {
  const counted = count(text).messages, needed = partsOf(text, size, places);
  console.log(`${name}: ${counted} messages, of which no pair is cut: ${needed}`);
  changed = changed || counted !== 2 || needed !== 3;
}
console.log(changed ? "changed: pairs are kept whole now" : "as described");
process.exit(changed ? 1 : 0);
PROGRAM
node program.cjs
