# Copyright (c) pyweb.stack contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
from gallery import queue


@queue.task(name="gallery.look")
def look(name):
    from gallery.models import Picture

    Picture.objects.filter(name=name).update(seen=True)
