#!/bin/sh
# sms-counter (npm) 1.0.0 and characters that take two places.
#
# What it does: it sees that a text has brackets or euro signs, and says so in `encoding` (GSM_7BIT_EX). It then adds to the
# length how many they are, and that is the `length` of a function where the call was forgotten, which is 0 for one without
# arguments. So 160 euro signs, 320 septets, are "1" message with no place left.
# What most expect: 3 messages, as both septets of such a character count (3GPP 23.038 s. 6.2.1.1) and the library has a
# name for texts with them.
# What follows: a form that tells "1 message" for one that is sent, and paid for, as 2 or 3, and only where there is a price,
# a bracket or a backslash in it.
#
# Dragoman: protocols/gsm/segmentation.py, tests/unit/protocols/gsm/test_segmentation.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts sms-counter@1.0.0 > npm.log 2>&1 || { cat npm.log; exit 2; }
cp node_modules/sms-counter/index.js counter.mjs
cat > program.mjs <<'PROGRAM'
import SmsCounter from './counter.mjs'

let changed = false
for (const [name, text, septets] of [
  ['160 euro signs', '€'.repeat(160), 320],
  ['100 letters in 40 brackets', '[12345]'.repeat(20) + '.', 181],
]) {
  const { encoding, length, messages } = SmsCounter.count(text)
  console.log(`${name}: ${septets} septets; ${encoding}, length ${length}, messages ${messages}`)
  changed = changed || encoding !== 'GSM_7BIT_EX' || length !== text.length || messages !== 1
}
console.log(changed ? 'changed: look again' : 'as described')
process.exit(changed ? 1 : 0)
PROGRAM
node program.mjs
