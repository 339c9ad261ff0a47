# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of nginx's sites: what they say, and how ACME ones are asked for, put in place and renewed.

The modules import this, and role nginx installs a copy of it on the host for certbot's timer. Standard library, and
C(cryptography) where a certificate is read.
"""
