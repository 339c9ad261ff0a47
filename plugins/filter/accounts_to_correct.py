# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


def accounts_to_correct(users, passwd, group, home, shell):
    def correct(user):
        # What getent says of an account: password, number, number of its group, comment, home, shell; of a group: password, number, members.
        wanted = [group.get(user["name"], ["", None])[1], user["comment"], home, shell]
        joined = [name in group and user["name"] in group[name][-1].split(",") for name in user["groups"]]
        return list(passwd.get(user["name"], [])[2:]) == wanted and all(joined)

    return [user for user in users if not correct(user)]


class FilterModule:
    def filters(self):
        return {"accounts_to_correct": accounts_to_correct}
