#!/usr/bin/env bash
# What a person would write for one host, over one SSH connection: no lock, no way back, no check mode.
#   by_hand.sh NAME REPOSITORY VERSION
set -euo pipefail
name=$1 repository=$2 version=$3
top=/srv/$name
mirror=$top/repo.git
export UV_CACHE_DIR=$top/cache UV_LINK_MODE=hardlink SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt

[ -d "$mirror" ] || git init --quiet --bare "$mirror"
git --git-dir="$mirror" fetch --quiet --force --prune "$repository" '+refs/heads/*:refs/heads/*'
commit=$(git --git-dir="$mirror" rev-parse "$version^{commit}")

release=$(date -u +%Y%m%dT%H%M%SZ)-${commit:0:7}
path=$top/releases/$release
mkdir -p "$path"
git --git-dir="$mirror" archive "$commit" | tar -x -C "$path"
uv venv --quiet "$path/.venv"
uv pip sync --quiet --compile-bytecode --require-hashes --python "$path/.venv/bin/python" "$path/requirements.txt"
"$path/.venv/bin/python" -m compileall -q -x '/\.venv/' "$path"

unit=$name.$release.service
cat > "/etc/systemd/system/$unit" <<UNIT
[Unit]
Description=$name $release
After=network.target

[Service]
Type=exec
User=$name
WorkingDirectory=$path
RuntimeDirectory=$name.$release
ExecStart=$path/.venv/bin/python -m gunicorn --bind unix:/run/$name.$release/web.sock --workers 3 --threads 4 --no-control-socket shop.wsgi:application
Restart=always
KillMode=mixed
UNIT
systemctl daemon-reload
systemctl start "$unit"
for _ in $(seq 600); do
    if curl --silent --fail --output /dev/null --unix-socket "/run/$name.$release/web.sock" http://localhost/healthz; then healthy=yes; break; fi
    sleep 0.05
done
[ "${healthy:-}" = yes ]

old=$(readlink "$top/current" || true)
ln -sfn "$path" "$top/current.new"
mv -T "$top/current.new" "$top/current"
if [ -n "$old" ]; then
    systemctl stop "$name.${old##*/}.service"
    rm -f "/etc/systemd/system/$name.${old##*/}.service"
fi
find "$top/releases" -mindepth 1 -maxdepth 1 | sort | head -n -5 | xargs --no-run-if-empty rm -rf
