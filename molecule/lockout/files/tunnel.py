# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tunnel as VPNs make them: what goes into a TUN device comes out of the one at the other end.

tunnel.py DEVICE ADDRESS CARRIER [PEER]

CARRIER is udp, then port 5182 takes it, or the number of a protocol without ports. The end without a PEER answers whoever has called last.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import subprocess
import sys

PORT = 5182
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
GRE = struct.pack("!HH", 0, 0x0800)


def device(name: str, address: str) -> int:
    handle = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "address", "replace", f"{address}/30", "dev", name], check=True)
    subprocess.run(["ip", "link", "set", name, "up", "mtu", "1400"], check=True)
    return handle


def carrier(kind: str) -> socket.socket:
    if kind != "udp":
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, int(kind))
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.bind(("", PORT))
    return end


def main(name: str, address: str, kind: str, peer: str = "") -> None:
    inner, outer = device(name, address), carrier(kind)
    last = None
    while True:
        for ready in select.select([inner, outer], [], [])[0]:
            if ready is outer:
                packet, last = outer.recvfrom(65535)
                if peer and last[0] != socket.gethostbyname(peer):
                    # Without ports, each tunnel of a host gets what is for another one, too.
                    continue
                if kind != "udp":
                    # Comes with the header of IP, of as many words as its first byte says.
                    packet = packet[(packet[0] & 15) * 4 + len(GRE) :]
                os.write(inner, packet)
                continue
            packet = os.read(inner, 65535)
            # By name each time: its address is another one after a boot.
            to = (socket.gethostbyname(peer), PORT) if peer else last
            if to:
                outer.sendto(packet if kind == "udp" else GRE + packet, to)


main(*sys.argv[1:])
