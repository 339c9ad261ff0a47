#!/bin/sh
# Written once for this release. supervisor starts it as root, to do what systemd does by itself under its own units:
# nothing is left of the process before, and the new one sees and writes to no more than it needs.
set -eu
umask 027
own=@cgroup@/@prefix@.$1.@release@
private=@meta@/private/$1
if [ "${2-}" != inside ]; then
    if { [ -d "$own" ] || mkdir "$own"; } 2>/dev/null && [ -e "$own/cgroup.kill" ]; then
        echo 1 > "$own/cgroup.kill"
        while grep -q 'populated 1' "$own/cgroup.events"; do sleep 0.1; done
        echo $$ > "$own/cgroup.procs"
    fi
    rm -rf "$private"
    mkdir -p "$private/tmp"
    chmod 1777 "$private/tmp"
    exec unshare --mount --ipc -- /bin/sh "$0" "$1" inside
fi
mount --rbind @shared@ @shared@
mount --bind @run@ @run@
mount --bind "$private/tmp" /tmp
mount --bind "$private/tmp" /var/tmp
# shellcheck disable=SC2034 # the fields before the one that is wanted
while read -r id parent device root point rest; do
    case $point in
        @shared@ | @shared@/* | @run@ | /tmp | /tmp/* | /var/tmp | /var/tmp/* | /proc | /proc/* | /sys | /sys/* | /dev | /dev/*) ;;
        *) mount -o remount,bind,ro "$point" || : ;;
    esac
done < /proc/self/mountinfo
for place in /home /root; do
    mount -t tmpfs -o ro,nosuid,nodev,noexec,mode=0555 tmpfs "$place"
done
mount -t proc -o nosuid,nodev,noexec,hidepid=invisible proc /proc
cd @path@
# shellcheck disable=SC3045 # Debian's sh knows it
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
exec env -i USER=@user@ LOGNAME=@user@ SHELL=/usr/sbin/nologin PATH=/usr/local/bin:/usr/bin:/bin \
    setpriv --reuid=@user@ --regid=@user@ --init-groups --no-new-privs --bounding-set=-all --inh-caps=-all --ambient-caps=-all \
    /usr/bin/python3 -IS @meta@/launch "${1%-[0-9]*}"
