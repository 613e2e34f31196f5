"""Stand-in for Elasticsearch 6.3.2: the page of its REST port, and something that listens on its transport port."""
import json
import os
import signal
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
assert os.environ["discovery.type"] == "single-node", "no cluster of several nodes here"
assert "-Xmx512m" in os.environ["ES_JAVA_OPTS"]
time.sleep(1)  # the real one takes its time as well
page = {"name": "es", "version": {"number": "6.3.2"}, "tagline": "You Know, for Search"}


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(page).encode())


threading.Thread(target=socketserver.TCPServer(("", 9300), socketserver.BaseRequestHandler).serve_forever, daemon=True).start()
print("started")
ThreadingHTTPServer(("", 9200), Page).serve_forever()
