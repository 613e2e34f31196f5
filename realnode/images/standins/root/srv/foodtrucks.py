"""Stand-in for the food trucks application: gives up when it can't reach Elasticsearch in three attempts."""
import json
import os
import signal
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

signal.signal(signal.SIGTERM, lambda *_: os._exit(143))


def search():
    return json.load(urllib.request.urlopen("http://es:9200", timeout=2))["version"]["number"]


for attempt in range(4):
    try:
        search()
        break
    except OSError:
        if attempt == 3:
            print("Out of retries. Bailing out...")
            sys.exit(1)
        print("Unable to connect to ES. Retying in 5 secs...")
        time.sleep(0.2)


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"food trucks, found by {search()}".encode())


ThreadingHTTPServer(("", 5000), Page).serve_forever()
