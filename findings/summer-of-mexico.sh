#!/bin/sh
# phone-number-to-timezone (npm) 1.0.8 and countries that gave up summer time.
#
# What it does: it has a table of its own with each country's offset and the weeks in which its clocks change, and asks no
# time zone database. Mexico and Iran (2022) and Brazil (2019) still change theirs in it, Jordan (2022) still goes back in
# winter, and Kazakhstan (2024) is where it was. So in July a Mexican number is an hour ahead of Mexico, and one of Brazil an
# hour behind.
# What most expect: the zone of the machine's tz database, which each Node.js has in Intl, and which is brought up to date
# with it.
# What follows: quiet hours begin and end an hour off: a text "not before eight" reaches Mexico at seven.
#
# Dragoman: core/model/number_zones.py with the tz database, tests/unit/domain/test_number_zones.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --ignore-scripts phone-number-to-timezone@1.0.8 > npm.log 2>&1 || { cat npm.log; exit 2; }
cat > program.cjs <<'PROGRAM'
const zones = require("phone-number-to-timezone");

// The library takes the time of the machine; each case sets its own.
const RealDate = Date;
function stopAt(instant) {
  global.Date = class extends RealDate {
    constructor(...parts) { parts.length ? super(...parts) : super(instant); }
  };
}

const JULY = "2026-07-15T12:00:00Z";
const JANUARY = "2026-01-15T12:00:00Z";
const CASES = [
  // instant, example number of libphonenumber, zone, what the library makes of it, what the clocks show
  [JULY, "+4534412345", "Europe/Copenhagen", "14:00", "14:00"],
  [JULY, "+522221234567", "America/Mexico_City", "07:00", "06:00"],
  [JULY, "+5511961234567", "America/Sao_Paulo", "08:00", "09:00"],
  [JULY, "+989123456789", "Asia/Tehran", "16:30", "15:30"],
  [JANUARY, "+962790123456", "Asia/Amman", "14:00", "15:00"],
  [JANUARY, "+77710009998", "Asia/Almaty", "18:00", "17:00"],
];

let changed = false;
for (const [instant, number, zone, expected, real] of CASES) {
  stopAt(instant);
  const found = zones.getLocalInfo(number, { military: true, zone_display: "offset" }).time.display;
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeStyle: "short" }).format(new RealDate(instant));
  console.log(`${instant}, ${number}: ${found}; the clocks of ${zone} show ${clock}`);
  changed = changed || found !== expected || clock !== real;
}
console.log(changed ? "changed: look again" : "as described");
process.exit(changed ? 1 : 0);
PROGRAM
node program.cjs
