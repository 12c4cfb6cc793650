#!/bin/sh
# awesome-phonenumber (npm) 7.8.0 and phones on ships.
#
# What it does: numbers of country codes that belong to no country are neither valid nor possible to it, with
# "invalid-country-code" as the reason: satellite phones of Iridium (+881 6), Thuraya (+882 16) and Inmarsat (+870), and
# the international free numbers of +800. Google's libphonenumber, of which it is a build, knows them all, and so do its own
# `getSupportedCallingCodes` and `getRegionCodeForCountryCode`.
# What most expect: the answer of the library that it wraps, as google-libphonenumber gives it.
# What follows: a form, or a check before a text is sent, refuses the crew of a ship, a hut or a relief team, whose phones do
# get texts; and the server, with another build of the same library, takes the number that the form refuses.
#
# Dragoman knows these codes and their MCC, 901: core/model/phone_numbers.py, tests/unit/domain/test_phone_numbers.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund awesome-phonenumber@7.8.0 google-libphonenumber@3.2.47
cat > program.js <<'PROGRAM'
const { getSupportedCallingCodes, parsePhoneNumber } = require("awesome-phonenumber");
const google = require("google-libphonenumber").PhoneNumberUtil.getInstance();

const NUMBERS = {
  Iridium: [881, "+881612345678"],
  Thuraya: [882, "+88216512345678"],
  Inmarsat: [870, "+870773123456"],
  "a free number": [800, "+80012345678"],
};
let changed = false;
for (const [name, [code, number]] of Object.entries(NUMBERS)) {
  const { possible, valid, possibility } = parsePhoneNumber(number);
  const known = getSupportedCallingCodes().includes(code);
  const rightly = google.isValidNumber(google.parse(number));
  console.log(`${name} ${number}: possible ${possible}, valid ${valid} (${possibility})`);
  console.log(`  ${code} among its supported codes: ${known}; google-libphonenumber: valid ${rightly}`);
  changed ||= possible || valid || !known || !rightly;
}
const danish = parsePhoneNumber("+4520123456").valid;
console.log(`a Danish mobile: valid ${danish}`);
changed ||= !danish;
console.log(changed ? "changed: it knows such numbers now" : "as described");
process.exit(changed ? 1 : 0);
PROGRAM
node program.js
