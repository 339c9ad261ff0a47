# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet report says what the hosts are."""

import re


def test_the_page(fleet, tmp_path):
    file = tmp_path / "fleet.html"
    outcome = fleet.play("report", report_file=str(file))
    text = file.read_text()
    assert f"{file}: 0 problems." in " ".join(outcome.output.split()) and outcome.changed == 0
    assert file.stat().st_mode & 0o777 == 0o600
    for app in ("guestbook", "blog"):
        assert f'<a href="https://{app}.example.com/">' in text
        for name, release in fleet.live(app).items():
            assert re.search(f'<td data-name="Host">{name}</td><td data-name="Live release"><code>{release}</code>', text)
    assert "correct-horse" not in text
