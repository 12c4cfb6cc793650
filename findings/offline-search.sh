#!/bin/sh
# Material for MkDocs: a site built with the plugin "offline" has every page load a script from another host.
#
# The plugin's purpose is a site that works without a network: it turns off directory URLs and puts the search index
# into a script, as pages opened from files may not fetch. One would expect such a site to need nothing from elsewhere.
# Browsers start no worker from a file either, so the search needs a stand-in, and the plugin names it by the address
# of a public CDN: without a network the search finds nothing, and with one each page tells that host who reads it.
# The plugin "privacy" would copy it at build time. Dragoman's site has the file itself (docs/iframe-worker.js).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mkdocs-material==9.8.1
mkdir docs
echo '# Hello' > docs/index.md
printf 'site_name: x\ntheme: {name: material, font: false}\nplugins: [search, offline]\n' > mkdocs.yml
NO_MKDOCS_2_WARNING=1 venv/bin/mkdocs build --quiet 2>/dev/null
echo "mkdocs-material 9.8.1, plugins search and offline, no web fonts; scripts of the one page:"
grep -o '<script src=[^>]*>' site/index.html
grep -q '<script src="https://[^"]*iframe-worker' site/index.html || exit 1
echo "expected: none from another host"
