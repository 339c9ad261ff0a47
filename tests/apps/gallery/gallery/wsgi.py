# Copyright (c) pyweb.stack contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
