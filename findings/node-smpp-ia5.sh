#!/bin/sh
# node-smpp (npm: smpp) 0.5.1 and data_coding 1.
#
# What it does: a text given as a string goes out with data_coding 1, which SMPP 3.4 s. 5.2.19 defines as IA5
# (ASCII), but its octets are those of the GSM alphabet: @ is 0x00, $ is 0x02, € is 0x1B 0x65. It reads texts
# that come in under data_coding 1 the same way.
# What most expect: octets of ASCII under 1, or the GSM alphabet under 0, the default alphabet of the SMSC;
# a plain "hello" looks right in both, so it is seen only by those who write @, $, _, [ or €.
# What follows: a peer that takes 1 at its word shows NUL for @ and 0x11 for _. One that reads the GSM
# alphabet under 1, to suit this client, reads texts of all others wrong: it has to be a setting of the link.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --prefix "$folder" smpp@0.5.1 >/dev/null
node - <<'PROGRAM'
const smpp = require('smpp');
console.log('smpp', require('smpp/package.json').version);
let changed = false;
const expected = { hello: '68656c6c6f', 'a@b.c': '6100622e63', 'x_1': '781131', '5 €': '35201b65' };
for (const [text, octets] of Object.entries(expected)) {
  const pdu = new smpp.PDU('submit_sm', { short_message: text });
  const sent = pdu.toBuffer().subarray(-octets.length / 2).toString('hex');
  console.log(`${text.padEnd(6)} data_coding ${pdu.data_coding}  octets ${sent}`);
  changed = changed || pdu.data_coding !== 1 || sent !== octets;
}
const incoming = new smpp.PDU('deliver_sm', { data_coding: 1, short_message: Buffer.from('a@b') });
const read = smpp.PDU.fromBuffer(incoming.toBuffer()).short_message.message;
console.log(`the ASCII octets of "a@b" under data_coding 1 are read as "${read}"`);
changed = changed || read !== 'a¡b';
console.log(changed ? 'changed: the alphabet and its number fit now' : 'as described');
process.exit(changed ? 1 : 0);
PROGRAM
