# Copyright (c) pyweb.stack contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
import os

import celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
queue = celery.Celery("gallery", broker=os.environ.get("REDIS_URL"))
queue.conf.update(broker_connection_retry_on_startup=True, task_ignore_result=True)
queue.autodiscover_tasks(["gallery"])
