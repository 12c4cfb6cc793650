#!/bin/sh
# mcc-mnc-list (npm) 1.1.11 and the country of a network.
#
# What it does: `find({ mccmnc })` gives the first row of a list that is in order of the names of countries, and the same
# code is in it for several. 270 77 is Tango in Luxembourg, and comes back as one of Belgium whose use is unknown, as
# "Belgium" is before "Luxembourg"; 234 18 is in use in the United Kingdom, and comes back as a network of the Isle of Man
# that is "Not operational"; 234 50 and 234 55 are said to be in Guernsey.
# What most expect: that a network code names one network, as ITU-T E.212 has it, and the row in use where there are two.
# What follows: a gateway that takes country, price or rules for senders from it treats a phone in Luxembourg as Belgian.
# `filter({ mccmnc })` gives all rows.
#
# Dragoman has one country for an MCC: core/model/countries.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit mcc-mnc-list@1.1.11 > npm.log
cat > program.cjs <<'PROGRAM'
const { filter, find } = require("mcc-mnc-list");

const CODES = { 27077: ["BE", "LU"], 23418: ["IM", "GB"], 23450: ["GG", "GB"], 23455: ["GG", "GB"] };
const tell = (row) => `${row.countryCode} (${row.brand ?? "no name"}, ${row.status})`;
let changed = false;
for (const [mccmnc, [first, other]] of Object.entries(CODES)) {
  const found = find({ mccmnc });
  const rows = filter({ mccmnc });
  console.log(`${mccmnc}: find ${tell(found)}; all ${rows.map(tell).join(", ")}`);
  changed ||= found.countryCode !== first;
  changed ||= !rows.some((row) => row.countryCode === other && row.status === "Operational");
}
console.log(changed ? "changed: other countries now" : "as described");
process.exit(changed ? 1 : 0);
PROGRAM
node program.cjs
