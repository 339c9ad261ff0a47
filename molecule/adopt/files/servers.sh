#!/usr/bin/env bash
# Three servers as people have made them before, from one repository: "orders", a tree as ansistrano leaves it, behind a port, "till", a tree that
# Capistrano makes here, and "ledger", a checkout with its environment, both behind a socket. Argument: the directory with the source.
set -euo pipefail
source=$1
export DEBIAN_FRONTEND=noninteractive
# Whoever has hardened the host meanwhile, they were made before.
umask 022
apt-get update -q
apt-get install -q -y --no-install-recommends nginx git python3-venv openssl capistrano
rm -f /etc/nginx/sites-enabled/default

git init -q --bare -b main /opt/git/orders
work=$(mktemp -d)
cp -r "$source/." "$work"
cd "$work"
git init -q -b main
git add -A
git -c user.name=jo -c user.email=jo@example.com commit -q -m 'Take orders'
git push -q /opt/git/orders main
chmod -R a+rX /opt/git

id deploy >/dev/null 2>&1 || useradd --create-home --shell /bin/bash deploy

certificate() { # NAME
    openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj "/CN=$1.example.com" -addext "subjectAltName=DNS:$1.example.com,DNS:www.$1.example.com" \
        -keyout "/etc/ssl/private/$1.key" -out "/etc/ssl/$1.pem" 2>/dev/null
}

environment() { # FILE
    printf '%s\n' '# read by systemd' 'ORDERS_TITLE="Our shop"' "SECRET_KEY='kept-7c1f0a \$x'" >"$1"
    chmod 0600 "$1"
}

unit() { # NAME DIRECTORY BIND
    cat >"/etc/systemd/system/$1.service" <<UNIT
[Unit]
Description=gunicorn of $1
After=network.target

[Service]
User=deploy
Group=www-data
RuntimeDirectory=$1
WorkingDirectory=$2
EnvironmentFile=$4
ExecStart=$5/bin/gunicorn --workers 3 --threads 2 \\
    --bind $3 --access-logfile - orders:app
ExecReload=/bin/kill -s HUP \$MAINPID
TimeoutStopSec=20
Restart=on-failure

[Install]
WantedBy=multi-user.target
UNIT
}

# The tree of releases.
certificate orders
top=/var/www/orders
mkdir -p $top/releases $top/shared/data $top/shared/media
git clone -q /opt/git/orders $top/repo
release=$top/releases/20260401083000
git clone -q /opt/git/orders $release
rm -rf $release/.git
git -C $top/repo rev-parse HEAD >$release/REVISION
ln -s $top/shared/data $release/data
ln -s $top/shared/media $release/media
ln -s $release $top/current
echo 'a picture' >$top/shared/media/picture.txt
python3 -m venv $top/shared/venv
$top/shared/venv/bin/pip install -q -r $release/requirements.txt
environment $top/shared/orders.env
chown -R deploy:www-data $top
unit orders $top/current 127.0.0.1:8001 $top/shared/orders.env $top/shared/venv
cat >/etc/nginx/sites-available/orders <<'SITE'
upstream orders { server 127.0.0.1:8001; }
server {
    listen 80;
    server_name orders.example.com www.orders.example.com;
    return 301 https://$host$request_uri;
}
server {
    listen 443 ssl http2;
    server_name orders.example.com www.orders.example.com;
    ssl_certificate /etc/ssl/orders.pem;
    ssl_certificate_key /etc/ssl/private/orders.key;
    client_max_body_size 25m;
    location /static/ { alias /var/www/orders/current/static/; }
    location /media/ { alias /var/www/orders/shared/media/; }
    location / {
        proxy_pass http://orders;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
    }
}
SITE
ln -sf ../sites-available/orders /etc/nginx/sites-enabled/orders

# The tree by Capistrano: two deploys, as its "cap install" and the variables of its documentation have it.
certificate till
top=/var/www/till
install -d -o deploy -g www-data $top $top/shared /home/deploy/till/config/deploy
environment $top/shared/.env
cd /home/deploy/till
cat >Capfile <<'CAPFILE'
require "capistrano/setup"
require "capistrano/deploy"
require "capistrano/scm/git"
install_plugin Capistrano::SCM::Git
CAPFILE
cat >config/deploy.rb <<'DEPLOY'
set :application, "till"
set :repo_url, "/opt/git/orders"
set :branch, "main"
set :deploy_to, "/var/www/till"
set :linked_dirs, %w[data media]
set :linked_files, %w[.env]
# It runs on the server itself; by itself it would come over SSH, and do the same.
set :sshkit_backend, SSHKit::Backend::Local
DEPLOY
echo 'server "localhost", roles: %w[app]' >config/deploy/production.rb
chown -R deploy:www-data $top /home/deploy/till
printf '[safe]\n\tdirectory = *\n' >/home/deploy/.gitconfig
for _ in 1 2; do
    runuser -u deploy -- env HOME=/home/deploy cap production deploy
    sleep 1
done
[ "$(find $top/releases -mindepth 1 -maxdepth 1 | wc -l)" = 2 ]
echo 'a picture' >$top/shared/media/picture.txt
python3 -m venv $top/shared/venv
$top/shared/venv/bin/pip install -q -r $top/current/requirements.txt
chown -R deploy:www-data $top
unit till $top/current unix:/run/till/till.sock $top/current/.env $top/shared/venv
cat >/etc/nginx/sites-enabled/till <<'SITE'
server {
    listen 443 ssl http2;
    server_name till.example.com;
    ssl_certificate /etc/ssl/till.pem;
    ssl_certificate_key /etc/ssl/private/till.key;
    location /static/ { alias /var/www/till/current/static/; }
    location / {
        include proxy_params;
        proxy_pass http://unix:/run/till/till.sock;
    }
}
SITE

# The checkout.
certificate ledger
top=/opt/ledger
git clone -q /opt/git/orders $top
mkdir -p $top/data $top/media
echo 'a picture' >$top/media/picture.txt
python3 -m venv $top/venv
$top/venv/bin/pip install -q -r $top/requirements.txt
environment $top/.env
chown -R deploy:www-data $top
unit ledger $top unix:/run/ledger/ledger.sock $top/.env $top/venv
cat >/etc/nginx/conf.d/ledger.conf <<'SITE'
server {
    listen 443 ssl http2;
    server_name ledger.example.com;
    ssl_certificate /etc/ssl/ledger.pem;
    ssl_certificate_key /etc/ssl/private/ledger.key;
    add_header Strict-Transport-Security "max-age=300";
    location / {
        include proxy_params;
        proxy_pass http://unix:/run/ledger/ledger.sock;
    }
}
SITE

systemctl daemon-reload
systemctl enable -q --now orders.service till.service ledger.service
nginx -t -q
systemctl reload nginx
