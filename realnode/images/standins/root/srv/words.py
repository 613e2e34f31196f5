"""Stand-in for the application server of the words: GET / shows the words, POST /new adds one."""
import os
import signal
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

signal.signal(signal.SIGTERM, lambda *_: os._exit(143))


def ask(word=""):
    with socket.create_connection((os.environ["DB_HOST"], 27017), timeout=3) as database:
        database.sendall(word.encode() + b"\n")
        return database.makefile("rb").read()


class Page(BaseHTTPRequestHandler):
    def answer(self, body):
        self.send_response(200)
        self.send_header("X-Server", socket.gethostname())
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(ask())

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.answer(ask(form["word"][0]))

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("", 8000), Page).serve_forever()
