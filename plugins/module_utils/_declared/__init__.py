# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of pyweb_apps and of the release modules, declared once: type, default, bounds, words. Data only.

Argument specs are made from it at import (option.spec); documentation, the roles' specs and the tables in docs/ by scripts/generate.
"""
