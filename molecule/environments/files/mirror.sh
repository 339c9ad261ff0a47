#!/bin/sh
# A mirror with one build of Python, laid out as those of python-build-standalone, made of the host's own interpreter:
# the real ones come from the internet. uv knows the checksums of those by heart, so it is told about this one.
set -eu
umask 022
version=$(/usr/bin/python3 -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
minor=${version%.*}
machine=$(uname -m)
name=cpython-$version+20260101-$machine-unknown-linux-gnu-install_only_stripped.tar.gz
work=$(mktemp -d)
mkdir -p "$work/python/bin" "$work/python/lib" /opt/mirror/20260101 /etc/uv
cp "/usr/bin/python$minor" "$work/python/bin/"
ln -s "python$minor" "$work/python/bin/python3"
cp -rL "/usr/lib/python$minor" "$work/python/lib/"
tar -C "$work" -czf "/opt/mirror/20260101/$name" python
rm -r "$work"
cat >/opt/mirror/downloads.json <<JSON
{"cpython-$version-linux-$machine-gnu": {
  "name": "cpython", "arch": {"family": "$machine", "variant": null}, "os": "linux", "libc": "gnu",
  "major": 3, "minor": ${minor#3.}, "patch": ${version##*.}, "prerelease": "", "variant": null, "build": "20260101",
  "url": "https://github.com/astral-sh/python-build-standalone/releases/download/20260101/cpython-$version%2B${name#*+}",
  "sha256": "$(sha256sum "/opt/mirror/20260101/$name" | cut -d ' ' -f 1)"}}
JSON
echo 'python-downloads-json-url = "file:///opt/mirror/downloads.json"' >/etc/uv/uv.toml
printf %s "$version"
