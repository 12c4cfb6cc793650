#!/bin/sh
# Unpacks Kannel 1.4.5 of Debian 12 with the libraries that this machine lacks; needs apt and a network, not root.
# install.sh FOLDER: the programs are in FOLDER/usr/sbin afterwards, the libraries in FOLDER/usr/lib.
set -eu
mkdir -p "$1/debs/partial"
apt-get -qq -y --download-only --reinstall --no-install-recommends -o Debug::NoLocking=1 \
  -o Dir::Cache::archives="$1/debs/" install kannel=1.4.5-12 > "$1/apt.log" 2>&1 || { cat "$1/apt.log"; exit 2; }
for package in "$1"/debs/*.deb; do
  dpkg-deb -x "$package" "$1"
done
