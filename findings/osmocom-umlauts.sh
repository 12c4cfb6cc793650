#!/bin/sh
# libosmogsm 1.7.0 (Debian 12), the GSM library of the Osmocom network, and letters beyond ASCII.
#
# What it does: its table leads from octets of Latin-1 to septets, with a second octet for some: ä and §, ö and ¿, ü and ¼,
# ø and 0x89 have one septet each. It writes by that table, rightly. To read, it looks for the first octet with the septet
# that it has, and that is the lower one: what `gsm_7bit_encode_n` made of "für", `gsm_7bit_decode_n` reads as "f¼r", and
# "Smørrebrød" with two control characters. A euro sign, 0x1B 0x65, is read as a brace.
# What most expect: that the reader of a library gives back what its writer took; é, è, å, æ and ß do come back.
# What follows: whoever shows or stores what it reads has German, Danish, Swedish and Spanish texts garbled, and French ones
# right, so that a look at some says nothing of the others.
#
# Dragoman: protocols/gsm/alphabet.py, tests/unit/protocols/gsm/test_alphabet.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs Debian 12 with apt, python3, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq download libosmogsm18=1.7.0-3 libosmocore19=1.7.0-3 libtalloc2 libsctp1 libmnl0 > apt.log 2>&1 || { cat apt.log; exit 2; }
for package in *.deb; do dpkg-deb -x "$package" .; done
cat > program.py <<'PROGRAM'
import ctypes
import sys
from pathlib import Path

folder = next(Path("usr/lib").glob("*-linux-gnu")).absolute()
for needed in ("libtalloc.so.2", "libsctp.so.1", "libosmocore.so.19"):
    ctypes.CDLL(str(folder / needed), mode=ctypes.RTLD_GLOBAL)
osmogsm = ctypes.CDLL(str(folder / "libosmogsm.so.18"))
ROOM = 256


def encode(text: str) -> tuple[bytes, int]:
    """Packed septets, and how many they are, of a text in Latin-1."""
    packed = ctypes.create_string_buffer(ROOM)
    octets = ctypes.c_int()
    septets = osmogsm.gsm_7bit_encode_n(
        packed, ctypes.c_size_t(ROOM), text.encode("latin-1"), ctypes.byref(octets)
    )
    return packed.raw[: octets.value], septets


def decode(packed: bytes, septets: int) -> str:
    text = ctypes.create_string_buffer(ROOM)
    osmogsm.gsm_7bit_decode_n(text, ctypes.c_size_t(ROOM), packed, ctypes.c_uint8(septets))
    return text.value.decode("latin-1")


changed = False
for written, expected in (
    ("für", "f¼r"),
    ("schön", "sch¿n"),
    ("Smørrebrød", "Sm\x89rrebr\x89d"),
    ("mañana", "ma¨ana"),
    ("café à la crème", "café à la crème"),
    ("[x] {y}", "[x] {y}"),
):
    found = decode(*encode(written))
    print(f"{written!r} is written and read: {found!r}")
    changed = changed or found != expected
euro = (0x1B | 0x65 << 7).to_bytes(2, "little")
found = decode(euro, 2)
print(f"a euro sign is read: {found!r}")
changed = changed or found != "{"
print("changed: look again" if changed else "as described")
sys.exit(changed)
PROGRAM
python3 program.py
