# shellcheck shell=sh disable=SC2034
# What the scripts of host_vars make hosts with. They run as root, by the host's console.
export DEBIAN_FRONTEND=noninteractive
key=/root/controller.pub
[ -e "$key" ] || cp /home/admin/.ssh/authorized_keys "$key"
network=$(ip -o -4 route show scope link | cut -d ' ' -f 1)

# A user with a password.
user() {
    useradd --create-home --shell /bin/bash "$1"
    echo "$1:open sesame" | chpasswd
}

# The key that the tests connect with lets the user in.
key_of() {
    home=$(getent passwd "$1" | cut -d : -f 6)
    install -d -m 0700 -o "$1" -g "$1" "$home/.ssh"
    install -m 0600 -o "$1" -g "$1" "$key" "$home/.ssh/authorized_keys"
}

# May become root with a password, or without one by NOPASSWD:
sudoer() {
    echo "$1 ALL=(ALL:ALL) ${2:-} ALL" >"/etc/sudoers.d/$1"
    chmod 0440 "/etc/sudoers.d/$1"
}

# The account by which hosts come has to be there when they boot.
nobody_else() {
    rm /etc/sudoers.d/admin
    usermod --expiredate 1 --shell /usr/sbin/nologin admin
}

# A file of the administrator's for sshd, which is to know it.
sshd() {
    cat >/etc/ssh/sshd_config.d/50-admin.conf
    systemctl reload ssh
}

unit() {
    cat >"/etc/systemd/system/$1"
    systemctl daemon-reload
    systemctl enable --now "$1"
}

install_packages() {
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends "$@"
}
