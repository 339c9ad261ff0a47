# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which release visitors reach.

A slot is a link that nginx follows for each connection: code, static files and traffic go where it points, and one atomic rename moves
them. Today an application has one slot, which has all of the traffic. A second one, for a canary release that takes a share of the
visitors, is one more Slot here, and a second upstream in nginx.
"""

from __future__ import annotations

import contextlib
import os

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import sync_directory
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout


class Slot:
    """One link, and the release that it leads to."""

    def __init__(self, paths: Layout, link: str):
        self.paths = paths
        self.link = link

    @property
    def release(self) -> str | None:
        """None when it leads nowhere yet. Raises HostError when something else lies there."""
        try:
            target = os.readlink(self.link)
        except FileNotFoundError:
            return None
        except OSError:
            raise HostError(f"{self.link} is not a symbolic link: move it away, this path belongs to the live release.") from None
        return os.path.basename(target.rstrip("/")) or None

    def lead_to(self, release: str | None) -> None:
        """One atomic rename. Only for the way back and for what the host completes by itself; a deploy does it by deploy_helper."""
        if release is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.link)
            sync_directory(os.path.dirname(self.link))
            return
        temporary = f"{self.link}.pyweb-return"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        os.symlink(self.paths.release(release), temporary)
        os.rename(temporary, self.link)
        sync_directory(os.path.dirname(self.link))


class Traffic:
    """All slots of an application."""

    def __init__(self, paths: Layout):
        self.main = Slot(paths, paths.current)
        self.slots = [self.main]

    @property
    def live(self) -> str | None:
        """The release that serves whoever is not sent elsewhere."""
        return self.main.release

    def serving(self) -> set[str]:
        """Every release that some visitor reaches."""
        return {release for slot in self.slots if (release := slot.release)}
