"""Stand-in for MongoDB: a line is added to the file in its data directory; an empty line asks for all of them."""
import os
import signal
import socketserver

signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
FILE = "/data/db/words"


class Words(socketserver.StreamRequestHandler):
    def handle(self):
        word = self.rfile.readline().strip()
        with open(FILE, "ab+") as words:
            if word:
                words.write(word + b"\n")
            words.seek(0)
            self.wfile.write(words.read())


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("", 27017), Words).serve_forever()
