# Copyright (c) pyweb.stack contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
import sys

from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
