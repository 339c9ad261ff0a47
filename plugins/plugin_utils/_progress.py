# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says now and then what a task is doing that takes long, while it does it."""

from __future__ import annotations

import threading
import typing as t

# Seconds between two lines, and before the first.
EVERY = 20.0
# Characters of a line.
WIDTH = 160


def sentence(name: str, host: str, progress: t.Mapping[str, t.Any]) -> str:
    """Pure: one line for people, from a progress.Progress of the host package."""
    minutes, seconds = divmod(int(progress["seconds"]), 60)
    line = str(progress["line"])
    shown = f": {line[:WIDTH]}{'…' if len(line) > WIDTH else ''}" if line else ""
    return f"{name} on {host}, {progress['what']} for {minutes}:{seconds:02} min{shown}"


class Watch(threading.Thread):
    """While the block runs, C(show) gets what C(look) says; nothing while that says nothing. What goes wrong with looking is not the task's."""

    def __init__(self, look: t.Callable[[], str], show: t.Callable[[str], object], every: float = EVERY):
        super().__init__(daemon=True)
        self.look, self.show, self.every = look, show, every
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(self.every):
            try:
                text = self.look()
            except Exception:  # pylint: disable=broad-exception-caught
                continue
            if text and not self.over.is_set():
                self.show(text)

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *ignored: object) -> None:
        self.over.set()
        # A look that hangs, on a connection that is lost, is not waited for.
        self.join(5)
