#!/bin/sh
# phone (npm) 3.1.72 and numbers that are a digit longer than its table says.
#
# What it does: where an international number has one digit more than its country's numbers in the table, it takes the
# digit behind the country code for a trunk prefix and leaves it out, whichever digit that is. What is left is called
# valid. Gabon has had eight digits since 2019, the table seven: +241 66 12 34 56 becomes +241 6 12 34 56. Mobile
# numbers of Argentina lose their 9. A Danish number with a digit too many becomes somebody's number. Benin has had
# ten digits since 2024, the table eight: new numbers are invalid, old ones valid.
# What most expect: that a number in international form comes back as it was given, or is invalid.
# What follows: a form stores another number than its user typed, and codes and texts go there.
#
# Dragoman: core/model/numbering_plans.py, tests/unit/domain/test_numbering_plans.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit phone@3.1.72 > npm.log
cat > program.cjs <<'PROGRAM'
const { phone } = require("phone");

let changed = false;
for (const [what, given, expected] of [
  ["Denmark", "+4520123456", "+4520123456"],
  ["Denmark, a digit too many", "+45920123456", "+4520123456"],
  ["Gabon", "+24166123456", "+2416123456"],
  ["Argentina, mobile", "+5491112345678", "+541112345678"],
  ["Benin, since 2024", "+2290197123456", null],
  ["Benin, before", "+22997123456", "+22997123456"],
]) {
  const { isValid, phoneNumber } = phone(given);
  console.log(`${what}: ${given} is ${isValid ? `valid, as ${phoneNumber}` : "invalid"}`);
  changed = changed || phoneNumber !== expected;
}
console.log(changed ? "changed: numbers stay as they are" : "as described");
process.exit(changed ? 1 : 0);
PROGRAM
node program.cjs
