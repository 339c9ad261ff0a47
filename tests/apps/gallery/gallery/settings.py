# Copyright (c) pyweb.stack contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Django with PostgreSQL, Redis, Celery and media, each from the environment."""
import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["gallery.example.com", "album.example.com", "shelf.example.com"]
ROOT_URLCONF = "gallery.urls"
WSGI_APPLICATION = "gallery.wsgi.application"
INSTALLED_APPS = ["django.contrib.staticfiles", "gallery"]
# By the socket, as the system user of the application.
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ.get("DATABASE", "gallery"), "HOST": "/run/postgresql"}}
if os.environ.get("ON_MARIADB"):
    import pymysql

    pymysql.install_as_MySQLdb()
    NAME = os.environ["PYWEB_APP"]
    DATABASES = {"default": {"ENGINE": "django.db.backends.mysql", "NAME": NAME, "USER": NAME, "HOST": "/run/mysqld/mysqld.sock"}}
elif os.environ.get("DATABASE_HOST"):
    NAME = os.environ["PYWEB_APP"]
    DATABASES["default"] |= {"NAME": NAME, "USER": NAME, "PASSWORD": os.environ.get("DATABASE_PASSWORD"), "HOST": os.environ["DATABASE_HOST"]}
    DATABASES["default"]["OPTIONS"] = {"sslmode": "verify-full", "sslrootcert": "/etc/ssl/certs/ca-certificates.crt"}
REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
MEDIA_URL = "/media/"
MEDIA_ROOT = BASE_DIR / "media"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
