"""Stand-in for the Flask application of the pack: it asks the database and counts in Redis, each by both of its names."""
import os
import signal

import pymysql
import redis
from flask import Flask

signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
app = Flask(__name__)


@app.route("/")
def page():
    servers = ["mysql", "mysql-server"]
    for host in servers:
        pymysql.connect(host=host, user="root", password="password", connect_timeout=3).close()
    counts = [redis.Redis(host=host, port=6379).incr("visits") for host in ["redis", "redis-server"]]
    return f"databases: {' '.join(servers)}; visits: {counts[0]} {counts[1]}\n"


app.run(host="0.0.0.0", port=8080)
