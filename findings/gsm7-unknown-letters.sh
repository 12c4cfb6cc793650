#!/bin/sh
# gsm7 (npm) 1.3.1 and letters that the 7-bit alphabet lacks.
#
# What it does: it writes a lone escape (0x1B) for such a letter, and does not say so. An escape chooses from the
# extension table what the next septet is (3GPP 23.038 s. 6.2.1.1), so the letter is gone and the one behind it may become
# another: of "têem" the phone shows "t€m", of "“(new)”" it shows "{new)". Where the table has nothing for the next letter,
# that stays.
# What most expect: an exception, or a question mark in place of the letter, as encoders of other alphabets have it.
# What follows: only some texts are damaged, and in them letters that were right: prices appear in Portuguese sentences.
#
# Dragoman sends such texts in UCS-2: protocols/gsm/alphabet.py, tests/unit/protocols/gsm/test_alphabet.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts gsm7@1.3.1 > npm.log 2>&1 || { cat npm.log; exit 2; }
cat > program.js <<'PROGRAM'
const { encode } = require('gsm7')

const EXTENSION_TABLE = { 0x28: '{', 0x29: '}', 0x3c: '[', 0x3d: '~', 0x3e: ']', 0x65: '€' }

// What a phone shows of packed septets (3GPP 23.038 s. 6.1.2.1 and 6.2.1.1); of the alphabet, only what ASCII has too.
function shown(octets) {
  let bits = 0n
  octets.forEach((octet, place) => { bits |= BigInt(octet) << BigInt(8 * place) })
  let text = ''
  let escaped = false
  for (let place = 0; place < Math.floor(octets.length * 8 / 7); place++) {
    const septet = Number(bits >> BigInt(7 * place) & 0x7fn)
    if (septet === 0x1b) { escaped = true; continue }
    if (septet < 0x20) continue
    text += escaped && EXTENSION_TABLE[septet] || String.fromCharCode(septet)
    escaped = false
  }
  return text
}

let changed = false
for (const [text, expected] of [['Eles têem 10', 'Eles t€m 10'], ['“(new)”', '{new)'], ['ő=1', '~1'], ['forêt', 'fort']]) {
  let found
  try { found = shown(encode(text)) } catch (error) { found = String(error) }
  console.log(`${JSON.stringify(text)} is sent as ${JSON.stringify(found)}`)
  changed = changed || found !== expected
}
console.log(changed ? 'changed: look again' : 'as described')
process.exit(changed ? 1 : 0)
PROGRAM
node program.js
