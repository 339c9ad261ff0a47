# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A collector for OTLP over HTTP, for the Python of an environment that has opentelemetry-proto: writes what comes, one line of JSON for each span.

otlp.py FILE
"""

import gzip
import http.server
import json
import sys

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse


def attributes(pairs):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs if not pair.value.HasField("array_value")}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        if self.path != "/v1/traces" or self.headers["Content-Type"] != "application/x-protobuf":
            self.send_error(415 if self.path == "/v1/traces" else 404)
            return
        with open(sys.argv[1], "a", encoding="utf-8") as file:
            for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
                for span in (span for scope in resource.scope_spans for span in scope.spans):
                    told = {"token": self.headers.get("Authorization"), "resource": attributes(resource.resource.attributes), "name": span.name,
                            "attributes": attributes(span.attributes)}
                    file.write(json.dumps(told, default=str) + "\n")
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


http.server.ThreadingHTTPServer(("127.0.0.1", 4318), Handler).serve_forever()
