# Copyright (c) pyweb.stack contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
import redis
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from gallery.models import Picture
from gallery.tasks import look


def connection():
    return redis.Redis.from_url(settings.REDIS)


@csrf_exempt
def pictures(request, name=None):
    """A picture is a row, a file and a member of a set; whoever is answered has all three."""
    if request.method == "POST":
        Picture.objects.create(name=name)
        default_storage.save(name, ContentFile(request.body))
        connection().sadd("pictures", name)
        look.delay(name)
        return HttpResponse(name, status=201)
    return JsonResponse({
        "rows": sorted(Picture.objects.values_list("name", flat=True)), "seen": Picture.objects.filter(seen=True).count(),
        "files": sorted(default_storage.listdir("")[1]) if default_storage.exists("") else [],
        "set": sorted(item.decode() for item in connection().smembers("pictures")),
    })


def health(request):
    """Well, unless one of the pictures is the one that spoils all."""
    well = not Picture.objects.filter(name="spoilt").exists()
    return JsonResponse({"pictures": Picture.objects.count(), "redis": connection().ping()}, status=200 if well else 503)


urlpatterns = [path("pictures/", pictures), path("pictures/<name>", pictures), path("healthz", health)]
