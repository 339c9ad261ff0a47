# Copyright (c) pyweb.stack contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
from django.db import models


class Picture(models.Model):
    name = models.CharField(max_length=100, unique=True)
    seen = models.BooleanField(default=False)
